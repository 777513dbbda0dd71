/**
 * A local TLS port for drivers with a secure connect bundle: the metadata document for their first request, then CQL to
 * the node that the server name selects, over a separate, verified connection.
 */
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { createSecureContext, createServer, type TLSSocket } from 'node:tls'
import { asCassSniError, type CassSniError, throwIfAborted } from '../errors.ts'
import { asHostId } from '../text/host-id.ts'
import { cannotListen } from './local-listener.ts'
import { metadataListener, type MetadataEndpoint, type ServerCertificate } from './metadata-server.ts'
import { splice } from './splice.ts'

const HOST = '127.0.0.1'

export interface BundleListenerOptions {
  /** 0: any free one. */
  port: number
  metadata: MetadataEndpoint
  /** Returns key and certificate for a server name. */
  certificateFor: (serverName: string) => Promise<ServerCertificate>
  /** Opens a connection to the node with this host ID, after TLS. */
  dial: (hostId: string, signal: AbortSignal) => Promise<Duplex>
  /** Closes the port and all connections. */
  signal: AbortSignal
  /** Called if a node cannot be reached. Must not throw. */
  onFailure: (error: CassSniError) => void
}

/** Listens on 127.0.0.1. Throws CSNI106 if the port is in use. */
export async function listenForBundle(options: BundleListenerOptions): Promise<{ port: number; done: Promise<void> }> {
  const { signal, certificateFor, onFailure } = options
  throwIfAborted(signal)
  const http = createHttpServer(metadataListener(options.metadata))
  const open = new Set<Duplex>()
  const track = (stream: Duplex) => {
    open.add(stream)
    stream.on('error', () => stream.destroy()).once('close', () => open.delete(stream))
  }
  const server = createServer({
    // Java sends no server name that has no dot
    ...(await certificateFor(options.metadata.name)),
    minVersion: 'TLSv1.2',
    // a client that has ended its side still receives what the node sends
    allowHalfOpen: true,
    SNICallback: (name, done) => {
      certificateFor(name).then(
        (certificate) => done(null, createSecureContext({ ...certificate, minVersion: 'TLSv1.2' })),
        (error: unknown) => done(asCassSniError(error)),
      )
    },
  })
  server.on('connection', track)
  server.on('secureConnection', (socket: TLSSocket) => {
    const hostId = asHostId(typeof socket.servername === 'string' ? socket.servername : undefined)
    track(socket)
    if (hostId === undefined) {
      http.emit('connection', socket)
      return
    }
    options.dial(hostId, signal).then(
      (node) => {
        track(node)
        // the driver may have left
        if (socket.destroyed) node.destroy()
        else splice(socket, node, () => undefined)
      },
      (error: unknown) => {
        socket.destroy()
        if (!signal.aborted) onFailure(asCassSniError(error))
      },
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(error, options.port)))
    server.listen({ host: HOST, port: options.port }, resolve)
  })
  const done = new Promise<void>((resolve) => server.once('close', resolve))
  const stop = () => {
    server.close()
    for (const stream of open) stream.destroy()
  }
  if (signal.aborted) stop()
  else signal.addEventListener('abort', stop, { once: true })
  return { port: (server.address() as AddressInfo).port, done }
}
