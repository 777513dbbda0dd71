/** The objects that route clients to the nodes of a datacenter: pure. */
import type { CassandraNode, Datacenter } from '../cassandra/datacenter.ts'
import { CQL_PORT } from '../cassandra/resource-names.ts'
import type { Desired } from '../changes/changeset.ts'
import { ownedLabels, routesTaker } from '../changes/ownership.ts'
import { POD_LABEL } from '../text/own-keys.ts'
import type { KubeObject, OwnerReference, ResourceType } from '../cluster/kube.ts'
import { apiVersionOf, CASSANDRA_DATACENTER, SERVICE } from '../cluster/resources.ts'
import type { IngressGateway } from '../istio/mesh.ts'
import { liveHostIds } from './live-routes.ts'
import { gatewayPortName, nodeServiceName, routeNames, serviceHost } from './sni-names.ts'

/**
 * sni: one route per node, chosen by the server name of the TLS handshake. tcp: the blog's plain route to the
 * datacenter's Service.
 */
export type RouteMode = 'sni' | 'tcp'

export interface RouteInput {
  datacenter: Datacenter
  gateway: IngressGateway
  /** Istio's kinds in the version to write. */
  types: { gateway: ResourceType; virtualService: ResourceType }
  mode: RouteMode
  /** The port that clients dial on the gateway. */
  port: number
  /**
   * The datacenter's VirtualService as it is, when there is one: a node whose host id is not known just now keeps its
   * route.
   */
  live?: KubeObject
  /** Another datacenter of the namespace has a Gateway on this port already: this one's hosts must differ. */
  narrowHosts?: boolean
}

/** What becomes of one node. */
export interface NodeRoute {
  pod: string
  dnsName: string
  /** The host id that is routed. For a kept route: the one of before. */
  hostId?: string
  state: 'routed' | 'kept' | 'pending'
  /** Why it is kept as it was, or left out. */
  reason?: string
}

export interface DesiredRoutes {
  /** Empty when no node can be routed: then nothing is to be changed, and nothing pruned. */
  desired: Desired[]
  nodes: NodeRoute[]
  /** The nodes that are left out, with the reason. */
  pending: { pod: string; reason: string }[]
  /** All server names that get a route. Empty in tcp mode. */
  serverNames: string[]
}

/**
 * The desired objects in the order in which they are to be applied: a route never points to a Service that is not
 * there yet.
 */
export function desiredRoutes(input: RouteInput): DesiredRoutes {
  const nodes = input.mode === 'sni' ? sniNodes(input) : tcpNodes(input.datacenter)
  const served = nodes.filter((node) => node.state !== 'pending')
  const pending = nodes.flatMap((node) =>
    node.state === 'pending' ? [{ pod: node.pod, reason: node.reason ?? '' }] : [],
  )
  const nothing = input.mode === 'sni' ? served.length === 0 : nodes.length === 0
  if (nothing) return { desired: [], nodes, pending, serverNames: [] }
  const desired = [
    ...(input.mode === 'sni' ? served.map((node) => nodeService(input, node)) : []),
    gatewayPort(input),
    gatewayObject(input),
    input.mode === 'sni' ? sniService(input, served) : tcpService(input),
  ]
  return { desired, nodes, pending, serverNames: input.mode === 'sni' ? served.flatMap(namesOf) : [] }
}

function sniNodes({ datacenter, live }: RouteInput): NodeRoute[] {
  const before = live === undefined ? new Map<string, string>() : liveHostIds(live, datacenter)
  const current = new Set(datacenter.nodes.flatMap((node) => node.hostId ?? []))
  return datacenter.nodes.map((node) => {
    const { pod, dnsName } = node
    if (node.hostId !== undefined) return { pod, dnsName, hostId: node.hostId, state: 'routed' }
    const reason = reasonFor(node)
    const old = before.get(pod)
    // An id that another node has by now is worth nothing, and Istio would drop both routes.
    if (old !== undefined && !current.has(old)) return { pod, dnsName, hostId: old, state: 'kept', reason }
    return { pod, dnsName, state: 'pending', reason }
  })
}

function tcpNodes(datacenter: Datacenter): NodeRoute[] {
  return datacenter.nodes.map(({ pod, dnsName, hostId, waiting }) => {
    const known = hostId === undefined ? {} : { hostId }
    return waiting === undefined
      ? { pod, dnsName, ...known, state: 'routed' }
      : { pod, dnsName, ...known, state: 'pending', reason: waiting }
  })
}

function reasonFor(node: CassandraNode): string {
  if (node.replacing) return 'is being replaced: its new host id is not known yet'
  return node.hostIdTrouble ?? node.waiting ?? `has no host id yet: its state is ${node.state}`
}

function namesOf(node: NodeRoute): string[] {
  return node.hostId === undefined ? [node.dnsName] : [node.dnsName, node.hostId]
}

/**
 * One ClusterIP Service per node: known to every Istio, right under mTLS, follows readiness, and has only the CQL
 * port (k8ssandra/cass-operator issue 422).
 */
