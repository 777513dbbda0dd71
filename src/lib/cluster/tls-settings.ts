/** TLS trust and client certificate for the API server, from the selected kubeconfig entries. */
import { readFileSync, statSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { ChosenConfig } from './kubeconfig.ts'
import { unreadable } from './kubeconfig-rules.ts'

export interface TlsSettings {
  ca?: (Buffer | string)[] | undefined
  cert?: Buffer | string | undefined
  key?: Buffer | string | undefined
  /** Always set, because Node would otherwise honor NODE_TLS_REJECT_UNAUTHORIZED, unlike kubectl. */
  rejectUnauthorized?: boolean | undefined
  servername?: string | undefined
}

interface Pair {
  cert: Buffer | string
  key: Buffer | string
}

/** Minimum time between checks for changed certificate files. */
const RECHECK_MS = 1000

/**
 * Returns a function for the current settings, which returns the same object until something changes: client
 * certificate files are reread when modified (client-go transport/cert_rotation.go), and a plugin may supply a
 * certificate. Throws CSNI103 for a file that cannot be read.
 */
export async function tlsSettings(
  { cluster, user }: ChosenConfig,
  env: Readonly<Record<string, string | undefined>>,
): Promise<(certificate?: Pair) => TlsSettings> {
  const insecure = cluster['insecure-skip-tls-verify'] === true
  const ca = material(cluster['certificate-authority-data'], cluster['certificate-authority'], 'the CA certificate')
  const fixed: TlsSettings = {
    ca: ca === undefined ? (insecure ? undefined : await systemAuthorities(env)) : [ca],
    rejectUnauthorized: !insecure,
    servername: cluster['tls-server-name'] || undefined,
  }
  const own = ownPair(user)
  let current: TlsSettings | undefined
  let last: Pair | undefined
  return (certificate) => {
    const pair = certificate ?? own()
    if (current === undefined || !same(pair, last)) current = { ...fixed, cert: pair?.cert, key: pair?.key }
    last = pair
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

/** The kubeconfig's certificate and key. If both are files, they are reread when one of them changes. */
function ownPair(user: ChosenConfig['user']): () => Pair | undefined {
  const { 'client-certificate': certFile, 'client-certificate-data': certData } = user
  const { 'client-key': keyFile, 'client-key-data': keyData } = user
  if (!certFile && !certData) return () => undefined
  const read = () => ({
    cert: material(certData, certFile, 'the client certificate') ?? '',
    key: material(keyData, keyFile, 'the client key') ?? '',
  })
  let pair = read()
  if (certData || keyData || !certFile || !keyFile) return () => pair
  const state = () => [certFile, keyFile].map((file) => stateOf(file)).join()
  let known = state()
  let checkedAt = performance.now()
  return () => {
    if (performance.now() - checkedAt < RECHECK_MS) return pair
    checkedAt = performance.now()
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
    // briefly missing while it is replaced: keep the current pair
    return ''
  }
}

/** Reads a matching pair; undefined while the files are being replaced, when one is missing or does not match. */
function whole(read: () => Pair): Pair | undefined {
  try {
    const pair = read()
    createSecureContext(pair)
    return pair
  } catch {
    return undefined
  }
}

/** Inline data takes precedence over a file, as in client-go. */
function material(data: string | undefined, file: string | undefined, what: string): Buffer | undefined {
  if (data) return Buffer.from(data, 'base64')
  if (!file) return undefined
  try {
    return readFileSync(file)
  } catch (error) {
    throw unreadable(file, what, error)
  }
}
