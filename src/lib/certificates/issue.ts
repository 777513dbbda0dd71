/** Issues the certificate that the nodes of a datacenter serve, and puts it into their keystore. */
import { createHash, generateKeyPair, type KeyObject, sign } from 'node:crypto'
import { isIP } from 'node:net'
import { promisify } from 'node:util'
import { CassSniError } from '../errors.ts'
import type { Authority } from './authority.ts'
import { type Certificate, readCertificate } from './certificate.ts'
import { bitString, encode, objectIdentifier, readMembers, sequence, TAG, time, unsignedInteger } from './der.ts'
import type { KeyEntry } from './keystore.ts'
import { protectKey, SALT_BYTES } from './keystore.ts'

const DAY = 24 * 60 * 60 * 1000
const VALIDITY_DAYS = 365
/** Clocks of nodes and clients may be this far behind. */
const BACKDATED_MS = 5 * 60 * 1000
/** 128 bits of security, as NIST SP 800-57 counts, at less cost per handshake than the operator's 4096. */
const RSA_BITS = 3072
const SERIAL_BYTES = 16

export interface LeafRequest {
  authority: Authority
  commonName: string
  /** DNS names and IP addresses, normal form. */
  names: readonly string[]
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
 * A new RSA key and a certificate for it: for servers and for clients, since nodes are clients of one another with the same keystore.
 * Valid from five minutes ago for a year, but never beyond its authority.
 * @throws CSNI401 when the authority's key is of a kind that is not supported
 */
export async function issueLeaf(request: LeafRequest): Promise<IssuedLeaf> {
  const { authority, now } = request
  const pair = await promisify(generateKeyPair)('rsa', {
    modulusLength: RSA_BITS,
  })
  const issuer = authority.certificate
  const notBefore = new Date(Math.max(now - BACKDATED_MS, issuer.notBefore.getTime()))
  const notAfter = new Date(Math.min(now + VALIDITY_DAYS * DAY, issuer.notAfter.getTime()))
  const signature = signatureAlgorithm(authority.key)
  const serial = request.randomBytes(SERIAL_BYTES)
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40
  const subject = sequence(encode(TAG.set, sequence(objectIdentifier('2.5.4.3'), encode(TAG.utf8String, Buffer.from(request.commonName)))))
  const signed = sequence(
    encode(0xa0, unsignedInteger(Buffer.from([2]))),
    unsignedInteger(serial),
    signature.identifier,
    subjectOf(issuer),
    sequence(time(notBefore), time(notAfter)),
    subject,
    pair.publicKey.export({ type: 'spki', format: 'der' }),
    encode(0xa3, sequence(...extensions(request.names, pair.publicKey, issuer))),
  )
  const der = sequence(signed, signature.identifier, bitString(sign(signature.hash, signed, authority.key)))
  return { certificate: readCertificate(der), key: pair.privateKey }
}

/** When a certificate that is issued now (milliseconds) would begin and end. */
export function validityOf(authority: Authority, now: number): { notBefore: Date; notAfter: Date } {
  const { notBefore, notAfter } = authority.certificate
  return { notBefore: new Date(Math.max(now - BACKDATED_MS, notBefore.getTime())), notAfter: new Date(Math.min(now + VALIDITY_DAYS * DAY, notAfter.getTime())) }
}

/** A key entry of a keystore: the leaf, then what proves it. */
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

/** The extensions of RFC 5280, 4.2, that a leaf needs. */
function extensions(names: readonly string[], publicKey: KeyObject, issuer: Certificate): Buffer[] {
  const critical = encode(TAG.boolean, Buffer.from([0xff]))
  const extension = (id: string, value: Buffer, ...flags: Buffer[]) => sequence(objectIdentifier(id), ...flags, encode(TAG.octetString, value))
  return [
    // digitalSignature and keyEncipherment: bits 0 and 2.
    extension('2.5.29.15', bitString(Buffer.from([0b10100000]), 5), critical),
    extension('2.5.29.37', sequence(objectIdentifier('1.3.6.1.5.5.7.3.1'), objectIdentifier('1.3.6.1.5.5.7.3.2'))),
    extension('2.5.29.19', sequence(), critical),
    extension('2.5.29.14', encode(TAG.octetString, keyIdentifier(publicKey))),
    extension('2.5.29.35', sequence(encode(0x80, subjectKeyIdentifier(issuer) ?? keyIdentifier(issuer.x509.publicKey)))),
    extension('2.5.29.17', sequence(...names.map(generalName))),
  ]
}

function generalName(name: string): Buffer {
  switch (isIP(name)) {
    case 4:
      return encode(0x87, Buffer.from(name.split('.').map(Number)))
    case 6:
      return encode(0x87, ipv6Bytes(name))
    default:
      return encode(0x82, Buffer.from(name, 'ascii'))
  }
}

function ipv6Bytes(address: string): Buffer {
  // A URL's host writes an embedded IPv4 address in hexadecimal groups.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)))
  const before = groups(head)
  const after = groups(tail ?? '')
  const zeros = new Array<number>(8 - before.length - after.length).fill(0)
  return Buffer.from([...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]))
}

