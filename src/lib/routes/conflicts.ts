/**
 * Detects Gateways and routes of others that conflict with ours. Pure. Istio drops the later of two conflicting
 * Gateways or server names on a port and only logs it (istio/istio pilot/pkg/networking/core/gateway.go).
 */
import type { Datacenter } from '../cassandra/datacenter.ts'
import { isManaged } from '../changes/ownership.ts'
import type { KubeObject } from '../cluster/kube.ts'
import { displayName, ISTIO_GATEWAY, VIRTUAL_SERVICE } from '../cluster/resources.ts'
import { again, command, type ErrorCode, hint, type NextStep } from '../errors.ts'
import { selects, tcpPort } from '../istio/gateways.ts'
import type { IngressGateway } from '../istio/mesh.ts'
import { OWNER_LABEL } from '../text/own-keys.ts'
import type { Backend } from './backends/backend.ts'
import { gatewaysOf, isRouteOf, portsOfRoutes, selectorOf, serversOf, tlsMatches } from './live-routes.ts'
import { routeNames } from './sni-names.ts'

export interface ConflictScope {
  datacenter: Datacenter
  gateway: IngressGateway
  backend: Pick<Backend, 'byServerName' | 'clash' | 'fault'>
  port: number
  /** The server names to route. */
  serverNames: string[]
  /** All visible Gateways and VirtualServices, including our own. */
  gateways: KubeObject[]
  virtualServices: KubeObject[]
  /** All Services of the datacenter's namespace. */
  services: readonly KubeObject[]
  /** True if the Gateways and VirtualServices of all namespaces were listed. */
  complete: boolean
}

export interface Conflict {
  code: Extract<ErrorCode, 'CSNI503' | 'CSNI504' | 'CSNI508'>
  message: string
  /** In kubectl's form, with its namespace. */
  object: string
  /** Non-destructive steps first; a deletion only of objects without other content. */
  next: NextStep[]
  /** Our object takes precedence, so only the other one is affected. */
  harmless?: boolean | undefined
}

/**
 * Returns the conflicts: first ports and Gateways that Istio does not accept together with ours, then VirtualServices
 * that claim one of our server names.
 */
export function findConflicts(scope: ConflictScope): Conflict[] {
  const others = otherGateways(scope)
  return [
    ...serviceFault(scope),
    ...reservedPort(scope),
    ...others.flatMap((gateway) => gatewayConflict(gateway, scope) ?? []),
    ...nameConflicts(scope),
  ]
}

/**
 * True if another datacenter in the namespace already has an SNI Gateway on this port, so that this one needs narrower
 * hosts.
 */
export function needsNarrowHosts(scope: Omit<ConflictScope, 'serverNames'>): boolean {
  const { datacenter, port } = scope
  return otherGateways(scope).some(
    (gateway) =>
      isSibling(gateway, datacenter) &&
      serversOf(gateway).some(
        (server) =>
          server.port === port &&
          server.hosts.includes(`${datacenter.namespace}/*`) &&
          scope.backend.clash(server, datacenter, true) === undefined,
      ),
  )
}

/** Ports of Istio's own Envoy and agent (istio.io, Application Requirements, "Ports used by Istio"). */
const RESERVED = new Set([15000, 15001, 15004, 15006, 15008, 15020, 15021, 15053, 15090])

/** The backend cannot work with this datacenter. */
function serviceFault({ backend, datacenter, services }: ConflictScope): Conflict[] {
  const { namespace, name, service } = datacenter
  const message = backend.fault(datacenter, services)
  if (message === undefined) return []
  const showConfig = command`kubectl -n ${namespace} get cassandradatacenter ${name} -o jsonpath={.spec.config}`
  return [
    {
      code: 'CSNI508',
      message,
      object: `service/${service} in namespace ${namespace}`,
      next: [hint('use the default mode sni, which does not need that Service'), showConfig],
    },
  ]
}

/**
 * Ports that are not available for CQL: Istio's own, and those that the gateway's Service names as HTTP. A listener is
 * either HTTP or TLS (istio/istio pilot/pkg/model/gateway.go, canMergeProtocols): with ours on port 80, every existing
 * and future HTTP Gateway there would be ignored.
 */
function reservedPort(scope: ConflictScope): Conflict[] {
  const { gateway, port } = scope
  const name = tcpPort(gateway, port)?.name ?? ''
  const why = RESERVED.has(port)
    ? `port ${port} is reserved by Istio's proxies`
    : /^http2?(-|$)/.test(name)
      ? `port ${port} of the gateway's Service is an HTTP port (${name})`
      : undefined
  if (why === undefined) return []
  return [
    {
      code: 'CSNI503',
      message: `${why}; choose another with --port`,
      object: `service/${gateway.service} in namespace ${gateway.namespace}`,
      next: [again`--port ${freePort(scope)}`],
    },
  ]
}

/** The next port of the gateway that is not known to be in use. */
function freePort({ gateway, gateways, port }: ConflictScope): number {
  const taken = new Set([
    port,
    ...RESERVED,
    ...gateway.ports.map((each) => each.port),
    ...gateways.flatMap((each) => serversOf(each).map((server) => server.port)),
  ])
  let free = 9042
  while (taken.has(free)) free++
  return free
}

/** Other Gateways that select the same gateway pods. */
function otherGateways({ gateways, datacenter, gateway }: Omit<ConflictScope, 'serverNames'>): KubeObject[] {
  return gateways.filter((each) => !isOwn(each, datacenter) && selects(selectorOf(each), gateway))
}

function isOwn({ metadata }: KubeObject, datacenter: Datacenter): boolean {
  return metadata.name === routeNames(datacenter.name).gateway && metadata.namespace === datacenter.namespace
}

