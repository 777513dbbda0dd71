/** Reads a datacenter's keystore, and rewrites it with a new leaf. */
import { createHash, createPrivateKey } from 'node:crypto'
import { CassSniError, command } from '../errors.ts'
import { type Certificate, readCertificate } from './certificate.ts'
import { type Authorities, type AuthorityPath, servedAuthorities } from './authority-path.ts'
import { type IssuedLeaf, keyEntry } from './issue.ts'
import {
  type KeyEntry,
  type KeystoreEntry,
  readKeystore,
  recoverKey,
  type TrustedEntry,
  writeKeystore,
} from './keystore.ts'
import type { Current } from './policies.ts'

/** Alias of cass-operator's CA (k8ssandra/cass-operator pkg/utils/crypto.go). */
const AUTHORITY_ALIAS = 'ca'
/** Aliases of previous CAs, which stay trusted while nodes serve certificates signed by them. */
const PREVIOUS_ALIAS = /^ca-old-\d+$/

/** Returns what identifies a version of a keystore, in annotations of pods. */
export function keystoreMark(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16)
}

/** An opened keystore. */
export interface NodeKeystore {
  entries: KeystoreEntry[]
  /** Undefined if it has no certificate with a key. */
  current: Current | undefined
}

/**
 * Opens a datacenter's keystore.
 * @throws CSNI403 if it or a certificate in it cannot be read
 */
export function openKeystore(
  bytes: Buffer,
  { password, alias, object }: { password: string; alias: string; object: string },
): NodeKeystore {
  const entries = readKeystore(bytes, password, object)
  return { entries, current: currentOf(entries, alias, password, object) }
}

/**
 * Returns the entry that nodes serve: the one with cass-operator's alias, else the first with a key. Aliases are
 * case-insensitive, as in Java.
 */
function ownEntry(entries: readonly KeystoreEntry[], alias: string): KeyEntry | undefined {
  const keys = entries.filter((entry) => entry.kind === 'key')
  return keys.find((entry) => entry.alias.toLowerCase() === alias.toLowerCase()) ?? keys[0]
}

/**
 * Returns the keystore's content for the policies; undefined if it has no certificate with a key.
 * @throws CSNI403 if a certificate in it cannot be read
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
      keyMatches: keyMatches(own, certificate, password),
    }
  } catch (cause) {
    throw new CassSniError('CSNI403', `${object}: cannot read keystore: invalid certificate`, {
      object,
      next: [command`kubectl cass-sni certs --replace-keystore`],
      cause,
    })
  }
}

/**
 * Returns the keystore with a new leaf, signed by the first CA, and with all CAs trusted; every other entry is kept.
 * @param options.retired a CA to cease to trust
 * @param options.dropPrevious drop the previous CAs that `withAuthority` kept and that are not in `authorities`
 */
export function rewriteKeystore(
  entries: readonly KeystoreEntry[],
  leaf: IssuedLeaf,
  authorities: Authorities,
  options: {
    alias: string
    password: string
    now: number
    randomBytes: (length: number) => Buffer
    dropPrevious?: boolean | undefined
    retired?: AuthorityPath | undefined
  },
): Buffer {
  const old = ownEntry(entries, options.alias)
  const fresh = keyEntry(leaf, servedAuthorities(authorities[0]), { ...options, alias: old?.alias ?? options.alias })
  const needed = (entry: TrustedEntry) => authorities.some(([ca]) => ca.der.equals(entry.certificate))
  const dropped = (entry: KeystoreEntry) =>
    entry.kind === 'trusted' &&
    (options.retired?.[0].der.equals(entry.certificate) === true ||
      (options.dropPrevious === true && isPrevious(entry) && !needed(entry)))
  const kept = entries.filter((entry) => entry !== old && !dropped(entry))
  // The last one added takes the alias of cass-operator's CA.
  const trusted = authorities.toReversed().reduce((all, [ca]) => withAuthority(all, ca, options.now), kept)
  return writeKeystore([fresh, ...trusted], options.password)
}

/** Returns the subjects of previous CAs that are still trusted and not among `authorities`. */
export function previousAuthorities(entries: readonly KeystoreEntry[], authorities: Authorities): string[] {
  return entries.flatMap((entry) =>
    isPrevious(entry) && !authorities.some(([ca]) => ca.der.equals(entry.certificate))
      ? [readCertificate(entry.certificate).subject]
      : [],
  )
}

function isPrevious(entry: KeystoreEntry): entry is TrustedEntry {
  return entry.kind === 'trusted' && PREVIOUS_ALIAS.test(entry.alias.toLowerCase())
}

function withAuthority(entries: KeystoreEntry[], authority: Certificate, now: number): KeystoreEntry[] {
  if (entries.some((entry) => entry.kind === 'trusted' && entry.certificate.equals(authority.der))) return entries
  const trusted: TrustedEntry = {
    kind: 'trusted',
    alias: AUTHORITY_ALIAS,
    created: now,
    certificate: authority.der,
  }
  // Keep the CA that used the alias so far: nodes still serve certificates signed by it.
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

function keyMatches(entry: KeyEntry, leaf: Certificate, password: string): boolean {
  const key = recoverKey(entry.protectedKey, password)
  if (!key) return false
  try {
    return leaf.x509.checkPrivateKey(createPrivateKey({ key, format: 'der', type: 'pkcs8' }))
  } catch {
    // Java might be able to read such a key, but replacing it is safer.
    return false
  }
}
