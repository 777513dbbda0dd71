/**
 * The secure connect bundle: a zip file that drivers read instead of settings for address, TLS and SNI. Which file each
 * driver reads: apache/cassandra-java-driver core/src/main/java/com/datastax/oss/driver/internal/core/config/cloud/
 * CloudConfigFactory.java, apache/cassandra-python-driver cassandra/datastax/cloud/__init__.py,
 * apache/cassandra-nodejs-driver lib/datastax/cloud/index.js, datastax/cql-proxy astra/bundle.go.
 */
import type { ZippableFile } from 'fflate'
import type { Credentials } from '../cassandra/datacenter.ts'
import type { StoreFile } from '../certificates/client-stores.ts'

/** Names of the files in the zip. */
export const BUNDLE_FILES = {
  config: 'config.json',
  ca: 'ca.crt',
  certificate: 'cert',
  key: 'key',
  pkcs12: 'cert.pfx',
  keystore: 'identity.jks',
  truststore: 'trustStore.jks',
} as const

/** By the names of `STORE_FILES`. */
const NAMES: Readonly<Record<string, string>> = {
  'ca.crt': BUNDLE_FILES.ca,
  'tls.crt': BUNDLE_FILES.certificate,
  'tls.key': BUNDLE_FILES.key,
  'keystore.p12': BUNDLE_FILES.pkcs12,
  'keystore.jks': BUNDLE_FILES.keystore,
  'truststore.jks': BUNDLE_FILES.truststore,
}

export interface BundleContent {
  /** Public name of the gateway: the server name of the metadata request, verified in its certificate. */
  host: string
  /** The public port of the gateway, for the metadata request and for CQL. */
  port: number
  /** The port of the gateway's Service, if a load balancer or a node port maps another one to it; drivers ignore it. */
  gatewayPort?: number | undefined
  /** The datacenter's name in Cassandra. */
  localDatacenter: string
  /** The CassandraDatacenter; drivers ignore both. */
  namespace: string
  datacenter: string
  /** Of the keystores. Secret: never printed. */
  storePassword: string
  login?: Credentials | undefined
  /** CA, certificate and key as PEM, PKCS#12 and JKS. */
  stores: readonly StoreFile[]
}

/** Returns the files of a bundle by name. Some are secret: never printed. */
export function bundleFiles(content: BundleContent): Map<string, Buffer> {
  const { host, port, gatewayPort, localDatacenter, namespace, datacenter, storePassword, login, stores } = content
  const config = {
    host,
    // cql-proxy reads a number only
    port,
    localDC: localDatacenter,
    username: login?.username,
    password: login?.password,
    caCertLocation: `./${BUNDLE_FILES.ca}`,
    certLocation: `./${BUNDLE_FILES.certificate}`,
    keyLocation: `./${BUNDLE_FILES.key}`,
    keyStoreLocation: `./${BUNDLE_FILES.keystore}`,
    keyStorePassword: storePassword,
    trustStoreLocation: `./${BUNDLE_FILES.truststore}`,
    trustStorePassword: storePassword,
    pfxCertPassword: storePassword,
    namespace,
    datacenter,
    gatewayPort: gatewayPort === port ? undefined : gatewayPort,
  }
  const files = new Map<string, Buffer>()
  files.set(BUNDLE_FILES.config, Buffer.from(`${JSON.stringify(config, undefined, 2)}\n`))
  for (const { name, content: bytes } of stores) {
    const inBundle = NAMES[name]
    if (inBundle !== undefined) files.set(inBundle, bytes)
  }
  return files
}

/** The earliest date of a zip file. fflate formats local time, so the bytes do not depend on the time zone. */
const ZIP_DATE = new Date(1980, 0, 1)
/** A regular file that only its owner can read, in the upper half of the external attributes. */
const OWNER_ONLY = 0o100600 << 16
const UNIX = 3

/** Returns the zip file. The same files always result in the same bytes. */
export async function zipBundle(files: ReadonlyMap<string, Buffer>): Promise<Buffer> {
  const { zipSync } = await import('fflate')
  const options = { mtime: ZIP_DATE, os: UNIX, attrs: OWNER_ONLY }
  const entries = [...files].map(([name, bytes]): [string, ZippableFile] => [name, [new Uint8Array(bytes), options]])
  return Buffer.from(zipSync(Object.fromEntries(entries)))
}
