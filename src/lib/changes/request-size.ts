/** The limit of etcd for the size of an object. */
import { displayName } from '../cluster/resources.ts'
import { CassSniError, hint } from '../errors.ts'
import type { Change } from './changeset.ts'

/**
 * The default of etcd's --max-request-bytes (etcd-io/etcd server/embed/config.go), minus what the API server may add to
 * an object: managedFields, defaults, status.
 */
const LARGEST_OBJECT_BYTES = 1.5 * 1024 * 1024 - 32 * 1024

/** Throws CSNI213 for the first object that is too large to be written, so that nothing is written before it. */
export function refuseTooLarge(changes: readonly Change[]): void {
  for (const { action, desired, type, name, namespace } of changes) {
    if (desired === undefined || (action !== 'created' && action !== 'configured')) continue
    const bytes = Buffer.byteLength(JSON.stringify(desired.object))
    if (bytes <= LARGEST_OBJECT_BYTES) continue
    const object = `${displayName(type, name)}${namespace === undefined ? '' : ` in namespace ${namespace}`}`
    throw new CassSniError(
      'CSNI213',
      `${object}: object of ${mebibytes(bytes)} is too large: etcd accepts ${mebibytes(LARGEST_OBJECT_BYTES)}`,
      { object, next: [hint("reduce the object; etcd's limit is its flag --max-request-bytes")] },
    )
  }
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(2)} MiB`
}
