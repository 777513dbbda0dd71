/** Opens WebSockets to pod subresources. */
import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import { CassSniError, command, hint, throwIfAborted } from '../errors.ts'
import { abortable } from '../waiting/time-limit.ts'
import { type Security, sameCredentials } from './credential-source.ts'
import type { KubeTarget } from './kube.ts'
import type { ApiRequest } from './api-errors.ts'
import { apiError, contextFlags, parseStatus, statusOf, unreachable } from './api-errors.ts'
import { httpRequest } from './node-http.ts'
import type { Endpoint, Transport } from './transport.ts'
import { WebSocket } from './websocket.ts'

const HANDSHAKE_MS = 20_000
/** How much of an error response is read, in bytes. */
const LARGEST_REFUSAL = 64 * 1024
const REFUSAL_MS = 5000
/** Appended to the key of a handshake (RFC 6455 §1.3). */
const KEY_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/**
 * Opens a WebSocket with one of `protocols`. It reads nothing until the caller attaches. `signal` aborts opening.
 * Rejected credentials are renewed once if possible. Throws the signal's reason, CSNI607 if a proxy rejects WebSockets,
 * and the errors of `apiError` and `unreachable`.
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
  { url, headers, agent }: Endpoint,
  path: string,
  protocols: string[],
  request: ApiRequest,
  signal: AbortSignal,
): Promise<WebSocket> {
  throwIfAborted(signal)
  const startedAt = performance.now()
  const key = randomBytes(16).toString('base64')
  const upgrade: OutgoingHttpHeaders = {
    ...headers,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': key,
    'Sec-WebSocket-Protocol': protocols.join(', '),
  }
  const make = url.protocol === 'https:' ? httpsRequest : httpRequest
  const handshake = make({
    agent,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port,
    path: `${url.pathname}${url.search}`,
    headers: upgrade,
  })
  return await new Promise((resolve, reject) => {
    const abort = () => handshake.destroy(new Error('aborted'))
    signal.addEventListener('abort', abort, { once: true })
    const timer = setTimeout(() => handshake.destroy(new Error('handshake timed out')), HANDSHAKE_MS)
    const settle = (status: number | string) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      transport.log('GET', path, status, startedAt)
    }
    handshake.once('upgrade', (response: IncomingMessage, socket: Socket, head: Buffer) => {
      settle(101)
      const mangled = mangledBy(response, key, protocols)
      if (mangled !== undefined) {
        socket.destroy()
        reject(proxyRefuses(mangled, transport.target))
        return
      }
      if (head.length > 0) socket.unshift(head)
      resolve(new WebSocket(socket, response.headers['sec-websocket-protocol'] ?? ''))
    })
    handshake.once('response', (response: IncomingMessage) => {
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
        handshake.destroy()
      })
    })
    handshake.on('error', (error) => {
      settle((error as NodeJS.ErrnoException).code ?? 'failed')
      try {
        throwIfAborted(signal)
        reject(unreachable(error, transport.target))
      } catch (reason) {
        reject(reason)
      }
    })
    handshake.end()
  })
}

/** What is wrong with a response that a proxy modified. */
function mangledBy({ headers }: IncomingMessage, key: string, protocols: string[]): string | undefined {
  if (headers.upgrade?.toLowerCase() !== 'websocket') return 'invalid Upgrade header'
  const digest = createHash('sha1').update(`${key}${KEY_SUFFIX}`).digest('base64')
  if (headers['sec-websocket-accept'] !== digest) return 'invalid Sec-WebSocket-Accept header'
  const protocol = headers['sec-websocket-protocol']
  if (protocol === undefined) return 'no subprotocol'
  return protocols.includes(protocol) ? undefined : `subprotocol ${protocol} was not offered`
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
        hint("allow WebSocket upgrades in the proxy (SPDY upgrades, kubectl's fallback, are not supported)"),
        command`kubectl ${contextFlags(target)} cluster-info`,
      ],
    },
  )
}
