/** The output of one run: the result on stdout, everything else on stderr, never interleaved. */
import { CassSniError, type NextStep, type RenderedStep } from '../errors.ts'
import type { ChangeRecord, Emit, Question, Warning as WarningEvent, WorkflowEvent } from '../events.ts'
import type { Warning } from '../output/envelope.ts'
import { CUT_SHORT, type Ending, type Progress } from '../output/steps.ts'
import type { TextRenderer } from '../output/text-renderer.ts'
import { systemError } from '../text/system-errors.ts'
import { printableLine } from '../text/untrusted.ts'
import type { Form } from './output-form.ts'

/** One envelope at the end, or one per line, written by the command except for an error. */
export type Enveloped = 'whole' | 'lines'

/** An envelope that the command writes while it runs, up to and including the field `result`. */
export interface OpenEnvelope {
  /** Whether part of it is written; otherwise the whole envelope remains to be written. */
  readonly begun: boolean
  /** Returns the rest of `result`. `error` is the error that ended the run. */
  endResult(ok: boolean, error: CassSniError | undefined): string
}

/** Reason of the abort when the reader of stdout has exited. It is not printed, as in any Unix filter. */
const CLOSED_PIPE = 'stdout is closed'

export class RunOutput {
  readonly #kind: string
  readonly #enveloped: () => Enveloped
  #form: Form
  #open: OpenEnvelope | undefined
  #progress: Progress | undefined
  #title: string | undefined
  /** Formats a change once the progress is open; earlier changes are queued. */
  #changeText: ((change: ChangeRecord) => string) | undefined
  readonly #early: WorkflowEvent[] = []
  #held: string[] = []
  #prompting = false
  #closed = false
  #cut = false
  #lost: CassSniError | undefined
  readonly #changes: ChangeRecord[] = []
  readonly #unprinted: ChangeRecord[] = []
  readonly #warnings: WarningEvent[] = []
  #steps: (next: readonly NextStep[]) => RenderedStep[] = () => []

  /** @param enveloped asked when something is written: a flag may decide it */
  constructor(kind: string, enveloped: () => Enveloped, form: Form) {
    this.#kind = kind
    this.#enveloped = enveloped
    this.#form = form
  }

  /** Sets the form, and how next steps are rendered, once the command line is parsed. */
  settle(form: Form, steps: (next: readonly NextStep[]) => RenderedStep[]): void {
    this.#form = form
    this.#steps = steps
  }

  /** The envelope is written by the command. */
  writtenBy(envelope: OpenEnvelope): void {
    this.#open = envelope
  }

