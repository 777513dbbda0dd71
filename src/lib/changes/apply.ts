/** Applies changes. Every write is bound to the object version that the change was planned from. */
import pLimit from 'p-limit'
import type { Kube, KubeObject } from '../cluster/kube.ts'
import { isRace, ApiStatusError } from '../cluster/api-errors.ts'
import { displayName } from '../cluster/resources.ts'
import { CassSniError, command, hint, type NextStep, throwIfAborted } from '../errors.ts'
import type { ChangeRecord, Emit } from '../events.ts'
import { backOff } from '../waiting/back-off.ts'
import { pause, poll } from '../waiting/poll.ts'
import { changesIn, missing } from './change-plan.ts'
import type { Change, ChangeSet, Stage } from './changeset.ts'
import { compare, conflictsWithOwnManager, isTerminating, releasesFormer } from './compare.ts'
import { FIELD_MANAGER, isManaged, MANAGED_BY_LABEL, managerOf } from './ownership.ts'
import { record } from './record.ts'
import { refuseTooLarge } from './request-size.ts'

export interface ApplyContext {
  kube: Kube
  signal: AbortSignal
  emit: Emit
  dryRun: boolean
  /** Changes reported by earlier attempts of the same work: see `retryOvertaken`. */
  reported?: Map<string, ChangeRecord>
}

/**
 * Concurrent writes. More do not make kube-apiserver faster, and its priority and fairness would queue them. After a
 * 429, all requests pause: see cluster/transport.ts.
 */
const WRITES_AT_ONCE = 8
/** Attempts before giving up on an object that others keep changing. */
const ATTEMPTS = 5
/** How long to wait for an object that is being deleted before it can be recreated. */
const DELETION_TIMEOUT_MS = 60_000
const DELETION_POLL_MS = 500

/**
 * Applies a set of changes, the stages one after the other, and emits a change event for each, unchanged objects
 * included, in the order of the set. Unchanged objects cost no request, and `dryRun` sends none at all. A conflict
 * throws CSNI210 or CSNI207, and an object above etcd's limit CSNI213, before anything is written. After a failed write
 * or an abort no other write is started; those in progress are completed and reported, and the failure or the reason of
 * the abort is thrown. If an object was modified since it was read, it is read and compared again; if the desired
 * object itself depends on that read (`basedOn`), throws CSNI211.
 */
export async function applyChanges(context: ApplyContext, set: ChangeSet): Promise<ChangeRecord[]> {
  const changes = changesIn(set)
  const conflicts = conflictsAmong(changes)
  const { reported = new Map<string, ChangeRecord>() } = context
  const records: ChangeRecord[] = []
  const report = (change: Change) => {
    const one = record(change, context.dryRun)
    const key = `${one.object} ${one.namespace ?? ''}`
    const before = reported.get(key)
    // an object that an earlier attempt changed stays reported as changed
    const isRepeated = before !== undefined && one.action === 'unchanged'
    records.push(isRepeated ? before : one)
    if (isRepeated) return
    reported.set(key, one)
    context.emit({ type: 'change', change: one })
  }
  if (conflicts.length > 0) {
    // a dry run reports the other changes as well
    for (const change of context.dryRun ? changes : conflicts) report(change)
    throw conflictError(conflicts)
  }
  refuseTooLarge(changes)
  if (context.dryRun) for (const change of changes) report(change)
  else for (const stage of set.stages) await applyStage(context, stage, report)
  return records
}

/** Throws what applying these changes would throw before the first write: CSNI210, CSNI207 or CSNI213. */
export function refuseUnwritable(changes: readonly Change[]): void {
  const conflicts = conflictsAmong(changes)
  if (conflicts.length > 0) throw conflictError(conflicts)
  refuseTooLarge(changes)
}

function conflictsAmong(changes: readonly Change[]): Change[] {
  return changes.filter(({ action }) => action === 'conflict')
}

