/**
 * When a certificate will not do: one set of predicates, on which `certs` acts and which `verify` reports, so that the
 * two cannot disagree. The model is cert-manager's (cert-manager/cert-manager
 * internal/controller/certificates/policies): each predicate reads the same input and gives a reason with a stable
 * code, or none. Pure.
 */
import { isIP } from 'node:net'
import { type Certificate, dateText, daysUntil, listed, signedBy } from './certificate.ts'
import { certificateMessageBytes, LARGEST_MESSAGE_BYTES } from './message-size.ts'

/** From this many days before its end on, a certificate is renewed. Strimzi's `renewalDays` is 30 as well. */
export const RENEWAL_DAYS = 30

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
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
  | 'NoRoot'
  | 'Unreadable'
  | 'Requested'

export interface Reason {
  code: ReasonCode
  /** In one line, without a subject: "missing names: a, b". */
  message: string
}

/** What the nodes' keystore holds. */
export interface Current {
  leaf: Certificate
  /** The certificates after the leaf. */
  chain: Certificate[]
  /** Trusted certificates of the same file: the nodes' trust store. */
  trusted: Certificate[]
  /** True when the private key in the keystore opens and belongs to the leaf. */
  keyFits: boolean
}

export interface PolicyInput {
  /** Undefined when the keystore holds no certificate with a private key. */
  current: Current | undefined
  /** Names that the certificate must carry, normal form. */
  required: readonly string[]
  /** The datacenter's CA, then its issuers up to the root, as far as they are known. */
  authority: readonly [Certificate, ...Certificate[]]
  /** Milliseconds since the epoch. */
  now: number
}

type LeafInput = PolicyInput & { current: Current }
type Policy<Input> = (input: Input) => Reason | undefined

/** Faults: with one of these, clients or other nodes refuse the certificate, now or after the next restart. */
const LEAF_FAULTS: readonly Policy<LeafInput>[] = [
  missingNames,
  anotherAuthority,
  incompleteChain,
  untrustedAuthority,
  ({ current }) =>
    current.keyFits
      ? undefined
      : {
          code: 'KeyMismatch',
          message: 'the private key does not open with the configured password, or belongs to another certificate',
        },
  ({ current, now }) => notYetValid(current.leaf, now),
  ({ current, now }) => expired(current.leaf, now),
  weakKey,
  ({ current }) => lacksUsage(current.leaf, SERVER_AUTH, 'NotForServers', 'serverAuth'),
  ({ current }) => lacksUsage(current.leaf, CLIENT_AUTH, 'NotForClients', 'clientAuth (needed between nodes)'),
  tooLarge,
]

/** Why the certificate in the keystore must be replaced at once. */
export function keystoreFaults(input: PolicyInput): Reason[] {
  const { current } = input
  if (current === undefined) return [{ code: 'NoCertificate', message: 'no certificate with a private key' }]
  return LEAF_FAULTS.flatMap((policy) => policy({ ...input, current }) ?? [])
}

/** Why a new certificate is issued: the faults, and an end that is near. Empty: the certificate is kept. */
export function reasonsToIssue(input: PolicyInput): Reason[] {
  const soon = input.current && leafExpiresSoon(input.current.leaf, input.authority[0], input.now)
  return [...keystoreFaults(input), ...(soon ? [soon] : [])]
}

/** Why a CA cannot be used, by the clock or because clients could not verify what it signs. */
export function authorityFaults(authority: PolicyInput['authority'], now: number): Reason[] {
  const [ca] = authority
  return [expired(ca, now), notYetValid(ca, now), noRoot(authority)].filter((reason) => reason !== undefined)
}

export function expired({ notAfter }: Validity, now: number): Reason | undefined {
  return notAfter.getTime() <= now ? { code: 'Expired', message: `expired on ${dateText(notAfter)}` } : undefined
}

export function notYetValid({ notBefore }: Validity, now: number): Reason | undefined {
  return notBefore.getTime() > now
    ? { code: 'NotYetValid', message: `not valid before ${notBefore.toISOString()}` }
    : undefined
}

/** Expires within `RENEWAL_DAYS`, but has not expired. */
export function expiresSoon({ notAfter }: Pick<Validity, 'notAfter'>, now: number): Reason | undefined {
  const days = daysUntil(notAfter, now)
  if (days < 0 || days >= RENEWAL_DAYS) return undefined
  return {
    code: 'ExpiresSoon',
    message: `expires in ${days} ${days === 1 ? 'day' : 'days'}, on ${dateText(notAfter)}`,
  }
}

