/** `routes list`: the route of each node, and whether every gateway pod has loaded it. Writes nothing. */
import { CassSniError, throwIfAborted } from '../errors.ts'
import { nameOf } from '../istio/gateways.ts'
import { listeningPort, loadedListener } from '../istio/loaded.ts'
import type { GatewayPod, LoadedRoute } from '../istio/mesh.ts'
import { isLoadable } from '../reconcile/loaded-routes.ts'
import { gather } from '../routes/gather.ts'
import type { NodeRoute, RouteApi, RouteBackend, RouteMode } from '../routes/backends/backend.ts'
import { type Plan, planRoutes } from '../routes/route-plan.ts'
import type { WorkflowContext } from './context.ts'
import { nothingRoutable } from './routes-sync-workflow.ts'

export interface RoutesListOptions {
  /** Default: that of the connection. */
  namespace?: string | undefined
  datacenter?: string | undefined
  clusterDomain?: string | undefined
  gateway?: string | undefined
}

/** The route of one node. */
export interface ListedRoute {
  pod: string
  hostId?: string | undefined
  rack: string
  /** Server names for SNI. */
  serverNames: string[]
  /** "host:port" of the Service or ServiceEntry behind the route, with ", subset NAME" of its DestinationRule. */
  upstream: string
  /**
   * `inSync`: `routes sync` would change nothing for this node; `outOfSync`: it would; `pending`: the node cannot be
   * routed yet.
   */
  state: 'inSync' | 'outOfSync' | 'pending'
  /** Differences, or the reason for `pending`. */
  reasons: string[]
  /** Gateway pods whose Envoy has loaded the route, and those that could be checked. */
  loaded: { pods: number; checked: number }
}

export interface RoutesListResult {
  /** False if a route is out of sync, pending, in conflict, or not loaded by every gateway pod. */
  ok: boolean
  datacenter: string
  namespace: string
  /** Mode of the existing routes, otherwise the default. */
  mode: RouteMode
  /** API of the existing routes, otherwise the default. */
  api: RouteApi
  /** Backend of the existing routes, otherwise the default. */
  backend: RouteBackend
  /** "namespace/service"; for API `gateway` "namespace/name" of the Gateway resource. */
  gateway: string
  port: number
  /** Server names that reach any node. */
  anyNode: readonly string[]
  /** That of the metadata service. */
  metadataName?: string | undefined
  routes: ListedRoute[]
  /** Differences in objects shared by all nodes, and objects of removed nodes. */
  shared: string[]
  /** Objects of others that take over a route or its port; `routes sync` refuses to write then. */
  conflicts: { code: string; message: string }[]
  /** Ready gateway pods that could not be checked, with the reason. */
  unknown: { pod: string; reason: string }[]
}

/** Lists the routes of a datacenter. Throws as `gather` does. */
export async function listRoutes(context: WorkflowContext, options: RoutesListOptions): Promise<RoutesListResult> {
  const { kube } = context
  const { datacenter: name, namespace = kube.target.namespace, ...rest } = options
  const observation = await gather(kube, { namespace, name, ...rest }).observation
  const { datacenter, gateway } = observation
  const plan = planRoutes(observation, {})
  const { drift, port, backend } = plan
  if (plan.nothing) context.emit({ type: 'warning', ...nothingRoutable(datacenter.name, plan.routes.nodes) })
  const envoys = await Promise.all(gateway.pods.filter(isLoadable).map((pod) => loadedRoutes(context, plan, pod)))
  const checked = envoys.flatMap((each) => ('loaded' in each ? [each.loaded] : []))
  // once for each Envoy, not for each node
  const missing = checked.map((loaded) => new Set(backend.lacks(plan.routes, datacenter, loaded)))
  const racks = new Map(datacenter.nodes.map((node) => [node.pod, node.rack]))
  const routes = plan.routes.nodes.map((node): ListedRoute => {
    const { host, port: to, subset } = backend.upstream(node.pod, datacenter)
    const differing = drift.differences.get(node.pod) ?? []
    const pending = node.state === 'pending'
    return {
      pod: node.pod,
      hostId: node.hostId,
      rack: racks.get(node.pod) ?? '',
      serverNames: backend.byServerName ? serverNamesOf(node) : [],
      upstream: `${host}:${to}${subset === undefined ? '' : `, subset ${subset}`}`,
      state: pending ? 'pending' : differing.length > 0 ? 'outOfSync' : 'inSync',
      reasons: pending ? [node.reason ?? drift.pending.get(node.pod) ?? ''] : differing,
      loaded: {
        pods: missing.filter((names) => isLoaded(plan, node, names)).length,
        checked: checked.length,
      },
    }
  })
  const shared = [...drift.shared, ...drift.vanished]
  const conflicts = plan.conflicts.map(({ code, message }) => ({ code, message }))
  return {
    ok:
      !plan.nothing &&
      shared.length === 0 &&
      conflicts.length === 0 &&
      routes.every(({ state, loaded }) => state === 'inSync' && loaded.pods === loaded.checked),
    datacenter: datacenter.name,
    namespace: datacenter.namespace,
    mode: backend.mode,
    backend: backend.backend,
    api: backend.api,
    gateway: nameOf(gateway),
    port,
    anyNode: plan.routes.anyNode ?? [],
    metadataName: plan.routes.metadata,
    routes,
    shared,
    conflicts,
    unknown: envoys.flatMap((each) => ('reason' in each ? [each] : [])),
  }
}

/** Returns the routes loaded by one Envoy, or why it could not be checked. */
async function loadedRoutes(
  { kube, signal }: WorkflowContext,
  { gateway, port }: Plan,
  pod: GatewayPod,
): Promise<{ loaded: readonly LoadedRoute[] } | { pod: string; reason: string }> {
  try {
    return { loaded: (await loadedListener(kube, pod, listeningPort(gateway, port, pod))).routes }
  } catch (error) {
    throwIfAborted(signal)
    if (!(error instanceof CassSniError)) throw error
    return { pod: pod.name, reason: error.message }
  }
}

function serverNamesOf({ hostId, dnsName, names = [] }: NodeRoute): string[] {
  return [...(hostId === undefined ? [] : [hostId]), dnsName, ...names]
}

/** Returns whether an Envoy that lacks these names has everything for the node. */
function isLoaded({ backend }: Plan, node: NodeRoute, missing: ReadonlySet<string>): boolean {
  if (node.state === 'pending') return false
  // otherwise all nodes have one route
  return backend.byServerName ? serverNamesOf(node).every((name) => !missing.has(name)) : missing.size === 0
}
