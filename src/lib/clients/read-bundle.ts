/** Reads secure connect bundles, which may come from anywhere: in memory, within limits, never extracted. */
import { crc32 } from 'node:zlib'
import type { Entry, ZipFile } from 'yauzl'
import { BUNDLE_FILES } from './secure-connect-bundle.ts'

/** A bundle is smaller than 20 kB; with a hundred CAs it is smaller than 1 MB. */
export const LARGEST_BUNDLE_BYTES = 4 << 20
/** Of one file, uncompressed. */
const LARGEST_FILE_BYTES = 1 << 20
const MOST_FILES = 100

const KNOWN = new Set<string>(Object.values(BUNDLE_FILES))

/** Contents of config.json. Untrusted. */
export interface BundleConfig {
  host: string
  port: number
  localDatacenter?: string | undefined
  /** Set by this program: the CassandraDatacenter. */
  namespace?: string | undefined
  datacenter?: string | undefined
  /** Set by this program: the port of the gateway's Service, if the public port is another one. */
  gatewayPort?: number | undefined
  username?: string | undefined
  /** Secret: never printed. */
  password?: string | undefined
  keyStorePassword?: string | undefined
  trustStorePassword?: string | undefined
}

export interface Bundle {
  config: BundleConfig
  /** The files that drivers read. Some are secret: never printed. */
  files: ReadonlyMap<string, Buffer>
  /** Names of all other files. Untrusted. */
  others: string[]
}

/** The bytes are not a bundle; the message states why and contains no secret. */
export class BundleError extends Error {}

/** Reads a bundle. Throws `BundleError`. */
export async function readBundle(bytes: Buffer): Promise<Bundle> {
  const { files, others } = await unzip(bytes)
  const config = files.get(BUNDLE_FILES.config)
  if (config === undefined) throw new BundleError(`not a secure connect bundle: no ${BUNDLE_FILES.config}`)
  return { config: parseConfig(config), files, others }
}

/** Reads the files that drivers read into memory, in the order of the zip, and the names of the others. */
async function unzip(bytes: Buffer): Promise<Pick<Bundle, 'files' | 'others'>> {
  if (bytes.length > LARGEST_BUNDLE_BYTES) throw new BundleError(`larger than ${LARGEST_BUNDLE_BYTES >> 20} MiB`)
  if (bytes.length === 0) throw new BundleError('empty file')
  const { fromBufferPromise } = await import('yauzl')
  const files = new Map<string, Buffer>()
  const others: string[] = []
  try {
    const zip = await fromBufferPromise(bytes, { lazyEntries: true, strictFileNames: true })
    if (zip.entryCount > MOST_FILES) throw new BundleError(`${zip.entryCount} files in the zip (limit: ${MOST_FILES})`)
    for await (const entry of zip.eachEntry()) {
      const { fileName: name } = entry
      if (!KNOWN.has(name)) others.push(name)
      else if (files.has(name)) throw new BundleError(`two files named ${name}`)
      else files.set(name, await readEntry(zip, entry))
    }
  } catch (error) {
    throw error instanceof BundleError ? error : new BundleError(zipFault(bytes, error))
  }
  return { files, others }
}

async function readEntry(zip: ZipFile, entry: Entry): Promise<Buffer> {
  const { fileName: name, uncompressedSize: size } = entry
  if (entry.isEncrypted()) throw new BundleError(`${name} is encrypted; drivers cannot read it`)
  // A size that is not true is an error of the stream.
  if (size > LARGEST_FILE_BYTES) throw new BundleError(`${name} is ${size} bytes (limit: ${LARGEST_FILE_BYTES})`)
  const chunks: Buffer[] = []
  for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer)
  const content = Buffer.concat(chunks)
  if (crc32(content) !== entry.crc32) throw new BundleError(`${name} is corrupt: checksum mismatch`)
  return content
}

/** Local file header, end of central directory (PKWARE APPNOTE.TXT 4.3.7, 4.3.16). */
const LOCAL_FILE = Buffer.from('PK\x03\x04')
const END_OF_DIRECTORY = Buffer.from('PK\x05\x06')

function zipFault(bytes: Buffer, error: unknown): string {
  if (!bytes.includes(END_OF_DIRECTORY))
    return bytes.subarray(0, LOCAL_FILE.length).equals(LOCAL_FILE) ? 'truncated zip file' : 'not a zip file'
  const message = error instanceof Error ? error.message : String(error)
  if (/^(invalid relative path|absolute path|invalid characters in fileName)/.test(message))
    return `unsafe file name in the zip: ${message.replace(/^[^:]*: /, '')}`
  return `invalid zip file: ${message}`
}

function parseConfig(bytes: Buffer): BundleConfig {
  const name = BUNDLE_FILES.config
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch {
    // V8's message quotes the text, which may include a password.
    throw new BundleError(`${name} is not JSON`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BundleError(`${name} is not a JSON object`)
  const fields = value as Record<string, unknown>
  const text = (key: string) => (typeof fields[key] === 'string' && fields[key] !== '' ? fields[key] : undefined)
  const host = text('host')
  const port = Number(fields['port'])
  const gatewayPort = fields['gatewayPort']
  if (host === undefined) throw new BundleError(`${name} has no host`)
  if (!isPort(port)) throw new BundleError(`${name} has no valid port`)
  return {
    host,
    port,
    localDatacenter: text('localDC'),
    namespace: text('namespace'),
    datacenter: text('datacenter'),
    gatewayPort: typeof gatewayPort === 'number' && isPort(gatewayPort) ? gatewayPort : undefined,
    username: text('username'),
    password: text('password'),
    keyStorePassword: text('keyStorePassword'),
    trustStorePassword: text('trustStorePassword'),
  }
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535
}
