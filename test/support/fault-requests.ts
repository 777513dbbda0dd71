/**
 * A proxy of HTTP/1.1 requests and WebSockets that chooses a fault per request. It ends TLS, so that it can read them:
 * behind it everybody is who the proxy is.
 */
import * as http from 'node:http'
import * as https from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { type Break, listen, type TestProxy, type Target, toClient } from './fault-proxy.ts'

/** What happens to one request, or WebSocket; nothing in it: it is passed on. */
export interface RequestFault {
  delayMs?: number | undefined
  /** Answers by itself, and keeps the connection. `retryAfter`: seconds, or a date. */
  answer?: { status: number; retryAfter?: number | string | undefined; body?: string | undefined } | undefined
  /** Reads the request and never answers. */
  hang?: boolean | undefined
  /** Resets the connection instead of answering. */
  reset?: boolean | undefined
  /** Breaks the answer: counted are the bytes of its body, or of an upgraded connection. */
  cut?: Break | undefined
}

/** A request as the proxy sees it. */
export interface SeenRequest {
  method: string
  /** Path and query. */
  url: string
  /** 1 for the first request of all. */
  nth: number
  /** 1 for the first connection of all. */
  connection: number
  /** 1 for the first request of its connection: from 2 on a kept-alive connection is used again. */
  nthOfConnection: number
  upgrade: boolean
  headers: http.IncomingHttpHeaders
}

export interface RequestProxy extends TestProxy<SeenRequest, RequestFault> {
  url: string
  requests: SeenRequest[]
}

/** How a proxy that ends TLS speaks to both sides. */
export interface Terms {
  /** What it shows to its clients. */
  serve: { cert: Buffer | string; key: Buffer | string }
  /** What it trusts in the server, and who it is there: who the client is cannot go through TLS that ends here. */
  ask: Pick<https.RequestOptions, 'ca' | 'cert' | 'key' | 'servername'>
}

/**
 * A proxy of HTTP/1.1 requests and WebSockets before `target`, on a free port of the loopback interface. Without terms
 * both sides speak plain HTTP.
 */
export async function requestProxy(
  target: Target,
  { tls, fault = () => undefined }: { tls?: Terms | undefined; fault?: RequestProxy['fault'] | undefined } = {},
): Promise<RequestProxy> {
  // a connection of its own for each request, so that no reset of the far end is taken for a fault of ours
  const ask = ({ method = 'GET', url: path = '/', rawHeaders }: http.IncomingMessage) => {
    const how = { ...target, method, path, headers: rawHeaders, agent: false } as const
    return tls === undefined ? http.request(how) : https.request({ ...how, ...tls.ask })
  }
  const server = tls === undefined ? http.createServer() : https.createServer(tls.serve)
  // only faults end connections
  Object.assign(server, { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 })
  const listening = await listen(server)
  const proxy: RequestProxy = Object.assign(listening, {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${listening.port}`,
    fault,
    requests: [],
  })
  const known = new WeakMap<Socket, { connection: number; requests: number }>()
  const see = (incoming: http.IncomingMessage, upgrade: boolean): Reaction => {
    const of = known.get(incoming.socket) ?? { connection: ++proxy.connections, requests: 0 }
    known.set(incoming.socket, of)
    const seen = {
      method: incoming.method ?? '',
      url: incoming.url ?? '',
      nth: proxy.requests.length + 1,
      connection: of.connection,
      nthOfConnection: ++of.requests,
      upgrade,
      headers: incoming.headers,
    }
    proxy.requests.push(seen)
    const below = listening.from(incoming.socket.remotePort)
    return { fault: proxy.fault(seen) ?? {}, reset: () => below?.resetAndDestroy(), ask: () => ask(incoming) }
  }
  server.on('request', (incoming, response) => void answer(incoming, response, see(incoming, false)))
  server.on('upgrade', (incoming, socket, head) => void upgrade(socket, head, see(incoming, true)))
  return proxy
}

interface Reaction {
  fault: RequestFault
  /** Resets the client's connection. */
  reset(): void
  /** Begins the same request to the server. */
  ask(): http.ClientRequest
}

async function answer(incoming: http.IncomingMessage, response: http.ServerResponse, how: Reaction): Promise<void> {
  const { fault, reset, ask } = how
  if (fault.delayMs !== undefined) await pause(fault.delayMs)
  if (fault.reset) return reset()
  if (fault.hang) return void incoming.resume()
  if (fault.answer !== undefined) {
    const { status, retryAfter, body = '' } = fault.answer
    incoming.resume()
    return void response
      .writeHead(status, retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) })
      .end(body)
  }
  const far = ask()
  far.on('error', (error) => {
    if (response.headersSent) reset()
    else response.writeHead(502).end(`the proxy for tests: ${error.message}`)
  })
  far.on('response', (answered) => {
    // whether the connection is kept is each side's own affair
    const { connection, 'keep-alive': keepAlive, ...headers } = answered.headers
    response.writeHead(answered.statusCode ?? 502, headers)
    response.flushHeaders()
    // the server has ended in the middle of its answer
    answered.on('error', reset)
    toClient(answered, response, fault.cut, reset)
  })
  response.on('close', () => far.destroy())
  incoming.pipe(far)
}

async function upgrade(client: Duplex, head: Buffer, how: Reaction): Promise<void> {
  const { fault, reset, ask } = how
  client.on('error', () => client.destroy())
  if (fault.delayMs !== undefined) await pause(fault.delayMs)
  if (fault.reset) return reset()
  if (fault.hang) return void client.resume()
  if (fault.answer !== undefined) {
    const { status, retryAfter, body = '' } = fault.answer
    const retry = retryAfter === undefined ? '' : `retry-after: ${retryAfter}\r\n`
    const head = `HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}\r\n${retry}content-length: ${Buffer.byteLength(body)}`
    return void client.end(`${head}\r\nconnection: close\r\n\r\n${body}`)
  }
  const far = ask()
  far.on('error', reset)
  const begin = ({ statusCode = 502, statusMessage = '', rawHeaders }: http.IncomingMessage) => {
    const pairs = rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${rawHeaders[at + 1]}\r\n`] : []))
    client.write(`HTTP/1.1 ${statusCode} ${statusMessage}\r\n${pairs.join('')}\r\n`)
  }
  far.on('response', (refused) => {
    begin(refused)
    refused.on('error', reset)
    toClient(refused, client, undefined, reset)
  })
  far.on('upgrade', (answered, stream, first) => {
    begin(answered)
    stream.on('error', reset)
    stream.on('close', () => client.destroy())
    client.on('close', () => stream.destroy())
    if (first.length > 0) stream.unshift(first)
    if (head.length > 0) stream.write(head)
    toClient(stream, client, fault.cut, reset)
    client.pipe(stream)
  })
  far.end()
}

/** The fault for requests on connections that served one before: an idle limit on the way. */
export function onReuse(fault: RequestFault): RequestProxy['fault'] {
  return ({ nthOfConnection }) => (nthOfConnection > 1 ? fault : undefined)
}
