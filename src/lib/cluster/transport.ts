/** HTTP to the API server: kept-alive connections, retries, one log line per request. */
import type { Agent as HttpAgent, ClientRequest, OutgoingHttpHeaders } from 'node:http'
import { type AgentOptions, request as httpsRequest } from 'node:https'
import pLimit from 'p-limit'
import { CassSniError, throwIfAborted } from '../errors.ts'
import { pause } from '../waiting/poll.ts'
import { agentFor } from './agents.ts'
import { type Authenticate, type Security, sameCredentials } from './credential-source.ts'
import { exchange, type FullAnswer, type OpenResponse, openResponse } from './exchange.ts'
import type { KubeTarget } from './kube.ts'
import { httpRequest } from './node-http.ts'
import { unreachable } from './api-errors.ts'
import { type Attempt, retries } from './retries.ts'
import { once } from './server-warnings.ts'

export interface Call {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Below the server's own path, e.g. /api/v1/pods. */
  path: string
  query?: Record<string, string | undefined>
  body?: object
  contentType?: string
  /** The request is idempotent: it is retried if the connection breaks. */
  repeatable?: boolean
  /** False: a server that has responded before is not waited for, because the caller retries and reports it. */
  patient?: boolean
}

export interface Answer {
  status: number
  body: string
}

export interface TransportOptions {
  target: KubeTarget
  authenticate: Authenticate
  signal: AbortSignal
  userAgent: string
  /** The proxy for the server. */
  proxy?: URL | undefined
  /** False requests uncompressed responses. */
  compression?: boolean | undefined
  /** Response size limit in characters. Default 256 Mi. */
  largestAnswer?: number
  /** Time limit for one request; 0: no limit. Default: slightly more than the server's own. */
  requestTimeoutMs?: number | undefined
  log?: ((line: string) => void) | undefined
  /** Receives each warning of the server once. */
  warn?: ((message: string) => void) | undefined
}

/** URL, headers and agent for a WebSocket, with the same credentials as for requests. */
export interface Endpoint {
  url: URL
  headers: Security['headers']
  security: Security
  agent: HttpAgent
}

/** Concurrent requests; others queue before their time limit starts. */
const MOST_AT_ONCE = 16
/** A longer wait requested by the server is reported. */
const LONG_WAIT_MS = 10_000
/** Longer than kube-apiserver's own --request-timeout of 60 s, after which it returns 504 itself. */
const DEFAULT_REQUEST_MS = 75_000

/**
 * Default response size limit in characters. Far above any realistic page of 500 objects.
 */
const LARGEST_ANSWER = 256 * 1024 * 1024

export class Transport {
  readonly #options: TransportOptions
  readonly #base: URL
  readonly #warn: (message: string) => void
  readonly #limit = pLimit(MOST_AT_ONCE)
  #requests: Pool | undefined
  #sockets: Pool | undefined
  #streams: Pool | undefined
  #skewMs: number | undefined
  #reached = false
  /** Requests in progress. A signal for each of them would take as long as the rest of a short request. */
  readonly #active = new Set<ClientRequest>()
  /** No request is sent before this time (performance.now()): the server asked for a pause. */
  #resumeAt = 0

