/** When to replace the certificate of the metadata service. Pure. */
import type { Authorities } from './authority-path.ts'
import { signedBy } from './certificate.ts'
import type { Identity } from './client-certificate.ts'
import { coverage, leafExpiresSoon } from './policies.ts'
import { expired, notYetValid, type Reason } from './reason.ts'

/**
 * Returns why the certificate of the metadata service must be replaced; empty to keep it.
 * @param current undefined without a certificate, or without its key
 */
export function metadataFaults(
  current: Identity | undefined,
  { name, authorities, now }: { name: string; authorities: Authorities; now: number },
): Reason[] {
  const [leaf] = current?.chain ?? []
  if (leaf === undefined) return [{ code: 'NoCertificate', message: 'no certificate with a private key' }]
  const [[ca]] = authorities
  const faults: (Reason | undefined)[] = [
    coverage(leaf.names)(name) ? undefined : { code: 'MissingNames', message: `missing names: ${name}` },
    signedBy(leaf.x509, ca.x509)
      ? undefined
      : { code: 'AnotherAuthority', message: `signed by another CA: ${leaf.issuer}` },
    expired(leaf, now) ?? leafExpiresSoon(leaf, { authorities, now }),
    notYetValid(leaf, now),
  ]
  return faults.filter((fault) => fault !== undefined)
}
