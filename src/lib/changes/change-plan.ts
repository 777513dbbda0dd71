/** Compares live with desired objects. Writes nothing. */
import type { Kube, KubeObject, ResourceType } from '../cluster/kube.ts'
import { displayName } from '../cluster/resources.ts'
import { CassSniError, command } from '../errors.ts'
import type { Change, ChangeSet, Desired, Stage } from './changeset.ts'
import { compare, isTerminating } from './compare.ts'
import { isManaged } from './ownership.ts'

/** Objects to prune if not desired: managed by this program, of these types, with these labels, in this namespace. */
export interface Prune {
  types: ResourceType[]
  namespace: string
  labelSelector: string
}

/** Listed objects of one type. */
export interface Listed {
  type: ResourceType
  objects: KubeObject[]
}

/**
 * Returns the changes from live to desired objects, to be applied one after the other in the given order, then prunes
 * in reverse order of their types. Conflicts are changes too. Objects with `basedOn` are not read again. Throws CSNI204
 * if an object that must exist is missing or being deleted, CSNI205 for a kind that is not served, CSNI203 without
 * permission to read.
 */
export async function planChanges(kube: Kube, desired: Desired[], prune?: Prune): Promise<ChangeSet> {
  const listed =
    prune === undefined ? [] : await Promise.all(prune.types.map((type) => listPrunable(kube, type, prune)))
  const known = new Map(
    listed.flatMap(({ type, objects }) => objects.map((object) => [keyOf(type, object), object] as const)),
  )
  const read = await Promise.all(
    desired.map(async (one): Promise<Desired> => {
      if (one.basedOn !== undefined || known.has(keyOf(one.type, one.object))) return one
      const { name, namespace } = one.object.metadata
      const live = await kube.get(one.type, name, namespace)
      if (live !== undefined) known.set(keyOf(one.type, one.object), live)
      return one
    }),
  )
  const stages = read.map((one) => [one])
  return changeSet(stages, (one) => known.get(keyOf(one.type, one.object)), listed)
}

/**
 * The same for objects that were read already, in stages whose objects do not depend on each other. `liveOf` returns
 * the live object for those without `basedOn`; objects of this program in `prunable` that are not desired are pruned,
 * one type after the other, the last one first. Pure.
 */
export function changeSet(
  desired: readonly (readonly Desired[])[],
  liveOf: (one: Desired) => KubeObject | undefined,
  prunable: readonly Listed[] = [],
): ChangeSet {
  const changes = desired.map(
    (stage): Stage =>
      stage.map((one) => {
        const live = one.basedOn === undefined ? liveOf(one) : one.basedOn.live
        if (one.mustExist === true && (live === undefined || isTerminating(live))) throw missing(one, live)
        return compare(one, live)
      }),
  )
  const kept = new Set(desired.flat().map((one) => keyOf(one.type, one.object)))
  const pruned = prunable.map(
    ({ type, objects }): Stage =>
      objects
        .filter((object) => !kept.has(keyOf(type, object)) && isManaged(object) && !isTerminating(object))
        .map((live) => prunedChange(type, live)),
  )
  return { stages: [...changes, ...pruned.reverse()].filter((stage) => stage.length > 0) }
}

/** Returns all changes, in the order of their stages. */
export function changesIn({ stages }: ChangeSet): Change[] {
  return stages.flat()
}

async function listPrunable(kube: Kube, type: ResourceType, prune: Prune): Promise<Listed> {
  const { namespace, labelSelector } = prune
  try {
    return { type, objects: await kube.list(type, type.namespaced ? { namespace, labelSelector } : { labelSelector }) }
  } catch (error) {
    // a kind that is not served has no objects
    if (error instanceof CassSniError && error.code === 'CSNI205') return { type, objects: [] }
    throw error
  }
}

function prunedChange(type: ResourceType, live: KubeObject): Change {
  const { name, namespace } = live.metadata
  return { action: 'pruned', type, name, namespace, live, fields: [] }
}

/** Returns a key without the API version: an object is the same in every version. */
function keyOf(type: ResourceType, { metadata }: KubeObject): string {
  return JSON.stringify([type.group, type.plural, type.namespaced ? metadata.namespace : '', metadata.name])
}

/** Returns CSNI204 for an object of another owner that must exist. */
export function missing({ type, object }: Desired, live: KubeObject | undefined): CassSniError {
  const { name, namespace } = object.metadata
  const where = namespace === undefined ? '' : ` in namespace ${namespace}`
  const what = live === undefined ? 'not found' : 'being deleted'
  return new CassSniError('CSNI204', `${displayName(type, name)}${where}: ${what}`, {
    object: `${displayName(type, name)}${where}`,
    next: [
      command`kubectl get ${type.plural}${type.group === '' ? '' : `.${type.group}`}
        ${namespace === undefined ? [] : ['-n', namespace]}`,
    ],
  })
}
