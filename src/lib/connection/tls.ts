/**
 * A TLS handshake as a driver would make it, to look at what is served: nothing but the handshake goes over the
 * connection.
 */
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { checkServerIdentity, connect, type TLSSocket } from 'node:tls'
import { asCassSniError, CassSniError, command } from '../errors.ts'
import { alternativeNames, spiffeId } from '../text/alternative-names.ts'
import { isNotTls, systemError, systemErrorWords } from '../text/system-errors.ts'
import { withinLimit } from '../waiting/time-limit.ts'
import type { Dial } from './dialer.ts'

const DEFAULT_TIMEOUT_MS = 10_000

export interface HandshakeOptions {
  /** Opens the connection to the gateway or to a node. */
  dial: Dial
  /** The name sent as SNI and looked for in the certificate. Never an IP address. */
  serverName: string
  /** Certificates (PEM) that the chain has to end in. The machine's own roots do not count. */
  ca: string
  signal: AbortSignal
  /** For opening and handshake together. Default 10,000. */
  timeoutMs?: number | undefined
}

/** The leaf certificate that was served. Dates are ISO 8601. Text from the far end is untrusted. */
export interface ServedCertificate {
  subject: string
  issuer: string
  serialNumber: string
  fingerprint256: string
  validFrom: string
  validTo: string
  /** DNS names and IP addresses of the subjectAltName. */
  names: string[]
  /** Its SPIFFE id, when it is the certificate of an Istio sidecar. */
  spiffe?: string | undefined
}

export interface HandshakeResult {
  /** True when chain, dates and name all verify: what a strict driver asks for. */
  authorized: boolean
  /** Why not, in one line. */
  reason?: string | undefined
  /** Why the chain (or a date in it) does not verify. */
  chainReason?: string | undefined
  /** Why the name does not; looked at even when the chain is wrong. */
  nameReason?: string | undefined
  /** e.g. "TLSv1.3". */
  protocol: string
  certificate: ServedCertificate
}

/**
 * Makes one TLS handshake and gives the verdict on the certificate that is served, also when it is not to be trusted.
 *
 * ATTENTION: `rejectUnauthorized: false` is used here because a refused certificate is what is reported, and in
 * `gateway-dialer.ts`, which only asks whether anything answers; nowhere else in this program. The connection is closed
 * right after the handshake, and no byte of data is sent over it. Data (a login!) goes through `cql-session.ts`, which
 * refuses what does not verify.
 *
 * Throws CSNI603 when the connection is closed before the server said a word: Envoy does that to an SNI name without a
 * filter chain (istio/istio issue 32466); CSNI601 when it takes too long or the connection fails; CSNI602 when the
 * server
 * breaks off the handshake with a TLS alert.
 */
