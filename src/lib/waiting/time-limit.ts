/** The one way to limit what work may take: by its signal, so that nothing goes on after the limit. */
import { asCassSniError, type CassSniError, throwIfAborted } from '../errors.ts'

export interface TimeLimit {
  ms: number
  /** The error when the time is over. */
  late: () => CassSniError
  /** Ends the work earlier, with its reason. */
  signal?: AbortSignal | undefined
}

/**
 * Runs work that honors its signal. Rejects with `late()` when the time is over, with the outer signal's reason when
 * that is aborted; in both cases as soon as the work has ended itself.
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
 * The promise's outcome, or the signal's reason as soon as it is aborted: for what cannot be aborted itself. What
 * becomes of it later goes to `abandoned`.
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
