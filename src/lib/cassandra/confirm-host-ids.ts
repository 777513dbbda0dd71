/** Compares the host IDs in the status with those that Cassandra itself reports. */
import type { Kube } from '../cluster/kube.ts'
import type { CassandraNode, Datacenter } from './datacenter.ts'
import { type Endpoint, readFirstEndpoints, readHostIds } from './endpoints.ts'

/** A host ID that Cassandra has confirmed for a pod, earlier. */
export interface ConfirmedHostId {
  podUid: string
  hostId: string
  /** uid of the claim of the pod's data volume; undefined if it was not known. */
  volumeUid?: string | undefined
}

/**
 * Confirms the host IDs of started nodes. cass-operator does not refresh a host ID that it has recorded
 * (k8ssandra/cass-operator pkg/reconciliation/reconcile_racks.go, UpdateCassandraNodeStatus), so the status is wrong
 * after a pod was recreated with an empty volume or from a backup. What was confirmed before for the same pod counts.
 * For other pods one node is asked for the endpoints of all, and a node with another host ID there is asked itself: its
 * own response counts. Without any response, or without permission to connect to pods, the status counts, unless
 * another pod of the node was confirmed before: then the host ID is unknown.
 * @param before by pod name
 * @returns the datacenter with `hostIdConfirmed` set, and with a `hostIdProblem` for each host ID that is contradicted
 */
export async function confirmHostIds(
  kube: Kube,
  datacenter: Datacenter,
  before: ReadonlyMap<string, ConfirmedHostId>,
): Promise<Datacenter> {
  const found = new Map<string, Identity>()
  const doubted = datacenter.nodes.filter(({ pod, podUid, hostId }) => {
    const earlier = before.get(pod)
    if (hostId === undefined || earlier?.podUid !== podUid) return hostId !== undefined
    found.set(pod, { hostId: earlier.hostId, hostIdConfirmed: true, volumeUid: earlier.volumeUid })
    return false
  })
  if (doubted.length > 0) {
    const { namespace } = datacenter
    const listed = await allEndpoints(kube, datacenter, new Set(doubted.map(({ pod }) => pod)))
    const idByAddress = new Map(listed?.flatMap(({ address, hostId, normal }) => (normal ? [[address, hostId]] : [])))
    const contradicted = doubted.filter(
      ({ address, hostId }) => listed !== undefined && idByAddress.get(address) !== hostId,
    )
    const own = await readHostIds(
      kube,
      namespace,
      contradicted.map(({ pod }) => pod),
    )
    for (const { pod, hostId, address } of doubted) {
      const other = idByAddress.get(address)
      const confirmed = other === hostId ? hostId : own.get(pod)
      if (confirmed !== undefined) found.set(pod, { hostId: confirmed, hostIdConfirmed: true })
      else if (other !== undefined)
        found.set(pod, unknown(`the status lists host ID ${hostId}, but Cassandra reports ${other}`))
      else if (before.has(pod)) found.set(pod, unknown(`Cassandra has not confirmed host ID ${hostId} for the new pod`))
    }
  }
  return withHostIds(datacenter, found)
}

type Identity = Pick<CassandraNode, 'hostId' | 'hostIdProblem' | 'hostIdConfirmed' | 'volumeUid'>

function unknown(hostIdProblem: string): Identity {
  return { hostId: undefined, hostIdProblem }
}

/** The endpoints that a ready node lists, preferably one that has been running for longer. */
function allEndpoints(
  kube: Kube,
  { nodes, namespace, managementAuth }: Datacenter,
  suspects: ReadonlySet<string>,
): Promise<Endpoint[] | undefined> {
  if (managementAuth === 'certificate') return Promise.resolve(undefined)
  const ready = nodes.filter(({ state, terminating }) => state === 'Started' && !terminating)
  const preferred = [...ready.filter(({ pod }) => !suspects.has(pod)), ...ready.filter(({ pod }) => suspects.has(pod))]
  return readFirstEndpoints(
    kube,
    namespace,
    preferred.map(({ pod }) => pod),
  )
}

function withHostIds(datacenter: Datacenter, found: ReadonlyMap<string, Identity>): Datacenter {
  if (found.size === 0) return datacenter
  const corrected = datacenter.nodes.map((node): CassandraNode => ({ ...node, ...found.get(node.pod) }))
  const owners = new Map(
    corrected.flatMap(({ pod, hostId, hostIdConfirmed }) => (hostIdConfirmed === true ? [[hostId, pod]] : [])),
  )
  const nodes = corrected.map((node): CassandraNode => {
    const owner = node.hostIdConfirmed === true || node.hostId === undefined ? undefined : owners.get(node.hostId)
    if (owner === undefined) return node
    // the status lists for this node what another one has reported itself
    return { ...node, ...unknown(`${owner} reports host ID ${node.hostId} as its own`) }
  })
  const current = new Set(nodes.map(({ hostId }) => hostId))
  const replaced = datacenter.nodes.flatMap(({ hostId }) =>
    hostId === undefined || current.has(hostId) ? [] : [hostId],
  )
  return { ...datacenter, nodes, staleHostIds: [...datacenter.staleHostIds, ...replaced] }
}
