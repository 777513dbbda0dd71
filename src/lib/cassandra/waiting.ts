/** Why a Cassandra pod is not ready, in one line. */
import { oneLine, podObstacle } from '../cluster/workload-reasons.ts'
import type { Pod } from '../cluster/workloads.ts'
import type { NodeState } from './datacenter.ts'

const STATE_TEXT: Partial<Record<NodeState, string>> = {
  'Ready-to-Start': 'waiting for other nodes to start',
  Starting: 'starting and joining the ring',
  Decommissioning: 'leaving the ring',
}

/**
 * Returns the reason; undefined if the pod is ready. The first obstacle wins: deletion, missing cluster resources, then
 * Cassandra's start.
 */
export function waitingReason(pod: Pod, state: NodeState): string | undefined {
  if (pod.metadata.deletionTimestamp !== undefined) return 'terminating'
  if ((pod.status?.conditions ?? []).some((c) => c.type === 'Ready' && c.status === 'True')) return undefined
  const obstacle = podObstacle(pod) ?? STATE_TEXT[state]
  if (obstacle !== undefined) return obstacle
  const unready = (pod.status?.containerStatuses ?? []).filter((c) => !c.ready).map((c) => c.name)
  if (unready.length > 0) return oneLine(`containers not ready: ${unready.join(', ')}`)
  return pod.status?.phase === 'Failed' ? 'pod failed' : 'creating containers'
}
