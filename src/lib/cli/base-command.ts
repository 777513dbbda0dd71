/**
 * The base of every command: common flags, output, exit codes, Ctrl-C and time limits.
 * A command implements `work` and formats its result in `present`.
 */
import { isatty } from 'node:tty'
import { Command } from '@oclif/core'
import { connectionOf } from '../cluster/connection-flags.ts'
import type { Follower, Kube, KubeOptions } from '../cluster/kube.ts'
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
import { ALLOWED_EMPTY, REJECTED_EMPTY } from './empty-values.ts'
import { commonFlags, connectionFlags, outputFlag } from './flags.ts'
import type { ColorChoice } from '../output/color.ts'
import type { TextRenderer } from '../output/text-renderer.ts'
import { requireInputFiles } from './input-file-flags.ts'
import { Interruption } from './interruption.ts'
import { type CommandLine, renderSteps } from './next-steps.ts'
import { formOfWords } from './output-form.ts'
import type { Collected } from './route-watch-lines.ts'
import { type Enveloped, type OpenEnvelope, RunOutput } from './run-output.ts'
import { usageError } from './usage-error.ts'
import type { WorkflowContext } from '../workflows/context.ts'

/** The inputs of a command's `work`. */
export interface Run {
  /** Aborted by Ctrl-C (CSNI902), --timeout (CSNI901), or a closed stdout. */
  readonly signal: AbortSignal
  /** Prompts are possible: stdin and stderr are terminals, no --yes, and the output format is text or table. */
  readonly interactive: boolean
  /** The value of -o. */
  readonly format: string
  /** The words after "--" of a command that runs a program. */
  readonly program: readonly string[]
  /** Connection to the cluster, also for the user's kubectl and istioctl. */
  readonly kubeOptions: KubeOptions
  /** Present if `interactive`. */
  readonly ask?: Ask | undefined
  /** For commands that emit events before they have a context. */
  readonly emit: Emit
  /** Connects to the cluster with a new client. `title` heads the list of steps. */
  context(title: string): Promise<WorkflowContext & { kube: Kube & Follower }>
  /**
   * Ends the list of steps of a command that continues, and prints the warnings so far. Returns the changes and
   * warnings for the envelope of the first line.
   */
  endProgress(): Promise<Collected>
  /** Formats text for stdout. */
  renderer(): Promise<TextRenderer>
  /** Prints an error that does not end the command to stderr. */
  reportError(error: CassSniError): Promise<void>
  /** Writes text to stdout immediately and unchanged, for commands that print while they run. */
  print(text: string): void
  /** For a command that writes the envelope itself, up to and including its field `result`. */
  writes(envelope: OpenEnvelope): void
  /** Writes a line to stderr, at this level of -v or higher. */
  log(line: string, level?: number): void
  /** While another program has the terminal, Ctrl-C is for that program: it does not abort this run. */
  withoutCtrlC<T>(work: () => Promise<T>): Promise<T>
  /** Renders steps; commands get the connection and datacenter flags of this command line. */
  steps(next: readonly NextStep[]): RenderedStep[]
}

/** The flags read here; commands read the others. */
interface KnownFlags {
  output: string
  v: number
  color: ColorChoice
  'dry-run'?: boolean
  yes?: boolean
  timeout?: number
}

/** A result with `ok: false` is a negative verdict (`verify`) without an error: exit code 1. */
type Verdict = { ok?: unknown }

export abstract class CassSniCommand<Result extends object | undefined = object | undefined> extends Command {
  static override usage: string | string[] = '<%= command.id %> [flags]'

  static override baseFlags = { ...connectionFlags(), ...commonFlags, output: outputFlag(['text', 'json', 'yaml']) }

  /** Flags of a similar program, and what to use instead (see `CommandFlags`). */
  static foreignFlags: Readonly<Record<string, NextStep>> = {}

  /** `kind` of the envelope: the name of the schema in docs/schemas. */
  protected abstract readonly kind: string

  /** 'lines' for a command that writes its results while it runs, one envelope per line, errors included. */
  protected enveloped: Enveloped = 'whole'

  /** The exit code of a failure; different for a command whose exit code 1 is a result. */
  protected readonly failureExit: ExitCode = EXIT.failed

  /** True for a command that runs until Ctrl-C, which is then not an error, although the exit code is 130 or 143. */
  protected untilInterrupted: boolean = false

  /** True for a command that runs a program, the words after "--", and ends with its exit code. */
  protected readonly runsProgram: boolean = false

  /** For a command that streams data or reads many objects: the time in ms after which its heap is kept small. */
  protected readonly smallHeapAfterMs: number | undefined = undefined

  /** Parses the flags and calls one workflow. */
  protected abstract work(run: Run): Promise<Result>

  /** Formats the result for stdout; '' for no output. Text from the cluster requires `renderer.printable`. */
  protected abstract present(result: Result, renderer: TextRenderer): string

  /** The exit code for a result. */
  protected exitCodeOf(result: Result): number {
    return (result as Verdict | undefined)?.ok === false ? EXIT.failed : EXIT.ok
  }

