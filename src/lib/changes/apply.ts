/** Carries changes out. Every write is bound to the version of the object that it was decided on. */
import type { Kube, KubeObject } from '../cluster/kube.ts'
import { isRace, Refusal } from '../cluster/refusal.ts'
import { displayName } from '../cluster/resources.ts'
import { CassSniError, command, hint, type NextStep, throwIfAborted } from '../errors.ts'
import type { ChangeRecord, Emit } from '../events.ts'
import { backOff } from '../waiting/back-off.ts'
import { pause, poll } from '../waiting/poll.ts'
import { missing } from './change-plan.ts'
import type { Change, ChangeSet } from './changeset.ts'
import { compare, competesWithOurselves, isLeaving, releasesFormer } from './compare.ts'
import { FIELD_MANAGER, isOurs, MANAGED_BY_LABEL, managerOf } from './ownership.ts'
import { record } from './record.ts'

export interface ApplyContext {
  kube: Kube
  signal: AbortSignal
  emit: Emit
  dryRun: boolean
  /** What was told so far, when one piece of work applies more than once: see `decideAgain`. */
  told?: Map<string, ChangeRecord>
}

/** How often a decision is made before it is given up because others write all the time. */
const DECISIONS = 5
/** How long an object that is being deleted may take until it can be made anew. */
const GONE_TIMEOUT_MS = 60_000
const GONE_POLL_MS = 500

/**
 * Applies a set of changes one after the other and emits a change event for each, also for those that are unchanged.
 * Unchanged objects cost no request. With `dryRun` nothing is sent at all. A conflict throws CSNI210 or CSNI207 before
 * anything is written; an abort throws its reason between two changes. When somebody else has written an object since
 * it was read, it is read and compared again; where that is not enough (`seen`), CSNI211 is thrown.
 */
export async function applyChanges(context: ApplyContext, set: ChangeSet): Promise<ChangeRecord[]> {
  const conflicts = set.changes.filter((change) => change.action === 'conflict')
  const { told = new Map<string, ChangeRecord>() } = context
  const records: ChangeRecord[] = []
  const tell = (change: Change) => {
    const one = record(change, context.dryRun)
    const key = `${one.object} ${one.namespace ?? ''}`
    const before = told.get(key)
    // what an earlier decision of the same work has done stays done
    const again = before !== undefined && one.action === 'unchanged'
    records.push(again ? before : one)
    if (again) return
    told.set(key, one)
    context.emit({ type: 'change', change: one })
  }
  if (conflicts.length > 0) {
    // what would have happened is of interest in a dry run only
    for (const change of context.dryRun ? set.changes : conflicts) tell(change)
    throw conflictError(conflicts)
  }
  for (const change of set.changes) {
    throwIfAborted(context.signal)
    tell(context.dryRun ? change : await applyOne(context, change))
  }
  return records
}

/**
 * Makes a decision (reads, plans, applies) and, when it was overtaken by another's write (CSNI211), makes it again from
 * the start, a few times.
 */
export async function decideAgain<T>(signal: AbortSignal, decide: () => Promise<T>): Promise<T> {
  const next = backOff({ firstMs: 100, longestMs: 1000 })
  for (let left = DECISIONS - 1; ; left--) {
    try {
      return await decide()
    } catch (error) {
      if (!(error instanceof CassSniError) || error.code !== 'CSNI211') throw error
      if (left === 0) throw isContested(error.cause) ? error.cause : error
    }
    await pause(next(), signal)
  }
}

/** Applies one change. Returns what was done in the end. */
async function applyOne(context: ApplyContext, planned: Change): Promise<Change> {
  let change = planned
  for (let left = DECISIONS - 1; ; left--) {
    if (change.action === 'unchanged') return change
    if (change.action === 'conflict') throw conflictError([change])
    try {
      await send(context, change)
      return change
    } catch (error) {
      if (onlyHolds(change) && error instanceof CassSniError && error.code === 'CSNI203')
        return { ...change, action: 'unchanged', reason: `held by others only: ${error.message}` }
      if (!isRace(error) && !isContested(error)) throw error
      if (change.desired?.seen !== undefined) throw overtaken(change, error)
      if (left === 0) throw isContested(error) ? error : overtaken(change, error)
      throwIfAborted(context.signal)
      change = await comparedAgain(context.kube, change)
    }
  }
}

/** Every value is there already; who may not write the object does without a hold on them. */
function onlyHolds({ action, fields }: Change): boolean {
  return action === 'configured' && fields.length === 0
}

/** Another field manager owns a field with another value, which the plan did not see: it is there since then. */
function isContested(error: unknown): boolean {
  return (
    error instanceof CassSniError && error.cause instanceof Refusal && error.cause.reason === 'FieldManagerConflict'
  )
}

async function comparedAgain(kube: Kube, change: Change): Promise<Change> {
  const { desired, type, name, namespace } = change
  const now = await kube.get(type, name, namespace)
  if (desired !== undefined) {
    if (desired.mustExist === true && (now === undefined || isLeaving(now))) throw missing(desired, now)
    return compare(desired, now)
  }
  // An object under the same name with another uid is not the one that was to be removed.
  if (now?.metadata.uid === change.live?.metadata.uid && now !== undefined && isOurs(now))
    return { ...change, live: now }
  return { ...change, action: 'unchanged', reason: 'it was replaced by somebody else meanwhile' }
}

