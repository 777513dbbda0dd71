/** The files that clients of each kind read: the CA, and a client's certificate with its key. */
import { createHmac } from 'node:crypto'
import { type Authorities, trustPem } from './authority-path.ts'
import { chainPem, type Identity, keyPem } from './client-certificate.ts'
import { type KeyEntry, protectKey, SALT_BYTES, type TrustedEntry, writeKeystore } from './keystore.ts'
import { writePkcs12 } from './pkcs12.ts'

export const STORE_FORMATS = ['pem', 'pkcs12', 'jks'] as const
export type StoreFormat = (typeof STORE_FORMATS)[number]

/** The password of Java's own truststore. It protects a file with public certificates only. */
export const TRUSTSTORE_PASSWORD = 'changeit'

/** Names of the files, which are also the keys of a Secret: those of cert-manager. */
export const STORE_FILES = {
  ca: 'ca.crt',
  certificate: 'tls.crt',
  key: 'tls.key',
  password: 'password',
  pkcs12: { keystore: 'keystore.p12', truststore: 'truststore.p12' },
  jks: { keystore: 'keystore.jks', truststore: 'truststore.jks' },
} as const

export interface StoreFile {
  name: string
  /** Secret if the file has a private key or the password: never printed. */
  content: Buffer
  /** Which clients read it, and what it is. */
  purpose: string
}

export interface StoreRequest {
  formats: readonly StoreFormat[]
  /** The CAs that clients trust. */
  authorities: Authorities
  /** The client's own certificate and key; its PEM files are always included. */
  identity?: { name: string; identity: Identity } | undefined
  /** Of keystores and truststores. Secret: never printed. */
  password: string
}

/** Returns the files. The same request always results in the same bytes. */
export async function storeFiles({ formats, authorities, identity, password }: StoreRequest): Promise<StoreFile[]> {
  const files: StoreFile[] = []
  const add = (name: string, content: Buffer | string, purpose: string) =>
    files.push({ name, content: Buffer.from(content), purpose })
  if (identity !== undefined || formats.includes('pem'))
    add(STORE_FILES.ca, trustPem(authorities), 'CA, PEM: Python, Node.js, Go, C++, cqlsh, openssl')
  if (identity !== undefined) {
    add(STORE_FILES.certificate, chainPem(identity.identity), 'client certificate, PEM')
    add(STORE_FILES.key, keyPem(identity.identity), 'private key of the client, PEM (PKCS#8, not encrypted)')
  }
  const certificates = new Map(authorities.flat().map((each) => [each.fingerprint256, each]))
  const trusted = [...certificates.values()].map((certificate, index) => ({
    alias: index === 0 ? 'ca' : `ca-${index}`,
    certificate,
  }))
  for (const format of ['pkcs12', 'jks'] as const) {
    if (!formats.includes(format)) continue
    const write = format === 'pkcs12' ? writePkcs12 : writeJks
    const names = STORE_FILES[format]
    const kind = format === 'pkcs12' ? 'PKCS#12: Java, .NET' : 'JKS: Java 8, tools that require JKS'
    add(names.truststore, await write({ trusted }, password), `CA, ${kind}`)
    if (identity === undefined) continue
    const entry = { alias: identity.name, ...identity.identity }
    add(names.keystore, await write({ identity: entry, trusted: [] }, password), `certificate and key, ${kind}`)
  }
  if (identity !== undefined && formats.some((format) => format !== 'pem'))
    add(STORE_FILES.password, password, 'password of the keystores and truststores')
  return files
}

/** Returns the formats that these file names belong to. */
export function formatsIn(names: readonly string[]): StoreFormat[] {
  return STORE_FORMATS.filter((format) =>
    format === 'pem' ? names.includes(STORE_FILES.ca) : names.includes(STORE_FILES[format].truststore),
  )
}

async function writeJks(content: Parameters<typeof writePkcs12>[0], password: string): Promise<Buffer> {
  const trusted = content.trusted.map(
    ({ alias, certificate }): TrustedEntry => ({
      kind: 'trusted',
      alias,
      created: certificate.notBefore.getTime(),
      certificate: certificate.der,
    }),
  )
  if (content.identity === undefined) return writeKeystore(trusted, password)
  const { alias, key, chain } = content.identity
  const der = key.export({ type: 'pkcs8', format: 'der' })
  // Derived, so that the same key and password result in the same file.
  const salt = createHmac('sha256', der).update(password).digest().subarray(0, SALT_BYTES)
  const own: KeyEntry = {
    kind: 'key',
    alias: alias.toLowerCase(),
    created: chain[0].notBefore.getTime(),
    protectedKey: protectKey(der, password, salt),
    chain: chain.map((certificate) => certificate.der),
  }
  return writeKeystore([own, ...trusted], password)
}
