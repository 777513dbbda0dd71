/** Reads the CA file given with --ca. */
import { X509Certificate } from 'node:crypto'
import { CassSniError, command } from '../errors.ts'
import { readPemFile } from '../files/pem-file.ts'
import { pemBlocks } from '../text/pem.ts'
import { systemError } from '../text/system-errors.ts'

/**
 * Reads the certificates in a PEM file. All of them must be valid: OpenSSL skips an invalid one, and the failure would
 * appear to be caused by the node certificates.
 * Throws CSNI104 if the file cannot be read, CSNI107 if it has no certificate or an invalid one.
 */
export async function readAuthorityFile(file: string, signal: AbortSignal): Promise<string> {
  const text = await readPemFile(file, 'certificate', signal)
  const blocks = pemBlocks(text, 'CERTIFICATE')
  const markers = text.split('-----BEGIN CERTIFICATE-----').length - 1
  if (markers === 0) throw unusable(file, 'no PEM certificate found')
  if (markers !== blocks.length) throw unusable(file, 'incomplete PEM certificate')
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block)
    } catch (error) {
      const which = blocks.length === 1 ? 'certificate' : `certificate ${index + 1} of ${blocks.length}`
      throw unusable(file, `invalid ${which}: ${systemError(error)}`, error)
    }
  }
  return text
}

function unusable(file: string, reason: string, cause?: unknown): CassSniError {
  return new CassSniError('CSNI107', `${file}: ${reason}`, {
    object: file,
    next: [command`kubectl cass-sni certs ca`],
    cause,
  })
}
