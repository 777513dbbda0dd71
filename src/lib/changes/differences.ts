/** Finds the fields in which a live object differs from the desired one. Pure. */
import type { KubeObject, ResourceType } from '../cluster/kube.ts'
import type { FieldChange } from './changeset.ts'
import { appliedBy, type FieldSet, itemKeys, ownersOf, type Step, sameKeys, setValue } from './field-sets.ts'
import { isOwnManager } from './ownership.ts'
import { isAtomicMap, isDefault, keysOf, listShape, sameScalar } from './schema.ts'

/** A field that differs; `steps` are the path to it, or to the atomic value that contains it. */
export interface Difference extends FieldChange {
  steps: Step[]
  /** The manager applied it before and no longer desires it; the value stays if another manager owns it too. */
  released?: true
}

type Fields = Record<string, unknown>

interface Location {
  type: ResourceType
  live: KubeObject
  steps: Step[]
  path: string
  /** Inside an atomic list or map: items are compared by position, and additional fields count. */
  atomic: boolean
}

/** Fields that identify an object, not compared because it was found by them. */
const IDENTITY = new Set(['apiVersion', 'kind'])
const IDENTITY_METADATA = new Set([
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'managedFields',
])

/**
 * Returns every desired field that is missing or different in the live object, and every field that this manager
 * applied before and no longer desires. Other live fields are ignored.
 */
export function differences(type: ResourceType, desired: KubeObject, live: KubeObject, manager: string): Difference[] {
  const found: Difference[] = []
  const start: Location = { type, live, steps: [], path: '', atomic: false }
  for (const [name, want] of Object.entries(desired)) {
    if (IDENTITY.has(name)) continue
    if (name !== 'metadata') compareValue(want, live[name], below(start, name), found)
    else {
      for (const [field, value] of Object.entries(want as Fields)) {
        if (!IDENTITY_METADATA.has(field))
          compareValue(
            value,
            live.metadata[field as keyof typeof live.metadata],
            below(below(start, 'metadata'), field),
            found,
          )
      }
    }
  }
  for (const set of appliedBy(live, manager)) compareOwned(set, desired, live, start, found)
  return unique(found)
}

function compareValue(want: unknown, have: unknown, at: Location, found: Difference[]): void {
  if (want === undefined || want === null || (have === undefined && isDropped(want, at))) return
  if (Array.isArray(want)) {
    if (Array.isArray(have)) compareLists(want, have, at, found)
    // the API server drops empty lists
    else if (have !== undefined || want.length > 0) found.push(different(want, have, at))
  } else if (typeof want === 'object') {
    if (typeof have === 'object' && have !== null && !Array.isArray(have))
      compareMaps(want as Fields, have as Fields, at, found)
    // and empty maps in metadata, but not `emptyDir: {}`
    else if (have !== undefined || Object.keys(want).length > 0 || at.steps[0] !== 'metadata')
      found.push(different(want, have, at))
  } else if (!sameScalar(at.steps, want, have)) found.push(different(want, have, at))
}

/**
 * Returns whether the API server dropped the value: it drops false, 0 and '' from many fields of built-in kinds, but
 * managedFields show that this program has applied it.
 */
function isDropped(want: unknown, at: Location): boolean {
  return (
    (want === false || want === 0 || want === '') &&
    ownersOf(at.live, at.steps).some(({ manager }) => isOwnManager(manager))
  )
}

function different(want: unknown, have: unknown, at: Location): Difference {
  return { path: at.path, steps: at.steps, before: have, after: want }
}

function compareMaps(want: Fields, have: Fields, at: Location, found: Difference[]): void {
  const inner = at.atomic || !isAtomicMap(at.type, at.steps) ? at : { ...at, atomic: true }
  for (const [name, value] of Object.entries(want))
    if (value !== have[name]) compareValue(value, have[name], below(inner, name), found)
  if (!inner.atomic) return
  for (const [name, value] of Object.entries(have)) {
    if (want[name] === undefined && !isDefault(at.type, name, value))
      found.push({ path: below(inner, name).path, steps: inner.steps, before: value })
  }
}

