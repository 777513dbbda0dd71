/** Compares the host IDs in the status with those that Cassandra itself reports. */
import pLimit from 'p-limit'
import type { Kube } from '../cluster/kube.ts'
import type { CassandraNode, Datacenter } from './datacenter.ts'
import { type Endpoint, readEndpoints, readHostId } from './endpoints.ts'

/** Concurrent requests: each takes a tunnel through the API server. */
const MAX_CONCURRENT_REQUESTS = 8
/** Nodes asked for all endpoints before giving up. */
const MOST_ASKED = 3

export interface Confirmed {
  /** With the host IDs that the nodes report; a contradicted one is a `hostIdProblem`. */
  datacenter: Datacenter
  /** The nodes whose host ID Cassandra has confirmed. */
  pods: ReadonlySet<string>
}

/**
 * Confirms the host IDs of the nodes in `suspects`. cass-operator does not refresh a host ID that it has recorded
 * (k8ssandra/cass-operator pkg/reconciliation/reconcile_racks.go, UpdateCassandraNodeStatus), so the status is wrong
 * after a pod was recreated with an empty volume or from a backup. One node is asked for the endpoints of all, and a
 * node with another host ID there is asked itself: its own response counts. Without any response, or without permission
 * to connect to pods, the status counts.
 */
export async function confirmHostIds(
  kube: Kube,
  datacenter: Datacenter,
  suspects: ReadonlySet<string>,
): Promise<Confirmed> {
  const doubted = datacenter.nodes.filter((node) => node.hostId !== undefined && suspects.has(node.pod))
  if (doubted.length === 0) return { datacenter, pods: new Set() }
  const { namespace } = datacenter
  const known = await firstResponse(kube, datacenter, suspects)
  if (known === undefined) return { datacenter, pods: new Set() }
  const idByAddress = new Map(known.flatMap(({ address, hostId, normal }) => (normal ? [[address, hostId]] : [])))
  const confirmed = new Set<string>()
  const found = new Map<string, Pick<CassandraNode, 'hostId' | 'hostIdProblem'>>()
  const limit = pLimit(MAX_CONCURRENT_REQUESTS)
  await Promise.all(
    doubted.map(async (node) => {
      const listed = idByAddress.get(node.address)
      if (listed === node.hostId) {
        confirmed.add(node.pod)
        return
      }
      const own = await limit(() => readHostId(kube, { name: node.pod, namespace }))
      if (own !== undefined) {
        confirmed.add(node.pod)
        found.set(node.pod, { hostId: own, hostIdProblem: undefined })
      } else if (listed !== undefined) {
        const hostIdProblem = `the status lists host ID ${node.hostId}, but Cassandra reports ${listed}`
        found.set(node.pod, { hostId: undefined, hostIdProblem })
      }
    }),
  )
  return { datacenter: withHostIds(datacenter, found, confirmed), pods: confirmed }
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

function withHostIds(
  datacenter: Datacenter,
  found: ReadonlyMap<string, Pick<CassandraNode, 'hostId' | 'hostIdProblem'>>,
  confirmed: ReadonlySet<string>,
): Datacenter {
  if (found.size === 0) return datacenter
  const corrected = datacenter.nodes.map((node) => ({ ...node, ...found.get(node.pod) }))
  const owners = new Map<string, string[]>()
  for (const { pod, hostId } of corrected)
    if (hostId !== undefined) owners.set(hostId, [...(owners.get(hostId) ?? []), pod])
  const nodes = corrected.map((node): CassandraNode => {
    const { pod, hostId } = node
    const others = (owners.get(hostId ?? '') ?? []).filter((each) => each !== pod)
    // the status lists for this node what another one has reported itself
    const contradicted = hostId !== undefined && !confirmed.has(pod) && others.some((each) => confirmed.has(each))
    if (!contradicted) return node
    return { ...node, hostId: undefined, hostIdProblem: `${others.join(', ')} reports host ID ${hostId} as its own` }
  })
  const current = new Set(nodes.map(({ hostId }) => hostId))
  const replaced = datacenter.nodes.flatMap(({ hostId }) =>
    hostId === undefined || current.has(hostId) ? [] : [hostId],
  )
  return { ...datacenter, nodes, staleHostIds: [...datacenter.staleHostIds, ...replaced] }
}
