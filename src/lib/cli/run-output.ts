/** Where the output of one run goes: the result to stdout, all else to stderr, and never both into one another. */
import { CassSniError, type RenderedStep } from '../errors.ts'
import type { ChangeRecord, Emit, Question, WorkflowEvent } from '../events.ts'
import type { Warning } from '../output/envelope.ts'
import { CUT_SHORT, type Ending, type Progress } from '../output/steps.ts'
import type { Show } from '../output/show.ts'
import { printableLine } from '../text/untrusted.ts'
import type { Form } from './output-form.ts'

/** One envelope when all is done, or one a line, which the command writes itself but for the one with an error. */
export type Enveloped = 'whole' | 'lines'

/** An envelope that the command writes by itself, while it runs, up to and including the field `result`. */
export interface OpenEnvelope {
  /** Whether anything of it is written; the whole envelope is still to be written otherwise. */
  readonly begun: boolean
  /** The rest of `result`. @param error why the run ended */
  endResult(ok: boolean, error: CassSniError | undefined): string
}

/** Reason of the abort when the reader of stdout is gone: nothing is said about it, as with any Unix filter. */
const CLOSED_PIPE = 'Nobody reads the output any more.'

export class RunOutput {
  readonly #kind: string
  readonly #enveloped: Enveloped
  #form: Form
  #open: OpenEnvelope | undefined
  #progress: Progress | undefined
  #title: string | undefined
  /** How a change reads, once the progress is open; changes before that wait. */
  #changeText: ((change: ChangeRecord) => string) | undefined
  readonly #early: WorkflowEvent[] = []
  #held: string[] = []
  #asking = false
  #closed = false
  #cut = false
  #lost: CassSniError | undefined
  readonly #changes: ChangeRecord[] = []
  readonly #untold: ChangeRecord[] = []
  readonly #warnings: Warning[] = []

  constructor(kind: string, enveloped: Enveloped, form: Form) {
    this.#kind = kind
    this.#enveloped = enveloped
    this.#form = form
  }

  /** The form, once the command line is parsed. */
  settle(form: Form): void {
    this.#form = form
  }

  /** The envelope is written by the command. */
  writtenBy(envelope: OpenEnvelope): void {
    this.#open = envelope
  }

  get forPeople(): boolean {
    return this.#form.format === 'text' || this.#form.format === 'table'
  }

