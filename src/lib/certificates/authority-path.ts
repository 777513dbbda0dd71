/** Certificate authorities as the nodes and clients of a datacenter trust them. Pure. */
import { type Certificate, signedBy } from './certificate.ts'

/** The CA certificate, followed by those of its issuers up to the root, if known. */
export type AuthorityPath = readonly [Certificate, ...Certificate[]]

/**
 * The CAs that nodes and clients must trust. The first one signs the nodes' certificates; others are listed while one
 * replaces another: then every node trusts both, and serves a certificate of either.
 */
export type Authorities = readonly [AuthorityPath, ...AuthorityPath[]]

/** Returns the certificates served after a leaf: the CA that signed it, and any between it and the root. */
export function servedAuthorities([ca, ...issuers]: AuthorityPath): Certificate[] {
  return [ca, ...issuers.filter((issuer) => !isRoot(issuer))]
}

/** Returns whether a certificate is self-signed. */
export function isRoot({ x509 }: Certificate): boolean {
  return signedBy(x509, x509)
}

/**
 * Returns what clients must trust, PEM: the CAs, and for an intermediate CA its issuers up to the root.
 */
export function trustPem(authorities: Authorities): string {
  const certificates = new Map(authorities.flat().map((each) => [each.fingerprint256, each]))
  return [...certificates.values()].map(({ x509 }) => x509.toString()).join('')
}
