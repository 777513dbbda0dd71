/** The certificate that this program presents to nodes, and the errors of nodes that reject it. */
import { CassSniError, command, hint } from '../errors.ts'

/** A client's certificate chain, leaf first, and its key, PEM. The key is a secret: never printed. */
export interface ClientIdentity {
  cert: string
  key: string
}

/**
 * TLS alerts of a server that misses or rejects the client's certificate, by OpenSSL's codes (openssl/openssl
 * crypto/err/openssl.txt, SSL_R_…). Java reports a missing certificate as bad_certificate (openjdk/jdk
 * src/java.base/share/classes/sun/security/ssl/CertificateMessage.java, "Empty client certificate chain"), and one of
 * an unknown CA as certificate_unknown.
 */
const ALERTS: Readonly<Record<string, string>> = {
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'certificate required',
  ERR_SSL_SSL_TLS_ALERT_BAD_CERTIFICATE: 'bad certificate',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'bad certificate',
  ERR_SSL_SSL_TLS_ALERT_CERTIFICATE_UNKNOWN: 'certificate unknown',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: 'certificate unknown',
  ERR_SSL_SSL_TLS_ALERT_CERTIFICATE_EXPIRED: 'certificate expired',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'certificate expired',
  ERR_SSL_SSL_TLS_ALERT_UNSUPPORTED_CERTIFICATE: 'unsupported certificate',
  ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: 'unsupported certificate',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'unknown CA',
  // Cassandra 5.0, for a certificate of a CA that it does not trust (seen in the lab).
  ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR: 'internal error',
}

/** Returns the alert with which a server rejects a client for its certificate; undefined for any other error. */
export function certificateAlert(code: unknown): string | undefined {
  return typeof code === 'string' ? ALERTS[code] : undefined
}

/** Returns CSNI610 for such an alert. */
export function certificateRejected(serverName: string, alert: string, cause: unknown): CassSniError {
  return new CassSniError(
    'CSNI610',
    `node ${serverName} requires a client certificate that it trusts: server sent alert "${alert}"`,
    { cause, next: identitySteps() },
  )
}

/**
 * Returns CSNI610 for a connection that the node closed between the TLS handshake and its first response. With TLS
 * 1.3, a client has completed the handshake before the server has seen its certificate, and the alert of a server
 * that resets the connection is lost.
 */
export function closedAfterHandshake(serverName: string, cause: unknown): CassSniError {
  return new CassSniError(
    'CSNI610',
    `node ${serverName} closed the connection after the TLS handshake, as nodes do that require a client certificate`,
    { cause, next: identitySteps() },
  )
}

/** How to get a certificate for this program. */
export function identitySteps() {
  return [
    command`kubectl cass-sni certs issue-client cass-sni --secret cass-sni-client`,
    hint('or present another certificate with --client-cert and --client-key'),
  ]
}
