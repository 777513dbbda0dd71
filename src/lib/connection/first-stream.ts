/** Races several connection attempts with staggered starts, so that one that hangs does not delay the others. */
import type { Duplex } from 'node:stream'
import { asCassSniError, throwIfAborted } from '../errors.ts'

/** Delay before the next attempt starts in parallel (similar to RFC 8305). */
const HEAD_START_MS = 2_000

/**
 * Starts the attempts in order, the next one when one fails or takes more than two seconds. Resolves with the first
 * stream that opens and aborts the others; rejects with the last error if all fail, or with the signal's reason.
 */
export async function firstStream(
  attempts: ((signal: AbortSignal) => Promise<Duplex>)[],
  signal?: AbortSignal,
): Promise<Duplex> {
  if (signal !== undefined) throwIfAborted(signal)
  const stop = new AbortController()
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined
    let started = 0
    let failed = 0
    let won = false
    const settle = (finish: () => void): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', aborted)
      finish()
    }
    const aborted = (): void => {
      stop.abort(signal?.reason)
      settle(() => reject(asCassSniError(signal?.reason)))
    }
    signal?.addEventListener('abort', aborted, { once: true })
    const next = (): void => {
      clearTimeout(timer)
      const attempt = attempts[started]
      if (attempt === undefined || won || stop.signal.aborted) return
      started += 1
      timer = setTimeout(next, HEAD_START_MS)
      Promise.resolve()
        .then(() => attempt(stop.signal))
        .then(
          (stream) => {
            if (won || stop.signal.aborted) {
              stream.on('error', () => undefined)
              stream.destroy()
              return
            }
            won = true
            // an abort costs more than the rest of this function
            if (started - failed > 1) stop.abort(new Error('another attempt was faster'))
            settle(() => resolve(stream))
          },
          (error: unknown) => {
            failed += 1
            if (failed === attempts.length) settle(() => reject(error))
            else next()
          },
        )
    }
    next()
  })
}
