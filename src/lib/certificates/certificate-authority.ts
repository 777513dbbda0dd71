/** The certificate authority of a datacenter: read, and refused when it has a fault. */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { CassSniError, command, hint, type NextStep } from '../errors.ts'
import { pemBlocks } from '../text/pem.ts'
import { type Certificate, dateText, readCertificate, signedBy } from './certificate.ts'
import { authorityFaults, expiresSoon, type PolicyInput } from './policies.ts'
import { packageFile } from '../text/package-file.ts'

/** A CA's certificate, then those of its issuers up to the root, as far as they are known. */
export type AuthorityPath = PolicyInput['authority']

export interface Authority {
  path: AuthorityPath
  /** Secret: never printed. */
  key: KeyObject
}

/** Where the CA lies, for errors. */
export interface AuthorityPlace {
  /** "secret/dc1-ca-keystore in namespace x" */
  object: string
  secret: string
  namespace: string
  /** metadata.name of the CassandraDatacenter. */
  datacenter: string
}

/**
 * The CA from its PEM texts. Of both the first block counts, as cass-operator takes them (k8ssandra/cass-operator
 * pkg/utils/crypto.go prepare_ca); further certificates are looked through for the CA's issuers.
 * @throws CSNI401 when a part cannot be read, the certificate is no CA's, or the key belongs to another certificate.
 */
export function parseAuthority(certificatePem: string, keyPem: string, place: AuthorityPlace): Authority {
  const path = parseAuthorityPath(certificatePem, place)
  const [ca] = path
  if (!ca.x509.ca) throw unusable(place, `its certificate (${ca.subject}) is not one of a certificate authority`)
  const [block] = pemBlocks(keyPem, 'PRIVATE KEY')
  if (block === undefined) throw unusable(place, 'key "key" holds no PEM private key')
  if (block.includes('ENCRYPTED'))
    throw unusable(place, 'its private key is encrypted, and cass-operator cannot read such a key either')
  let key: KeyObject
  try {
    key = createPrivateKey(block)
  } catch {
    // The cause is left out on purpose: it could quote the key.
    throw unusable(place, 'its private key cannot be read')
  }
  if (!ca.x509.checkPrivateKey(key)) throw unusable(place, 'its private key does not belong to its certificate')
  return { path, key }
}

/**
 * The CA certificate, the first PEM block, then its issuers among the other blocks, whatever their order.
 * @throws CSNI401
 */
export function parseAuthorityPath(pem: string, place: AuthorityPlace): AuthorityPath {
  const [first, ...others] = pemBlocks(pem, 'CERTIFICATE')
  if (first === undefined) throw unusable(place, 'key "cert" holds no PEM certificate')
  try {
    const candidates = others.map(readCertificate)
    const path: [Certificate, ...Certificate[]] = [readCertificate(first)]
    for (let issuer = issuerOf(path, candidates); issuer !== undefined; issuer = issuerOf(path, candidates))
      path.push(issuer)
    return path
  } catch (cause) {
    throw unusable(place, 'its certificate cannot be read', cause)
  }
}

/** The issuer of the last certificate of the path; undefined when that is a root, or the issuer is not there. */
function issuerOf(path: readonly Certificate[], candidates: readonly Certificate[]): Certificate | undefined {
  const last = path.at(-1)
  if (last === undefined || signedBy(last.x509, last.x509)) return undefined
  return candidates.find((candidate) => !path.includes(candidate) && signedBy(last.x509, candidate.x509))
}

/** What clients have to trust, PEM: with an intermediate CA also its issuers up to the root. */
export function trustPem(path: AuthorityPath): string {
  return path.map(({ x509 }) => x509.toString()).join('')
}

/**
 * Refuses a CA with a fault (`authorityFaults`).
 * @param now milliseconds since the epoch
 * @returns a warning when it ends within `RENEWAL_DAYS` days
 * @throws CSNI402 when it has expired or is not valid yet, CSNI401 when it is an intermediate CA without its root
 */
export function requireUsable(path: AuthorityPath, now: number, place: AuthorityPlace): string | undefined {
  const [fault] = authorityFaults(path, now)
  if (fault === undefined) {
    const soon = expiresSoon(path[0], now)
    return soon === undefined
      ? undefined
      : `the certificate authority in ${place.object} ${soon.message}, and every certificate it signed with it; ` +
          `see ${packageFile('docs/certificates.md')}`
  }
  if (fault.code === 'NoRoot') throw rootMissing(fault.message, place)
  const message =
    `the certificate authority in ${place.object} ` +
    `${fault.code === 'Expired' ? fault.message : `is ${fault.message}`}`
  throw new CassSniError('CSNI402', message, {
    object: place.object,
    next:
      fault.code === 'Expired'
        ? replacementSteps(place, path[0].notAfter)
        : [hint(`compare the clocks: this run counts ${new Date(now).toISOString()}, which is the API server's time`)],
  })
}

/**
 * How a CA is replaced: cass-operator makes a new one when it reconciles the datacenter and the Secret is missing
 * (k8ssandra/cass-operator pkg/reconciliation/secrets.go, retrieveInternodeCredentialSecretOrCreateDefault); a changed
 * annotation makes it reconcile (internal/controllers/cassandra/cassandradatacenter_controller.go). The keystore's
 * Secret stays: it holds what the nodes serve until the new certificate is issued, and the public names.
 */
function replacementSteps({ secret, namespace, datacenter }: AuthorityPlace, ended: Date): NextStep[] {
  return [
    command`kubectl delete secret ${secret} -n ${namespace}`,
    command`kubectl annotate cassandradatacenter ${datacenter} -n ${namespace}
      cass-sni/authority-expired=${dateText(ended)} --overwrite`,
    command`kubectl cass-sni certs`,
    command`kubectl cass-sni certs ca`,
  ]
}

function rootMissing(why: string, place: AuthorityPlace): CassSniError {
  return new CassSniError('CSNI401', `the certificate authority in ${place.object} cannot be used: ${why}`, {
    object: place.object,
    next: [
      hint(
        'append the certificates of its issuers up to the root to key "cert", below its own: cass-operator ' +
          'reads the first one only',
      ),
      command`kubectl get secret ${place.secret} -n ${place.namespace} -o jsonpath='{.data.cert}' | base64 -d`,
    ],
  })
}

function unusable(place: AuthorityPlace, why: string, cause?: unknown): CassSniError {
  return new CassSniError('CSNI401', `the certificate authority in ${place.object} cannot be used: ${why}`, {
    object: place.object,
    next: [
      command`kubectl get secret ${place.secret} -n ${place.namespace} -o jsonpath='{.data.cert}'
        | base64 -d | openssl x509 -noout -text`,
    ],
    cause,
  })
}
