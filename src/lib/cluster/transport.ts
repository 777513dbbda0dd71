/** HTTP to the API server: kept-alive connections, few and short retries, time limits, one log line per request. */
import { Agent as HttpAgent, type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http'
import { Agent, type AgentOptions, request as httpsRequest } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSecureContext } from 'node:tls'
import { CassSniError, command, hint, throwIfAborted } from '../errors.ts'
import type { Authenticate, Security } from './authentication.ts'
import type { KubeTarget } from './kube.ts'
import { unreachable } from './refusal.ts'
import { once, warningTexts } from './server-warnings.ts'

export interface Call {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Below the server's own path, e.g. /api/v1/pods. */
  path: string
  query?: Record<string, string | undefined>
  body?: object
  contentType?: string
  /** Sending it twice does no harm: it is sent again when the connection breaks. */
  repeatable?: boolean
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
  /** Bytes of the largest answer that is taken. Default 256 MiB. */
  largestAnswer?: number
  requestTimeoutMs?: number | undefined
  log?: ((line: string) => void) | undefined
  /** Told each warning of the server once. */
  warn?: ((message: string) => void) | undefined
}

/** Where and how to open a WebSocket: the same security as for requests. */
export interface Endpoint {
  url: URL
  security: Security
  agent: Agent | HttpAgent
}

/** Retries after 429 or a broken connection, and the waits before them in ms. */
const WAITS = [150, 500, 1500]
/** The longest Retry-After that is honoured. Seconds. */
const LONGEST_RETRY_AFTER = 8
/** For TCP, TLS and a proxy together. client-go gives TCP alone 30 s; nobody waits that long at a prompt. */
const CONNECT_MS = 15_000
/** Longer than kube-apiserver's own --request-timeout of 60 s: it answers 504 itself when it still can. */
const DEFAULT_REQUEST_MS = 75_000

/**
 * A page of 500 of the largest objects that etcd takes (1.5 MiB) is no realistic answer; far more than this is no API
 * server's. Bytes.
 */
const LARGEST_ANSWER = 256 * 1024 * 1024

const TRANSIENT = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'EAI_AGAIN'])

export class Transport {
  readonly #options: TransportOptions
  readonly #base: URL
  #requests: { key: Security['tls']; agent: Agent | HttpAgent } | undefined
  #skewMs: number | undefined
  readonly #warn: (message: string) => void
  #sockets: { key: Security['tls']; agent: Agent | HttpAgent } | undefined

  constructor(options: TransportOptions) {
    this.#options = options
    this.#base = new URL(options.target.server)
    this.#warn = once(options.warn)
  }

  get target(): KubeTarget {
    return this.#options.target
  }

  get signal(): AbortSignal {
    return this.#options.signal
  }

  /** How far the server's clock is ahead of ours, by its last answer; right to about a second. */
  get clockSkewMs(): number | undefined {
    return this.#skewMs
  }

  /** Sends a request; any status is an answer. Throws CSNI201, CSNI202, CSNI103, or the reason of an abort. */
  async send(call: Call): Promise<Answer> {
    for (let attempt = 0; ; attempt++) {
      throwIfAborted(this.signal)
      const wait = WAITS[attempt]
      try {
        const { status, body, retryAfter } = await this.#once(call)
        if (status !== 429 || wait === undefined) return { status, body }
        await this.#pause(Math.min(retryAfter ?? 0, LONGEST_RETRY_AFTER) * 1000 || wait)
      } catch (error) {
        throwIfAborted(this.signal)
        const code = (error as NodeJS.ErrnoException).code ?? ''
        const repeat = (call.method === 'GET' || call.repeatable === true) && TRANSIENT.has(code)
        // refused connections are tried again only once: the usual reason is that nothing listens there
        if (!repeat || wait === undefined || (code === 'ECONNREFUSED' && attempt > 0))
          throw unreachable(error, this.target)
        await this.#pause(wait)
      }
    }
  }

  /** The URL, headers and agent for a WebSocket. TLS sessions are shared between the sockets. */
  async endpoint(path: string, query: URLSearchParams): Promise<Endpoint> {
    const security = await this.#options.authenticate()
    const url = new URL(this.#base)
    url.protocol = this.#base.protocol === 'https:' ? 'wss:' : 'ws:'
    url.pathname = `${this.#base.pathname.replace(/\/$/, '')}${path}`
    url.search = query.toString()
    if (this.#sockets?.key !== security.tls)
      this.#sockets = {
        key: security.tls,
        agent: security.proxy ?? this.#agent(security, { keepAlive: false }),
      }
    return {
      url,
      security: {
        ...security,
        headers: { ...security.headers, 'User-Agent': this.#options.userAgent },
      },
      agent: this.#sockets.agent,
    }
  }

  log(method: string, path: string, status: number | string, startedAt: number): void {
    this.#options.log?.(`${method} ${path} ${status} in ${Math.round(performance.now() - startedAt)} ms`)
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.signal }).catch(() => throwIfAborted(this.signal))
  }

