/** Which node does `--node` mean? */
import { again, CassSniError } from '../errors.ts'
import type { CassandraNode, Datacenter } from './datacenter.ts'
import { asHostId } from '../text/host-id.ts'

/**
 * The node of that pod name, host id, or ordinal (the number that ends the pod's name).
 * Throws CSNI302 naming the nodes that there are, or CSNI105 when the ordinal fits nodes of several racks.
 */
export function findNode(datacenter: Datacenter, text: string): CassandraNode {
  const wanted = text.trim()
  const hostId = asHostId(wanted)
  const found = datacenter.nodes.filter(
    (node) =>
      node.pod === wanted ||
      (hostId !== undefined && node.hostId === hostId) ||
      (/^\d+$/.test(wanted) && node.ordinal === Number(wanted)),
  )
  const exact = found.find((node) => node.pod === wanted) ?? (found.length === 1 ? found[0] : undefined)
  if (exact !== undefined) return exact
  const object = `cassandradatacenter/${datacenter.name} in namespace ${datacenter.namespace}`
  if (found.length > 1) {
    throw new CassSniError(
      'CSNI105',
      `${found.length} nodes of datacenter ${datacenter.name} fit ${wanted}: ` +
        `${found.map((node) => node.pod).join(', ')}`,
      {
        object,
        next: found.map((node) => again`--node ${node.pod}`),
      },
    )
  }
  const stale =
    hostId !== undefined && datacenter.staleHostIds.includes(hostId)
      ? ' (a host id of before: that node was replaced or is gone)'
      : ''
  const there =
    datacenter.nodes.length === 0
      ? 'it has no nodes yet'
      : `it has ${datacenter.nodes.map((node) => node.pod).join(', ')}`
  throw new CassSniError('CSNI302', `datacenter ${datacenter.name} has no node ${wanted}${stale}: ${there}`, {
    object,
    next: datacenter.nodes.slice(0, 5).map((node) => again`--node ${node.pod}`),
  })
}
