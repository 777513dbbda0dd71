/** How the API server is trusted and which certificate we show it, from a chosen kubeconfig. */
import { readFileSync, statSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { ChosenConfig } from './kubeconfig.ts'
import { unreadable } from './kubeconfig-rules.ts'

export interface TlsSettings {
  ca?: (Buffer | string)[] | undefined
  cert?: Buffer | string | undefined
  key?: Buffer | string | undefined
  /** Always told: Node would else look at NODE_TLS_REJECT_UNAUTHORIZED, which kubectl does not know. */
  rejectUnauthorized?: boolean | undefined
  servername?: string | undefined
}

interface Pair {
  cert: Buffer | string
  key: Buffer | string
}

/** How long certificate files are not looked at again. */
const LOOK_MS = 1000

/**
 * A function that gives the settings in force, the same object until something changes: client certificate files are
 * read again when they have changed (client-go transport/cert_rotation.go), and a plugin's certificate may come in.
 * Throws CSNI103 for a file that cannot be read.
 */
export async function tlsSettings(
  { cluster, user }: ChosenConfig,
  env: Readonly<Record<string, string | undefined>>,
): Promise<(certificate?: Pair) => TlsSettings> {
  const insecure = cluster['insecure-skip-tls-verify'] === true
  const ca = material(
    cluster['certificate-authority-data'],
    cluster['certificate-authority'],
    'the certificate authority',
  )
  const fixed: TlsSettings = {
    ca: ca === undefined ? (insecure ? undefined : await systemAuthorities(env)) : [ca],
    rejectUnauthorized: !insecure,
    servername: cluster['tls-server-name'] || undefined,
  }
  const own = ownPair(user)
  let current: TlsSettings | undefined
  let shown: Pair | undefined
  return (certificate) => {
    const pair = certificate ?? own()
    if (current === undefined || !same(pair, shown)) current = { ...fixed, cert: pair?.cert, key: pair?.key }
    shown = pair
    return current
  }
}

async function systemAuthorities(env: Readonly<Record<string, string | undefined>>): Promise<string[] | undefined> {
  const { systemCertificates } = await import('./system-trust.ts')
  return systemCertificates(env)
}

function same(a: Pair | undefined, b: Pair | undefined): boolean {
  return (
    a === b ||
    (a !== undefined && b !== undefined && String(a.cert) === String(b.cert) && String(a.key) === String(b.key))
  )
}

/** The kubeconfig's certificate and key. From two files, they are read again when one of them has changed. */
function ownPair(user: ChosenConfig['user']): () => Pair | undefined {
  const { 'client-certificate': certFile, 'client-certificate-data': certData } = user
  const { 'client-key': keyFile, 'client-key-data': keyData } = user
  if (!certFile && !certData) return () => undefined
  const read = () => ({
    cert: material(certData, certFile, 'the client certificate') ?? '',
    key: material(keyData, keyFile, "the client certificate's key") ?? '',
  })
  let pair = read()
  if (certData || keyData || !certFile || !keyFile) return () => pair
  const state = () => [certFile, keyFile].map((file) => stateOf(file)).join()
  let known = state()
  let lookedAt = performance.now()
  return () => {
    if (performance.now() - lookedAt < LOOK_MS) return pair
    lookedAt = performance.now()
    const now = state()
    if (now === known) return pair
    const fresh = whole(read)
    if (fresh === undefined) return pair
    known = now
    pair = fresh
    return pair
  }
}

function stateOf(file: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(file)
    return `${mtimeMs} ${size} ${ino}`
  } catch {
    // gone for a moment, while it is replaced: the pair that was read is still good
    return ''
  }
}

/** While the files are replaced one of the two may be missing or not fit the other: the pair before is still good. */
function whole(read: () => Pair): Pair | undefined {
  try {
    const pair = read()
    createSecureContext(pair)
    return pair
  } catch {
    return undefined
  }
}

/** Data goes before a file, as in client-go. */
function material(data: string | undefined, file: string | undefined, what: string): Buffer | undefined {
  if (data) return Buffer.from(data, 'base64')
  if (!file) return undefined
  try {
    return readFileSync(file)
  } catch (error) {
    throw unreadable(file, what, error)
  }
}
