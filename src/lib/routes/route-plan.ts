/** Plans the routes from what was observed. Pure. `routes sync` applies the plan, the checks report its drift. */
import type { Datacenter } from '../cassandra/datacenter.ts'
import { changesIn } from '../changes/change-plan.ts'
import type { ChangeSet } from '../changes/changeset.ts'
import type { KubeObject, ResourceType } from '../cluster/kube.ts'
import { ISTIO_GATEWAY } from '../cluster/resources.ts'
import type { Service } from '../cluster/workloads.ts'
import { againWithout, CassSniError, command } from '../errors.ts'
import type { Warning } from '../events.ts'
import { acceptanceOf, type Awaited } from '../gateway-api/acceptance.ts'
import { isCreatedForGateway, nameOf, selectsExactly, otherSelectedPods } from '../istio/gateways.ts'
import type { IngressGateway, LoadedRoute } from '../istio/mesh.ts'
import { type AdditionalNames, NO_ADDITIONAL_NAMES, requireDistinctNames } from './additional-names.ts'
import { backendOf, backendThatMade } from './backends/backend-of.ts'
import {
  type ApiTarget,
  type Backend,
  DEFAULT_BACKEND,
  type DesiredRoutes,
  type RouteApi,
  type RouteBackend,
  type RouteMode,
} from './backends/backend.ts'
import { type Choices, choicesFrom, DEFAULT_GATEWAY_PORT, type LiveRoutes } from './choices.ts'
import { type Conflict, findConflicts, needsNarrowHosts, type ConflictScope } from './conflicts.ts'
import { type Drift, driftOf } from './drift.ts'
import { formerPorts } from './former-ports.ts'
import type { Observation } from './observation.ts'
import { isRouteOf, selectorOf, serversOf } from './live-routes.ts'
import { belongsTo, changesOf, type RouteChanges, within } from './route-changes.ts'
import { envoyCluster, nodeServiceName, routeNames } from './sni-names.ts'

export interface RouteRequest {
  /** Default: the mode of the existing routes, otherwise sni. */
  mode?: RouteMode | undefined
  /** Default: the backend of the existing routes, otherwise service. */
  backend?: RouteBackend | undefined
  /** Default: those of the existing routes, each. */
  names?: { [Name in keyof AdditionalNames]?: AdditionalNames[Name] | undefined } | undefined
  /** Default: the port of the existing routes, otherwise 9042. */
  port?: number | undefined
  /** For tests: see `RouteInput`. */
  largestPartBytes?: number | undefined
}

/** A choice that the plan changes. */
export interface Turn {
  what: 'API' | 'gateway' | 'port' | 'mode' | 'backend' | 'cluster domain'
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
  /** For a change of the API or the backend: the same changes in parts, between which the gateway loads them. */
  handover?: Handover | undefined
  /** For API `gateway`: what its status must state, unless it does and nothing changes. */
  awaited?: AwaitedRoutes | undefined
  /** Conflicts with objects of others that prevent applying the plan. */
  conflicts: Conflict[]
  /** Policies that deny all clients of existing routes: reported, but no reason to leave the routes unchanged. */
  denials: Conflict[]
  /** Conflicts that do not prevent applying the plan. */
  warnings: Warning[]
  turns: Turn[]
  drift: Drift
  /** Returns what is missing from an Envoy that has loaded these routes. */
  lacks(loaded: readonly LoadedRoute[]): string[]
}

/** The changes in the order in which no client loses its route. */
export interface Handover {
  /** What the new routes refer to, and Envoy's names for it. */
  destinations: ChangeSet
  clusters: string[]
  /** The new routes. */
  routes: ChangeSet
  /** What the old routes needed. */
  then: ChangeSet
}

/** The routes whose acceptance is awaited. */
export interface AwaitedRoutes extends Awaited {
  /** TLSRoute in the version to read. */
  type: ResourceType
  /** metadata.name of the CassandraDatacenter. */
  datacenter: string
}

/**
 * Plans the routes. Throws CSNI101 for a mode that the API does not have, CSNI204 if the gateway's Service is being
 * deleted.
 */
