/** Parses and validates the certificate authority of a datacenter. */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { CassSniError, command, hint } from '../errors.ts'
import { pemBlocks } from '../text/pem.ts'
import type { Authorities, AuthorityPath } from './authority-path.ts'
import { authorityErrorCode, authorityFaults } from './authority-policies.ts'
import { type Certificate, readCertificate, signedBy } from './certificate.ts'
import { type IssuerReference, issuerIn, issuerText } from './issuer-reference.ts'
import { expiresSoon, type Reason } from './reason.ts'

/** A CA that can sign. */
export interface Authority {
  path: AuthorityPath
  /** Secret: never printed. */
  key: KeyObject
}

/** A CA whose key is not in the cluster's Secrets: a cert-manager issuer signs with it. */
export interface IssuerAuthority {
  path: AuthorityPath
  issuer: IssuerReference
}

/** What signs the certificates of a datacenter. */
export type Signer = Authority | IssuerAuthority

/** Where the CA is stored, for errors. */
export interface AuthorityLocation {
  /** "secret/dc1-ca-keystore in namespace x" */
  object: string
  secret: string
  namespace: string
  /** metadata.name of the CassandraDatacenter. */
  datacenter: string
}

/**
 * Parses the CA of a datacenter: with its private key, or a reference to the issuer that signs with it.
 * @throws CSNI401 as for `parseAuthority`
 */
export function parseSigner(certificatePem: string, keyPem: string, location: AuthorityLocation): Signer {
  const issuer = issuerIn(keyPem)
  if (issuer === undefined) return parseAuthority(certificatePem, keyPem, location)
  return { path: requireAuthorityPath(certificatePem, location), issuer }
}

function requireAuthorityPath(pem: string, location: AuthorityLocation): AuthorityPath {
  const path = parseAuthorityPath(pem, location)
  const [ca] = path
  if (!ca.x509.ca) throw invalid(location, `certificate (${ca.subject}) is not a CA certificate`)
  return path
}

/**
 * Parses a CA with its private key from its PEM texts. Like cass-operator (k8ssandra/cass-operator pkg/utils/crypto.go
 * prepare_ca), it uses the first block of each; the CA's issuers are found among further certificates.
 * @throws CSNI401 if a part cannot be read, the certificate is not a CA certificate, the key does not match it, or a
 * cert-manager issuer has the key
 */
export function parseAuthority(certificatePem: string, keyPem: string, location: AuthorityLocation): Authority {
  const path = requireAuthorityPath(certificatePem, location)
  const [ca] = path
  const issuer = issuerIn(keyPem)
  if (issuer !== undefined) throw signedByIssuer(location, issuer)
  const [block] = pemBlocks(keyPem, 'PRIVATE KEY')
  if (block === undefined) throw invalid(location, 'no PEM private key in key "key"')
  if (block.includes('ENCRYPTED'))
    throw invalid(location, 'encrypted private key, which cass-operator does not support')
  let key: KeyObject
  try {
    key = createPrivateKey(block)
  } catch {
    // The cause is omitted because it could quote the key.
    throw invalid(location, 'cannot parse the private key')
  }
  if (!ca.x509.checkPrivateKey(key))
    throw invalid(location, 'key mismatch: the private key does not belong to the certificate')
  return { path, key }
}

/**
 * Returns the CA certificate, which is the first PEM block, followed by its issuers among the other blocks in any
 * order.
 * @throws CSNI401
 */
export function parseAuthorityPath(pem: string, location: AuthorityLocation): AuthorityPath {
  return parseAuthorities(pem, location)[0]
}

/**
 * Returns the CAs in a PEM text, in its order: the first block is one, as is each that has not issued one of them.
 * @throws CSNI401
 */
export function parseAuthorities(pem: string, location: AuthorityLocation): Authorities {
  const [first, ...others] = certificatesIn(pem, location)
  if (first === undefined) throw invalid(location, 'no PEM certificate in key "cert"')
  const all = [first, ...others]
  const paths: [AuthorityPath, ...AuthorityPath[]] = [pathOf(first, all)]
  for (const certificate of others) if (!paths.flat().includes(certificate)) paths.push(pathOf(certificate, all))
  return paths
}

