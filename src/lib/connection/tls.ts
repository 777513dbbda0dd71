/**
 * A TLS handshake like a driver's, to inspect the served certificate. Only the handshake is sent over the connection.
 */
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { checkServerIdentity, connect, type TLSSocket } from 'node:tls'
import { asCassSniError, CassSniError, command } from '../errors.ts'
import { durationText } from '../text/duration-text.ts'
import { alternativeNames, spiffeId } from '../text/alternative-names.ts'
import { isNotTls, systemError, systemErrorWords } from '../text/system-errors.ts'
import { withinLimit } from '../waiting/time-limit.ts'
import { certificateAlert, certificateRejected, type ClientIdentity } from './client-identity.ts'
import type { Dial } from './dialer.ts'
import { listed } from '../text/listed.ts'

const DEFAULT_TIMEOUT_MS = 10_000
const OUTDATED = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const

export interface HandshakeOptions {
  /** Opens the connection to the gateway or to a node. */
  dial: Dial
  /** The SNI name, also verified in the certificate. Never an IP address; '' sends none. */
  serverName: string
  /** Offers only TLS 1.0 and 1.1, which OpenSSL permits at security level 0 only. */
  outdated?: boolean | undefined
  /** Trust anchors (PEM) for the chain. The system's CA certificates are not used. */
  ca: string
  /** Presented if the server requests a certificate. */
  identity?: ClientIdentity | undefined
  signal: AbortSignal
  /** Time limit in ms for connecting and the handshake. Default 10,000. */
  timeoutMs?: number | undefined
}

/** The served leaf certificate. Dates are ISO 8601. Text from the server is untrusted. */
export interface ServedCertificate {
  subject: string
  issuer: string
  serialNumber: string
  fingerprint256: string
  validFrom: string
  validTo: string
  /** DNS names and IP addresses in the subjectAltName. */
  names: string[]
  /** The SPIFFE ID, if it is the certificate of an Istio sidecar. */
  spiffe?: string | undefined
}

export interface HandshakeResult {
  /** True if chain, dates and name all verify, as a strict driver requires. */
  authorized: boolean
  /** Why not, on one line. */
  reason?: string | undefined
  /** Why the chain (or a date in it) does not verify. */
  chainReason?: string | undefined
  /** Why the name does not verify; checked even if the chain is invalid. */
  nameReason?: string | undefined
  /** e.g. "TLSv1.3". */
  protocol: string
  certificate: ServedCertificate
}

/**
 * Makes one TLS handshake and verifies the served certificate, returning it even if it is not trusted.
 *
 * SECURITY: `rejectUnauthorized: false` is used only here, in order to report untrusted certificates, and in
 * `gateway-dialer.ts`, which only checks for a response. The connection is closed right after the handshake, and no
 * data is sent over it. Data such as a login is sent by `cql-session.ts`, which rejects unverified certificates.
 *
 * Throws CSNI603 if the connection is closed before any response, as Envoy does for an SNI name without a filter chain
 * (istio/istio issue 32466); CSNI601 on timeout or if the connection fails; CSNI602 if the server aborts the handshake
 * with a TLS alert, CSNI610 if it requires or rejects a client certificate.
 */
