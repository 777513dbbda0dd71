/** Which of our takers hold which fields of an object that is not ours as a whole: pure. See ownership.ts. */
import type { KubeObject } from '../cluster/kube.ts'
import type { Desired } from './changeset.ts'
import type { Difference } from './differences.ts'
import { appliedBy, fieldSets, leavesOf, ownersOf, type Step, sameKeys } from './field-sets.ts'
import { FIELD_MANAGER, isOurManager, managerOf } from './ownership.ts'
import { keysOf } from './schema.ts'

/** True when this manager lets go of a field that another holds as well: the value stays. */
export function staysForOthers(live: KubeObject, { letGo, steps }: Difference, manager: string): boolean {
  return letGo === true && ownersOf(live, steps).some((owner) => owner.manager !== manager)
}

/**
 * Why a write is needed although every value is as desired: the taker has to hold what another of our takers put there,
 * or what version 0.1 put there can be let go. Undefined when all is held as it should be.
 */
export function holdToChange(desired: Desired, live: KubeObject): string | undefined {
  if (desired.taker === undefined) return undefined
  const manager = managerOf(desired.taker)
  const others = fieldSets(live).filter(
    (entry) => entry.operation === 'Apply' && entry.manager !== manager && isOurManager(entry.manager),
  )
  const toHold = others.some(({ fieldsV1 }) =>
    leavesOf(fieldsV1).some(
      (steps) =>
        valueAt(desired.object, steps) !== undefined &&
        !ownersOf(live, steps).some((owner) => owner.applied && owner.manager === manager),
    ),
  )
  if (toHold) return 'already there; now also used by this datacenter'
  return letsGoOfFormer(desired, live) ? 'what an earlier version held is let go' : undefined
}

/** Whether the fields that version 0.1 holds can be let go once `desired` is applied. */
export function letsGoOfFormer({ taker, former, object }: Desired, live: KubeObject): boolean {
  if (taker === undefined || former === 'keep') return false
  const held = appliedBy(live, FIELD_MANAGER).flatMap((set) => leavesOf(set))
  if (held.length === 0) return false
  if (former === 'release') return true
  return held.every(
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
