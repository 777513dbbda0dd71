/** A datacenter of any size, behind Istio, in memory: for the time that it takes to observe and to plan it. */
import type { WorkflowContext } from '../../src/lib/workflows/context.ts'
import { type RoutesSyncResult, syncRoutes } from '../../src/lib/workflows/routes-sync-workflow.ts'
import type { KubeObject } from '../../src/lib/cluster/kube.ts'
import { cassandraDatacenter, labels, pod, statefulSet } from '../unit/cassandra/objects.ts'
import { gatewayPod, gatewayService, istiod } from '../unit/istio/objects.ts'
import { kubeInMemory, type Requests } from './kube-in-memory.ts'

const RACKS = ['rack1', 'rack2', 'rack3']

/** What cass-operator and Istio leave of a datacenter with so many started nodes in three racks. */
export function largeDatacenter(nodes: number): KubeObject[] {
  const members = Array.from({ length: nodes }, (_, n) => {
    const rack = RACKS[n % RACKS.length] ?? ''
    const address = `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`
    const hostId = `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
    return { rack, name: `dse-dc1-${rack}-sts-${Math.floor(n / RACKS.length)}`, address, hostId }
  })
  const nodeStatuses = Object.fromEntries(
    members.map(({ name, address, hostId, rack }) => [name, { hostID: hostId, ip: address, rack }]),
  )
  const gatewayLabels = { app: 'istio-ingressgateway', istio: 'ingressgateway' }
  return [
    cassandraDatacenter({
      spec: { size: nodes, racks: RACKS.map((name) => ({ name })) },
      status: { nodeStatuses },
    }) as KubeObject,
    ...RACKS.map((rack) =>
      statefulSet({
        name: `dse-dc1-${rack}-sts`,
        replicas: members.filter((member) => member.rack === rack).length,
        labels: labels('dse', 'dc1', rack),
      }),
    ),
    ...members.map(({ rack, name, address }, n) =>
      pod(n, { name, labels: labels('dse', 'dc1', rack), status: { podIP: address } }),
    ),
    istiod(),
    gatewayPod('istio-ingressgateway-0', 'istio-system', gatewayLabels),
    gatewayService('istio-ingressgateway', 'istio-system', gatewayLabels, { ip: '10.200.1.10' }),
  ]
}

export interface Synced {
  result: RoutesSyncResult
  /** Of this process, for observing and planning and, at the first time, applying. */
  cpuSeconds: number
  requests: Requests
}

/** `routes sync` on such a datacenter, first with nothing there, then with nothing to do. */
export async function syncLargeDatacenter(nodes: number): Promise<{ first: Synced; again: Synced }> {
  const { kube, requests } = kubeInMemory('cass-operator', largeDatacenter(nodes), {
    'networking.istio.io': ['v1', 'v1beta1'],
    'security.istio.io': ['v1'],
  })
  const context: WorkflowContext = {
    kube,
    signal: new AbortController().signal,
    emit: () => undefined,
    dryRun: false,
    now: Date.now,
  }
  const sync = async (): Promise<Synced> => {
    const before = { ...requests }
    const started = process.cpuUsage()
    const result = await syncRoutes(context, { clusterDomain: 'cluster.local', port: 9042, mode: 'sni' })
    const { user, system } = process.cpuUsage(started)
    const made = Object.entries(requests).map(([verb, count]) => [verb, count - before[verb as keyof Requests]])
    return { result, cpuSeconds: (user + system) / 1e6, requests: Object.fromEntries(made) }
  }
  return { first: await sync(), again: await sync() }
}
