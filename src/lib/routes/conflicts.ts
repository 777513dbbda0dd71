/**
 * What of others stands in the way of the routes: pure. Istio itself tells nobody: it drops the later of two Gateways
 * or server names
 * that meet on a port, and only its log says so (istio/istio pilot/pkg/networking/core/gateway.go).
 */
import { again, command, type NextStep } from '../errors.ts'
import type { Datacenter } from '../cassandra/datacenter.ts'
import { isOurs } from '../changes/ownership.ts'
import { OWNER_LABEL } from '../text/own-keys.ts'
import type { KubeObject } from '../cluster/kube.ts'
import { displayName, ISTIO_GATEWAY, VIRTUAL_SERVICE } from '../cluster/resources.ts'
import type { ErrorCode } from '../errors.ts'
import { selects } from '../istio/gateways.ts'
import type { IngressGateway } from '../istio/mesh.ts'
import type { RouteMode } from './desired-routes.ts'
import { gatewaysOf, selectorOf, serversOf, tlsMatches } from './live-routes.ts'
import { routeNames } from './sni-names.ts'

export interface Surroundings {
  datacenter: Datacenter
  gateway: IngressGateway
  mode: RouteMode
  port: number
  /** The server names that are to be routed. */
  serverNames: string[]
  /** All Gateways and VirtualServices that can be seen; our own among them are passed over. */
  gateways: KubeObject[]
  virtualServices: KubeObject[]
  /** They are all there are: what is not among them does not exist. */
  complete: boolean
}

export interface Conflict {
  code: Extract<ErrorCode, 'CSNI503' | 'CSNI504'>
  message: string
  /** As kubectl names it, with its namespace. */
  object: string
  next: NextStep[]
}

/**
 * The Gateways of others that Istio would not let stand beside ours, then the VirtualServices that claim one of our
 * names.
 */
export function findConflicts(around: Surroundings): Conflict[] {
  const others = otherGateways(around)
  return [
    ...reservedPort(around),
    ...others.flatMap((gateway) => gatewayConflict(gateway, around) ?? []),
    ...nameConflicts(around),
  ]
}

/**
 * Another datacenter of the namespace has its SNI Gateway on this port of this gateway already: then the hosts have
 * to be narrower.
 */
export function needsNarrowHosts(around: Surroundings): boolean {
  const { datacenter, port } = around
  return otherGateways(around).some(
    (gateway) =>
      isSibling(gateway, datacenter) &&
      serversOf(gateway).some(
        (server) =>
          server.port === port && isTls(server.protocol) && server.hosts.includes(`${datacenter.namespace}/*`),
      ),
  )
}

/** Ports that a gateway's own Envoy and agent listen on (istio.io, Application Requirements, "Ports used by Istio"). */
const RESERVED = new Set([15000, 15001, 15004, 15006, 15008, 15020, 15021, 15053, 15090])

function reservedPort({ gateway, port }: Surroundings): Conflict[] {
  if (!RESERVED.has(port)) return []
  const object = `service/${gateway.service} in namespace ${gateway.namespace}`
  return [
    {
      code: 'CSNI503',
      message: `port ${port} is one of those that Istio's own proxies listen on: clients need another one`,
      object,
      next: [again`--port 9042`],
    },
  ]
}

/** Other Gateways for the same pods of a gateway. */
function otherGateways({ gateways, datacenter, gateway }: Surroundings): KubeObject[] {
  const own = routeNames(datacenter.name).gateway
  return gateways.filter(
    ({ metadata, ...rest }) =>
      !(metadata.name === own && metadata.namespace === datacenter.namespace) &&
      selects(selectorOf({ metadata, ...rest } as KubeObject), gateway),
  )
}

/** Ours, for another datacenter of the namespace. */
function isSibling(object: KubeObject, datacenter: Datacenter): boolean {
  return (
    isOurs(object) &&
    object.metadata.namespace === datacenter.namespace &&
    object.metadata.labels?.[OWNER_LABEL] !== datacenter.name
  )
}

