/** The certificate authority of a datacenter: read, checked, and judged by the clock. */
import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto'
import { CassSniError, command, hint } from '../errors.ts'
import { type Certificate, dateText, daysUntil, readCertificate } from './certificate.ts'

/** From this many days before its end on, a CA or a leaf is spoken of. Strimzi's `renewalDays` is 30 as well. */
export const RENEWAL_DAYS = 30

export interface Authority {
  certificate: Certificate
  /** Secret: never printed. */
  key: KeyObject
}

/** Where the CA lies, for errors. */
export interface AuthorityPlace {
  /** "secret/dc1-ca-keystore in namespace x" */
  object: string
  secret: string
  keystoreSecret: string
  namespace: string
}

/**
 * The CA from its PEM texts: the first block of each, as cass-operator takes them (k8ssandra/cass-operator
 * pkg/utils/crypto.go prepare_ca).
 * @throws CSNI401 when a part cannot be read, the certificate is no CA's, or the key belongs to another certificate.
 */
export function parseAuthority(certificatePem: string, keyPem: string, place: AuthorityPlace): Authority {
  const certificate = parseCertificate(certificatePem, place)
  if (!certificate.x509.ca)
    throw unusable(place, `its certificate (${certificate.subject}) is not one of a certificate authority`)
  const block = firstBlock(keyPem, /[A-Z ]*PRIVATE KEY/)
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
  if (!certificate.x509.checkPrivateKey(key))
    throw unusable(place, 'its private key does not belong to its certificate')
  return { certificate, key }
}

/** The CA certificate alone: the first PEM block. @throws CSNI401 */
export function parseCertificate(pem: string, place: AuthorityPlace): Certificate {
  const block = firstBlock(pem, /CERTIFICATE/)
  if (block === undefined) throw unusable(place, 'key "cert" holds no PEM certificate')
  try {
    return readCertificate(block)
  } catch (cause) {
    throw unusable(place, 'its certificate cannot be read', cause)
  }
}

/**
 * Checks the CA against the clock.
 * @param now milliseconds since the epoch
 * @returns a warning when it ends within `RENEWAL_DAYS` days
 * @throws CSNI402 when it has expired or is not valid yet
 */
export function checkAuthorityDates(certificate: Certificate, now: number, place: AuthorityPlace): string | undefined {
  const { notBefore, notAfter } = certificate
  if (notAfter.getTime() <= now) {
    throw new CassSniError(
      'CSNI402',
      `the certificate authority in ${place.object} expired on ${dateText(notAfter)}: no client that checks certificates accepts what it signs`,
      {
        object: place.object,
        next: [
          command`kubectl delete secret ${place.secret} ${place.keystoreSecret} -n ${place.namespace}`,
          command`kubectl cass-sni certs`,
          command`kubectl cass-sni certs ca`,
        ],
      },
    )
  }
  if (notBefore.getTime() > now) {
    throw new CassSniError(
      'CSNI402',
      `the certificate authority in ${place.object} is not valid before ${notBefore.toISOString()}; this machine's clock says ${new Date(now).toISOString()}`,
      {
        object: place.object,
        next: [hint('compare this clock with the cluster: date -u; kubectl get lease -A')],
      },
    )
  }
  const days = daysUntil(notAfter, now)
  if (days >= RENEWAL_DAYS) return undefined
  return `the certificate authority in ${place.object} expires in ${days} days, on ${dateText(notAfter)}, and every certificate it signed with it; docs/certificates.md says how to replace it`
}

/** The first PEM block whose label matches, lines normalised. */
function firstBlock(pem: string, label: RegExp): string | undefined {
  const match = new RegExp(`-----BEGIN (${label.source})-----[\\s\\S]*?-----END \\1-----`).exec(pem)
  return match ? `${match[0].replaceAll('\r', '')}\n` : undefined
}

/** True when `certificate` was issued and signed by `authority`. */
export function signedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey)
}

function unusable(place: AuthorityPlace, why: string, cause?: unknown): CassSniError {
  return new CassSniError('CSNI401', `the certificate authority in ${place.object} cannot be used: ${why}`, {
    object: place.object,
    next: [
      command`kubectl get secret ${place.secret} -n ${place.namespace} -o jsonpath='{.data.cert}' | base64 -d | openssl x509 -noout -text`,
    ],
    ...(cause === undefined ? {} : { cause }),
  })
}
