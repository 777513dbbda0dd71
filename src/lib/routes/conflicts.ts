/**
 * What of others stands in the way of the routes: pure. Istio itself tells nobody: it drops the later of two Gateways
 * or server names that meet on a port, and only its log says so (istio/istio pilot/pkg/networking/core/gateway.go).
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
import { gatewaysOf, portsOfRoutes, selectorOf, serversOf, tlsMatches } from './live-routes.ts'
import { routeNames } from './sni-names.ts'

export interface Surroundings {
  datacenter: Datacenter
  gateway: IngressGateway
  backend: Pick<Backend, 'byServerName' | 'clash' | 'fault'>
  port: number
  /** The server names that are to be routed. */
  serverNames: string[]
  /** All Gateways and VirtualServices that can be seen; our own among them are passed over. */
  gateways: KubeObject[]
  virtualServices: KubeObject[]
  /** All Services of the datacenter's namespace. */
  services: readonly KubeObject[]
  /** The Gateways and VirtualServices are all there are: what is not among them does not exist. */
  complete: boolean
}

export interface Conflict {
  code: Extract<ErrorCode, 'CSNI503' | 'CSNI504' | 'CSNI508'>
  message: string
  /** As kubectl names it, with its namespace. */
  object: string
  /** The harmless ways first; a deletion only of what holds nothing else. */
  next: NextStep[]
  /** Ours wins, so that it only harms the other. */
  harmless?: boolean | undefined
}

/**
 * The Gateways of others that Istio would not let stand beside ours, then the VirtualServices that claim one of our
 * names.
 */
export function findConflicts(around: Surroundings): Conflict[] {
  const others = otherGateways(around)
  return [
    ...deadEnd(around),
    ...reservedPort(around),
    ...others.flatMap((gateway) => gatewayConflict(gateway, around) ?? []),
    ...nameConflicts(around),
  ]
}

/**
 * Another datacenter of the namespace has its SNI Gateway on this port of this gateway already: then the hosts have
 * to be narrower.
 */
export function needsNarrowHosts(around: Omit<Surroundings, 'serverNames'>): boolean {
  const { datacenter, port } = around
  return otherGateways(around).some(
    (gateway) =>
      isSibling(gateway, datacenter) &&
      serversOf(gateway).some(
        (server) =>
          server.port === port &&
          server.hosts.includes(`${datacenter.namespace}/*`) &&
          around.backend.clash(server, datacenter, true) === undefined,
      ),
  )
}

/** Ports that a gateway's own Envoy and agent listen on (istio.io, Application Requirements, "Ports used by Istio"). */
const RESERVED = new Set([15000, 15001, 15004, 15006, 15008, 15020, 15021, 15053, 15090])

/** The way itself leads nowhere, at this datacenter. */
function deadEnd({ backend, datacenter, services }: Surroundings): Conflict[] {
  const { namespace, name, service } = datacenter
  const message = backend.fault(datacenter, services)
  if (message === undefined) return []
  const look = command`kubectl -n ${namespace} get cassandradatacenter ${name} -o jsonpath={.spec.config}`
  return [
    {
      code: 'CSNI508',
      message,
      object: `service/${service} in namespace ${namespace}`,
      next: [hint('route by server name, which needs no port of that Service: leave out --mode tcp'), look],
    },
  ]
}

/**
 * Ports that clients of CQL cannot have: Istio's own, and one that the gateway's Service names for HTTP. The listener
 * of a port is either for HTTP or for TLS (istio/istio pilot/pkg/model/gateway.go, canMergeProtocols): with ours on
 * port 80, every Gateway for HTTP there would be ignored, those of later too.
 */
function reservedPort(around: Surroundings): Conflict[] {
  const { gateway, port } = around
  const name = tcpPort(gateway, port)?.name ?? ''
  const why = RESERVED.has(port)
    ? `port ${port} is one of those that Istio's own proxies listen on`
    : /^http2?(-|$)/.test(name)
      ? `port ${port} is named ${name} (HTTP) on the gateway's Service`
      : undefined
  if (why === undefined) return []
  return [
    {
      code: 'CSNI503',
      message: `${why}; choose another with --port`,
      object: `service/${gateway.service} in namespace ${gateway.namespace}`,
      next: [again`--port ${freePort(around)}`],
    },
  ]
}

