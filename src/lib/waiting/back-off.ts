/** The one back-off: pauses that grow, with jitter, so that many clients do not come back at the same moment. */

export interface BackOff {
  /** The first pause at most, in ms. */
  firstMs: number
  /** No pause is longer, in ms. */
  longestMs: number
  /** Default 2. */
  factor?: number | undefined
  /** A number from 0 up to 1, for tests; default Math.random. */
  random?: (() => number) | undefined
}

/** A function that returns the next pause in ms: between half of the current step and all of it. */
export function backOff({ firstMs, longestMs, factor = 2, random = Math.random }: BackOff): () => number {
  let step = firstMs
  return () => {
    const pause = step / 2 + (random() * step) / 2
    step = Math.min(step * factor, longestMs)
    return pause
  }
}
