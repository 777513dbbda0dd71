/** Decides what has to happen to one object. Pure: reads the live object, asks nobody. */
import type { KubeObject } from '../cluster/kube.ts'
import { displayName, SECRET } from '../cluster/resources.ts'
import type { Change, Desired, FieldChange } from './changeset.ts'
import { type Difference, differences } from './differences.ts'
import { ownersOf } from './field-sets.ts'
import { DATACENTER_LABEL, isOurs, keeperOf } from './ownership.ts'

/**
 * created when there is no live object, unchanged when it has every desired field, configured with the fields that
 * differ,
 * conflict when it belongs to somebody else (own) or another field manager set a field to another value (share
 * without force).
 */
export function compare(desired: Desired, live: KubeObject | undefined): Change {
  const { type, ownership } = desired
  const object = storedForm(desired)
  const { name, namespace } = object.metadata
  const change = {
    type,
    name,
    ...(namespace === undefined ? {} : { namespace }),
    desired: { ...desired, object },
    ...(live === undefined ? {} : { live }),
  }
  if (live === undefined) return { ...change, action: 'created', fields: [] }
  if (ownership === 'own') {
    const reason = whyNotOurs(desired, live)
    if (reason !== undefined) return { ...change, action: 'conflict', fields: [], reason }
  }
  const found = differences(type, object, live)
  const fields = found.map((one) => shown(desired, one))
  if (fields.length === 0) return { ...change, action: 'unchanged', fields }
  if (ownership === 'share' && desired.force !== true) {
    const reason = whoElseOwns(desired, live, found)
    if (reason !== undefined) return { ...change, action: 'conflict', fields, reason }
  }
  return { ...change, action: 'configured', fields }
}

/** The object as the API server keeps it: a Secret's stringData becomes data, which is what can be compared. */
function storedForm({ type, object }: Desired): KubeObject {
  if (type.kind !== SECRET.kind || type.group !== SECRET.group || object.stringData === undefined) return object
  const { stringData, ...rest } = object as KubeObject & {
    stringData: Record<string, string>
    data?: Record<string, string>
  }
  const encoded = Object.entries(stringData).map(([key, text]) => [key, Buffer.from(text, 'utf8').toString('base64')])
  return { ...rest, data: { ...rest.data, ...Object.fromEntries(encoded) } }
}

function whyNotOurs(desired: Desired, live: KubeObject): string | undefined {
  const shownName = displayName(desired.type, live.metadata.name)
  if (!isOurs(live)) return `${shownName} exists already and is kept by ${keeperOf(live)}`
  const wanted = desired.object.metadata.labels?.[DATACENTER_LABEL]
  const has = live.metadata.labels?.[DATACENTER_LABEL]
  if (wanted !== undefined && has !== wanted)
    return `${shownName} belongs to ${has === undefined ? 'no datacenter' : `datacenter "${has}"`}, not to "${wanted}"`
  return undefined
}

function whoElseOwns(desired: Desired, live: KubeObject, found: Difference[]): string | undefined {
  const byManager = new Map<string, string[]>()
  for (const one of found) {
    // to take back what is ours disturbs nobody
    if (one.after === undefined) continue
    for (const { manager, ours } of ownersOf(live, one.steps)) {
      if (!ours) byManager.set(manager, [...(byManager.get(manager) ?? []), one.path])
    }
  }
  if (byManager.size === 0) return undefined
  const each = [...byManager].map(([manager, paths]) => `"${manager}" set ${paths.join(', ')}`)
  return `${each.join(' and ')} of ${displayName(desired.type, live.metadata.name)} to another value`
}

/**
 * True when a field that we want to apply is ours by a patch: server-side apply takes that for another manager, so it
 * must be forced.
 */
export function competesWithOurPatches({ live, desired }: Change): boolean {
  if (live === undefined || desired === undefined) return false
  return differences(desired.type, desired.object, live).some((one) =>
    ownersOf(live, one.steps).some((owner) => owner.ours),
  )
}

function shown({ type }: Desired, { path, before, after }: Difference): FieldChange {
  const secret = type.kind === SECRET.kind && type.group === SECRET.group && /^(data|stringData)\b/.test(path)
  const hide = (value: unknown) => (secret ? '(secret)' : value)
  return {
    path,
    ...(before === undefined ? {} : { before: hide(before) }),
    ...(after === undefined ? {} : { after: hide(after) }),
  }
}
