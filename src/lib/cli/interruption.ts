/** The one AbortController of a run: Ctrl-C, SIGTERM, --timeout, and a reader of stdout that went away. */
import { asCassSniError, CassSniError, EXIT } from '../errors.ts'

/** How long the work may take to stop by itself after it was told to. */
const GRACE_MS = 3000

export class Interruption {
  readonly #controller = new AbortController()
  readonly #signals = ['SIGINT', 'SIGTERM'] as const
  #timer: NodeJS.Timeout | undefined
  #limit: { ms: number; since: number } | undefined

  constructor() {
    for (const name of this.#signals) process.on(name, this.#onSignal)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  readonly #onSignal = (name: NodeJS.Signals): void => {
    // The second Ctrl-C does not wait for anything.
    if (this.signal.aborted) {
      // A list of steps may have hidden the cursor.
      if (process.stderr.isTTY) process.stderr.write('\u001b[?25h')
      process.exit(EXIT.interrupted)
    }
    this.abort(new CassSniError('CSNI902', name === 'SIGINT' ? 'Interrupted by Ctrl-C.' : 'Interrupted by SIGTERM.'))
  }

  abort(reason: CassSniError): void {
    this.#controller.abort(reason)
  }

  /** Aborts with CSNI901 that many milliseconds from now. */
  limit(ms: number): void {
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

  end(): void {
    clearTimeout(this.#timer)
    for (const name of this.#signals) process.off(name, this.#onSignal)
  }
}
