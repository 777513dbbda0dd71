/** Opens WebSockets to pod subresources and monitors the peer. */
import type { IncomingMessage } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import type { WebSocket } from 'ws'
import { CassSniError, command, hint, throwIfAborted } from '../errors.ts'
import { durationText } from '../text/duration-text.ts'
import { abortable } from '../waiting/time-limit.ts'
import { type Security, sameCredentials } from './credential-source.ts'
import type { KubeTarget } from './kube.ts'
import type { ApiRequest } from './api-errors.ts'
import { apiError, contextFlags, parseStatus, statusOf, unreachable } from './api-errors.ts'
import type { Endpoint, Transport } from './transport.ts'

const HANDSHAKE_MS = 20_000
/** In bytes. Kubelet and API server send 32 KiB at a time; the default of ws is 100 MiB. */
const LARGEST_MESSAGE = 8 * 1024 * 1024
/** How much of an error response is read, in bytes. */
const LARGEST_REFUSAL = 64 * 1024
const REFUSAL_MS = 5000
/** Load balancers close idle connections, the strictest after 60 s. */
const PING_MS = 20_000
/** Unanswered pings after which the connection is considered dead. */
const MOST_PINGS = 2
/**
 * Kubelet reads no pings while the pod accepts no data (its loop writes to a pipe: k8s.io/streaming
 * pkg/httpstream/wsstream/conn.go). Beyond this many bytes, more than buffers hold, more pings may go unanswered.
 */
const BULK_BYTES = 64 * 1024
const MOST_PINGS_IN_BULK = 15

/** Loads the code for WebSockets while the responses to other requests are awaited. */
export async function preloadWebSockets(): Promise<void> {
  // pending requests are sent first
  await setImmediate()
  await import('ws')
}

/**
 * Opens a WebSocket with one of `protocols`, paused until the caller attaches listeners and resumes it. Frames are not
 * compressed, and masked with zeros: masking protects plaintext proxies from browser scripts (RFC 6455 §10.3) and costs
 * a pass over all data. `signal` aborts opening. Rejected credentials are renewed once if possible. Throws the signal's
 * reason, CSNI607 if a proxy rejects WebSockets, and the errors of `apiError` and `unreachable`.
 */
export async function openWebSocket(
  transport: Transport,
  path: string,
  query: URLSearchParams,
  protocols: string[],
  request: ApiRequest,
  signal: AbortSignal = transport.signal,
): Promise<WebSocket> {
  throwIfAborted(signal)
  // credentials are shared with other requests, so aborting here must not abort obtaining them
  const endpointFor = (refused?: Security) =>
    abortable(transport.endpoint(path, query, refused), signal).catch((error: unknown) => {
      throw unreachable(error, transport.target)
    })
  const endpoint = await endpointFor()
  try {
    return await open(transport, endpoint, path, protocols, request, signal)
  } catch (error) {
    if (statusOf(error) !== 401) throw error
    const renewed = await endpointFor(endpoint.security)
    if (sameCredentials(renewed.security, endpoint.security)) throw error
    return await open(transport, renewed, path, protocols, request, signal)
  }
}

/** Makes one handshake. */
async function open(
  transport: Transport,
  { url, headers, security: { tls }, agent }: Endpoint,
  path: string,
  protocols: string[],
  request: ApiRequest,
  signal: AbortSignal,
): Promise<WebSocket> {
  const { WebSocket } = await import('ws')
  throwIfAborted(signal)
  const startedAt = performance.now()
  const options = {
    agent,
    headers,
    perMessageDeflate: false,
    handshakeTimeout: HANDSHAKE_MS,
    maxPayload: LARGEST_MESSAGE,
    skipUTF8Validation: true,
    generateMask: (mask: Buffer) => mask.fill(0),
    rejectUnauthorized: tls.rejectUnauthorized !== false,
    servername: tls.servername,
  }
  // the types of ws allow one value per header; Node sends an array as several lines, as Impersonate-Group requires
  const socket = new WebSocket(url, protocols, options as ConstructorParameters<typeof WebSocket>[2])
  return await new Promise((resolve, reject) => {
    const abort = () => socket.terminate()
    signal.addEventListener('abort', abort, { once: true })
    const settle = (status: number | string) => {
      signal.removeEventListener('abort', abort)
      transport.log('GET', path, status, startedAt)
    }
    socket.once('open', () => {
      socket.removeAllListeners('unexpected-response')
      socket.removeAllListeners('error')
      settle(101)
      // messages may arrive before the caller attaches listeners
      socket.pause()
      resolve(socket)
    })
    socket.once('unexpected-response', (_request, response: IncomingMessage) => {
      // from here on the response reports errors, not the socket
      socket.removeAllListeners('error')
      socket.on('error', () => undefined)
      const parts: Buffer[] = []
      let size = 0
      // an endless error response is truncated
      const patience = setTimeout(() => response.destroy(), REFUSAL_MS)
      response.on('error', () => undefined)
      response.on('data', (part: Buffer) => {
        size += part.length
        if (size <= LARGEST_REFUSAL) parts.push(part)
        else response.destroy()
      })
      response.once('close', () => {
        clearTimeout(patience)
        settle(response.statusCode ?? 0)
        reject(refusal(response, Buffer.concat(parts).toString('utf8'), request, transport.target))
        socket.terminate()
      })
    })
    socket.on('error', (error) => {
      settle((error as NodeJS.ErrnoException).code ?? 'failed')
      try {
        throwIfAborted(signal)
        const { message } = error
        // errors of ws for a response that a proxy modified (websockets/ws lib/websocket.js, initAsClient)
        const mangled = /^(Invalid (Upgrade|Sec-WebSocket-\S+) header|Server sent .*subprotocol)/.test(message)
        reject(mangled ? proxyRefuses(message, transport.target) : unreachable(error, transport.target))
      } catch (reason) {
        reject(reason)
      }
    })
  })
}