  constructor(options: TransportOptions) {
    this.#options = options
    options.signal.addEventListener('abort', () => this.#abort(), { once: true })
    this.#base = new URL(options.target.server)
    this.#warn = once(options.warn)
  }

  get target(): KubeTarget {
    return this.#options.target
  }

  get signal(): AbortSignal {
    return this.#options.signal
  }

  /** How far the server's clock is ahead of the local one in ms, from its last response; accurate to about a second. */
  get clockSkewMs(): number | undefined {
    return this.#skewMs
  }

  /** Sends a request; any status is a result. Throws CSNI201, CSNI202, CSNI103, or the reason of an abort. */
  async send(call: Call): Promise<Answer> {
    const next = retries({
      repeatable: call.method === 'GET' || call.repeatable === true,
      reached: () => this.#reached && call.patient !== false,
    })
    let refused: Security | undefined
    for (;;) {
      throwIfAborted(this.signal)
      const attempt = await this.#limit(async () => {
        await this.#untilResumed()
        return this.#attempt(call, refused)
      })
      throwIfAborted(this.signal)
      if (attempt.error instanceof CassSniError) throw attempt.error
      if (attempt.answer?.status === 401 && refused === undefined) {
        refused = attempt.security
        if (await this.#renewed(attempt.security)) continue
      }
      const pauseMs = next(attempt)
      if (pauseMs === undefined) {
        if (attempt.answer === undefined) throw unreachable(attempt.error, this.target)
        return attempt.answer
      }
      if (attempt.error !== undefined) this.#closeIdle()
      if (pauseMs > LONG_WAIT_MS)
        this.#warn(`the API server ${this.target.server} is busy; retrying in ${Math.ceil(pauseMs / 1000)}s`)
      await pause(pauseMs, this.signal)
    }
  }