export async function handshake(options: HandshakeOptions): Promise<HandshakeResult> {
  const { serverName, signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options
  return withinLimit({ ms: timeoutMs, signal, late: () => tooSlow(serverName, timeoutMs) }, async (stop) =>
    probe(await options.dial({ signal: stop }), options, stop),
  )
}

function probe(stream: Duplex, { serverName, ca }: HandshakeOptions, stop: AbortSignal): Promise<HandshakeResult> {
  return new Promise((resolve, reject) => {
    let received = 0
    let streamError: unknown
    const bytesReceived = () => (stream instanceof Socket ? stream.bytesRead : received)
    stream.on('error', (error) => {
      streamError = error
    })
    const socket = connect({
      socket: stream,
      servername: serverName,
      ca,
      rejectUnauthorized: false,
    })
    // A socket of the system is read by TLS itself, below its 'data' events: it counts its own bytes.
    if (!(stream instanceof Socket)) {
      stream.on('data', (chunk: Buffer) => {
        received += chunk.length
      })
    }
    let settled = false
    const settle = (finish: () => void) => {
      if (settled) return
      settled = true
      stop.removeEventListener('abort', stopped)
      finish()
    }
    const fail = (error: CassSniError) =>
      settle(() => {
        reject(error)
        socket.destroy()
        stream.destroy()
      })
    const stopped = () => fail(asCassSniError(stop.reason))
    stop.addEventListener('abort', stopped, { once: true })
    socket.once('secureConnect', () => {
      try {
        const result = verdict(socket, serverName)
        settle(() => {
          resolve(result)
          socket.destroySoon()
        })
      } catch (error) {
        fail(asCassSniError(error))
      }
    })
    // Stays for good: a late error of a connection that is done with must not end the process.
    socket.on('error', (error: NodeJS.ErrnoException) => fail(explain(error, streamError, bytesReceived(), serverName)))
    socket.once('close', () => fail(explain(undefined, streamError, bytesReceived(), serverName)))
    if (stop.aborted) stopped()
  })
}

function verdict(socket: TLSSocket, serverName: string): HandshakeResult {
  const peer = socket.getPeerX509Certificate()
  if (peer === undefined) throw new CassSniError('CSNI602', `no certificate was served for ${serverName}`)
  // From the one certificate object: Node 24's getPeerCertificate() is empty after getPeerX509Certificate().
  const wrongName = checkServerIdentity(serverName, peer.toLegacyObject())
  const names = alternativeNames(peer.subjectAltName)
  const nameReason =
    wrongName === undefined ? undefined : `the certificate does not name ${serverName}; it names ${listed(names)}`
  // Node puts the chain's fault first, and looks at the name only when the chain is good.
  // Node's typing says Error, its documentation and its source a string: the OpenSSL code (nodejs/node
  // lib/_tls_wrap.js).
  const fault = socket.authorized ? undefined : String(socket.authorizationError)
  const chainReason =
    fault === undefined || fault === 'ERR_TLS_CERT_ALTNAME_INVALID'
      ? undefined
      : chainFault(fault, peer.validTo, peer.validFrom)
  const reason = [chainReason, nameReason].filter((part) => part !== undefined).join('; ')
  return {
    authorized: reason === '',
    reason: reason === '' ? undefined : reason,
    chainReason,
    nameReason,
    protocol: socket.getProtocol() ?? 'unknown',
    certificate: {
      subject: oneLine(peer.subject),
      issuer: oneLine(peer.issuer),
      serialNumber: peer.serialNumber,
      fingerprint256: peer.fingerprint256,
      validFrom: new Date(peer.validFrom).toISOString(),
      validTo: new Date(peer.validTo).toISOString(),
      names,
      spiffe: spiffeId(peer.subjectAltName),
    },
  }
}

/** What OpenSSL's verification codes mean here (openssl/openssl doc/man3/X509_STORE_CTX_get_error.pod). */
function chainFault(code: string, validTo: string, validFrom: string): string {
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return new Date(validTo).getTime() < Date.now()
        ? `the certificate expired on ${day(validTo)}`
        : 'a certificate of its chain has expired'
    case 'CERT_NOT_YET_VALID':
      return `the certificate is valid only from ${day(validFrom)} (or this machine's clock is wrong)`
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return 'the certificate was not issued by the datacenter’s certificate authority'
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
      return 'the certificate is self-signed, not issued by the datacenter’s certificate authority'
    case 'CERT_SIGNATURE_FAILURE':
      return 'the signature is not of the datacenter’s certificate authority: its key changed under the same name'
    case 'INVALID_PURPOSE':
      return 'the certificate is not one for servers'
    default:
      return `the chain does not verify: ${systemErrorWords(code) ?? code}`
  }
}

function explain(
  error: NodeJS.ErrnoException | undefined,
  streamError: unknown,
  bytesReceived: number,
  serverName: string,
): CassSniError {
  // A tunnel tells that its far end was cut (not that it could not be reached) by the cause's code.
  const cut =
    streamError instanceof CassSniError &&
    (streamError.cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNRESET'
  if (streamError instanceof CassSniError && !(cut && bytesReceived === 0)) return streamError
  const code = cut ? 'ECONNRESET' : error?.code
  const alert = /alert ([a-z ]+?)(?::|$)/.exec(error?.message ?? '')?.[1]
  if (alert !== undefined && bytesReceived > 0) {
    const clientAuth = /certificate required|bad certificate/.test(alert)
      ? ' (does Cassandra require a certificate of its clients?)'
      : ''
    return new CassSniError(
      'CSNI602',
      `the server broke off the TLS handshake for ${serverName}: alert "${alert}"${clientAuth}`,
      { cause: error },
    )
  }
  if (bytesReceived === 0 && (code === undefined || code === 'ECONNRESET' || code === 'EPIPE')) {
    return new CassSniError(
      'CSNI603',
      `the connection was closed before anything was served for ${serverName}: no route for that name, or ` +
        'nothing behind it',
      {
        next: [command`kubectl cass-sni routes sync`, command`kubectl cass-sni verify`],
        cause: error,
      },
    )
  }
  const words = error === undefined ? 'the connection was closed in the middle of it' : systemError(error)
  if (code !== undefined && isNotTls(code))
    return new CassSniError('CSNI602', `what answers for ${serverName} does not speak TLS`, { cause: error })
  return new CassSniError('CSNI601', `the TLS handshake for ${serverName} failed: ${words}`, { cause: error })
}

function tooSlow(serverName: string, timeoutMs: number): CassSniError {
  return new CassSniError('CSNI601', `no TLS handshake for ${serverName} within ${timeoutMs / 1000} s`, {
    next: [command`kubectl cass-sni verify`],
  })
}

/** Node's "CN=a\nO=b" as "CN=a, O=b". */
const oneLine = (name: string | undefined) => (name ?? '').split('\n').join(', ')
const day = (date: string) => new Date(date).toISOString().slice(0, 10)

function listed(names: string[]): string {
  if (names.length === 0) return 'no host at all'
  const shown = names.slice(0, 3).join(', ')
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown
}
