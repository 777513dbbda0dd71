/** A change as it is shown and serialised. */
import { displayName } from '../cluster/resources.ts'
import type { ChangeRecord } from '../events.ts'
import type { Change } from './changeset.ts'

/** The record of a change: names and paths only, never a value. */
export function record(change: Change, dryRun: boolean): ChangeRecord {
  return {
    action: change.action,
    object: displayName(change.type, change.name),
    ...(change.namespace === undefined ? {} : { namespace: change.namespace }),
    ...(dryRun ? { dryRun: true } : {}),
    ...(change.fields.length === 0 ? {} : { fields: change.fields.map((field) => field.path) }),
    ...(change.reason === undefined ? {} : { reason: change.reason }),
  }
}
