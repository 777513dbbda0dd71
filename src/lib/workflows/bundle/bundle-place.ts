/** Where a bundle is stored: a file, or a Secret under the key that drivers' documentation uses. */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { BundleError, type Bundle, LARGEST_BUNDLE_BYTES, readBundle } from '../../clients/read-bundle.ts'
import { CassSniError, hint } from '../../errors.ts'
import { systemError } from '../../text/system-errors.ts'

/**
 * Reads the bytes of a bundle's file; undefined if it does not exist.
 * @throws CSNI104 if it cannot be read, CSNI107 if it is too large for a bundle
 */
export async function readBundleFile(path: string): Promise<Buffer | undefined> {
  try {
    // A pipe without a writer does not block.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const { size } = await file.stat()
      if (size > LARGEST_BUNDLE_BYTES) throw notBundle(path, `larger than ${LARGEST_BUNDLE_BYTES >> 20} MiB`)
      return await file.readFile()
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof CassSniError) throw error
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new CassSniError('CSNI104', `cannot read ${path}: ${systemError(error)}`, { object: path, cause: error })
  }
}

/** Reads a bundle. Throws CSNI107 if the bytes are not one. */
export async function parseBundle(bytes: Buffer, place: string): Promise<Bundle> {
  try {
    return await readBundle(bytes)
  } catch (error) {
    if (error instanceof BundleError) throw notBundle(place, error.message, error)
    throw error
  }
}

function notBundle(place: string, reason: string, cause?: unknown): CassSniError {
  return new CassSniError('CSNI107', `${place}: ${reason}`, {
    object: place,
    next: [hint('create a bundle with kubectl cass-sni bundle create')],
    cause,
  })
}
