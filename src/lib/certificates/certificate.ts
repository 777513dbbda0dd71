/** A certificate with its names normalized for comparison. */
import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { alternativeNames } from '../text/alternative-names.ts'

const DAY = 24 * 60 * 60 * 1000
export interface Certificate {
  /** DER. */
  der: Buffer
  /** In Node's format, on one line: "CN=dc1.cass-operator.cassdc, O=…". */
  subject: string
  issuer: string
  /** Names and addresses in the subjectAltName, normalized, in the certificate's order. */
  names: string[]
  notBefore: Date
  notAfter: Date
  /** SHA-256, upper case with colons, as in openssl and Node. */
  fingerprint256: string
  x509: X509Certificate
}

/**
 * Reads a certificate.
 * @param source PEM or DER
 * @throws Error of node:crypto if it is not a certificate
 */
export function readCertificate(source: Buffer | string): Certificate {
  const x509 = new X509Certificate(source)
  return {
    der: x509.raw,
    subject: oneLine(x509.subject),
    issuer: oneLine(x509.issuer),
    names: alternativeNames(x509.subjectAltName).map(normalName),
    notBefore: new Date(x509.validFrom),
    notAfter: new Date(x509.validTo),
    fingerprint256: x509.fingerprint256,
    x509,
  }
}

/** Returns a name or address normalized for comparison: lower case, no trailing dot, IPv6 in its short form. */
export function normalName(name: string): string {
  const text = name.trim().toLowerCase().replace(/\.$/, '')
  // URLs and certificates cannot have an address with a zone (fe80::1%eth0).
  return isIP(text) === 6 && !text.includes('%') ? new URL(`http://[${text}]`).hostname.slice(1, -1) : text
}

/** Returns the whole days from `now` (milliseconds) until the date, rounded down; negative if it has passed. */
export function daysUntil(date: Date, now: number): number {
  return Math.floor((date.getTime() - now) / DAY)
}

/** Formats a date: 2027-11-23. */
export function dateText(date: Date): string {
  return date.toISOString().slice(0, 10)
}

/** Returns whether `certificate` was issued and signed by `authority`. */
export function signedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey)
}

/** @param name undefined for an empty one: certificates with alternative names need no subject (RFC 5280, 4.1.2.6) */
function oneLine(name: string | undefined): string {
  return (name ?? '').split('\n').join(', ')
}
