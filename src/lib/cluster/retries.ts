/**
 * Decides when a request to the API server is retried. Modeled on kubernetes/client-go rest/with_retry.go; in addition,
 * a server that has responded before is waited for, so that commands survive its restart.
 */
import { backOff } from '../waiting/back-off.ts'

/** The outcome of one attempt: a response, or an error below HTTP. */
export interface Attempt {
  status?: number | undefined
  /** The Retry-After of the response, in ms. */
  retryAfterMs?: number | undefined
  /** The error's code, e.g. ECONNRESET. */
  code?: string | undefined
  /** The connection was reused: the server may have closed it before it received the request. */
  reused?: boolean | undefined
}

export interface RetryOptions {
  /** The request is idempotent. */
  repeatable: boolean
  /** Whether the server has responded before. */
  reached: () => boolean
  now?: (() => number) | undefined
  random?: (() => number) | undefined
}

/** client-go's limit if the server sends Retry-After (rest/request.go maxRetries). */
const MOST_ATTEMPTS = 10
/** The limit while the server has never responded. */
const FIRST_ATTEMPTS = 3
/** How long a server that has responded before may be unavailable: a restart takes half a minute. */
const AWAY_MS = 60_000

/** The request was never sent, so any request may be retried. */
const UNSENT = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN'])
const CUT = new Set(['ECONNRESET', 'EPIPE'])
/** A load balancer without a healthy backend. */
const GATEWAY = new Set([502, 503, 504])

/**
 * Returns a function for one request that maps the outcome of an attempt to the pause before the next in ms, or
 * undefined to give up.
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
      const scheduled = retryAfterMs !== undefined && (status === 429 || status >= 500)
      if (scheduled || status === 429) {
        attempts++
        if (attempts > MOST_ATTEMPTS) return undefined
        // add jitter, so that clients with the same Retry-After do not return simultaneously
        return scheduled ? retryAfterMs + next() / 3 : next()
      }
      return GATEWAY.has(status) && repeatable && reached() ? whileAway() : undefined
    }
    // the idle limit of a load balancer: the retry opens a new connection
    if (reused && repeatable && CUT.has(code) && stale++ < FIRST_ATTEMPTS) return 0
    if (!UNSENT.has(code) && !(repeatable && CUT.has(code))) return undefined
    if (reached()) return whileAway()
    attempts++
    // connection refused usually means that no server is listening
    return attempts > (code === 'ECONNREFUSED' ? 1 : FIRST_ATTEMPTS) ? undefined : next()
  }
}