function nodeService(input: RouteInput, node: NodeRoute): Desired {
  const object = owned(input, SERVICE, nodeServiceName(node.pod))
  return {
    type: SERVICE,
    ownership: 'own',
    object: {
      ...object,
      metadata: {
        ...object.metadata,
        labels: { ...object.metadata.labels, [POD_LABEL]: node.pod },
        annotations: { 'networking.istio.io/exportTo': exportTo(input).join(',') },
      },
      spec: {
        type: 'ClusterIP',
        selector: { 'statefulset.kubernetes.io/pod-name': node.pod },
        // The prefix tells Istio the protocol. The port is the same for every datacenter, whatever its pods listen on.
        ports: [{ name: 'tcp-cql', port: CQL_PORT, targetPort: input.datacenter.nativePort, protocol: 'TCP' }],
      },
    },
  }
}

/**
 * Of the gateway's Service only this one port is ours. A port of that number that is there already stays as it is: we hold
 * it only when another datacenter's routes do (see changes/ownership.ts).
 */
function gatewayPort({ datacenter, gateway, port }: RouteInput): Desired {
  const there = gateway.ports.find((each) => each.port === port && (each.protocol ?? 'TCP') === 'TCP')
  const name = there === undefined ? gatewayPortName(gateway.ports, port) : there.name
  return {
    type: SERVICE,
    ownership: 'share',
    taker: routesTaker(datacenter),
    former: 'keep',
    mustExist: true,
    object: {
      apiVersion: apiVersionOf(SERVICE),
      kind: SERVICE.kind,
      metadata: { name: gateway.service, namespace: gateway.namespace },
      spec: { ports: [{ name, port, targetPort: there?.targetPort ?? port, protocol: 'TCP' }] },
    },
  }
}

function gatewayObject(input: RouteInput): Desired {
  const { gateway, mode, port, types } = input
  const hosts = hostsFor(input.datacenter, input.narrowHosts === true)
  const server =
    mode === 'sni'
      ? { port: { number: port, name: 'tls-cql', protocol: 'TLS' }, hosts, tls: { mode: 'PASSTHROUGH' } }
      : { port: { number: port, name: 'tcp-cql', protocol: 'TCP' }, hosts }
  return {
    type: types.gateway,
    ownership: 'own',
    object: {
      ...owned(input, types.gateway, routeNames(input.datacenter.name).gateway),
      spec: { selector: gateway.selector, servers: [server] },
    },
  }
}

/**
 * The hosts of the Gateway: `<namespace>/*`. A bare host id is refused there, and `*` would meet the Gateways of
 * others.
 * Istio drops the second of two servers with the same hosts on one port (istio/istio pilot/pkg/model/gateway.go,
 * CheckDuplicates), so a second
 * datacenter in the namespace takes the domain of its own pods; a VirtualService is taken as a whole when one of its
 * hosts fits.
 */
function hostsFor(datacenter: Datacenter, narrow: boolean): string[] {
  if (!narrow) return [`${datacenter.namespace}/*`]
  const domains = datacenter.nodes.map((node) => node.dnsName.slice(node.pod.length + 1))
  return [...new Set(domains)].map((domain) => `${datacenter.namespace}/*.${domain}`)
}

function sniService(input: RouteInput, nodes: NodeRoute[]): Desired {
  const { datacenter, port } = input
  return virtualService(input, {
    hosts: nodes.flatMap(namesOf),
    tls: nodes.map((node) => ({
      // Both names in one match: one filter chain, changed as a whole.
      match: [{ port, sniHosts: namesOf(node) }],
      route: [
        destination(serviceHost(nodeServiceName(node.pod), datacenter.namespace, datacenter.clusterDomain), CQL_PORT),
      ],
    })),
  })
}

function tcpService(input: RouteInput): Desired {
  const { datacenter, port } = input
  const host = serviceHost(datacenter.service, datacenter.namespace, datacenter.clusterDomain)
  return virtualService(input, {
    hosts: [host],
    tcp: [{ match: [{ port }], route: [destination(host, datacenter.nativePort)] }],
  })
}

function virtualService(input: RouteInput, spec: Record<string, unknown>): Desired {
  const { types, datacenter } = input
  const names = routeNames(datacenter.name)
  return {
    type: types.virtualService,
    ownership: 'own',
    object: {
      ...owned(input, types.virtualService, names.virtualService),
      spec: { exportTo: exportTo(input), gateways: [`${datacenter.namespace}/${names.gateway}`], ...spec },
    },
  }
}

function destination(host: string, port: number): object {
  return { destination: { host, port: { number: port } } }
}

/**
 * Seen only where it is needed: in its own namespace (else `istioctl analyze` misses the Service, IST0101) and in the
 * gateway's.
 */
function exportTo({ datacenter, gateway }: RouteInput): string[] {
  return datacenter.namespace === gateway.namespace ? ['.'] : ['.', gateway.namespace]
}

/** The frame of an object of ours: it goes when its CassandraDatacenter goes. */
function owned({ datacenter }: RouteInput, type: ResourceType, name: string): KubeObject {
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
