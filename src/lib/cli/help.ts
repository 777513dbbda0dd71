/**
 * The help texts, in kubectl's layout: description, examples, flags, usage. The build writes them for the shell entry
 * at 80 columns; on a narrower terminal they are formatted at run time.
 */
import type { Config } from '@oclif/core'
import { type KnownCommand, type KnownFlag, visibleCommands } from './completion.ts'

/** The subject of the texts: the commands as oclif's manifest describes them. */
export interface Described {
  /** The program's name as typed: "kubectl cass-sni". */
  bin: string
  /** One sentence on the program. */
  description: string
  commands: readonly DescribedCommand[]
  /** Topics without a command of the same name, by name. */
  topics: Readonly<Record<string, string>>
}

export interface DescribedCommand extends KnownCommand {
  description?: string | undefined
  examples?: readonly (string | { description: string; command: string })[] | undefined
  /** Its command lines, with arguments. */
  usage?: string | readonly string[] | undefined
}

/** Columns of the texts that the build writes. */
const HELP_WIDTH = 80
const NARROWEST_PAGE = 20
/** Longer first columns have their second column on the next line. */
const WIDEST_FIRST = 30
/** With fewer columns for the second column, all rows have it on the next line. */
const NARROWEST_SECOND = 34

/** In the order of use. */
const ORDER = [
  'install',
  'certs',
  'certs status',
  'certs ca',
  'certs rotate-ca',
  'certs export',
  'certs issue-client',
  'certs require-client',
  'routes sync',
  'routes list',
  'routes diff',
  'routes status',
  'routes delete',
  'routes controller install',
  'routes controller status',
  'routes controller uninstall',
  'routes controller manifest',
  'verify',
  'cqlsh-sni',
  'port-forward',
  'clients show',
  'bundle create',
  'bundle inspect',
  'bundle serve',
  'uninstall',
]

/** The program as oclif's configuration describes it. */
export function describedBy(config: Config): Described {
  const commands = visibleCommands(config.commands)
  const ids = new Set(commands.map(({ id }) => id))
  const topics = config.topics.filter(({ name }) => !ids.has(name))
  return {
    bin: config.bin,
    description: config.pjson.description ?? '',
    commands,
    topics: Object.fromEntries(topics.map(({ name, description = '' }) => [name.replaceAll(':', ' '), description])),
  }
}

/**
 * The names with a help text: '' for the whole program, "options", each topic and each command ("routes sync").
 */
export function helpNames({ commands, topics }: Described): string[] {
  return ['', 'options', ...Object.keys(topics), ...commands.map(nameOf)]
}

/** Columns for help on a stream: 80, or fewer on a narrower terminal. */
export function widthFor({ isTTY, columns = HELP_WIDTH }: { isTTY?: boolean; columns?: number }): number {
  return isTTY && columns >= NARROWEST_PAGE ? Math.min(columns, HELP_WIDTH) : HELP_WIDTH
}

/**
 * The text for one of the `helpNames`, at most `width` columns wide; undefined for any other name. Ends with a line
 * feed.
 */
export function helpText(name: string, described: Described, width = HELP_WIDTH): string | undefined {
  const command = described.commands.find((each) => nameOf(each) === name)
  const page: Page = { ...described, width }
  const sections =
    name === ''
      ? overview(page)
      : name === 'options'
        ? options(page)
        : command
          ? commandHelp(command, page)
          : topicHelp(name, page)
  return sections && `${sections.filter((section) => section !== '').join('\n\n')}\n`
}

interface Page extends Described {
  width: number
}

