/** A datacenter as the cassandra layer observes it, all nodes well, for tests of the layers that use it. */
import type { CassandraNode, Datacenter } from '../../src/lib/cassandra/datacenter.ts'

/** A started node with the host id 00000000-0000-4000-8000-<ordinal>. */
export function node(ordinal: number, more: Partial<CassandraNode> = {}): CassandraNode {
  const pod = `dse-dc1-default-sts-${ordinal}`
  return {
    pod,
    podUid: `uid-${ordinal}`,
    statefulSet: 'dse-dc1-default-sts',
    ordinal,
    rack: 'default',
    state: 'Started',
    ready: true,
    terminating: false,
    replacing: false,
    hostId: `00000000-0000-4000-8000-${String(ordinal).padStart(12, '0')}`,
    address: `10.244.0.${10 + ordinal}`,
    dnsName: `${pod}.dse-dc1-all-pods-service.cass-operator.svc.cluster.local`,
    containers: ['cassandra'],
    sidecar: false,
    ...more,
  }
}

/** Two started nodes in namespace cass-operator, TLS and login on. */
export function datacenter(more: Partial<Datacenter> = {}): Datacenter {
  return {
    namespace: 'cass-operator',
    name: 'dc1',
    uid: 'uid-dc1',
    clusterName: 'dse',
    cassandraName: 'dc1',
    serverType: 'cassandra',
    serverVersion: '5.0.6',
    size: 2,
    stopped: false,
    progress: 'Ready',
    conditions: [],
    nodes: [node(0), node(1)],
    complete: true,
    nativePort: 9042,
    staleHostIds: [],
    clientEncryption: {
      enabled: true,
      optional: false,
      requireClientAuth: false,
      keystorePath: '/etc/encryption/node-keystore.jks',
    },
    serverEncryption: { enabled: true, optional: false, requireClientAuth: false },
    keystores: { caSecret: 'dc1-ca-keystore', keystoreSecret: 'dc1-keystore', keystoreKey: 'node-keystore.jks' },
    superuserSecret: 'dse-superuser',
    service: 'dse-dc1-service',
    clusterDomain: 'cluster.local',
    ...more,
  }
}
