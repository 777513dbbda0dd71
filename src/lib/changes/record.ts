/** The form of a change for output. */
import { displayName } from '../cluster/resources.ts'
import type { ChangeRecord } from '../events.ts'
import type { Change } from './changeset.ts'

/** Returns the record of a change. Secrets are already redacted: see compare.ts. */
export function record(change: Change, dryRun: boolean): ChangeRecord {
  const { fields } = change
  return {
    action: change.action,
    object: displayName(change.type, change.name),
    namespace: change.namespace,
    dryRun: dryRun ? true : undefined,
    fields: fields.length === 0 ? undefined : fields.map(({ path }) => path),
    changes:
      fields.length === 0 ? undefined : fields.map(({ path, before, after }) => ({ path, from: before, to: after })),
    reason: change.reason,
  }
}