function overview(page: Page): string[] {
  const { bin, description, commands, width } = page
  const sorted = [...commands].sort((a, b) => rank(a) - rank(b))
  const examples = [
    {
      description: 'Check every hop from client to Cassandra node (read-only)',
      command: `${bin} verify -n cassandra`,
    },
    {
      description: 'Create the routes, then open a CQL shell',
      command: `${bin} routes sync -n cassandra && ${bin} cqlsh-sni -n cassandra`,
    },
  ]
  return [
    wrapped(description, width),
    `Examples:\n${examples.map((example) => exampleText(example, page)).join('\n\n')}`,
    `Commands:\n${table([...overviewRows(sorted, page), ['options', 'List global flags']], width)}`,
    [
      `Use "${bin} COMMAND --help" for details, "${bin} --version" for the version.`,
      'Documentation: README.md and docs/ in $(npm root --global)/kubectl-cass-sni',
    ]
      .map((line) => wrapped(line, width))
      .join('\n'),
  ]
}

/** One row for each command; for those of a topic below a topic one row together. */
function overviewRows(commands: readonly DescribedCommand[], { topics }: Page): [string, string][] {
  const nested = Object.keys(topics).filter((topic) => topic.includes(' '))
  const rows = commands.map((command): [string, string] => {
    const topic = nested.find((each) => nameOf(command).startsWith(`${each} `))
    return topic === undefined ? [nameOf(command), withoutPeriod(command.summary)] : [topic, topics[topic] ?? '']
  })
  return [...new Map(rows)]
}

function commandHelp(command: DescribedCommand, page: Page): string[] {
  const { bin, commands, width } = page
  const name = nameOf(command)
  const { aliases = [] } = command
  const flags = Object.values(command.flags).filter((flag) => !flag.hidden && flag.helpGroup !== 'GLOBAL')
  const own = [...flags.filter((flag) => flag.name !== 'output'), ...flags.filter((flag) => flag.name === 'output')]
  const groups = [...new Set(own.map(({ helpGroup }) => helpGroup))]
  const below = commands.filter((each) => nameOf(each).startsWith(`${name} `))
  return [
    wrapped(command.summary ?? '', width),
    wrapped(command.description ?? '', width),
    `Examples:\n${(command.examples ?? []).map((example) => exampleText(example, page, name)).join('\n')}`,
    below.length > 0 ? `Commands:\n${table(commandRows(below), width)}` : '',
    ...groups.map((group) => {
      const title = group === undefined ? 'Flags' : `${group[0]}${group.slice(1).toLowerCase()} flags`
      return `${title}:\n${table(own.filter(({ helpGroup }) => helpGroup === group).map(flagRow), width)}`
    }),
    aliases.length > 0 ? `Aliases:\n  ${[name, ...aliases].join(', ')}` : '',
    `Usage:\n${usageLines(command, page)}`,
    wrapped(`Use "${bin} options" for a list of global flags (-n, --context, ...).`, width),
  ]
}

function usageLines(command: DescribedCommand, { bin, width }: Page): string {
  const { usage = '<%= command.id %> [flags]' } = command
  return [usage]
    .flat()
    .map((line) => commandLines(`${bin} ${line.replaceAll('<%= command.id %>', nameOf(command))}`, width))
    .join('\n')
}

function topicHelp(name: string, { bin, commands, topics, width }: Page): string[] | undefined {
  const description = topics[name]
  if (description === undefined) return undefined
  const below = commands.filter((each) => nameOf(each).startsWith(`${name} `))
  return [
    wrapped(description, width),
    `Commands:\n${table(commandRows(below), width)}`,
    `Usage:\n${commandLines(`${bin} ${name} COMMAND [flags]`, width)}`,
    wrapped(`Use "${bin} ${name} COMMAND --help" for details.`, width),
  ]
}

function options({ bin, commands, width }: Page): string[] {
  const shared = commands.flatMap(({ flags }) => Object.values(flags)).filter(({ helpGroup }) => helpGroup === 'GLOBAL')
  const flags = [...new Map(shared.map((flag) => [flag.name, flag])).values()]
  return [wrapped(`The following flags apply to all commands of ${bin}:`, width), table(flags.map(flagRow), width)]
}

function commandRows(commands: readonly DescribedCommand[]): [string, string][] {
  return commands.map((command) => [nameOf(command), withoutPeriod(command.summary)])
}

