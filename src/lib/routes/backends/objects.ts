/** The objects of every backend: the gateway's port and a Gateway. Pure. */
import type { V1ServicePort } from '@kubernetes/client-node'
import type { Datacenter } from '../../cassandra/datacenter.ts'
import type { Desired } from '../../changes/changeset.ts'
import { ownedLabels, routesManagerSuffix } from '../../changes/ownership.ts'
import type { KubeObject, OwnerReference, ResourceType } from '../../cluster/kube.ts'
import { apiVersionOf, CASSANDRA_DATACENTER, SERVICE } from '../../cluster/resources.ts'
import { nameOf, tcpPort } from '../../istio/gateways.ts'
import type { IngressGateway } from '../../istio/mesh.ts'
import type { GatewaySpec, RouteDestination, Server } from '../../istio/networking.ts'
import {
  ANY_NODE_ANNOTATION,
  BACKEND_LABEL,
  CLUSTER_DOMAIN_ANNOTATION,
  GATEWAY_ANNOTATION,
  METADATA_NAME_ANNOTATION,
  SNI_TEMPLATES_ANNOTATION,
} from '../../text/own-keys.ts'
import { NO_ADDITIONAL_NAMES } from '../additional-names.ts'
import { gatewayPortName, routeNames } from '../sni-names.ts'
import { DEFAULT_BACKEND, type RouteBackend, type RouteInput, type Upstream } from './backend.ts'

/**
 * Returns the port on the gateway's Service, the only part of it that we manage. An existing port with this number is
 * not changed: we manage it only if another datacenter's routes do (see changes/ownership.ts).
 */
export function gatewayPort({ datacenter, gateway, port, former }: RouteInput): Desired {
  const existing = tcpPort(gateway, port)
  const added: V1ServicePort = { name: gatewayPortName(gateway.ports, port), port, targetPort: port, protocol: 'TCP' }
  // unchanged, so that its field manager keeps it
  const ports = [
    existing === undefined
      ? added
      : { name: existing.name, port, targetPort: existing.targetPort ?? port, protocol: 'TCP' },
  ]
  return { ...sharedService(datacenter, gateway, { ports }), former }
}

/** Releases our port on the Service of a gateway that the datacenter no longer uses. */
export function releasedPort(datacenter: Pick<Datacenter, 'name' | 'namespace'>, gateway: IngressGateway): Desired {
  return sharedService(datacenter, gateway)
}

function sharedService(
  datacenter: Pick<Datacenter, 'name' | 'namespace'>,
  gateway: IngressGateway,
  spec?: { ports: object[] },
): Desired {
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

/** Returns our Gateway, which records the choices: see choices.ts. */
export function gatewayObject(
  input: RouteInput,
  server: Omit<Server, 'hosts'>,
  backend: RouteBackend = DEFAULT_BACKEND,
): Desired {
  const { datacenter, gateway, types, names = NO_ADDITIONAL_NAMES } = input
  const object = owned(input, types.gateway, routeNames(datacenter.name).gateway)
  const annotations = {
    [GATEWAY_ANNOTATION]: nameOf(gateway),
    [CLUSTER_DOMAIN_ANNOTATION]: datacenter.clusterDomain,
    ...(backend === DEFAULT_BACKEND ? {} : { [BACKEND_LABEL]: backend }),
    ...recordOf(SNI_TEMPLATES_ANNOTATION, names.sniTemplates),
    ...recordOf(ANY_NODE_ANNOTATION, names.anyNode),
    ...recordOf(METADATA_NAME_ANNOTATION, names.metadata === undefined ? [] : [names.metadata]),
  }
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

function recordOf(annotation: string, values: readonly string[]): Record<string, string> {
  return values.length === 0 ? {} : { [annotation]: values.join(',') }
}

/**
 * The hosts of the Gateway: `<namespace>/*`. Istio rejects a bare host ID there, and `*` would conflict with Gateways
 * of others. Istio drops the second of two servers with the same hosts on one port (istio/istio
 * pilot/pkg/model/gateway.go, CheckDuplicates), so a second datacenter in the namespace uses the domain of its pods; a
 * VirtualService is accepted as a whole if one of its hosts matches.
 */
function hostsFor(datacenter: Datacenter, narrow: boolean): string[] {
  if (!narrow) return [`${datacenter.namespace}/*`]
  const domains = datacenter.nodes.map((node) => node.dnsName.slice(node.pod.length + 1))
  return [...new Set(domains)].map((domain) => `${datacenter.namespace}/*.${domain}`)
}

/** Returns a route to one destination. */
export function destination({ host, port, subset }: Upstream): RouteDestination {
  const number = { number: port }
  return { destination: subset === undefined ? { host, port: number } : { host, subset, port: number } }
}

/** Returns the namespaces to export to: the gateway's, and that of a gateway that is being replaced; '.' is our own. */
export function exportNamespaces({ datacenter, gateway, formerNamespaces = [] }: RouteInput): string[] {
  return [...new Set([gateway.namespace, ...formerNamespaces])].map((namespace) =>
    namespace === datacenter.namespace ? '.' : namespace,
  )
}

/** Returns an object of a kind that only some backends create: see `BACKEND_LABEL`. */
export function backendObject(
  input: RouteInput,
  backend: RouteBackend,
  type: ResourceType,
  name: string,
  spec: object,
  more: Pick<KubeObject['metadata'], 'labels' | 'annotations'> = {},
): Desired {
  const object = owned(input, type, name)
  const labels = { ...object.metadata.labels, ...more.labels, [BACKEND_LABEL]: backend }
  return { type, ownership: 'own', object: { ...object, metadata: { ...object.metadata, ...more, labels }, spec } }
}

/** Returns an object without a spec that is deleted with its CassandraDatacenter. */
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
