/** What is in a bundle, without its secrets, and whether its parts match each other. Asks no cluster. */
import { readCertificate, type Certificate, signedBy } from '../../certificates/certificate.ts'
import type { Identity } from '../../certificates/client-certificate.ts'
import { readKeystore } from '../../certificates/keystore.ts'
import { expired, notYetValid } from '../../certificates/reason.ts'
import type { Bundle } from '../../clients/read-bundle.ts'
import { BUNDLE_FILES } from '../../clients/secure-connect-bundle.ts'
import type { NextStep } from '../../errors.ts'
import { listed } from '../../text/listed.ts'
import { pemBlocks } from '../../text/pem.ts'
import { identityIn } from './bundle-identity.ts'

export type BundleCheck =
  | 'files'
  | 'ca'
  | 'client-certificate'
  | 'keystores'
  | 'datacenter'
  | 'names'
  | 'gateway'
  | 'dns'
  | 'metadata'
  | 'login'

export interface BundleFinding {
  check: BundleCheck
  /** - unknown: could not be checked, which is a failure; skipped: there is nothing to check. */
  status: 'ok' | 'warning' | 'failed' | 'unknown' | 'skipped'
  /** In one line. */
  message: string
  /** What fixes it, the best first. */
  next?: NextStep[] | undefined
}

/** The commands for findings of the contents. */
export interface ContentSteps {
  /** Creates the bundle again. */
  recreate: NextStep[]
  /** For a CA that has expired or expires soon. */
  authority: NextStep[]
}

export interface BundleCertificate {
  subject: string
  issuer: string
  /** ISO 8601. */
  notAfter: string
  fingerprint256: string
}

export interface BundleContents {
  host: string
  port: number
  localDatacenter?: string | undefined
  /** The CassandraDatacenter; absent if another program created the bundle. */
  namespace?: string | undefined
  datacenter?: string | undefined
  username?: string | undefined
  hasPassword: boolean
  files: { name: string; bytes: number }[]
  /** Files that some drivers require. */
  missing: string[]
  authorities: BundleCertificate[]
  clientCertificate?: (BundleCertificate & { selfSigned: boolean }) | undefined
}

/** The parts that are compared with a cluster. */
export interface BundleParts {
  /** PEM. */
  ca: string
  authorities: Certificate[]
  identity: Identity | undefined
}

const SOON_MS = 30 * 24 * 60 * 60 * 1000

/** Returns the certificates and the key of a bundle; invalid ones are omitted. */
export function partsOf(bundle: Bundle): BundleParts {
  const authorities = pemBlocks(bundle.files.get(BUNDLE_FILES.ca)?.toString('utf8') ?? '', 'CERTIFICATE').flatMap(
    (block) => {
      try {
        return [readCertificate(block)]
      } catch {
        return []
      }
    },
  )
  return { ca: authorities.map(({ x509 }) => x509.toString()).join(''), authorities, identity: identityIn(bundle) }
}

export function contentsOf({ config, files }: Bundle, { authorities, identity }: BundleParts): BundleContents {
  const leaf = identity?.chain[0]
  return {
    host: config.host,
    port: config.port,
    localDatacenter: config.localDatacenter,
    namespace: config.namespace,
    datacenter: config.datacenter,
    username: config.username,
    hasPassword: config.password !== undefined,
    files: [...files].map(([name, content]) => ({ name, bytes: content.length })),
    missing: Object.values(BUNDLE_FILES).filter((name) => !files.has(name)),
    authorities: authorities.map(summary),
    clientCertificate: leaf && { ...summary(leaf), selfSigned: signedBy(leaf.x509, leaf.x509) },
  }
}

function summary({ subject, issuer, notAfter, fingerprint256 }: Certificate): BundleCertificate {
  return { subject, issuer, notAfter: notAfter.toISOString(), fingerprint256 }
}

/**
 * Returns what the files show without a cluster.
 * @param now milliseconds since the epoch
 */
export function offlineFindings(
  bundle: Bundle,
  parts: BundleParts,
  now: number,
  { recreate, authority }: ContentSteps,
): BundleFinding[] {
  const withSteps = (finding: BundleFinding, next: NextStep[]): BundleFinding =>
    finding.status === 'failed' || finding.status === 'warning' ? { ...finding, next } : finding
  return [
    withSteps(filesFinding(bundle), recreate),
    withSteps(authorityFinding(parts, now), parts.authorities.length === 0 ? recreate : authority),
    withSteps(identityFinding(bundle, parts, now), recreate),
    withSteps(storesFinding(bundle, parts), recreate),
  ]
}