async function send(context: ApplyContext, change: Change): Promise<void> {
  const { kube } = context
  const { action, type, name, namespace, live, desired } = change
  const { uid, resourceVersion } = live?.metadata ?? {}
  if (action === 'pruned') {
    await kube.delete(type, name, namespace, { uid, resourceVersion })
    return
  }
  if (desired === undefined)
    throw new CassSniError('CSNI903', `${displayName(type, name)} is to be ${action}, but into what is not told`)
  const { object, ownership } = desired
  const manager = managerOf(desired.taker)
  if (action === 'created') {
    if (live !== undefined) await untilGone(context, change)
    // Without force: should somebody have made one meanwhile, their values are in the way of ours.
    await kube.apply(type, object, { force: desired.force === true, manager })
    return
  }
  const after = await kube.apply(type, boundTo(object, { uid, resourceVersion }), {
    force: ownership === 'own' || desired.force === true || competesWithOurselves(change),
    manager,
  })
  if (releasesFormer(change)) {
    const bare = { apiVersion: object.apiVersion, kind: object.kind, metadata: { name, namespace } }
    const { resourceVersion: written } = after.metadata
    await kube.apply(type, boundTo(bare, { uid, resourceVersion: written }), { manager: FIELD_MANAGER })
  }
}

/** The object with the preconditions: the write is refused when it is another object, or another version, by now. */
function boundTo(
  object: KubeObject,
  preconditions: Pick<KubeObject['metadata'], 'uid' | 'resourceVersion'>,
): KubeObject {
  return { ...object, metadata: { ...object.metadata, ...preconditions } }
}

async function untilGone({ kube, signal }: ApplyContext, { type, name, namespace, live }: Change): Promise<void> {
  const gone = await poll({
    signal,
    interval: GONE_POLL_MS,
    timeoutMs: GONE_TIMEOUT_MS,
    until: async () => {
      const now = await kube.get(type, name, namespace)
      return now?.metadata.uid === live?.metadata.uid ? undefined : true
    },
  })
  if (gone) return
  const finalizers = live?.metadata.finalizers ?? []
  throw new CassSniError(
    'CSNI212',
    `${objectOf({ type, name, namespace })}: it is being deleted and does not ` +
      `go${finalizers.length === 0 ? '' : `: it waits for ${finalizers.join(', ')}`}`,
    {
      object: objectOf({ type, name, namespace }),
      next: [command`kubectl get ${resourceOf({ type, name, namespace })} -o yaml`],
    },
  )
}

function overtaken(change: Change, cause: unknown): CassSniError {
  return new CassSniError('CSNI211', `${objectOf(change)}: somebody else changes it at the same time`, {
    object: objectOf(change),
    next: [command`kubectl get ${resourceOf(change)} -o yaml --show-managed-fields`],
    cause,
  })
}

type Named = Pick<Change, 'type' | 'name' | 'namespace'>

function objectOf({ type, name, namespace }: Named): string {
  return namespace === undefined ? displayName(type, name) : `${displayName(type, name)} in namespace ${namespace}`
}

/** The words that name it to kubectl. */
function resourceOf({ type, name, namespace }: Named): string[] {
  const plural = type.group === '' ? type.plural : `${type.plural}.${type.group}`
  return namespace === undefined ? [plural, name] : [plural, name, '-n', namespace]
}

/** CSNI210 for an object that is somebody else's, CSNI207 for fields of another manager; names all of them. */
export function conflictError(conflicts: Change[]): CassSniError {
  const [first] = conflicts as [Change]
  const resource = resourceOf(first)
  const others = conflicts.slice(1).map((change) => change.reason ?? displayName(change.type, change.name))
  const message = [first.reason ?? `${displayName(first.type, first.name)} is not ours`, ...others].join('; ')
  const look = command`kubectl get ${resource} -o yaml --show-managed-fields`
  if (first.desired?.ownership !== 'own')
    return new CassSniError('CSNI207', message, {
      object: objectOf(first),
      next: [hint('change it where it is managed'), look, ...takeOver(first)],
    })
  return new CassSniError('CSNI210', message, {
    object: objectOf(first),
    next: [
      look,
      hint('to hand the object over to this program, label it:'),
      command`kubectl label ${resource} ${MANAGED_BY_LABEL}=${FIELD_MANAGER} --overwrite`,
    ],
  })
}

/**
 * The command that takes the fields over from their manager, for those that a merge patch can say: without items of
 * lists, and without what is not to be shown.
 */
function takeOver(change: Change): NextStep[] {
  const { fields, desired, type } = change
  const plain = fields.every(({ path, after }) => /^[A-Za-z]+(\.[A-Za-z]+)*$/.test(path) && after !== undefined)
  if (!plain || fields.length === 0 || type.kind === 'Secret') return []
  const patch = fields.reduceRight<object>((merged, { path, after }) => merge(merged, nested(path, after)), {})
  return [
    hint('or take the fields over, where nothing puts them back:'),
    command`kubectl patch ${resourceOf(change)} --type merge --field-manager ${managerOf(desired?.taker)}
      -p ${JSON.stringify(patch)}`,
  ]
}

function nested(path: string, value: unknown): Record<string, unknown> {
  return path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Record<string, unknown>
}

function merge(one: object, other: object): object {
  const merged: Record<string, unknown> = { ...one }
  for (const [key, value] of Object.entries(other)) {
    const before = merged[key]
    merged[key] = isMap(before) && isMap(value) ? merge(before, value) : value
  }
  return merged
}

function isMap(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
