/** Exponential back-off with jitter, so that many clients do not retry at the same moment. */

export interface BackOff {
  /** Upper bound of the first pause, in ms. */
  firstMs: number
  /** Upper bound of all pauses, in ms. */
  longestMs: number
  /** Default 2. */
  factor?: number | undefined
  /** Random number source in [0, 1), for tests; default Math.random. */
  random?: (() => number) | undefined
}

/** Returns a function for the next pause in ms, between half of the current step and the whole step. */
export function backOff({ firstMs, longestMs, factor = 2, random = Math.random }: BackOff): () => number {
  let step = firstMs
  return () => {
    const pause = step / 2 + (random() * step) / 2
    step = Math.min(step * factor, longestMs)
    return pause
  }
}
