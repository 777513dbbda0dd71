/** An API server's side of port forwarding with SPDY in a WebSocket, as spdystream and containerd do it. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { constants, inflateRawSync } from 'node:zlib'
import { type WebSocket, WebSocketServer } from 'ws'

const PROTOCOL = 'SPDY/3.1+portforward.k8s.io'

/** One connection that a client has asked for, and what the server may do with it. */
export interface Requested {
  headers: Record<string, string>
  /** Of the WebSocket that it came through; 0 is the first. */
  socket: number
  received: Buffer[]
  isReset: boolean
  accept(): void
  send(data: Buffer | string): void
  /** Ends both streams, with an error if there is a text. */
  end(error?: string): void
}

export interface PortForwardServer {
  url: string
  sockets: WebSocket[]
  requested: Requested[]
  /** Decides about a connection; by default it is accepted and what comes is sent back. */
  onRequest: (connection: Requested) => void
  onData: (connection: Requested, data: Buffer) => void
  /** Bytes per WebSocket message. */
  chunk: number
  stop(): void
}

export async function portForwardServer(): Promise<PortForwardServer> {
  const http: Server = createServer()
  const webSockets = new WebSocketServer({ noServer: true, handleProtocols: () => PROTOCOL })
  const server: PortForwardServer = {
    url: '',
    sockets: [],
    requested: [],
    onRequest: (connection) => connection.accept(),
    onData: (connection, data) => connection.send(data),
    chunk: Number.POSITIVE_INFINITY,
    stop: () => {
      for (const socket of webSockets.clients) socket.terminate()
      http.closeAllConnections()
      http.close()
    },
  }
  http.on('upgrade', (request, socket, head) => {
    // ws allows tokens only
    request.headers['sec-websocket-protocol'] = 'any'
    webSockets.handleUpgrade(request, socket, head, (webSocket) => serve(server, webSocket))
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  server.url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  return server
}

function serve(server: PortForwardServer, webSocket: WebSocket): void {
  const socket = server.sockets.push(webSocket) - 1
  const byData = new Map<number, Requested>()
  const write = (bytes: Buffer): void => {
    const { chunk } = server
    for (let at = 0; at < bytes.length; at += Math.min(chunk, bytes.length))
      webSocket.send(bytes.subarray(at, at + Math.min(chunk, bytes.length)))
  }
  let first = true
  let rest = Buffer.alloc(0)
  webSocket.on('message', (message: Buffer) => {
    rest = Buffer.concat([rest, message])
    for (;;) {
      const length = rest.length < 8 ? Number.POSITIVE_INFINITY : rest.readUInt32BE(4) & 0xffffff
      if (rest.length < 8 + length) return
      const [head, flags, payload] = [rest.readUInt32BE(), rest[4] ?? 0, rest.subarray(8, 8 + length)]
      rest = rest.subarray(8 + length)
      if (head < 0x8000_0000) {
        const connection = byData.get(head)
        if (connection === undefined) continue
        connection.received.push(payload)
        server.onData(connection, payload)
      } else if (head === 0x8003_0001) {
        const id = payload.readUInt32BE()
        const block = payload.subarray(first ? 16 : 10)
        if (first && payload.toString('hex', 10, 16) !== '7820e3c6a7c2') throw new Error('no zlib header of SPDY/3')
        first = false
        const headers = headersOf(inflateRawSync(block, { finishFlush: constants.Z_SYNC_FLUSH }))
        if (headers['streamtype'] === 'error' && flags !== 1) throw new Error('the error stream is not half-closed')
        if (headers['streamtype'] === 'data') {
          const connection = requested(id, headers, socket, write)
          byData.set(id, connection)
          server.requested.push(connection)
          server.onRequest(connection)
        }
      } else if (head === 0x8003_0003) {
        const connection = byData.get(payload.readUInt32BE())
        if (connection !== undefined) connection.isReset = true
      }
    }
  })
}

function requested(id: number, headers: Record<string, string>, socket: number, write: (bytes: Buffer) => void) {
  const data = (stream: number, text: Buffer | string, fin: boolean) => {
    const bytes = Buffer.from(text)
    write(Buffer.concat([numbers(stream, (fin ? 0x100_0000 : 0) + bytes.length), bytes]))
  }
  const connection: Requested = {
    headers,
    socket,
    received: [],
    isReset: false,
    accept: () => {
      for (const stream of [id - 2, id]) write(numbers(0x8003_0002, 4, stream))
    },
    send: (bytes) => data(id, bytes, false),
    end: (error) => {
      if (error === undefined) {
        data(id, '', true)
        data(id - 2, '', true)
        return
      }
      data(id - 2, error, false)
      for (const stream of [id, id - 2]) write(numbers(0x8003_0003, 8, stream, 5))
    },
  }
  return connection
}

function headersOf(block: Buffer): Record<string, string> {
  let at = 4
  const text = () => {
    const length = block.readUInt32BE(at)
    at += 4 + length
    return block.toString('utf8', at - length, at)
  }
  const pairs = Array.from({ length: block.readUInt32BE() }, () => [text(), text()] as const)
  return Object.fromEntries(pairs)
}

function numbers(...values: number[]): Buffer {
  const buffer = Buffer.alloc(4 * values.length)
  for (const [index, value] of values.entries()) buffer.writeUInt32BE(value, 4 * index)
  return buffer
}