function certificatesIn(pem: string, location: AuthorityLocation): Certificate[] {
  try {
    return pemBlocks(pem, 'CERTIFICATE').map(readCertificate)
  } catch (cause) {
    throw invalid(location, 'cannot parse the certificate', cause)
  }
}

/** Returns a CA and its issuers among the candidates, in their order. */
export function pathOf(certificate: Certificate, candidates: readonly Certificate[]): AuthorityPath {
  const path: [Certificate, ...Certificate[]] = [certificate]
  for (let issuer = issuerOf(path, candidates); issuer !== undefined; issuer = issuerOf(path, candidates))
    path.push(issuer)
  return path
}

/** Returns the issuer of the path's last certificate; undefined if that is a root or the issuer is missing. */
function issuerOf(path: readonly Certificate[], candidates: readonly Certificate[]): Certificate | undefined {
  const last = path.at(-1)
  if (last === undefined || signedBy(last.x509, last.x509)) return undefined
  return candidates.find((candidate) => !path.includes(candidate) && signedBy(last.x509, candidate.x509))
}

/**
 * Refuses an invalid CA (`authorityFaults`).
 * @param now milliseconds since the epoch
 * @param isReplaced a new CA is stored next to it: it signs once more, so that every node trusts both. Not if it has
 * expired or is not valid yet: then nodes reject one another
 * @returns a warning if it expires within `AUTHORITY_WARNING_DAYS` days
 * @throws CSNI402 if it or one of its issuers has expired or is not valid yet, CSNI401 for a weak key, if one of them
 * cannot sign certificates, or for an intermediate CA without its root
 */
export function requireUsable(
  path: AuthorityPath,
  now: number,
  location: AuthorityLocation,
  isReplaced = false,
): string | undefined {
  const concernsTime = (each: Reason) => authorityErrorCode(each) === 'CSNI402'
  const fault = authorityFaults(path, now).find((each) => !isReplaced || concernsTime(each))
  if (fault === undefined) return expiryWarning(path, now, location.object)
  if (fault.code === 'NoRoot') throw rootMissing(fault.message, location)
  throw new CassSniError(authorityErrorCode(fault), `${location.object}: CA ${fault.message}`, {
    object: location.object,
    next:
      fault.code === 'NotYetValid'
        ? [hint(`check the API server's clock: it reads ${new Date(now).toISOString()}`)]
        : [command`kubectl cass-sni certs rotate-ca ${fault.code === 'Expired' ? ['--expired'] : []}`],
  })
}

/**
 * Returns a warning if a CA expires within `AUTHORITY_WARNING_DAYS` days.
 * @param now milliseconds since the epoch
 * @param object where it is stored
 */
export function expiryWarning([ca]: AuthorityPath, now: number, object: string): string | undefined {
  const soon = expiresSoon(ca, now)
  return soon && `${object}: CA ${soon.message}, as does every certificate that it signed`
}

function rootMissing(reason: string, location: AuthorityLocation): CassSniError {
  return new CassSniError('CSNI401', `${location.object}: invalid CA: ${reason}`, {
    object: location.object,
    next: [
      hint(
        'append the certificates of its issuers, up to the root, to key "cert"; cass-operator reads only the first ' +
          'certificate',
      ),
      command`kubectl get secret ${location.secret} -n ${location.namespace} -o jsonpath='{.data.cert}' | base64 -d`,
    ],
  })
}

function signedByIssuer({ object, namespace }: AuthorityLocation, issuer: IssuerReference): CassSniError {
  return new CassSniError(
    'CSNI401',
    `${object}: no private key: ${issuerText(issuer)} signs the certificates of the datacenter`,
    {
      object,
      next: [
        hint('create a cert-manager Certificate with this issuer, or sign with another CA that the nodes trust'),
        command`kubectl get ${issuer.kind.toLowerCase()}.${issuer.group} ${issuer.name} -n ${namespace} -o yaml`,
      ],
    },
  )
}

function invalid(location: AuthorityLocation, reason: string, cause?: unknown): CassSniError {
  return new CassSniError('CSNI401', `${location.object}: invalid CA: ${reason}`, {
    object: location.object,
    next: [
      command`kubectl get secret ${location.secret} -n ${location.namespace} -o jsonpath='{.data.cert}'
        | base64 -d | openssl x509 -noout -text`,
    ],
    cause,
  })
}
