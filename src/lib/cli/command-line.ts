/**
 * The words of a command line, read as kubectl reads them (spf13/pflag flag.go): flags before, between and after the
 * command's words, `--flag=value` also for a boolean one, the last of a flag that is given twice, `--` as the end.
 */
import { CassSniError } from '../errors.ts'

/** A flag, as far as reading its words needs it: the part that a command's class and oclif's manifest share. */
export interface FlagShape {
  name: string
  type: 'boolean' | 'option'
  char?: string | undefined
  /** The values that it takes. */
  options?: readonly string[] | undefined
  multiple?: boolean | undefined
  allowNo?: boolean | undefined
}

/** A flag as it was given; a boolean flag has no value, `negated` is its form --no-x. */
export interface GivenFlag {
  name: string
  value?: string | undefined
  negated?: true | undefined
}

export type Token =
  | { type: 'flag'; flag: FlagShape; value: string | undefined; negated: boolean; words: string[] }
  | { type: 'unknown'; words: string[] }
  | { type: 'word'; words: string[] }
  /** "--" and all that follows. */
  | { type: 'rest'; words: string[] }

/** The words that a boolean flag takes besides true and false: kubectl's, whose two kinds of dry run are one here. */
export const CHOICES: Readonly<Record<string, Readonly<Record<string, boolean>>>> = {
  'dry-run': { none: false, client: true, server: true },
}

/** Values of a boolean flag (Go's strconv.ParseBool). */
const TRUE = ['1', 't', 'T', 'TRUE', 'true', 'True']
const FALSE = ['0', 'f', 'F', 'FALSE', 'false', 'False']

/** Splits words into flags with their values and everything else. A flag without its value has none. */
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

/** Reads --name, --no-name, --name=value or --name value; returns how many words it took after the first. */
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

/** Reads -n value, -nvalue, -n=value, or several boolean letters in one word. */
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
  /** For oclif's parser: one form for each flag, a flag that takes one value once. */
  argv: string[]
  flags: GivenFlag[]
  /** Words that are not flags. */
  args: string[]
}

/**
 * The words of one command in one form: `--strict=true` as `--strict`, `--strict=false` as nothing (`--no-x` where
 * that exists), the last value of a flag that takes one. An empty value counts as not given, but for
 * the flags of `empty` that take it (`meant`) or must not have it (`never`).
 * Throws CSNI101 for a flag without its value or with one that it does not take.
 */
export function canonical(
  words: readonly string[],
  flags: readonly FlagShape[],
  empty: { meant?: readonly string[]; never?: readonly string[] } = {},
): CanonicalLine {
  const given: (GivenFlag & { words: string[] })[] = []
  const others: string[] = []
  const args: string[] = []
  for (const token of tokensOf(words, flags)) {
    if (token.type !== 'flag') {
      others.push(...token.words)
      if (token.type === 'word') args.push(...token.words)
      if (token.type === 'rest') args.push(...token.words.slice(1))
      continue
    }
    const { flag, value } = token
    const { name } = flag
    if (!flag.multiple) {
      const before = given.findIndex((each) => each.name === name)
      if (before !== -1) given.splice(before, 1)
    }
    if (flag.type === 'option') {
      if (value === undefined) throw new CassSniError('CSNI101', `flag needs a value: --${name}`)
      if (value === '' && empty.never?.includes(name))
        throw new CassSniError('CSNI101', `--${name} is empty: give a value, or leave the flag out`)
      if (value === '' && !empty.meant?.includes(name)) continue
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
  return new CassSniError('CSNI101', `invalid value "${value}" for --${name}: expected ${expected.join(', ')}`)
}
