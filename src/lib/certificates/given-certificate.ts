/** Reads a node certificate that a user supplies with its key: PEM, JKS or PKCS#12. */
import { createPrivateKey, type KeyObject, webcrypto } from 'node:crypto'
import { CassSniError, hint, type NextStep } from '../errors.ts'
import { pemBlocks } from '../text/pem.ts'
import { readCertificate } from './certificate.ts'
import type { IssuedLeaf } from './issue.ts'
import { readKeystore, recoverKey } from './keystore.ts'

/** First bytes of a JKS file. */
const JKS_MAGIC = 0xfeedfeed
const SHROUDED_KEY_BAG = '1.2.840.113549.1.12.10.1.2'
const DATA = '1.2.840.113549.1.7.1'
const CERTIFICATE_BAG = '1.2.840.113549.1.12.10.1.3'

export interface GivenPem {
  certificate: { file: string; text: string }
  key: { file: string; text: string }
  /** Secret: never printed. */
  password: string | undefined
}

/** @throws CSNI107 if a part cannot be read, or they do not belong together */
export function readGivenPem({ certificate, key, password }: GivenPem): IssuedLeaf {
  const [leaf] = pemBlocks(certificate.text, 'CERTIFICATE')
  if (leaf === undefined) throw unusable(certificate.file, 'no PEM certificate')
  const [block] = pemBlocks(key.text, 'PRIVATE KEY')
  if (block === undefined) throw unusable(key.file, 'no PEM private key')
  if (block.includes('ENCRYPTED') && password === undefined)
    throw unusable(key.file, 'encrypted private key: password required', PASSWORD)
  return matching(certificate.file, [leaf], [openKey(key.file, { key: block, passphrase: password })])
}

/**
 * Reads a keystore.
 * @param password secret: never printed
 * @throws CSNI107 if it cannot be read, or has not exactly one key with its certificate
 */
export async function readGivenKeystore(
  file: string,
  bytes: Buffer,
  password: string | undefined,
): Promise<IssuedLeaf> {
  if (password === undefined) throw unusable(file, 'keystore password required', PASSWORD)
  if (bytes.length > 4 && bytes.readUInt32BE(0) === JKS_MAGIC) return readJks(file, bytes, password)
  return readPkcs12(file, bytes, password)
}

function readJks(file: string, bytes: Buffer, password: string): IssuedLeaf {
  let entries: ReturnType<typeof readKeystore>
  try {
    entries = readKeystore(bytes, password, file)
  } catch (error) {
    if (!(error instanceof CassSniError)) throw error
    throw unusable(file, 'wrong keystore password, or the file is corrupt', PASSWORD)
  }
  const own = entries.filter((entry) => entry.kind === 'key')
  const keys = own.map(({ protectedKey }) => {
    const key = recoverKey(protectedKey, password)
    if (key === undefined) throw unusable(file, 'the password of the key differs from that of the keystore')
    return openKey(file, { key, format: 'der', type: 'pkcs8' })
  })
  return matching(
    file,
    own.flatMap(({ chain }) => chain.slice(0, 1)),
    keys,
  )
}

async function readPkcs12(file: string, bytes: Buffer, password: string): Promise<IssuedLeaf> {
  const pki = await import('pkijs')
  const engine = new pki.CryptoEngine({ crypto: webcrypto })
  const secret = new Uint8Array(Buffer.from(password, 'utf8')).buffer
  let pfx: InstanceType<typeof pki.PFX>
  try {
    pfx = pki.PFX.fromBER(new Uint8Array(bytes).buffer)
  } catch {
    throw unusable(file, 'neither JKS nor PKCS#12')
  }
  const certificates: Buffer[] = []
  const keys: KeyObject[] = []
  try {
    await pfx.parseInternalValues({ password: secret, checkIntegrity: true }, engine)
    const safe = pfx.parsedValue?.authenticatedSafe
    if (safe === undefined) throw new Error('no content')
    safe.safeContents = safe.safeContents.filter((content) => !isEmpty(content))
    await safe.parseInternalValues({ safeContents: safe.safeContents.map(() => ({ password: secret })) }, engine)
    for (const { value } of safe.parsedValue.safeContents as { value: InstanceType<typeof pki.SafeContents> }[])
      for (const { bagId, bagValue } of value.safeBags) {
        if (bagId === CERTIFICATE_BAG && bagValue instanceof pki.CertBag) {
          const certificate = bagValue.parsedValue as InstanceType<typeof pki.Certificate>
          certificates.push(Buffer.from(certificate.toSchema(true).toBER(false)))
        }
        if (bagId === SHROUDED_KEY_BAG && bagValue instanceof pki.PKCS8ShroudedKeyBag) {
          const shrouded = bagValue as unknown as {
            parseInternalValues(parameters: object, engine: object): Promise<void>
            parsedValue?: InstanceType<typeof pki.PrivateKeyInfo>
          }
          await shrouded.parseInternalValues({ password: secret }, engine)
          const der = shrouded.parsedValue?.toSchema().toBER(false)
          if (der !== undefined) keys.push(openKey(file, { key: Buffer.from(der), format: 'der', type: 'pkcs8' }))
        }
      }
  } catch (error) {
    if (error instanceof CassSniError) throw error
    // The cause is omitted because it could quote the content.
    throw unusable(
      file,
      'wrong keystore password, or an encryption other than PBES2',
      PASSWORD,
      hint('convert files of older tools with: openssl pkcs12 -legacy -in FILE | openssl pkcs12 -export -out NEW'),
    )
  }
  return matching(file, certificates, keys)
}

/** Returns whether an unencrypted part has no entries, which pkijs rejects. `writePkcs12` writes such parts. */
function isEmpty({
  contentType,
  content,
}: {
  contentType: string
  content: { getValue?: () => ArrayBuffer }
}): boolean {
  const value = contentType === DATA ? content.getValue?.() : undefined
  return value !== undefined && value.byteLength <= 2
}

function openKey(file: string, source: Parameters<typeof createPrivateKey>[0]): KeyObject {
  try {
    return createPrivateKey(source)
  } catch {
    // The cause is omitted because it could quote the key.
    throw unusable(file, 'cannot read the private key: wrong password, or the file is corrupt', PASSWORD)
  }
}

/** Returns the one key with its certificate. */
function matching(file: string, sources: readonly (Buffer | string)[], keys: readonly KeyObject[]): IssuedLeaf {
  const [key, ...others] = keys
  if (key === undefined) throw unusable(file, 'no private key')
  if (others.length > 0) throw unusable(file, `${keys.length} private keys, expected one`)
  let certificates: IssuedLeaf['certificate'][]
  try {
    certificates = sources.map(readCertificate)
  } catch {
    throw unusable(file, 'invalid certificate')
  }
  const certificate = certificates.find(({ x509 }) => x509.checkPrivateKey(key))
  if (certificate === undefined)
    throw unusable(file, 'key mismatch: the private key does not belong to the certificate')
  return { certificate, key }
}

const PASSWORD = hint('pass the password with --keystore-password-stdin, or in CASS_SNI_STORE_PASSWORD')

function unusable(file: string, reason: string, ...next: NextStep[]): CassSniError {
  return new CassSniError('CSNI107', `${file}: ${reason}`, {
    object: file,
    next: next.length > 0 ? next : [hint('expected one private key and its certificate')],
  })
}
