/** A self-signed client certificate, for programs that require one although the server does not request it. */
import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import { readCertificate } from './certificate.ts'
import type { Identity } from './client-certificate.ts'
import { BACKDATED_MS, randomSerial } from './issue.ts'

const DAY = 24 * 60 * 60 * 1000
const VALIDITY_DAYS = 3650
const RSA_BITS = 2048

/**
 * Creates a key and its self-signed certificate, valid for ten years. No server trusts it.
 * @param request.now milliseconds since the epoch
 */
export async function createSelfSigned(request: {
  commonName: string
  now: number
  randomBytes: (length: number) => Buffer
}): Promise<Identity> {
  const { commonName, now, randomBytes } = request
  const x509 = await import('./x509.ts')
  const pair = await promisify(generateKeyPair)('rsa', { modulusLength: RSA_BITS })
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  const name = new x509.Name([{ CN: [{ utf8String: commonName }] }])
  const issued = await x509.X509CertificateGenerator.create({
    serialNumber: randomSerial(randomBytes).toString('hex'),
    subject: name,
    issuer: name,
    notBefore: new Date(now - BACKDATED_MS),
    notAfter: new Date(now + VALIDITY_DAYS * DAY),
    publicKey: new x509.PublicKey(pair.publicKey.export({ type: 'spki', format: 'der' })),
    signingKey: pair.privateKey.toCryptoKey(algorithm, false, ['sign']),
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
    ],
  })
  return { key: pair.privateKey, chain: [readCertificate(Buffer.from(issued.rawData))] }
}