function gatewayConflict(other: KubeObject, around: Surroundings): Conflict | undefined {
  const { datacenter, mode, port } = around
  const servers = serversOf(other).filter((server) => server.port === port)
  const clash = servers.find(
    (server) =>
      mode === 'tcp' ||
      !isTls(server.protocol) ||
      (!isSibling(other, datacenter) && server.hosts.includes(`${datacenter.namespace}/*`)),
  )
  if (clash === undefined) return undefined
  const name = `${other.metadata.namespace}/${other.metadata.name}`
  const why =
    mode === 'sni' && isTls(clash.protocol)
      ? `has the same hosts ${clash.hosts.join(', ')}`
      : `serves it as ${clash.protocol}`
  // The old routes of a Gateway that goes are of no use without it.
  const bound = around.virtualServices.filter((virtualService) => {
    const gateways = gatewaysOf(virtualService)
    return gateways.length > 0 && gateways.every((each) => each === name)
  })
  return {
    code: 'CSNI503',
    message: `port ${port} of the ingress gateway is taken: Gateway ${other.metadata.name} in namespace ${other.metadata.namespace} ${why}, and Istio lets only one of them stand`,
    object: `${displayName(ISTIO_GATEWAY, other.metadata.name)} in namespace ${other.metadata.namespace}`,
    next: [...deletions([other, ...bound]), again`--port PORT`],
  }
}

function nameConflicts({
  datacenter,
  gateway,
  mode,
  port,
  serverNames,
  gateways,
  virtualServices,
  complete,
}: Surroundings): Conflict[] {
  if (mode === 'tcp') return []
  const wanted = new Set(serverNames)
  const own = routeNames(datacenter.name).virtualService
  const known = new Map(gateways.map((each) => [`${each.metadata.namespace}/${each.metadata.name}`, each]))
  return virtualServices.flatMap((other) => {
    const { name, namespace } = other.metadata
    if (name === own && namespace === datacenter.namespace) return []
    const meets = gatewaysOf(other).some((each) => {
      const bound = known.get(each)
      // A Gateway that cannot be seen may be on our port.
      return bound === undefined
        ? !complete
        : selects(selectorOf(bound), gateway) && serversOf(bound).some((server) => server.port === port)
    })
    if (!meets) return []
    const claimed = tlsMatches(other)
      .filter((match) => match.port === undefined || match.port === port)
      .flatMap((match) => match.sniHosts)
      .filter((sniHost) => wanted.has(sniHost))
    if (claimed.length === 0) return []
    const more = claimed.length > 1 ? ` and ${claimed.length - 1} more` : ''
    return [
      {
        code: 'CSNI504',
        message: `VirtualService ${name} in namespace ${namespace} routes the server name ${claimed[0]}${more} on port ${port} already: Istio would silently drop one of the two`,
        object: `${displayName(VIRTUAL_SERVICE, name)} in namespace ${namespace}`,
        next: deletions([other]),
      } satisfies Conflict,
    ]
  })
}

/** Only these are compared by host; anything else on a port is for all its connections. */
function isTls(protocol: string): boolean {
  return protocol === 'TLS' || protocol === 'HTTPS'
}

/**
 * The kubectl lines that take the objects away, one per namespace: each is led to the user's cluster by flags of its
 * own.
 */
function deletions(objects: KubeObject[]): NextStep[] {
  const byNamespace = new Map<string, string[]>()
  for (const { kind, metadata } of objects) {
    const namespace = metadata.namespace ?? 'default'
    byNamespace.set(namespace, [
      ...(byNamespace.get(namespace) ?? []),
      displayName(kind === 'Gateway' ? ISTIO_GATEWAY : VIRTUAL_SERVICE, metadata.name),
    ])
  }
  return [...byNamespace].map(([namespace, names]) => command`kubectl delete -n ${namespace} ${names}`)
}
