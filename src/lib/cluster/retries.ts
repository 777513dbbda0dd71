/**
 * When a request to the API server is sent again. kubernetes/client-go rest/with_retry.go is the model; besides, a
 * server that has answered before is waited for, so that its restart does not end a command.
 */
import { backOff } from '../waiting/back-off.ts'

/** How one attempt ended: with an answer, or with an error below HTTP. */
export interface Attempt {
  status?: number | undefined
  /** What the answer's Retry-After says, in ms. */
  retryAfterMs?: number | undefined
  /** The error's code, e.g. ECONNRESET. */
  code?: string | undefined
  /** The connection was one that had been kept: the server may have closed it before it saw the request. */
  reused?: boolean | undefined
}

export interface RetryOptions {
  /** Sending it twice does no harm. */
  repeatable: boolean
  /** Whether the server has answered anything before. */
  reached: () => boolean
  now?: (() => number) | undefined
  random?: (() => number) | undefined
}

/** As many as client-go takes when the server says when to come back (rest/request.go maxRetries). */
const MOST_ATTEMPTS = 10
/** A server that nobody has reached yet gets as many new connections. */
const FIRST_ATTEMPTS = 3
/** How long a server that has answered before may be away: a restart takes half a minute. */
const AWAY_MS = 60_000

/** Never sent: whatever the request was, it may go out again. */
const UNSENT = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN'])
const CUT = new Set(['ECONNRESET', 'EPIPE'])
/** A load balancer without a server behind it. */
const GATEWAY = new Set([502, 503, 504])

/**
 * Of one request: a function that is told how an attempt ended and answers with the pause before the next in ms, or
 * undefined when that was the last.
 */
export function retries(options: RetryOptions): (attempt: Attempt) => number | undefined {
  const { repeatable, reached, now = () => performance.now(), random } = options
  const next = backOff({ firstMs: 300, longestMs: 5000, random })
  let attempts = 0
  let stale = 0
  let away: number | undefined
  const whileAway = () => {
    away ??= now()
    return now() - away < AWAY_MS ? next() : undefined
  }
  return ({ status, retryAfterMs, code = '', reused }) => {
    if (status !== undefined) {
      const told = retryAfterMs !== undefined && (status === 429 || status >= 500)
      if (told || status === 429) {
        attempts++
        if (attempts > MOST_ATTEMPTS) return undefined
        // all who were told the same must not come back at the same moment
        return told ? retryAfterMs + next() / 3 : next()
      }
      return GATEWAY.has(status) && repeatable && reached() ? whileAway() : undefined
    }
    // the idle limit of a load balancer: the retry opens a new connection
    if (reused && repeatable && CUT.has(code) && stale++ < FIRST_ATTEMPTS) return 0
    if (!UNSENT.has(code) && !(repeatable && CUT.has(code))) return undefined
    if (reached()) return whileAway()
    attempts++
    // the usual reason for a refused connection is that nothing listens there
    return attempts > (code === 'ECONNREFUSED' ? 1 : FIRST_ATTEMPTS) ? undefined : next()
  }
}