  /** Calls back once when stdout has no reader any more. Returns the function that ends the watch. */
  onClosedPipe(abort: (reason: CassSniError) => void): () => void {
    const onError = (error: NodeJS.ErrnoException) => {
      if (this.#closed) return
      this.#closed = true
      if (error.code !== 'EPIPE')
        this.#lost = new CassSniError('CSNI104', `the output cannot be written: ${error.message}`, { object: 'stdout' })
      abort(this.#lost ?? new CassSniError('CSNI902', CLOSED_PIPE))
    }
    // What is only told must not end the work.
    const ignore = () => {}
    // @oclif/core throws from a listener of its own (lib/command.js): the program would die with a stack trace.
    const others = process.stdout.listeners('error') as (() => void)[]
    process.stdout.removeAllListeners('error').on('error', onError)
    process.stderr.on('error', ignore)
    return () => {
      process.stdout.off('error', onError)
      for (const other of others) process.stdout.on('error', other)
      process.stderr.off('error', ignore)
    }
  }

  /** Why what was written did not arrive, a full disk for instance; known only after the write. */
  async lost(): Promise<CassSniError | undefined> {
    await new Promise((resolve) => setImmediate(resolve))
    return this.#lost
  }

  /** Makes the list of steps ready, before the first event. */
  async open(title: string): Promise<void> {
    if (this.#progress) return
    const [{ createProgress }, { palette, symbols, wantsColor }, { createShow }, { changeText }] = await Promise.all([
      import('../output/progress.ts'),
      import('../output/color.ts'),
      import('../output/show.ts'),
      import('../output/messages.ts'),
    ])
    const { stdout, stderr, env } = process
    const show = createShow(this.#form.color, env, stdout)
    this.#changeText = (change) => changeText(change, show)
    this.#title = title
    this.#progress = await createProgress(
      { stream: stderr, paint: palette(wantsColor(this.#form.color, env, stderr)), symbols: symbols(env) },
      env,
    )
    for (const event of this.#early.splice(0)) this.emit(event)
  }

  /** The work is being cut short: what fails from now on fails for that reason. */
  cut(): void {
    this.#cut = true
  }

  readonly emit: Emit = (event) => {
    switch (event.type) {
      case 'change':
        this.#changes.push(event.change)
        // told at once: what was changed is known even if the rest fails or the program is killed
        if (this.#changeText && this.forPeople) this.print(this.#changeText(event.change))
        else this.#untold.push(event.change)
        return
      case 'warning':
        this.#warnings.push({ message: event.message, code: event.code })
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

  /** A question, with the list of steps out of the way. */
  async ask(question: Question, signal: AbortSignal): Promise<string> {
    const { createAsk } = await import('../output/prompts.ts')
    await this.#progress?.pause()
    this.#asking = true
    try {
      return await createAsk(signal)(question)
    } finally {
      this.#asking = false
      this.#progress?.resume()
    }
  }

  /** Text to stdout at once; kept back while a list or a question is on the same terminal. */
  print(text: string): void {
    if (this.#closed) return
    if ((this.#progress?.live || this.#asking) && process.stdout.isTTY) this.#held.push(text)
    else process.stdout.write(text)
  }

  /** A line of the log on stderr. listr2 keeps what is written there back until its list is done. */
  log(line: string, level: number): void {
    if (this.#form.level >= level) process.stderr.write(`${printableLine(line)}\n`)
  }

  /** Everything that is left to say: changes, the result, warnings, the error. */
  async finish(
    result: object | undefined,
    error: CassSniError | undefined,
    steps: readonly RenderedStep[],
    present: (result: object, show: Show) => string,
  ): Promise<void> {
    await this.#settleProgress(error === undefined ? 'done' : this.#cut ? 'skipped' : 'failed')
    const { format } = this.#form
    if (this.#closed) {
      if (error && error === this.#lost) await this.fail(error, steps)
      return
    }
    const whole = this.#enveloped === 'whole'
    if ((whole || error) && (format === 'json' || format === 'yaml' || format === 'jsonl')) {
      const { envelope, jsonLine, restOfEnvelope, serialize } = await import('../output/envelope.ts')
      const next = steps.map(({ text }) => text)
      const outcome = { result, changes: this.#changes, warnings: this.#warnings, error, next }
      const told = envelope(this.#kind, outcome)
      if (format === 'jsonl' || (format === 'json' && !whole)) process.stdout.write(jsonLine(told))
      else if (this.#open?.begun !== true) process.stdout.write(await serialize(told, format))
      else {
        const ok = result !== undefined && (result as { ok?: unknown }).ok !== false
        process.stdout.write(this.#open.endResult(ok, error) + (await restOfEnvelope(told, format)))
      }
    } else {
      const [{ createShow }, { changeText }] = await Promise.all([
        import('../output/show.ts'),
        import('../output/messages.ts'),
      ])
      const show = createShow(this.#form.color, process.env, process.stdout)
      if (this.forPeople) for (const change of this.#untold) process.stdout.write(changeText(change, show))
      const text = result === undefined ? '' : present(result, show)
      if (text !== '') process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
      await this.#warn()
    }
    if (error) await this.fail(error, steps)
  }

  /** An error, as text on stderr. */
  async fail(error: CassSniError, steps: readonly RenderedStep[] = []): Promise<void> {
    if (this.#closed && error !== this.#lost) return
    const [{ palette, wantsColor }, { errorText }] = await Promise.all([
      import('../output/color.ts'),
      import('../output/messages.ts'),
    ])
    const paint = palette(wantsColor(this.#form.color, process.env, process.stderr))
    const bug = error.code === 'CSNI903' && this.#form.level < 9
    const where: RenderedStep = { label: 'Hint', text: 'rerun with -v 9 to print the stack trace' }
    process.stderr.write(errorText(error, bug ? [...steps, where] : steps, paint, { stack: this.#form.level >= 9 }))
  }

  async #warn(): Promise<void> {
    if (this.#warnings.length === 0) return
    const [{ palette, wantsColor }, { warningText }] = await Promise.all([
      import('../output/color.ts'),
      import('../output/messages.ts'),
    ])
    const paint = palette(wantsColor(this.#form.color, process.env, process.stderr))
    for (const { message, code } of this.#warnings) process.stderr.write(warningText(message, code, paint))
  }

  async #settleProgress(how: Ending): Promise<void> {
    await this.#progress?.end(how)
    for (const text of this.#held.splice(0)) if (!this.#closed) process.stdout.write(text)
  }
}
