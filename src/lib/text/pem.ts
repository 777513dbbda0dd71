/** PEM, the one reader of its blocks (RFC 7468). */

/** The blocks with this label in order, each with LF line ends and a final newline; text around them is passed over. */
export function pemBlocks(pem: string, label: 'CERTIFICATE' | 'PRIVATE KEY'): string[] {
  // "RSA PRIVATE KEY", "EC PRIVATE KEY" and "ENCRYPTED PRIVATE KEY" are private keys as well.
  const pattern = new RegExp(
    `-----BEGIN (${label === 'PRIVATE KEY' ? '(?:[A-Z ]+ )?' : ''}${label})-----[\\s\\S]*?-----END \\1-----`,
    'g',
  )
  return [...pem.matchAll(pattern)].map(([block]) => `${block.replaceAll('\r', '')}\n`)
}
