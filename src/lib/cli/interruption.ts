/** The one AbortController of a run: Ctrl-C, SIGTERM, --timeout, and a reader of stdout that went away. */
import { asCassSniError, CassSniError, EXIT, type ExitCode } from '../errors.ts'
import { endAtOnce } from './process-end.ts'

/** How long the work may take to stop by itself after it was told to. */
const GRACE_MS = 3000

export class Interruption {
  readonly #controller = new AbortController()
  readonly #signals = ['SIGINT', 'SIGTERM'] as const
  #timer: NodeJS.Timeout | undefined
  #terminated = false
  #limit: { ms: number; since: number } | undefined

  constructor() {
    for (const name of this.#signals) process.on(name, this.#onSignal)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  readonly #onSignal = (name: NodeJS.Signals): void => {
    const terminated = name === 'SIGTERM'
    // The second Ctrl-C does not wait for anything.
    if (this.signal.aborted) {
      // A list of steps may have hidden the cursor.
      if (process.stderr.isTTY) process.stderr.write('\u001b[?25h')
      endAtOnce(terminated ? EXIT.terminated : EXIT.interrupted)
    }
    this.#terminated = terminated
    this.abort(new CassSniError('CSNI902', terminated ? 'Terminated by SIGTERM.' : 'Interrupted by Ctrl-C.'))
  }

  abort(reason: CassSniError): void {
    this.#controller.abort(reason)
  }

  /** Aborts with CSNI901 that many milliseconds from now; 0 is no limit, as for kubectl. */
  limit(ms: number): void {
    if (ms === 0) return
    this.#limit = { ms, since: Date.now() }
    this.#arm()
  }

  /** A timer of Node holds at most 2^31-1 ms (24.8 days); a longer one would fire at once. */
  #arm(): void {
    if (!this.#limit) return
    const { ms, since } = this.#limit
    const rest = since + ms - Date.now()
    this.#timer = setTimeout(
      () =>
        rest > 2 ** 31 - 1
          ? this.#arm()
          : this.abort(
              new CassSniError('CSNI901', `The time limit of ${Math.round(ms / 100) / 10} s (--timeout) was reached.`),
            ),
      Math.min(Math.max(rest, 0), 2 ** 31 - 1),
    )
  }

  /** The work, or the reason of the abort when the work has not stopped soon after it. */
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

  /**
   * When the run was aborted: the error to report instead of what the abort caused. Workflows may have thrown a
   * fuller CSNI901 or CSNI902.
   */
  reasonFor(caught: unknown): CassSniError | undefined {
    if (!this.signal.aborted) return undefined
    const reason = asCassSniError(this.signal.reason)
    return caught instanceof CassSniError && caught.code === reason.code ? caught : reason
  }

  /** The exit code for the error of the run: an interruption by SIGTERM has one of its own. */
  exitCodeOf(error: CassSniError): ExitCode {
    return this.#terminated && error.exitCode === EXIT.interrupted ? EXIT.terminated : error.exitCode
  }

  end(): void {
    clearTimeout(this.#timer)
    for (const name of this.#signals) process.off(name, this.#onSignal)
  }
}
