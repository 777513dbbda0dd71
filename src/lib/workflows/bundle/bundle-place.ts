/** Where a bundle is: a file, or a Secret. */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { applyChanges } from '../../changes/apply.ts'
import { planChanges } from '../../changes/change-plan.ts'
import { ownedLabels } from '../../changes/ownership.ts'
import { type Bundle, BundleError, LARGEST_BUNDLE_BYTES, readBundle } from '../../clients/read-bundle.ts'
import type { Kube, KubeObject } from '../../cluster/kube.ts'
import { displayName, SECRET } from '../../cluster/resources.ts'
import type { Secret } from '../../cluster/workloads.ts'
import { CassSniError, command, hint } from '../../errors.ts'
import { writeOutputFile } from '../../files/output-file.ts'
import { systemError } from '../../text/system-errors.ts'
import { requireSecretName } from '../certs/client-store.ts'
import type { WorkflowContext } from '../context.ts'

export type BundlePlace = { file: string } | { secret: string; namespace: string | undefined }

/** A bundle's bytes, which are secret, and the Secret that they are from. */
export interface StoredBundle {
  /** Undefined if it does not exist. */
  bytes: Buffer | undefined
  live?: KubeObject | undefined
}

/** Parses FILE or Secret/NAME. Throws CSNI101 for a name that a Secret cannot have. */
export function bundlePlace(text: string, namespace: string | undefined): BundlePlace {
  const [, secret] = /^secrets?\/(.*)$/i.exec(text) ?? []
  if (text === '-') throw new CassSniError('CSNI101', 'a bundle cannot be read from stdin or written to stdout')
  if (secret === undefined) {
    if (namespace === undefined) return { file: text }
    throw new CassSniError('CSNI101', `--secret-namespace requires a Secret instead of the file ${text}`, {
      next: [hint('specify the Secret as Secret/NAME')],
    })
  }
  requireSecretName(secret)
  return { secret, namespace }
}

/** Returns the place for people: "secure-connect-dc1.zip", "secret/x in namespace y". */
export function placeText(place: BundlePlace, namespace: string): string {
  if ('file' in place) return place.file
  return `${displayName(SECRET, place.secret)} in namespace ${place.namespace ?? namespace}`
}

/**
 * Reads what is at the place.
 * @param namespace of a Secret without a namespace
 * @throws CSNI104 if a file cannot be read, CSNI107 if it is too large for a bundle, CSNI203 for a Secret
 */
export async function readPlace(
  place: BundlePlace,
  namespace: string,
  kube: Pick<Kube, 'get'> | undefined,
): Promise<StoredBundle> {
  if ('file' in place) return { bytes: await readBundleFile(place.file) }
  const live = await kube?.get<Secret>(SECRET, place.secret, place.namespace ?? namespace)
  return { bytes: bytesIn(live), live }
}

/** A Secret with several zip files is not one of `writePlace`: the first is read. */
function bytesIn(secret: Secret | undefined): Buffer | undefined {
  const [encoded] = Object.entries(secret?.data ?? {}).flatMap(([name, value]) =>
    name.endsWith('.zip') ? [value] : [],
  )
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64')
}

/**
 * Reads the bytes of a bundle's file; undefined if it does not exist.
 * @throws CSNI104 if it cannot be read or is a pipe or device, CSNI107 if it is too large for a bundle
 */
async function readBundleFile(path: string): Promise<Buffer | undefined> {
  try {
    // A pipe without a writer does not block.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const state = await file.stat()
      if (!state.isFile() && !state.isDirectory())
        throw new CassSniError('CSNI104', `cannot read ${path}: not a regular file`, { object: path })
      if (state.size > LARGEST_BUNDLE_BYTES) throw notBundle(path, `larger than ${LARGEST_BUNDLE_BYTES >> 20} MiB`)
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

/**
 * Writes the bundle: a file that only its owner can read, or a Secret of type Opaque.
 * @throws CSNI104 for a file, CSNI210 if the Secret is not managed by this program, CSNI211 if it was changed since it
 * was read
 */
export async function writePlace(
  context: WorkflowContext,
  datacenter: { namespace: string; name: string },
  place: BundlePlace,
  { zip, stored }: { zip: Buffer; stored: StoredBundle },
): Promise<'written' | 'unchanged'> {
  const isSame = stored.bytes?.equals(zip) === true
  if ('file' in place) {
    if (context.dryRun) return isSame ? 'unchanged' : 'written'
    return writeOutputFile({ path: place.file, text: zip, mode: 0o600 }, { yes: true })
  }
  const object = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: place.secret,
      namespace: place.namespace ?? datacenter.namespace,
      labels: ownedLabels(datacenter.name),
    },
    type: 'Opaque',
    data: { [bundleFileName(datacenter.name)]: zip.toString('base64') },
  } as KubeObject
  const desired = { type: SECRET, ownership: 'own', object, basedOn: { live: stored.live } } as const
  await applyChanges(context, await planChanges(context.kube, [desired]))
  return isSame ? 'unchanged' : 'written'
}

/** Returns the default name of a datacenter's bundle. */
export function bundleFileName(datacenter: string): string {
  return `secure-connect-${datacenter}.zip`
}

function notBundle(place: string, reason: string, cause?: unknown): CassSniError {
  return new CassSniError('CSNI107', `${place}: ${reason}`, {
    object: place,
    next: [command`kubectl cass-sni bundle create`],
    cause,
  })
}
