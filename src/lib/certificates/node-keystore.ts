/** What a datacenter's keystore holds, and the same keystore with another leaf in it. */
import { createPrivateKey } from 'node:crypto'
import { CassSniError, command } from '../errors.ts'
import { type Certificate, readCertificate } from './certificate.ts'
import type { AuthorityPath } from './certificate-authority.ts'
import { type IssuedLeaf, keyEntry } from './issue.ts'
import {
  type KeyEntry,
  type KeystoreEntry,
  readKeystore,
  recoverKey,
  type TrustedEntry,
  writeKeystore,
} from './keystore.ts'
import { type Current, servedAuthorities } from './policies.ts'

/** The alias under which cass-operator keeps its CA (k8ssandra/cass-operator pkg/utils/crypto.go). */
const AUTHORITY_ALIAS = 'ca'
/** The aliases under which CAs of before stay trusted while nodes still serve what they signed. */
const FORMER_ALIAS = /^ca-old-\d+$/

/** A keystore that was opened. */
export interface NodeKeystore {
  entries: KeystoreEntry[]
  /** Undefined when there is no certificate with a key in it. */
  current: Current | undefined
}

/**
 * Opens a datacenter's keystore.
 * @throws CSNI403 when it or a certificate in it cannot be read
 */
export function openKeystore(
  bytes: Buffer,
  { password, alias, object }: { password: string; alias: string; object: string },
): NodeKeystore {
  const entries = readKeystore(bytes, password, object)
  return { entries, current: currentOf(entries, alias, password, object) }
}

/**
 * The entry that the nodes serve: the one with the operator's alias, else the first with a key. Java compares aliases
 * without case.
 */
function ownEntry(entries: readonly KeystoreEntry[], alias: string): KeyEntry | undefined {
  const keys = entries.filter((entry) => entry.kind === 'key')
  return keys.find((entry) => entry.alias.toLowerCase() === alias.toLowerCase()) ?? keys[0]
}

/**
 * What the keystore holds now, for the policies; undefined when there is no certificate with a key in it.
 * @throws CSNI403 when a certificate in it cannot be read
 */
export function currentOf(
  entries: readonly KeystoreEntry[],
  alias: string,
  password: string,
  object: string,
): Current | undefined {
  const own = ownEntry(entries, alias)
  const [leaf, ...chain] = own?.chain ?? []
  if (!own || !leaf) return undefined
  try {
    const certificate = readCertificate(leaf)
    return {
      leaf: certificate,
      chain: chain.map(readCertificate),
      trusted: entries.filter((entry) => entry.kind === 'trusted').map((entry) => readCertificate(entry.certificate)),
      keyFits: keyFits(own, certificate, password),
    }
  } catch (cause) {
    throw new CassSniError('CSNI403', `the keystore in ${object} holds a certificate that cannot be read`, {
      object,
      next: [command`kubectl cass-sni certs --replace-keystore`],
      cause,
    })
  }
}

/**
 * The keystore with the leaf in the place of the old one and the authority trusted; every other entry is kept.
 * @param options.dropFormer drop the CAs of before, which `withAuthority` kept
 */
export function rewriteKeystore(
  entries: readonly KeystoreEntry[],
  leaf: IssuedLeaf,
  authority: AuthorityPath,
  options: {
    alias: string
    password: string
    now: number
    randomBytes: (length: number) => Buffer
    dropFormer?: boolean | undefined
  },
): Buffer {
  const old = ownEntry(entries, options.alias)
  const fresh = keyEntry(leaf, servedAuthorities(authority), { ...options, alias: old?.alias ?? options.alias })
  const rest = entries.filter((entry) => entry !== old && !(options.dropFormer === true && isFormer(entry)))
  return writeKeystore([fresh, ...withAuthority(rest, authority[0], options.now)], options.password)
}

/** CAs of before that the nodes still trust, by subject. */
export function formerAuthorities(entries: readonly KeystoreEntry[]): string[] {
  return entries.flatMap((entry) => (isFormer(entry) ? [readCertificate(entry.certificate).subject] : []))
}

function isFormer(entry: KeystoreEntry): entry is TrustedEntry {
  return entry.kind === 'trusted' && FORMER_ALIAS.test(entry.alias.toLowerCase())
}

function withAuthority(entries: readonly KeystoreEntry[], authority: Certificate, now: number): KeystoreEntry[] {
  if (entries.some((entry) => entry.kind === 'trusted' && entry.certificate.equals(authority.der))) return [...entries]
  const trusted: TrustedEntry = {
    kind: 'trusted',
    alias: AUTHORITY_ALIAS,
    created: now,
    certificate: authority.der,
  }
  // Another authority under that alias was trusted until now: nodes that still serve what it signed need it.
  const kept = entries.map((entry) =>
    entry.alias.toLowerCase() === AUTHORITY_ALIAS ? { ...entry, alias: freeAlias(entries) } : entry,
  )
  return [trusted, ...kept]
}

function freeAlias(entries: readonly KeystoreEntry[]): string {
  const taken = new Set(entries.map((entry) => entry.alias.toLowerCase()))
  let number = 1
  while (taken.has(`${AUTHORITY_ALIAS}-old-${number}`)) number += 1
  return `${AUTHORITY_ALIAS}-old-${number}`
}

function keyFits(entry: KeyEntry, leaf: Certificate, password: string): boolean {
  const key = recoverKey(entry.protectedKey, password)
  if (!key) return false
  try {
    return leaf.x509.checkPrivateKey(createPrivateKey({ key, format: 'der', type: 'pkcs8' }))
  } catch {
    // Not a key that this program can read: whether Java can is not known, a new one is certain.
    return false
  }
}
