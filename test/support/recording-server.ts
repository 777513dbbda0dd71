/** A server that notes who asked it what, and proxies that note where they led: for comparing clients of the API server. */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** Who a request says that it is from. */
export interface Asker {
  authorization: string | undefined
  /** Impersonate-* as "name: value", sorted. */
  impersonates: string[]
  /** Common name of the client certificate. */
  certificate: string | undefined
}

/** Answers a request; `nth` counts from 1. */
export type Answering = (request: IncomingMessage, response: ServerResponse, nth: number) => void

export interface RecordingServer {
  port: number
  asked: Asker[]
  close(): Promise<void>
}

const EMPTY_LIST = JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata: { resourceVersion: '1' }, items: [] })

/** An HTTPS server that takes any client certificate, or with `tls` undefined an HTTP server, on loopback. */
export async function recordingServer(
  tls: { cert: string; key: string } | undefined,
  answering: Answering = (_request, response) => void response.end(EMPTY_LIST),
): Promise<RecordingServer> {
  const asked: Asker[] = []
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    asked.push(askerOf(request))
    response.setHeader('content-type', 'application/json')
    answering(request, response, asked.length)
  }
  const server = tls
    ? createHttpsServer({ ...tls, requestCert: true, rejectUnauthorized: false }, listener)
    : createHttpServer(listener)
  return { asked, ...(await listening(server)) }
}

/** The empty list of pods, the answer to `get pods`. */
export function emptyList(response: ServerResponse): void {
  response.end(EMPTY_LIST)
}

function askerOf(request: IncomingMessage): Asker {
  const { rawHeaders } = request
  const impersonates = rawHeaders.flatMap((name, index) =>
    index % 2 === 0 && /^impersonate-/i.test(name) ? [`${name.toLowerCase()}: ${rawHeaders[index + 1]}`] : [],
  )
  const subject = 'encrypted' in request.socket ? (request.socket as TLSSocket).getPeerCertificate().subject : undefined
  return {
    authorization: request.headers.authorization,
    impersonates: impersonates.sort(),
    certificate: subject?.CN as string | undefined,
  }
}

export interface RecordingProxy {
  port: number
  /** "host:port" of each connection that was asked for. */
  led: string[]
  close(): Promise<void>
}

/** An HTTP proxy for CONNECT: all lead to the one port on loopback, whatever was asked for; `login` is demanded if given. */
export async function connectProxy(port: number, login?: string): Promise<RecordingProxy> {
  const led: string[] = []
  const server = createHttpServer((_request, response) => response.writeHead(405).end())
  server.on('connect', (request, socket, head) => {
    led.push(request.url ?? '')
    const given = request.headers['proxy-authorization']
    if (login !== undefined && given !== `Basic ${Buffer.from(login).toString('base64')}`) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n')
      return
    }
    const far = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      far.write(head)
      far.pipe(socket).pipe(far)
    })
    for (const end of [far, socket]) end.on('error', () => (far.destroy(), socket.destroy()))
  })
  return { led, ...(await listening(server)) }
}

/** A SOCKS5 proxy without login (RFC 1928), for host names only: all lead to the one port on loopback. */
export async function socksProxy(port: number): Promise<RecordingProxy> {
  const led: string[] = []
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.once('data', () => {
      socket.write(Buffer.from([5, 0]))
      socket.once('data', (wanted: Buffer) => {
        const length = wanted[4] ?? 0
        // type 3 is a name: a client that resolves it itself sends an address
        const host = wanted[3] === 3 ? wanted.subarray(5, 5 + length).toString() : `address type ${wanted[3]}`
        led.push(`${host}:${wanted.readUInt16BE(wanted.length - 2)}`)
        const far = connect(port, '127.0.0.1', () => {
          socket.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]))
          far.pipe(socket).pipe(far)
        })
        far.on('error', () => socket.destroy())
      })
    })
  })
  return { led, ...(await listening(server)) }
}

async function listening(server: Server) {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      // those of CONNECT too, which the server itself no longer knows
      for (const socket of sockets) socket.destroy()
    })
  return { port, close }
}
