/** Issues node certificates. */
import { generateKeyPair, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import { promisify } from 'node:util'
import { CassSniError, hint } from '../errors.ts'
import type { Authority } from './certificate-authority.ts'
import { type Certificate, readCertificate } from './certificate.ts'
import { encode, readMembers, sequence, TAG } from './der.ts'
import { type KeyEntry, protectKey, SALT_BYTES } from './keystore.ts'

const DAY = 24 * 60 * 60 * 1000
/** Validity of a new certificate. */
export const VALIDITY_DAYS = 365
/** Tolerance for slow clocks of nodes and clients. */
export const BACKDATED_MS = 5 * 60 * 1000
/** 128 bits of security by NIST SP 800-57, with cheaper handshakes than cass-operator's 4096 bits. */
export const RSA_BITS = 3072
const SERIAL_BYTES = 16
/** Bytes in DER: version, serial number, validity, and the public key. */
const FIXED_FIELDS_BYTES = 5 + (2 + SERIAL_BYTES) + 32 + 422
/** Bytes in DER: key usage, its extension, basic constraints, and the two key identifiers. */
const FIXED_EXTENSIONS_BYTES = 16 + 31 + 14 + 31 + 33
/** Bytes in DER: sha256WithRSAEncryption with its NULL, ecdsa-with-SHA256. */
const RSA_ALGORITHM_BYTES = 15
const EC_ALGORITHM_BYTES = 12

const USAGES = { node: ['serverAuth', 'clientAuth'], server: ['serverAuth'], client: ['clientAuth'] } as const

export interface LeafRequest {
  authority: Authority
  commonName: string
  /** DNS names and IP addresses, normalized. None for a client. */
  names: readonly string[]
  /** IP addresses to add as DNS names too: Node.js drivers compare them with DNS names only. */
  asDnsNames?: readonly string[] | undefined
  /** Days until it expires, if the CA does not expire earlier. Default 365. */
  validityDays?: number | undefined
  /** Default `node`: serverAuth and clientAuth, because nodes connect to each other. */
  usage?: keyof typeof USAGES | undefined
  /** Milliseconds since the epoch. */
  now: number
  randomBytes: (length: number) => Buffer
}

export interface IssuedLeaf {
  certificate: Certificate
  /** Secret: never printed. */
  key: KeyObject
}

/**
 * Issues a certificate for a new RSA key. It is valid from five minutes ago, for a year by default, but not longer than
 * its CA.
 * @throws CSNI401 if the type of the CA's key is not supported
 */
export async function issueLeaf(request: LeafRequest): Promise<IssuedLeaf> {
  const { authority, commonName, names, asDnsNames = [], now, randomBytes, usage = 'node' } = request
  const [ca] = authority.path
  const algorithm = signingAlgorithm(authority.key)
  const x509 = await import('./x509.ts')
  const pair = await promisify(generateKeyPair)('rsa', { modulusLength: RSA_BITS })
  const issuer = new x509.X509Certificate(ca.der)
  const issuerKey =
    issuer.getExtension(x509.SubjectKeyIdentifierExtension) ??
    (await x509.SubjectKeyIdentifierExtension.create(issuer.publicKey))
  const publicKey = new x509.PublicKey(pair.publicKey.export({ type: 'spki', format: 'der' }))
  const issued = await x509.X509CertificateGenerator.create({
    serialNumber: randomSerial(randomBytes).toString('hex'),
    subject: new x509.Name([{ CN: [{ utf8String: commonName }] }]),
    // Copied, not re-encoded: some TLS stacks compare names byte by byte.
    issuer: issuer.subjectName,
    ...validityOf(ca, now, request.validityDays),
    publicKey,
    signingKey: authority.key.toCryptoKey(algorithm, false, ['sign']),
    signingAlgorithm: algorithm,
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
      new x509.ExtendedKeyUsageExtension(USAGES[usage].map((name) => x509.ExtendedKeyUsage[name])),
      new x509.BasicConstraintsExtension(false, undefined, true),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      new x509.AuthorityKeyIdentifierExtension(issuerKey.keyId),
      ...(names.length === 0
        ? []
        : [
            new x509.SubjectAlternativeNameExtension([
              ...names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
              ...asDnsNames.map((value) => ({ type: 'dns' as const, value })),
            ]),
          ]),
    ],
  })
  return { certificate: readCertificate(Buffer.from(issued.rawData)), key: pair.privateKey }
}

