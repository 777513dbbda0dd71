/** Plans the routes from what was observed. Pure. `routes sync` applies the plan, the checks report its drift. */
import type { Datacenter } from '../cassandra/datacenter.ts'
import { changeSet, changesIn } from '../changes/change-plan.ts'
import type { ChangeSet } from '../changes/changeset.ts'
import { isManaged } from '../changes/ownership.ts'
import type { KubeObject, ResourceType } from '../cluster/kube.ts'
import { SERVICE } from '../cluster/resources.ts'
import type { Service } from '../cluster/workloads.ts'
import { nameOf, selectsExactly, otherSelectedPods } from '../istio/gateways.ts'
import type { IngressGateway, LoadedRoute } from '../istio/mesh.ts'
import { OWNER_LABEL, POD_LABEL } from '../text/own-keys.ts'
import { backendOf, backendThatMade } from './backends/backend-of.ts'
import type { Backend, DesiredRoutes, RouteMode } from './backends/backend.ts'
import { releasedPort } from './backends/objects.ts'
import { type Choices, choicesFrom } from './choices.ts'
import { type Conflict, findConflicts, needsNarrowHosts, type ConflictScope } from './conflicts.ts'
import { type Drift, driftOf } from './drift.ts'
import { formerPorts } from './former-ports.ts'
import type { Observation } from './observation.ts'
import { isRouteOf, selectorOf } from './live-routes.ts'
import { routeNames } from './sni-names.ts'

/** The default port for clients on the gateway, the same as Cassandra's. */
export const DEFAULT_GATEWAY_PORT = 9042

export interface RouteRequest {
  /** Default: the mode of the existing routes, otherwise sni. */
  mode?: RouteMode | undefined
  /** Default: the port of the existing routes, otherwise 9042. */
  port?: number | undefined
  /** For tests: see `RouteInput`. */
  largestPartBytes?: number | undefined
}

/** A choice that the plan changes. */
export interface Turn {
  what: 'gateway' | 'port' | 'mode' | 'cluster domain'
  from: string
  to: string
}

export interface Plan {
  backend: Backend
  gateway: IngressGateway
  port: number
  routes: DesiredRoutes
  /** No node can be routed, so nothing is changed. */
  nothing: boolean
  changes: ChangeSet
  /** Conflicts with objects of others that prevent applying the plan. */
  conflicts: Conflict[]
  /** Conflicts that affect only others. */
  warnings: string[]
  turns: Turn[]
  drift: Drift
  /** Returns what is missing from an Envoy that has loaded these routes. */
  lacks(loaded: readonly LoadedRoute[]): string[]
}

/** Plans the routes. Throws CSNI204 if the gateway's Service is being deleted. */
export function planRoutes(observation: Observation, request: RouteRequest): Plan {
  const { gateway, types, gateways, virtualServices, services, hidden } = observation
  const live = liveObjects(observation)
  const before = choicesFrom(live.gateway, live.virtualServices)
  const port = request.port ?? before.port ?? DEFAULT_GATEWAY_PORT
  const mode = request.mode ?? before.mode ?? 'sni'
  const backend = backendOf(mode)
  const owned = services.filter((service) => belongsTo(service, observation.datacenter))
  const datacenter = withLivePort(observation.datacenter, owned)
  const scope: Omit<ConflictScope, 'serverNames'> = {
    datacenter,
    gateway,
    backend,
    port,
    gateways,
    virtualServices,
    services,
    complete: hidden === undefined,
  }
  const routes = backend.desired({
    datacenter,
    gateway,
    types,
    port,
    selector: keptSelector(live.gateway, observation),
    live: live.virtualServices,
    services: owned,
    narrowHosts: needsNarrowHosts(scope),
    largestPartBytes: request.largestPartBytes,
    former: formerPorts(observation),
  })
  const nothing = routes.stages.length === 0
  const changes = nothing ? { stages: [] } : changesOf(observation, routes, owned)
  const found = nothing ? [] : findConflicts({ ...scope, serverNames: routes.serverNames })
  const [made] = live.virtualServices
  return {
    backend,
    gateway,
    port,
    routes,
    nothing,
    changes,
    conflicts: found.filter(({ harmless }) => !harmless),
    warnings: [
      ...found.filter(({ harmless }) => harmless).map(({ message }) => message),
      ...(nothing ? [] : sharedSelector(observation)),
    ],
    turns: nothing || live.gateway === undefined ? [] : turnsOf(before, observation, mode, port),
    drift: driftOf({
      changes: changesIn(changes),
      routes,
      datacenter,
      virtualService: types.virtualService,
      backend,
      madeBy: made === undefined ? backend : backendThatMade(made),
    }),
    lacks: (loaded) => backend.lacks(routes, datacenter, loaded),
  }
}

