/** Finds the fields in which a live object is not as desired. Pure. */
import type { KubeObject, ResourceType } from '../cluster/kube.ts'
import type { FieldChange } from './changeset.ts'
import { appliedBy, type FieldSet, itemKeys, ownersOf, type Step, sameKeys, setValue } from './field-sets.ts'
import { isOurManager } from './ownership.ts'
import { isAtomicMap, isDefault, keysOf, listShape, sameScalar } from './schema.ts'

/** A field that differs; `steps` lead to it, or to the atomic value that holds it. */
export interface Difference extends FieldChange {
  steps: Step[]
  /** The manager applied it once and does not desire it now; the value stays when another manager holds it too. */
  letGo?: true
}

type Fields = Record<string, unknown>

interface Place {
  type: ResourceType
  live: KubeObject
  steps: Step[]
  path: string
  /** Inside an atomic list or map: items go by position, and additional fields count. */
  atomic: boolean
}

/** Fields that identify an object: equal by the way it was found. */
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
 * Every field of `desired` that the live object has not or has otherwise, and every field that this manager applied
 * once and that is no longer desired. Whatever else is live is not looked at.
 */
export function differences(type: ResourceType, desired: KubeObject, live: KubeObject, manager: string): Difference[] {
  const found: Difference[] = []
  const start: Place = { type, live, steps: [], path: '', atomic: false }
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

function compareValue(want: unknown, have: unknown, at: Place, found: Difference[]): void {
  if (want === undefined || want === null || (have === undefined && isDropped(want, at))) return
  if (Array.isArray(want)) {
    if (Array.isArray(have)) compareLists(want, have, at, found)
    // an empty list is kept by nobody
    else if (have !== undefined || want.length > 0) found.push(different(want, have, at))
  } else if (typeof want === 'object') {
    if (typeof have === 'object' && have !== null && !Array.isArray(have))
      compareMaps(want as Fields, have as Fields, at, found)
    // nor is an empty map of labels, annotations or the like, but `emptyDir: {}` is
    else if (have !== undefined || Object.keys(want).length > 0 || at.steps[0] !== 'metadata')
      found.push(different(want, have, at))
  } else if (!sameScalar(at.steps, want, have)) found.push(different(want, have, at))
}

/**
 * The API server drops false, 0 and '' from many fields of built-in kinds; that we have applied it can be seen in
 * managedFields.
 */
function isDropped(want: unknown, at: Place): boolean {
  return (
    (want === false || want === 0 || want === '') &&
    ownersOf(at.live, at.steps).some(({ manager }) => isOurManager(manager))
  )
}

function different(want: unknown, have: unknown, at: Place): Difference {
  return { path: at.path, steps: at.steps, before: have, after: want }
}

function compareMaps(want: Fields, have: Fields, at: Place, found: Difference[]): void {
  const place = at.atomic || !isAtomicMap(at.type, at.steps) ? at : { ...at, atomic: true }
  for (const [name, value] of Object.entries(want)) compareValue(value, have[name], below(place, name), found)
  if (!place.atomic) return
  for (const [name, value] of Object.entries(have)) {
    if (want[name] === undefined && !isDefault(at.type, name, value))
      found.push({ path: below(place, name).path, steps: place.steps, before: value })
  }
}

function compareLists(want: unknown[], have: unknown[], at: Place, found: Difference[]): void {
  const shape = at.atomic ? { kind: 'atomic' as const } : listShape(at.type, at.live, at.steps)
  if (shape.kind === 'set') {
    for (const value of want)
      if (!have.includes(value)) found.push({ path: `${at.path}[${String(value)}]`, steps: at.steps, after: value })
    return
  }
  if (shape.kind === 'keyed') {
    for (const item of want) {
      const keys = keysOf(item, shape.keys)
      const there = have.find((other) => sameKeys(keys, keysOf(other, shape.keys)))
      compareValue(
        item,
        there,
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

/** Looks for fields in a set of ours that are live and no longer desired. */
function compareOwned(set: FieldSet, want: unknown, have: unknown, at: Place, found: Difference[]): void {
  for (const [entry, inner] of Object.entries(set) as [string, FieldSet][]) {
    if (entry.startsWith('f:')) {
      const name = entry.slice(2)
      const there = (have as Fields | undefined)?.[name]
      if (there === undefined || (at.path === '' && IDENTITY.has(name))) continue
      const wanted = (want as Fields | undefined)?.[name]
      const place = below(at, name)
      if (Object.keys(inner).length > 0) compareOwned(inner, wanted ?? undefined, there, place, found)
      else if (wanted === undefined || wanted === null)
        found.push({ path: place.path, steps: place.steps, before: there, letGo: true })
      continue
    }
    const list = Array.isArray(have) ? (have as unknown[]) : []
    const wanted = Array.isArray(want) ? (want as unknown[]) : []
    const keys = itemKeys(entry)
    if (keys !== undefined) {
      const names = Object.keys(keys)
      const there = list.find((item) => sameKeys(keys, keysOf(item, names)))
      const desired = wanted.find((item) => sameKeys(keys, keysOf(item, names)))
      const place = { ...at, steps: [...at.steps, keys], path: `${at.path}${itemPath(keys, list, names)}` }
      if (there !== undefined && desired === undefined)
        found.push({ path: place.path, steps: place.steps, before: there, letGo: true })
      else if (there !== undefined) compareOwned(inner, desired, there, place, found)
    }
    const value = setValue(entry)
    if (value !== undefined && list.includes(value.value) && !wanted.includes(value.value)) {
      found.push({ path: `${at.path}[${String(value.value)}]`, steps: at.steps, before: value.value, letGo: true })
    }
  }
}

function below(at: Place, name: string): Place {
  const plain = /^[A-Za-z_][\w-]*$/.test(name)
  const path = plain ? (at.path === '' ? name : `${at.path}.${name}`) : `${at.path}[${JSON.stringify(name)}]`
  // inside an atomic value the managed field is that value
  return { ...at, path, steps: at.atomic ? at.steps : [...at.steps, name] }
}

/** "[port=9042]": the first key alone where it tells the items apart. */
function itemPath(keys: Record<string, unknown>, among: unknown[], names: string[]): string {
  const first = names.find((name) => name in keys) ?? ''
  const alone = among.filter((item) => keysOf(item, names)[first] === keys[first]).length < 2
  const shown = alone ? [first] : Object.keys(keys)
  return `[${shown.map((name) => `${name}=${String(keys[name])}`).join(',')}]`
}

function unique(found: Difference[]): Difference[] {
  const seen = new Set<string>()
  return found.filter((one) => !seen.has(one.path) && seen.add(one.path))
}
