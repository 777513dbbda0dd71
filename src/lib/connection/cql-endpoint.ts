/**
 * A private listener for a client library that insists on dialling TCP itself: each connection to it is carried over
 * one
 * stream of its own. It knows nothing of TLS or CQL, the bytes pass as they are.
 */
import { createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { CassSniError } from '../errors.ts'

export interface LocalEndpoint {
  /** "127.0.0.1:port". */
  address: string
  /** Why the last stream could not be opened or was torn, since the client only sees a closed connection. */
  lastFailure(): unknown
  /** Stops listening and destroys what is open. */
  close(): void
}

/**
 * Listens on 127.0.0.1 at a free port, for as long as the session lives.
 * Backpressure holds both ways; a half that ends ends the other half.
 * @param open opens one stream to the far end per connection
 */
export async function serveLocalEndpoint(open: () => Promise<Duplex>): Promise<LocalEndpoint> {
  let failure: unknown
  const streams = new Set<Duplex>()
  const track = (stream: Duplex): void => {
    streams.add(stream)
    stream.once('close', () => streams.delete(stream))
  }
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket: Socket) => {
    track(socket)
    // Without a listener an error would end the program; the pairing below destroys both sides on 'close'.
    socket.on('error', () => socket.destroy())
    open().then(
      (stream) => {
        track(stream)
        stream.on('error', (error) => {
          // Only our own errors tell more than "closed", which the client sees anyway.
          if (error instanceof CassSniError) failure = error
          socket.destroy()
        })
        stream.once('close', () => socket.destroy())
        socket.once('close', () => stream.destroy())
        if (socket.destroyed) stream.destroy()
        socket.pipe(stream).pipe(socket)
      },
      (error: unknown) => {
        failure = error
        socket.destroy()
      },
    )
  })
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      if (address === null || typeof address === 'string') reject(new Error('the listener has no port'))
      else resolve(address.port)
    })
  })
  return {
    address: `127.0.0.1:${port}`,
    lastFailure: () => failure,
    close: () => {
      server.close()
      for (const stream of streams) stream.destroy()
    },
  }
}
