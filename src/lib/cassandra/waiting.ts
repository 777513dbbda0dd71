/** Why a pod is not ready yet, in one line for a human who waits for it. */
import type { ContainerStatus, Pod } from '../cluster/workloads.ts'
import type { NodeState } from './datacenter.ts'

/** The line is cut to this many characters: it stands beside others in a list. */
const LONGEST = 160

const STATE_TEXT: Partial<Record<NodeState, string>> = {
  'Ready-to-Start': 'waits for its turn to start',
  Starting: 'starting and joining the ring',
  Decommissioning: 'leaving the ring',
}

/**
 * The reason, e.g. "no CPU: 0/1 nodes are available: 1 Insufficient cpu." or "init: server-config-init"; undefined
 * when all containers are ready.
 * What stands in the way first is told first: deletion, scheduling and volumes, init containers, images and crashes,
 * then Cassandra's own start.
 */
export function waitingReason(pod: Pod, state: NodeState): string | undefined {
  if (pod.metadata.deletionTimestamp !== undefined) return 'terminating'
  const conditions = pod.status?.conditions ?? []
  if (conditions.some((c) => c.type === 'Ready' && c.status === 'True')) return undefined
  const scheduled = conditions.find((c) => c.type === 'PodScheduled')
  if (scheduled?.status === 'False')
    return short(`${obstacle(scheduled.message ?? '')}${scheduled.message ?? scheduled.reason ?? 'not scheduled'}`)
  const trouble =
    containerTrouble(pod.status?.initContainerStatuses, 'init ') ??
    initProgress(pod) ??
    containerTrouble(pod.status?.containerStatuses, '')
  if (trouble !== undefined) return short(trouble)
  const own = STATE_TEXT[state]
  if (own !== undefined) return own
  const unready = (pod.status?.containerStatuses ?? []).filter((c) => !c.ready).map((c) => c.name)
  if (unready.length > 0) return short(`not ready yet: ${unready.join(', ')}`)
  return short(pod.status?.phase === 'Failed' ? 'the pod failed' : 'containers are being created')
}

/**
 * The resource that the scheduler misses, from its own message (kubernetes/kubernetes pkg/scheduler: "Insufficient
 * cpu", "unbound immediate PersistentVolumeClaims").
 */
function obstacle(message: string): string {
  if (/persistentvolumeclaim|persistent volume/i.test(message)) return 'no volume: '
  if (/Insufficient cpu/.test(message)) return /Insufficient memory/.test(message) ? 'no CPU and memory: ' : 'no CPU: '
  if (/Insufficient memory/.test(message)) return 'no memory: '
  if (/anti-affinity/.test(message)) return 'no Kubernetes node of its own: '
  return 'not scheduled: '
}

function containerTrouble(statuses: ContainerStatus[] | undefined, prefix: string): string | undefined {
  for (const status of statuses ?? []) {
    const waiting = status.state?.waiting
    const exit = status.lastState?.terminated ?? status.state?.terminated
    if (waiting?.reason !== undefined && /ImagePull|ErrImage|InvalidImage/.test(waiting.reason)) {
      return `${prefix}image of ${status.name}: ${waiting.reason}${waiting.message === undefined ? '' : `: ${waiting.message}`}`
    }
    if (waiting?.reason === 'CrashLoopBackOff') {
      const code =
        exit === undefined ? '' : `, exit code ${exit.exitCode}${exit.reason === 'OOMKilled' ? ' (out of memory)' : ''}`
      return `${prefix}${status.name} crashes (${status.restartCount} restarts${code})`
    }
    if (waiting?.reason !== undefined && /Error$/.test(waiting.reason)) {
      return `${prefix}${status.name}: ${waiting.reason}${waiting.message === undefined ? '' : `: ${waiting.message}`}`
    }
    const ended = status.state?.terminated
    if (ended !== undefined && ended.exitCode !== 0) {
      return `${prefix}${status.name} ended with exit code ${ended.exitCode}${ended.reason === 'OOMKilled' ? ' (out of memory)' : ''}`
    }
  }
  return undefined
}

/**
 * "init: server-config-init" while that init container has not ended; sidecars (restartPolicy Always) count as done
 * once started.
 */
function initProgress(pod: Pod): string | undefined {
  const sidecars = new Set(
    (pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always').map((c) => c.name),
  )
  const current = (pod.status?.initContainerStatuses ?? []).find((c) =>
    sidecars.has(c.name) ? c.started !== true : c.state?.terminated === undefined && !c.ready,
  )
  return current === undefined ? undefined : `init: ${current.name}`
}

function short(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length <= LONGEST ? line : `${line.slice(0, LONGEST - 1)}…`
}