/** The next port that nothing has taken on the gateway, as far as can be seen. */
function freePort({ gateway, gateways, port }: Surroundings): number {
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

/** Other Gateways for the same pods of a gateway. */
function otherGateways({ gateways, datacenter, gateway }: Omit<Surroundings, 'serverNames'>): KubeObject[] {
  return gateways.filter((each) => !isOwn(each, datacenter) && selects(selectorOf(each), gateway))
}

function isOwn({ metadata }: KubeObject, datacenter: Datacenter): boolean {
  return metadata.name === routeNames(datacenter.name).gateway && metadata.namespace === datacenter.namespace
}

/** Ours, for another datacenter of the namespace. */
function isSibling(object: KubeObject, datacenter: Datacenter): boolean {
  return (
    isManaged(object) &&
    object.metadata.namespace === datacenter.namespace &&
    object.metadata.labels?.[OWNER_LABEL] !== datacenter.name
  )
}

function gatewayConflict(other: KubeObject, around: Surroundings): Conflict | undefined {
  const { datacenter, backend, port } = around
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
  if (staysInForce(other, around)) {
    return {
      ...conflict,
      message:
        `Gateway ${name} in namespace ${namespace} ${why} on port ${port} as well: Istio heeds the older one, ` +
        "which is this datacenter's, and ignores that one there",
      next: [],
      harmless: true,
    }
  }
  // The old routes of a Gateway that goes are of no use without it.
  const bound = around.virtualServices.filter((virtualService) => {
    const gateways = gatewaysOf(virtualService)
    return gateways.length > 0 && gateways.every((each) => each === `${namespace}/${name}`)
  })
  const holdsNothingElse = servers.every((server) => server.port === port) && bound.every((each) => !isManaged(each))
  return {
    ...conflict,
    message:
      `port ${port} of the ingress gateway is taken: Gateway ${name} in namespace ${namespace} ${why}, and Istio ` +
      'lets only one of them stand',
    next: [
      again`--port ${freePort(around)}`,
      ...(isManaged(other) ? [] : edits(other, `or let it have another port than ${port}`)),
      ...(holdsNothingElse && !isManaged(other) ? deletions([other, ...bound]) : []),
    ],
  }
}

/**
 * Istio heeds the oldest of the Gateways that contradict each other on a port (pilot/pkg/model/push_context.go,
 * initGateways; model/gateway.go): ours does when it serves the port already and was made before.
 */
function staysInForce(other: KubeObject, { gateways, datacenter, gateway, port }: Surroundings): boolean {
  const own = gateways.find((each) => isOwn(each, datacenter) && isManaged(each))
  if (own === undefined || !selects(selectorOf(own), gateway)) return false
  const [made, madeByOthers] = [own.metadata.creationTimestamp, other.metadata.creationTimestamp]
  if (made === undefined || madeByOthers === undefined || !serversOf(own).some((server) => server.port === port))
    return false
  return Date.parse(made) < Date.parse(madeByOthers)
}

function nameConflicts(around: Surroundings): Conflict[] {
  const { datacenter, gateway, port, serverNames, gateways, virtualServices, complete } = around
  if (serverNames.length === 0) return []
  const wanted = new Set(serverNames)
  const own = routeNames(datacenter.name).virtualService
  const known = new Map(gateways.map((each) => [`${each.metadata.namespace}/${each.metadata.name}`, each]))
  return virtualServices.flatMap((other) => {
    const { name, namespace = '' } = other.metadata
    if (name === own && namespace === datacenter.namespace) return []
    const meets = gatewaysOf(other).some((each) => {
      const bound = known.get(each)
      // A Gateway that cannot be seen may be on our port.
      return bound === undefined
        ? !complete
        : selects(selectorOf(bound), gateway) && serversOf(bound).some((server) => server.port === port)
    })
    if (!meets) return []
    const names = tlsMatches(other)
      .filter((match) => match.port === undefined || match.port === port)
      .flatMap((match) => match.sniHosts)
    const claimed = names.filter((sniHost) => wanted.has(sniHost))
    if (claimed.length === 0) return []
    const more = claimed.length > 1 ? ` and ${claimed.length - 1} more` : ''
    const holdsNothingElse = claimed.length === names.length && portsOfRoutes(other).every((each) => each === port)
    return [
      {
        code: 'CSNI504',
        message:
          `VirtualService ${name} in namespace ${namespace} routes the server name ${claimed[0]}${more} on port ` +
          `${port} already: Istio would silently drop one of the two`,
        object: `${displayName(VIRTUAL_SERVICE, name)} in namespace ${namespace}`,
        next: isManaged(other)
          ? [command`kubectl cass-sni routes sync -n ${namespace} -d ${other.metadata.labels?.[OWNER_LABEL] ?? name}`]
          : [
              again`--port ${freePort(around)}`,
              ...edits(other, 'or take the names out of it'),
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
 * The kubectl lines that take the objects away, one per namespace: each is led to the user's cluster by flags of its
 * own.
 */
function deletions(objects: KubeObject[]): NextStep[] {
  const byNamespace = new Map<string, string[]>()
  for (const object of objects) {
    const { name, namespace = 'default' } = object.metadata
    byNamespace.set(namespace, [...(byNamespace.get(namespace) ?? []), named(object, name)])
  }
  return [
    hint('or, when nobody needs it any more:'),
    ...[...byNamespace].map(([namespace, names]) => command`kubectl delete -n ${namespace} ${names}`),
  ]
}
