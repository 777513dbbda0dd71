/** A local TCP listener that forwards each connection over its own connection into the cluster. */
import { createServer, isIP, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { again, asCassSniError, CassSniError, type ErrorCode, throwIfAborted } from '../errors.ts'
import { durationText } from '../text/duration-text.ts'
import { systemError } from '../text/system-errors.ts'
import { backOff } from '../waiting/back-off.ts'
import { pause } from '../waiting/poll.ts'
import type { Dial } from './dialer.ts'
import { splice } from './splice.ts'

/** How long a new connection waits for the remote end: a deleted gateway pod is replaced within seconds. */
const WAIT_MS = 10_000
const PAUSES = { firstMs: 100, longestMs: 2_000 }
const PORT_ATTEMPTS = 8
/** Bytes that may wait for a client. With Node's 64 KiB, a download takes a fifth more CPU time (measured). */
const HIGH_WATER = 256 * 1024
/** Transient errors while a pod is replaced or an API server restarts. */
const TRANSIENT: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['CSNI201', 'CSNI204', 'CSNI208', 'CSNI601'])

export type TunnelEvent =
  | { type: 'opened'; id: number; client: string }
  /** Byte counts from the client's perspective. `broken` is set if the connection failed. */
  | { type: 'closed'; id: number; sent: number; received: number; broken?: Broken | undefined }
  /** The remote end was unreachable, so the client's connection was closed. */
  | { type: 'refused'; id: number; error: CassSniError }

/** Which side of a connection failed, and why. */
export interface Broken {
  by: 'client' | 'remote end'
  reason: string
}

export interface TunnelOptions {
  /** IP addresses or "localhost" (127.0.0.1 and, if available, ::1). Port 0 selects any free port. */
  listen: { addresses: string[]; port: number }
  dial: Dial
  /** Closes all listeners and connections. */
  signal: AbortSignal
  onEvent?: ((event: TunnelEvent) => void) | undefined
  /** Time limit in ms for reaching the remote end. Default 10,000. */
  waitMs?: number | undefined
}

export interface TunnelFigures {
  total: number
  active: number
  refused: number
  sent: number
  received: number
}

export interface ServingTunnel {
  /** The listening addresses, with the actual port. */
  listening: { host: string; port: number }[]
  figures: () => TunnelFigures
  /** Resolves after the signal, once every socket is closed. */
  done: Promise<void>
}

/**
 * Listens, and pipes each client connection to a new one from `dial`, with backpressure and half-close in both
 * directions. Throws CSNI106 if it cannot listen on the port.
 */
export async function serveTunnel(options: TunnelOptions): Promise<ServingTunnel> {
  const { signal } = options
  if (signal.aborted) throw asCassSniError(signal.reason)
  const connections = new Connections(options)
  const servers = await listenOn(options.listen, (socket) => connections.accept(socket))
  const stop = () => {
    for (const server of servers) server.close()
    connections.destroy()
  }
  if (signal.aborted) stop()
  else signal.addEventListener('abort', stop, { once: true })
  const closings = servers.map(
    (server) =>
      new Promise<void>((resolve) => {
        server.once('close', resolve)
        // One connection could not be accepted (too many open files, for instance): the others continue.
        server.on('error', (error) => connections.lost(error))
      }),
  )
  return {
    listening: servers.map((server) => {
      const { address, port } = server.address() as AddressInfo
      return { host: address, port }
    }),
    figures: () => ({ ...connections.figures }),
    done: Promise.all(closings).then(() => signal.removeEventListener('abort', stop)),
  }
}

class Connections {
  readonly figures: TunnelFigures = { total: 0, active: 0, refused: 0, sent: 0, received: 0 }
  readonly #options: TunnelOptions
  readonly #open = new Set<Duplex>()

  constructor(options: TunnelOptions) {
    this.#options = options
  }