/** RFC 5280, 4.2.1.2, method 1: the SHA-1 of the key's bits; an identifier, not a protection. */
function keyIdentifier(publicKey: KeyObject): Buffer {
  const bits = readMembers(publicKey.export({ type: 'spki', format: 'der' }))[1]
  if (bits?.tag !== TAG.bitString) throw new RangeError('a public key without its bits')
  return createHash('sha1').update(bits.content.subarray(1)).digest()
}

/** The members of tbsCertificate, without the optional version in front. */
function certificateMembers(certificate: Certificate) {
  const [signed] = readMembers(certificate.der)
  const members = readMembers(signed?.raw ?? Buffer.alloc(0))
  return members[0]?.tag === 0xa0 ? members.slice(1) : members
}

/** The subject of a certificate, DER as it stands: names are compared byte by byte by some. */
function subjectOf(certificate: Certificate): Buffer {
  const subject = certificateMembers(certificate)[4]
  if (!subject) throw new RangeError('a certificate without a subject')
  return subject.raw
}

function subjectKeyIdentifier(certificate: Certificate): Buffer | undefined {
  const list = certificateMembers(certificate).find((member) => member.tag === 0xa3)
  if (!list) return undefined
  const wanted = objectIdentifier('2.5.29.14')
  for (const extension of readMembers(list.content)) {
    const parts = readMembers(extension.raw)
    const value = parts.at(-1)
    if (parts[0]?.raw.equals(wanted) && value) return readMembers(encode(TAG.sequence, value.content))[0]?.content
  }
  return undefined
}

function signatureAlgorithm(key: KeyObject): {
  identifier: Buffer
  hash: string | null
} {
  if (key.asymmetricKeyType === 'rsa')
    return {
      identifier: sequence(objectIdentifier('1.2.840.113549.1.1.11'), encode(TAG.null)),
      hash: 'sha256',
    }
  if (key.asymmetricKeyType === 'ec') {
    const curve = key.asymmetricKeyDetails?.namedCurve
    if (curve === 'prime256v1')
      return {
        identifier: sequence(objectIdentifier('1.2.840.10045.4.3.2')),
        hash: 'sha256',
      }
    if (curve === 'secp384r1')
      return {
        identifier: sequence(objectIdentifier('1.2.840.10045.4.3.3')),
        hash: 'sha384',
      }
  }
  throw new CassSniError(
    'CSNI401',
    `the certificate authority's key is of a kind that is not supported (${key.asymmetricKeyType ?? 'unknown'}): RSA, or EC on P-256 or P-384, is`,
    {
      next: ['openssl req -x509 -newkey rsa:4096 -noenc …   # cass-operator itself takes only PKCS#8 RSA'],
    },
  )
}