export function planRoutes(observation: Observation, request: RouteRequest): Plan {
  const { gateway, types, gateways, virtualServices, services, hidden } = observation
  const live = liveObjects(observation)
  const { api, target } = observation
  const before = choicesFrom(live)
  const recorded = choicesFrom(live, api)
  const port = request.port ?? recorded.port ?? DEFAULT_GATEWAY_PORT
  // only mode sni has backends
  const given = request.mode ?? (request.backend === undefined ? undefined : 'sni')
  const mode = given ?? (recorded.api === api ? recorded.mode : undefined) ?? 'sni'
  const remembered = recorded.api === api && mode === 'sni' ? recorded.backend : undefined
  const backend = backendOf(mode, api, request.backend ?? remembered)
  const former = formerChoices(live, api)
  const names = namesFor(request.names, recorded.names, backend)
  requireDistinctNames(names, observation.datacenter)
  const owned = services.filter(
    (service) => belongsTo(service, observation.datacenter) && !isCreatedForGateway(service),
  )
  const datacenter = withLivePort(observation.datacenter, owned)
  const scope: ConflictScope = {
    datacenter,
    mesh: observation.mesh,
    gateway,
    target,
    serverNames: [],
    hosts: [],
    backend,
    port,
    gateways,
    virtualServices,
    defaultExportTo: observation.defaultExportTo,
    gatewayApi: observation.gatewayApi,
    authorizationPolicies: observation.authorizationPolicies,
    routed: before.api !== undefined,
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
    tlsRoutes: live.tlsRoutes,
    target,
    formerNamespaces: former?.gateway === undefined ? [] : [former.gateway.replace(/\/.*/, '')],
    services: owned,
    backendObjects: observation.backendObjects.flatMap(({ objects }) => within(objects, datacenter)),
    narrowHosts: needsNarrowHosts(scope),
    names,
    largestPartBytes: request.largestPartBytes,
    former: formerPorts(observation),
  })
  const nothing = routes.stages.length === 0
  const { changes, first, rest } = nothing ? UNCHANGED : changesOf(observation, routes, owned)
  const served = target === undefined ? undefined : servedRoutes(target, datacenter, routes)
  const acceptance = served && acceptanceOf(served, target?.live, live.tlsRoutes)
  const isServed = acceptance?.gateway.length === 0 && acceptance.routes.size === 0 && !hasChanges(changes)
  const found = nothing ? [] : findConflicts({ ...scope, hosts: hostsOf(routes), serverNames: routes.serverNames })
  const [made] = live.virtualServices
  return {
    backend,
    gateway,
    port,
    routes,
    nothing,
    changes,
    handover:
      (former === undefined && !changesBackend(made, backend)) || nothing
        ? undefined
        : handoverOf(first, rest, routes, { backend, datacenter }),
    awaited: isServed ? undefined : served,
    conflicts: found.filter(({ harmless }) => !harmless),
    denials: found.filter(({ code, harmless }) => harmless && code === 'CSNI512'),
    warnings: [
      ...found.filter(({ harmless }) => harmless).map(({ code, message, next }) => ({ code, message, next })),
      ...(nothing ? [] : sharedSelector(observation)),
    ],
    turns: nothing || before.api === undefined ? [] : turnsOf(before, observation, backend, port),
    drift: driftOf({
      changes: changesIn(changes),
      routes,
      datacenter,
      virtualService: types.virtualService,
      backend,
      madeBy: made === undefined ? backend : backendThatMade(made),
      acceptance,
    }),
    lacks: (loaded) => backend.lacks(routes, datacenter, loaded),
  }
}

const UNCHANGED: RouteChanges = { changes: { stages: [] }, first: { stages: [] }, rest: { stages: [] } }

/** The live objects of the datacenter. */
function liveObjects({ datacenter, gateways, virtualServices, gatewayApi }: Observation) {
  const name = routeNames(datacenter.name).gateway
  return {
    gateway: gateways.find(({ metadata }) => metadata.name === name && metadata.namespace === datacenter.namespace),
    virtualServices: virtualServices.filter((each) => isRouteOf(each, datacenter)),
    tlsRoutes: gatewayApi.tlsRoutes.filter((each) => isRouteOf(each, datacenter)),
  }
}

/** The choices of live routes in the other API, which are removed once the new ones are accepted. */
function formerChoices(live: LiveRoutes, api: RouteApi): Choices | undefined {
  const other = choicesFrom(live, api === 'istio' ? 'gateway' : 'istio')
  return other.api === undefined || other.api === api ? undefined : other
}

function hasChanges(changes: ChangeSet): boolean {
  return changesIn(changes).some(({ action }) => action !== 'unchanged')
}

function servedRoutes(
  target: ApiTarget,
  { name, namespace }: Datacenter,
  { nodes, metadata }: DesiredRoutes,
): AwaitedRoutes {
  const served = nodes.filter(({ state }) => state !== 'pending')
  return {
    type: target.type,
    datacenter: name,
    gateway: { namespace: target.namespace, name: target.name },
    listener: target.listener,
    namespace,
    routes: [
      ...served.map(({ pod }) => nodeServiceName(pod)),
      ...(metadata === undefined ? [] : [routeNames(name).metadata]),
    ],
  }
}

