/**
 * A queue of keys that are processed one at a time. Adding a key that is being processed causes exactly one more run.
 * Modeled on kubernetes/client-go util/workqueue.
 */
import { throwIfAborted } from '../errors.ts'
import { backOff } from '../waiting/back-off.ts'

export interface WorkQueueOptions {
  signal: AbortSignal
  /** How long a key waits for the rest of a burst, in ms. Default 30. */
  lingerMs?: number | undefined
  /** First pause after a failure, in ms. Default 200. */
  firstMs?: number | undefined
  /** Longest pause, in ms. Default 30,000. */
  longestMs?: number | undefined
}

const LINGER_MS = 30
const FIRST_MS = 200
const LONGEST_MS = 30_000

export class WorkQueue {
  readonly #options: WorkQueueOptions
  /** Keys that are due, in order. */
  readonly #due = new Set<string>()
  /** Timers of keys that linger or are paused after a failure. */
  readonly #timers = new Map<string, { timer: NodeJS.Timeout; at: number }>()
  readonly #pauses = new Map<string, () => number>()
  #running: string | undefined
  /** The current key was added again. */
  #dirty = false
  #wake: () => void = () => undefined
  #startedAt: number | undefined

  constructor(options: WorkQueueOptions) {
    this.#options = options
  }

  /** How long the current run has taken, in ms; undefined while idle. */
  get busyMs(): number | undefined {
    return this.#startedAt === undefined ? undefined : performance.now() - this.#startedAt
  }

  /** Schedules a key after the linger time, also if it is waiting longer after a failure. */
  add(key: string): void {
    if (this.#running === key) this.#dirty = true
    else if (!this.#due.has(key)) this.#later(key, this.#options.lingerMs ?? LINGER_MS)
  }

  /** Schedules a key after this time at the latest, in ms. */
  addLater(key: string, ms: number): void {
    if (!this.#due.has(key)) this.#later(key, ms)
  }

  /**
   * Processes keys until the signal is aborted, then rejects with its reason. A failed run is reported to `onError` and
   * repeated with a back-off.
   */
  async run(work: (key: string) => Promise<void>, onError: (key: string, error: unknown) => void): Promise<never> {
    const { signal } = this.#options
    const onAbort = () => this.#wake()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      for (;;) {
        throwIfAborted(signal)
        const [key] = this.#due
        if (key === undefined) {
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
          continue
        }
        this.#due.delete(key)
        await this.#workOn(key, work, onError)
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
      for (const { timer } of this.#timers.values()) clearTimeout(timer)
      this.#timers.clear()
    }
  }

  async #workOn(
    key: string,
    work: (key: string) => Promise<void>,
    onError: (key: string, error: unknown) => void,
  ): Promise<void> {
    this.#running = key
    this.#dirty = false
    this.#startedAt = performance.now()
    try {
      await work(key)
      this.#pauses.delete(key)
      if (this.#dirty) this.#later(key, this.#options.lingerMs ?? LINGER_MS)
    } catch (error) {
      throwIfAborted(this.#options.signal)
      onError(key, error)
      this.#later(key, this.#pauseOf(key)())
    } finally {
      this.#running = undefined
      this.#startedAt = undefined
    }
  }

  #pauseOf(key: string): () => number {
    const { firstMs = FIRST_MS, longestMs = LONGEST_MS } = this.#options
    const pause = this.#pauses.get(key) ?? backOff({ firstMs, longestMs })
    this.#pauses.set(key, pause)
    return pause
  }

  #later(key: string, ms: number): void {
    const at = performance.now() + ms
    const waiting = this.#timers.get(key)
    if (waiting !== undefined) {
      if (waiting.at <= at) return
      clearTimeout(waiting.timer)
    }
    const timer = setTimeout(() => {
      this.#timers.delete(key)
      this.#due.add(key)
      this.#wake()
    }, ms)
    this.#timers.set(key, { timer, at })
  }
}
