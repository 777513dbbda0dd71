/** The Certificate object from which cert-manager issues the node certificate of a datacenter, and its result. Pure. */
import { createPrivateKey } from 'node:crypto'
import { isIP } from 'node:net'
import { pemBlocks } from '../text/pem.ts'
import type { AuthorityPath } from './authority-path.ts'
import { pathOf } from './certificate-authority.ts'
import { sortedNames } from './certificate-names.ts'
import { type Certificate, readCertificate } from './certificate.ts'
import { type IssuedLeaf, RSA_BITS, VALIDITY_DAYS } from './issue.ts'
import type { IssuerReference } from './issuer-reference.ts'

/** X.520, ub-common-name. */
const LONGEST_COMMON_NAME = 64

/** Returns the name of the Certificate of a datacenter. */
export function issuerCertificateName(datacenter: string): string {
  return `cass-sni-${datacenter}`
}

/** Returns the name of the Secret in which cert-manager stores certificate and key. */
export function issuerSecretName(datacenter: string): string {
  return `cass-sni-${datacenter}-tls`
}

export interface CertificateSpecRequest {
  datacenter: string
  commonName: string
  issuer: IssuerReference
  names: readonly string[]
  /** Default: cert-manager's, a third of the certificate's life. */
  renewBeforeMs?: number | undefined
}

/**
 * Returns `spec` of the Certificate (cert-manager/cert-manager pkg/apis/certmanager/v1/types_certificate.go). The same
 * names in any order always result in the same object.
 */
export function issuerCertificateSpec(request: CertificateSpecRequest) {
  const { datacenter, commonName, issuer, names, renewBeforeMs } = request
  const sorted = sortedNames(names)
  const dnsNames = sorted.filter((name) => isIP(name) === 0)
  const ipAddresses = sorted.filter((name) => isIP(name) !== 0)
  return {
    secretName: issuerSecretName(datacenter),
    issuerRef: { ...issuer },
    commonName: commonName.length > LONGEST_COMMON_NAME ? undefined : commonName,
    dnsNames,
    ipAddresses: ipAddresses.length === 0 ? undefined : ipAddresses,
    duration: `${VALIDITY_DAYS * 24}h0m0s`,
    renewBefore: renewBeforeMs === undefined ? undefined : `${Math.round(renewBeforeMs / 1000)}s`,
    // A node is a server to clients and other nodes, and a client of other nodes.
    usages: ['digital signature', 'key encipherment', 'server auth', 'client auth'],
    privateKey: { algorithm: 'RSA', encoding: 'PKCS8', size: RSA_BITS, rotationPolicy: 'Always' },
  }
}

/** What cert-manager has stored in the Secret of a Certificate. */
export interface IssuerResult extends IssuedLeaf {
  /** The CA that signed the leaf and its issuers, if the Secret has them; else empty. */
  issuers: AuthorityPath | []
}

/**
 * Reads the Secret of a Certificate: `tls.crt` has the leaf and its chain, `ca.crt` the CA if the issuer publishes it.
 * @param data texts by key
 * @param extra PEM with further CA certificates
 * @returns undefined if it has no certificate with its private key
 */
export function readIssuerResult(data: Readonly<Record<string, string>>, extra = ''): IssuerResult | undefined {
  try {
    const [leaf, ...chain] = certificatesIn(data['tls.crt'] ?? '')
    const [block] = pemBlocks(data['tls.key'] ?? '', 'PRIVATE KEY')
    if (leaf === undefined || block === undefined) return undefined
    const key = createPrivateKey(block)
    if (!leaf.x509.checkPrivateKey(key)) return undefined
    const others = [...chain, ...certificatesIn(`${data['ca.crt'] ?? ''}\n${extra}`)]
    const [, ca, ...rest] = pathOf(leaf, others)
    return { certificate: leaf, key, issuers: ca === undefined ? [] : [ca, ...rest] }
  } catch (error) {
    // Of node:crypto, which could quote the key.
    if (error instanceof Error && 'code' in error) return undefined
    throw error
  }
}

function certificatesIn(pem: string): Certificate[] {
  return pemBlocks(pem, 'CERTIFICATE').map(readCertificate)
}