/** Attributes an error response to the upgrade to the API server or to a proxy in front of it. */
function refusal(response: IncomingMessage, body: string, request: ApiRequest, target: KubeTarget): CassSniError {
  const { statusCode = 0, headers } = response
  const status = parseStatus(body)
  // the API server's response if a proxy drops the Upgrade header (k8s.io/apimachinery pkg/util/proxy)
  if (/upgrade request required/i.test(status?.message ?? ''))
    return proxyRefuses('the API server received no upgrade request', target)
  const temporary = statusCode === 401 || statusCode === 429 || statusCode >= 500
  const other = headers.server ?? headers.via
  // API server and kubelet send no Server or Via header, no HTML and no empty body
  const foreign = statusCode < 400 || other !== undefined || body.trim() === '' || /^\s*</.test(body)
  if (status === undefined && foreign && (!temporary || statusCode === 501))
    return proxyRefuses(`${statusCode}${other === undefined ? '' : ` from ${other}`}`, target)
  return apiError(statusCode, body, request, target)
}

function proxyRefuses(why: string, target: KubeTarget): CassSniError {
  return new CassSniError(
    'CSNI607',
    `a proxy in front of the API server ${target.server} (context "${target.context}") rejects WebSockets: ${why}`,
    {
      next: [
        hint("allow WebSocket upgrades in the proxy (SPDY, kubectl's fallback, is not supported)"),
        command`kubectl ${contextFlags(target)} cluster-info`,
      ],
    },
  )
}

export interface Liveness {
  /** Reports sent bytes. */
  sent(bytes: number): void
  stop(): void
}

/** Sends pings and calls `dead` with a reason if neither pongs nor data arrive: a lost peer sends no error. */
export function watchPeer(socket: WebSocket, dead: (why: string) => void): Liveness {
  let [unanswered, sent] = [0, 0]
  const alive = (): void => {
    unanswered = 0
    sent = 0
  }
  for (const sign of ['message', 'ping', 'pong'] as const) socket.on(sign, alive)
  const timer = setInterval(() => {
    // no pong can arrive while reading is paused
    if (socket.isPaused) alive()
    if (unanswered >= (sent > BULK_BYTES ? MOST_PINGS_IN_BULK : MOST_PINGS)) {
      clearInterval(timer)
      dead(`no response from the API server for ${durationText(PING_MS * unanswered)}`)
      return
    }
    unanswered += 1
    if (socket.readyState === socket.OPEN) socket.ping()
  }, PING_MS)
  timer.unref()
  return {
    sent: (bytes) => {
      sent += bytes
    },
    stop: () => clearInterval(timer),
  }
}

/**
 * Close codes of a regular end: "normal closure", and a close frame without a code (RFC 6455 §7.4.1).
 */
const CLEAN_CODES: ReadonlySet<number> = new Set([1000, 1005])
const CLOSE_CODES: ReadonlyMap<number, string> = new Map([
  [1001, 'remote end is going away'],
  [1002, 'protocol error'],
  [1006, 'connection to the API server lost'],
  [1009, 'message too big'],
  [1011, 'internal error at the remote end'],
])

/** The reason for an irregular close; undefined for a regular one. */
export function closeReason(code: number, reason: Buffer): string | undefined {
  if (CLEAN_CODES.has(code)) return undefined
  const words = CLOSE_CODES.get(code) ?? `WebSocket closed with code ${code}`
  return reason.length === 0 ? words : `${words}: ${reason.toString('utf8')}`
}
