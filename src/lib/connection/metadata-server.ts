/** The HTTP server of the metadata service: one document, answered from memory. */
import type { RequestListener, ServerOptions } from 'node:http'
import { createServer, type Server } from 'node:https'

export interface MetadataEndpoint {
  path: string
  /** The name under which clients connect. */
  name: string
  /** Returns the document for clients that reach the gateway at "host:port"; undefined if no node is ready. */
  document: (address: string) => object | undefined
  /** Called after each response. Must not throw. */
  onResponse?: ((status: number) => void) | undefined
  /** For the whole request, for the TLS handshake, and before the first byte, in ms. Default 5,000. */
  requestMs?: number | undefined
}

/** Key and certificate chain (PEM). */
export interface ServerCertificate {
  key: string
  cert: string
}

/** A request has no body and few headers. */
const MAX_HEADER_BYTES = 8 * 1024
const REQUEST_MS = 5_000
/** Drivers send one request. */
const KEEP_ALIVE_MS = 2_000
const IDLE_MS = 10_000
const MAX_CONNECTIONS = 512
const HTTPS_PORT = 443

/** Returns a server that terminates TLS. It asks for no client certificate: the document contains no secret. */
export function createTlsMetadataServer(endpoint: MetadataEndpoint, certificate: ServerCertificate): Server {
  const { requestMs: handshakeTimeout = REQUEST_MS } = endpoint
  const options = { ...limitsOf(endpoint), ...secured(certificate), handshakeTimeout }
  return limited(createServer(options, metadataListener(endpoint)))
}

/** Makes new connections use another certificate. */
export function replaceCertificate(server: Server, certificate: ServerCertificate): void {
  server.setSecureContext(secured(certificate))
}

function secured({ key, cert }: ServerCertificate): { key: string; cert: string; minVersion: 'TLSv1.2' } {
  return { key, cert, minVersion: 'TLSv1.2' }
}

function limitsOf({ requestMs = REQUEST_MS }: MetadataEndpoint): ServerOptions {
  return {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: requestMs,
    requestTimeout: requestMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // how often these times are checked
    connectionsCheckingInterval: Math.min(1_000, requestMs / 2),
  }
}

function limited(server: Server): Server {
  server.maxConnections = MAX_CONNECTIONS
  server.setTimeout(IDLE_MS)
  return server
}

/** Returns the request listener, for a server whose connections have passed TLS. */
export function metadataListener({ path, name, document, onResponse }: MetadataEndpoint): RequestListener {
  return (request, response) => {
    const { method, url, headers } = request
    const send = (status: number, body: string, more: Record<string, string> = {}) => {
      response.writeHead(status, {
        'content-type': status === 200 ? 'application/json' : 'text/plain; charset=utf-8',
        'content-length': Buffer.byteLength(body),
        'cache-control': 'no-store',
        // a request with a body is not read to its end
        ...(method === 'GET' ? {} : { connection: 'close' }),
        ...more,
      })
      response.end(method === 'HEAD' ? undefined : body)
      onResponse?.(status)
    }
    if (url !== path) {
      send(404, 'not found\n')
      return
    }
    if (method !== 'GET') {
      send(405, 'method not allowed\n', { allow: 'GET' })
      return
    }
    const address = addressIn(headers.host, name)
    if (address === undefined) {
      send(421, `expected a request for ${name}\n`)
      return
    }
    const found = document(address)
    if (found === undefined) send(503, 'no Cassandra node is ready\n', { 'retry-after': '5' })
    else send(200, JSON.stringify(found))
  }
}

/**
 * Returns the address that the client has connected to, from its Host header: the port of a load balancer or of a local
 * tunnel may differ from the gateway's. Undefined for another name.
 */
function addressIn(host: string | undefined, name: string): string | undefined {
  const [, found = '', text = String(HTTPS_PORT)] = /^([^:]+)(?::(\d{1,5}))?$/.exec(host ?? '') ?? []
  const port = Number(text)
  if (found.toLowerCase() !== name.toLowerCase() || port < 1 || port > 65_535) return undefined
  return `${name}:${port}`
}
