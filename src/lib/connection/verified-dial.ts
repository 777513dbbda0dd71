/** TLS connections on behalf of clients that cannot send SNI: verified before the first byte of the client is sent. */
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect, type TLSSocket } from 'node:tls'
import { asCassSniError, type CassSniError } from '../errors.ts'
import { isCertificateError } from '../text/system-errors.ts'
import type { ClientIdentity } from './client-identity.ts'
import { connectionError } from './cql-errors.ts'
import type { Dial } from './dialer.ts'
import { handshakeError } from './tls.ts'

export interface ServerIdentity {
  /** The SNI name, also verified in the certificate. Never an IP address. */
  serverName: string
  /** Trust anchors (PEM). The system's CA certificates are not used. */
  ca: string
  /** Presented if the server requests a certificate. */
  client?: ClientIdentity | undefined
}

/**
 * Opens a connection with `dial` and completes a verified TLS handshake on it. What is written to the stream reaches
 * the server encrypted; what is read was decrypted.
 *
 * Throws CSNI602 if the certificate does not verify or the server aborts the handshake, CSNI603 if the connection is
 * closed before any response (no route for the name), and what `dial` throws.
 */
export async function dialVerified(dial: Dial, identity: ServerIdentity, signal?: AbortSignal): Promise<TLSSocket> {
  return secured(await dial({ signal }), identity, signal)
}

function secured(stream: Duplex, identity: ServerIdentity, signal?: AbortSignal): Promise<TLSSocket> {
  const { serverName, ca, client } = identity
  return new Promise((resolve, reject) => {
    let received = 0
    let streamError: unknown
    const bytesReceived = () => (stream instanceof Socket ? stream.bytesRead : received)
    stream.on('error', (error) => {
      streamError = error
    })
    const count = (chunk: Buffer) => {
      received += chunk.length
    }
    // TLS reads from a net.Socket directly, without 'data' events, but the socket counts its bytes.
    if (!(stream instanceof Socket)) stream.on('data', count)
    const socket = connect({ ...client, socket: stream, servername: serverName, ca, rejectUnauthorized: true })
    // A late error, between the handshake and the first user of the stream, must not end the process.
    socket.on('error', () => undefined)
    const settle = (finish: () => void) => {
      signal?.removeEventListener('abort', stopped)
      stream.removeListener('data', count)
      socket.removeListener('close', closed)
      finish()
    }
    const fail = (error: CassSniError) =>
      settle(() => {
        reject(error)
        socket.destroy()
        stream.destroy()
      })
    const failed = (error?: NodeJS.ErrnoException) =>
      fail(
        isCertificateError(error?.code)
          ? connectionError(error, serverName)
          : handshakeError(error, streamError, bytesReceived(), serverName),
      )
    const stopped = () => fail(asCassSniError(signal?.reason))
    const closed = () => failed()
    signal?.addEventListener('abort', stopped, { once: true })
    socket.once('close', closed)
    socket.once('error', failed)
    socket.once('secureConnect', () =>
      settle(() => {
        socket.removeListener('error', failed)
        resolve(socket)
      }),
    )
    if (signal?.aborted) stopped()
  })
}
