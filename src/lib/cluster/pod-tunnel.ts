/** Opens TCP connections to ports of pods through the API server. */
import type { Duplex } from 'node:stream'
import { type CassSniError, throwIfAborted } from '../errors.ts'
import { backOff } from '../waiting/back-off.ts'
import { pause } from '../waiting/poll.ts'
import { statusOf } from './api-errors.ts'
import { bytesPassed } from './buffer-collection.ts'
import { CHANNEL_PROTOCOL, ChannelStream } from './channel-stream.ts'
import type { ConnectOptions } from './kube.ts'
import { SessionPool } from './session-pool.ts'
import { SPDY_PROTOCOL, type SpdySession, type SpdyStream } from './spdy-session.ts'
import type { Transport } from './transport.ts'
import { brokenTunnel, type Pod, type PortStream, Tunnel } from './tunnel.ts'
import { openWebSocket } from './websocket-handshake.ts'

/** Attempts, and pauses between them in ms, if the API server is overloaded. */
const BUSY_ATTEMPTS = 5
const BUSY = { firstMs: 200, longestMs: 2000 }
/** How long a WebSocket that was used before may take to accept a connection. It may be dead. */
const REUSED_MS = 1000
/** The same for a new one. */
const ACCEPTED_MS = 10_000

/** What a connection leaves behind, in bytes of memory; measured. */
const CONNECTION_BYTES = 64 * 1024

/** What the tunnels of one transport share. */
interface Shared {
  pool: SessionPool
  /** The open ones. With an abort listener for each, closing one would take longer the more there are. */
  tunnels: Set<Tunnel>
}

const shared = new WeakMap<Transport, Shared>()
/** Servers behind a proxy that rejects the name of the protocol, which is not a token (RFC 9110 §5.6.2). */
const channelsOnly = new WeakSet<Transport>()

/**
 * Opens a tunnel; the signal aborts opening. Throws CSNI203 without permission, CSNI204 if the pod does not exist,
 * CSNI601 if the pod is unreachable, CSNI607 if a proxy rejects WebSockets.
 */
export async function openTunnel(
  transport: Transport,
  pod: Pod,
  port: number,
  { signal = transport.signal }: ConnectOptions = {},
): Promise<Duplex> {
  throwIfAborted(transport.signal)
  throwIfAborted(signal)
  bytesPassed(CONNECTION_BYTES)
  const { pool, tunnels } = sharedOf(transport)
  const tunnelOf = (stream: PortStream): Duplex => {
    const tunnel = new Tunnel(stream, pod, port)
    tunnels.add(tunnel)
    tunnel.once('close', () => tunnels.delete(tunnel))
    return tunnel
  }
  const through = async (session: SpdySession, limitMs: number): Promise<Duplex | undefined> => {
    const stream = session.open(port)
    if (await isAccepted(stream, limitMs, signal)) return tunnelOf(stream)
    session.retire()
    stream.terminate(false)
    throwIfAborted(transport.signal)
    throwIfAborted(signal)
    return undefined
  }
  for (let session = pool.available(pod); session !== undefined; session = pool.available(pod)) {
    const tunnel = await through(session, REUSED_MS)
    if (tunnel !== undefined) return tunnel
  }
  const socket = await portForwardSocket(transport, pod, port, AbortSignal.any([transport.signal, signal]))
  if (socket.protocol !== SPDY_PROTOCOL) return tunnelOf(new ChannelStream(socket))
  const tunnel = await through(pool.add(pod, socket), ACCEPTED_MS)
  if (tunnel !== undefined) return tunnel
  throw brokenTunnel(pod, port, 'the kubelet does not accept the connection')
}

/** Returns what the tunnels of a transport share. Its signal closes them, with its reason, and the WebSockets. */
function sharedOf(transport: Transport): Shared {
  const known = shared.get(transport)
  if (known !== undefined) return known
  const { signal } = transport
  const pool = new SessionPool()
  const tunnels = new Set<Tunnel>()
  const close = (): void => {
    for (const tunnel of tunnels) tunnel.destroy(signal.reason as Error)
    pool.close()
  }
  signal.addEventListener('abort', close, { once: true })
  shared.set(transport, { pool, tunnels })
  return { pool, tunnels }
}

/** Waits for the server. Returns false after `limitMs`, if the session ends, and if the signal aborts. */
function isAccepted(stream: SpdyStream, limitMs: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (accepted: boolean): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
      resolve(accepted)
    }
    const stop = (): void => settle(false)
    const timer = setTimeout(stop, limitMs)
    signal.addEventListener('abort', stop, { once: true })
    stream.whenAccepted(settle)
  })
}

async function portForwardSocket(transport: Transport, pod: Pod, port: number, signal: AbortSignal) {
  const { POD } = await import('./resources.ts')
  const [namespace, name] = [pod.namespace, pod.name].map(encodeURIComponent)
  const path = `/api/v1/namespaces/${namespace}/pods/${name}/portforward`
  const request = { verb: 'create', type: POD, name: pod.name, namespace: pod.namespace, subresource: 'portforward' }
  // an API server before 1.31 passes the request to the kubelet, which uses the channels and reads the port
  const query = new URLSearchParams({ ports: String(port) })
  const offer = (...protocols: string[]) =>
    whileBusy(signal, () => openWebSocket(transport, path, query, protocols, request, signal))
  try {
    if (channelsOnly.has(transport)) return await offer(CHANNEL_PROTOCOL)
    try {
      return await offer(SPDY_PROTOCOL, CHANNEL_PROTOCOL)
    } catch (error) {
      if (statusOf(error) !== 400 && (error as CassSniError).code !== 'CSNI607') throw error
      const socket = await offer(CHANNEL_PROTOCOL)
      channelsOnly.add(transport)
      return socket
    }
  } catch (error) {
    const status = statusOf(error)
    if (status !== undefined && (status === 400 || status >= 500))
      throw brokenTunnel(pod, port, (error as Error).message, (error as Error).cause)
    throw error
  }
}

/** Retries on an overloaded API server (429) with growing pauses, as requests do. */
async function whileBusy<T>(signal: AbortSignal, open: () => Promise<T>): Promise<T> {
  const nextPause = backOff(BUSY)
  for (let attempt = 1; ; attempt++) {
    try {
      return await open()
    } catch (error) {
      if (statusOf(error) !== 429 || attempt === BUSY_ATTEMPTS) throw error
      await pause(nextPause(), signal)
    }
  }
}
