/** Time limits by AbortSignal, so that no work continues after the limit. */
import { asCassSniError, type CassSniError, throwIfAborted } from '../errors.ts'

/** The longest time that Node's timers support, in ms (24.8 days): a longer one fires immediately. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1

export interface TimeLimit {
  ms: number
  /** Creates the error for a timeout. */
  late: () => CassSniError
  /** Aborts the work earlier, with its reason. */
  signal?: AbortSignal | undefined
}

/**
 * Runs work that honors its signal. Rejects with `late()` on timeout, or with the outer signal's reason if that is
 * aborted; in both cases once the work has ended.
 */
export async function withinLimit<T>(limit: TimeLimit, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { ms, late, signal } = limit
  if (signal !== undefined) throwIfAborted(signal)
  const over = new AbortController()
  const timer = setTimeout(() => over.abort(late()), ms)
  try {
    return await work(signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]))
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Settles like the promise, or rejects with the signal's reason once aborted: for work that cannot be aborted itself.
 * A later result is passed to `abandoned`.
 */
export async function abortable<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  abandoned: (result: T) => void = () => undefined,
): Promise<T> {
  if (signal === undefined) return promise
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => reject(asCassSniError(signal.reason))
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
    promise.then(
      (result) => {
        signal.removeEventListener('abort', stop)
        if (signal.aborted) abandoned(result)
        resolve(result)
      },
      (error: unknown) => {
        signal.removeEventListener('abort', stop)
        reject(error)
      },
    )
  })
}
