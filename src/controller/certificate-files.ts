/** The key and the certificate in a mounted Secret, which the kubelet replaces when they are renewed. */
import { X509Certificate, createPrivateKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ServerCertificate } from '../lib/connection/metadata-server.ts'

export interface MountedCertificate extends ServerCertificate {
  /** When it expires, in ms since the epoch. */
  notAfter: number
}

/** Reads both. Rejects if one is missing or invalid, or if they do not belong together, as between two reads. */
export async function readCertificateFiles(directory: string): Promise<MountedCertificate> {
  const read = (name: string) => readFile(join(directory, name), 'utf8')
  const [cert, key] = await Promise.all([read('tls.crt'), read('tls.key')])
  const leaf = new X509Certificate(cert)
  if (!leaf.checkPrivateKey(createPrivateKey(key)))
    throw new Error(`tls.crt and tls.key in ${directory} do not belong together`)
  return { cert, key, notAfter: Date.parse(leaf.validTo) }
}
