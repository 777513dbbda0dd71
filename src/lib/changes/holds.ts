/** Field ownership in shared objects, by manager suffix. See ownership.ts. Pure. */
import type { KubeObject } from '../cluster/kube.ts'
import type { Desired } from './changeset.ts'
import type { Difference } from './differences.ts'
import { appliedBy, fieldSets, leavesOf, ownersOf, type Step, sameKeys } from './field-sets.ts'
import { FIELD_MANAGER, isOwnManager, managerOf } from './ownership.ts'
import { keysOf } from './schema.ts'

/** Returns whether this manager releases a field that another one owns as well, so that the value stays. */
export function isOwnedByOthers(live: KubeObject, { released, steps }: Difference, manager: string): boolean {
  return released === true && ownersOf(live, steps).some((owner) => owner.manager !== manager)
}

/**
 * Returns why a write is required although every value is as desired: to co-own fields of another suffix, or to release
 * fields that version 0.1 applied. Undefined if ownership is as desired.
 */
export function ownershipChange(desired: Desired, live: KubeObject): string | undefined {
  if (desired.managerSuffix === undefined) return undefined
  const manager = managerOf(desired.managerSuffix)
  const others = fieldSets(live).filter(
    (entry) => entry.operation === 'Apply' && entry.manager !== manager && isOwnManager(entry.manager),
  )
  const needsOwnership = others.some(({ fieldsV1 }) =>
    leavesOf(fieldsV1).some(
      (steps) =>
        valueAt(desired.object, steps) !== undefined &&
        !ownersOf(live, steps).some((owner) => owner.applied && owner.manager === manager),
    ),
  )
  if (needsOwnership) return 'already set, now also owned by this datacenter'
  return releasesLegacyFields(desired, live) ? 'fields of an earlier version released' : undefined
}

/** Returns whether the fields that version 0.1 owns can be released after `desired` is applied. */
export function releasesLegacyFields({ managerSuffix, former, object }: Desired, live: KubeObject): boolean {
  if (managerSuffix === undefined || former === 'keep') return false
  const owned = appliedBy(live, FIELD_MANAGER).flatMap((set) => leavesOf(set))
  if (owned.length === 0) return false
  if (former === 'release') return true
  return owned.every(
    (steps) =>
      valueAt(object, steps) !== undefined || ownersOf(live, steps).some((owner) => owner.manager !== FIELD_MANAGER),
  )
}

function valueAt(object: KubeObject, steps: Step[]): unknown {
  let at: unknown = object
  for (const step of steps) {
    if (typeof at !== 'object' || at === null) return undefined
    if (typeof step === 'string') at = (at as Record<string, unknown>)[step]
    else at = Array.isArray(at) ? at.find((item) => sameKeys(step, keysOf(item, Object.keys(step)))) : undefined
  }
  return at
}
