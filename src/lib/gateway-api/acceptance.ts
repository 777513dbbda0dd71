/** What the status of a Gateway and its routes states about being served (kubernetes-sigs/gateway-api apis/v1). */
import type { KubeObject } from '../cluster/kube.ts'
import { displayName, API_GATEWAY, TLS_ROUTE } from '../cluster/resources.ts'
import {
  type Condition,
  gatewayStatus,
  refersTo,
  type ResourceName,
  type RouteStatus,
  textOf,
} from './gateway-objects.ts'

/** Faults of the Gateway and of each route; both are empty if everything is served. */
export interface Acceptance {
  gateway: string[]
  /** By the name of the route. */
  routes: Map<string, string>
}

export interface Awaited {
  gateway: ResourceName
  /** Name of the listener. */
  listener: string
  /** Namespace and names of our routes. */
  namespace: string
  routes: readonly string[]
}

/**
 * Returns what is missing until the routes are served: the Gateway and the listener are programmed, each route is
 * accepted with its references resolved, and at least as many routes are attached to the listener. A condition of an
 * older generation does not count.
 */
export function acceptanceOf(
  awaited: Awaited,
  gateway: KubeObject | undefined,
  tlsRoutes: readonly KubeObject[],
): Acceptance {
  const { namespace, routes } = awaited
  const live = new Map(
    tlsRoutes.filter((each) => each.metadata.namespace === namespace).map((each) => [each.metadata.name, each]),
  )
  return {
    gateway: gatewayFaults(awaited, gateway),
    routes: new Map(
      routes.flatMap((name) => {
        const fault = routeFault(name, awaited, live.get(name))
        return fault === undefined ? [] : [[name, fault] as const]
      }),
    ),
  }
}

function gatewayFaults(
  { gateway: wanted, listener: name, routes }: Awaited,
  gateway: KubeObject | undefined,
): string[] {
  const named = `${displayName(API_GATEWAY, wanted.name)} in namespace ${wanted.namespace}`
  if (gateway === undefined) return [`${named} not found`]
  const { conditions, listeners = [] } = gatewayStatus(gateway)
  const fault = unmet(gateway, conditions, ['Accepted', 'Programmed'])
  if (fault !== undefined) return [`${named}: ${fault}`]
  const listener = listeners.find((each) => each.name === name)
  if (listener === undefined) return [`${named}: listener ${name} has no status`]
  const listenerFault = unmet(gateway, listener.conditions, ['Accepted', 'Programmed'])
  if (listenerFault !== undefined) return [`${named}: listener ${name}: ${listenerFault}`]
  const attached = listener.attachedRoutes ?? 0
  return attached >= routes.length
    ? []
    : [`${named}: listener ${name}: ${attached} of ${routes.length} routes are attached`]
}

function routeFault(name: string, { gateway, listener }: Awaited, route: KubeObject | undefined): string | undefined {
  const named = displayName(TLS_ROUTE, name)
  if (route === undefined) return `${named} not found`
  const { parents = [] } = (route.status as RouteStatus | undefined) ?? {}
  const { namespace = '' } = route.metadata
  const matching = parents.filter(
    ({ parentRef }) =>
      refersTo(parentRef, namespace, gateway) &&
      (parentRef.sectionName === undefined || parentRef.sectionName === listener),
  )
  if (matching.length === 0) return `${named}: not accepted by Gateway ${textOf(gateway)} yet`
  // each controller that handles the parent writes an entry
  const faults = matching.map(({ conditions }) => unmet(route, conditions, ['Accepted', 'ResolvedRefs']))
  return faults.includes(undefined) ? undefined : `${named}: ${faults[0]}`
}

/** Clients without the load balancer's address use a tunnel or a node port. */
const TOLERATED = new Set(['AddressNotAssigned'])

/** Returns the first of these conditions that is not true for the current generation, with its reason. */
function unmet(
  { metadata: { generation = 0 } }: KubeObject,
  conditions: readonly Condition[] | undefined,
  types: readonly string[],
): string | undefined {
  for (const type of types) {
    const found = conditions?.find((each) => each.type === type)
    if (found === undefined || (found.observedGeneration ?? generation) < generation)
      return `${type} is not reported yet`
    if (found.status !== 'True' && !TOLERATED.has(found.reason ?? '')) {
      const detail = [found.reason, found.message].filter((text) => text !== undefined && text !== '').join(': ')
      return `${type} is ${found.status}${detail === '' ? '' : ` (${detail})`}`
    }
  }
  return undefined
}