function compareLists(want: unknown[], have: unknown[], at: Location, found: Difference[]): void {
  const shape = at.atomic ? { kind: 'atomic' as const } : listShape(at.type, at.live, at.steps)
  if (shape.kind === 'set') {
    for (const value of want)
      if (!have.includes(value)) found.push({ path: `${at.path}[${String(value)}]`, steps: at.steps, after: value })
    return
  }
  if (shape.kind === 'keyed') {
    for (const item of want) {
      const keys = keysOf(item, shape.keys)
      const match = have.find((other) => sameKeys(keys, keysOf(other, shape.keys)))
      if (hasAll(match, item)) continue
      compareValue(
        item,
        match,
        { ...at, steps: [...at.steps, keys], path: `${at.path}${itemPath(keys, want, shape.keys)}` },
        found,
      )
    }
    return
  }
  if (want.length !== have.length) {
    found.push({ path: at.path, steps: at.steps, before: have, after: want })
    return
  }
  for (const [index, item] of want.entries())
    compareValue(item, have[index], { ...at, atomic: true, path: `${at.path}[${index}]` }, found)
}

/** Returns whether a map has the same scalars as another; the usual case, and a cheap test. */
function hasAll(have: unknown, want: unknown): boolean {
  if (typeof have !== 'object' || have === null || typeof want !== 'object' || want === null) return false
  return Object.entries(want).every(([name, value]) => (have as Fields)[name] === value)
}

/** Finds live fields in an owned set that are no longer desired. */
function compareOwned(set: FieldSet, want: unknown, have: unknown, at: Location, found: Difference[]): void {
  for (const [entry, inner] of Object.entries(set) as [string, FieldSet][]) {
    if (entry.startsWith('f:')) {
      const name = entry.slice(2)
      const current = (have as Fields | undefined)?.[name]
      if (current === undefined || (at.path === '' && IDENTITY.has(name))) continue
      const desired = (want as Fields | undefined)?.[name]
      const isLeaf = Object.keys(inner).length === 0
      const isDesired = desired !== undefined && desired !== null
      if (isLeaf && isDesired) continue
      const location = below(at, name)
      if (!isLeaf) compareOwned(inner, desired ?? undefined, current, location, found)
      else found.push({ path: location.path, steps: location.steps, before: current, released: true })
      continue
    }
    const list = Array.isArray(have) ? (have as unknown[]) : []
    const desired = Array.isArray(want) ? (want as unknown[]) : []
    const keys = itemKeys(entry)
    if (keys !== undefined) {
      const names = Object.keys(keys)
      const current = list.find((item) => sameKeys(keys, keysOf(item, names)))
      const desiredItem = desired.find((item) => sameKeys(keys, keysOf(item, names)))
      const location = { ...at, steps: [...at.steps, keys], path: `${at.path}${itemPath(keys, list, names)}` }
      if (current !== undefined && desiredItem === undefined)
        found.push({ path: location.path, steps: location.steps, before: current, released: true })
      else if (current !== undefined) compareOwned(inner, desiredItem, current, location, found)
    }
    const value = setValue(entry)
    if (value !== undefined && list.includes(value.value) && !desired.includes(value.value)) {
      found.push({ path: `${at.path}[${String(value.value)}]`, steps: at.steps, before: value.value, released: true })
    }
  }
}

function below(at: Location, name: string): Location {
  const plain = /^[A-Za-z_][\w-]*$/.test(name)
  const path = plain ? (at.path === '' ? name : `${at.path}.${name}`) : `${at.path}[${JSON.stringify(name)}]`
  // inside an atomic value the managed field is that value
  return { ...at, path, steps: at.atomic ? at.steps : [...at.steps, name] }
}

/** Returns "[port=9042]", with the first key only if it distinguishes the items. */
function itemPath(keys: Record<string, unknown>, among: unknown[], names: string[]): string {
  const first = names.find((name) => name in keys) ?? ''
  const isUnique = among.filter((item) => keysOf(item, names)[first] === keys[first]).length < 2
  const listedKeys = isUnique ? [first] : Object.keys(keys)
  return `[${listedKeys.map((name) => `${name}=${String(keys[name])}`).join(',')}]`
}

function unique(found: Difference[]): Difference[] {
  const seen = new Set<string>()
  return found.filter((one) => !seen.has(one.path) && seen.add(one.path))
}
