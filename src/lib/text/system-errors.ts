/** The usual messages for errors of the operating system and OpenSSL. */

/** Messages of errno codes as in strerror(3), and of getaddrinfo(3). */
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

const NOT_TLS = 'not a TLS response'
/** Plain messages for OpenSSL's TLS protocol errors. */
const TLS_ERRORS: Readonly<Record<string, string>> = {
  ERR_SSL_WRONG_VERSION_NUMBER: NOT_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NOT_TLS,
  ERR_SSL_HTTP_REQUEST: NOT_TLS,
  ERR_SSL_UNEXPECTED_EOF_WHILE_READING: 'connection closed without TLS close_notify',
}

/**
 * OpenSSL's messages for certificate verification errors (openssl/openssl crypto/x509/x509_txt.c), by Node's codes
 * (nodejs/node doc/api/tls.md, "X509 certificate error codes").
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

/** Prefixes of such codes, to recognize codes that the table lacks. */
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

/** True if a code of node:tls means that certificate verification failed. */
export function isCertificateError(code: unknown): code is string {
  return typeof code === 'string' && CERTIFICATE_PREFIXES.some((prefix) => code.startsWith(prefix))
}

/** True if a code of OpenSSL means that the peer does not speak TLS. */
export function isNotTls(code: unknown): boolean {
  return typeof code === 'string' && TLS_ERRORS[code] === NOT_TLS
}

/**
 * Returns the usual message of a system or TLS error: "connection refused", "no space left on device", "certificate has
 * expired". Of an AggregateError (several addresses were tried) the first error is used. Other errors keep their
 * message, without Node's system call and path.
 */
export function systemError(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return systemError(error.errors[0])
  if (!(error instanceof Error)) return String(error)
  const { code, message } = error as NodeJS.ErrnoException
  return systemErrorWords(code) ?? plain(message, code)
}

/** Returns the message for a code of the system, of TLS or of a certificate; undefined if unknown. */
export function systemErrorWords(code: unknown): string | undefined {
  if (typeof code !== 'string') return undefined
  return ERRNO[code] ?? CERTIFICATE_ERRORS[code] ?? TLS_ERRORS[code]
}

/** Extracts the reason from "ENOENT: no such file or directory, open 'x'" or "error:0A00010B:SSL routines::reason". */
function plain(message: string, code: unknown): string {
  const openssl = /error:[0-9A-F]+:[^:]*:[^:]*:([^:\n]+)/.exec(message)?.[1]
  if (openssl !== undefined) return openssl.trim()
  const text = message.replace(/^[A-Z]+: /, '').replace(/, \w+( '.*')?$/s, '')
  return text === '' ? String(code ?? 'unknown error') : text
}
