/** Compares one desired object with the live one. Pure. */
import type { KubeObject } from '../cluster/kube.ts'
import { SECRET } from '../cluster/resources.ts'
import { OWNER_LABEL } from '../text/own-keys.ts'
import type { Change, Desired, FieldChange } from './changeset.ts'
import { type Difference, differences } from './differences.ts'
import { ownersOf } from './field-sets.ts'
import { isOwnedByOthers, ownershipChange, releasesLegacyFields } from './holds.ts'
import { FIELD_MANAGER, isManaged, managerOf, ownerOf } from './ownership.ts'
import { base64InOneLine } from './schema.ts'
import { withoutSecrets } from './secret-values.ts'

/**
 * Returns the change for one object: created if the object does not exist (or is being deleted), unchanged if it has
 * and owns every desired field, configured with the fields that differ, conflict if it has another owner (own) or
 * another field manager owns a field with another value (share without force).
 */
export function compare(desired: Desired, live: KubeObject | undefined): Change {
  const { type, ownership } = desired
  const object = storedForm(desired)
  const { name, namespace } = object.metadata
  const change = { type, name, namespace, desired: { ...desired, object }, live }
  if (live === undefined) return { ...change, action: 'created', fields: [] }
  if (ownership === 'own') {
    const reason = ownerConflict(desired, live)
    if (reason !== undefined) return { ...change, action: 'conflict', fields: [], reason }
  }
  if (isTerminating(live))
    return { ...change, action: 'created', fields: [], reason: 'after its predecessor is deleted' }
  const manager = managerOf(desired.managerSuffix)
  const found = differences(type, object, live, manager)
  const fields = found.filter((one) => !isOwnedByOthers(live, one, manager)).map((one) => redacted(desired, one))
  if (ownership === 'share' && desired.force !== true) {
    const reason = fieldConflict(desired, live, found)
    if (reason !== undefined) return { ...change, action: 'conflict', fields, reason }
  }
  if (fields.length > 0) return { ...change, action: 'configured', fields }
  const reason = found.length > 0 ? 'released; kept by other field managers' : ownershipChange(change.desired, live)
  return reason === undefined
    ? { ...change, action: 'unchanged', fields }
    : { ...change, action: 'configured', fields, reason }
}

/** Returns whether the object is being deleted: anything written to it would be lost. */
export function isTerminating(live: KubeObject): boolean {
  return live.metadata.deletionTimestamp !== undefined
}

/**
 * Returns the object as the API server stores it, for comparison: stringData of a Secret as data, base64 on one line.
 */
function storedForm({ type, object }: Desired): KubeObject {
  if (!isSecret(type) || (object.stringData === undefined && object.data === undefined)) return object
  const { stringData, data, ...rest } = object as KubeObject & Record<'stringData' | 'data', Record<string, string>>
  const encoded = Object.entries(stringData ?? {}).map(([key, text]) => [
    key,
    Buffer.from(text, 'utf8').toString('base64'),
  ])
  const stored = Object.entries(data ?? {}).map(([key, text]) => [key, base64InOneLine(text)])
  return { ...rest, data: Object.fromEntries([...stored, ...encoded]) }
}

function ownerConflict(desired: Desired, live: KubeObject): string | undefined {
  if (!isManaged(live)) return `already exists and is managed by ${ownerOf(live)}`
  const expected = desired.object.metadata.labels?.[OWNER_LABEL]
  const actual = live.metadata.labels?.[OWNER_LABEL]
  if (expected !== undefined && actual !== expected)
    return `belongs to ${actual === undefined ? 'no datacenter' : `datacenter "${actual}"`}, not to "${expected}"`
  return undefined
}

function fieldConflict(desired: Desired, live: KubeObject, found: Difference[]): string | undefined {
  const own = new Set([FIELD_MANAGER, managerOf(desired.managerSuffix)])
  const byManager = new Map<string, string[]>()
  for (const one of found) {
    // releasing an own field cannot conflict
    if (one.after === undefined) continue
    for (const { manager } of ownersOf(live, one.steps)) {
      if (!own.has(manager)) byManager.set(manager, [...(byManager.get(manager) ?? []), one.path])
    }
  }
  if (byManager.size === 0) return undefined
  return [...byManager].map(([manager, paths]) => `field manager "${manager}" owns ${paths.join(', ')}`).join(' and ')
}

/**
 * Returns whether this program owns a field to change by a patch, or by an apply of version 0.1. Server-side apply
 * treats that as another manager, so the write must be forced. Its preconditions exclude concurrent changes by others.
 */
export function conflictsWithOwnManager({ live, desired }: Change): boolean {
  if (live === undefined || desired === undefined) return false
  const manager = managerOf(desired.managerSuffix)
  return differences(desired.type, desired.object, live, manager).some((one) =>
    ownersOf(live, one.steps).some(
      (owner) => (owner.manager === manager && !owner.applied) || owner.manager === FIELD_MANAGER,
    ),
  )
}

/** Returns whether the change releases the fields that version 0.1 applied; see `former`. */
export function releasesFormer({ live, desired }: Change): boolean {
  return live !== undefined && desired !== undefined && releasesLegacyFields(desired, live)
}

function redacted({ type }: Desired, { path, before, after }: Difference): FieldChange {
  const secret = isSecret(type) && /^(data|stringData)\b/.test(path)
  const hide = (value: unknown) => (value === undefined ? undefined : secret ? '(secret)' : withoutSecrets(value, path))
  return { path, before: hide(before), after: hide(after) }
}

function isSecret(type: Desired['type']): boolean {
  return type.kind === SECRET.kind && type.group === SECRET.group
}
