/**
 * Detects ports and Istio Gateways that conflict with our Gateway. Pure. Istio drops the later of two conflicting
 * Gateways on a port and only logs it (istio/istio pilot/pkg/networking/core/gateway.go).
 */
import type { Datacenter } from '../cassandra/datacenter.ts'
import { isManaged } from '../changes/ownership.ts'
import type { KubeObject } from '../cluster/kube.ts'
import { again, command, hint } from '../errors.ts'
import { controlPlanesOf, selects, tcpPort } from '../istio/gateways.ts'
import { OWNER_LABEL } from '../text/own-keys.ts'
import {
  type Conflict,
  type ConflictScope,
  deletions,
  edits,
  freePort,
  isRead,
  objectOf,
  RESERVED_PORTS,
} from './conflict.ts'
import { gatewaysOf, selectorOf, serversOf } from './live-routes.ts'
import { routeNames } from './sni-names.ts'

/** Returns the conflicts of the port and the Gateway. */
export function gatewayConflicts(scope: ConflictScope): Conflict[] {
  return [
    ...serviceFault(scope),
    ...reservedPort(scope),
    ...otherGateways(scope).flatMap((gateway) => gatewayConflict(gateway, scope) ?? []),
  ]
}

/**
 * Returns whether another datacenter in the namespace already has an SNI Gateway on this port, so that this one needs
 * narrower hosts.
 */
export function needsNarrowHosts(scope: ConflictScope): boolean {
  const { datacenter, port } = scope
  return otherGateways(scope).some(
    (gateway) =>
      isSibling(gateway, datacenter) &&
      serversOf(gateway).some(
        (server) =>
          server.port === port &&
          server.hosts.includes(`${datacenter.namespace}/*`) &&
          scope.backend.clash(server, { hosts: [], serverNames: [] }) === undefined,
      ),
  )
}

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
  // the ports of a Gateway resource's Service are named after its listeners
  const name = gateway.resource === undefined ? (tcpPort(gateway, port)?.name ?? '') : ''
  const isIstio = !gateway.pods.some(({ foreign }) => foreign)
  const why =
    isIstio && RESERVED_PORTS.has(port)
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

/** Other Gateways that select the same gateway pods. */
function otherGateways(scope: ConflictScope): KubeObject[] {
  const { gateways, datacenter, gateway } = scope
  return gateways.filter(
    (each) => !isOwn(each, datacenter) && selects(selectorOf(each), gateway) && isInForce(each, scope),
  )
}

/** Whether Istio uses a Gateway that selects the gateway's pods: with PILOT_SCOPE_GATEWAY_TO_NAMESPACE, not always. */
export function isInForce(object: KubeObject, scope: Pick<ConflictScope, 'mesh' | 'gateway'>): boolean {
  const { mesh, gateway } = scope
  const planes = controlPlanesOf(gateway, mesh)
  const isScoped = planes.length > 0 && planes.every(({ gatewaysScopedToNamespace }) => gatewaysScopedToNamespace)
  return isRead(object, scope) && (!isScoped || object.metadata.namespace === gateway.namespace)
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
  const { backend, port } = scope
  const { name, namespace = '' } = other.metadata
  const servers = serversOf(other)
  const [why] = servers.filter((server) => server.port === port).flatMap((server) => backend.clash(server, scope) ?? [])
  if (why === undefined) return undefined
  const conflict = {
    code: 'CSNI503',
    object: objectOf(other),
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
