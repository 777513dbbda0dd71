/** Explains why pods, StatefulSets and Deployments are not ready: from conditions and containers, otherwise events. */
import type { CoreV1Event, V1Deployment } from '@kubernetes/client-node'
import { CassSniError } from '../errors.ts'
import type { Kube, KubeObject } from './kube.ts'
import { DEPLOYMENT, EVENT, POD } from './resources.ts'
import type { ContainerStatus, Pod } from './workloads.ts'

/** Reasons are truncated to this many characters to fit in a list. */
const LONGEST = 160

/**
 * Returns why a pod is not ready, e.g. "insufficient CPU: 0/1 nodes are available: 1 Insufficient cpu." or "init:
 * server-config-init"; undefined if unknown. Checked in start order: scheduling and volumes, init containers, images,
 * crashes.
 */
export function podObstacle(pod: Pod): string | undefined {
  const scheduled = (pod.status?.conditions ?? []).find((condition) => condition.type === 'PodScheduled')
  if (scheduled?.status === 'False')
    return oneLine(
      `${missingResource(scheduled.message ?? '')}${scheduled.message ?? scheduled.reason ?? 'not scheduled'}`,
    )
  const found =
    containerFault(pod.status?.initContainerStatuses, 'init ') ??
    initProgress(pod) ??
    containerFault(pod.status?.containerStatuses, '')
  return found === undefined ? undefined : oneLine(found)
}

/**
 * The missing resource, from the scheduler's message (kubernetes/kubernetes pkg/scheduler: "Insufficient cpu";
 * binder.go: "persistent volumes").
 */
function missingResource(message: string): string {
  if (/persistentvolumeclaim|persistent volume/i.test(message)) return 'volume not bound: '
  if (/Insufficient cpu/.test(message))
    return /Insufficient memory/.test(message) ? 'insufficient CPU and memory: ' : 'insufficient CPU: '
  if (/Insufficient memory/.test(message)) return 'insufficient memory: '
  if (/anti-affinity/.test(message)) return 'no free worker node: '
  return 'not scheduled: '
}

function containerFault(statuses: ContainerStatus[] | undefined, prefix: string): string | undefined {
  for (const status of statuses ?? []) {
    const waiting = status.state?.waiting
    const exit = status.lastState?.terminated ?? status.state?.terminated
    if (waiting?.reason !== undefined && /ImagePull|ErrImage|InvalidImage/.test(waiting.reason)) {
      return (
        `${prefix}image for ${status.name}: ` +
        `${waiting.reason}${waiting.message === undefined ? '' : `: ${waiting.message}`}`
      )
    }
    if (waiting?.reason === 'CrashLoopBackOff') {
      const code =
        exit === undefined ? '' : `, exit code ${exit.exitCode}${exit.reason === 'OOMKilled' ? ', out of memory' : ''}`
      return `${prefix}${status.name} is crashing (${status.restartCount} restarts${code})`
    }
    if (waiting?.reason !== undefined && /Error$/.test(waiting.reason)) {
      return `${prefix}${status.name}: ${waiting.reason}${waiting.message === undefined ? '' : `: ${waiting.message}`}`
    }
    const ended = status.state?.terminated
    if (ended !== undefined && ended.exitCode !== 0) {
      return (
        `${prefix}${status.name} exited with code ` +
        `${ended.exitCode}${ended.reason === 'OOMKilled' ? ' (out of memory)' : ''}`
      )
    }
  }
  return undefined
}

/**
 * "init: server-config-init" until that init container has finished; sidecars (restartPolicy Always) count as finished
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

/** Puts the text on one line and truncates it to fit in a list. */
export function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length <= LONGEST ? line : `${line.slice(0, LONGEST - 1)}…`
}

/** An event of type Warning. */
export interface WarningEvent {
  reason: string
  /** Not truncated; see `oneLine`. */
  message: string
  /** When it was last seen, in ms since the epoch. */
  seen: number
}

export interface InvolvedObject {
  kind: string
  name: string
  namespace: string
  /** Excludes events of an earlier object with the same name. */
  uid?: string | undefined
}

/**
 * Returns the newest Warning event of an object. Undefined without one, or without permission to list events.
 * Failing probes during start-up ("Unhealthy") explain nothing and are skipped.
 */
