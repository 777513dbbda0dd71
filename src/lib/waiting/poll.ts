/** Polling: repeats a query until it returns a value. */
import { setTimeout as sleep } from 'node:timers/promises'
import { throwIfAborted } from '../errors.ts'

export interface Poll<T> {
  signal: AbortSignal
  /** Called immediately, then after each pause. Any value except undefined ends the wait, and so does an error. */
  until: () => Promise<T | undefined> | T | undefined
  /** The pause in ms, or a function for the next one (see back-off.ts). */
  interval: number | (() => number)
  /** Time limit in ms; default: until the signal is aborted. */
  timeoutMs?: number | undefined
}

/**
 * Resolves with the first value that is not undefined, or with undefined after the time limit. Rejects with the
 * signal's reason if aborted.
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

/** Waits `ms` milliseconds. Rejects with the signal's reason if aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal })
  } catch (error) {
    throwIfAborted(signal)
    throw error
  }
}