/** The live Gateway and VirtualServices of the datacenter. */
function liveObjects({ datacenter, gateways, virtualServices }: Observation) {
  const name = routeNames(datacenter.name).gateway
  return {
    gateway: gateways.find(({ metadata }) => metadata.name === name && metadata.namespace === datacenter.namespace),
    virtualServices: virtualServices.filter((each) => isRouteOf(each, datacenter)),
  }
}

function belongsTo(object: KubeObject, datacenter: Datacenter): boolean {
  return isManaged(object) && object.metadata.labels?.[OWNER_LABEL] === datacenter.name
}

/**
 * Keeps the pods' port of the existing Services if the configuration cannot be read: it was read when they were
 * created, and the default may be wrong.
 */
function withLivePort(datacenter: Datacenter, services: KubeObject[]): Datacenter {
  if (datacenter.configurationHidden === undefined) return datacenter
  const ports = services
    .flatMap((service) => (service as Service).spec?.ports ?? [])
    .map(({ targetPort }) => targetPort)
  const [port, ...others] = new Set(ports)
  return typeof port === 'number' && others.length === 0 ? { ...datacenter, nativePort: port } : datacenter
}

/** Keeps a live selector that is still exact, so that other pods do not change it. */
function keptSelector(
  live: KubeObject | undefined,
  { mesh, gateway }: Observation,
): Record<string, string> | undefined {
  const selector = live === undefined ? {} : selectorOf(live)
  return Object.keys(selector).length > 0 && selectsExactly(selector, gateway, mesh.routers ?? [])
    ? selector
    : undefined
}

/** Warns if no label distinguishes the gateway pods from others, which then load the routes too. */
function sharedSelector({ mesh, gateway }: Observation): string[] {
  const others = otherSelectedPods(gateway.selector, gateway, mesh.routers ?? [])
  if (others.length === 0) return []
  const names = [...new Set(others.map(({ namespace, name }) => `${namespace}/${name}`))]
  return [
    `no label distinguishes the pods of gateway ${nameOf(gateway)} from ${names.slice(0, 3).join(', ')}, which load ` +
      'the routes too',
  ]
}

function changesOf(observation: Observation, routes: DesiredRoutes, owned: KubeObject[]): ChangeSet {
  const { datacenter, types, gateways, virtualServices, services, previous } = observation
  const nodes = new Set(datacenter.nodes.map(({ pod }) => pod))
  // Nodes that are not visible may still exist.
  const gone = datacenter.complete
    ? owned
    : owned.filter(({ metadata }) => nodes.has(metadata.labels?.[POD_LABEL] ?? ''))
  const within = (objects: KubeObject[]) =>
    objects.filter((each) => each.metadata.namespace === datacenter.namespace && belongsTo(each, datacenter))
  const known = new Map(
    [
      ...services.map((object) => [SERVICE, object] as const),
      ...gateways.map((object) => [types.gateway, object] as const),
      ...virtualServices.map((object) => [types.virtualService, object] as const),
    ].map(([type, object]) => [keyOf(type, object), object] as const),
  )
  const stages = previous === undefined ? routes.stages : [...routes.stages, [releasedPort(datacenter, previous)]]
  return changeSet(stages, ({ type, object }) => known.get(keyOf(type, object)), [
    { type: SERVICE, objects: gone },
    { type: types.gateway, objects: within(gateways) },
    { type: types.virtualService, objects: within(virtualServices) },
  ])
}

function keyOf(type: ResourceType, { metadata }: KubeObject): string {
  return `${type.kind} ${metadata.namespace}/${metadata.name}`
}

function turnsOf(
  before: Choices,
  { gateway, previous, datacenter }: Observation,
  mode: RouteMode,
  port: number,
): Turn[] {
  const gatewayBefore = before.gateway ?? (previous === undefined ? undefined : nameOf(previous))
  const pairs: [Turn['what'], string | undefined, string][] = [
    ['gateway', gatewayBefore, nameOf(gateway)],
    ['port', before.port?.toString(), String(port)],
    ['mode', before.mode, mode],
    ['cluster domain', before.clusterDomain, datacenter.clusterDomain],
  ]
  return pairs.flatMap(([what, from, to]) => (from === undefined || from === to ? [] : [{ what, from, to }]))
}
