/** Creates certificate authorities. */
import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import { BACKDATED_MS, randomSerial } from './issue.ts'

const DAY = 24 * 60 * 60 * 1000
/** cass-operator only reads RSA keys in PKCS#8 (k8ssandra/cass-operator pkg/utils/crypto.go, prepare_ca). */
const RSA_BITS = 4096
/** X.520, ub-common-name. */
const LONGEST_COMMON_NAME = 64

export interface AuthorityRequest {
  datacenter: string
  namespace: string
  days: number
  /** Milliseconds since the epoch. */
  now: number
  randomBytes: (length: number) => Buffer
}

/** A CA as stored in its Secret. `key` is a secret: never printed. */
export interface AuthorityPem {
  certificate: string
  key: string
}

/**
 * Creates a self-signed CA with a new RSA key. Its subject is unique: with two CAs of the same name, clients that find
 * an issuer by its name alone could select the wrong one.
 */
export async function createAuthority(request: AuthorityRequest): Promise<AuthorityPem> {
  const { datacenter, namespace, days, now, randomBytes } = request
  const x509 = await import('./x509.ts')
  const pair = await promisify(generateKeyPair)('rsa', { modulusLength: RSA_BITS })
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  const publicKey = new x509.PublicKey(pair.publicKey.export({ type: 'spki', format: 'der' }))
  const serialNumber = randomSerial(randomBytes).toString('hex')
  const suffix = ` CA ${serialNumber.slice(0, 8)}`
  const commonName = `${datacenter}.${namespace}`.slice(0, LONGEST_COMMON_NAME - suffix.length) + suffix
  const name = new x509.Name([{ CN: [{ utf8String: commonName }] }])
  const issued = await x509.X509CertificateGenerator.create({
    serialNumber,
    subject: name,
    issuer: name,
    notBefore: new Date(now - BACKDATED_MS),
    notAfter: new Date(now + days * DAY),
    publicKey,
    signingKey: pair.privateKey.toCryptoKey(algorithm, false, ['sign']),
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  })
  return {
    certificate: `${issued.toString('pem').trimEnd()}\n`,
    key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}
