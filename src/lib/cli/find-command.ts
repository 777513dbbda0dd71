/** What a command line asks for: a command, a help text, or the version. */
import { CassSniError, command, hint, type NextStep } from '../errors.ts'
import { type FlagShape, type Token, tokensOf } from './command-line.ts'
import type { KnownCommand } from './completion.ts'
import { packageFile } from '../text/package-file.ts'
import { closest } from './usage-error.ts'

export type Request =
  /** `id` as oclif has it ("routes:sync"), `argv` without the command's own words. */
  | { type: 'command'; id: string; argv: string[] }
  /** The name of a help text ("routes sync"; '' is the whole program). */
  | { type: 'help'; name: string }
  | { type: 'version' }

/** Words that people try, and what there is instead. None of them is ever taken for a command that is spelled alike. */
const INSTEAD: Readonly<Record<string, NextStep>> = {
  ...Object.fromEntries(
    ['uninstall', 'remove', 'delete'].map((name) => [
      name,
      hint(`${packageFile('README.md')} lists what to revert, and how ("What it changes in your cluster")`),
    ]),
  ),
  version: command`kubectl cass-sni --version`,
  sync: hint('did you mean "routes sync"?'),
  status: hint('did you mean "verify"?'),
  shell: hint('did you mean "cqlsh-sni"?'),
  completion: hint('kubectl completes the plugin by itself; "kubectl completion --help" sets that up'),
}

/**
 * Reads the words of a command line. Flags may stand anywhere, as for kubectl. Throws CSNI101 for a command that does
 * not exist, with the one that was probably meant, and for an unknown flag without a command.
 */
export function findCommand(
  words: readonly string[],
  commands: readonly KnownCommand[],
  topics: readonly string[],
  bin: string,
): Request {
  const [first, ...rest] = words
  // Completion gets the words of another command line.
  if (first === '__complete') return { type: 'command', id: first, argv: rest }
  const tokens = tokensOf(first === 'help' ? rest : words, allFlags(commands))
  const names = tokens.flatMap((token) => (token.type === 'word' ? token.words : []))
  const unknown = tokens.flatMap((token) => (token.type === 'unknown' ? token.words : []))
  const wantsHelp = first === 'help' || unknown.some((word) => ['--help', '-h', '--help=true'].includes(word))
  if (names.length === 0) {
    const [stranger] = unknown
    if (wantsHelp || stranger === undefined) return { type: 'help', name: '' }
    if (stranger === '--version') return { type: 'version' }
    throw new CassSniError('CSNI101', `unknown flag: ${stranger}`, { next: [command`${bin.split(' ')} --help`] })
  }
  const whole = names.join(' ')
  // oclif counts each command among the topics as well, by its id: "routes:sync" is not what anybody is to type.
  const places = topics.filter((topic) => !commands.some(({ id }) => id === topic))
  if (whole === 'options') return { type: 'help', name: whole }
  for (let count = names.length; count > 0; count--) {
    const name = names.slice(0, count).join(' ')
    const found = commands.find((each) => nameOf(each) === name || each.aliases?.includes(name))
    if (!found) continue
    // A command that others stand under takes no words of its own: one that follows is one of those, mistyped.
    if (count < names.length && commands.some((each) => nameOf(each).startsWith(`${name} `))) break
    if (wantsHelp) return { type: 'help', name: nameOf(found) }
    return { type: 'command', id: found.id, argv: withoutNames(tokens, count) }
  }
  if (places.includes(whole)) return { type: 'help', name: whole }
  throw unknownCommand(names, commands, places, bin)
}

/** Every flag of every command once: before the command is known, a flag must read the same for all of them. */
function allFlags(commands: readonly KnownCommand[]): FlagShape[] {
  return Object.values(Object.assign({}, ...commands.map(({ flags }) => flags)))
}

function withoutNames(tokens: readonly Token[], count: number): string[] {
  let left = count
  return tokens.flatMap((token) => (token.type === 'word' && left-- > 0 ? [] : token.words))
}

function unknownCommand(
  names: readonly string[],
  commands: readonly KnownCommand[],
  topics: readonly string[],
  bin: string,
): CassSniError {
  const known = [...commands.map(nameOf), ...topics]
  const [first = ''] = names
  const hasMore = known.some((name) => name.startsWith(`${first} `))
  const wanted = names.slice(0, hasMore ? 2 : 1).join(' ')
  const candidates = [...known, ...Object.keys(INSTEAD)]
  const guess = closest(names.slice(0, 2).join(' '), candidates) ?? closest(wanted, candidates)
  const instead = guess === undefined ? undefined : INSTEAD[guess]
  const meant = guess === undefined ? [] : [instead ?? hint(`did you mean "${guess}"?`)]
  return new CassSniError('CSNI101', `unknown command "${wanted}" for "${bin}"`, {
    next: [...meant, command`${bin.split(' ')} --help`],
  })
}

/** "routes sync" of oclif's "routes:sync". */
function nameOf({ id }: KnownCommand): string {
  return id.replaceAll(':', ' ')
}
