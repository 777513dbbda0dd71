/** Reads PEM files given by the user. */
import { CassSniError, command } from '../errors.ts'
import { readText } from './input-file.ts'

/** What a PEM file contains: the program of OpenSSL that converts it. */
const PROGRAM = { certificate: 'x509', key: 'pkey' } as const

/**
 * Reads the text of a PEM file. Throws CSNI104 if it cannot be read, CSNI107 for a binary file, usually DER or PKCS#12.
 */
export async function readPemFile(file: string, content: 'certificate' | 'key', signal: AbortSignal): Promise<string> {
  try {
    return await readText(file, signal)
  } catch (error) {
    if (!(error instanceof CassSniError) || error.code !== 'CSNI107') throw error
    throw new CassSniError('CSNI107', `${file}: binary file, expected PEM`, {
      object: file,
      next: [command`openssl ${PROGRAM[content]} -in ${file} -out ${`${file}.pem`}`],
      cause: error,
    })
  }
}