export async function newestWarning(kube: Kube, about: InvolvedObject): Promise<WarningEvent | undefined> {
  const { kind, name, namespace, uid } = about
  const selected = [`involvedObject.kind=${kind}`, `involvedObject.name=${name}`, 'type=Warning']
  if (uid !== undefined && uid !== '') selected.push(`involvedObject.uid=${uid}`)
  const events = await kube
    .list<KubeObject & CoreV1Event>(EVENT, { namespace, fieldSelector: selected.join(',') })
    .catch((error: unknown) => {
      if (error instanceof CassSniError && error.code === 'CSNI203') return []
      throw error
    })
  return events
    .filter((event) => event.reason !== 'Unhealthy')
    .map((event) => ({ reason: event.reason ?? '', message: event.message ?? '', seen: lastSeen(event) }))
    .sort((a, b) => b.seen - a.seen)[0]
}

/** The time fields in use depend on the event's API (k8s.io/api/core/v1/types.go, Event). */
function lastSeen({ series, lastTimestamp, eventTime, metadata }: CoreV1Event): number {
  const times = [series?.lastObservedTime, lastTimestamp, eventTime, metadata.creationTimestamp]
  // the models say Date, but JSON contains text
  const first = times.find((time) => time !== undefined && time !== null)
  return first === undefined ? 0 : new Date(first).getTime()
}

/**
 * Explains why a Deployment is not ready: first why its pods cannot be created, then one line per unready pod.
 * Empty if unknown or if the Deployment does not exist.
 */
export async function deploymentReasons(kube: Kube, name: string, namespace: string): Promise<string[]> {
  const deployment = await kube.get<LiveDeployment>(DEPLOYMENT, name, namespace)
  if (deployment === undefined) return []
  // exceeded quota, or an admission webhook that denies the pods (kubernetes pkg/controller/deployment/util)
  const refused = (deployment.status?.conditions ?? []).find(
    (condition) => condition.type === 'ReplicaFailure' && condition.status === 'True',
  )
  const pods = await podsOf(kube, deployment)
  const unready = pods.filter(
    (pod) =>
      pod.metadata.deletionTimestamp === undefined &&
      !(pod.status?.conditions ?? []).some((each) => each.type === 'Ready' && each.status === 'True'),
  )
  const lines = await Promise.all(unready.map((pod) => podLine(kube, pod, namespace)))
  return [...(refused?.message === undefined ? [] : [oneLine(refused.message)]), ...lines]
}

type LiveDeployment = KubeObject & Omit<V1Deployment, 'metadata'>

/** The pods that a Deployment selects. */
async function podsOf(kube: Kube, { metadata, spec }: LiveDeployment): Promise<Pod[]> {
  const labelSelector = Object.entries(spec?.selector?.matchLabels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
  return labelSelector === '' ? [] : kube.list<Pod>(POD, { namespace: metadata.namespace ?? '', labelSelector })
}

/** Returns the last log lines of a Deployment's pods; empty without permission and for pods that have not started. */
export async function deploymentLog(kube: Kube, name: string, namespace: string, tailLines: number): Promise<string[]> {
  const deployment = await kube.get<LiveDeployment>(DEPLOYMENT, name, namespace)
  const pods = deployment === undefined ? [] : await podsOf(kube, deployment)
  const logs = await Promise.all(
    pods.map((pod) =>
      kube
        .podLog({ name: pod.metadata.name, namespace }, { container: pod.spec?.containers[0]?.name, tailLines })
        .catch((error: unknown) => {
          // a container that is being created has no log (400)
          if (error instanceof CassSniError && ['CSNI203', 'CSNI204', 'CSNI206'].includes(error.code)) return ''
          throw error
        }),
    ),
  )
  return logs.flatMap((log) => log.split('\n'))
}

async function podLine(kube: Kube, pod: Pod, namespace: string): Promise<string> {
  const { name, uid } = pod.metadata
  const obstacle = podObstacle(pod)
  if (obstacle !== undefined) return `${name}: ${obstacle}`
  const warning = await newestWarning(kube, { kind: 'Pod', name, namespace, uid })
  return `${name}: ${warning === undefined ? 'not ready yet' : oneLine(warning.message)}`
}
