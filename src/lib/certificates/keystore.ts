/**
 * Reads and writes the Java keystore format JKS, which cass-operator writes (k8ssandra/cass-operator
 * pkg/utils/crypto.go, with pavel-v-chernykh/keystore-go) and every Java version reads. The format and its key
 * protection are defined by OpenJDK (openjdk/jdk src/java.base/share/classes/sun/security/provider/JavaKeyStore.java
 * and KeyProtector.java).
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { CassSniError, command } from '../errors.ts'
import { encode, objectIdentifier, readMembers, sequence, TAG } from './der.ts'

const MAGIC = 0xfeedfeed
const VERSION = 2
const KEY_ENTRY = 1
const TRUSTED_ENTRY = 2
const DIGEST_BYTES = 20
/** JavaKeyStore.getPreKeyedHash: included in the digest at the end of the file. */
const WHITENER = Buffer.from('Mighty Aphrodite', 'utf8')
/** KeyProtector.KEY_PROTECTOR_OID. */
const KEY_PROTECTOR = '1.3.6.1.4.1.42.2.17.1.1'
/** Bytes of salt that `protectKey` needs. */
export const SALT_BYTES = DIGEST_BYTES

/** A private key and its certificate chain, leaf first. */
export interface KeyEntry {
  kind: 'key'
  alias: string
  /** Milliseconds since the epoch. */
  created: number
  /** EncryptedPrivateKeyInfo, DER: see `recoverKey`. */
  protectedKey: Buffer
  /** DER. */
  chain: Buffer[]
}

/** A trusted certificate. */
export interface TrustedEntry {
  kind: 'trusted'
  alias: string
  /** Milliseconds since the epoch. */
  created: number
  /** DER. */
  certificate: Buffer
}

export type KeystoreEntry = KeyEntry | TrustedEntry

/**
 * Reads the entries of a JKS file, in order.
 * @param object the file's owner, for errors: "secret/dc1-keystore in namespace x"
 * @throws CSNI403 if it is not a JKS file, is corrupt, or the password is wrong. Errors never include the password.
 */
export function readKeystore(bytes: Buffer, password: string, object: string): KeystoreEntry[] {
  if (bytes.length < 12 + DIGEST_BYTES || bytes.readUInt32BE(0) !== MAGIC) {
    throw unreadable(object, bytes[0] === TAG.sequence ? 'PKCS#12 is not supported, only JKS' : 'not a JKS file')
  }
  const version = bytes.readUInt32BE(4)
  if (version !== VERSION) throw unreadable(object, `unsupported JKS version ${version} (expected ${VERSION})`)
  const content = bytes.subarray(0, bytes.length - DIGEST_BYTES)
  if (!timingSafeEqual(digest(content, password), bytes.subarray(bytes.length - DIGEST_BYTES))) {
    throw unreadable(object, 'wrong keystore_password, or the file is corrupt')
  }
  try {
    return readEntries(content)
  } catch (error) {
    if (error instanceof RangeError) throw unreadable(object, 'file is corrupt', error)
    throw error
  }
}

/** Writes a JKS file with these entries and this password. */
export function writeKeystore(entries: readonly KeystoreEntry[], password: string): Buffer {
  const parts: Buffer[] = [uint32(MAGIC), uint32(VERSION), uint32(entries.length)]
  for (const entry of entries) {
    parts.push(
      uint32(entry.kind === 'key' ? KEY_ENTRY : TRUSTED_ENTRY),
      modifiedUtf8(entry.alias),
      timestamp(entry.created),
    )
    if (entry.kind === 'key') {
      parts.push(block(entry.protectedKey), uint32(entry.chain.length))
      for (const certificate of entry.chain) parts.push(modifiedUtf8('X.509'), block(certificate))
    } else {
      parts.push(modifiedUtf8('X.509'), block(entry.certificate))
    }
  }
  const content = Buffer.concat(parts)
  return Buffer.concat([content, digest(content, password)])
}

/**
 * Encrypts a private key with a password, as stored in a key entry.
 * @param key PKCS#8, DER
 * @param salt `SALT_BYTES` random bytes
 */
export function protectKey(key: Buffer, password: string, salt: Buffer): Buffer {
  const protectedBytes = Buffer.concat([salt, mask(key, password, salt), sha1(passwordBytes(password), key)])
  return sequence(sequence(objectIdentifier(KEY_PROTECTOR), encode(TAG.null)), encode(TAG.octetString, protectedBytes))
}

