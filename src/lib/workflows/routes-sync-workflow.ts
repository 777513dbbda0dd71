/** `routes sync`: from the nodes that there are to the routes through Istio's ingress gateway. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Datacenter } from '../cassandra/datacenter.ts'
import { observeDatacenter } from '../cassandra/observe-datacenter.ts'
import { applyChanges } from '../changes/apply.ts'
import { ownedSelector } from '../changes/ownership.ts'
import { planChanges } from '../changes/change-plan.ts'
import type { Kube, KubeObject, ResourceType } from '../cluster/kube.ts'
import { ISTIO_GATEWAY, SERVICE, VIRTUAL_SERVICE } from '../cluster/resources.ts'
import { CassSniError, throwIfAborted } from '../errors.ts'
import type { Action, ChangeRecord } from '../events.ts'
import { networkingTypes } from '../istio/api.ts'
import { chooseGateway, nameOf } from '../istio/gateways.ts'
import { listeningPort, loadedRoutes } from '../istio/loaded.ts'
import type { IngressGateway, LoadedRoute, Mesh } from '../istio/mesh.ts'
import { observeMesh } from '../istio/observe-mesh.ts'
import { findConflicts, needsNarrowHosts } from '../routes/conflicts.ts'
import { type DesiredRoutes, desiredRoutes, type NodeRoute, type RouteMode } from '../routes/desired-routes.ts'
import { envoyCluster, routeNames, serviceHost } from '../routes/sni-names.ts'
import type { WorkflowContext } from './context.ts'

export interface RoutesSyncOptions {
  /** metadata.name of the CassandraDatacenter; not needed when the namespace in force has only one. */
  datacenter?: string
  clusterDomain: string
  /** "namespace/service" or "service"; not needed when there is only one. */
  gateway?: string
  /** The port that clients dial on the gateway. */
  port: number
  mode: RouteMode
}

export interface RoutesSyncResult {
  /** False when no node could be routed. */
  ok: boolean
  datacenter: string
  namespace: string
  mode: RouteMode
  /** "namespace/service". */
  gateway: string
  port: number
  nodes: NodeRoute[]
  summary: { routed: number; kept: number; pending: number } & Record<Exclude<Action, 'conflict'>, number>
}

/**
 * How long a gateway's Envoy may take to load new routes before it is told as a warning. Istio's own delay is 0.1 s
 * to 10 s (istio/istio pilot/pkg/features/tuning.go).
 */
const LOAD_TIMEOUT_MS = 10_000
const LOAD_POLL_MS = 250
/** An Envoy that cannot be asked so many times in a row will not be asked in ten seconds either. */
const LOAD_ATTEMPTS = 3

/**
 * Brings the routes of one datacenter in line with its nodes; with `dryRun` only says what it would do. A second run
 * writes nothing.
 * Throws what the observing rooms throw (CSNI301, CSNI105, CSNI305, CSNI501, CSNI502) and CSNI503 or CSNI504 for a
 * conflict, all before anything is written.
 */
