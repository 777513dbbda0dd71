/** Carries changes out. */
import type { Kube } from '../cluster/kube.ts'
import { isRace } from '../cluster/refusal.ts'
import { displayName } from '../cluster/resources.ts'
import { CassSniError, command, hint, throwIfAborted } from '../errors.ts'
import type { ChangeRecord, Emit } from '../events.ts'
import type { Change, ChangeSet } from './changeset.ts'
import { compare, competesWithOurPatches } from './compare.ts'
import { FIELD_MANAGER, MANAGED_BY_LABEL } from './ownership.ts'
import { record } from './record.ts'

export interface ApplyContext {
  kube: Kube
  signal: AbortSignal
  emit: Emit
  dryRun: boolean
}

/**
 * Applies a set of changes one after the other and emits a change event for each, also for those that are unchanged.
 * Unchanged objects cost no request. With `dryRun` nothing is sent at all. A conflict throws CSNI210 or CSNI207
 * before anything is written;
 * an abort throws its reason between two changes.
 */
export async function applyChanges(context: ApplyContext, set: ChangeSet): Promise<ChangeRecord[]> {
  const conflicts = set.changes.filter((change) => change.action === 'conflict')
  const records: ChangeRecord[] = []
  const tell = (change: Change) => {
    const one = record(change, context.dryRun)
    records.push(one)
    context.emit({ type: 'change', change: one })
  }
  if (conflicts.length > 0) {
    // what would have happened is of interest in a dry run only
    for (const change of context.dryRun ? set.changes : conflicts) tell(change)
    throw conflictError(conflicts)
  }
  for (const change of set.changes) {
    throwIfAborted(context.signal)
    tell(context.dryRun ? change : await applyOne(context.kube, change))
  }
  return records
}

/**
 * Applies one change; when somebody else was faster, looks again and tries once more. Returns what was done in the
 * end.
 */
async function applyOne(kube: Kube, change: Change): Promise<Change> {
  if (change.action === 'unchanged') return change
  try {
    await send(kube, change)
    return change
  } catch (error) {
    if (!isRace(error)) throw error
    const now = await kube.get(change.type, change.name, change.namespace)
    const again = change.desired === undefined ? prunedAgain(change, now?.metadata.uid) : compare(change.desired, now)
    if (again.action === 'conflict') throw conflictError([again])
    if (again.action !== 'unchanged') await send(kube, again)
    return again
  }
}

/** An object under the same name with another uid is not the one that was to be removed. */
function prunedAgain(change: Change, uid: string | undefined): Change {
  return uid === change.live?.metadata.uid
    ? change
    : { ...change, action: 'unchanged', reason: 'it was replaced by somebody else meanwhile' }
}

async function send(kube: Kube, change: Change): Promise<void> {
  const uid = change.live?.metadata.uid
  if (change.action === 'pruned') {
    await kube.delete(change.type, change.name, change.namespace, uid === undefined ? {} : { uid })
    return
  }
  if (change.desired === undefined)
    throw new CassSniError(
      'CSNI903',
      `${displayName(change.type, change.name)} is to be ${change.action}, but into what is not told`,
    )
  const { object, ownership, force } = change.desired
  // the uid makes sure that it is still the object that was compared
  const metadata = uid === undefined ? object.metadata : { ...object.metadata, uid }
  await kube.apply(
    change.type,
    { ...object, metadata },
    { force: ownership === 'own' || force === true || competesWithOurPatches(change) },
  )
}

function conflictError(conflicts: Change[]): CassSniError {
  const [first] = conflicts as [Change]
  const named = displayName(first.type, first.name)
  const scope = first.namespace === undefined ? [] : ['-n', first.namespace]
  const resource = [
    `${first.type.plural}${first.type.group === '' ? '' : `.${first.type.group}`}`,
    first.name,
    ...scope,
  ]
  const others = conflicts.slice(1).map((change) => change.reason ?? displayName(change.type, change.name))
  const message = [first.reason ?? `${named} is not ours`, ...others].join('; ')
  const details = { object: first.namespace === undefined ? named : `${named} in namespace ${first.namespace}` }
  if (first.desired?.ownership === 'own') {
    return new CassSniError('CSNI210', message, {
      ...details,
      next: [
        command`kubectl get ${resource} -o yaml --show-managed-fields`,
        hint('to hand the object over to this program, label it:'),
        command`kubectl label ${resource} ${MANAGED_BY_LABEL}=${FIELD_MANAGER} --overwrite`,
      ],
    })
  }
  return new CassSniError('CSNI207', message, {
    ...details,
    next: [command`kubectl get ${resource} -o yaml --show-managed-fields`],
  })
}