function filesFinding({ files, others }: Bundle): BundleFinding {
  const missing = Object.values(BUNDLE_FILES).filter((name) => !files.has(name))
  if (missing.length > 0) {
    const drivers = [...new Set(missing.flatMap((name) => READERS[name] ?? []))]
    return { check: 'files', status: 'failed', message: `missing ${listed(missing)}, required by ${listed(drivers)}` }
  }
  return others.length === 0
    ? { check: 'files', status: 'ok', message: `${files.size} files` }
    : { check: 'files', status: 'warning', message: `files that no driver reads: ${listed(others, 5)}` }
}

/** Which drivers require a file (tried in the lab). */
const READERS: Readonly<Record<string, string[]>> = {
  'ca.crt': ['Python', 'Node.js', 'C#', 'cql-proxy'],
  cert: ['Python', 'cql-proxy'],
  key: ['Python', 'cql-proxy'],
  'cert.pfx': ['C#'],
  'identity.jks': ['Java'],
  'trustStore.jks': ['Java'],
}

function authorityFinding({ authorities }: BundleParts, now: number): BundleFinding {
  const check = 'ca'
  if (authorities.length === 0) return { check, status: 'failed', message: `no certificate in ${BUNDLE_FILES.ca}` }
  const valid = authorities.filter((each) => (expired(each, now) ?? notYetValid(each, now)) === undefined)
  const [first] = authorities
  if (valid.length === 0 && first !== undefined)
    return {
      check,
      status: 'failed',
      message: `${first.subject}: ${(expired(first, now) ?? notYetValid(first, now))?.message}`,
    }
  const ends = Math.max(...valid.map(({ notAfter }) => notAfter.getTime()))
  const until = new Date(ends).toISOString().slice(0, 10)
  return { check, status: ends - now < SOON_MS ? 'warning' : 'ok', message: `valid until ${until}` }
}

function identityFinding({ files }: Bundle, { identity }: BundleParts, now: number): BundleFinding {
  const check = 'client-certificate'
  const leaf = identity?.chain[0]
  if (leaf === undefined) {
    const isThere = files.has(BUNDLE_FILES.certificate) && files.has(BUNDLE_FILES.key)
    return isThere
      ? { check, status: 'failed', message: 'invalid, or its key does not match' }
      : { check, status: 'skipped', message: 'not in the bundle' }
  }
  const fault = expired(leaf, now) ?? notYetValid(leaf, now)
  if (fault !== undefined) return { check, status: 'failed', message: fault.message }
  const until = leaf.notAfter.toISOString().slice(0, 10)
  const status = leaf.notAfter.getTime() - now < SOON_MS ? 'warning' : 'ok'
  return { check, status, message: `${leaf.subject}, valid until ${until}` }
}

const JKS_MAGIC = Buffer.from('feedfeed', 'hex')

/** Java's keystores: the password in config.json opens them, and they have the CA of ca.crt. */
function storesFinding({ files, config }: Bundle, { authorities }: BundleParts): BundleFinding {
  const check = 'keystores'
  const stores = [
    { name: BUNDLE_FILES.keystore, password: config.keyStorePassword },
    { name: BUNDLE_FILES.truststore, password: config.trustStorePassword },
  ]
  if (!stores.some(({ name }) => files.has(name))) return { check, status: 'skipped', message: 'not in the bundle' }
  for (const { name, password } of stores) {
    const bytes = files.get(name)
    if (bytes === undefined) continue
    if (password === undefined)
      return { check, status: 'failed', message: `${BUNDLE_FILES.config} has no password of ${name}` }
    if (!bytes.subarray(0, JKS_MAGIC.length).equals(JKS_MAGIC))
      return { check, status: 'skipped', message: `${name} is not JKS and was not checked` }
    let trusted: Set<string>
    try {
      const entries = readKeystore(bytes, password, name)
      trusted = new Set(
        entries.flatMap((entry) =>
          entry.kind === 'trusted' ? [readCertificate(entry.certificate).fingerprint256] : [],
        ),
      )
    } catch {
      return { check, status: 'failed', message: `the password in ${BUNDLE_FILES.config} does not open ${name}` }
    }
    if (name === BUNDLE_FILES.truststore && !authorities.every(({ fingerprint256 }) => trusted.has(fingerprint256)))
      return { check, status: 'failed', message: `${name} has another CA than ${BUNDLE_FILES.ca}` }
  }
  return { check, status: 'ok', message: 'their passwords and CA match' }
}
