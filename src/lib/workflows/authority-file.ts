/** The certificate authority that a user names (--ca). */
import { X509Certificate } from 'node:crypto'
import { CassSniError, command } from '../errors.ts'
import { readText } from '../files/input-file.ts'
import { pemBlocks } from '../text/pem.ts'
import { systemError } from '../text/system-errors.ts'

/**
 * The certificates of a PEM file. Each of them must be readable: OpenSSL passes over a damaged one, and the nodes'
 * certificates would seem to be what is wrong.
 * Throws CSNI104 when the file cannot be read, CSNI107 when it holds no certificate or a damaged one.
 */
export async function readAuthorityFile(file: string, signal: AbortSignal): Promise<string> {
  const text = await readText(file, signal)
  const blocks = pemBlocks(text, 'CERTIFICATE')
  const begun = text.split('-----BEGIN CERTIFICATE-----').length - 1
  if (begun === 0) throw unusable(file, 'no certificate in PEM form')
  if (begun !== blocks.length) throw unusable(file, 'a certificate is incomplete')
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block)
    } catch (error) {
      const which = blocks.length === 1 ? 'the certificate' : `certificate ${index + 1} of ${blocks.length}`
      throw unusable(file, `${which} is damaged: ${systemError(error)}`, error)
    }
  }
  return text
}

function unusable(file: string, why: string, cause?: unknown): CassSniError {
  return new CassSniError('CSNI107', `${file}: ${why}`, {
    object: file,
    next: [command`kubectl cass-sni certs ca`],
    cause,
  })
}
