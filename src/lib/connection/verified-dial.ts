/** TLS connections on behalf of clients that cannot send SNI: verified before the first byte of the client is sent. */
import { connect, type TLSSocket } from 'node:tls'
import { isCertificateError } from '../text/system-errors.ts'
import type { ClientIdentity } from './client-identity.ts'
import { connectionError } from './cql-errors.ts'
import type { Dial } from './dialer.ts'
import { completed, handshakeError } from './tls.ts'

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
  const { serverName, ca, client } = identity
  const stream = await dial({ signal })
  const socket = connect({ ...client, socket: stream, servername: serverName, ca, rejectUnauthorized: true })
  return completed(socket, stream, {
    signal,
    secured: () => socket,
    explain: (error, streamError, received) =>
      isCertificateError(error?.code)
        ? connectionError(error, serverName)
        : handshakeError(error, streamError, received, serverName),
  })
}