/** Returns a random serial number: positive, and always of the same length. */
export function randomSerial(randomBytes: (length: number) => Buffer): Buffer {
  const serial = randomBytes(SERIAL_BYTES)
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40
  return serial
}

/**
 * Returns the DER length of the certificate that `issueLeaf` would issue, without generating a key: exact for an RSA
 * CA; up to four bytes too many for an EC CA, whose signatures differ in length.
 */
export function leafBytes({
  names,
  authority,
  commonName,
}: Pick<LeafRequest, 'commonName' | 'names'> & { authority: Certificate }): number {
  const zeros = (length: number) => Buffer.alloc(length)
  const { asymmetricKeyType, asymmetricKeyDetails } = authority.x509.publicKey
  const p384 = asymmetricKeyDetails?.namedCurve === 'secp384r1'
  const signature = asymmetricKeyType === 'rsa' ? (asymmetricKeyDetails?.modulusLength ?? 0) / 8 : p384 ? 104 : 72
  const algorithm = zeros(asymmetricKeyType === 'rsa' ? RSA_ALGORITHM_BYTES : EC_ALGORITHM_BYTES)
  const alternativeNames = sequence(
    ...names.map((name) => {
      const family = isIP(name)
      return encode(TAG.octetString, family === 0 ? Buffer.from(name) : zeros(family === 4 ? 4 : 16))
    }),
  )
  const subject = sequence(encode(TAG.sequence, sequence(zeros(5), encode(TAG.octetString, Buffer.from(commonName)))))
  const signed = sequence(
    zeros(FIXED_FIELDS_BYTES),
    algorithm,
    subjectOf(authority),
    subject,
    encode(
      0xa3,
      sequence(zeros(FIXED_EXTENSIONS_BYTES), sequence(zeros(5), encode(TAG.octetString, alternativeNames))),
    ),
  )
  return sequence(signed, algorithm, encode(TAG.octetString, zeros(signature + 1))).length
}

/** Returns the encoded subject: the sixth member of the signed part, after the version. */
function subjectOf({ der }: Certificate): Buffer {
  const [signed] = readMembers(der)
  return (signed && readMembers(signed.raw)[5]?.raw) ?? Buffer.alloc(0)
}

/** Returns the validity of a certificate issued at `now` (milliseconds since the epoch). */
export function validityOf(
  { notBefore, notAfter }: Pick<Certificate, 'notBefore' | 'notAfter'>,
  now: number,
  days = VALIDITY_DAYS,
): { notBefore: Date; notAfter: Date } {
  return {
    notBefore: new Date(Math.max(now - BACKDATED_MS, notBefore.getTime())),
    notAfter: new Date(Math.min(now + days * DAY, notAfter.getTime())),
  }
}

/** Returns the keystore entry for a leaf and its chain. */
export function keyEntry(
  leaf: IssuedLeaf,
  chain: readonly Certificate[],
  options: {
    alias: string
    password: string
    now: number
    randomBytes: (length: number) => Buffer
  },
): KeyEntry {
  const key = leaf.key.export({ type: 'pkcs8', format: 'der' })
  return {
    kind: 'key',
    alias: options.alias,
    created: options.now,
    protectedKey: protectKey(key, options.password, options.randomBytes(SALT_BYTES)),
    chain: [leaf.certificate.der, ...chain.map((certificate) => certificate.der)],
  }
}

/** Returns the WebCrypto algorithm of the CA's key, for importing it and signing. */
function signingAlgorithm(key: KeyObject): { name: string; hash: string; namedCurve?: string } {
  if (key.asymmetricKeyType === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  if (key.asymmetricKeyType === 'ec') {
    const curve = key.asymmetricKeyDetails?.namedCurve
    if (curve === 'prime256v1') return { name: 'ECDSA', hash: 'SHA-256', namedCurve: 'P-256' }
    if (curve === 'secp384r1') return { name: 'ECDSA', hash: 'SHA-384', namedCurve: 'P-384' }
  }
  throw new CassSniError(
    'CSNI401',
    `unsupported CA key type ${key.asymmetricKeyType ?? 'unknown'}: expected RSA, or EC with P-256 or P-384`,
    {
      next: [hint('create a supported key, for example with openssl req -x509 -newkey rsa:4096')],
    },
  )
}
