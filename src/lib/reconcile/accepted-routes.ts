/** Waits until a Gateway of the Gateway API serves the routes, by its status. */
import type { ApplyContext } from '../changes/apply.ts'
import { ownedSelector } from '../changes/ownership.ts'
import { API_GATEWAY, displayName } from '../cluster/resources.ts'
import { CassSniError, command, type NextStep } from '../errors.ts'
import { acceptanceOf } from '../gateway-api/acceptance.ts'
import { gatewayOfResource } from '../istio/gateway-service.ts'
import type { IngressGateway } from '../istio/mesh.ts'
import type { AwaitedRoutes } from '../routes/route-plan.ts'
import { durationText } from '../text/duration-text.ts'
import { listed } from '../text/listed.ts'
import { poll } from '../waiting/poll.ts'

/** How long a controller may take: for a new Gateway it creates a Deployment, which may need to pull an image. */
const ACCEPTANCE_TIMEOUT_MS = 90_000
const ACCEPTANCE_POLL_MS = 250

/**
 * Waits until the Gateway is programmed, every route is accepted and attached, and a pod of the Gateway is ready if it
 * has a Service. Returns the gateway with its current pods. Throws CSNI507 if that takes too long.
 */
export async function awaitAccepted(
  { kube, signal, emit }: ApplyContext,
  awaited: AwaitedRoutes,
  timeoutMs = ACCEPTANCE_TIMEOUT_MS,
): Promise<IngressGateway> {
  const { type, namespace, gateway: resource } = awaited
  const labelSelector = ownedSelector(awaited.datacenter)
  let faults: string[] = []
  const accepted = await poll({
    signal,
    // a list of many routes is large
    interval: Math.max(ACCEPTANCE_POLL_MS, awaited.routes.length),
    timeoutMs,
    until: async () => {
      const [live, tlsRoutes] = await Promise.all([
        kube.get(API_GATEWAY, resource.name, resource.namespace),
        kube.list(type, { namespace, labelSelector }),
      ])
      const found = acceptanceOf(awaited, live, tlsRoutes)
      faults = [...found.gateway, ...found.routes.values()]
      if (faults.length === 0) {
        const gateway = await gatewayOfResource(kube, resource, live)
        const { pods, object } = gateway
        if (object === undefined || pods.some(({ ready, terminating }) => ready && !terminating)) return gateway
        faults = [`service/${gateway.service} in namespace ${gateway.namespace} has no ready pods`]
      }
      emit({ type: 'waiting', id: 'routes', lines: faults.slice(0, 3) })
      return undefined
    },
  })
  if (accepted !== undefined) return accepted
  throw new CassSniError(
    'CSNI507',
    `routes written, but not served by the Gateway within ${durationText(timeoutMs)}: ${listed(faults, 3)}`,
    {
      object: `${displayName(API_GATEWAY, resource.name)} in namespace ${resource.namespace}`,
      next: statusCommands(awaited),
    },
  )
}

function statusCommands({ gateway, namespace }: AwaitedRoutes): NextStep[] {
  return [
    command`kubectl cass-sni verify`,
    command`kubectl describe -n ${gateway.namespace} gateways.gateway.networking.k8s.io ${gateway.name}`,
    command`kubectl describe -n ${namespace} tlsroutes.gateway.networking.k8s.io`,
  ]
}
