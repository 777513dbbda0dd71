/** Parses PEM (RFC 7468). */

/** Returns the blocks with this label in order, with LF line endings and a final newline; other text is ignored. */
export function pemBlocks(pem: string, label: 'CERTIFICATE' | 'PRIVATE KEY'): string[] {
  // "RSA PRIVATE KEY", "EC PRIVATE KEY" and "ENCRYPTED PRIVATE KEY" are private keys too.
  const pattern = new RegExp(
    `-----BEGIN (${label === 'PRIVATE KEY' ? '(?:[A-Z ]+ )?' : ''}${label})-----[\\s\\S]*?-----END \\1-----`,
    'g',
  )
  return [...pem.matchAll(pattern)].map(([block]) => `${block.replaceAll('\r', '')}\n`)
}
