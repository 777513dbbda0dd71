/** Compares the live route objects with those that `routes sync` would make: only reads. */
import type { Datacenter } from '../cassandra/datacenter.ts'
import type { Change } from '../changes/changeset.ts'
import { isOurs, ownedSelector } from '../changes/ownership.ts'
import { POD_LABEL } from '../text/own-keys.ts'
import { planChanges } from '../changes/change-plan.ts'
import type { Kube, KubeObject, ResourceType } from '../cluster/kube.ts'
import { displayName, SERVICE } from '../cluster/resources.ts'
import { CassSniError } from '../errors.ts'
import { networkingTypes } from '../istio/api.ts'
import type { IngressGateway, Mesh } from '../istio/mesh.ts'
import { findConflicts, needsNarrowHosts, type Surroundings } from '../routes/conflicts.ts'
import { type DesiredRoutes, desiredRoutes, type RouteMode } from '../routes/desired-routes.ts'
import { isPlainTcp, tlsMatches } from '../routes/live-routes.ts'
import { nodeServiceName, routeNames, serviceHost } from '../routes/sni-names.ts'
import type { RouteState } from './probes.ts'

export interface RouteScope {
  datacenter: Datacenter
  mesh: Mesh
  gateway: IngressGateway
  port: number
}

/** What was seen of the routes, ours and others'. */
export interface SeenRoutes {
  state: RouteState
  /**
   * Throws CSNI203 when the Gateways and VirtualServices of other namespaces may not be listed: then nothing can be
   * told.
   */
  conflicts: () => ReturnType<typeof findConflicts>
}

/**
 * Reads the route objects. Throws CSNI501 without Istio's API, CSNI203 without the right to read the datacenter's
 * namespace.
 */
export async function seeRoutes(kube: Kube, { datacenter, mesh, gateway, port }: RouteScope): Promise<SeenRoutes> {
  const types = networkingTypes(mesh)
  const places = [...new Set([datacenter.namespace, gateway.namespace])]
  const [gateways, virtualServices] = await Promise.all([
    listAll(kube, types.gateway, places),
    listAll(kube, types.virtualService, places),
  ])
  const hidden = gateways.forbidden ?? virtualServices.forbidden
  const surroundings: Surroundings = {
    datacenter,
    gateway,
    mode: 'sni',
    port,
    serverNames: [],
    gateways: gateways.objects,
    virtualServices: virtualServices.objects,
    complete: hidden === undefined,
  }
  const live = virtualServices.objects.find(
    ({ metadata }) =>
      metadata.name === routeNames(datacenter.name).virtualService && metadata.namespace === datacenter.namespace,
  )
  const routes = desiredRoutes({
    datacenter,
    gateway,
    types,
    mode: 'sni',
    port,
    ...(live === undefined ? {} : { live }),
    narrowHosts: needsNarrowHosts(surroundings),
  })
  const { changes } =
    routes.desired.length === 0
      ? { changes: [] }
      : await planChanges(kube, routes.desired, {
          types: [types.virtualService, types.gateway, SERVICE],
          namespace: datacenter.namespace,
          labelSelector: ownedSelector(datacenter.name),
        })
  return {
    state: routeState(
      changes,
      routes,
      datacenter,
      types.virtualService,
      live !== undefined && isOurs(live) && isPlainTcp(live) ? 'tcp' : 'sni',
    ),
    conflicts: () => {
      if (hidden !== undefined) throw hidden
      return findConflicts({ ...surroundings, serverNames: routes.serverNames })
    },
  }
}

/** Pure: what the changes mean for each node, and for all of them. */
export function routeState(
  changes: Change[],
  routes: DesiredRoutes,
  datacenter: Datacenter,
  virtualService: ResourceType,
  mode: RouteMode,
): RouteState {
  const state: RouteState = {
    mode,
    differences: new Map(),
    pending: new Map(routes.pending.map(({ pod, reason }) => [pod, reason])),
    shared: [],
    vanished: [],
    nothing: routes.desired.length === 0,
  }
  const tell = (pod: string, what: string) => state.differences.set(pod, [...(state.differences.get(pod) ?? []), what])
  for (const change of changes) {
    const name = `${displayName(change.type, change.name)}${change.namespace === datacenter.namespace || change.namespace === undefined ? '' : ` in namespace ${change.namespace}`}`
    if (change.action === 'unchanged') continue
    if (change.action === 'pruned') {
      state.vanished.push(name)
      continue
    }
    const what = difference(change, name)
    const pod = change.desired?.object.metadata.labels?.[POD_LABEL]
    if (pod !== undefined) tell(pod, what)
    else if (change.type.kind !== virtualService.kind || change.action === 'conflict' || change.live === undefined)
      state.shared.push(what)
    else {
      const differing = differingNodes(change.live, routes, datacenter)
      for (const each of differing) tell(each, `${name} has another route for it, or none`)
      if (differing.length === 0) state.shared.push(what)
    }
  }
  return state
}

function difference(change: Change, name: string): string {
  if (change.action === 'created') return `${name} does not exist`
  if (change.action === 'conflict') return `${name}: ${change.reason ?? 'it belongs to somebody else'}`
  const paths = change.fields.map(({ path }) => path)
  return `${name} differs in ${paths.slice(0, 3).join(', ')}${paths.length > 3 ? ` and ${paths.length - 3} more` : ''}`
}

/** The routed nodes whose match in the live VirtualService is not exactly the desired one. */
function differingNodes(live: KubeObject, routes: DesiredRoutes, datacenter: Datacenter): string[] {
  const matches = tlsMatches(live)
  return routes.nodes
    .filter(({ state }) => state !== 'pending')
    .filter(({ pod, dnsName, hostId }) => {
      const host = serviceHost(nodeServiceName(pod), datacenter.namespace, datacenter.clusterDomain)
      const wanted = [dnsName, hostId].filter((name) => name !== undefined)
      return !matches.some(
        ({ sniHosts, destinations }) =>
          wanted.length === sniHosts.length &&
          wanted.every((name) => sniHosts.includes(name)) &&
          destinations.includes(host),
      )
    })
    .map(({ pod }) => pod)
}

/** In all namespaces; where that is not allowed, in those that matter most. */
async function listAll(
  kube: Kube,
  type: ResourceType,
  namespaces: string[],
): Promise<{ objects: KubeObject[]; forbidden?: CassSniError }> {
  try {
    return { objects: await kube.list(type) }
  } catch (error) {
    if (!(error instanceof CassSniError) || error.code !== 'CSNI203') throw error
    const [own = '', ...others] = namespaces
    const objects = await kube.list(type, { namespace: own })
    const more = await Promise.all(
      others.map((namespace) => kube.list(type, { namespace }).catch(nothingWhenForbidden)),
    )
    return { objects: [...objects, ...more.flat()], forbidden: error }
  }
}

function nothingWhenForbidden(error: unknown): KubeObject[] {
  if (error instanceof CassSniError && error.code === 'CSNI203') return []
  throw error
}
