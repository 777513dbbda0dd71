/** The one way to wait: ask until there is an answer, with a pause in between. */
import { setTimeout as sleep } from 'node:timers/promises'
import { throwIfAborted } from '../errors.ts'

export interface Poll<T> {
  signal: AbortSignal
  /**
   * Asked at once, then after each pause; anything but undefined ends the wait. What it throws ends the wait as well.
   */
  until: () => Promise<T | undefined> | T | undefined
  /** The pause in ms, or a function that returns the next one (see back-off.ts). */
  interval: number | (() => number)
  /** How long to go on asking, in ms; without it until the signal is aborted. */
  timeoutMs?: number | undefined
}

/**
 * Resolves with the first answer that is not undefined, or with undefined when the time is over. Rejects with the
 * signal's reason when it is aborted.
 */
export async function poll<T>({ signal, until, interval, timeoutMs }: Poll<T>): Promise<T | undefined> {
  const end = timeoutMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs
  for (;;) {
    throwIfAborted(signal)
    const answer = await until()
    if (answer !== undefined) return answer
    const left = end - performance.now()
    if (left <= 0) return undefined
    await pause(Math.min(typeof interval === 'number' ? interval : interval(), left), signal)
  }
}

/** Waits that many ms. Rejects with the signal's reason when it is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal })
  } catch (error) {
    throwIfAborted(signal)
    throw error
  }
}
