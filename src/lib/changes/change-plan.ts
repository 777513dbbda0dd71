/** Reads what is live and compares it with what is desired. Writes nothing. */
import type { Kube, KubeObject, ResourceType } from '../cluster/kube.ts'
import { displayName } from '../cluster/resources.ts'
import { CassSniError, command } from '../errors.ts'
import type { Change, ChangeSet, Desired } from './changeset.ts'
import { compare, isLeaving } from './compare.ts'
import { isOurs } from './ownership.ts'

/** What may be removed when it is not desired: our objects of these kinds with these labels in this namespace. */
export interface Prune {
  types: ResourceType[]
  namespace: string
  labelSelector: string
}

/** Objects of a kind that were listed. */
export interface Listed {
  type: ResourceType
  objects: KubeObject[]
}

/**
 * The changes that lead from the live to the desired objects, in the order given, prunes last in the order of their
 * types reversed. Conflicts are changes too. What was `seen` is not read again. Throws CSNI204 for an object that must
 * exist and does not, or is being deleted, CSNI205 for a kind that is not served, CSNI203 without permission to read.
 */
export async function planChanges(kube: Kube, desired: Desired[], prune?: Prune): Promise<ChangeSet> {
  const listed =
    prune === undefined ? [] : await Promise.all(prune.types.map((type) => listPrunable(kube, type, prune)))
  const known = new Map(
    listed.flatMap(({ type, objects }) => objects.map((object) => [keyOf(type, object), object] as const)),
  )
  const seen = await Promise.all(
    desired.map(async (one): Promise<Desired> => {
      if (one.seen !== undefined || known.has(keyOf(one.type, one.object))) return one
      const { name, namespace } = one.object.metadata
      const live = await kube.get(one.type, name, namespace)
      if (live !== undefined) known.set(keyOf(one.type, one.object), live)
      return one
    }),
  )
  return changeSet(seen, (one) => known.get(keyOf(one.type, one.object)), listed)
}

/**
 * The same for what was read already: pure. `liveOf` is asked for what is desired without having been `seen`; of
 * `prunable` our objects go that are not desired.
 */
export function changeSet(
  desired: Desired[],
  liveOf: (one: Desired) => KubeObject | undefined,
  prunable: Listed[] = [],
): ChangeSet {
  const changes = desired.map((one) => {
    const live = one.seen === undefined ? liveOf(one) : one.seen.live
    if (one.mustExist === true && (live === undefined || isLeaving(live))) throw missing(one, live)
    return compare(one, live)
  })
  const kept = new Set(desired.map((one) => keyOf(one.type, one.object)))
  const pruned = prunable.flatMap(({ type, objects }) =>
    objects
      .filter((object) => !kept.has(keyOf(type, object)) && isOurs(object) && !isLeaving(object))
      .map((live) => prunedChange(type, live)),
  )
  return { changes: [...changes, ...pruned.reverse()] }
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

/** The version is left out: an object is the same under each. */
function keyOf(type: ResourceType, { metadata }: KubeObject): string {
  return JSON.stringify([type.group, type.plural, type.namespaced ? metadata.namespace : '', metadata.name])
}

/** CSNI204 for an object of others that has to be there. */
export function missing({ type, object }: Desired, live: KubeObject | undefined): CassSniError {
  const { name, namespace } = object.metadata
  const where = namespace === undefined ? '' : ` in namespace ${namespace}`
  const what = live === undefined ? 'does not exist' : 'is being deleted'
  return new CassSniError('CSNI204', `${displayName(type, name)} ${what}${where}`, {
    object: `${displayName(type, name)}${where}`,
    next: [
      command`kubectl get ${type.plural}${type.group === '' ? '' : `.${type.group}`}
        ${namespace === undefined ? [] : ['-n', namespace]}`,
    ],
  })
}
