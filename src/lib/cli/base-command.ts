/**
 * The base of every command: flags that all have, where output goes, errors to exit codes, Ctrl-C and time limits.
 * A command says what it does in `work` and how its result reads in `present`.
 */
import { Command } from '@oclif/core'
import { connectionOf } from '../cluster/connection-flags.ts'
import type { KubeOptions } from '../cluster/kube.ts'
import {
  asCassSniError,
  type CassSniError,
  command,
  EXIT,
  type ExitCode,
  type NextStep,
  type RenderedStep,
} from '../errors.ts'
import type { Ask, Emit } from '../events.ts'
import { canonical, type GivenFlag } from './command-line.ts'
import { MEANT_EMPTY, NEVER_EMPTY } from './empty-values.ts'
import { commonFlags, connectionFlags, outputFlag } from './flags.ts'
import type { ColorChoice } from '../output/color.ts'
import type { Show } from '../output/show.ts'
import { Interruption } from './interruption.ts'
import { type CommandLine, renderSteps } from './next-steps.ts'
import { formOfWords } from './output-form.ts'
import { type Enveloped, type OpenEnvelope, RunOutput } from './run-output.ts'
import { usageError } from './usage-error.ts'
import type { WorkflowContext } from '../workflows/context.ts'

/** What a command's `work` is given. */
export interface Run {
  /** Aborted by Ctrl-C (CSNI902), --timeout (CSNI901), or when nobody reads stdout any more. */
  readonly signal: AbortSignal
  /** Somebody is there to answer: stdin and stderr are terminals, no --yes, and the result is for people. */
  readonly interactive: boolean
  /** The value of -o. */
  readonly format: string
  /** How to reach the cluster, also for the user's kubectl and istioctl. */
  readonly kubeOptions: KubeOptions
  /** Present when `interactive`. */
  readonly ask?: Ask | undefined
  /** For commands that tell something before there is a context. */
  readonly emit: Emit
  /** Connects to the cluster. `title` heads the list of steps. Each call makes a new client. */
  context(title: string): Promise<WorkflowContext>
  /** Writes text to stdout at once, as it is; for commands that print while they run. */
  print(text: string): void
  /** For a command that writes the envelope by itself, up to its field `result`. */
  writes(envelope: OpenEnvelope): void
  /** A line on stderr, shown from that level of -v on. */
  log(line: string, level?: number): void
  /** Steps as text, commands with the flags that lead where this command line leads. */
  steps(next: readonly NextStep[]): RenderedStep[]
}

/** The flags that this file reads; the others are the command's own business. */
interface KnownFlags {
  output: string
  v: number
  color: ColorChoice
  'dry-run'?: boolean
  yes?: boolean
  timeout?: number
}

/** A result may say that all went through and yet the answer is no (`verify`): exit code 1. */
type Judged = { ok?: unknown }

export abstract class CassSniCommand<Result extends object | undefined = object | undefined> extends Command {
  static override usage: string | string[] = '<%= command.id %> [flags]'

  static override baseFlags = { ...connectionFlags(), ...commonFlags, output: outputFlag(['text', 'json', 'yaml']) }

  /** `kind` of the envelope: the name of the schema in docs/schemas. */
  protected abstract readonly kind: string

  /** 'lines' for a command that writes its results itself while it runs, an envelope a line: an error is one more. */
  protected readonly enveloped: Enveloped = 'whole'

  /** True for a command that goes on until Ctrl-C: that is no error then, though the exit code is 130 or 143. */
  protected readonly untilInterrupted: boolean = false

  /** The command's work: parse the flags, one call into a workflow. */
  protected abstract work(run: Run): Promise<Result>

  /** The result as text for stdout; '' for nothing. Text of the cluster goes through `show.printable`. */
  protected abstract present(result: Result, show: Show): string

