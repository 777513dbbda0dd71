/** Compares the host IDs in the status with those that Cassandra itself reports. */
import pLimit from 'p-limit'
import type { Kube } from '../cluster/kube.ts'
import type { CassandraNode, Datacenter } from './datacenter.ts'
import { type Endpoint, readEndpoints, readHostId } from './endpoints.ts'

/** Concurrent requests: each takes a tunnel through the API server. */
const MAX_CONCURRENT_REQUESTS = 8
/** Nodes asked for all endpoints before giving up. */
const MOST_ASKED = 3

/** A host ID that Cassandra has confirmed for a pod, earlier. */
export interface ConfirmedHostId {
  podUid: string
  hostId: string
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
    found.set(pod, { hostId: earlier.hostId, hostIdConfirmed: true })
    return false
  })
  if (doubted.length > 0) {
    const { namespace } = datacenter
    const listed = await firstResponse(kube, datacenter, new Set(doubted.map(({ pod }) => pod)))
    const idByAddress = new Map(listed?.flatMap(({ address, hostId, normal }) => (normal ? [[address, hostId]] : [])))
    const limit = pLimit(MAX_CONCURRENT_REQUESTS)
    await Promise.all(
      doubted.map(async (node) => {
        const { pod, hostId } = node
        const other = idByAddress.get(node.address)
        const own =
          other === hostId || listed === undefined
            ? other
            : await limit(() => readHostId(kube, { name: pod, namespace }))
        if (own !== undefined) found.set(pod, { hostId: own, hostIdConfirmed: true })
        else if (other !== undefined)
          found.set(pod, unknown(`the status lists host ID ${hostId}, but Cassandra reports ${other}`))
        else if (before.has(pod))
          found.set(pod, unknown(`Cassandra has not confirmed host ID ${hostId} for the new pod`))
      }),
    )
  }
  return withHostIds(datacenter, found)
}

type Identity = Pick<CassandraNode, 'hostId' | 'hostIdProblem' | 'hostIdConfirmed'>

function unknown(hostIdProblem: string): Identity {
  return { hostId: undefined, hostIdProblem }
}

/** The endpoints that one of the first ready nodes lists, preferably one that has been running for longer. */
async function firstResponse(
  kube: Kube,
  { nodes, namespace }: Datacenter,
  suspects: ReadonlySet<string>,
): Promise<Endpoint[] | undefined> {
  const ready = nodes.filter(({ state, terminating }) => state === 'Started' && !terminating)
  const preferred = [
    ...ready.filter(({ pod }) => !suspects.has(pod)).slice(0, MOST_ASKED),
    ...ready.filter(({ pod }) => suspects.has(pod)).slice(0, MOST_ASKED),
  ]
  for (const { pod } of preferred.slice(0, MOST_ASKED)) {
    const endpoints = await readEndpoints(kube, { name: pod, namespace })
    if (endpoints !== undefined && endpoints.length > 0) return endpoints
  }
  return undefined
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