/** The parts of a plan that changes the API or the backend. */
function handoverOf(
  first: ChangeSet,
  then: ChangeSet,
  { destinationStages = 0, nodes }: DesiredRoutes,
  { backend, datacenter }: { backend: Backend; datacenter: Datacenter },
): Handover {
  const served = nodes.filter(({ state }) => state !== 'pending')
  return {
    destinations: { stages: first.stages.slice(0, destinationStages) },
    clusters: served.map(({ pod }) => envoyCluster(backend.upstream(pod, datacenter))),
    routes: { stages: first.stages.slice(destinationStages) },
    then,
  }
}

/** Throws CSNI101 if the names are requested with an API that does not have them. */
function namesFor(
  requested: RouteRequest['names'],
  recorded: AdditionalNames = NO_ADDITIONAL_NAMES,
  { api, mode, byServerName }: Pick<Backend, 'api' | 'mode' | 'byServerName'>,
): AdditionalNames {
  const { sniTemplates = recorded.sniTemplates, anyNode = recorded.anyNode } = requested ?? {}
  // '' removes it
  const metadata = (requested?.metadata ?? recorded.metadata) || undefined
  if (requested?.metadata && !byServerName)
    throw new CassSniError('CSNI101', `--metadata-name is not available with --mode ${mode}`, {
      next: [againWithout('metadata-name'), command`kubectl cass-sni routes sync --mode sni`],
    })
  if (api === 'istio') return { sniTemplates, anyNode, metadata }
  const flag = requested?.sniTemplates?.length ? 'sni-template' : requested?.anyNode?.length ? 'any-node' : undefined
  if (flag === undefined) return { ...NO_ADDITIONAL_NAMES, metadata }
  throw new CassSniError('CSNI101', `--${flag} is not available with --api ${api}`, { next: [againWithout(flag)] })
}

/** The destinations of the live routes must exist until every Envoy has loaded the new ones. */
function changesBackend(live: KubeObject | undefined, { mode, backend }: Backend): boolean {
  if (live === undefined || mode !== 'sni') return false
  const made = backendThatMade(live)
  return made.mode === mode && made.backend !== backend
}

/**
 * Keeps the pods' port of the existing Services if the configuration cannot be read: it was read when they were
 * created, and the default may be wrong.
 */
function withLivePort(datacenter: Datacenter, services: KubeObject[]): Datacenter {
  if (datacenter.configurationHidden === undefined) return datacenter
  const ports = services
    .flatMap((service) => (service as Service).spec?.ports ?? [])
    .filter(({ name }) => name === 'tcp-cql')
    .map(({ targetPort }) => targetPort)
  const [port, ...others] = new Set(ports)
  return typeof port === 'number' && others.length === 0 ? { ...datacenter, nativePort: port } : datacenter
}

/** The hosts of our Istio Gateway. */
function hostsOf({ stages }: DesiredRoutes): string[] {
  const gateways = stages
    .flat()
    .filter(({ type }) => type.kind === ISTIO_GATEWAY.kind && type.group === ISTIO_GATEWAY.group)
  return gateways.flatMap(({ object }) => serversOf(object).flatMap(({ hosts }) => hosts))
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
function sharedSelector({ mesh, gateway }: Observation): Warning[] {
  // our Gateway resource selects its pods by reference
  const others = gateway.resource === undefined ? otherSelectedPods(gateway.selector, gateway, mesh.routers ?? []) : []
  if (others.length === 0) return []
  const names = [...new Set(others.map(({ namespace, name }) => `${namespace}/${name}`))]
  return [
    {
      message:
        `no label distinguishes the pods of gateway ${nameOf(gateway)} from ${names.slice(0, 3).join(', ')}, ` +
        'which load the routes too',
    },
  ]
}

function turnsOf(
  before: Choices,
  { api, gateway, previous, datacenter }: Observation,
  { mode, backend }: Backend,
  port: number,
): Turn[] {
  const gatewayBefore = before.gateway ?? (previous === undefined ? undefined : nameOf(previous))
  const pairs: [Turn['what'], string | undefined, string][] = [
    ['API', before.api, api],
    ['gateway', gatewayBefore, nameOf(gateway)],
    ['port', before.port?.toString(), String(port)],
    ['mode', before.mode, mode],
    ['backend', before.mode === mode && before.api === api ? (before.backend ?? DEFAULT_BACKEND) : undefined, backend],
    ['cluster domain', before.clusterDomain, datacenter.clusterDomain],
  ]
  return pairs.flatMap(([what, from, to]) => (from === undefined || from === to ? [] : [{ what, from, to }]))
}
