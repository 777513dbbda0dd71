/**
 * A queue of keys, each of which is processed by one worker at a time. Adding a key that is being processed causes
 * exactly one more run.
 * Modeled on kubernetes/client-go util/workqueue.
 */
import { throwIfAborted } from '../errors.ts'
import { backOff } from '../waiting/back-off.ts'

export interface WorkQueueOptions {
  signal: AbortSignal
  /** How many keys are processed at the same time. Default 1. */
  workers?: number | undefined
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

interface Run {
  startedAt: number
  /** The key was added again. */
  dirty: boolean
  ended: Promise<void>
}

export class WorkQueue {
  readonly #options: WorkQueueOptions
  /** Keys that are due, in order. */
  readonly #due = new Set<string>()
  /** Timers of keys that linger or are paused after a failure. */
  readonly #timers = new Map<string, { timer: NodeJS.Timeout; at: number }>()
  readonly #pauses = new Map<string, () => number>()
  readonly #running = new Map<string, Run>()
  /** Wakes the idle workers. */
  readonly #idle = new Set<() => void>()

  constructor(options: WorkQueueOptions) {
    this.#options = options
  }

  /** How long the longest current run has taken, in ms; undefined while idle. */
  get busyMs(): number | undefined {
    const started = [...this.#running.values()].map(({ startedAt }) => startedAt)
    return started.length === 0 ? undefined : performance.now() - Math.min(...started)
  }

  /** Schedules a key after the linger time, also if it is waiting longer after a failure. */
  add(key: string): void {
    const running = this.#running.get(key)
    if (running !== undefined) running.dirty = true
    else if (!this.#due.has(key)) this.#later(key, this.#options.lingerMs ?? LINGER_MS)
  }

  /** Schedules a key after this time at the latest, in ms. */
  addLater(key: string, ms: number): void {
    if (!this.#due.has(key)) this.#later(key, ms)
  }

  /** Forgets the failures of a key that no longer exists. */
  forget(key: string): void {
    this.#pauses.delete(key)
  }

  /** Resolves when the runs that are now in progress have ended. */
  async settled(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ ended }) => ended))
  }

  /**
   * Processes keys until the signal is aborted, then rejects with its reason once the current runs have ended. A failed
   * run is reported to `onError`, which must not throw, and repeated with a back-off.
   */
  async run(work: (key: string) => Promise<void>, onError: (key: string, error: unknown) => void): Promise<never> {
    const { signal, workers = 1 } = this.#options
    const onAbort = () => this.#wake()
    signal.addEventListener('abort', onAbort, { once: true })
    const worker = async (): Promise<never> => {
      for (;;) {
        throwIfAborted(signal)
        const [key] = this.#due
        if (key === undefined) await new Promise<void>((resolve) => this.#idle.add(resolve))
        else await this.#workOn(key, work, onError)
      }
    }
    try {
      const [never] = await Promise.all([worker(), ...Array.from({ length: workers - 1 }, worker)])
      return never
    } finally {
      signal.removeEventListener('abort', onAbort)
      for (const { timer } of this.#timers.values()) clearTimeout(timer)
      this.#timers.clear()
      await this.settled()
    }
  }

  async #workOn(
    key: string,
    work: (key: string) => Promise<void>,
    onError: (key: string, error: unknown) => void,
  ): Promise<void> {
    this.#due.delete(key)
    let end: () => void = () => undefined
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    const run: Run = { startedAt: performance.now(), dirty: false, ended }
    this.#running.set(key, run)
    try {
      await work(key)
      this.#pauses.delete(key)
      if (run.dirty) this.#later(key, this.#options.lingerMs ?? LINGER_MS)
    } catch (error) {
      throwIfAborted(this.#options.signal)
      onError(key, error)
      this.#later(key, this.#pauseOf(key)())
    } finally {
      this.#running.delete(key)
      end()
    }
  }

  #wake(): void {
    for (const resolve of this.#idle) resolve()
    this.#idle.clear()
  }

  #pauseOf(key: string): () => number {
    const { firstMs = FIRST_MS, longestMs = LONGEST_MS } = this.#options
    const pause = this.#pauses.get(key) ?? backOff({ firstMs, longestMs })
    this.#pauses.set(key, pause)
    return pause
  }

  /** Makes the key due; if it is being processed, once more after that. */
  #add(key: string): void {
    const running = this.#running.get(key)
    if (running !== undefined) running.dirty = true
    else this.#due.add(key)
    this.#wake()
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
      this.#add(key)
    }, ms)
    this.#timers.set(key, { timer, at })
  }
}
