/**
 * A proxy that does what networks do on bad days. It passes bytes on and knows nothing of what they mean: before an API
 * server (TLS goes through it untouched) or a load balancer. fault-requests.ts has its sister that reads HTTP,
 * fault-server.ts puts both before an API server.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'

/** What becomes of a stream once so many bytes have gone to the client: they arrive, nothing after them does. */
export interface Break {
  afterBytes: number
  /** `reset`: RST; `close`: FIN; `stall`: the connection stays open, silent. */
  how: 'reset' | 'close' | 'stall'
}

/** What happens to one connection; nothing in it: it is passed on. */
export interface ConnectionFault {
  /** Accepts at once, dials the far end so much later. */
  delayMs?: number | undefined
  /** Accepts, dials nobody, says nothing: a load balancer with nothing behind it. */
  silent?: boolean | undefined
  /** Closes as soon as it has accepted, without a word. */
  closeAtOnce?: boolean | undefined
  /** Resets when the client's first bytes, a ClientHello, have come. */
  resetInHandshake?: boolean | undefined
  /** Resets when the client sends after nothing has gone either way for so long: a load balancer that forgot it. */
  resetAfterIdleMs?: number | undefined
  /** Breaks what goes to the client. */
  cut?: Break | undefined
}

export interface TestProxy<Seen, Fault> {
  host: string
  port: number
  /** Asked for every connection or request; may be changed while the proxy runs. */
  fault: (seen: Seen) => Fault | undefined
  /** How many connections there were; of requests, those that sent one. */
  connections: number
  /** How many are open now. */
  readonly open: number
  /** Resets all that are open. */
  resetAll(): void
  /** Ends it, and what is open; until then nothing listens elsewhere. */
  stop(): Promise<void>
}

/** `nth` is 1 for the first connection of all. */
export type ByteProxy = TestProxy<{ nth: number }, ConnectionFault>

export interface Target {
  host: string
  port: number
}

/** A proxy of bytes before `target`, on a free port of the loopback interface. */
export async function byteProxy(target: Target, fault: ByteProxy['fault'] = () => undefined): Promise<ByteProxy> {
  const server = createServer({ allowHalfOpen: true })
  const proxy: ByteProxy = Object.assign(await listen(server), { fault })
  server.on('connection', (client) => {
    proxy.connections++
    passOn(client, target, proxy.fault({ nth: proxy.connections }) ?? {})
  })
  return proxy
}

function passOn(client: Socket, target: Target, fault: ConnectionFault): void {
  client.on('error', () => client.destroy())
  if (fault.closeAtOnce) return void client.end()
  // what is not read is no end either: the client's bytes have to be taken for its FIN to be seen
  if (fault.silent) return void client.resume()
  if (fault.resetInHandshake) return void client.once('data', () => client.resetAndDestroy())
  let last = Date.now()
  const { resetAfterIdleMs = Number.POSITIVE_INFINITY } = fault
  const dial = () => {
    if (client.destroyed) return
    const far = connect({ ...target, allowHalfOpen: true })
    far.on('error', () => client.resetAndDestroy())
    client.on('close', () => far.destroy())
    client.on('data', (bytes) => {
      if (Date.now() - last >= resetAfterIdleMs) return void client.resetAndDestroy()
      last = Date.now()
      if (!far.write(bytes)) client.pause()
    })
    far.on('drain', () => client.resume())
    client.on('end', () => far.end())
    const moved = () => {
      last = Date.now()
    }
    toClient(far, client, fault.cut, () => client.resetAndDestroy(), moved)
  }
  if (fault.delayMs === undefined) dial()
  else setTimeout(dial, fault.delayMs)
}

/** Copies what comes from the far end, as far as `cut` lets it; `reset` by itself resets what is below the client's end. */
export function toClient(
  far: Readable,
  client: Writable,
  cut: Break | undefined,
  reset: () => void,
  moved = () => {},
): void {
  let left = cut?.afterBytes ?? Number.POSITIVE_INFINITY
  let broken = false
  const breakNow = () => {
    broken = true
    if (cut?.how === 'close') client.end()
    // the bytes before the break are to arrive: a reset at once would take them from the client's buffer
    if (cut?.how === 'reset') setTimeout(reset, 20)
  }
  far.on('data', (bytes: Buffer) => {
    moved()
    if (broken) return
    const passed = bytes.subarray(0, left)
    left -= passed.length
    if (passed.length > 0 && !client.write(passed)) far.pause()
    if (left <= 0) breakNow()
  })
  client.on('drain', () => far.resume())
  far.on('end', () => {
    if (!broken) client.end()
  })
  if (left <= 0) breakNow()
}

export interface Listening {
  host: string
  port: number
  connections: number
  readonly open: number
  /** The client's end of the connection that comes from a port: with TLS, what is below it. */
  from(clientPort: number | undefined): Socket | undefined
  resetAll(): void
  stop(): Promise<void>
}

/** Listens on a free port of the loopback interface. */
export async function listen(server: Server): Promise<Listening> {
  const sockets = new Map<number | undefined, Socket>()
  server.on('connection', (socket) => {
    const { remotePort } = socket
    sockets.set(remotePort, socket)
    socket.once('close', () => sockets.delete(remotePort))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    connections: 0,
    get open() {
      return sockets.size
    },
    from: (clientPort) => sockets.get(clientPort),
    resetAll() {
      for (const socket of sockets.values()) socket.resetAndDestroy()
    },
    async stop() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets.values()) socket.destroy()
      await closed
    },
  }
}

/** The fault for every n-th request or connection. */
export function everyNth<Fault>(n: number, fault: Fault): (seen: { nth: number }) => Fault | undefined {
  return ({ nth }) => (nth % n === 0 ? fault : undefined)
}
