/** The system's CA certificates, from the paths that Go uses (golang/go src/crypto/x509/root_unix.go). */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import tls from 'node:tls'

/** The first existing file is used (root_linux.go, root_bsd.go). */
const FILES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
]
/** All directories are used. */
const DIRECTORIES = ['/etc/ssl/certs', '/etc/pki/tls/certs']

/**
 * Returns the PEM certificates of the system store, or of SSL_CERT_FILE and SSL_CERT_DIR. Undefined on a machine
 * without a store: Node's built-in list applies. On macOS only the keychain is used, as in Go, if this Node supports
 * it.
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
  // NODE_EXTRA_CA_CERTS applies to every Node program
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
    // most systems have only one of the directories
    return []
  }
  return names
    .filter((name) => !isLocalLink(directory, name))
    .flatMap((name) => certificatesIn(textOf(join(directory, name)) ?? ''))
}

/** OpenSSL keeps a symbolic link named by hash next to each certificate. */
function isLocalLink(directory: string, name: string): boolean {
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
    // missing, a directory or not readable: try the next one
    return undefined
  }
}

function certificatesIn(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
}