function withoutPeriod(summary = ''): string {
  return summary.replace(/\.$/, '')
}

function exampleText(
  example: string | { description: string; command: string },
  { bin, width }: Page,
  name = '',
): string {
  const { description, command } = typeof example === 'string' ? { description: undefined, command: example } : example
  const line = command.replaceAll('<%= config.bin %>', bin).replaceAll('<%= command.id %>', name)
  const comment = description === undefined ? [] : lineBreaks(description, width - 4).map((text) => `  # ${text}`)
  return [...comment, commandLines(line, width)].join('\n')
}

/** A command line, continued with a backslash where it is too wide. A flag and its value stay together. */
function commandLines(line: string, width: number): string {
  if (line.length + 2 <= width) return `  ${line}`
  const words = line.match(/(?:"[^"]*"|'[^']*'|\S)+/g) ?? []
  const units: string[] = []
  for (const word of words) {
    const last = units.at(-1)
    const isValue = last !== undefined && /^--?[\w-]+$/.test(last) && !/^[-&|>]/.test(word)
    if (isValue) units[units.length - 1] = `${last} ${word}`
    else units.push(word)
  }
  return lines(units, width - ' \\'.length, '  ', '    ').join(' \\\n')
}

function flagRow(flag: KnownFlag): [string, string] {
  const value = flag.options?.join('|') ?? [flag.helpValue ?? 'VALUE'].flat().join(' ')
  const long = `--${flag.allowNo ? '[no-]' : ''}${flag.name}`
  const form = flag.type === 'boolean' ? long : `${long} ${value}`
  const single = flag.name.length === 1
  const names = single ? `-${flag.name} ${value}` : flag.char === undefined ? `    ${form}` : `-${flag.char}, ${form}`
  const shown = [undefined, false, ''].includes(flag.default as never) ? '' : ` [default: ${flag.default}]`
  return [names, `${withoutPeriod(flag.summary)}${shown}`]
}

/**
 * Two columns. The second one is wrapped, and starts on the next line where the first one is too wide or the terminal
 * is too narrow.
 */
function table(rows: readonly [string, string][], width: number): string {
  const fitting = rows.map(([first]) => first.length).filter((length) => length <= WIDEST_FIRST)
  const aligned = Math.max(0, ...fitting) + 4
  const stacked = width - aligned < NARROWEST_SECOND
  const margin = ' '.repeat(stacked ? 8 : aligned)
  return rows
    .flatMap(([first, second]) => {
      const head = `  ${first}`
      const text = lineBreaks(second, width - margin.length)
      if (stacked || first.length > WIDEST_FIRST) return [head, ...text.map((line) => margin + line)]
      return text.map((line, index) => (index === 0 ? head.padEnd(aligned) : margin) + line)
    })
    .map((line) => line.trimEnd())
    .join('\n')
}

function wrapped(text: string, width: number): string {
  return text
    .split('\n\n')
    .map((paragraph) => lineBreaks(paragraph.replaceAll('\n', ' '), width).join('\n'))
    .join('\n\n')
}

function lineBreaks(text: string, width: number): string[] {
  return lines(text.split(' '), width)
}

/** Words in lines of at most `width` columns, if the words allow it. */
function lines(words: readonly string[], width: number, first = '', margin = ''): string[] {
  const broken: string[] = []
  for (const word of words) {
    const last = broken.at(-1)
    if (last === undefined) broken.push(first + word)
    else if (last.length + 1 + word.length <= width) broken[broken.length - 1] = `${last} ${word}`
    else broken.push(margin + word)
  }
  return broken
}

function rank(command: DescribedCommand): number {
  const at = ORDER.indexOf(nameOf(command))
  return at === -1 ? ORDER.length : at
}

/** "routes sync" of oclif's "routes:sync". */
function nameOf({ id }: KnownCommand): string {
  return id.replaceAll(':', ' ')
}