/** Ours, for another datacenter in the namespace. */
function isSibling(object: KubeObject, datacenter: Datacenter): boolean {
  return (
    isManaged(object) &&
    object.metadata.namespace === datacenter.namespace &&
    object.metadata.labels?.[OWNER_LABEL] !== datacenter.name
  )
}

function gatewayConflict(other: KubeObject, scope: ConflictScope): Conflict | undefined {
  const { datacenter, backend, port } = scope
  const { name, namespace = '' } = other.metadata
  const servers = serversOf(other)
  const [why] = servers
    .filter((server) => server.port === port)
    .flatMap((server) => backend.clash(server, datacenter, isSibling(other, datacenter)) ?? [])
  if (why === undefined) return undefined
  const conflict = {
    code: 'CSNI503',
    object: `${displayName(ISTIO_GATEWAY, name)} in namespace ${namespace}`,
  } as const
  if (staysInForce(other, scope)) {
    return {
      ...conflict,
      message:
        `Gateway ${name} in namespace ${namespace} ${why} on port ${port}: Istio uses the older one (this ` +
        "datacenter's) and ignores the other",
      next: [],
      harmless: true,
    }
  }
  // VirtualServices bound only to this Gateway are useless without it.
  const bound = scope.virtualServices.filter((virtualService) => {
    const gateways = gatewaysOf(virtualService)
    return gateways.length > 0 && gateways.every((each) => each === `${namespace}/${name}`)
  })
  const holdsNothingElse = servers.every((server) => server.port === port) && bound.every((each) => !isManaged(each))
  return {
    ...conflict,
    message:
      `port ${port} of the ingress gateway is in use: Gateway ${name} in namespace ${namespace} ${why}, and Istio ` +
      'accepts only one of them',
    next: [
      again`--port ${freePort(scope)}`,
      ...(isManaged(other) ? [] : edits(other, `or change its port ${port}`)),
      ...(holdsNothingElse && !isManaged(other) ? deletions([other, ...bound]) : []),
    ],
  }
}

/**
 * Of conflicting Gateways on a port Istio uses the oldest (pilot/pkg/model/push_context.go, initGateways;
 * model/gateway.go): ours, if it already serves the port and was created earlier.
 */
function staysInForce(other: KubeObject, { gateways, datacenter, gateway, port }: ConflictScope): boolean {
  const own = gateways.find((each) => isOwn(each, datacenter) && isManaged(each))
  if (own === undefined || !selects(selectorOf(own), gateway)) return false
  const [created, otherCreated] = [own.metadata.creationTimestamp, other.metadata.creationTimestamp]
  if (created === undefined || otherCreated === undefined || !serversOf(own).some((server) => server.port === port))
    return false
  return Date.parse(created) < Date.parse(otherCreated)
}

function nameConflicts(scope: ConflictScope): Conflict[] {
  const { datacenter, gateway, port, serverNames, gateways, virtualServices, complete } = scope
  if (serverNames.length === 0) return []
  const requested = new Set(serverNames)
  const own = routeNames(datacenter.name).virtualService
  const known = new Map(gateways.map((each) => [`${each.metadata.namespace}/${each.metadata.name}`, each]))
  return virtualServices.flatMap((other) => {
    const { name, namespace = '' } = other.metadata
    if (isRouteOf(other, datacenter) || (name === own && namespace === datacenter.namespace)) return []
    const overlaps = gatewaysOf(other).some((each) => {
      const bound = known.get(each)
      // A Gateway that is not visible may use our port.
      return bound === undefined
        ? !complete
        : selects(selectorOf(bound), gateway) && serversOf(bound).some((server) => server.port === port)
    })
    if (!overlaps) return []
    const names = tlsMatches(other)
      .filter((match) => match.port === undefined || match.port === port)
      .flatMap((match) => match.sniHosts)
    const claimed = names.filter((sniHost) => requested.has(sniHost))
    if (claimed.length === 0) return []
    const more = claimed.length > 1 ? ` and ${claimed.length - 1} more` : ''
    const holdsNothingElse = claimed.length === names.length && portsOfRoutes(other).every((each) => each === port)
    return [
      {
        code: 'CSNI504',
        message:
          `VirtualService ${name} in namespace ${namespace} already routes server name ${claimed[0]}${more} on port ` +
          `${port}: Istio would silently drop one of the two routes`,
        object: `${displayName(VIRTUAL_SERVICE, name)} in namespace ${namespace}`,
        next: isManaged(other)
          ? [command`kubectl cass-sni routes sync -n ${namespace} -d ${other.metadata.labels?.[OWNER_LABEL] ?? name}`]
          : [
              again`--port ${freePort(scope)}`,
              ...edits(other, 'or remove the names from it'),
              ...(holdsNothingElse ? deletions([other]) : []),
            ],
      } satisfies Conflict,
    ]
  })
}

function edits(object: KubeObject, why: string): NextStep[] {
  const { name, namespace = 'default' } = object.metadata
  return [hint(`${why}:`), command`kubectl edit -n ${namespace} ${named(object, name)}`]
}

function named({ kind }: KubeObject, name: string): string {
  return displayName(kind === 'Gateway' ? ISTIO_GATEWAY : VIRTUAL_SERVICE, name)
}

/**
 * The kubectl commands that delete the objects, one per namespace.
 */
function deletions(objects: KubeObject[]): NextStep[] {
  const byNamespace = new Map<string, string[]>()
  for (const object of objects) {
    const { name, namespace = 'default' } = object.metadata
    byNamespace.set(namespace, [...(byNamespace.get(namespace) ?? []), named(object, name)])
  }
  return [
    hint('or, if it is no longer needed:'),
    ...[...byNamespace].map(([namespace, names]) => command`kubectl delete -n ${namespace} ${names}`),
  ]
}
