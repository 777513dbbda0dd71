import { equal } from 'node:assert/strict'
import type { NodeState } from '../../../src/lib/cassandra/datacenter.ts'
import { waitingReason } from '../../../src/lib/cassandra/waiting.ts'
import { pod } from './objects.ts'

const reason = (status: object, state: NodeState = 'Unknown') =>
  waitingReason(pod(0, { status: { conditions: [], ...status } }), state)
const unscheduled = (message: string) => reason({ conditions: [{ type: 'PodScheduled', status: 'False', message }] })
const container = (state: object, more: object = {}) =>
  reason({ containerStatuses: [{ name: 'cassandra', ready: false, restartCount: 3, state, ...more }] })

describe('why a pod waits', () => {
  it('says nothing of a ready pod', () => equal(waitingReason(pod(0), 'Started'), undefined))
  it('says that a pod is going', () => equal(waitingReason(pod(0, { deleting: true }), 'Started'), 'terminating'))

  it('names what the scheduler misses', () => {
    equal(
      unscheduled('0/1 nodes are available: 1 Insufficient cpu.'),
      'insufficient CPU: 0/1 nodes are available: 1 Insufficient cpu.',
    )
    equal(
      unscheduled('0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory.'),
      'insufficient CPU and memory: 0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory.',
    )
    equal(unscheduled('0/1 nodes are available: 1 Insufficient memory.')?.startsWith('insufficient memory: '), true)
    equal(unscheduled('pod has unbound immediate PersistentVolumeClaims')?.startsWith('volume not bound: '), true)
    equal(
      unscheduled("0/1 nodes are available: 1 node(s) didn't find available persistent volumes to bind.")?.startsWith(
        'volume not bound: ',
      ),
      true,
    )
    equal(
      unscheduled("0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules.")?.startsWith(
        'no free worker node: ',
      ),
      true,
    )
  })

  it('names the init container at work', () =>
    equal(
      reason({
        initContainerStatuses: [
          { name: 'server-config-init-base', ready: true, restartCount: 0, state: { terminated: { exitCode: 0 } } },
          { name: 'server-config-init', ready: false, restartCount: 0, state: { running: {} } },
        ],
      }),
      'init: server-config-init',
    ))

  it('tells image trouble and crashes, with the exit code', () => {
    equal(
      container({ waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "x"' } }),
      'image for cassandra: ImagePullBackOff: Back-off pulling image "x"',
    )
    equal(
      container(
        { waiting: { reason: 'CrashLoopBackOff' } },
        { lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } } },
      ),
      'cassandra is crashing (3 restarts, exit code 137, out of memory)',
    )
    equal(container({ terminated: { exitCode: 3 } }), 'cassandra exited with code 3')
    equal(
      container({ waiting: { reason: 'CreateContainerConfigError', message: 'secret "x" not found' } }),
      'cassandra: CreateContainerConfigError: secret "x" not found',
    )
  })

  it("reports Cassandra's start", () => {
    equal(reason({}, 'Ready-to-Start'), 'waiting for other nodes to start')
    equal(reason({}, 'Starting'), 'starting and joining the ring')
    equal(container({ running: {} }), 'containers not ready: cassandra')
    equal(reason({}), 'creating containers')
  })

  it('keeps to one short line', () => {
    const line = unscheduled(`a\nb ${'x'.repeat(500)}`)
    equal(line?.length, 160)
    equal(line?.includes('\n'), false)
  })
})
