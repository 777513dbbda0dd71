/** The AbortController of a run, for Ctrl-C, SIGTERM, --timeout and a closed stdout. */
import { asCassSniError, CassSniError, EXIT, type ExitCode } from '../errors.ts'
import { durationText } from '../text/duration-text.ts'
import { endImmediately } from './process-end.ts'

/** Time for the work to stop after the abort. */
const GRACE_MS = 3000

export class Interruption {
  readonly #controller = new AbortController()
  /** SIGHUP when the terminal is closed; without one, nohup may have it ignored, which a listener would undo. */
  readonly #signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', ...(process.stderr.isTTY ? ['SIGHUP' as const] : [])]
  #timer: NodeJS.Timeout | undefined
  #terminated = false

  constructor() {
    for (const name of this.#signals) process.on(name, this.#onSignal)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  readonly #onSignal = (name: NodeJS.Signals): void => {
    const terminated = name !== 'SIGINT'
    // A second Ctrl-C exits immediately.
    if (this.signal.aborted) {
      // A list of steps may have hidden the cursor.
      if (process.stderr.isTTY) process.stderr.write('\u001b[?25h')
      endImmediately(terminated ? EXIT.terminated : EXIT.interrupted)
    }
    this.#terminated = terminated
    this.abort(new CassSniError('CSNI902', terminated ? `terminated (${name})` : 'interrupted (Ctrl-C)'))
  }

  abort(reason: CassSniError): void {
    this.#controller.abort(reason)
  }

  /** Aborts with CSNI901 after `ms` milliseconds; 0 disables the limit, as in kubectl. */
  limit(ms: number): void {
    if (ms === 0) return
    const late = () => this.abort(new CassSniError('CSNI901', `timed out after ${durationText(ms)} (--timeout)`))
    this.#timer = setTimeout(late, ms)
  }

  /** Resolves as the work does; rejects with the reason of an abort if the work has not stopped soon after. */
  async race<T>(work: Promise<T>): Promise<T> {
    let grace: NodeJS.Timeout | undefined
    let onAbort = () => {}
    const stopped = new Promise<never>((_, reject) => {
      onAbort = () => {
        grace = setTimeout(() => reject(this.signal.reason), GRACE_MS)
      }
    })
    if (this.signal.aborted) onAbort()
    else this.signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await Promise.race([work, stopped])
    } finally {
      clearTimeout(grace)
      this.signal.removeEventListener('abort', onAbort)
    }
  }

  /** SIGINT reaches every process on the terminal: while one of them is the user's program, it is not for us. */
  async withoutCtrlC<T>(work: () => Promise<T>): Promise<T> {
    const ignore = () => undefined
    process.on('SIGINT', ignore)
    process.off('SIGINT', this.#onSignal)
    try {
      return await work()
    } finally {
      process.on('SIGINT', this.#onSignal)
      process.off('SIGINT', ignore)
    }
  }

  /**
   * After an abort: the error to report in place of one that the abort caused. Workflows may throw a more detailed
   * CSNI901 or CSNI902.
   */
  reasonFor(caught: unknown): CassSniError | undefined {
    if (!this.signal.aborted) return undefined
    const reason = asCassSniError(this.signal.reason)
    return caught instanceof CassSniError && caught.code === reason.code ? caught : reason
  }

  /** The exit code for the error of the run; SIGTERM has a separate one. */
  exitCodeOf(error: CassSniError): ExitCode {
    return this.#terminated && error.exitCode === EXIT.interrupted ? EXIT.terminated : error.exitCode
  }

  end(): void {
    clearTimeout(this.#timer)
    for (const name of this.#signals) process.off(name, this.#onSignal)
  }
}