/** Applies the changes of a stage in parallel. Reports those that were made, in their order. */
async function applyStage(context: ApplyContext, stage: Stage, report: (change: Change) => void): Promise<void> {
  const made: (Change | undefined)[] = stage.map(() => undefined)
  let failed = false
  let reported = 0
  const reportMade = () => {
    for (let next = made[reported]; next !== undefined; next = made[++reported]) report(next)
  }
  const limit = pLimit(WRITES_AT_ONCE)
  const outcomes = await Promise.allSettled(
    stage.map((change, index) =>
      limit(async () => {
        if (failed) return
        try {
          throwIfAborted(context.signal)
          made[index] = await applyOne(context, change)
        } catch (error) {
          failed = true
          throw error
        }
        reportMade()
      }),
    ),
  )
  // those behind a change that failed or was not started
  for (const change of made.slice(reported)) if (change !== undefined) report(change)
  const failure = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failure !== undefined) throw failure.reason
}

/**
 * Runs an attempt (read, plan, apply) and repeats it a few times from the start if a concurrent write overtakes it
 * (CSNI211).
 */
export async function retryOvertaken<T>(signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  const next = backOff({ firstMs: 100, longestMs: 1000 })
  for (let left = ATTEMPTS - 1; ; left--) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof CassSniError) || error.code !== 'CSNI211') throw error
      if (left === 0) throw isContested(error.cause) ? error.cause : error
    }
    await pause(next(), signal)
  }
}

/** Applies one change. Returns the change that was finally made. */
async function applyOne(context: ApplyContext, planned: Change): Promise<Change> {
  let change = planned
  for (let left = ATTEMPTS - 1; ; left--) {
    if (change.action === 'unchanged') return change
    if (change.action === 'conflict') throw conflictError([change])
    try {
      await send(context, change)
      return change
    } catch (error) {
      if (changesOwnershipOnly(change) && error instanceof CassSniError && error.code === 'CSNI203')
        return { ...change, action: 'unchanged', reason: `owned by other field managers only (${error.message})` }
      if (!isRace(error) && !isContested(error)) throw error
      if (change.desired?.basedOn !== undefined) throw overtaken(change, error)
      if (left === 0) throw isContested(error) ? error : overtaken(change, error)
      throwIfAborted(context.signal)
      change = await comparedAgain(context.kube, change)
    }
  }
}

/** Returns whether all values are already as desired, so that missing write permission is harmless. */
function changesOwnershipOnly({ action, fields }: Change): boolean {
  return action === 'configured' && fields.length === 0
}

/** Returns whether another field manager has set a field to another value since the change was planned. */
function isContested(error: unknown): boolean {
  return (
    error instanceof CassSniError &&
    error.cause instanceof ApiStatusError &&
    error.cause.reason === 'FieldManagerConflict'
  )
}

async function comparedAgain(kube: Kube, change: Change): Promise<Change> {
  const { desired, type, name, namespace } = change
  const now = await kube.get(type, name, namespace)
  if (desired !== undefined) {
    if (desired.mustExist === true && (now === undefined || isTerminating(now))) throw missing(desired, now)
    return compare(desired, now)
  }
  // An object with the same name and another uid is not the one to remove.
  if (now?.metadata.uid === change.live?.metadata.uid && now !== undefined && isManaged(now))
    return { ...change, live: now }
  return { ...change, action: 'unchanged', reason: 'replaced by another object' }
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
    throw new CassSniError('CSNI903', `internal error: no desired state for ${displayName(type, name)}`)
  const { object, ownership } = desired
  const manager = managerOf(desired.managerSuffix)
  if (action === 'created') {
    if (live !== undefined) await untilDeleted(context, change)
    // Without force, so that values of an object created in the meantime cause a conflict.
    await kube.apply(type, object, { force: desired.force === true, manager })
    return
  }
  const after = await kube.apply(type, boundTo(object, { uid, resourceVersion }), {
    force: ownership === 'own' || desired.force === true || conflictsWithOwnManager(change),
    manager,
  })
  if (releasesFormer(change)) {
    const bare = { apiVersion: object.apiVersion, kind: object.kind, metadata: { name, namespace } }
    const { resourceVersion: written } = after.metadata
    await kube.apply(type, boundTo(bare, { uid, resourceVersion: written }), { manager: FIELD_MANAGER })
  }
}