export async function syncRoutes(context: WorkflowContext, options: RoutesSyncOptions): Promise<RoutesSyncResult> {
  const { kube, emit } = context
  const namespace = kube.target.namespace
  // Nothing here waits for anything else: all is asked at once, and told in the order of the steps.
  const reading = {
    datacenter: observeDatacenter(kube, {
      namespace,
      clusterDomain: options.clusterDomain,
      ...(options.datacenter === undefined ? {} : { name: options.datacenter }),
    }),
    mesh: observeMesh(
      kube,
      options.gateway?.includes('/') ? { namespaces: [options.gateway.split('/')[0] ?? ''] } : {},
    ),
    gateways: listEverywhere(kube, ISTIO_GATEWAY),
    virtualServices: listEverywhere(kube, VIRTUAL_SERVICE),
  }
  // Whichever fails first is told in the order of the steps; the others' errors must not be unhandled then.
  await Promise.allSettled(Object.values(reading))

  const datacenter = await step(context, 'datacenter', 'Datacenter', async () => {
    const found = await reading.datacenter
    return [
      found,
      `${found.name} of cluster ${found.clusterName}: ${found.nodes.length} ${found.nodes.length === 1 ? 'node' : 'nodes'}`,
    ]
  })
  const { gateway, types, mesh } = await step(context, 'istio', 'Istio', async () => {
    const observed = await reading.mesh
    const kinds = networkingTypes(observed)
    const chosen = chooseGateway(observed, options.gateway)
    return [{ gateway: chosen, types: kinds, mesh: observed }, `gateway ${nameOf(chosen)}`]
  })
  warnings(context, datacenter, mesh, gateway, options.mode)

  return step(context, 'routes', 'Routes', async () => {
    const places = [...new Set([namespace, gateway.namespace])]
    const [gateways, virtualServices] = await Promise.all([
      seen(kube, reading.gateways, types.gateway, places),
      seen(kube, reading.virtualServices, types.virtualService, places),
    ])
    const complete = gateways.complete && virtualServices.complete
    if (!complete) {
      emit({
        type: 'warning',
        message: `conflicts with routes of others were looked for in ${places.join(' and ')} only: you may not list Gateways and VirtualServices of all namespaces`,
      })
    }
    const own = routeNames(datacenter.name).virtualService
    const live = virtualServices.objects.find(
      ({ metadata }) => metadata.name === own && metadata.namespace === namespace,
    )
    const around = {
      datacenter,
      gateway,
      mode: options.mode,
      port: options.port,
      gateways: gateways.objects,
      virtualServices: virtualServices.objects,
      complete,
    }
    const routes = desiredRoutes({
      datacenter,
      gateway,
      types,
      mode: options.mode,
      port: options.port,
      ...(live === undefined ? {} : { live }),
      narrowHosts: needsNarrowHosts({ ...around, serverNames: [] }),
    })
    tellPending(context, datacenter, routes)
    if (routes.desired.length === 0)
      return [resultOf(datacenter, gateway, options, routes, []), 'no node can be routed yet: nothing is changed']
    refuseConflicts(findConflicts({ ...around, serverNames: routes.serverNames }))
    const plan = await planChanges(kube, routes.desired, {
      types: [SERVICE, types.gateway, types.virtualService],
      namespace,
      labelSelector: ownedSelector(datacenter.name),
    })
    const records = await applyChanges(context, plan)
    const result = resultOf(datacenter, gateway, options, routes, records)
    const written = records.some((record) => record.action !== 'unchanged')
    if (written && !context.dryRun) await awaitLoaded(context, gateway, options, expectation(datacenter, routes))
    return [result, noteOf(result, written, context.dryRun)]
  })
}

/** Runs a step: its beginning, its end with a note, or its failure are told. */
async function step<T>(
  { emit }: WorkflowContext,
  id: string,
  title: string,
  work: () => Promise<[T, string]>,
): Promise<T> {
  emit({ type: 'step', id, title, state: 'started' })
  try {
    const [value, note] = await work()
    emit({ type: 'step', id, title, state: 'done', note })
    return value
  } catch (error) {
    emit({ type: 'step', id, title, state: 'failed' })
    throw error
  }
}

interface Seen {
  objects: KubeObject[]
  complete: boolean
}

/**
 * All objects of a kind; undefined when this version is not served or they may not be listed everywhere. v1beta1 is
 * served by every Istio up to 1.31.
 */
async function listEverywhere(kube: Kube, type: ResourceType): Promise<KubeObject[] | undefined> {
  try {
    return await kube.list(type)
  } catch (error) {
    if (error instanceof CassSniError && (error.code === 'CSNI203' || error.code === 'CSNI205')) return undefined
    throw error
  }
}

/** What could be listed at first, else what can be listed in the version that is served, else in these namespaces. */
async function seen(
  kube: Kube,
  first: Promise<KubeObject[] | undefined>,
  type: ResourceType,
  namespaces: string[],
): Promise<Seen> {
  const everywhere =
    (await first) ?? (type.version === ISTIO_GATEWAY.version ? undefined : await listEverywhere(kube, type))
  if (everywhere !== undefined) return { objects: everywhere, complete: true }
  const nearby = await Promise.all(
    namespaces.map((namespace) =>
      kube.list(type, { namespace }).catch((error: unknown) => {
        if (error instanceof CassSniError && error.code === 'CSNI203') return []
        throw error
      }),
    ),
  )
  return { objects: nearby.flat(), complete: false }
}

function warnings(
  { emit }: WorkflowContext,
  datacenter: Datacenter,
  mesh: Mesh,
  gateway: IngressGateway,
  mode: RouteMode,
): void {
  if (mode === 'sni' && !datacenter.clientEncryption.enabled) {
    emit({
      type: 'warning',
      code: 'CSNI306',
      message: `datacenter ${datacenter.name} does not show TLS to clients in its configuration (client_encryption_options): without TLS there is no server name to route by`,
    })
  }
  const scoped = mesh.istiods.find((istiod) => istiod.gatewaysScopedToNamespace === true)
  if (scoped !== undefined && gateway.namespace !== datacenter.namespace) {
    emit({
      type: 'warning',
      message: `istiod ${scoped.namespace}/${scoped.deployment} heeds a Gateway only in the namespace of the gateway's pods (PILOT_SCOPE_GATEWAY_TO_NAMESPACE): gateway ${nameOf(gateway)} will not take that of namespace ${datacenter.namespace}`,
    })
  }
}

