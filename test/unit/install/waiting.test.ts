import assert from 'node:assert/strict'
import type { CassandraNode, Datacenter } from '../../../src/lib/cassandra/datacenter.ts'
import { datacenter as observed, node } from '../../support/observed-datacenter.ts'
import { isReady, waitingLines } from '../../../src/lib/workflows/install/nodes-step.ts'

function datacenter(nodes: CassandraNode[], change: Partial<Datacenter> = {}): Datacenter {
  return observed({ size: 3, conditions: [{ type: 'Ready', status: 'True' }], nodes, ...change })
}

describe('waiting for the nodes', () => {
  it('ends only when every node has started and cass-operator is idle', () => {
    const all = [node(0), node(1), node(2)]
    assert.ok(isReady(datacenter(all)))
    assert.ok(!isReady(datacenter([node(0), node(1)])), 'a node is missing')
    assert.ok(!isReady(datacenter([...all, node(3)])), 'a node is still to go')
    assert.ok(!isReady(datacenter([node(0), node(1), node(2, { state: 'Starting' })])))
    assert.ok(!isReady(datacenter([node(0), node(1), node(2, { terminating: true })])))
    assert.ok(!isReady(datacenter(all, { progress: 'Updating' })))
    assert.ok(!isReady(datacenter(all, { conditions: [] })))
  })

  it('reports a line per pod with its reason, then the conditions of cass-operator', () => {
    const waiting = datacenter(
      [node(0), node(1, { ready: false, state: 'Unscheduled', waiting: 'no CPU: 0/1 nodes are available' })],
      {
        progress: 'Updating',
        conditions: [{ type: 'ScalingUp', status: 'True', message: '' }],
      },
    )
    assert.deepEqual(waitingLines(waiting), [
      'dse-dc1-default-sts-0: ready (Started)',
      'dse-dc1-default-sts-1: no CPU: 0/1 nodes are available',
      'waiting for cass-operator to create 1 pod',
      'cass-operator: ScalingUp',
    ])
  })
})
