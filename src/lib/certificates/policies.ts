/**
 * Policies that decide whether a certificate must be replaced. `certs` acts on them and `verify` reports them, so the
 * two always agree. The model is cert-manager's (cert-manager/cert-manager internal/controller/certificates/policies):
 * every policy has the same input and returns a reason with a stable code, or none. Pure.
 */
import { isIP } from 'node:net'
import { nameFault } from './authority-constraints.ts'
import { type Authorities, type AuthorityPath, servedAuthorities } from './authority-path.ts'
import { type Certificate, signedBy } from './certificate.ts'
import { certificateMessageBytes, LARGEST_MESSAGE_BYTES } from './message-size.ts'
import { expired, expiresWithin, notYetValid, type Reason, type ReasonCode, type Validity, weakKey } from './reason.ts'
import { listed } from '../text/listed.ts'

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'

/** Content of the nodes' keystore. */
export interface Current {
  leaf: Certificate
  /** Certificates after the leaf. */
  chain: Certificate[]
  /** Trusted certificates in the same file: the nodes' truststore. */
  trusted: Certificate[]
  /** True if the private key can be decrypted and belongs to the leaf. */
  keyMatches: boolean
}

export interface PolicyInput {
  /** Undefined if the keystore has no certificate with a private key. */
  current: Current | undefined
  /** Names that the certificate must have, normalized. */
  required: readonly string[]
  authorities: Authorities
  /** Renew this long before the expiry, in milliseconds. Default: a third of the certificate's life. */
  renewBeforeMs?: number | undefined
  /** A CA that the keystore must no longer trust. */
  retired?: AuthorityPath | undefined
  /** Milliseconds since the epoch. */
  now: number
}

type LeafInput = PolicyInput & { current: Current }
type Policy<Input> = (input: Input) => Reason | undefined

/** Faults that make clients or other nodes reject the certificate, now or after the next restart. */
const LEAF_FAULTS: readonly Policy<LeafInput>[] = [
  missingNames,
  anotherAuthority,
  incompleteChain,
  untrustedAuthority,
  notPermitted,
  ({ current }) =>
    current.keyMatches
      ? undefined
      : {
          code: 'KeyMismatch',
          message: 'key mismatch: the private key cannot be decrypted or belongs to another certificate',
        },
  ({ current, now }) => notYetValid(current.leaf, now),
  ({ current, now }) => expired(current.leaf, now),
  ({ current }) => weakKey(current.leaf),
  ({ current }) => lacksUsage(current.leaf, SERVER_AUTH, 'NotForServers', 'serverAuth'),
  ({ current }) => lacksUsage(current.leaf, CLIENT_AUTH, 'NotForClients', 'clientAuth (needed between nodes)'),
  tooLarge,
]

/**
 * Returns why the certificate in the keystore must be replaced immediately. While one CA replaces another, a
 * certificate of either one is accepted.
 */
export function keystoreFaults(input: PolicyInput): Reason[] {
  const { current, authorities } = input
  const own = current && authorities.find(([ca]) => signedBy(current.leaf.x509, ca.x509))
  return faultsOf({ ...input, authorities: [own ?? authorities[0]] })
}

function faultsOf(input: PolicyInput): Reason[] {
  const { current } = input
  if (current === undefined) return [{ code: 'NoCertificate', message: 'no certificate with a private key' }]
  return LEAF_FAULTS.flatMap((policy) => policy({ ...input, current }) ?? [])
}

/** Returns why to issue a new certificate: its faults, or that it expires soon. Empty to keep the certificate. */
export function reasonsToIssue(input: PolicyInput): Reason[] {
  const soon = input.current && leafExpiresSoon(input.current.leaf, input)
  const retired = input.current && retiredAuthority(input.current, input.retired)
  return [...faultsOf(input), ...(retired ? [retired] : []), ...(soon ? [soon] : [])]
}

