/** Runs one command line, from its words to the exit code. */
import { asCassSniError, CassSniError, EXIT } from '../errors.ts'
import { visibleCommands } from './completion.ts'
import { findCommand } from './find-command.ts'
import { type CommandLine, renderSteps } from './next-steps.ts'
import { formOfWords } from './output-form.ts'
import { builtProgram, type CommandClass, sourceProgram } from './oclif-program.ts'
import { RunOutput } from './run-output.ts'

/** The command line of an error before any command was found: no flags to repeat. */
const NO_COMMAND: CommandLine = { bin: 'kubectl cass-sni', id: '', flags: [], args: [], portFlag: 'port' }

interface Start {
  /** The directory of package.json. */
  root: string
  /** The commands of the build; without them, those of src/ are run. */
  command?: CommandClass | undefined
}

/** Runs one command line. Resolves with the exit code; never rejects. */
export async function main(argv: readonly string[], { root, command }: Start): Promise<number> {
  // Set for another program, it would disable verification here too, which only --insecure-skip-tls-verify may do.
  delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
  try {
    const { config, run } = command === undefined ? await sourceProgram(root) : builtProgram(root, command)
    const commands = visibleCommands(config.commands)
    const topics = config.topics.map(({ name }) => name)
    const request = findCommand(argv, commands, topics, config.bin)
    if (request.type === 'command') {
      const exitCode: unknown = await run(request.id, request.argv)
      return typeof exitCode === 'number' ? exitCode : EXIT.ok
    }
    if (request.type === 'version') process.stdout.write(`${config.userAgent}\n`)
    else {
      const { describedBy, helpText, widthFor } = await import('./help.ts')
      const text = helpText(request.name, describedBy(config), widthFor(process.stdout))
      if (text === undefined) throw new CassSniError('CSNI903', `no help text for "${request.name}"`)
      process.stdout.write(text)
    }
    return EXIT.ok
  } catch (caught) {
    const error = asCassSniError(caught)
    const output = new RunOutput('Error', () => 'whole', formOfWords(argv))
    await output.finish(undefined, error, renderSteps(error.next, NO_COMMAND), () => '')
    return error.exitCode
  }
}
