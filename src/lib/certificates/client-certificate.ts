/** The certificate of a client: its name, and when to replace it. Pure. */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { CassSniError, hint } from '../errors.ts'
import { pemBlocks } from '../text/pem.ts'
import type { AuthorityPath } from './authority-path.ts'
import { type Certificate, dateText, readCertificate, signedBy } from './certificate.ts'
import { expired, notYetValid, type Reason } from './reason.ts'

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
/** A value of a label, at most 63 characters, which is also less than a common name can have (RFC 5280, 64). */
const CLIENT_NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/

/** A private key and its certificate chain, leaf first. */
export interface Identity {
  /** Secret: never printed. */
  key: KeyObject
  chain: readonly [Certificate, ...Certificate[]]
}

/**
 * Returns the name of a client, which is the common name of its certificate.
 * @throws CSNI101 if it is too long, or has characters that a label cannot have
 */
export function clientName(text: string): string {
  if (isClientName(text)) return text
  const problem =
    text.length > 63 ? `${text.length} characters (limit: 63)` : 'expected letters, digits, ".", "_" and "-"'
  throw new CassSniError('CSNI101', `invalid client name ${JSON.stringify(text)}: ${problem}`, {
    next: [hint('the name begins and ends with a letter or digit, for example: orders-service')],
  })
}

/** Returns whether a client can have this name. */
export function isClientName(text: string): boolean {
  return CLIENT_NAME.test(text)
}

/** Returns the common name of a certificate's subject; undefined without one. */
export function commonNameOf({ subject }: Certificate): string | undefined {
  return /(?:^|, )CN=([^,]+)/.exec(subject)?.[1]
}

/**
 * Reads a client's certificate chain and private key (PEM); undefined if a part is missing or invalid, or if the key
 * belongs to another certificate.
 */
export function readIdentity(certificatePem: string, keyPem: string): Identity | undefined {
  try {
    const [leaf, ...issuers] = pemBlocks(certificatePem, 'CERTIFICATE').map(readCertificate)
    if (leaf === undefined) return undefined
    const key = createPrivateKey(keyPem)
    return leaf.x509.checkPrivateKey(key) ? { key, chain: [leaf, ...issuers] } : undefined
  } catch {
    // The cause is omitted because it could quote the key.
    return undefined
  }
}

/** Returns the chain as PEM, leaf first. */
export function chainPem({ chain }: Identity): string {
  return chain.map(({ x509 }) => x509.toString()).join('')
}

/** Returns the private key as PEM (PKCS#8, not encrypted). Secret: never printed. */
export function keyPem({ key }: Identity): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/**
 * Returns why a client's certificate must be replaced; empty to keep it.
 * @param current undefined without a certificate, or without its key
 * @param now milliseconds since the epoch
 */
export function clientFaults(current: Identity | undefined, authority: AuthorityPath, now: number): Reason[] {
  const [leaf] = current?.chain ?? []
  if (leaf === undefined) return [{ code: 'NoCertificate', message: 'no certificate with a private key' }]
  const [ca] = authority
  const faults = [
    signedBy(leaf.x509, ca.x509)
      ? undefined
      : ({ code: 'AnotherAuthority', message: `signed by another CA: ${leaf.issuer}` } as const),
    expired(leaf, now) ?? endsSoon(leaf, ca, now),
    notYetValid(leaf, now),
    allowsClients(leaf)
      ? undefined
      : ({ code: 'NotForClients', message: 'lacks extended key usage clientAuth' } as const),
  ]
  return faults.filter((fault) => fault !== undefined)
}

/** Returns a reason in the last third of the certificate's life, unless the CA ends with it. */
function endsSoon(leaf: Certificate, ca: Certificate, now: number): Reason | undefined {
  const end = leaf.notAfter.getTime()
  const third = (end - leaf.notBefore.getTime()) / 3
  if (end - now > third || leaf.notAfter >= ca.notAfter) return undefined
  return { code: 'ExpiresSoon', message: `expires on ${dateText(leaf.notAfter)}` }
}

/** Returns whether a client can present the certificate: without extended key usages, every use is allowed. */
export function allowsClients({ x509 }: Certificate): boolean {
  const usages: string[] = x509.keyUsage ?? []
  return usages.length === 0 || usages.includes(CLIENT_AUTH)
}

/** Returns whether nodes that trust these certificates accept the chain, disregarding its dates. */
export function acceptedBy(trusted: readonly Certificate[], { chain }: Identity): boolean {
  const seen = new Set<Certificate>()
  let last: Certificate | undefined = chain[0]
  while (last !== undefined && !seen.has(last)) {
    const { x509, fingerprint256 }: Certificate = last
    if (trusted.some((anchor) => anchor.fingerprint256 === fingerprint256 || signedBy(x509, anchor.x509))) return true
    seen.add(last)
    last = chain.find((issuer) => signedBy(x509, issuer.x509))
  }
  return false
}
