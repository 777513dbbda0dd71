/** What a certificate says, in the form in which the rest of this layer compares it. */
import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { alternativeNames } from '../text/alternative-names.ts'

const DAY = 24 * 60 * 60 * 1000
/** So many names are spelled out in a line. */
const NAMES_SHOWN = 3

export interface Certificate {
  /** DER. */
  der: Buffer
  /** As Node shows it, on one line: "CN=dc1.cass-operator.cassdc, O=…". */
  subject: string
  issuer: string
  /** Names and addresses of the subjectAltName, normal form, in the certificate's order. */
  names: string[]
  notBefore: Date
  notAfter: Date
  /** SHA-256, upper case with colons, as openssl and Node show it. */
  fingerprint256: string
  x509: X509Certificate
}

/**
 * Reads a certificate.
 * @param source PEM or DER
 * @throws Error of node:crypto when it is none
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

/** A name or an address in the form in which two are compared: lower case, no final dot, IPv6 in its short form. */
export function normalName(name: string): string {
  const text = name.trim().toLowerCase().replace(/\.$/, '')
  // An address with a zone (fe80::1%eth0) is none that a URL or a certificate can hold.
  return isIP(text) === 6 && !text.includes('%') ? new URL(`http://[${text}]`).hostname.slice(1, -1) : text
}

/** Whole days from `now` (milliseconds) until the date, rounded down; negative when it has passed. */
export function daysUntil(date: Date, now: number): number {
  return Math.floor((date.getTime() - now) / DAY)
}

/** A date as it is shown: 2027-11-23. */
export function dateText(date: Date): string {
  return date.toISOString().slice(0, 10)
}

/** True when `certificate` was issued and signed by `authority`. */
export function signedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey)
}

/** The first few, and how many more. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN).join(', ')
  return names.length > NAMES_SHOWN ? `${shown} and ${names.length - NAMES_SHOWN} more` : shown
}

function oneLine(name: string): string {
  return name.split('\n').join(', ')
}
