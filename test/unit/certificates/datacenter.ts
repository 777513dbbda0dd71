/** A datacenter of two started nodes and one that has no host id yet. */
import type { CassandraNode, Datacenter } from '../../../src/lib/cassandra/datacenter.ts'

export const HOST_IDS = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'] as const

export function node(ordinal: number, change: Partial<CassandraNode> = {}): CassandraNode {
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
    address: `10.244.0.${ordinal + 10}`,
    dnsName: `${pod}.dse-dc1-all-pods-service.default.svc.cluster.local`,
    containers: ['cassandra'],
    sidecar: false,
    ...change,
  }
}

export function datacenter(change: Partial<Datacenter> = {}): Datacenter {
  const encryption = {
    enabled: true,
    optional: false,
    requireClientAuth: false,
    keystorePath: '/etc/encryption/node-keystore.jks',
    keystorePassword: 'dc1',
  }
  return {
    namespace: 'default',
    name: 'dc1',
    uid: 'uid',
    clusterName: 'dse',
    cassandraName: 'dc1',
    serverType: 'cassandra',
    serverVersion: '5.0.6',
    size: 3,
    stopped: false,
    progress: 'Ready',
    conditions: [],
    nodes: [
      node(0, { hostId: HOST_IDS[0] }),
      node(1, { hostId: HOST_IDS[1] }),
      node(2, {
        state: 'Starting',
        ready: false,
        waiting: 'starting Cassandra',
      }),
    ],
    staleHostIds: [],
    clientEncryption: encryption,
    serverEncryption: encryption,
    keystores: {
      caSecret: 'dc1-ca-keystore',
      keystoreSecret: 'dc1-keystore',
      keystoreKey: 'node-keystore.jks',
    },
    superuserSecret: 'dse-superuser',
    service: 'dse-dc1-service',
    clusterDomain: 'cluster.local',
    ...change,
  }
}