  /**
   * Returns the URL, headers and agent for a WebSocket. The sockets share TLS sessions. After a 401, `refused` is the
   * `security` of the previous endpoint.
   */
  async endpoint(path: string, query: URLSearchParams, refused?: Security): Promise<Endpoint> {
    const security = await this.#options.authenticate(refused)
    const url = new URL(this.#base)
    url.pathname = `${this.#base.pathname.replace(/\/$/, '')}${path}`
    url.search = query.toString()
    this.#sockets = await this.#pool(this.#sockets, security, { keepAlive: false })
    return {
      url,
      headers: { ...security.headers, 'User-Agent': this.#options.userAgent },
      security,
      agent: this.#sockets.agent,
    }
  }

  /**
   * Opens a response without an end, on a separate connection. One attempt, and a second one with renewed credentials
   * after a 401. Resolves for any status. Throws CSNI201, CSNI202, CSNI103, the error of the connection, or the reason
   * of an abort; a later abort ends the body.
   */
  async stream(call: Call, signal: AbortSignal): Promise<OpenResponse> {
    const startedAt = performance.now()
    const path = this.#pathOf(call)
    let refused: Security | undefined
    for (;;) {
      throwIfAborted(signal)
      const security = await this.#options.authenticate(refused)
      this.#streams = await this.#pool(this.#streams, security, { keepAlive: false })
      const request = this.#request(call, path, security, this.#streams.agent, AbortSignal.any([signal, this.signal]))
      try {
        const response = await openResponse(request, {
          timeoutMs: this.#options.requestTimeoutMs ?? DEFAULT_REQUEST_MS,
          target: this.target,
          proxy: this.#options.proxy,
        })
        this.log(call.method, path, response.status, startedAt)
        if (response.status !== 401 || refused !== undefined || !(await this.#renewed(security))) return response
        response.body.destroy()
        refused = security
      } catch (error) {
        throwIfAborted(signal)
        this.log(call.method, path, (error as NodeJS.ErrnoException).code ?? 'failed', startedAt)
        throw error
      }
    }
  }

  log(method: string, path: string, status: number | string, startedAt: number): void {
    this.#options.log?.(`${method} ${path} ${status} in ${Math.round(performance.now() - startedAt)} ms`)
  }

  /**
   * Waits while the server is overloaded. Its 429 concerns all requests: if each of them found out for itself, the
   * server would have to reject all of them.
   */
  async #untilResumed(): Promise<void> {
    for (let left = this.#resumeAt - performance.now(); left > 0; left = this.#resumeAt - performance.now())
      await pause(left, this.signal)
  }

  /** Whether there are credentials other than the rejected ones. */
  async #renewed(refused: Security): Promise<boolean> {
    const fresh = await this.#options.authenticate(refused)
    return !sameCredentials(fresh, refused)
  }

  /** The connection pool for these settings; idle connections of an older pool are closed. */
  async #pool(pool: Pool | undefined, { tls }: Security, options: AgentOptions): Promise<Pool> {
    if (pool?.tls === tls) return pool
    if (pool !== undefined) closeIdle(pool.agent)
    return { tls, agent: await agentFor(this.#base, tls, this.#options.proxy, options) }
  }

  /** After a reset, other pooled connections may be dead too. */
  #closeIdle(): void {
    if (this.#requests !== undefined) closeIdle(this.#requests.agent)
  }

  /** Makes one attempt. A CassSniError is final; any other error is from the connection. */
  async #attempt(call: Call, refused: Security | undefined): Promise<Ended> {
    let security: Security | undefined
    let request: ClientRequest | undefined
    try {
      security = await this.#options.authenticate(refused)
      this.#requests = await this.#pool(this.#requests, security, { keepAlive: true, maxSockets: MOST_AT_ONCE })
      const { agent } = this.#requests
      const answer = await this.#once(call, security, agent, (sent) => {
        request = sent
      })
      this.#reached ||= answer.status < 500
      if (answer.status === 429)
        this.#resumeAt = Math.max(this.#resumeAt, performance.now() + (answer.retryAfterMs ?? 0))
      return { answer, security, status: answer.status, retryAfterMs: answer.retryAfterMs }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      return { error, code, security: security ?? { headers: {}, tls: {} }, reused: request?.reusedSocket }
    }
  }

  /** Below the server's own path, with the query. */
  #pathOf(call: Call): string {
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(call.query ?? {})) if (value !== undefined) query.set(name, value)
    return `${this.#base.pathname.replace(/\/$/, '')}${call.path}${query.size > 0 ? `?${query}` : ''}`
  }

  #request(
    call: Call,
    path: string,
    security: Security,
    agent: HttpAgent,
    signal: AbortSignal | undefined,
    body?: Buffer,
  ): ClientRequest {
    const headers: OutgoingHttpHeaders = {
      ...security.headers,
      Accept: 'application/json',
      'Accept-Encoding': this.#options.compression === false ? 'identity' : 'gzip',
      'User-Agent': this.#options.userAgent,
    }
    if (body !== undefined) {
      headers['Content-Type'] = call.contentType ?? 'application/json'
      headers['Content-Length'] = body.length
    }
    const make = this.#base.protocol === 'https:' ? httpsRequest : httpRequest
    return make({
      agent,
      host: this.#base.hostname.replace(/^\[|\]$/g, ''),
      port: this.#base.port,
      path,
      method: call.method,
      headers,
      signal,
    })
  }

  async #once(
    call: Call,
    security: Security,
    agent: HttpAgent,
    sent: (request: ClientRequest) => void,
  ): Promise<FullAnswer> {
    const path = this.#pathOf(call)
    const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body))
    const startedAt = performance.now()
    throwIfAborted(this.signal)
    const request = this.#request(call, path, security, agent, undefined, body)
    this.#active.add(request)
    try {
      sent(request)
      const answer = await exchange(request, body, {
        timeoutMs: this.#options.requestTimeoutMs ?? DEFAULT_REQUEST_MS,
        largest: this.#options.largestAnswer ?? LARGEST_ANSWER,
        target: this.target,
        proxy: this.#options.proxy,
      })
      this.log(call.method, path, answer.status, startedAt)
      for (const text of answer.warnings) this.#warn(`API server: ${text}`)
      const date = Date.parse(answer.date ?? '')
      // a Date header is truncated by half a second on average, and the response took half of the time to arrive
      if (!Number.isNaN(date)) this.#skewMs = date + 500 - (Date.now() - (performance.now() - startedAt) / 2)
      return answer
    } catch (error) {
      this.log(call.method, path, (error as NodeJS.ErrnoException).code ?? 'failed', startedAt)
      throw error
    } finally {
      this.#active.delete(request)
    }
  }

  #abort(): void {
    for (const request of this.#active) request.destroy(new Error('aborted'))
  }
}

/** Connections with the same TLS settings. */
interface Pool {
  tls: Security['tls']
  agent: HttpAgent
}

interface Ended extends Attempt {
  answer?: FullAnswer
  error?: unknown
  security: Security
}

function closeIdle(agent: HttpAgent): void {
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
}
