/** The authorities that this machine trusts, where Go looks for them (golang/go src/crypto/x509/root_unix.go). */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import tls from 'node:tls'

/** The first that there is counts (root_linux.go, root_bsd.go). */
const FILES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
]
/** All of them count. */
const DIRECTORIES = ['/etc/ssl/certs', '/etc/pki/tls/certs']

/**
 * PEM certificates of the system's store, or of SSL_CERT_FILE and SSL_CERT_DIR. On a machine without a store,
 * undefined: Node's own list is used. On macOS Go asks the keychain and nothing else; so do we, where this Node can.
 */
export function systemCertificates(
  env: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform = process.platform,
): string[] | undefined {
  // since Node 22.15
  const stored: ((type: 'system' | 'extra') => string[]) | undefined = tls.getCACertificates
  const found =
    platform === 'darwin'
      ? new Set(stored?.('system'))
      : new Set([
          ...firstOf(env.SSL_CERT_FILE ? [env.SSL_CERT_FILE] : FILES),
          ...(env.SSL_CERT_DIR ? env.SSL_CERT_DIR.split(':') : DIRECTORIES).flatMap(ofDirectory),
        ])
  // what NODE_EXTRA_CA_CERTS names is meant for every program of Node
  return found.size === 0 ? undefined : [...found, ...(stored?.('extra') ?? [])]
}

function firstOf(files: string[]): string[] {
  for (const file of files) {
    const text = textOf(file)
    if (text !== undefined) return certificatesIn(text)
  }
  return []
}

function ofDirectory(directory: string): string[] {
  let names: string[]
  try {
    names = readdirSync(directory)
  } catch {
    // most systems have one of the directories only
    return []
  }
  return names
    .filter((name) => !leadsToNeighbor(directory, name))
    .flatMap((name) => certificatesIn(textOf(join(directory, name)) ?? ''))
}

/** OpenSSL wants a link with a hash as its name beside each certificate. */
function leadsToNeighbor(directory: string, name: string): boolean {
  try {
    return !readlinkSync(join(directory, name)).includes('/')
  } catch {
    // not a link
    return false
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    // not there, a directory, or not for us: the next one may be
    return undefined
  }
}

function certificatesIn(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
}
