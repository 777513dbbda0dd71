/** The usual words for what the operating system and OpenSSL report. */

/** POSIX words for errno codes, as strerror(3) has them, and those of getaddrinfo(3). */
const ERRNO: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRINUSE: 'address already in use',
  EADDRNOTAVAIL: 'cannot assign requested address',
  EAI_AGAIN: 'temporary failure in name resolution',
  ECONNABORTED: 'connection aborted',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by peer',
  EDQUOT: 'disk quota exceeded',
  EHOSTUNREACH: 'no route to host',
  EISDIR: 'is a directory',
  ELOOP: 'too many levels of symbolic links',
  EMFILE: 'too many open files',
  ENAMETOOLONG: 'file name too long',
  ENETUNREACH: 'network is unreachable',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'not a directory',
  ENOTFOUND: 'name or service not known',
  EPERM: 'operation not permitted',
  EPIPE: 'broken pipe',
  EROFS: 'read-only file system',
  ETIMEDOUT: 'connection timed out',
}

const NOT_TLS = 'the answer is not TLS'
/** What OpenSSL's codes of TLS itself mean to somebody who does not know OpenSSL. */
const TLS_ERRORS: Readonly<Record<string, string>> = {
  ERR_SSL_WRONG_VERSION_NUMBER: NOT_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NOT_TLS,
  ERR_SSL_HTTP_REQUEST: NOT_TLS,
  ERR_SSL_UNEXPECTED_EOF_WHILE_READING: 'connection closed without a TLS close',
}

/**
 * OpenSSL's words for certificates that do not verify (openssl/openssl crypto/x509/x509_txt.c), by Node's names for
 * them (nodejs/node doc/api/tls.md, "X509 certificate error codes").
 */
const CERTIFICATE_ERRORS: Readonly<Record<string, string>> = {
  CERT_CHAIN_TOO_LONG: 'certificate chain too long',
  CERT_HAS_EXPIRED: 'certificate has expired',
  CERT_NOT_YET_VALID: 'certificate is not yet valid',
  CERT_REJECTED: 'certificate rejected',
  CERT_REVOKED: 'certificate revoked',
  CERT_SIGNATURE_FAILURE: 'certificate signature failure',
  CERT_UNTRUSTED: 'certificate not trusted',
  CRL_HAS_EXPIRED: 'CRL has expired',
  CRL_NOT_YET_VALID: 'CRL is not yet valid',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'self-signed certificate',
  ERR_TLS_CERT_ALTNAME_INVALID: 'host name mismatch',
  HOSTNAME_MISMATCH: 'host name mismatch',
  INVALID_CA: 'invalid CA certificate',
  INVALID_PURPOSE: 'unsuitable certificate purpose',
  PATH_LENGTH_EXCEEDED: 'path length constraint exceeded',
  SELF_SIGNED_CERT_IN_CHAIN: 'self-signed certificate in certificate chain',
  UNABLE_TO_GET_CRL: 'unable to get certificate CRL',
  UNABLE_TO_GET_ISSUER_CERT: 'unable to get issuer certificate',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'unable to get local issuer certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'unable to verify the first certificate',
}

/** Prefixes of the codes above, for those that a table of today does not have. */
const CERTIFICATE_PREFIXES = [
  'ERR_TLS_CERT_',
  'CERT_',
  'DEPTH_ZERO_',
  'SELF_SIGNED_',
  'UNABLE_TO_',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'HOSTNAME_MISMATCH',
  'PATH_LENGTH',
  'CRL_',
]

/** True when a code of node:tls means "the certificate does not verify". */
export function isCertificateError(code: unknown): code is string {
  return typeof code === 'string' && CERTIFICATE_PREFIXES.some((prefix) => code.startsWith(prefix))
}

/** True when a code of OpenSSL means that the other side speaks something other than TLS. */
export function isNotTls(code: unknown): boolean {
  return typeof code === 'string' && TLS_ERRORS[code] === NOT_TLS
}

/**
 * The cause of an error of the system or of TLS in its usual words: "connection refused", "no space left on device",
 * "certificate has expired". Of several (an AggregateError: several addresses were tried) the first speaks for all.
 * Anything else keeps its message, without Node's call and path around it.
 */
export function systemError(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return systemError(error.errors[0])
  if (!(error instanceof Error)) return String(error)
  const { code, message } = error as NodeJS.ErrnoException
  return systemErrorWords(code) ?? plain(message, code)
}

/** The words for a code of the system, of TLS or of a certificate; undefined for an unknown one. */
export function systemErrorWords(code: unknown): string | undefined {
  if (typeof code !== 'string') return undefined
  return ERRNO[code] ?? CERTIFICATE_ERRORS[code] ?? TLS_ERRORS[code]
}

/**
 * Node's "ENOENT: no such file or directory, open 'x'" and OpenSSL's "error:0A00010B:SSL routines::reason" as reasons.
 */
function plain(message: string, code: unknown): string {
  const openssl = /error:[0-9A-F]+:[^:]*:[^:]*:([^:\n]+)/.exec(message)?.[1]
  if (openssl !== undefined) return openssl.trim()
  const text = message.replace(/^[A-Z]+: /, '').replace(/, \w+( '.*')?$/s, '')
  return text === '' ? String(code ?? 'unknown error') : text
}
