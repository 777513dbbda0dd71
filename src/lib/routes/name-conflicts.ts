/**
 * Detects VirtualServices and TLSRoutes that claim one of our server names on the same port of the same gateway. Pure.
 * Istio drops the later of two routes for a name and only logs it (istio/istio pilot/pkg/networking/core/gateway.go).
 */
import type { Datacenter } from '../cassandra/datacenter.ts'
import { isManaged } from '../changes/ownership.ts'
import type { KubeObject } from '../cluster/kube.ts'
import { again, command, hint, type NextStep } from '../errors.ts'
import { hostnamesOf } from '../gateway-api/gateway-objects.ts'
import { selects } from '../istio/gateways.ts'
import { asHostId } from '../text/host-id.ts'
import { OWNER_LABEL } from '../text/own-keys.ts'
import { attachesTo, sharedListeners } from './attached-routes.ts'
import { type Conflict, type ConflictScope, deletions, edits, freePort, isRead, objectOf } from './conflict.ts'
import { isInForce } from './gateway-conflicts.ts'
import { gatewaysOf, isRouteOf, portsOfRoutes, selectorOf, serversOf, tlsMatches } from './live-routes.ts'
import { routeNames } from './sni-names.ts'

/** Returns the conflicts of server names. */
export function nameConflicts(scope: ConflictScope): Conflict[] {
  if (scope.serverNames.length === 0) return []
  return [...virtualServiceConflicts(scope), ...tlsRouteConflicts(scope)]
}

function virtualServiceConflicts(scope: ConflictScope): Conflict[] {
  const { datacenter, gateway, port, gateways, virtualServices, complete } = scope
  const requested = new Set(scope.serverNames)
  const own = routeNames(datacenter.name).virtualService
  const known = new Map(gateways.map((each) => [`${each.metadata.namespace}/${each.metadata.name}`, each]))
  return virtualServices.flatMap((other) => {
    const { name, namespace = '' } = other.metadata
    if (isRouteOf(other, datacenter) || (name === own && namespace === datacenter.namespace)) return []
    if (!isRead(other, scope) || !isExportedTo(other, gateway.namespace, scope.defaultExportTo)) return []
    const overlaps = gatewaysOf(other).some((each) => {
      const bound = known.get(each)
      // A Gateway that is not visible may use our port.
      if (bound === undefined) return !complete
      const onPort = serversOf(bound).some((server) => server.port === port)
      return onPort && selects(selectorOf(bound), gateway) && isInForce(bound, scope)
    })
    if (!overlaps) return []
    const names = tlsMatches(other)
      .filter((match) => match.port === undefined || match.port === port)
      .flatMap((match) => match.sniHosts.map((sniHost) => sniHost.toLowerCase()))
    const claimed = names.filter((sniHost) => requested.has(sniHost))
    if (claimed.length === 0) return []
    const holdsNothingElse = claimed.length === names.length && portsOfRoutes(other).every((each) => each === port)
    return [claim(other, claimed, holdsNothingElse, scope)]
  })
}

/** Whether a VirtualService applies to gateway pods in the namespace; `usual` is the default of the mesh. */
function isExportedTo({ metadata, spec }: KubeObject, namespace: string, usual: readonly string[] = ['*']): boolean {
  const { exportTo = [] } = (spec ?? {}) as { exportTo?: string[] }
  return (exportTo.length === 0 ? usual : exportTo).some(
    (each) => each === '*' || each === namespace || (each === '.' && metadata.namespace === namespace),
  )
}

/**
 * TLSRoutes at the same Gateway, or at another that the same pods serve. Of two routes for a name the older one applies
 * (kubernetes-sigs/gateway-api geps/gep-735, "Conflict resolution").
 */
function tlsRouteConflicts(scope: ConflictScope): Conflict[] {
  const { datacenter, gatewayApi } = scope
  const requested = new Set(scope.serverNames)
  const listeners = sharedListeners(scope)
  const ownRoutes = gatewayApi.tlsRoutes.filter((each) => isRouteOf(each, datacenter))
  return gatewayApi.tlsRoutes.flatMap((other) => {
    if (isRouteOf(other, datacenter) || !listeners.some((listener) => attachesTo(other, listener))) return []
    const names = hostnamesOf(other)
    const claimed = names.filter((name) => requested.has(name))
    const [first] = claimed
    if (first === undefined) return []
    const rival = ownRoutes.find((route) => hostnamesOf(route).includes(first))
    const conflict = claim(other, claimed, claimed.length === names.length, scope)
    if (rival === undefined || !isOlder(rival, other)) return [conflict]
    const message = `${conflict.message}; the route of this datacenter is older and stays in effect`
    return [{ ...conflict, message, harmless: true }]
  })
}

function isOlder({ metadata: { creationTimestamp: one = '' } }: KubeObject, other: KubeObject): boolean {
  const { creationTimestamp = '' } = other.metadata
  return one !== '' && creationTimestamp !== '' && Date.parse(one) < Date.parse(creationTimestamp)
}

function claim(other: KubeObject, claimed: string[], holdsNothingElse: boolean, scope: ConflictScope): Conflict {
  const { port } = scope
  const { name, namespace = '' } = other.metadata
  const [first = ''] = claimed
  const more = claimed.length > 1 ? ` and ${claimed.length - 1} more` : ''
  const owner = isManaged(other) ? (other.metadata.labels?.[OWNER_LABEL] ?? name) : undefined
  const hostId = claimed.find((each) => asHostId(each) !== undefined)
  if (owner !== undefined && hostId !== undefined) return sharedHostId(other, hostId, { namespace, name: owner }, scope)
  return {
    code: 'CSNI504',
    message:
      `${other.kind} ${name} in namespace ${namespace} already routes server name ${first}${more} on port ${port}: ` +
      'only one of the two routes would apply',
    object: objectOf(other),
    next: [
      ...(owner === undefined ? [] : [syncOf(namespace, owner)]),
      again`--port ${freePort(scope)}`,
      ...(owner === undefined ? edits(other, 'or remove the names from it') : []),
      ...(owner === undefined && holdsNothingElse ? deletions([other]) : []),
    ],
  }
}

/** Two datacenters have routes for one host ID: one is stale, or a node was restored from a copy of another's data. */
function sharedHostId(
  other: KubeObject,
  hostId: string,
  owner: Pick<Datacenter, 'namespace' | 'name'>,
  scope: ConflictScope,
): Conflict {
  return {
    code: 'CSNI513',
    message:
      `host ID ${hostId} is also routed to datacenter ${owner.name} in namespace ${owner.namespace} on port ` +
      `${scope.port} (${other.kind} ${other.metadata.name}): clients would reach the wrong cluster`,
    object: objectOf(other),
    next: [
      hint('if the node is no longer part of that datacenter, update its routes:'),
      syncOf(owner.namespace, owner.name),
      hint('otherwise, route one of the datacenters on another port:'),
      again`--port ${freePort(scope)}`,
    ],
  }
}

function syncOf(namespace: string, datacenter: string): NextStep {
  return command`kubectl cass-sni routes sync -n ${namespace} -d ${datacenter}`
}