/**
 * Decrypts the private key of a key entry, PKCS#8 DER; undefined for a wrong password or another kind of protection.
 */
export function recoverKey(protectedKey: Buffer, password: string): Buffer | undefined {
  let sealed: Buffer
  try {
    const [algorithm, data] = readMembers(protectedKey)
    if (!algorithm || data?.tag !== TAG.octetString) return undefined
    if (!readMembers(algorithm.raw)[0]?.raw.equals(objectIdentifier(KEY_PROTECTOR))) return undefined
    sealed = data.content
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
  if (sealed.length < 2 * DIGEST_BYTES) return undefined
  const salt = sealed.subarray(0, DIGEST_BYTES)
  const key = mask(sealed.subarray(DIGEST_BYTES, sealed.length - DIGEST_BYTES), password, salt)
  return timingSafeEqual(sha1(passwordBytes(password), key), sealed.subarray(sealed.length - DIGEST_BYTES))
    ? key
    : undefined
}

function readEntries(content: Buffer): KeystoreEntry[] {
  let at = 8
  const take = (length: number): Buffer => {
    if (at + length > content.length) throw new RangeError('keystore is truncated')
    at += length
    return content.subarray(at - length, at)
  }
  const number = () => take(4).readUInt32BE()
  const string = () => take(take(2).readUInt16BE()).toString('utf8')
  const certificate = () => {
    // cass-operator writes "X509", Java "X.509": Java accepts both, and no other type occurs in practice.
    string()
    return Buffer.from(take(number()))
  }
  const count = number()
  const entries: KeystoreEntry[] = []
  for (let index = 0; index < count; index += 1) {
    const tag = number()
    const alias = string()
    const created = Number(take(8).readBigInt64BE())
    if (tag === KEY_ENTRY) {
      const protectedKey = Buffer.from(take(number()))
      const length = number()
      const chain: Buffer[] = []
      for (let position = 0; position < length; position += 1) chain.push(certificate())
      entries.push({ kind: 'key', alias, created, protectedKey, chain })
    } else if (tag === TRUSTED_ENTRY) {
      entries.push({
        kind: 'trusted',
        alias,
        created,
        certificate: certificate(),
      })
    } else {
      throw new RangeError(`unknown type of keystore entry: ${tag}`)
    }
  }
  return entries
}

function unreadable(object: string, reason: string, cause?: unknown): CassSniError {
  return new CassSniError('CSNI403', `${object}: cannot read keystore: ${reason}`, {
    object,
    next: [command`kubectl cass-sni certs --replace-keystore`],
    cause,
  })
}

/** XORs with the chain of digests that KeyProtector derives from password and salt; its own inverse. */
function mask(data: Buffer, password: string, salt: Buffer): Buffer {
  const secret = passwordBytes(password)
  const result = Buffer.alloc(data.length)
  let key = salt
  for (let at = 0; at < data.length; at += DIGEST_BYTES) {
    key = sha1(secret, key)
    for (let offset = 0; offset < DIGEST_BYTES && at + offset < data.length; offset += 1) {
      result[at + offset] = (data[at + offset] ?? 0) ^ (key[offset] ?? 0)
    }
  }
  return result
}

function digest(content: Buffer, password: string): Buffer {
  return sha1(passwordBytes(password), WHITENER, content)
}

/** JKS requires SHA-1. It protects against corruption only; the Secret protects against access. */
function sha1(...parts: Buffer[]): Buffer {
  const hash = createHash('sha1')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** Returns the password as Java chars, big-endian. */
function passwordBytes(password: string): Buffer {
  return Buffer.from(password, 'utf16le').swap16()
}

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4)
  buffer.writeUInt32BE(value)
  return buffer
}

function timestamp(milliseconds: number): Buffer {
  const buffer = Buffer.alloc(8)
  buffer.writeBigInt64BE(BigInt(milliseconds))
  return buffer
}

function block(bytes: Buffer): Buffer {
  return Buffer.concat([uint32(bytes.length), bytes])
}

/** DataOutput.writeUTF: equals UTF-8 for text without NUL and characters outside the BMP, which aliases do not have. */
function modifiedUtf8(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8')
  const length = Buffer.alloc(2)
  length.writeUInt16BE(bytes.length)
  return Buffer.concat([length, bytes])
}
