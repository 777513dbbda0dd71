/** The help texts, laid out as kubectl's: what, examples, flags, usage. The build writes them for the shell entry. */
import type { Config } from '@oclif/core'
import { type KnownCommand, type KnownFlag, visibleCommands } from './completion.ts'

/** What the texts are about: the commands as oclif's manifest describes them. */
export interface Described {
  /** The program's name, as a user types it: "kubectl cass-sni". */
  bin: string
  /** What the whole program is for. */
  description: string
  commands: readonly DescribedCommand[]
  /** Topics that are no commands themselves, by name. */
  topics: Readonly<Record<string, string>>
}

export interface DescribedCommand extends KnownCommand {
  description?: string | undefined
  examples?: readonly (string | { description: string; command: string })[] | undefined
}

const WIDTH = 80
/** Flags that are longer have their description on the next line. */
const WIDEST_FLAG = 30

/** In the order in which they are used. */
const ORDER = ['install', 'certs', 'certs ca', 'routes sync', 'verify', 'cqlsh-sni', 'port-forward']

/** What oclif's configuration knows of the program. */
export function describedBy(config: Config): Described {
  const commands = visibleCommands(config.commands)
  const ids = new Set(commands.map(({ id }) => id))
  const topics = config.topics.filter(({ name }) => !ids.has(name))
  return {
    bin: config.bin,
    description: config.pjson.description ?? '',
    commands,
    topics: Object.fromEntries(topics.map(({ name, description = '' }) => [name, description])),
  }
}

/**
 * The names that have a help text: '' for the whole program, "options", each topic and each command ("routes sync").
 */
export function helpNames({ commands, topics }: Described): string[] {
  return ['', 'options', ...Object.keys(topics), ...commands.map(nameOf)]
}

/** The text for one of the `helpNames`; undefined for another. It ends with a line feed. */
export function helpText(name: string, described: Described): string | undefined {
  const command = described.commands.find((each) => nameOf(each) === name)
  const sections =
    name === ''
      ? overview(described)
      : name === 'options'
        ? options(described)
        : command
          ? commandHelp(command, described)
          : topicHelp(name, described)
  return sections && `${sections.filter((section) => section !== '').join('\n\n')}\n`
}

function overview({ bin, description, commands }: Described): string[] {
  const sorted = [...commands].sort((a, b) => rank(a) - rank(b))
  const rows = sorted.map((command): [string, string] => [nameOf(command), firstSentence(command)])
  return [
    wrapped(description),
    `Examples:
  # Check every hop from a client to each Cassandra node; changes nothing
  ${bin} verify -n cassandra

  # Set up the routes, then open a CQL shell
  ${bin} routes sync -n cassandra && ${bin} cqlsh-sni -n cassandra`,
    `Commands:\n${table([...rows, ['options', 'List the flags that all commands have']])}`,
    `Use "${bin} COMMAND --help" for a command, "${bin} --version" for the version.
Documentation: README.md and docs/ in $(npm root --global)/kubectl-cass-sni`,
  ]
}

function commandHelp(command: DescribedCommand, { bin, commands }: Described): string[] {
  const name = nameOf(command)
  const { aliases = [] } = command
  const flags = Object.values(command.flags).filter((flag) => !flag.hidden && flag.helpGroup !== 'GLOBAL')
  const own = [...flags.filter((flag) => flag.name !== 'output'), ...flags.filter((flag) => flag.name === 'output')]
  const groups = [...new Set(own.map(({ helpGroup }) => helpGroup))]
  const below = commands.filter((each) => nameOf(each).startsWith(`${name} `))
  return [
    command.summary ?? '',
    wrapped(command.description ?? ''),
    `Examples:\n${(command.examples ?? []).map((example) => exampleText(example, bin, name)).join('\n')}`,
    below.length > 0 ? `Commands:\n${commandRows(below)}` : '',
    ...groups.map((group) => {
      const title = group === undefined ? 'Flags' : `${group[0]}${group.slice(1).toLowerCase()} flags`
      return `${title}:\n${table(own.filter(({ helpGroup }) => helpGroup === group).map(flagRow))}`
    }),
    aliases.length > 0 ? `Aliases:\n  ${[name, ...aliases].join(', ')}` : '',
    `Usage:\n  ${bin} ${name} [flags]`,
    `Use "${bin} options" for the flags that all commands have (-n, --context, ...).`,
  ]
}