/**
 * Returns a reason if a leaf is due for renewal but has not expired: less than a third of its life is left, or less
 * than `renewBeforeMs`, as in cert-manager (pkg/util/pki RenewalTime). Not for one that expires with its CA: a new one
 * would last no longer.
 */
export function leafExpiresSoon(
  leaf: Validity,
  { authorities: [[ca]], renewBeforeMs, now }: Pick<PolicyInput, 'authorities' | 'renewBeforeMs' | 'now'>,
): Reason | undefined {
  if (leaf.notAfter >= ca.notAfter) return undefined
  // An issuer may shorten the life of a certificate: a longer time would renew in every run.
  const isShorter = renewBeforeMs !== undefined && renewBeforeMs < lifeOf(leaf)
  return expiresWithin(leaf, isShorter ? renewBeforeMs : lifeOf(leaf) / 3, now)
}

function lifeOf({ notBefore, notAfter }: Validity): number {
  return notAfter.getTime() - notBefore.getTime()
}

/** Returns a predicate for names that are among `certificateNames` or matched by a wildcard among them. */
export function coverage(certificateNames: readonly string[]): (name: string) => boolean {
  const names = new Set(certificateNames)
  return (name) => {
    if (names.has(name)) return true
    const dot = name.indexOf('.')
    return dot > 0 && isIP(name) === 0 && names.has(`*${name.slice(dot)}`)
  }
}

function missingNames({ current, required }: LeafInput): Reason | undefined {
  const covered = coverage(current.leaf.names)
  const missing = required.filter((name) => !covered(name))
  return missing.length > 0 ? { code: 'MissingNames', message: `missing names: ${listed(missing)}` } : undefined
}

function anotherAuthority({ current, authorities: [[ca]] }: LeafInput): Reason | undefined {
  return signedBy(current.leaf.x509, ca.x509)
    ? undefined
    : { code: 'AnotherAuthority', message: `signed by another CA: ${current.leaf.issuer}` }
}

/**
 * Clients that only have the root need every certificate below it; cass-operator includes a root CA in the chain too.
 */
function incompleteChain({ current, authorities: [path] }: LeafInput): Reason | undefined {
  if (!signedBy(current.leaf.x509, path[0].x509)) return undefined
  const chain = new Set(current.chain.map(({ fingerprint256 }) => fingerprint256))
  const needed = servedAuthorities(path)
  return needed.every(({ fingerprint256 }) => chain.has(fingerprint256))
    ? undefined
    : { code: 'IncompleteChain', message: 'the chain lacks the CA certificate' }
}

function untrustedAuthority({ current, authorities }: LeafInput): Reason | undefined {
  const trusted = new Set(current.trusted.map(({ fingerprint256 }) => fingerprint256))
  const missing = authorities.filter(([ca]) => !trusted.has(ca.fingerprint256))
  if (missing.length === 0) return undefined
  const named = authorities.length === 1 ? '' : `: ${listed(missing.map(([ca]) => ca.subject))}`
  return { code: 'UntrustedAuthority', message: `the keystore does not trust the CA${named}` }
}

/** Not while another CA replaces this one: a new certificate would have the same fault. */
function notPermitted({ current: { leaf }, authorities: [path, ...others] }: LeafInput): Reason | undefined {
  return others.length === 0 && signedBy(leaf.x509, path[0].x509) ? nameFault(leaf.names, path) : undefined
}

function retiredAuthority({ trusted }: Current, retired: AuthorityPath | undefined): Reason | undefined {
  const ca = retired?.[0]
  return ca !== undefined && trusted.some(({ fingerprint256 }) => fingerprint256 === ca.fingerprint256)
    ? { code: 'RetiredAuthority', message: `the keystore still trusts a retired CA: ${ca.subject}` }
    : undefined
}

function lacksUsage(leaf: Certificate, usage: string, code: ReasonCode, name: string): Reason | undefined {
  // Without the extension, every usage is allowed.
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
        message: `certificate message of ${bytes} bytes exceeds the limit of ${LARGEST_MESSAGE_BYTES}`,
      }
    : undefined
}