function tellPending({ emit }: WorkflowContext, datacenter: Datacenter, { desired, nodes }: DesiredRoutes): void {
  for (const node of nodes) {
    const reason = node.reason ?? ''
    if (node.state === 'pending') emit({ type: 'warning', message: `${node.pod} is pending: ${reason}` })
    if (node.state === 'kept') emit({ type: 'warning', message: `${node.pod} keeps its route of before: ${reason}` })
  }
  if (desired.length > 0) return
  const why = nodes.length === 0 ? 'it has no nodes yet' : 'none of its nodes has a host id yet'
  emit({ type: 'warning', code: 'CSNI303', message: `datacenter ${datacenter.name} cannot be routed: ${why}` })
}

function refuseConflicts(conflicts: ReturnType<typeof findConflicts>): void {
  const [first] = conflicts
  if (first === undefined) return
  throw new CassSniError(first.code, conflicts.map((conflict) => conflict.message).join('; '), {
    object: first.object,
    next: conflicts.flatMap((conflict) => conflict.next),
  })
}

function resultOf(
  datacenter: Datacenter,
  gateway: IngressGateway,
  options: RoutesSyncOptions,
  routes: DesiredRoutes,
  records: ChangeRecord[],
): RoutesSyncResult {
  const nodes = (state: NodeRoute['state']) => routes.nodes.filter((node) => node.state === state).length
  const changes = (action: Action) => records.filter((record) => record.action === action).length
  return {
    ok: routes.desired.length > 0,
    datacenter: datacenter.name,
    namespace: datacenter.namespace,
    mode: options.mode,
    gateway: nameOf(gateway),
    port: options.port,
    nodes: routes.nodes,
    summary: {
      routed: nodes('routed'),
      kept: nodes('kept'),
      pending: nodes('pending'),
      created: changes('created'),
      configured: changes('configured'),
      unchanged: changes('unchanged'),
      pruned: changes('pruned'),
    },
  }
}

function noteOf({ summary, nodes, mode }: RoutesSyncResult, written: boolean, dryRun: boolean): string {
  const whom =
    mode === 'tcp' ? 'all nodes behind one route' : `${summary.routed + summary.kept} of ${nodes.length} nodes`
  if (!written) return `${whom}; nothing had to change`
  return dryRun ? `${whom}; nothing was written` : whom
}

/** True when these routes of one Envoy are those that were written. */
type Expectation = (routes: LoadedRoute[]) => boolean

function expectation(datacenter: Datacenter, { serverNames }: DesiredRoutes): Expectation {
  if (serverNames.length > 0) {
    return (routes) => {
      const loaded = new Set(routes.flatMap((route) => route.serverNames))
      return serverNames.every((name) => loaded.has(name))
    }
  }
  const cluster = envoyCluster(serviceHost(datacenter.service, datacenter.namespace, datacenter.clusterDomain))
  return (routes) => routes.some((route) => route.cluster === cluster)
}

/**
 * Waits until the Envoy of every ready gateway pod has the routes. Not seen in time, or not allowed to look: no
 * failure, the routes are written.
 */
async function awaitLoaded(
  context: WorkflowContext,
  gateway: IngressGateway,
  options: RoutesSyncOptions,
  fits: Expectation,
): Promise<void> {
  const { kube, emit, signal } = context
  const port = listeningPort(gateway, options.port)
  const pods = gateway.pods.filter((pod) => pod.ready && !pod.terminating)
  if (pods.length === 0) {
    emit({ type: 'warning', message: `gateway ${nameOf(gateway)} has no ready pod that could load the routes` })
    return
  }
  const deadline = context.now() + LOAD_TIMEOUT_MS
  const outcomes = await Promise.all(
    pods.map(async (pod) => {
      for (let failures = 0; ; ) {
        throwIfAborted(signal)
        try {
          if (fits(await loadedRoutes(kube, pod, port))) return undefined
          failures = 0
        } catch (error) {
          throwIfAborted(signal)
          if (!(error instanceof CassSniError)) throw error
          // Who may not look takes Istio's word for it.
          if (error.code === 'CSNI203') return undefined
          failures++
          if (failures === LOAD_ATTEMPTS || context.now() >= deadline) return `${pod.name} (${error.message})`
        }
        if (context.now() >= deadline) return pod.name
        emit({ type: 'waiting', id: 'routes', lines: [`${pod.name}: its Envoy loads the routes`] })
        await sleep(LOAD_POLL_MS, undefined, { signal }).catch(() => throwIfAborted(signal))
      }
    }),
  )
  const late = outcomes.filter((pod) => pod !== undefined)
  if (late.length > 0) {
    emit({
      type: 'warning',
      code: 'CSNI603',
      message: `not all routes were seen in the Envoy of ${late.join(', ')} yet: kubectl cass-sni verify looks again`,
    })
  }
}
