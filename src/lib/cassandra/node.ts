/** Resolves `--node` and `--sni`. */
import { again, CassSniError } from '../errors.ts'
import type { CassandraNode, Datacenter } from './datacenter.ts'
import { closest } from '../text/closest-word.ts'
import { asHostId } from '../text/host-id.ts'
import { listed } from '../text/listed.ts'

const MOST_NAMED = 10

/**
 * Finds the node with this pod name, host ID, or ordinal (the trailing number of the pod name).
 * `flag` is the one that was given. Throws CSNI302 with the available nodes, or
 * CSNI105 if the ordinal matches nodes in more than one rack.
 */
export function findNode(datacenter: Datacenter, text: string, flag = '--node'): CassandraNode {
  const query = text.trim()
  const hostId = asHostId(query)
  const found = datacenter.nodes.filter(
    (node) =>
      node.pod === query ||
      (hostId !== undefined && node.hostId === hostId) ||
      (/^\d+$/.test(query) && node.ordinal === Number(query)),
  )
  const exact = found.find((node) => node.pod === query) ?? (found.length === 1 ? found[0] : undefined)
  if (exact !== undefined) return exact
  const object = `cassandradatacenter/${datacenter.name} in namespace ${datacenter.namespace}`
  if (found.length > 1) {
    throw new CassSniError(
      'CSNI105',
      `${flag} ${query} matches ${found.length} nodes of datacenter ${datacenter.name}: ${firstNames(found)}`,
      {
        object,
        next: found.slice(0, 3).map((node) => again`${flag} ${node.pod}`),
      },
    )
  }
  const stale =
    hostId !== undefined && datacenter.staleHostIds.includes(hostId)
      ? ', this is the host ID of a replaced or removed node'
      : ''
  const pods = datacenter.nodes.map((node) => node.pod)
  const available = pods.length === 0 ? 'no nodes yet' : `available: ${firstNames(datacenter.nodes)}`
  const nearest = closest(query, pods) ?? pods[0]
  throw new CassSniError('CSNI302', `node ${query} not found in datacenter ${datacenter.name}${stale} (${available})`, {
    object,
    next: nearest === undefined ? [] : [again`${flag} ${nearest}`],
  })
}

/** Pod names, of many nodes the first ones. */
function firstNames(nodes: readonly CassandraNode[]): string {
  return listed(
    nodes.map((node) => node.pod),
    MOST_NAMED,
  )
}