  get forPeople(): boolean {
    return ['text', 'table', 'wide'].includes(this.#form.format)
  }

  /** Calls back once when the reader of stdout has exited. Returns a function that removes the listeners. */
  onClosedPipe(abort: (reason: CassSniError) => void): () => void {
    const onError = (error: NodeJS.ErrnoException) => {
      if (this.#closed) return
      this.#closed = true
      if (error.code !== 'EPIPE')
        this.#lost = new CassSniError('CSNI104', `cannot write the output: ${systemError(error)}`, { object: 'stdout' })
      abort(this.#lost ?? new CassSniError('CSNI902', CLOSED_PIPE))
    }
    // A closed stderr must not end the work.
    const ignore = () => {}
    // @oclif/core throws from its listener (lib/command.js), which would end the program with a stack trace.
    const others = process.stdout.listeners('error') as (() => void)[]
    process.stdout.removeAllListeners('error').on('error', onError)
    process.stderr.on('error', ignore)
    return () => {
      process.stdout.off('error', onError)
      for (const other of others) process.stdout.on('error', other)
      process.stderr.off('error', ignore)
    }
  }

  /** The error of a failed write, such as a full disk, which is known only after the write. */
  async lost(): Promise<CassSniError | undefined> {
    await new Promise((resolve) => setImmediate(resolve))
    return this.#lost
  }

  /** Prepares the list of steps, before the first event. */
  async open(title: string): Promise<void> {
    if (this.#progress) return
    const [{ createProgress }, { palette, symbols, wantsColor }, { createTextRenderer }, { changeText }] =
      await Promise.all([
        import('../output/progress.ts'),
        import('../output/color.ts'),
        import('../output/text-renderer.ts'),
        import('../output/messages.ts'),
      ])
    const { stdout, stderr, env } = process
    const renderer = createTextRenderer(this.#form.color, env, stdout)
    this.#changeText = (change) => changeText(change, renderer)
    this.#title = title
    this.#progress = await createProgress(
      { stream: stderr, paint: palette(wantsColor(this.#form.color, env, stderr)), symbols: symbols(env) },
      env,
    )
    for (const event of this.#early.splice(0)) this.emit(event)
  }

  /** Marks the work as interrupted: steps that fail from now on are reported as such. */
  cut(): void {
    this.#cut = true
  }

  readonly emit: Emit = (event) => {
    switch (event.type) {
      case 'change':
        this.#changes.push(event.change)
        // immediately: the change is reported even if the rest fails or the program is killed
        if (this.#changeText && this.forPeople) this.print(this.#changeText(event.change))
        else this.#unprinted.push(event.change)
        return
      case 'warning':
        this.#warnings.push(event)
        return
      default:
        if (!this.#progress) this.#early.push(event)
        else {
          if (
            this.#title !== undefined &&
            this.#progress.live === false &&
            event.type === 'step' &&
            process.stderr.isTTY
          )
            process.stderr.write(`${this.#title}\n`)
          this.#title = undefined
          const cut = this.#cut && event.type === 'step' && event.state === 'failed'
          this.#progress.show(cut ? { ...event, state: 'skipped', note: CUT_SHORT } : event)
        }
    }
  }

  /** Prompts, with the list of steps removed from the screen. */
  async ask(question: Question, signal: AbortSignal): Promise<string> {
    const { createAsk } = await import('../output/prompts.ts')
    await this.#progress?.pause()
    this.#prompting = true
    try {
      return await createAsk(signal)(question)
    } finally {
      this.#prompting = false
      this.#progress?.resume()
    }
  }

  /** Writes text to stdout immediately; held while a list or a prompt is on the same terminal. */
  print(text: string): void {
    if (this.#closed) return
    if ((this.#progress?.live || this.#prompting) && process.stdout.isTTY) this.#held.push(text)
    else process.stdout.write(text)
  }

  /** Writes a log line to stderr. listr2 holds it until its list is done. */
  log(line: string, level: number): void {
    if (this.#form.level >= level) process.stderr.write(`${printableLine(line)}\n`)
  }

  /**
   * Ends the list of steps of a command that continues. Returns the changes and warnings so far, once.
   */
  async endProgress(): Promise<{ changes: ChangeRecord[]; warnings: Warning[] }> {
    await this.#settleProgress('done')
    this.#progress = undefined
    if (this.forPeople) await this.#warn()
    return { changes: this.#changes.splice(0), warnings: this.#warnings.splice(0).map((each) => this.#rendered(each)) }
  }

  async renderer(): Promise<TextRenderer> {
    const { createTextRenderer } = await import('../output/text-renderer.ts')
    return createTextRenderer(this.#form.color, process.env, process.stdout)
  }

  /** Writes the remaining output: changes, the result, warnings, the error. */
  async finish(
    result: object | undefined,
    error: CassSniError | undefined,
    steps: readonly RenderedStep[],
    present: (result: object, renderer: TextRenderer) => string,
  ): Promise<void> {
    await this.#settleProgress(error === undefined ? 'done' : this.#cut ? 'skipped' : 'failed')
    const { format } = this.#form
    if (this.#closed) {
      if (error && error === this.#lost) await this.fail(error, steps)
      return
    }
    const whole = this.#enveloped() === 'whole'
    if ((whole || error) && (format === 'json' || format === 'yaml' || format === 'jsonl')) {
      const { envelope, jsonLine, restOfEnvelope, serialize } = await import('../output/envelope.ts')
      const next = steps.map(({ text }) => text)
      const warnings = this.#warnings.map((each) => this.#rendered(each))
      const outcome = { result, changes: this.#changes, warnings, error, next }
      const enveloped = envelope(this.#kind, outcome)
      if (format === 'jsonl' || (format === 'json' && !whole)) process.stdout.write(jsonLine(enveloped))
      else if (this.#open?.begun !== true) process.stdout.write(await serialize(enveloped, format))
      else {
        const ok = result !== undefined && (result as { ok?: unknown }).ok !== false
        process.stdout.write(this.#open.endResult(ok, error) + (await restOfEnvelope(enveloped, format)))
      }
    } else {
      const [{ createTextRenderer }, { changeText }] = await Promise.all([
        import('../output/text-renderer.ts'),
        import('../output/messages.ts'),
      ])
      const renderer = createTextRenderer(this.#form.color, process.env, process.stdout)
      if (this.forPeople) for (const change of this.#unprinted) process.stdout.write(changeText(change, renderer))
      const text = result === undefined ? '' : present(result, renderer)
      if (text !== '') process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
      await this.#warn()
    }
    if (error) await this.fail(error, steps)
  }

  /** Writes an error as text to stderr. */
  async fail(error: CassSniError, steps: readonly RenderedStep[] = []): Promise<void> {
    if (this.#closed && error !== this.#lost) return
    const [{ palette, wantsColor }, { errorText }] = await Promise.all([
      import('../output/color.ts'),
      import('../output/messages.ts'),
    ])
    const paint = palette(wantsColor(this.#form.color, process.env, process.stderr))
    const internal = error.code === 'CSNI903' && this.#form.level < 9
    const where: RenderedStep = { label: 'Hint', text: 'rerun with -v 9 to print the stack trace' }
    process.stderr.write(
      errorText(error, internal ? [...steps, where] : steps, paint, { stack: this.#form.level >= 9 }),
    )
  }

  async #warn(): Promise<void> {
    if (this.#warnings.length === 0) return
    const [{ palette, wantsColor }, { warningText }] = await Promise.all([
      import('../output/color.ts'),
      import('../output/messages.ts'),
    ])
    const paint = palette(wantsColor(this.#form.color, process.env, process.stderr))
    for (const { message, code, next = [] } of this.#warnings)
      process.stderr.write(warningText({ message, code, steps: this.#steps(next) }, paint))
  }

  #rendered({ message, code, next }: WarningEvent): Warning {
    return { message, code, next: next && this.#steps(next).map(({ text }) => text) }
  }

  async #settleProgress(how: Ending): Promise<void> {
    await this.#progress?.end(how)
    for (const text of this.#held.splice(0)) if (!this.#closed) process.stdout.write(text)
  }
}