  /** Runs the command, sets process.exitCode and resolves with the same value. Never rejects. */
  override async run(): Promise<number> {
    const output = new RunOutput(this.kind, () => this.enveloped, formOfWords(this.argv))
    const interruption = new Interruption()
    interruption.signal.addEventListener('abort', () => output.cut(), { once: true })
    const release = output.onClosedPipe((reason) => interruption.abort(reason))
    let result: Result | undefined
    let error: CassSniError | undefined
    let line = this.#line([], [], [])
    let steps: RenderedStep[] = []
    try {
      const parsed = await this.#flags()
      const { flags } = parsed
      line = parsed.line
      output.settle({ format: flags.output, color: flags.color, level: flags.v }, (next) =>
        renderSteps(next, parsed.line),
      )
      await requireInputFiles(line.flags, this.ctor.flags ?? {})
      if (flags.timeout !== undefined) interruption.limit(flags.timeout)
      const work = () => interruption.race(this.work(this.#run(flags, line, output, interruption)))
      if (this.smallHeapAfterMs === undefined) result = await work()
      else result = await (await import('./small-heap.ts')).inSmallHeap(this.smallHeapAfterMs, work)
    } catch (caught) {
      error = interruption.reasonFor(caught) ?? asCassSniError(caught)
      steps = renderSteps(error.next, line)
    }
    let exitCode: number = error
      ? this.#failureExitOf(interruption.exitCodeOf(error))
      : this.exitCodeOf(result as Result)
    try {
      const expected = this.untilInterrupted && error?.code === 'CSNI902'
      // The shell's prompt belongs below the ^C.
      if (expected && process.stderr.isTTY) process.stderr.write('\n')
      await output.finish(result, expected ? undefined : error, steps, (finished, renderer) =>
        this.present(finished as Result, renderer),
      )
    } catch (caught) {
      error = asCassSniError(caught)
      exitCode = this.#failureExitOf(error.exitCode)
      await output.fail(error)
    }
    const lost = error ? undefined : await output.lost()
    if (lost) {
      exitCode = this.#failureExitOf(lost.exitCode)
      await output.fail(lost)
    }
    interruption.end()
    release()
    process.exitCode = exitCode
    return exitCode
  }

  #failureExitOf(code: ExitCode): ExitCode {
    return code === EXIT.failed ? this.failureExit : code
  }

  /** Parses the command line. Throws CSNI101 if it is invalid. */
  async #flags(): Promise<{ flags: KnownFlags; line: CommandLine }> {
    const ctor = this.ctor as typeof CassSniCommand
    // kubectl's --username may be empty.
    const rejected = REJECTED_EMPTY.filter((name) => name in (ctor.flags ?? {}))
    // Names are the keys: oclif adds them only when it parses.
    const definitions = Object.entries({ ...ctor.baseFlags, ...ctor.flags }).map(([name, flag]) => ({ ...flag, name }))
    try {
      const { argv, flags: given, args, rest } = canonical(this.argv, definitions, { allowed: ALLOWED_EMPTY, rejected })
      // oclif parses it here and again in `work`.
      this.argv = argv
      // Only words after "--" are the program's; otherwise oclif would take all of them.
      const [stray] = this.runsProgram ? args : []
      if (stray !== undefined) throw new Error(`Unexpected argument: ${stray}`)
      const { flags } = await this.parse(ctor)
      return { flags: flags as unknown as KnownFlags, line: this.#line(given, args, rest) }
    } catch (caught) {
      const help = [...this.config.bin.split(' '), ...(this.id ?? '').split(':'), '--help']
      const names = definitions.map(({ name }) => name)
      throw usageError(caught, { flagNames: names, foreignFlags: ctor.foreignFlags }, command`${help}`)
    }
  }

  #line(flags: readonly GivenFlag[], args: readonly string[], rest: readonly string[]): CommandLine {
    return {
      bin: this.config.bin,
      id: (this.id ?? '').split(':').join(' '),
      flags,
      args,
      rest,
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
    // process.stdin would open a stream, which takes milliseconds
    const interactive = isatty(0) && process.stderr.isTTY === true && flags.yes !== true && output.forPeople
    const ask: Ask | undefined = interactive ? (question) => output.ask(question, signal) : undefined
    return {
      signal,
      interactive,
      format: flags.output,
      program: line.rest ?? [],
      kubeOptions,
      ask,
      emit: output.emit,
      context: async (title) => {
        const [{ connectKube }] = await Promise.all([import('../cluster/client.ts'), output.open(title)])
        const kube = await connectKube(kubeOptions)
        const { insecure, server, cluster } = kube.target
        if (insecure) {
          const message =
            `TLS verification for API server ${server} is disabled (insecure-skip-tls-verify, cluster "${cluster}"); ` +
            'traffic including passwords can be intercepted'
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
      endProgress: () => output.endProgress(),
      renderer: () => output.renderer(),
      reportError: (error) => output.fail(error, renderSteps(error.next, line)),
      print: (text) => output.print(text),
      writes: (envelope) => output.writtenBy(envelope),
      log: (line, level = 1) => output.log(line, level),
      withoutCtrlC: (work) => interruption.withoutCtrlC(work),
      steps: (next) => renderSteps(next, line),
    }
  }
}

/** The values of the flags with these definitions: a command may define its own flag in place of kubectl's. */
function withNames(flags: object, definitions: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(flags).filter(([name]) => name in definitions))
}
