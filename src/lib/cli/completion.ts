/** Completion of a command line from the command definitions, in kubectl's format. */
import { CHOICES, type FlagShape } from './command-line.ts'

/** The part of a flag in oclif's manifest that completion and help need. */
export interface KnownFlag extends FlagShape {
  summary?: string | undefined
  helpGroup?: string | undefined
  helpValue?: string | string[] | undefined
  default?: unknown
  hidden?: boolean | undefined
}

export interface KnownCommand {
  /** oclif's ID: "routes:sync". */
  id: string
  summary?: string | undefined
  hidden?: boolean | undefined
  /** Other names of the command. */
  aliases?: readonly string[] | undefined
  flags: Readonly<Record<string, KnownFlag>>
}

/** The commands that are not hidden, each once: oclif lists a command under its aliases as well. */
export function visibleCommands<T extends KnownCommand>(commands: readonly T[]): T[] {
  return commands.filter(({ id, hidden, aliases }) => !hidden && !aliases?.includes(id))
}

/** Kinds of names that come from the kubeconfig or the cluster. */
export type Live = 'namespace' | 'datacenter' | 'node' | 'gateway' | 'context' | 'cluster' | 'user'

export interface Completion {
  candidates: { value: string; description?: string }[]
  /** Names to read from the cluster, each to be offered after `prefix`. */
  live?: { what: Live; prefix: string }
  /** Whether the shell offers files. */
  files: boolean
}

const LIVE: readonly string[] = [
  'namespace',
  'datacenter',
  'node',
  'gateway',
  'context',
  'cluster',
  'user',
] satisfies Live[]

/**
 * Returns the candidates for the last word ('' for a new one). `topics` maps topic names to descriptions.
 */
export function complete(
  words: readonly string[],
  commands: readonly KnownCommand[],
  topics: Record<string, string>,
): Completion {
  const current = words.at(-1) ?? ''
  const before = words.slice(0, -1)
  if (before.includes('--')) return { candidates: [], files: true }
  const visible = visibleCommands(commands)
  const names = commandWords(before, visible)
  const command = visible.find(({ id, aliases }) => id === names.join(':') || aliases?.includes(names.join(' ')))
  const flags = Object.values(command?.flags ?? visible[0]?.flags ?? {}).filter((flag) => !flag.hidden)

  const open = flagOf(before.at(-1), flags)
  if (open?.type === 'option' && !before.at(-1)?.includes('=')) return valuesOf(open, current, '')
  if (current.startsWith('--') && current.includes('=')) {
    const flag = flagOf(current.slice(0, current.indexOf('=')), flags)
    const equals = current.indexOf('=')
    return flag ? valuesOf(flag, current.slice(equals + 1), current.slice(0, equals + 1)) : none()
  }
  if (current.startsWith('-')) {
    const given = new Set(before.map((word) => flagOf(word.split('=')[0], flags)?.name))
    const unused = flags.filter((flag) => flag.multiple || !given.has(flag.name))
    return {
      candidates: matching(
        [...unused.map((flag) => described(`--${flag.name}`, flag.summary)), described('--help', 'Show help')],
        current,
      ),
      files: false,
    }
  }
  const first = names.length === 0 ? [described('options', 'List global flags')] : []
  return { candidates: matching([...nextWords(names, visible, topics), ...first], current), files: false }
}

/**
 * Whether a name needs no quoting in a shell: completed words are inserted without quotes, and older bash completion
 * scripts evaluate them (spf13/cobra bash_completions.go, compgen -W). Other names are not offered.
 */
export function isPlainWord(name: string): boolean {
  return /^[A-Za-z0-9][\w.:@/+=,%-]*$/.test(name)
}

/**
 * Returns the text for kubectl: one candidate per line with its description after a tab, then the directive (4: no
 * files; 0: files as well).
 */
export function completionText({ candidates, files }: Pick<Completion, 'candidates' | 'files'>): string {
  const lines = candidates.map(({ value, description }) => (description ? `${value}\t${description}` : value))
  return `${[...lines, files ? ':0' : ':4'].join('\n')}\n`
}

/** The words before the cursor that name a command or topic, without flags and their values. */
function commandWords(before: readonly string[], commands: readonly KnownCommand[]): string[] {
  const flags = commands.flatMap((command) => Object.values(command.flags))
  return before.filter((word, index) => {
    const previous = before[index - 1]
    const isValue = previous !== undefined && !previous.includes('=') && flagOf(previous, flags)?.type === 'option'
    return !word.startsWith('-') && !isValue
  })
}

function nextWords(names: readonly string[], commands: readonly KnownCommand[], topics: Record<string, string>) {
  const words = new Map<string, string | undefined>()
  for (const { id, summary } of commands) {
    const parts = id.split(':')
    if (parts.length <= names.length || names.some((name, index) => parts[index] !== name)) continue
    const word = parts[names.length] ?? ''
    const whole = parts.slice(0, names.length + 1).join(':')
    if (parts.length === names.length + 1) words.set(word, summary)
    else if (!words.has(word)) words.set(word, topics[whole])
  }
  return [...words].sort(([a], [b]) => (a < b ? -1 : 1)).map(([value, description]) => described(value, description))
}

function flagOf(word: string | undefined, flags: readonly KnownFlag[]): KnownFlag | undefined {
  if (word === undefined) return undefined
  return flags.find((flag) => word === `--${flag.name}` || (flag.char !== undefined && word === `-${flag.char}`))
}

function valuesOf(flag: KnownFlag, current: string, prefix: string): Completion {
  const fixed = flag.type === 'boolean' ? [...Object.keys(CHOICES[flag.name] ?? {}), 'true', 'false'] : flag.options
  if (fixed) {
    const candidates = fixed.map((value) => ({ value: prefix + value }))
    return { candidates: matching(candidates, prefix + current), files: false }
  }
  if (LIVE.includes(flag.name)) return { candidates: [], live: { what: flag.name as Live, prefix }, files: false }
  return { candidates: [], files: /FILE|DIR|PROGRAM/.test([flag.helpValue ?? ''].flat().join(' ')) }
}

function matching(candidates: { value: string; description?: string }[], start: string) {
  return candidates.filter(({ value }) => value.startsWith(start))
}

function described(value: string, description: string | undefined) {
  return description === undefined ? { value } : { value, description: description.split('\n')[0] ?? '' }
}

function none(): Completion {
  return { candidates: [], files: false }
}
