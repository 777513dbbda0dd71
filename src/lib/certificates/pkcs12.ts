/**
 * Writes PKCS#12 files (RFC 7292) that Java, .NET and OpenSSL read: the key encrypted with AES-256 (PBES2), the MAC
 * with SHA-256, the certificates in plain text, because they are public.
 */
import { createHmac, webcrypto } from 'node:crypto'
import type { Certificate } from './certificate.ts'
import type { Identity } from './client-certificate.ts'
import { encode, objectIdentifier, sequence, TAG } from './der.ts'

/** Well above the 10,000 of Java (openjdk/jdk src/java.base/share/conf/security/java.security, keystore.pkcs12). */
const ITERATIONS = 50_000
/**
 * Attribute of a certificate that Java lists as trusted: without it, Java ignores the certificate (openjdk/jdk
 * src/java.base/share/classes/sun/security/pkcs12/PKCS12KeyStore.java, ORACLE_TRUSTED_KEY_USAGE).
 */
const TRUSTED_KEY_USAGE = '2.16.840.1.113894.746875.1.1'
const ANY_EXTENDED_KEY_USAGE = '2.5.29.37.0'
const SET = 0x31
const BMP_STRING = 0x1e
const FRIENDLY_NAME = '1.2.840.113549.1.9.20'
const LOCAL_KEY_ID = '1.2.840.113549.1.9.21'
const SHROUDED_KEY_BAG = '1.2.840.113549.1.12.10.1.2'
const CERTIFICATE_BAG = '1.2.840.113549.1.12.10.1.3'

export interface Pkcs12Content {
  /** The key entry, with its chain. */
  identity?: (Identity & { alias: string }) | undefined
  trusted: readonly { alias: string; certificate: Certificate }[]
}

/**
 * Returns a PKCS#12 file. The same content and password always result in the same bytes, so a second run changes
 * nothing: salts and initialization vectors are derived from them instead of being random.
 */
export async function writePkcs12({ identity, trusted }: Pkcs12Content, password: string): Promise<Buffer> {
  const pki = await import('pkijs')
  const secret = bufferOf(Buffer.from(password, 'utf8'))
  const engine = new pki.CryptoEngine({ crypto: webcrypto })
  engine.getRandomValues = derivedValues(identity, trusted, password)
  const attribute = (type: string, value: Buffer) =>
    pki.Attribute.fromBER(bufferOf(sequence(objectIdentifier(type), encode(SET, value))))
  const alias = (name: string) => attribute(FRIENDLY_NAME, encode(BMP_STRING, Buffer.from(name, 'utf16le').swap16()))
  const certificateBag = ({ der }: Certificate, attributes: InstanceType<typeof pki.Attribute>[]) =>
    new pki.SafeBag({
      bagId: CERTIFICATE_BAG,
      bagValue: new pki.CertBag({ parsedValue: pki.Certificate.fromBER(bufferOf(der)) }),
      bagAttributes: attributes,
    })
  const certificates = trusted.map((entry) =>
    certificateBag(entry.certificate, [
      alias(entry.alias),
      attribute(TRUSTED_KEY_USAGE, objectIdentifier(ANY_EXTENDED_KEY_USAGE)),
    ]),
  )
  const contents = [{ privacyMode: 0, value: new pki.SafeContents({ safeBags: certificates }) }]
  if (identity !== undefined) {
    const [leaf, ...issuers] = identity.chain
    const id = attribute(LOCAL_KEY_ID, encode(TAG.octetString, Buffer.from('1')))
    const key = new pki.PKCS8ShroudedKeyBag({
      parsedValue: pki.PrivateKeyInfo.fromBER(bufferOf(identity.key.export({ type: 'pkcs8', format: 'der' }))),
    })
    await key.makeInternalValues(
      {
        password: secret,
        contentEncryptionAlgorithm: { name: 'AES-CBC', length: 256 } as Parameters<
          typeof key.makeInternalValues
        >[0]['contentEncryptionAlgorithm'],
        hmacHashAlgorithm: 'SHA-256',
        iterationCount: ITERATIONS,
      },
      engine,
    )
    const attributes = [alias(identity.alias), id]
    const bags = [
      new pki.SafeBag({ bagId: SHROUDED_KEY_BAG, bagValue: key, bagAttributes: attributes }),
      certificateBag(leaf, attributes),
      ...issuers.map((issuer) => certificateBag(issuer, [])),
    ]
    contents.unshift({ privacyMode: 0, value: new pki.SafeContents({ safeBags: bags }) })
  }
  const authenticatedSafe = new pki.AuthenticatedSafe({ parsedValue: { safeContents: contents } })
  await authenticatedSafe.makeInternalValues({ safeContents: contents.map(() => ({})) }, engine)
  const file = new pki.PFX({ parsedValue: { integrityMode: 0, authenticatedSafe } })
  await file.makeInternalValues(
    { password: secret, iterations: ITERATIONS, pbkdf2HashAlgorithm: 'SHA-256', hmacHashAlgorithm: 'SHA-256' },
    engine,
  )
  return Buffer.from(file.toSchema().toBER(false))
}

/**
 * Returns a replacement of `getRandomValues` whose values depend on the content only, like the initialization vectors
 * of AES-SIV (RFC 5297): equal files are recognizable as equal, and nothing else is.
 */
function derivedValues(
  identity: Pkcs12Content['identity'],
  trusted: Pkcs12Content['trusted'],
  password: string,
): <T extends ArrayBufferView | null>(array: T) => T {
  const seed = createHmac('sha256', identity?.key.export({ type: 'pkcs8', format: 'der' }) ?? '')
  seed.update(password)
  for (const { der } of [...(identity?.chain ?? []), ...trusted.map(({ certificate }) => certificate)]) seed.update(der)
  const key = seed.digest()
  let counter = 0
  return (array) => {
    if (array === null) return array
    const target = Buffer.from(array.buffer, array.byteOffset, array.byteLength)
    for (let at = 0; at < target.length; at += 32) {
      counter += 1
      createHmac('sha256', key).update(String(counter)).digest().copy(target, at)
    }
    return array
  }
}

/** Returns an ArrayBuffer with exactly these bytes. */
function bufferOf(bytes: Buffer): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}
