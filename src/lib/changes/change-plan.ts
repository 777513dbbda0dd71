/** Reads what is live and compares it with what is desired. Writes nothing. */
import type { Kube, KubeObject, ResourceType } from '../cluster/kube.ts'
import { displayName } from '../cluster/resources.ts'
import { CassSniError, command } from '../errors.ts'
import type { Change, ChangeSet, Desired } from './changeset.ts'
import { compare } from './compare.ts'
import { isOurs } from './ownership.ts'

/** What may be removed when it is not desired: our objects of these kinds with these labels in this namespace. */
export interface Prune {
  types: ResourceType[]
  namespace: string
  labelSelector: string
}

/**
 * The changes that lead from the live to the desired objects, in the order given, prunes last in the order of their
 * types reversed.
 * Conflicts are changes too. Throws CSNI204 for an object that must exist and does not, CSNI205 for a kind that is
 * not served,
 * CSNI203 without the right to read.
 */
export async function planChanges(kube: Kube, desired: Desired[], prune?: Prune): Promise<ChangeSet> {
  const listed =
    prune === undefined ? [] : await Promise.all(prune.types.map((type) => listPrunable(kube, type, prune)))
  const known = new Map<string, KubeObject>()
  for (const [index, objects] of listed.entries()) {
    for (const object of objects) known.set(keyOf(prune?.types[index] as ResourceType, object), object)
  }
  const changes = await Promise.all(
    desired.map(async (one) => {
      // what the prune's list has brought need not be read again
      const live =
        known.get(keyOf(one.type, one.object)) ??
        (await kube.get(one.type, one.object.metadata.name, one.object.metadata.namespace))
      if (live === undefined && one.mustExist === true) throw missing(one)
      return compare(one, live)
    }),
  )
  const kept = new Set(desired.map((one) => keyOf(one.type, one.object)))
  const pruned = listed.flatMap((objects, index) => {
    const type = prune?.types[index] as ResourceType
    return objects
      .filter((object) => !kept.has(keyOf(type, object)) && isOurs(object))
      .map((live) => prunedChange(type, live))
  })
  return { changes: [...changes, ...pruned.reverse()] }
}

async function listPrunable(
  kube: Kube,
  type: ResourceType,
  { namespace, labelSelector }: Prune,
): Promise<KubeObject[]> {
  try {
    return await kube.list(type, { labelSelector, ...(type.namespaced ? { namespace } : {}) })
  } catch (error) {
    // a kind that is not served has no objects
    if (error instanceof CassSniError && error.code === 'CSNI205') return []
    throw error
  }
}

function prunedChange(type: ResourceType, live: KubeObject): Change {
  const { name, namespace } = live.metadata
  return { action: 'pruned', type, name, ...(namespace === undefined ? {} : { namespace }), live, fields: [] }
}

/** The version is left out: an object is the same under each. */
function keyOf(type: ResourceType, { metadata }: KubeObject): string {
  return JSON.stringify([type.group, type.plural, type.namespaced ? metadata.namespace : '', metadata.name])
}

function missing({ type, object }: Desired): CassSniError {
  const { name, namespace } = object.metadata
  const where = namespace === undefined ? '' : ` in namespace ${namespace}`
  return new CassSniError('CSNI204', `${displayName(type, name)} does not exist${where}`, {
    object: `${displayName(type, name)}${where}`,
    next: [
      command`kubectl get ${type.plural}${type.group === '' ? '' : `.${type.group}`} ${namespace === undefined ? [] : ['-n', namespace]}`,
    ],
  })
}