  #agent({ tls }: Security, options: AgentOptions): Agent | HttpAgent {
    if (this.#base.protocol !== 'https:') return new HttpAgent(options)
    const { rejectUnauthorized, servername, ...material } = tls
    // certificates and key are parsed once, not for each connection
    const secureContext = createSecureContext(material)
    return new Agent({
      ...options,
      secureContext,
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
      ...(servername === undefined ? {} : { servername }),
    })
  }

  async #once(call: Call): Promise<FullAnswer> {
    const security = await this.#options.authenticate()
    if (this.#requests?.key !== security.tls) {
      this.#requests = {
        key: security.tls,
        agent: security.proxy ?? this.#agent(security, { keepAlive: true, maxSockets: 8 }),
      }
    }
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(call.query ?? {})) if (value !== undefined) query.set(name, value)
    const path = `${this.#base.pathname.replace(/\/$/, '')}${call.path}${query.size > 0 ? `?${query}` : ''}`
    const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body))
    const headers = {
      ...security.headers,
      Accept: 'application/json',
      'User-Agent': this.#options.userAgent,
      ...(body === undefined
        ? {}
        : {
            'Content-Type': call.contentType ?? 'application/json',
            'Content-Length': body.length,
          }),
    }
    const make = this.#base.protocol === 'https:' ? httpsRequest : httpRequest
    const startedAt = performance.now()
    try {
      const answer = await exchange(
        make({
          agent: this.#requests.agent,
          host: this.#base.hostname.replace(/^\[|\]$/g, ''),
          port: this.#base.port,
          path,
          method: call.method,
          headers,
          signal: this.signal,
          // for the agent of a proxy, which is not ours
          rejectUnauthorized: security.tls.rejectUnauthorized !== false,
        }),
        body,
        this.#options.requestTimeoutMs || DEFAULT_REQUEST_MS,
        this.#options.largestAnswer ?? LARGEST_ANSWER,
        this.target,
      )
      this.log(call.method, path, answer.status, startedAt)
      for (const text of answer.warnings) this.#warn(text)
      const date = Date.parse(answer.date ?? '')
      // a Date header has cut off half a second on average, and its answer was half of the time on its way
      if (!Number.isNaN(date)) this.#skewMs = date + 500 - (Date.now() - (performance.now() - startedAt) / 2)
      return answer
    } catch (error) {
      this.log(call.method, path, (error as NodeJS.ErrnoException).code ?? 'failed', startedAt)
      throw error
    }
  }
}

interface FullAnswer extends Answer {
  /** Seconds. */
  retryAfter: number | undefined
  warnings: string[]
  date: string | undefined
}

function exchange(
  request: ClientRequest,
  body: Buffer | undefined,
  timeoutMs: number,
  largest: number,
  target: KubeTarget,
): Promise<FullAnswer> {
  return new Promise((resolve, reject) => {
    const late = (ms: number) =>
      new CassSniError(
        'CSNI201',
        `the API server ${target.server} (context "${target.context}") gave no answer within ${ms / 1000} s`,
        {
          next: [command`kubectl cluster-info`, hint('Allow more time with --request-timeout.')],
        },
      )
    const overall = setTimeout(() => request.destroy(late(timeoutMs)), timeoutMs)
    const connecting = setTimeout(() => request.destroy(late(CONNECT_MS)), Math.min(CONNECT_MS, timeoutMs))
    const finish = () => {
      clearTimeout(overall)
      clearTimeout(connecting)
    }
    request.once('socket', (socket) => {
      if (socket.connecting)
        socket.once('encrypted' in socket ? 'secureConnect' : 'connect', () => clearTimeout(connecting))
      else clearTimeout(connecting)
    })
    request.once('error', (error) => {
      finish()
      reject(error)
    })
    request.once('response', (response: IncomingMessage) => {
      clearTimeout(connecting)
      const parts: Buffer[] = []
      let size = 0
      response.on('data', (part: Buffer) => {
        size += part.length
        if (size <= largest) parts.push(part)
        else {
          finish()
          reject(tooLarge(target))
          request.destroy()
        }
      })
      response.once('error', (error) => {
        finish()
        reject(error)
      })
      response.once('end', () => {
        finish()
        const retryAfter = Number(response.headers['retry-after'])
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(parts).toString('utf8'),
          retryAfter: Number.isFinite(retryAfter) ? retryAfter : undefined,
          warnings: warningTexts(response.headers.warning),
          date: response.headers.date,
        })
      })
    })
    request.end(body)
  })
}

/** What an answer without end becomes. */
export function tooLarge(target: KubeTarget): CassSniError {
  return new CassSniError(
    'CSNI208',
    `the API server ${target.server} (context "${target.context}") answered with more than it could hold: it may be no API server`,
    {
      next: [command`kubectl config view`],
    },
  )
}
