/** Parses and validates the certificate authority of a datacenter. */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { CassSniError, command, hint, type NextStep } from '../errors.ts'
import { pemBlocks } from '../text/pem.ts'
import { type Certificate, dateText, readCertificate, signedBy } from './certificate.ts'
import { authorityFaults, expiresSoon, type PolicyInput } from './policies.ts'
import { packageFile } from '../text/package-file.ts'

/** The CA certificate, followed by those of its issuers up to the root, if known. */
export type AuthorityPath = PolicyInput['authority']

export interface Authority {
  path: AuthorityPath
  /** Secret: never printed. */
  key: KeyObject
}

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
 * Parses a CA from its PEM texts. Like cass-operator (k8ssandra/cass-operator pkg/utils/crypto.go prepare_ca), it uses
 * the first block of each; the CA's issuers are found among further certificates.
 * @throws CSNI401 if a part cannot be read, the certificate is not a CA certificate, or the key does not match it.
 */
export function parseAuthority(certificatePem: string, keyPem: string, location: AuthorityLocation): Authority {
  const path = parseAuthorityPath(certificatePem, location)
  const [ca] = path
  if (!ca.x509.ca) throw invalid(location, `certificate (${ca.subject}) is not a CA certificate`)
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
  const [first, ...others] = pemBlocks(pem, 'CERTIFICATE')
  if (first === undefined) throw invalid(location, 'no PEM certificate in key "cert"')
  try {
    const candidates = others.map(readCertificate)
    const path: [Certificate, ...Certificate[]] = [readCertificate(first)]
    for (let issuer = issuerOf(path, candidates); issuer !== undefined; issuer = issuerOf(path, candidates))
      path.push(issuer)
    return path
  } catch (cause) {
    throw invalid(location, 'cannot parse the certificate', cause)
  }
}

/** Returns the issuer of the path's last certificate; undefined if that is a root or the issuer is missing. */
function issuerOf(path: readonly Certificate[], candidates: readonly Certificate[]): Certificate | undefined {
  const last = path.at(-1)
  if (last === undefined || signedBy(last.x509, last.x509)) return undefined
  return candidates.find((candidate) => !path.includes(candidate) && signedBy(last.x509, candidate.x509))
}

/**
 * Returns the certificates that clients must trust, PEM: the CA, and for an intermediate CA its issuers up to the root.
 */
export function trustPem(path: AuthorityPath): string {
  return path.map(({ x509 }) => x509.toString()).join('')
}

/**
 * Refuses an invalid CA (`authorityFaults`).
 * @param now milliseconds since the epoch
 * @returns a warning if it expires within `RENEWAL_DAYS` days
 * @throws CSNI402 if it has expired or is not valid yet, CSNI401 if it is an intermediate CA without its root
 */
export function requireUsable(path: AuthorityPath, now: number, location: AuthorityLocation): string | undefined {
  const [fault] = authorityFaults(path, now)
  if (fault === undefined) {
    const soon = expiresSoon(path[0], now)
    return soon === undefined
      ? undefined
      : `${location.object}: CA ${soon.message}, as does every certificate that it signed; ` +
          `see ${packageFile('docs/certificates.md')}`
  }
  if (fault.code === 'NoRoot') throw rootMissing(fault.message, location)
  throw new CassSniError('CSNI402', `${location.object}: CA ${fault.message}`, {
    object: location.object,
    next:
      fault.code === 'Expired'
        ? replacementSteps(location, path[0].notAfter)
        : [hint(`check the API server's clock: it reads ${new Date(now).toISOString()}`)],
  })
}

/**
 * Returns the steps that replace a CA. cass-operator creates a new one when it reconciles a datacenter whose CA Secret
 * is missing (k8ssandra/cass-operator pkg/reconciliation/secrets.go, retrieveInternodeCredentialSecretOrCreateDefault);
 * an annotation triggers that (internal/controllers/cassandra/cassandradatacenter_controller.go). The keystore Secret
 * is kept: it has the public names, and the certificate that nodes serve until a new one is issued.
 */
function replacementSteps({ secret, namespace, datacenter }: AuthorityLocation, expiry: Date): NextStep[] {
  return [
    command`kubectl delete secret ${secret} -n ${namespace}`,
    command`kubectl annotate cassandradatacenter ${datacenter} -n ${namespace}
      cass-sni/authority-expired=${dateText(expiry)} --overwrite`,
    command`kubectl cass-sni certs`,
    command`kubectl cass-sni certs ca`,
  ]
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
