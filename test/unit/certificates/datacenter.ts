/** A datacenter of two started nodes and one that has no host id yet. */
import type { CassandraNode, Datacenter } from '../../../src/lib/cassandra/datacenter.ts'
import { datacenter as observed, node as observedNode } from '../../support/observed-datacenter.ts'

export const HOST_IDS = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'] as const

const NAMESPACE = 'default'

/** A node without a host id, unless one is given. */
export function node(ordinal: number, change: Partial<CassandraNode> = {}): CassandraNode {
  const { hostId: _none, ...rest } = observedNode(ordinal)
  return { ...rest, dnsName: `${rest.pod}.dse-dc1-all-pods-service.${NAMESPACE}.svc.cluster.local`, ...change }
}

export function datacenter(change: Partial<Datacenter> = {}): Datacenter {
  const encryption = {
    enabled: true,
    optional: false,
    requireClientAuth: false,
    keystorePath: '/etc/encryption/node-keystore.jks',
    keystorePassword: 'dc1',
  }
  const starting = node(2, { state: 'Starting', ready: false, waiting: 'starting Cassandra' })
  return observed({
    namespace: NAMESPACE,
    size: 3,
    nodes: [node(0, { hostId: HOST_IDS[0] }), node(1, { hostId: HOST_IDS[1] }), starting],
    clientEncryption: encryption,
    serverEncryption: encryption,
    ...change,
  })
}
