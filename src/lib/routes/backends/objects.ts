/** The objects that every way through Istio needs: the gateway's port, a Gateway, a VirtualService. Pure. */
import type { V1ServicePort } from '@kubernetes/client-node'
import type { Datacenter } from '../../cassandra/datacenter.ts'
import type { Desired } from '../../changes/changeset.ts'
import { ownedLabels, routesManagerSuffix } from '../../changes/ownership.ts'
import type { KubeObject, OwnerReference, ResourceType } from '../../cluster/kube.ts'
import { apiVersionOf, CASSANDRA_DATACENTER, SERVICE } from '../../cluster/resources.ts'
import { nameOf, tcpPort } from '../../istio/gateways.ts'
import type { IngressGateway } from '../../istio/mesh.ts'
import type { GatewaySpec, RouteDestination, Server, VirtualServiceSpec } from '../../istio/networking.ts'
import { CLUSTER_DOMAIN_ANNOTATION, GATEWAY_ANNOTATION } from '../../text/own-keys.ts'
import { gatewayPortName, routeNames } from '../sni-names.ts'
import type { RouteInput, Upstream } from './backend.ts'

/**
 * Of the gateway's Service only this one port is ours. A port of that number that is there already stays as it is: we
 * hold it only when another datacenter's routes do (see changes/ownership.ts).
 */
export function gatewayPort({ datacenter, gateway, port, former }: RouteInput): Desired {
  const there = tcpPort(gateway, port)
  const added: V1ServicePort = { name: gatewayPortName(gateway.ports, port), port, targetPort: port, protocol: 'TCP' }
  // as it is there: whoever set it keeps it
  const ports = [
    there === undefined ? added : { name: there.name, port, targetPort: there.targetPort ?? port, protocol: 'TCP' },
  ]
  return { ...sharedService(datacenter, gateway, { ports }), former }
}

/** Nothing of the gateway's Service is ours any more: the port of a gateway that the datacenter has left. */
export function releasedPort(datacenter: Datacenter, gateway: IngressGateway): Desired {
  return sharedService(datacenter, gateway)
}

function sharedService(datacenter: Datacenter, gateway: IngressGateway, spec?: { ports: object[] }): Desired {
  const metadata = { name: gateway.service, namespace: gateway.namespace }
  const object: KubeObject = { apiVersion: apiVersionOf(SERVICE), kind: SERVICE.kind, metadata }
  return {
    type: SERVICE,
    ownership: 'share',
    managerSuffix: routesManagerSuffix(datacenter),
    mustExist: true,
    basedOn: gateway.object === undefined ? undefined : { live: gateway.object },
    object: spec === undefined ? object : { ...object, spec },
  }
}

/** Our Gateway. It remembers what was chosen: see choices.ts. */
export function gatewayObject(input: RouteInput, server: Omit<Server, 'hosts'>): Desired {
  const { datacenter, gateway, types } = input
  const object = owned(input, types.gateway, routeNames(datacenter.name).gateway)
  const annotations = { [GATEWAY_ANNOTATION]: nameOf(gateway), [CLUSTER_DOMAIN_ANNOTATION]: datacenter.clusterDomain }
  const spec: GatewaySpec = {
    selector: input.selector ?? gateway.selector,
    servers: [{ ...server, hosts: hostsFor(datacenter, input.narrowHosts === true) }],
  }
  return {
    type: types.gateway,
    ownership: 'own',
    object: { ...object, metadata: { ...object.metadata, annotations }, spec },
  }
}

/**
 * The hosts of the Gateway: `<namespace>/*`. A bare host id is refused there, and `*` would meet the Gateways of
 * others.
 * Istio drops the second of two servers with the same hosts on one port (istio/istio pilot/pkg/model/gateway.go,
 * CheckDuplicates), so a second datacenter in the namespace takes the domain of its own pods; a VirtualService is taken
 * as a whole when one of its hosts fits.
 */
function hostsFor(datacenter: Datacenter, narrow: boolean): string[] {
  if (!narrow) return [`${datacenter.namespace}/*`]
  const domains = datacenter.nodes.map((node) => node.dnsName.slice(node.pod.length + 1))
  return [...new Set(domains)].map((domain) => `${datacenter.namespace}/*.${domain}`)
}

/** Our VirtualService, seen in its own namespace and in the gateway's. */
export function virtualService(input: RouteInput, rest: Pick<VirtualServiceSpec, 'hosts' | 'tls' | 'tcp'>): Desired {
  const { types, datacenter, gateway, live } = input
  const names = routeNames(datacenter.name)
  const spec: VirtualServiceSpec = {
    exportTo: datacenter.namespace === gateway.namespace ? ['.'] : ['.', gateway.namespace],
    gateways: [`${datacenter.namespace}/${names.gateway}`],
    ...rest,
  }
  return {
    type: types.virtualService,
    ownership: 'own',
    basedOn: live === undefined ? undefined : { live },
    object: { ...owned(input, types.virtualService, names.virtualService), spec },
  }
}

export function destination({ host, port }: Upstream): RouteDestination {
  return { destination: { host, port: { number: port } } }
}

/** The frame of an object of ours: it goes when its CassandraDatacenter goes. */
export function owned({ datacenter }: RouteInput, type: ResourceType, name: string): KubeObject {
  const owner: OwnerReference = {
    apiVersion: apiVersionOf(CASSANDRA_DATACENTER),
    kind: CASSANDRA_DATACENTER.kind,
    name: datacenter.name,
    uid: datacenter.uid,
  }
  return {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    metadata: { name, namespace: datacenter.namespace, labels: ownedLabels(datacenter.name), ownerReferences: [owner] },
  }
}
