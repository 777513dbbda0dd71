/** Reasons to replace a certificate, and those that every kind of certificate shares. Pure. */
import { counted } from '../text/counted.ts'
import { type Certificate, dateText, daysUntil } from './certificate.ts'

const DAY = 24 * 60 * 60 * 1000
/** Days before the expiry of a CA from which it is reported. Strimzi's `renewalDays` is 30 as well. */
export const AUTHORITY_WARNING_DAYS = 30

const WEAKEST_RSA_BITS = 2048

/** Stable, for programs. */
export type ReasonCode =
  | 'NoCertificate'
  | 'MissingNames'
  | 'AnotherAuthority'
  | 'IncompleteChain'
  | 'UntrustedAuthority'
  | 'KeyMismatch'
  | 'NotYetValid'
  | 'Expired'
  | 'ExpiresSoon'
  | 'WeakKey'
  | 'NotForServers'
  | 'NotForClients'
  | 'TooLarge'
  | 'RetiredAuthority'
  | 'NoRoot'
  | 'Sidecar'
  | 'UntrustedChain'
  | 'NotServed'
  | 'NotAuthority'
  | 'PathTooLong'
  | 'NameConstraints'
  | 'NoKey'
  | 'EncryptedKey'
  | 'WrongPassword'
  | 'KeyFormat'
  | 'UnsupportedKey'
  | 'ChainOrder'
  | 'Unreadable'
  | 'Requested'
  | 'Reissued'

export interface Reason {
  code: ReasonCode
  /** In one line: "missing names: a, b". */
  message: string
}

export interface Validity {
  notBefore: Date
  notAfter: Date
}

export function expired({ notAfter }: Pick<Validity, 'notAfter'>, now: number): Reason | undefined {
  return notAfter.getTime() <= now ? { code: 'Expired', message: `expired on ${dateText(notAfter)}` } : undefined
}

export function notYetValid({ notBefore }: Pick<Validity, 'notBefore'>, now: number): Reason | undefined {
  return notBefore.getTime() > now
    ? { code: 'NotYetValid', message: `not valid before ${notBefore.toISOString()}` }
    : undefined
}

/** Returns a reason if the certificate expires within `AUTHORITY_WARNING_DAYS` but has not expired yet. */
export function expiresSoon(certificate: Pick<Validity, 'notAfter'>, now: number): Reason | undefined {
  return expiresWithin(certificate, AUTHORITY_WARNING_DAYS * DAY, now)
}

/** Returns a reason if the certificate expires within `ms` but has not expired yet. */
export function expiresWithin({ notAfter }: Pick<Validity, 'notAfter'>, ms: number, now: number): Reason | undefined {
  const left = notAfter.getTime() - now
  if (left <= 0 || left >= ms) return undefined
  const days = daysUntil(notAfter, now)
  const message =
    days === 0
      ? `expires in less than a day, at ${notAfter.toISOString()}`
      : `expires in ${counted(days, 'day')}, on ${dateText(notAfter)}`
  return { code: 'ExpiresSoon', message }
}

/** Returns a reason for an RSA key that OpenSSL's default security level rejects. */
export function weakKey({ x509 }: Certificate): Reason | undefined {
  const { asymmetricKeyType, asymmetricKeyDetails } = x509.publicKey
  const bits = asymmetricKeyDetails?.modulusLength
  return asymmetricKeyType === 'rsa' && bits !== undefined && bits < WEAKEST_RSA_BITS
    ? { code: 'WeakKey', message: `key is weak: ${bits}-bit RSA` }
    : undefined
}
