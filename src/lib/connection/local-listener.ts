/** A local TCP port whose every connection gets a connection of its own into the cluster. */
import { createServer, isIP, type AddressInfo, type Server, type Socket } from 'node:net'
import { type Duplex, pipeline } from 'node:stream'
import { again, asCassSniError, CassSniError, type ErrorCode, throwIfAborted } from '../errors.ts'
import { systemError } from '../text/system-errors.ts'
import { backOff } from '../waiting/back-off.ts'
import { pause } from '../waiting/poll.ts'
import { withinLimit } from '../waiting/time-limit.ts'
import type { Dial } from './dialer.ts'

/** How long a new connection waits for its far end: a deleted gateway pod is followed by a ready one within seconds. */
const WAIT_MS = 10_000
const PAUSES = { firstMs: 100, longestMs: 2_000 }
const PORT_ATTEMPTS = 8
/** These pass by themselves while a pod is replaced or an API server restarted; a missing permission does not. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['CSNI201', 'CSNI204', 'CSNI208', 'CSNI601'])

export type TunnelEvent =
  | { type: 'opened'; id: number; client: string }
  /** Bytes as seen from the client. `broken` when the connection broke rather than ended. */
  | { type: 'closed'; id: number; sent: number; received: number; broken?: Broken | undefined }
  /** The far end could not be reached: the client's connection was closed. */
  | { type: 'refused'; id: number; error: CassSniError }

/** Which side broke a connection, and why. */
export interface Broken {
  by: 'client' | 'far end'
  reason: string
}

export interface TunnelOptions {
  /** IP addresses or "localhost", which is 127.0.0.1 and, where the machine has it, ::1. Port 0 is any free one. */
  listen: { addresses: string[]; port: number }
  dial: Dial
  /** Ends everything: no listener and no connection is left. */
  signal: AbortSignal
  onEvent?: ((event: TunnelEvent) => void) | undefined
  /** How long a new connection waits for the far end. Default 10,000 ms. */
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
  /** Where it listens, the port as given by the system. */
  listening: { host: string; port: number }[]
  figures: () => TunnelFigures
  /** Resolves when the signal has ended it and every socket is closed. */
  done: Promise<void>
}

/**
 * Listens, and pipes each client's connection to one of its own from `dial`, with backpressure and half-close both
 * ways.
 * Throws CSNI106 when the port cannot be listened on, before anything is served.
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
        // One connection could not be accepted (no file descriptor left, say): the others go on.
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
    // Before the pipes are laid nobody else listens for a reset.
    client.on('error', () => {})
    client.once('close', () => {
      this.figures.active -= 1
    })
    this.#carry(client, id).catch((error: unknown) => {
      client.destroy()
      if (this.#options.signal.aborted) return
      this.figures.refused += 1
      this.#tell({ type: 'refused', id, error: asCassSniError(error) })
    })
  }

  lost(error: Error): void {
    this.figures.total += 1
    this.figures.refused += 1
    this.#tell({
      type: 'refused',
      id: this.figures.total,
      error: new CassSniError('CSNI601', `a connection could not be accepted: ${systemError(error)}`, { cause: error }),
    })
  }

  destroy(): void {
    for (const stream of this.#open) stream.destroy()
  }

  async #carry(client: Socket, id: number): Promise<void> {
    const far = await this.#reach(client)
    if (far === undefined) return
    this.#track(far)
    // Pipes report errors while they run; one that comes after them must not end the process.
    far.on('error', () => {})
    if (client.destroyed || this.#options.signal.aborted) {
      far.destroy()
      client.destroy()
      return
    }
    this.#tell({ type: 'opened', id, client: `${client.remoteAddress ?? ''}:${client.remotePort ?? ''}` })
    let broken: Broken | undefined
    const breaks = (by: Broken['by']) => (error: Error) => {
      broken ??= { by, reason: systemError(error) }
    }
    client.once('error', breaks('client'))
    far.once('error', breaks('far end'))
    let ways = 2
    const ended = (error: NodeJS.ErrnoException | null | undefined) => {
      // One way broken is both broken; one way ended is a half-close.
      if (error) {
        client.destroy()
        far.destroy()
      }
      ways -= 1
      if (ways > 0) return
      const [sent, received] = [client.bytesRead, client.bytesWritten]
      this.figures.sent += sent
      this.figures.received += received
      this.#tell({ type: 'closed', id, sent, received, broken })
    }
    pipeline(client, far, ended)
    pipeline(far, client, ended)
  }

  /** Opens the far end, again and again while that may help; undefined when the client is gone or all is ending. */
  async #reach(client: Socket): Promise<Duplex | undefined> {
    const { dial, signal, waitMs = WAIT_MS } = this.#options
    const gone = new AbortController()
    const leave = (): void => gone.abort(new CassSniError('CSNI601', 'the client closed the connection'))
    client.once('close', leave)
    let failure: unknown
    const late = (): CassSniError =>
      failure === undefined
        ? new CassSniError('CSNI601', `no connection within ${waitMs / 1000} s`)
        : asCassSniError(failure)
    const both = AbortSignal.any([signal, gone.signal])
    try {
      return await withinLimit({ ms: waitMs, late, signal: both }, async (stop) => {
        const pauseMs = backOff(PAUSES)
        for (;;) {
          try {
            return await dial({ signal: stop })
          } catch (error) {
            throwIfAborted(stop)
            if (!(error instanceof CassSniError && PASSING.has(error.code))) throw error
            failure = error
          }
          await pause(pauseMs(), stop)
        }
      })
    } catch (error) {
      if (both.aborted) return undefined
      throw error
    } finally {
      client.removeListener('close', leave)
    }
  }

  #track(stream: Duplex): void {
    this.#open.add(stream)
    stream.once('close', () => this.#open.delete(stream))
  }

  #tell(event: TunnelEvent): void {
    this.#options.onEvent?.(event)
  }
}

