/** Asks every ready pod of the gateway whether its Envoy has loaded the routes. */
import type { ApplyContext } from '../changes/apply.ts'
import { CassSniError, command, throwIfAborted } from '../errors.ts'
import { nameOf } from '../istio/gateways.ts'
import { listeningPort, loadedListener } from '../istio/loaded.ts'
import type { GatewayPod, IngressGateway } from '../istio/mesh.ts'
import type { Plan } from '../routes/route-plan.ts'
import { poll } from '../waiting/poll.ts'

/**
 * How long a gateway's Envoy may take to load new routes. Istio's own delay is 0.1 s to 10 s (istio/istio
 * pilot/pkg/features/tuning.go).
 */
const LOAD_TIMEOUT_MS = 15_000
const LOAD_POLL_MS = 250
/** An Envoy that cannot be asked so many times in a row will not be asked in ten seconds either. */
const LOAD_ATTEMPTS = 3

/** How many ready pods the gateway has, and how many of them said that they have loaded every route. */
export interface Loaded {
  pods: number
  confirmed: number
}

/** Of a plan, what Envoys are asked about. */
type Routed = Pick<Plan, 'gateway' | 'port' | 'lacks'>

type Answer = 'loaded' | { late: string } | { unknown: string }

/**
 * Waits until every one has loaded what the plan routes. What cannot be asked is told as a warning, and not counted.
 * Throws CSNI507 when one has not loaded the routes in time.
 */
export async function awaitLoaded(context: ApplyContext, plan: Routed, timeoutMs = LOAD_TIMEOUT_MS): Promise<Loaded> {
  const { gateway } = plan
  const pods = gateway.pods.filter((pod) => pod.ready && !pod.terminating)
  if (pods.length === 0) {
    context.emit({ type: 'warning', message: `gateway ${nameOf(gateway)} has no ready pod that could load the routes` })
    return { pods: 0, confirmed: 0 }
  }
  const answers = await Promise.all(pods.map((pod) => askPod(context, pod, plan, timeoutMs)))
  const late = answers.flatMap((each) => (typeof each === 'object' && 'late' in each ? [each.late] : []))
  const unknown = answers.flatMap((each) => (typeof each === 'object' && 'unknown' in each ? [each.unknown] : []))
  for (const message of new Set(unknown)) context.emit({ type: 'warning', message })
  if (late.length > 0) throw notLoaded(gateway, plan.port, timeoutMs, late)
  return { pods: pods.length, confirmed: answers.filter((each) => each === 'loaded').length }
}

async function askPod(
  { kube, emit, signal }: ApplyContext,
  pod: GatewayPod,
  plan: Routed,
  timeoutMs: number,
): Promise<Answer> {
  const port = listeningPort(plan.gateway, plan.port, pod)
  let late = ''
  let failures = 0
  const answer = await poll<Answer>({
    signal,
    interval: LOAD_POLL_MS,
    timeoutMs,
    until: async () => {
      try {
        const { routes, error } = await loadedListener(kube, pod, port)
        const [first, ...more] = plan.lacks(routes)
        if (first === undefined) return 'loaded'
        failures = 0
        const refused = error === undefined ? '' : `; it refused its last configuration: ${error}`
        late = `${pod.name} lacks ${first}${more.length === 0 ? '' : ` and ${more.length} more`}${refused}`
        emit({ type: 'waiting', id: 'routes', lines: [`${pod.name}: its Envoy loads the routes`] })
        return undefined
      } catch (error) {
        throwIfAborted(signal)
        if (!(error instanceof CassSniError)) throw error
        failures++
        if (error.code !== 'CSNI203' && failures < LOAD_ATTEMPTS) return undefined
        return { unknown: `whether pod ${pod.name} has loaded the routes is not known: ${error.message}` }
      }
    },
  })
  return answer ?? { late }
}

function notLoaded(
  { namespace, service, pods }: IngressGateway,
  port: number,
  timeoutMs: number,
  late: string[],
): CassSniError {
  return new CassSniError(
    'CSNI507',
    `service/${service} in namespace ${namespace}: the routes are written, and Envoy has not loaded them in ` +
      `${timeoutMs / 1000} s: ${late.join('; ')}`,
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
