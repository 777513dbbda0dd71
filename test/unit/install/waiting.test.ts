import assert from 'node:assert/strict'
import type { CassandraNode, Datacenter } from '../../../src/lib/cassandra/datacenter.ts'
import { isReady, waitingLines } from '../../../src/lib/workflows/install/nodes.ts'

function node(ordinal: number, overrides: Partial<CassandraNode> = {}): CassandraNode {
  return {
    pod: `dse-dc1-default-sts-${ordinal}`,
    podUid: `uid-${ordinal}`,
    statefulSet: 'dse-dc1-default-sts',
    ordinal,
    rack: 'default',
    state: 'Started',
    ready: true,
    terminating: false,
    replacing: false,
    dnsName: `dse-dc1-default-sts-${ordinal}.x`,
    containers: ['cassandra'],
    sidecar: true,
    ...overrides,
  }
}

function datacenter(nodes: CassandraNode[], overrides: Partial<Datacenter> = {}): Datacenter {
  return {
    namespace: 'cass-operator',
    name: 'dc1',
    uid: 'u',
    clusterName: 'dse',
    cassandraName: 'dc1',
    serverType: 'cassandra',
    serverVersion: '5.0.6',
    size: 3,
    stopped: false,
    progress: 'Ready',
    conditions: [{ type: 'Ready', status: 'True' }],
    nodes,
    staleHostIds: [],
    clientEncryption: { enabled: true, optional: false, requireClientAuth: false },
    serverEncryption: { enabled: true, optional: false, requireClientAuth: false },
    keystores: { caSecret: 'dc1-ca-keystore', keystoreSecret: 'dc1-keystore', keystoreKey: 'node-keystore.jks' },
    superuserSecret: 'dse-superuser',
    service: 'dse-dc1-service',
    clusterDomain: 'cluster.local',
    ...overrides,
  }
}

describe('waiting for the nodes', () => {
  it('is over only when every node has started and the operator has nothing left to do', () => {
    const all = [node(0), node(1), node(2)]
    assert.ok(isReady(datacenter(all)))
    assert.ok(!isReady(datacenter([node(0), node(1)])), 'a node is missing')
    assert.ok(!isReady(datacenter([...all, node(3)])), 'a node is still to go')
    assert.ok(!isReady(datacenter([node(0), node(1), node(2, { state: 'Starting' })])))
    assert.ok(!isReady(datacenter([node(0), node(1), node(2, { terminating: true })])))
    assert.ok(!isReady(datacenter(all, { progress: 'Updating' })))
    assert.ok(!isReady(datacenter(all, { conditions: [] })))
  })

  it('has a line per pod with its reason, then what the operator says', () => {
    const waiting = datacenter([node(0), node(1, { ready: false, state: 'Unscheduled', waiting: 'no CPU: 0/1 nodes are available' })], {
      progress: 'Updating',
      conditions: [{ type: 'ScalingUp', status: 'True', message: '' }],
    })
    assert.deepEqual(waitingLines(waiting), [
      'dse-dc1-default-sts-0: ready (Started)',
      'dse-dc1-default-sts-1: no CPU: 0/1 nodes are available',
      '1 more pod to be created by the operator',
      'operator: ScalingUp',
    ])
  })
})