  accept(client: Socket): void {
    this.figures.total += 1
    this.figures.active += 1
    const id = this.figures.total
    this.#track(client)
    client.setNoDelay(true)
    // Until the pipes are set up nothing else handles a reset.
    client.on('error', () => {})
    client.once('close', () => {
      this.figures.active -= 1
    })
    this.#carry(client, id).catch((error: unknown) => {
      client.destroy()
      if (this.#options.signal.aborted) return
      this.figures.refused += 1
      this.#emit({ type: 'refused', id, error: asCassSniError(error) })
    })
  }

  lost(error: Error): void {
    this.figures.total += 1
    this.figures.refused += 1
    this.#emit({
      type: 'refused',
      id: this.figures.total,
      error: new CassSniError('CSNI601', `cannot accept a connection: ${systemError(error)}`, { cause: error }),
    })
  }

  destroy(): void {
    for (const stream of this.#open) stream.destroy()
  }

  async #carry(client: Socket, id: number): Promise<void> {
    const far = await this.#reach(client)
    if (far === undefined) return
    this.#track(far)
    if (client.destroyed || this.#options.signal.aborted) {
      far.on('error', () => {})
      far.destroy()
      client.destroy()
      return
    }
    this.#emit({ type: 'opened', id, client: `${client.remoteAddress ?? ''}:${client.remotePort ?? ''}` })
    splice(client, far, (failure) => {
      const [sent, received] = [client.bytesRead, client.bytesWritten]
      this.figures.sent += sent
      this.figures.received += received
      const broken: Broken | undefined =
        failure === undefined || this.#options.signal.aborted
          ? undefined
          : {
              by: failure.stream === client ? 'client' : 'remote end',
              reason: failure.error === undefined ? 'unexpected end' : systemError(failure.error),
            }
      this.#emit({ type: 'closed', id, sent, received, broken })
    })
  }

  /** Opens the remote end, retrying transient errors; undefined if the client has left or everything is closing. */
  async #reach(client: Socket): Promise<Duplex | undefined> {
    const { dial, signal, waitMs = WAIT_MS } = this.#options
    let failure: unknown
    const stop = new AbortController()
    // also when everything is closing
    const leave = (): void => stop.abort(new CassSniError('CSNI601', 'connection closed by the client'))
    client.once('close', leave)
    const timer = setTimeout(() => {
      const late = new CassSniError('CSNI601', `connection timed out after ${durationText(waitMs)}`)
      stop.abort(failure ?? late)
    }, waitMs)
    try {
      const pauseMs = backOff(PAUSES)
      for (;;) {
        try {
          return await dial({ signal: stop.signal })
        } catch (error) {
          throwIfAborted(stop.signal)
          if (!(error instanceof CassSniError && TRANSIENT.has(error.code))) throw error
          failure = error
        }
        await pause(pauseMs(), stop.signal)
      }
    } catch (error) {
      if (signal.aborted) return undefined
      if (!client.destroyed) throw error
      // the client has given up sooner, and its user needs the reason
      if (failure === undefined) return undefined
      throw failure
    } finally {
      clearTimeout(timer)
      client.removeListener('close', leave)
    }
  }

  #track(stream: Duplex): void {
    this.#open.add(stream)
    stream.once('close', () => this.#open.delete(stream))
  }

  #emit(event: TunnelEvent): void {
    this.#options.onEvent?.(event)
  }
}

/** Listens on all addresses with one port. ::1 of "localhost" is optional, every other address is required. */
async function listenOn(listen: TunnelOptions['listen'], accept: (socket: Socket) => void): Promise<Server[]> {
  const hosts = requiredHosts(listen.addresses)
  for (let attempt = 1; ; attempt += 1) {
    const servers: Server[] = []
    let port = listen.port
    try {
      for (const [host, required] of hosts) {
        const server = await listenAt(host, port, accept).catch((error: NodeJS.ErrnoException) => {
          // No IPv6 on this machine. If the port is in use on ::1, though, "localhost" could reach the other program.
          if (!required && error.code !== 'EADDRINUSE') return undefined
          throw error
        })
        if (server === undefined) continue
        servers.push(server)
        port = (server.address() as AddressInfo).port
      }
      return servers
    } catch (error) {
      for (const server of servers) server.close()
      // A port that is free on the first address may be in use on the second.
      if (listen.port === 0 && servers.length > 0 && attempt < PORT_ATTEMPTS) continue
      throw cannotListen(error as NodeJS.ErrnoException, listen.port)
    }
  }
}

/** Each distinct address, and whether it is required. */
function requiredHosts(addresses: string[]): Map<string, boolean> {
  const hosts = new Map<string, boolean>()
  for (const address of addresses) {
    if (address === 'localhost') {
      hosts.set('127.0.0.1', true)
      hosts.set('::1', hosts.get('::1') ?? false)
      continue
    }
    if (isIP(address) === 0)
      throw new CassSniError('CSNI101', `invalid listen address "${address}": expected an IP address or localhost`)
    // 0::1 is ::1
    hosts.set(
      isIP(address) === 6 && !address.includes('%') ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address,
      true,
    )
  }
  return hosts
}

function listenAt(host: string, port: number, accept: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true, highWaterMark: HIGH_WATER }, accept)
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.removeListener('error', reject)
      resolve(server)
    })
  })
}

/** Returns the CSNI106 of a port that cannot be opened. */
export function cannotListen(error: NodeJS.ErrnoException & { address?: string }, port: number): CassSniError {
  const where = error.address === undefined ? `port ${port}` : `${error.address}, port ${port}`
  const why = error.code === 'EADDRINUSE' ? 'address already in use' : systemError(error)
  return new CassSniError('CSNI106', `cannot listen on ${where}: ${why}`, {
    // another port does not help if the machine does not have the address
    next: error.code === 'EADDRNOTAVAIL' ? [] : [again`--port 0`],
    cause: error,
  })
}
