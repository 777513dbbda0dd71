/** Maps a command line to a command, a help text, or the version. */
import { CassSniError, command, hint, type NextStep } from '../errors.ts'
import { type FlagShape, type Token, tokensOf } from './command-line.ts'
import type { KnownCommand } from './completion.ts'
import { closest } from '../text/closest-word.ts'

export type Request =
  /** `id` is oclif's ("routes:sync"), `argv` excludes the words that name the command. */
  | { type: 'command'; id: string; argv: string[] }
  /** The name of a help text: "routes sync", or '' for the whole program. */
  | { type: 'help'; name: string }
  | { type: 'version' }

/** Common wrong commands, and the alternative. They take precedence over commands of similar spelling. */
const ALTERNATIVES: Readonly<Record<string, NextStep>> = {
  remove: hint('did you mean "uninstall"?'),
  version: command`kubectl cass-sni --version`,
  sync: hint('did you mean "routes sync"?'),
  delete: hint('did you mean "routes delete"?'),
  status: hint('did you mean "verify"?'),
  shell: hint('did you mean "cqlsh-sni"?'),
  completion: hint('kubectl provides completion for plugins; see "kubectl completion --help"'),
}

/**
 * Parses a command line; flags are allowed anywhere, as in kubectl. Throws CSNI101 for an unknown command, with the
 * closest match, and for an unknown flag without a command.
 */
export function findCommand(
  words: readonly string[],
  commands: readonly KnownCommand[],
  topics: readonly string[],
  bin: string,
): Request {
  const [first, ...rest] = words
  // The arguments of completion are the words of another command line.
  if (first === '__complete') return { type: 'command', id: first, argv: rest }
  const tokens = tokensOf(first === 'help' ? rest : words, allFlags(commands))
  const names = tokens.flatMap((token) => (token.type === 'word' ? token.words : []))
  const unknown = tokens.flatMap((token) => (token.type === 'unknown' ? token.words : []))
  const wantsHelp = first === 'help' || unknown.some((word) => ['--help', '-h', '--help=true'].includes(word))
  if (names.length === 0) {
    const [flag] = unknown
    if (wantsHelp || flag === undefined) return { type: 'help', name: '' }
    if (flag === '--version') return { type: 'version' }
    throw new CassSniError('CSNI101', `unknown flag: ${flag}`, { next: [command`${bin.split(' ')} --help`] })
  }
  const whole = names.join(' ')
  // oclif lists each command ID ("routes:sync") as a topic too, which is not a name to type.
  const typedTopics = topics
    .filter((topic) => !commands.some(({ id }) => id === topic))
    .map((topic) => topic.replaceAll(':', ' '))
  if (whole === 'options') return { type: 'help', name: whole }
  for (let count = names.length; count > 0; count--) {
    const name = names.slice(0, count).join(' ')
    const found = commands.find((each) => nameOf(each) === name || each.aliases?.includes(name))
    if (!found) continue
    // A command with subcommands accepts no arguments: another word is a mistyped subcommand, or the value of a
    // mistyped flag, which the command reports.
    const stray = names[count]
    const isValue = !wantsHelp && stray !== undefined && followsUnknownFlag(tokens, stray)
    if (stray !== undefined && !isValue && commands.some((each) => nameOf(each).startsWith(`${name} `))) break
    if (wantsHelp) return { type: 'help', name: nameOf(found) }
    return { type: 'command', id: found.id, argv: withoutNames(tokens, count) }
  }
  if (typedTopics.includes(whole)) return { type: 'help', name: whole }
  throw unknownCommand(names, commands, typedTopics, bin)
}

/** The flags of all commands: until the command is known, a flag must have the same syntax in all of them. */
function allFlags(commands: readonly KnownCommand[]): FlagShape[] {
  return Object.values(Object.assign({}, ...commands.map(({ flags }) => flags)))
}

function followsUnknownFlag(tokens: readonly Token[], word: string): boolean {
  return tokens.some(
    (token, index) => token.type === 'word' && token.words[0] === word && tokens[index - 1]?.type === 'unknown',
  )
}

function withoutNames(tokens: readonly Token[], count: number): string[] {
  let remaining = count
  return tokens.flatMap((token) => (token.type === 'word' && remaining-- > 0 ? [] : token.words))
}

function unknownCommand(
  names: readonly string[],
  commands: readonly KnownCommand[],
  topics: readonly string[],
  bin: string,
): CassSniError {
  const known = [...commands.map(nameOf), ...topics]
  // as many words as begin a command, and the first that does not
  const count = names.findIndex((_, index) => {
    const begin = names.slice(0, index + 1).join(' ')
    return !known.some((name) => name === begin || name.startsWith(`${begin} `))
  })
  const above = names.slice(0, count)
  const unknown = [...above, names[count] ?? ''].join(' ')
  const candidates = [...known, ...Object.keys(ALTERNATIVES)]
  const guess =
    known.find((name) => isBelow(name, above) && name.endsWith(` ${names[count]}`)) ??
    closest(
      unknown,
      known.filter((name) => isBelow(name, above)),
    ) ??
    closest(names.slice(0, 2).join(' '), candidates)
  const alternative = guess === undefined ? undefined : ALTERNATIVES[guess]
  const suggestion = guess === undefined ? [] : [alternative ?? hint(`did you mean "${guess}"?`)]
  return new CassSniError('CSNI101', `unknown command "${unknown}" for "${bin}"`, {
    next: [...suggestion, command`${bin.split(' ')} --help`],
  })
}

/** Whether a command is below these words, which may be none. */
function isBelow(name: string, above: readonly string[]): boolean {
  return above.length > 0 && name.startsWith(`${above.join(' ')} `)
}

/** "routes sync" of oclif's "routes:sync". */
function nameOf({ id }: KnownCommand): string {
  return id.replaceAll(':', ' ')
}
