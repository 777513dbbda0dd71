/** Why a Cassandra pod is not ready yet, in one line for a human who waits for it. */
import { oneLine, podObstacle } from '../cluster/workload-reasons.ts'
import type { Pod } from '../cluster/workloads.ts'
import type { NodeState } from './datacenter.ts'

const STATE_TEXT: Partial<Record<NodeState, string>> = {
  'Ready-to-Start': 'waits for its turn to start',
  Starting: 'starting and joining the ring',
  Decommissioning: 'leaving the ring',
}

/**
 * The reason, undefined when all containers are ready. What stands in the way first is told first: deletion, what the
 * cluster lacks, then Cassandra's own start.
 */
export function waitingReason(pod: Pod, state: NodeState): string | undefined {
  if (pod.metadata.deletionTimestamp !== undefined) return 'terminating'
  if ((pod.status?.conditions ?? []).some((c) => c.type === 'Ready' && c.status === 'True')) return undefined
  const obstacle = podObstacle(pod) ?? STATE_TEXT[state]
  if (obstacle !== undefined) return obstacle
  const unready = (pod.status?.containerStatuses ?? []).filter((c) => !c.ready).map((c) => c.name)
  if (unready.length > 0) return oneLine(`not ready yet: ${unready.join(', ')}`)
  return pod.status?.phase === 'Failed' ? 'the pod failed' : 'containers are being created'
}
