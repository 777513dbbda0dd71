/** Decides what has to happen to one object. Pure: reads the live object, asks nobody. */
import type { KubeObject } from '../cluster/kube.ts'
import { displayName, SECRET } from '../cluster/resources.ts'
import { OWNER_LABEL } from '../text/own-keys.ts'
import type { Change, Desired, FieldChange } from './changeset.ts'
import { type Difference, differences } from './differences.ts'
import { ownersOf } from './field-sets.ts'
import { holdToChange, letsGoOfFormer, staysForOthers } from './holds.ts'
import { FIELD_MANAGER, isOurs, keeperOf, managerOf } from './ownership.ts'
import { base64InOneLine } from './schema.ts'
import { withoutSecrets } from './secret-values.ts'

/**
 * created when there is no live object (or it is being deleted), unchanged when it has every desired field and they are
 * held, configured with the fields that differ, conflict when it belongs to somebody else (own) or another field
 * manager set a field to another value (share without force).
 */
export function compare(desired: Desired, live: KubeObject | undefined): Change {
  const { type, ownership } = desired
  const object = storedForm(desired)
  const { name, namespace } = object.metadata
  const change = { type, name, namespace, desired: { ...desired, object }, live }
  if (live === undefined) return { ...change, action: 'created', fields: [] }
  if (ownership === 'own') {
    const reason = whyNotOurs(desired, live)
    if (reason !== undefined) return { ...change, action: 'conflict', fields: [], reason }
  }
  if (isLeaving(live)) return { ...change, action: 'created', fields: [], reason: 'once its predecessor is deleted' }
  const manager = managerOf(desired.taker)
  const found = differences(type, object, live, manager)
  const fields = found.filter((one) => !staysForOthers(live, one, manager)).map((one) => shown(desired, one))
  if (ownership === 'share' && desired.force !== true) {
    const reason = whoElseOwns(desired, live, found)
    if (reason !== undefined) return { ...change, action: 'conflict', fields, reason }
  }
  if (fields.length > 0) return { ...change, action: 'configured', fields }
  const reason = found.length > 0 ? 'let go; others hold it' : holdToChange(change.desired, live)
  return reason === undefined
    ? { ...change, action: 'unchanged', fields }
    : { ...change, action: 'configured', fields, reason }
}

/** True for an object that is being deleted: whatever is written to it is lost. */
export function isLeaving(live: KubeObject): boolean {
  return live.metadata.deletionTimestamp !== undefined
}

/**
 * The object as the API server keeps it, which is what can be compared: a Secret's stringData becomes data, and base64
 * stands in one line.
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

function whyNotOurs(desired: Desired, live: KubeObject): string | undefined {
  const shownName = displayName(desired.type, live.metadata.name)
  if (!isOurs(live)) return `${shownName} exists already and is kept by ${keeperOf(live)}`
  const wanted = desired.object.metadata.labels?.[OWNER_LABEL]
  const has = live.metadata.labels?.[OWNER_LABEL]
  if (wanted !== undefined && has !== wanted)
    return `${shownName} belongs to ${has === undefined ? 'no datacenter' : `datacenter "${has}"`}, not to "${wanted}"`
  return undefined
}

function whoElseOwns(desired: Desired, live: KubeObject, found: Difference[]): string | undefined {
  const ours = new Set([FIELD_MANAGER, managerOf(desired.taker)])
  const byManager = new Map<string, string[]>()
  for (const one of found) {
    // to take back what is ours disturbs nobody
    if (one.after === undefined) continue
    for (const { manager } of ownersOf(live, one.steps)) {
      if (!ours.has(manager)) byManager.set(manager, [...(byManager.get(manager) ?? []), one.path])
    }
  }
  if (byManager.size === 0) return undefined
  const each = [...byManager].map(([manager, paths]) => `"${manager}" set ${paths.join(', ')}`)
  return `${each.join(' and ')} of ${displayName(desired.type, live.metadata.name)} to another value`
}

/**
 * True when a field that is to change is ours by a patch, or by an apply of version 0.1: server-side apply takes that
 * for another manager, so it must be forced. The precondition of the write makes sure that nobody else is in it.
 */
export function competesWithOurselves({ live, desired }: Change): boolean {
  if (live === undefined || desired === undefined) return false
  const manager = managerOf(desired.taker)
  return differences(desired.type, desired.object, live, manager).some((one) =>
    ownersOf(live, one.steps).some(
      (owner) => (owner.manager === manager && !owner.applied) || owner.manager === FIELD_MANAGER,
    ),
  )
}

/** Whether the change lets go of what version 0.1 put there; see `former`. */
export function releasesFormer({ live, desired }: Change): boolean {
  return live !== undefined && desired !== undefined && letsGoOfFormer(desired, live)
}

function shown({ type }: Desired, { path, before, after }: Difference): FieldChange {
  const secret = isSecret(type) && /^(data|stringData)\b/.test(path)
  const hide = (value: unknown) => (value === undefined ? undefined : secret ? '(secret)' : withoutSecrets(value, path))
  return { path, before: hide(before), after: hide(after) }
}

function isSecret(type: Desired['type']): boolean {
  return type.kind === SECRET.kind && type.group === SECRET.group
}
