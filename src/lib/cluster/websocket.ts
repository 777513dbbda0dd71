/** Opens WebSockets to subresources of pods, and watches that the peer is alive. */
import type { IncomingMessage } from 'node:http'
import type { WebSocket } from 'ws'
import { CassSniError, command, hint, throwIfAborted } from '../errors.ts'
import { abortable } from '../waiting/time-limit.ts'
import { type Security, sameCredentials } from './credential-source.ts'
import type { KubeTarget } from './kube.ts'
import type { Asked } from './refusal.ts'
import { contextFlags, parseStatus, refused, statusOf, unreachable } from './refusal.ts'
import type { Endpoint, Transport } from './transport.ts'

const HANDSHAKE_MS = 20_000
/** Kubelet and API server send 32 KiB at a time. Bytes; ws itself would take 100 MiB. */
const LARGEST_MESSAGE = 8 * 1024 * 1024
/** What is read of a refusal. Bytes. */
const LARGEST_REFUSAL = 64 * 1024
const REFUSAL_MS = 5000
/** Idle connections are cut by load balancers, the strictest after 60 s. */
const PING_MS = 20_000
/** So many pings without a sign of life end the connection. */
const MOST_PINGS = 2
/**
 * Kubelet reads no ping while the pod takes no data (its loop writes into a pipe: k8s.io/streaming
 * pkg/httpstream/wsstream/conn.go). After more than what surely fits into buffers it has to be given more time. Bytes,
 * pings.
 */
const BULK_BYTES = 64 * 1024
const MOST_PINGS_IN_BULK = 15

/**
 * An open WebSocket whose `protocol` is one of `protocols`, paused until the caller listens and resumes it. Frames
 * are not compressed.
 * They are masked with zeros: masking protects plaintext proxies from scripts in browsers (RFC 6455 §10.3), and costs
 * a pass over all data.
 * `signal` gives up the opening. Credentials that the server refuses are renewed once, where they can be. Throws its
 * reason, CSNI607 when a proxy refuses WebSockets, and what `refused` and `unreachable` make of a failure.
 */
export async function openWebSocket(
  transport: Transport,
  path: string,
  query: URLSearchParams,
  protocols: string[],
  asked: Asked,
  signal: AbortSignal = transport.signal,
): Promise<WebSocket> {
  throwIfAborted(signal)
  // the credentials are shared with other requests: who gives up does not end their making
  const endpointFor = (refused?: Security) =>
    abortable(transport.endpoint(path, query, refused), signal).catch((error: unknown) => {
      throw unreachable(error, transport.target)
    })
  const endpoint = await endpointFor()
  try {
    return await open(transport, endpoint, path, protocols, asked, signal)
  } catch (error) {
    if (statusOf(error) !== 401) throw error
    const renewed = await endpointFor(endpoint.security)
    if (sameCredentials(renewed.security, endpoint.security)) throw error
    return await open(transport, renewed, path, protocols, asked, signal)
  }
}

/** One handshake. */
async function open(
  transport: Transport,
  { url, headers, security: { tls }, agent }: Endpoint,
  path: string,
  protocols: string[],
  asked: Asked,
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
  // the types of ws demand one header per name; Node sends an array as several lines, as Impersonate-Group needs it
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
      // the first messages may be here before the caller listens
      socket.pause()
      resolve(socket)
    })
    socket.once('unexpected-response', (_request, response: IncomingMessage) => {
      // what follows is told by the answer, not by the socket
      socket.removeAllListeners('error')
      socket.on('error', () => undefined)
      const parts: Buffer[] = []
      let size = 0
      // a refusal without end is cut, and told as far as it was read
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
        reject(refusal(response, Buffer.concat(parts).toString('utf8'), asked, transport.target))
        socket.terminate()
      })
    })
    socket.on('error', (error) => {
      settle((error as NodeJS.ErrnoException).code ?? 'failed')
      try {
        throwIfAborted(signal)
        const { message } = error
        // what ws says of an answer that a proxy has changed (websockets/ws lib/websocket.js, initAsClient)
        const mangled = /^(Invalid (Upgrade|Sec-WebSocket-\S+) header|Server sent .*subprotocol)/.test(message)
        reject(mangled ? proxyRefuses(message, transport.target) : unreachable(error, transport.target))
      } catch (reason) {
        reject(reason)
      }
    })
  })
}

/** An answer to the upgrade that is none of the API server's comes from something before it. */
function refusal(response: IncomingMessage, body: string, asked: Asked, target: KubeTarget): CassSniError {
  const { statusCode = 0, headers } = response
  const status = parseStatus(body)
  // a proxy that drops the header "Upgrade" makes the API server say this (k8s.io/apimachinery pkg/util/proxy)
  if (/upgrade request required/i.test(status?.message ?? ''))
    return proxyRefuses('the API server received no upgrade request', target)
  const temporary = statusCode === 401 || statusCode === 429 || statusCode >= 500
  const other = headers.server ?? headers.via
  // neither the API server nor the kubelet names itself, sends HTML or says nothing
  const foreign = statusCode < 400 || other !== undefined || body.trim() === '' || /^\s*</.test(body)
  if (status === undefined && foreign && (!temporary || statusCode === 501))
    return proxyRefuses(`${statusCode}${other === undefined ? '' : ` from ${other}`}`, target)
  return refused(statusCode, body, asked, target)
}

function proxyRefuses(why: string, target: KubeTarget): CassSniError {
  return new CassSniError(
    'CSNI607',
    `the API server ${target.server} (context "${target.context}"): a proxy in front of it refuses WebSockets: ${why}`,
    {
      next: [
        hint('allow WebSocket upgrades in the proxy: SPDY, to which kubectl falls back, is not supported'),
        command`kubectl ${contextFlags(target)} cluster-info`,
      ],
    },
  )
}

export interface Liveness {
  /** So many bytes were sent. */
  sent(bytes: number): void
  stop(): void
}

/** Pings, and calls `dead` with the reason when neither pongs nor data come: a peer that is gone sends no error. */
export function watchPeer(socket: WebSocket, dead: (why: string) => void): Liveness {
  let [unanswered, sent] = [0, 0]
  const alive = (): void => {
    unanswered = 0
    sent = 0
  }
  for (const sign of ['message', 'ping', 'pong'] as const) socket.on(sign, alive)
  const timer = setInterval(() => {
    // while nobody reads no pong can arrive
    if (socket.isPaused) alive()
    if (unanswered >= (sent > BULK_BYTES ? MOST_PINGS_IN_BULK : MOST_PINGS)) {
      clearInterval(timer)
      dead(`no answer from the API server for ${(PING_MS * unanswered) / 1000} s`)
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
 * Codes with which a WebSocket ends as intended: "normal closure", and a close frame without a code (RFC 6455 §7.4.1).
 */
const CLEAN_CODES: ReadonlySet<number> = new Set([1000, 1005])
const CLOSE_CODES: ReadonlyMap<number, string> = new Map([
  [1001, 'the far end is going away'],
  [1002, 'protocol error'],
  [1006, 'the connection to the API server was cut'],
  [1009, 'message too big'],
  [1011, 'internal error of the far end'],
])

/** Why a WebSocket ended; undefined when it ended as intended. */
export function brokenBy(code: number, reason: Buffer): string | undefined {
  if (CLEAN_CODES.has(code)) return undefined
  const words = CLOSE_CODES.get(code) ?? `WebSocket closed with code ${code}`
  return reason.length === 0 ? words : `${words}: ${reason.toString('utf8')}`
}