function topicHelp(name: string, { bin, commands, topics }: Described): string[] | undefined {
  const description = topics[name]
  if (description === undefined) return undefined
  const below = commands.filter((each) => nameOf(each).startsWith(`${name} `))
  return [
    wrapped(description),
    `Commands:\n${commandRows(below)}`,
    `Usage:\n  ${bin} ${name} COMMAND [flags]`,
    `Use "${bin} ${name} COMMAND --help" for a command.`,
  ]
}

function options({ bin, commands }: Described): string[] {
  const shared = commands.flatMap(({ flags }) => Object.values(flags)).filter(({ helpGroup }) => helpGroup === 'GLOBAL')
  const flags = [...new Map(shared.map((flag) => [flag.name, flag])).values()]
  return [`All commands of ${bin} have these flags:`, table(flags.map(flagRow))]
}

function commandRows(commands: readonly DescribedCommand[]): string {
  return table(commands.map((command) => [nameOf(command), firstSentence(command)]))
}

function firstSentence({ summary = '' }: KnownCommand): string {
  return summary.replace(/\.$/, '')
}

function exampleText(example: string | { description: string; command: string }, bin: string, name: string): string {
  const { description, command } = typeof example === 'string' ? { description: undefined, command: example } : example
  const line = command.replaceAll('<%= config.bin %>', bin).replaceAll('<%= command.id %>', name)
  return description === undefined ? `  ${line}` : `  # ${description}\n  ${line}`
}

function flagRow(flag: KnownFlag): [string, string] {
  const value = flag.options?.join('|') ?? [flag.helpValue ?? 'VALUE'].flat().join(' ')
  const long = `--${flag.allowNo ? '[no-]' : ''}${flag.name}`
  const form = flag.type === 'boolean' ? long : `${long} ${value}`
  const single = flag.name.length === 1
  const names = single ? `-${flag.name} ${value}` : flag.char === undefined ? `    ${form}` : `-${flag.char}, ${form}`
  const shown = [undefined, false, ''].includes(flag.default as never) ? '' : ` [default: ${flag.default}]`
  return [names, `${(flag.summary ?? '').replace(/\.$/, '')}${shown}`]
}

/** Two columns; the second is wrapped, and begins below a first one that is too wide. */
function table(rows: readonly [string, string][]): string {
  const fitting = rows.map(([first]) => first.length).filter((length) => length <= WIDEST_FLAG)
  const indent = Math.max(0, ...fitting) + 4
  const margin = `\n${' '.repeat(indent)}`
  return rows
    .map(([first, second]) => {
      const head = first.length > WIDEST_FLAG ? `  ${first}${margin}` : `  ${first.padEnd(indent - 2)}`
      return `${head}${lineBreaks(second, WIDTH - indent).join(margin)}`.trimEnd()
    })
    .join('\n')
}

function wrapped(text: string): string {
  return text
    .split('\n\n')
    .map((paragraph) => lineBreaks(paragraph.replaceAll('\n', ' '), WIDTH).join('\n'))
    .join('\n\n')
}

function lineBreaks(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

function rank(command: DescribedCommand): number {
  const at = ORDER.indexOf(nameOf(command))
  return at === -1 ? ORDER.length : at
}

/** "routes sync" of oclif's "routes:sync". */
function nameOf({ id }: KnownCommand): string {
  return id.replaceAll(':', ' ')
}
