/**
 * Parses a command line as kubectl does (spf13/pflag flag.go): flags before, between and after the command's words,
 * `--flag=value` for boolean flags too, the last value of a repeated flag, `--` as the end of flags.
 */
import { CassSniError, hint } from '../errors.ts'
import { closest } from '../text/closest-word.ts'

/** The part of a flag's definition that parsing needs, common to a command's class and oclif's manifest. */
export interface FlagShape {
  name: string
  type: 'boolean' | 'option'
  char?: string | undefined
  /** Allowed values. */
  options?: readonly string[] | undefined
  multiple?: boolean | undefined
  allowNo?: boolean | undefined
}

/** A flag of the command line. A boolean flag has no value; `negated` is the form --no-x. */
export interface GivenFlag {
  name: string
  value?: string | undefined
  negated?: true | undefined
}

export type Token =
  | { type: 'flag'; flag: FlagShape; value: string | undefined; negated: boolean; words: string[] }
  | { type: 'unknown'; words: string[] }
  | { type: 'word'; words: string[] }
  /** "--" and everything after it. */
  | { type: 'rest'; words: string[] }

/** Values of boolean flags besides true and false: kubectl's, whose two kinds of dry run are the same here. */
export const CHOICES: Readonly<Record<string, Readonly<Record<string, boolean>>>> = {
  'dry-run': { none: false, client: true, server: true },
}

/** Values of a boolean flag (Go's strconv.ParseBool). */
const TRUE = ['1', 't', 'T', 'TRUE', 'true', 'True']
const FALSE = ['0', 'f', 'F', 'FALSE', 'false', 'False']

/** Splits words into flags with their values and other words. */
export function tokensOf(words: readonly string[], flags: readonly FlagShape[]): Token[] {
  const tokens: Token[] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    if (word === '--') {
      tokens.push({ type: 'rest', words: words.slice(at) })
      break
    }
    if (!word.startsWith('-') || word === '-') tokens.push({ type: 'word', words: [word] })
    else if (word.startsWith('--')) at += long(word, words[at + 1], flags, tokens)
    else at += short(word, words[at + 1], flags, tokens)
  }
  return tokens
}

/** Reads --name, --no-name, --name=value or --name value; returns the number of words consumed after the first. */
function long(word: string, next: string | undefined, flags: readonly FlagShape[], tokens: Token[]): number {
  const equals = word.indexOf('=')
  const name = word.slice(2, equals === -1 ? undefined : equals)
  const attached = equals === -1 ? undefined : word.slice(equals + 1)
  const flag = flags.find((each) => each.name === name)
  const negative = flags.find((each) => each.allowNo && `no-${each.name}` === name)
  const found = flag ?? negative
  if (!found) {
    tokens.push({ type: 'unknown', words: [word] })
    return 0
  }
  const takesNext = found.type === 'option' && attached === undefined && next !== undefined
  const value = takesNext ? next : attached
  const negated = flag === undefined
  tokens.push({ type: 'flag', flag: found, value, negated, words: takesNext ? [word, next] : [word] })
  return takesNext ? 1 : 0
}

/** Reads -n value, -nvalue, -n=value, or several boolean letters in one word; returns the same number. */
function short(word: string, next: string | undefined, flags: readonly FlagShape[], tokens: Token[]): number {
  for (let at = 1; at < word.length; at++) {
    const flag = flags.find(({ char }) => char === word[at])
    const rest = word.slice(at + 1)
    if (!flag) {
      tokens.push({ type: 'unknown', words: [`-${word.slice(at)}`] })
      return 0
    }
    if (flag.type === 'boolean' && !rest.startsWith('=')) {
      tokens.push({ type: 'flag', flag, value: undefined, negated: false, words: [`-${word[at]}`] })
      continue
    }
    const takesNext = rest === '' && next !== undefined
    const value = takesNext ? next : rest === '' ? undefined : rest.replace(/^=/, '')
    const words = takesNext ? [`-${flag.char}`, next] : [`-${word.slice(at)}`]
    tokens.push({ type: 'flag', flag, value, negated: false, words })
    return takesNext ? 1 : 0
  }
  return 0
}

export interface CanonicalLine {
  /** For oclif's parser: one form per flag, and non-repeatable flags once. */
  argv: string[]
  flags: GivenFlag[]
  /** Words that are not flags. */
  args: string[]
  /** Words after "--". */
  rest: string[]
}

/**
 * Normalizes the words of one command: `--strict=true` to `--strict`, `--strict=false` to nothing (or `--no-x`),
 * repeated flags to the last value. An empty value means that the flag is absent, except for flags that accept it
 * (`allowed`) or reject it (`rejected`). Throws CSNI101 for a missing or invalid value.
 */
export function canonical(
  words: readonly string[],
  flags: readonly FlagShape[],
  empty: { allowed?: readonly string[]; rejected?: readonly string[] } = {},
): CanonicalLine {
  const given: (GivenFlag & { words: string[] })[] = []
  const others: string[] = []
  const args: string[] = []
  const rest: string[] = []
  for (const token of tokensOf(words, flags)) {
    if (token.type !== 'flag') {
      others.push(...token.words)
      if (token.type === 'word') args.push(...token.words)
      if (token.type === 'rest') rest.push(...token.words.slice(1))
      continue
    }
    const { flag, value } = token
    const { name } = flag
    if (!flag.multiple) {
      const before = given.findIndex((each) => each.name === name)
      if (before !== -1) given.splice(before, 1)
    }
    if (flag.type === 'option') {
      if (value === undefined) throw new CassSniError('CSNI101', `flag requires a value: --${name}`)
      if (value === '' && empty.rejected?.includes(name))
        throw new CassSniError('CSNI101', `--${name} is empty; specify a value or omit the flag`)
      if (value === '' && !empty.allowed?.includes(name)) continue
      if (flag.options && !flag.options.includes(value)) throw wrongValue(name, value, flag.options)
      given.push({ name, value, words: [`--${name}`, value] })
      continue
    }
    const on = truth(name, value ?? 'true', CHOICES[name]) !== token.negated
    if (on) given.push({ name, words: [`--${name}`] })
    else if (flag.allowNo) given.push({ name, negated: true, words: [`--no-${name}`] })
  }
  return {
    argv: [...given.flatMap((flag) => flag.words), ...others],
    flags: given.map(({ name, value, negated }) => ({ name, value, negated })),
    args,
    rest,
  }
}

function truth(name: string, value: string, choices: Readonly<Record<string, boolean>> = {}): boolean {
  if (TRUE.includes(value)) return true
  if (FALSE.includes(value)) return false
  const choice = choices[value]
  if (choice !== undefined) return choice
  throw wrongValue(name, value, [...Object.keys(choices), 'true', 'false'])
}

function wrongValue(name: string, value: string, expected: readonly string[]): CassSniError {
  const message = `invalid value "${value}" for --${name}: expected ${expected.join(', ')}`
  const guess = closest(value, expected)
  const isWide = name === 'output' && value === 'wide' && expected.includes('text')
  const next = [
    ...(isWide ? [hint('-o text shows every column')] : []),
    ...(guess === undefined ? [] : [hint(`did you mean "${guess}"?`)]),
  ]
  return new CassSniError('CSNI101', message, { next })
}
