/** Checks whether the Envoy of every ready gateway pod has loaded the routes. */
import type { ApplyContext } from '../changes/apply.ts'
import { CassSniError, command, throwIfAborted } from '../errors.ts'
import { durationText } from '../text/duration-text.ts'
import { nameOf } from '../istio/gateways.ts'
import { activeClusters, listeningPort, loadedListener } from '../istio/loaded.ts'
import type { GatewayPod, IngressGateway } from '../istio/mesh.ts'
import type { Plan } from '../routes/route-plan.ts'
import { awaitAccepted } from './accepted-routes.ts'
import { poll } from '../waiting/poll.ts'

/**
 * How long a gateway's Envoy may take to load new routes. Istio's own delay is 0.1 s to 10 s (istio/istio
 * pilot/pkg/features/tuning.go).
 */
const LOAD_TIMEOUT_MS = 15_000
const LOAD_POLL_MS = 250
/** Consecutive failures after which an Envoy counts as unreachable. */
const LOAD_ATTEMPTS = 3

/**
 * How long a gateway's Envoy may take to know new destinations before routes refer to them. Where Istio sends a gateway
 * only the clusters of its routes (PILOT_FILTER_GATEWAY_CLUSTER_CONFIG), it never does.
 */
const CLUSTERS_TIMEOUT_MS = 5_000

/** Number of ready gateway pods, and of those confirmed to have loaded every route. */
export interface Loaded {
  pods: number
  confirmed: number
}

/** The parts of a plan needed to check an Envoy. */
type Routed = Pick<Plan, 'gateway' | 'port' | 'lacks' | 'awaited'>

type PodState = 'loaded' | { late: string } | { unknown: string }

/**
 * Waits until every ready gateway pod has loaded the routes, for the Gateway API after its status states that they are
 * accepted. Pods that cannot be checked cause a warning and do not count as confirmed; those of another implementation
 * than Istio are not checked. Throws CSNI507 if the routes are not accepted or loaded in time.
 */
export async function awaitLoaded(context: ApplyContext, plan: Routed, timeoutMs = LOAD_TIMEOUT_MS): Promise<Loaded> {
  const gateway = plan.awaited === undefined ? plan.gateway : await awaitAccepted(context, plan.awaited)
  // of another implementation
  const isForeign = gateway.resource !== undefined && gateway.pods.every(({ foreign }) => foreign)
  return isForeign ? { pods: 0, confirmed: 0 } : awaitPods(context, { ...plan, gateway }, timeoutMs)
}

/** Whether the Envoy of a pod should have loaded the routes, and can be read. */
export function isLoadable({ ready, terminating, foreign }: GatewayPod): boolean {
  return ready && !terminating && foreign === undefined
}

async function awaitPods(context: ApplyContext, plan: Routed, timeoutMs: number): Promise<Loaded> {
  const { gateway } = plan
  const pods = gateway.pods.filter(isLoadable)
  if (pods.length === 0) {
    context.emit({ type: 'warning', message: `gateway ${nameOf(gateway)} has no ready pods to load the routes` })
    return { pods: 0, confirmed: 0 }
  }
  const states = await Promise.all(pods.map((pod) => checkPod(context, pod, plan, timeoutMs)))
  const late = states.flatMap((each) => (typeof each === 'object' && 'late' in each ? [each.late] : []))
  const unknown = states.flatMap((each) => (typeof each === 'object' && 'unknown' in each ? [each.unknown] : []))
  for (const message of new Set(unknown)) context.emit({ type: 'warning', message })
  if (late.length > 0) throw notLoaded(gateway, plan.port, timeoutMs, late)
  return { pods: pods.length, confirmed: states.filter((each) => each === 'loaded').length }
}

/**
 * Waits until every ready gateway pod can use these clusters, so that routes can change to them without a gap: Envoy
 * closes connections for a cluster whose name it is still resolving. Continues after a time limit, and with a pod that
 * cannot be checked.
 */
export async function awaitClusters(
  { kube, signal }: Pick<ApplyContext, 'kube' | 'signal'>,
  { pods }: IngressGateway,
  clusters: readonly string[],
): Promise<void> {
  const isActive = async (pod: GatewayPod) => {
    try {
      const active = await activeClusters(kube, pod)
      return clusters.every((name) => active.has(name))
    } catch (error) {
      throwIfAborted(signal)
      if (error instanceof CassSniError) return true
      throw error
    }
  }
  await Promise.all(
    pods.filter(isLoadable).map((pod) =>
      poll({
        signal,
        interval: LOAD_POLL_MS,
        timeoutMs: CLUSTERS_TIMEOUT_MS,
        until: async () => ((await isActive(pod)) ? true : undefined),
      }),
    ),
  )
}

async function checkPod(
  { kube, emit, signal }: ApplyContext,
  pod: GatewayPod,
  plan: Routed,
  timeoutMs: number,
): Promise<PodState> {
  const port = listeningPort(plan.gateway, plan.port, pod)
  let late = ''
  let failures = 0
  const state = await poll<PodState>({
    signal,
    interval: LOAD_POLL_MS,
    timeoutMs,
    until: async () => {
      try {
        const { routes, error } = await loadedListener(kube, pod, port)
        const [first, ...more] = plan.lacks(routes)
        if (first === undefined) return 'loaded'
        failures = 0
        const refused = error === undefined ? '' : `; rejected its last configuration: ${error}`
        late = `${pod.name} is missing ${first}${more.length === 0 ? '' : ` and ${more.length} more`}${refused}`
        emit({ type: 'waiting', id: 'routes', lines: [`${pod.name}: waiting for Envoy to load the routes`] })
        return undefined
      } catch (error) {
        throwIfAborted(signal)
        if (!(error instanceof CassSniError)) throw error
        failures++
        if (error.code !== 'CSNI203' && failures < LOAD_ATTEMPTS) return undefined
        return { unknown: `cannot check whether pod ${pod.name} has loaded the routes: ${error.message}` }
      }
    },
  })
  return state ?? { late }
}

function notLoaded(
  { namespace, service, pods }: IngressGateway,
  port: number,
  timeoutMs: number,
  late: string[],
): CassSniError {
  return new CassSniError(
    'CSNI507',
    `service/${service} in namespace ${namespace}: routes written, but not loaded by Envoy within ` +
      `${durationText(timeoutMs)}: ${late.join('; ')}`,
    {
      object: `service/${service} in namespace ${namespace}`,
      next: [
        command`kubectl cass-sni verify`,
        command`istioctl proxy-config listeners ${pods[0]?.name ?? ''} -n ${namespace} --port ${port}`,
        command`istioctl proxy-status`,
      ],
    },
  )
}
