/** From the words of the command line to one command's exit code. */
import { Config, run } from '@oclif/core'
import { asCassSniError, CassSniError, EXIT, hint } from '../errors.ts'
import { commonFlags } from './flags.ts'
import { type CommandLine, renderSteps } from './next-steps.ts'
import { closest } from './usage-error.ts'

/** Before a command is found there are no flags to repeat. */
const NO_COMMAND: CommandLine = { bin: 'kubectl cass-sni', id: '', flags: [], args: [], portFlag: 'port' }

interface Start {
  /** The folder of package.json. */
  root: string
  /** Run the commands of src/ as they are, without a build and without the manifest. */
  development?: boolean
}

/** Runs the command that the words name. Resolves with the exit code; never rejects. */
export async function main(argv: readonly string[], start: Start): Promise<number> {
  // Set for another program, it would let this one load a manifest from anybody: what is not to be verified has a
  // flag of its own.
  delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
  try {
    const config = await load(start)
    const words = flagsLast(argv[0] === 'help' ? [...argv.slice(1), '--help'] : [...argv])
    const [id, ...rest] = commandOf(words, config)
    if (id === undefined && words.length > 0 && !asksForHelp(words) && words[0] !== '--version') {
      throw new CassSniError('CSNI101', `"${words[0]}" is not a command.`, { next: [hint(`${config.bin} --help`)] })
    }
    if (id === undefined || asksForHelp(words) || !config.commandIDs.includes(id)) {
      await run(id === undefined ? rest : [id, ...rest], config)
      return EXIT.ok
    }
    const exitCode: unknown = await config.runCommand(id, rest)
    return typeof exitCode === 'number' ? exitCode : EXIT.ok
  } catch (caught) {
    const error = asCassSniError(caught)
    const [{ palette, wantsColour }, { errorText }] = await Promise.all([
      import('../output/color.ts'),
      import('../output/messages.ts'),
    ])
    process.stderr.write(
      errorText(error, renderSteps(error.next, NO_COMMAND), palette(wantsColour('auto', process.env, process.stderr))),
    )
    return error.exitCode
  }
}

async function load({ root, development }: Start): Promise<Config> {
  if (!development) return Config.load(root)
  const { readFile } = await import('node:fs/promises')
  const { join } = await import('node:path')
  const pjson = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  pjson.oclif.commands = { strategy: 'pattern', target: './src/commands' }
  return Config.load({ root, pjson, ignoreManifest: true })
}

/**
 * Flags that were written before the command ("-n ns verify"), as kubectl allows, go behind it, where oclif looks for
 * them.
 */
function flagsLast(words: string[]): string[] {
  let at = 0
  while (words[at]?.startsWith('-') && words[at] !== '--') {
    const name = words[at]?.replace(/^--?/, '') ?? ''
    const flag = Object.entries(commonFlags).find(([long, { char }]) => long === name || char === name)
    const takesNext = name === 'o' || name === 'output' || (flag !== undefined && flag[1].type === 'option')
    at += takesNext ? 2 : 1
  }
  const end = words.findIndex((word, index) => index >= at && word.startsWith('-'))
  const names = words.slice(at, end === -1 ? undefined : end)
  return [...names, ...words.slice(0, at), ...(end === -1 ? [] : words.slice(end))]
}

function asksForHelp(words: string[]): boolean {
  // Completion is given the words of another command line.
  if (words[0] === '__complete') return false
  const end = words.indexOf('--')
  return (end === -1 ? words : words.slice(0, end)).some((word) => word === '--help' || word === '-h')
}

/**
 * The words with the command's own words joined as oclif's ids are ("routes sync" is "routes:sync").
 * Throws CSNI101 when they name no command and no topic: oclif would say so without naming one that is near.
 */
function commandOf(words: string[], config: Config): [string | undefined, ...string[]] {
  const end = words.findIndex((word) => word.startsWith('-'))
  const names = end === -1 ? words : words.slice(0, end)
  if (names.length === 0) return [undefined, ...words]
  const topics = config.topics.map((topic) => topic.name)
  const known = [...config.commandIDs.filter((id) => !id.startsWith('__')), ...topics]
  for (let count = names.length; count > 0; count--) {
    const id = names.slice(0, count).join(':')
    const isCommand = config.commandIDs.includes(id)
    // A command that others stand under takes no words of its own: one that follows is one of those, mistyped.
    if (isCommand && count < names.length && known.some((each) => each.startsWith(`${id}:`))) break
    if (isCommand || (topics.includes(id) && count === names.length)) return [id, ...words.slice(count)]
  }
  const wanted = names.slice(0, topics.includes(names[0] ?? '') ? 2 : 1)
  const guess = closest(names.slice(0, 2).join(':'), known) ?? closest(wanted.join(':'), known)
  throw new CassSniError(
    'CSNI101',
    `There is no command "${wanted.join(' ')}".${guess ? ` Did you mean "${guess.replaceAll(':', ' ')}"?` : ''}`,
    {
      next: [hint(`${config.bin} --help`)],
    },
  )
}