export async function handshake(options: HandshakeOptions): Promise<HandshakeResult> {
  const { serverName, signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options
  return withinLimit({ ms: timeoutMs, signal, late: () => tooSlow(serverName, timeoutMs) }, async (stop) =>
    probe(await options.dial({ signal: stop }), options, stop),
  )
}

function probe(
  stream: Duplex,
  { serverName, ca, identity, outdated }: HandshakeOptions,
  stop: AbortSignal,
): Promise<HandshakeResult> {
  const socket = connect({
    socket: stream,
    servername: serverName,
    ca,
    ...identity,
    rejectUnauthorized: false,
    ...(outdated === true ? OUTDATED : {}),
  })
  return completed(socket, stream, {
    signal: stop,
    secured: () => {
      const result = verdict(socket, serverName)
      socket.destroySoon()
      return result
    },
    explain: (error, streamError, received) => handshakeError(error, streamError, received, serverName),
  })
}

export interface Completion<R> {
  signal?: AbortSignal | undefined
  /** Called once the handshake is complete. */
  secured: () => R
  /** Makes the error of a handshake that did not complete, after `received` bytes from the server. */
  explain: (error: NodeJS.ErrnoException | undefined, streamError: unknown, received: number) => CassSniError
}

/**
 * Waits for the handshake of a TLS socket on a stream. Resolves with what `secured` returns; otherwise destroys both
 * and rejects with what `secured` throws, the error of `explain`, or the signal's reason. Later errors of the socket
 * are ignored here: they must not end the process.
 */
export function completed<R>(socket: TLSSocket, stream: Duplex, completion: Completion<R>): Promise<R> {
  const { signal, secured, explain } = completion
  return new Promise((resolve, reject) => {
    let received = 0
    let streamError: unknown
    let settled = false
    const count = (chunk: Buffer) => {
      received += chunk.length
    }
    const settle = (finish: () => void) => {
      if (settled) return
      settled = true
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
    const stopped = () => fail(asCassSniError(signal?.reason))
    const failed = (error?: NodeJS.ErrnoException) =>
      fail(explain(error, streamError, stream instanceof Socket ? stream.bytesRead : received))
    const closed = () => failed()
    stream.on('error', (error) => {
      streamError = error
    })
    // TLS reads from a net.Socket directly, without 'data' events, but the socket counts its bytes.
    if (!(stream instanceof Socket)) stream.on('data', count)
    signal?.addEventListener('abort', stopped, { once: true })
    socket.once('secureConnect', () => {
      try {
        const result = secured()
        settle(() => resolve(result))
      } catch (error) {
        fail(asCassSniError(error))
      }
    })
    socket.on('error', failed)
    socket.once('close', closed)
    if (signal?.aborted) stopped()
  })
}

function verdict(socket: TLSSocket, serverName: string): HandshakeResult {
  const peer = socket.getPeerX509Certificate()
  if (peer === undefined) throw new CassSniError('CSNI602', `no certificate served for ${serverName}`)
  // Derived from the same object: Node 24's getPeerCertificate() is empty after getPeerX509Certificate().
  const wrongName = checkServerIdentity(serverName, peer.toLegacyObject())
  const names = alternativeNames(peer.subjectAltName)
  const nameReason =
    wrongName === undefined
      ? undefined
      : `certificate is not valid for ${serverName} (valid for: ${listed(names) || 'no names'})`
  // Node reports chain errors first and checks the name only if the chain is valid.
  // The type is declared as Error, but it is a string, the OpenSSL code (nodejs/node
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

/** Explains OpenSSL's verification codes (openssl/openssl doc/man3/X509_STORE_CTX_get_error.pod). */
function chainFault(code: string, validTo: string, validFrom: string): string {
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return new Date(validTo).getTime() < Date.now()
        ? `certificate expired on ${day(validTo)}`
        : 'a certificate in the chain has expired'
    case 'CERT_NOT_YET_VALID':
      return `certificate is not valid before ${day(validFrom)} (or the local clock is wrong)`
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    // The node also sends the root of its CA.
    case 'SELF_SIGNED_CERT_IN_CHAIN':
      return "certificate not issued by the datacenter's CA"
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return "self-signed certificate, not issued by the datacenter's CA"
    case 'CERT_SIGNATURE_FAILURE':
      return "certificate signature does not match the datacenter's CA (key changed under the same name)"
    case 'INVALID_PURPOSE':
      return 'certificate lacks extended key usage serverAuth'
    default:
      return `certificate chain verification failed: ${systemErrorWords(code) ?? code}`
  }
}

/** Returns the error of a handshake that did not complete, after `bytesReceived` bytes from the server. */
export function handshakeError(
  error: NodeJS.ErrnoException | undefined,
  streamError: unknown,
  bytesReceived: number,
  serverName: string,
): CassSniError {
  // A TLS socket may report the error of its stream before the stream does.
  const broken = [streamError, error].find((each) => each instanceof CassSniError)
  // The cause's code distinguishes a reset tunnel from an unreachable pod.
  const reset = (broken?.cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNRESET'
  if (broken !== undefined && !(reset && bytesReceived === 0)) return broken
  const code = reset ? 'ECONNRESET' : error?.code
  const rejected = certificateAlert(code)
  if (rejected !== undefined) return certificateRejected(serverName, rejected, error)
  const alert = /alert ([a-z ]+?)(?::|$)/.exec(error?.message ?? '')?.[1]
  if (alert !== undefined && bytesReceived > 0) {
    return new CassSniError('CSNI602', `TLS handshake for ${serverName} failed: server sent alert "${alert}"`, {
      cause: error,
    })
  }
  if (bytesReceived === 0 && (code === undefined || code === 'ECONNRESET' || code === 'EPIPE')) {
    return new CassSniError(
      'CSNI603',
      `connection for SNI name ${serverName} closed during the TLS handshake: no route for this name, or no ready ` +
        'node',
      {
        next: [command`kubectl cass-sni routes sync`, command`kubectl cass-sni verify`],
        cause: error,
      },
    )
  }
  const words = error === undefined ? 'connection closed' : systemError(error)
  if (code !== undefined && isNotTls(code))
    return new CassSniError('CSNI602', `TLS handshake for ${serverName} failed: not a TLS server`, { cause: error })
  return new CassSniError('CSNI601', `TLS handshake for ${serverName} failed: ${words}`, { cause: error })
}

function tooSlow(serverName: string, timeoutMs: number): CassSniError {
  return new CassSniError('CSNI601', `TLS handshake for ${serverName} timed out after ${durationText(timeoutMs)}`, {
    next: [command`kubectl cass-sni verify`],
  })
}

/** Node's "CN=a\nO=b" as "CN=a, O=b". */
const oneLine = (name: string | undefined) => (name ?? '').split('\n').join(', ')
const day = (date: string) => new Date(date).toISOString().slice(0, 10)