  /** Runs the command and resolves with the exit code, which is also put into process.exitCode. Never rejects. */
  override async run(): Promise<ExitCode> {
    const output = new RunOutput(this.kind, this.enveloped, formOfWords(this.argv))
    const interruption = new Interruption()
    interruption.signal.addEventListener('abort', () => output.cut(), { once: true })
    const release = output.onClosedPipe((reason) => interruption.abort(reason))
    let result: Result | undefined
    let error: CassSniError | undefined
    let line = this.#line([], [])
    let steps: RenderedStep[] = []
    try {
      const parsed = await this.#flags()
      const { flags } = parsed
      line = parsed.line
      output.settle({ format: flags.output, color: flags.color, level: flags.v })
      if (flags.timeout !== undefined) interruption.limit(flags.timeout)
      result = await interruption.race(this.work(this.#run(flags, line, output, interruption)))
    } catch (caught) {
      error = interruption.reasonFor(caught) ?? asCassSniError(caught)
      steps = renderSteps(error.next, line)
    }
    let exitCode: ExitCode = EXIT.ok
    if (error) exitCode = interruption.exitCodeOf(error)
    else if ((result as Judged | undefined)?.ok === false) exitCode = EXIT.failed
    try {
      const expected = this.untilInterrupted && error?.code === 'CSNI902'
      // What a shell shows next belongs below the ^C.
      if (expected && process.stderr.isTTY) process.stderr.write('\n')
      await output.finish(result, expected ? undefined : error, steps, (shown, show) =>
        this.present(shown as Result, show),
      )
    } catch (caught) {
      error = asCassSniError(caught)
      exitCode = error.exitCode
      await output.fail(error)
    }
    const lost = error ? undefined : await output.lost()
    if (lost) {
      exitCode = lost.exitCode
      await output.fail(lost)
    }
    interruption.end()
    release()
    process.exitCode = exitCode
    return exitCode
  }

  /** The flags of the command at hand; a wrong command line is a CSNI101. */
  async #flags(): Promise<{ flags: KnownFlags; line: CommandLine }> {
    const ctor = this.ctor as typeof CassSniCommand
    // kubectl's --username may be empty.
    const never = NEVER_EMPTY.filter((name) => name in (ctor.flags ?? {}))
    // Their names are those of the keys: oclif puts them in only when it parses.
    const definitions = Object.entries({ ...ctor.baseFlags, ...ctor.flags }).map(([name, flag]) => ({ ...flag, name }))
    try {
      const { argv, flags: given, args } = canonical(this.argv, definitions, { meant: MEANT_EMPTY, never })
      // oclif parses them here and in `work`.
      this.argv = argv
      const { flags } = await this.parse(ctor)
      return { flags: flags as unknown as KnownFlags, line: this.#line(given, args) }
    } catch (caught) {
      const help = [...this.config.bin.split(' '), ...(this.id ?? '').split(':'), '--help']
      const names = definitions.map(({ name }) => name)
      throw usageError(caught, names, command`${help}`)
    }
  }

  #line(flags: readonly GivenFlag[], args: readonly string[]): CommandLine {
    return {
      bin: this.config.bin,
      id: (this.id ?? '').split(':').join(' '),
      flags,
      args,
      portFlag: 'gateway-port' in (this.ctor.flags ?? {}) ? 'gateway-port' : 'port',
      own: Object.keys(this.ctor.flags ?? {}),
    }
  }

  #run(flags: KnownFlags, line: CommandLine, output: RunOutput, interruption: Interruption): Run {
    const { signal } = interruption
    const kubeOptions: KubeOptions = {
      ...connectionOf(withNames(flags, (this.ctor as typeof CassSniCommand).baseFlags)),
      signal,
      log: flags.v >= 6 ? (line) => output.log(line, 6) : undefined,
      warn: (message) => output.emit({ type: 'warning', message }),
    }
    const interactive =
      process.stdin.isTTY === true && process.stderr.isTTY === true && flags.yes !== true && output.forPeople
    const ask: Ask | undefined = interactive ? (question) => output.ask(question, signal) : undefined
    return {
      signal,
      interactive,
      format: flags.output,
      kubeOptions,
      ask,
      emit: output.emit,
      context: async (title) => {
        const [{ connectKube }] = await Promise.all([import('../cluster/client.ts'), output.open(title)])
        const kube = await connectKube(kubeOptions)
        const { insecure, server, cluster } = kube.target
        if (insecure) {
          const message =
            `the certificate of the API server ${server} is NOT verified, because cluster "${cluster}" of the ` +
            'kubeconfig says insecure-skip-tls-verify: whoever is on the way can read and change everything, ' +
            'passwords included'
          output.emit({ type: 'warning', message })
        }
        return {
          kube,
          signal,
          emit: output.emit,
          ask,
          dryRun: flags['dry-run'] === true,
          now: Date.now,
        }
      },
      print: (text) => output.print(text),
      writes: (envelope) => output.writtenBy(envelope),
      log: (line, level = 1) => output.log(line, level),
      steps: (next) => renderSteps(next, line),
    }
  }
}

/** The values of the flags that these definitions name: a command's own flag of the same name is not kubectl's. */
function withNames(flags: object, definitions: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(flags).filter(([name]) => name in definitions))
}