/** All listeners on one port. "localhost" needs one of its two addresses, any other address is needed itself. */
async function listenOn(listen: TunnelOptions['listen'], accept: (socket: Socket) => void): Promise<Server[]> {
  const wanted = wantedHosts(listen.addresses)
  for (let attempt = 1; ; attempt += 1) {
    const servers: Server[] = []
    let port = listen.port
    try {
      for (const [host, needed] of wanted) {
        const server = await listenAt(host, port, accept).catch((error: NodeJS.ErrnoException) => {
          // No IPv6 on this machine. But where the port is taken on ::1, "localhost" would lead to the other program.
          if (!needed && error.code !== 'EADDRINUSE') return undefined
          throw error
        })
        if (server === undefined) continue
        servers.push(server)
        port = (server.address() as AddressInfo).port
      }
      return servers
    } catch (error) {
      for (const server of servers) server.close()
      // Any free port of the first address may be taken on the second.
      if (listen.port === 0 && servers.length > 0 && attempt < PORT_ATTEMPTS) continue
      throw cannotListen(error as NodeJS.ErrnoException, listen.port)
    }
  }
}

/** Each address once, and whether there is no listening without it. */
function wantedHosts(addresses: string[]): Map<string, boolean> {
  const wanted = new Map<string, boolean>()
  for (const address of addresses) {
    if (address === 'localhost') {
      wanted.set('127.0.0.1', true)
      wanted.set('::1', wanted.get('::1') ?? false)
      continue
    }
    if (isIP(address) === 0)
      throw new CassSniError(
        'CSNI101',
        `"${address}" is not an address to listen on: an IP address or localhost is wanted`,
      )
    // 0::1 is ::1
    wanted.set(
      isIP(address) === 6 && !address.includes('%') ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address,
      true,
    )
  }
  return wanted
}

function listenAt(host: string, port: number, accept: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true }, accept)
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.removeListener('error', reject)
      resolve(server)
    })
  })
}

function cannotListen(error: NodeJS.ErrnoException & { address?: string }, port: number): CassSniError {
  const where = error.address === undefined ? `port ${port}` : `${error.address}, port ${port}`
  const why = error.code === 'EADDRINUSE' ? 'another program listens there already' : systemError(error)
  return new CassSniError('CSNI106', `cannot listen on ${where}: ${why}`, {
    // another port does not help where the machine lacks the address
    next: error.code === 'EADDRNOTAVAIL' ? [] : [again`--port 0`],
    cause: error,
  })
}