/** Returns the object with preconditions: the API server refuses the write for another uid or resourceVersion. */
function boundTo(
  object: KubeObject,
  preconditions: Pick<KubeObject['metadata'], 'uid' | 'resourceVersion'>,
): KubeObject {
  return { ...object, metadata: { ...object.metadata, ...preconditions } }
}

async function untilDeleted({ kube, signal }: ApplyContext, { type, name, namespace, live }: Change): Promise<void> {
  const deleted = await poll({
    signal,
    interval: DELETION_POLL_MS,
    timeoutMs: DELETION_TIMEOUT_MS,
    until: async () => {
      const now = await kube.get(type, name, namespace)
      return now?.metadata.uid === live?.metadata.uid ? undefined : true
    },
  })
  if (deleted) return
  const finalizers = live?.metadata.finalizers ?? []
  throw new CassSniError(
    'CSNI212',
    `${objectOf({ type, name, namespace })}: timed out waiting for its deletion` +
      `${finalizers.length === 0 ? '' : ` (finalizers: ${finalizers.join(', ')})`}`,
    {
      object: objectOf({ type, name, namespace }),
      next: [command`kubectl get ${resourceOf({ type, name, namespace })} -o yaml`],
    },
  )
}

function overtaken(change: Change, cause: unknown): CassSniError {
  return new CassSniError('CSNI211', `${objectOf(change)}: modified concurrently by another client`, {
    object: objectOf(change),
    next: [command`kubectl get ${resourceOf(change)} -o yaml --show-managed-fields`],
    cause,
  })
}

type Named = Pick<Change, 'type' | 'name' | 'namespace'>

function objectOf({ type, name, namespace }: Named): string {
  return namespace === undefined ? displayName(type, name) : `${displayName(type, name)} in namespace ${namespace}`
}

/** Returns the arguments with which kubectl identifies the object. */
function resourceOf({ type, name, namespace }: Named): string[] {
  const plural = type.group === '' ? type.plural : `${type.plural}.${type.group}`
  return namespace === undefined ? [plural, name] : [plural, name, '-n', namespace]
}

/** Returns CSNI210 for objects not managed by this program, CSNI207 for fields of other managers; lists all of them. */
export function conflictError(conflicts: Change[]): CassSniError {
  const [first] = conflicts as [Change]
  const resource = resourceOf(first)
  const message = conflicts
    .map((change) => `${objectOf(change)}: ${change.reason ?? `not managed by ${FIELD_MANAGER}`}`)
    .join('; ')
  const show = command`kubectl get ${resource} -o yaml --show-managed-fields`
  if (first.desired?.ownership !== 'own')
    return new CassSniError('CSNI207', message, {
      object: objectOf(first),
      next: [hint('make the change where the object is managed'), show, ...takeOver(first)],
    })
  return new CassSniError('CSNI210', message, {
    object: objectOf(first),
    next: [show, ...adoption(first, resource)],
  })
}

/** A Secret is not adopted: its content, which another program may need, would be replaced. */
function adoption({ type }: Change, resource: string[]): NextStep[] {
  if (type.kind === 'Secret') return [hint('choose another name, or delete the Secret if no program uses it')]
  return [
    hint(`to let ${FIELD_MANAGER} manage the object, label it:`),
    command`kubectl label ${resource} ${MANAGED_BY_LABEL}=${FIELD_MANAGER} --overwrite`,
  ]
}

/**
 * Returns the command that takes the fields over from their manager, if a merge patch can express them: no list items,
 * and no Secrets.
 */
function takeOver(change: Change): NextStep[] {
  const { fields, desired, type } = change
  const plain = fields.every(({ path, after }) => /^[A-Za-z]+(\.[A-Za-z]+)*$/.test(path) && after !== undefined)
  if (!plain || fields.length === 0 || type.kind === 'Secret') return []
  const patch = fields.reduceRight<object>((merged, { path, after }) => merge(merged, nested(path, after)), {})
  return [
    hint('alternatively, take over the fields, unless their manager would restore them'),
    command`kubectl patch ${resourceOf(change)} --type merge --field-manager ${managerOf(desired?.managerSuffix)}
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
