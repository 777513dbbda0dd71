/**
 * Field sets in the format of metadata.managedFields: nested keys `f:<field>`, `k:<keys of a list item>`, `v:<set
 * item>`, `.` for the value itself. An empty object is a leaf, owned with everything in it
 * (kubernetes-sigs/structured-merge-diff fieldpath/serialize.go).
 */
import type { KubeObject, ManagedFields } from '../cluster/kube.ts'

export type FieldSet = Record<string, unknown>

/** One step from an object into it: a field's name, or the keys of an item of a keyed list. */
export type Step = string | Record<string, unknown>

/** Returns the field sets of an object, except those of subresources such as status, which cannot conflict. */
export function fieldSets(object: KubeObject | undefined): (ManagedFields & { fieldsV1: FieldSet })[] {
  return (object?.metadata.managedFields ?? []).flatMap((entry) =>
    entry.subresource === undefined && entry.fieldsV1 !== undefined ? [{ ...entry, fieldsV1: entry.fieldsV1 }] : [],
  )
}

/** Returns the fields that a manager owns by server-side apply. */
export function appliedBy(object: KubeObject, manager: string): FieldSet[] {
  return fieldSets(object)
    .filter((entry) => entry.manager === manager && entry.operation === 'Apply')
    .map((entry) => entry.fieldsV1)
}

export interface FieldOwner {
  manager: string
  /** True if owned by apply, false if by a patch or an update. */
  applied: boolean
}

/** Returns the managers that own the field at `steps`, a field inside it, or the atomic value that contains it. */
export function ownersOf(object: KubeObject, steps: Step[]): FieldOwner[] {
  return fieldSets(object)
    .filter((entry) => owns(entry.fieldsV1, steps))
    .map((entry) => ({ manager: entry.manager ?? 'unknown', applied: entry.operation === 'Apply' }))
}

/** Returns the paths to the leaves of a set, which are owned as a whole. */
export function leavesOf(set: FieldSet, above: Step[] = []): Step[][] {
  return Object.entries(set).flatMap(([entry, inner]) => {
    const step = entry.startsWith('f:') ? entry.slice(2) : itemKeys(entry)
    if (step === undefined) return []
    const deeper = leavesOf(inner as FieldSet, [...above, step])
    return deeper.length > 0 ? deeper : [[...above, step]]
  })
}

/** Returns the set below a field; undefined if nothing in it is owned, or if it is owned as a whole. */
export function setAt(set: FieldSet, steps: Step[]): FieldSet | undefined {
  let at: FieldSet = set
  for (const step of steps) {
    const next = childOf(at, step)
    if (next === undefined) return undefined
    at = next
  }
  return at
}

function owns(set: FieldSet, steps: Step[]): boolean {
  let at: FieldSet = set
  for (const step of steps) {
    if (Object.keys(at).length === 0) return true
    const next = childOf(at, step)
    if (next === undefined) return false
    at = next
  }
  return true
}

function childOf(set: FieldSet, step: Step): FieldSet | undefined {
  if (typeof step === 'string') return set[`f:${step}`] as FieldSet | undefined
  for (const [key, inner] of Object.entries(set)) {
    const keys = itemKeys(key)
    if (keys !== undefined && sameKeys(keys, step)) return inner as FieldSet
  }
  return undefined
}

/** Returns the keys in `k:{"name":"x"}`; undefined for another kind of entry. */
export function itemKeys(entry: string): Record<string, unknown> | undefined {
  return entry.startsWith('k:') ? (JSON.parse(entry.slice(2)) as Record<string, unknown>) : undefined
}

/** Returns the value in `v:"x"`, wrapped because it may be false or 0; undefined for another kind of entry. */
export function setValue(entry: string): { value: unknown } | undefined {
  return entry.startsWith('v:') ? { value: JSON.parse(entry.slice(2)) as unknown } : undefined
}

export function sameKeys(one: Record<string, unknown>, other: Record<string, unknown>): boolean {
  const names = Object.keys(one)
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name])
}