/**
 * The same for a leaf: one that ends with its CA cannot be made to last longer, and to issue it again would not help.
 */
export function leafExpiresSoon(
  leaf: Pick<Validity, 'notAfter'>,
  ca: Pick<Validity, 'notAfter'>,
  now: number,
): Reason | undefined {
  return leaf.notAfter < ca.notAfter ? expiresSoon(leaf, now) : undefined
}

/** True when one of the names is this one, or a wildcard that covers it. */
export function coverage(carried: readonly string[]): (name: string) => boolean {
  const names = new Set(carried)
  return (name) => {
    if (names.has(name)) return true
    const dot = name.indexOf('.')
    return dot > 0 && isIP(name) === 0 && names.has(`*${name.slice(dot)}`)
  }
}

interface Validity {
  notBefore: Date
  notAfter: Date
}

function missingNames({ current, required }: LeafInput): Reason | undefined {
  const covered = coverage(current.leaf.names)
  const missing = required.filter((name) => !covered(name))
  return missing.length > 0 ? { code: 'MissingNames', message: `missing names: ${listed(missing)}` } : undefined
}

function anotherAuthority({ current, authority }: LeafInput): Reason | undefined {
  return signedBy(current.leaf.x509, authority[0].x509)
    ? undefined
    : { code: 'AnotherAuthority', message: `signed by another CA: ${current.leaf.issuer}` }
}

/**
 * Clients that only hold the root need every certificate below it; the operator puts a root CA into the chain as well.
 */
function incompleteChain({ current, authority }: LeafInput): Reason | undefined {
  if (!signedBy(current.leaf.x509, authority[0].x509)) return undefined
  const carried = new Set(current.chain.map(({ fingerprint256 }) => fingerprint256))
  const needed = servedAuthorities(authority)
  return needed.every(({ fingerprint256 }) => carried.has(fingerprint256))
    ? undefined
    : { code: 'IncompleteChain', message: 'the chain lacks the CA certificate' }
}

/** The certificates of the authority that are served after the leaf: the CA, and what is between it and the root. */
export function servedAuthorities([ca, ...issuers]: PolicyInput['authority']): Certificate[] {
  return [ca, ...issuers.filter((issuer) => !isRoot(issuer))]
}

function untrustedAuthority({ current, authority }: LeafInput): Reason | undefined {
  return current.trusted.some(({ fingerprint256 }) => fingerprint256 === authority[0].fingerprint256)
    ? undefined
    : { code: 'UntrustedAuthority', message: 'the CA is not among the trusted certificates of the keystore' }
}

function weakKey({ current }: LeafInput): Reason | undefined {
  const key = current.leaf.x509.publicKey
  const bits = key.asymmetricKeyDetails?.modulusLength
  return key.asymmetricKeyType === 'rsa' && bits !== undefined && bits < WEAKEST_RSA_BITS
    ? { code: 'WeakKey', message: `weak key: RSA with ${bits} bits` }
    : undefined
}

function lacksUsage(leaf: Certificate, usage: string, code: ReasonCode, name: string): Reason | undefined {
  // No extended key usage at all allows every use.
  const usages: string[] = leaf.x509.keyUsage ?? []
  return usages.length === 0 || usages.includes(usage)
    ? undefined
    : { code, message: `lacks extended key usage ${name}` }
}

function tooLarge({ current }: LeafInput): Reason | undefined {
  const bytes = certificateMessageBytes([current.leaf, ...current.chain].map(({ der }) => der.length))
  return bytes > LARGEST_MESSAGE_BYTES
    ? {
        code: 'TooLarge',
        message: `the certificate message of ${bytes} bytes exceeds the limit of ${LARGEST_MESSAGE_BYTES}`,
      }
    : undefined
}

/** Clients verify up to a self-signed certificate: OpenSSL accepts no other as an anchor unless it is told to. */
function noRoot(authority: PolicyInput['authority']): Reason | undefined {
  const last = authority.at(-1) ?? authority[0]
  return isRoot(last)
    ? undefined
    : { code: 'NoRoot', message: `an intermediate CA, whose root is not known (issuer: ${last.issuer})` }
}

function isRoot({ x509 }: Certificate): boolean {
  return signedBy(x509, x509)
}
