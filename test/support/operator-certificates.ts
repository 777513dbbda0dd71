/**
 * A certificate authority and a keystore as cass-operator makes them, with its odd private keys:
 * k8ssandra/cass-operator pkg/utils/crypto.go (GetNewCAandKey, GenerateJKS). Only the keys are shorter, to be quick.
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { encode, objectIdentifier, readMembers, sequence } from '../../src/lib/certificates/der.ts'
import { type KeystoreEntry, protectKey, writeKeystore } from '../../src/lib/certificates/keystore.ts'
import { bitString, TAG, time, unsignedInteger } from './der.ts'

const DAY = 24 * 60 * 60 * 1000
const ORGANIZATION = 'Cassandra Kubernetes Operator By Datastax'
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'

export interface MadeCertificate {
  der: Buffer
  pem: string
  key: KeyObject
  keyPem: string
}

interface Shape {
  commonName: string
  names: string[]
  ca: boolean
  notBefore: number
  notAfter: number
  curve?: string | undefined
  bits?: number | undefined
  /** Extended key usage clientAuth besides serverAuth. */
  clientAuth?: boolean | undefined
  /** A CA that may sign names in this domain only (name constraints). */
  permittedDomain?: string | undefined
}

/** An authority, self-signed without `issuer`; `curve` makes it an EC one, which the operator itself never does. */
export function makeAuthority(
  options: {
    dc?: string
    namespace?: string
    notBefore?: number
    notAfter?: number
    curve?: string
    bits?: number
    ca?: boolean
    permittedDomain?: string | undefined
    issuer?: MadeCertificate
  } = {},
): MadeCertificate {
  const { dc = 'dc1', namespace = 'default', notBefore = Date.now() - DAY, notAfter = notBefore + 365 * DAY } = options
  return makeCertificate(
    {
      commonName: `${dc}-ca-keystore.${namespace}.svc`,
      names: [`cassandradatacenter-webhook-service.${namespace}.svc`],
      ca: options.ca ?? true,
      notBefore,
      notAfter,
      curve: options.curve,
      bits: options.bits,
      permittedDomain: options.permittedDomain,
    },
    options.issuer,
  )
}

/** The certificate of the nodes, as the operator leaves it: one name that nobody asks for. */
export function makeLeaf(
  authority: MadeCertificate,
  options: {
    dc?: string
    namespace?: string
    notBefore?: number
    notAfter?: number
    bits?: number
    /** Default: the operator's one name. */
    names?: string[]
    clientAuth?: boolean
  } = {},
): MadeCertificate {
  const { dc = 'dc1', namespace = 'default', notBefore = Date.now() - DAY, notAfter = notBefore + 365 * DAY } = options
  const name = `${dc}.${namespace}.cassdc`
  return makeCertificate(
    {
      commonName: name,
      names: options.names ?? [name],
      ca: false,
      notBefore,
      notAfter,
      bits: options.bits,
      clientAuth: options.clientAuth,
    },
    authority,
  )
}

/** The operator's keystore: the leaf's key under `<dc>.<namespace>.cassdc` and the authority under `ca`, password the datacenter's name. */
export function makeKeystore(
  authority: MadeCertificate,
  leaf: MadeCertificate,
  options: {
    dc?: string
    namespace?: string
    password?: string
    extra?: KeystoreEntry[]
  } = {},
): Buffer {
  const { dc = 'dc1', namespace = 'default', password = dc, extra = [] } = options
  const entries: KeystoreEntry[] = [
    {
      kind: 'key',
      alias: `${dc}.${namespace}.cassdc`,
      created: 0,
      protectedKey: protectKey(operatorKey(leaf.key), password, randomBytes(20)),
      chain: [leaf.der, authority.der],
    },
    { kind: 'trusted', alias: 'ca', created: 0, certificate: authority.der },
    ...extra,
  ]
  return writeKeystore(entries, password)
}

/** PKCS#8 as the operator's rsa2pkcs8 writes it: the algorithm without the NULL that the standard wants. */
export function operatorKey(key: KeyObject): Buffer {
  const members = readMembers(key.export({ type: 'pkcs8', format: 'der' }))
  const secret = members[2]
  if (!secret) throw new Error('not a PKCS#8 key')
  return sequence(unsignedInteger(Buffer.from([0])), sequence(objectIdentifier('1.2.840.113549.1.1.1')), secret.raw)
}

function makeCertificate(shape: Shape, issuer?: MadeCertificate): MadeCertificate {
  const pair =
    shape.curve === undefined
      ? generateKeyPairSync('rsa', { modulusLength: shape.bits ?? 2048 })
      : generateKeyPairSync('ec', { namedCurve: shape.curve })
  const subject = sequence(attribute('2.5.4.10', ORGANIZATION), attribute('2.5.4.3', shape.commonName))
  const signer = issuer?.key ?? pair.privateKey
  const algorithm =
    signer.asymmetricKeyType === 'ec'
      ? sequence(objectIdentifier('1.2.840.10045.4.3.2'))
      : sequence(objectIdentifier('1.2.840.113549.1.1.11'), encode(TAG.null))
  const issuerName = issuer ? readMembers(readMembers(issuer.der)[0]?.raw ?? Buffer.alloc(0))[5]?.raw : subject
  const signed = sequence(
    encode(0xa0, unsignedInteger(Buffer.from([2]))),
    unsignedInteger(randomBytes(16)),
    algorithm,
    issuerName ?? subject,
    sequence(time(new Date(shape.notBefore)), time(new Date(shape.notAfter))),
    subject,
    pair.publicKey.export({ type: 'spki', format: 'der' }),
    encode(0xa3, sequence(...extensions(shape))),
  )
  const der = sequence(signed, algorithm, bitString(sign('sha256', signed, signer)))
  return {
    der,
    pem: pem(der),
    key: pair.privateKey,
    keyPem: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

function extensions(shape: Shape): Buffer[] {
  const critical = encode(TAG.boolean, Buffer.from([0xff]))
  const extension = (id: string, value: Buffer, ...flags: Buffer[]) =>
    sequence(objectIdentifier(id), ...flags, encode(TAG.octetString, value))
  return [
    extension('2.5.29.15', bitString(Buffer.from([shape.ca ? 0b10100100 : 0b10100000]), shape.ca ? 2 : 5), critical),
    extension(
      '2.5.29.37',
      sequence(objectIdentifier(SERVER_AUTH), ...(shape.clientAuth === true ? [objectIdentifier(CLIENT_AUTH)] : [])),
    ),
    extension('2.5.29.19', shape.ca ? sequence(encode(TAG.boolean, Buffer.from([0xff]))) : sequence(), critical),
    extension('2.5.29.17', sequence(...shape.names.map((name) => encode(0x82, Buffer.from(name))))),
    ...(shape.permittedDomain === undefined
      ? []
      : [
          extension(
            '2.5.29.30',
            sequence(encode(0xa0, sequence(encode(0x82, Buffer.from(shape.permittedDomain))))),
            critical,
          ),
        ]),
  ]
}

function attribute(id: string, value: string): Buffer {
  return encode(TAG.set, sequence(objectIdentifier(id), encode(TAG.utf8String, Buffer.from(value))))
}

function pem(der: Buffer): string {
  return `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`
}
