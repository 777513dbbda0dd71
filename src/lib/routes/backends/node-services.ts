/** One Service and one route per node, selected by the TLS server name. Pure. */
import type { V1ServiceSpec } from '@kubernetes/client-node'
import type { CassandraNode, Datacenter } from '../../cassandra/datacenter.ts'
import { CQL_PORT } from '../../cassandra/resource-names.ts'
import type { Desired } from '../../changes/changeset.ts'
import type { KubeObject } from '../../cluster/kube.ts'
import { SERVICE } from '../../cluster/resources.ts'
import { hostnamesOf } from '../../gateway-api/gateway-objects.ts'
import { asHostId } from '../../text/host-id.ts'
import { POD_LABEL } from '../../text/own-keys.ts'
import { isPlainTcp, matchesByDestination, tlsMatches } from '../live-routes.ts'
import { confirmedAnnotation } from '../confirmed-host-ids.ts'
import { envoyCluster, nodeServiceName, serviceHost } from '../sni-names.ts'
import type { Backend, DesiredRoutes, NodeRoute, RouteInput } from './backend.ts'
import { gatewayObject, gatewayPort, owned } from './objects.ts'
import { virtualServices } from './virtual-services.ts'
import { counted } from '../../text/counted.ts'

export const NODE_SERVICES: Backend = {
  mode: 'sni',
  api: 'istio',
  byServerName: true,
  desired,
  clash({ protocol, mode, hosts }, own) {
    if (protocol !== 'TLS' && protocol !== 'HTTPS') return `uses protocol ${protocol}`
    // Istio compares the hosts as text: wildcards that overlap coexist (istio/istio pilot/pkg/model/gateway.go,
    // CheckDuplicates), and of the names that they match, the exact one applies
    if (hosts.some((host) => own.hosts.includes(host))) return `has the same hosts (${hosts.join(', ')})`
    const names = mode === 'PASSTHROUGH' ? [] : hosts.map((host) => host.slice(host.indexOf('/') + 1).toLowerCase())
    const terminated = own.serverNames.find((name) => names.includes(name))
    return terminated === undefined ? undefined : `terminates TLS for server name ${terminated}`
  },
  // This program creates the Services, with the pods' port.
  fault: () => undefined,
  made: (virtualService) => !isPlainTcp(virtualService),
  upstream: (pod, datacenter) => ({ host: hostOf(pod, datacenter), port: CQL_PORT }),
  lacks({ nodes }, datacenter, loaded) {
    const clusters = new Map(
      loaded.flatMap(({ serverNames, cluster }) => serverNames.map((name) => [name, cluster] as const)),
    )
    return nodes
      .filter(({ state }) => state !== 'pending')
      .flatMap((node) => {
        const cluster = envoyCluster(NODE_SERVICES.upstream(node.pod, datacenter))
        return namesOf(node).filter((name) => clusters.get(name) !== cluster)
      })
  },
  described(nodes) {
    const served = nodes.filter(({ state }) => state !== 'pending')
    return `${served.length} of ${counted(nodes.length, 'node')} routed`
  },
}

function desired(input: RouteInput): DesiredRoutes {
  const nodes = nodeRoutes(input)
  const served = nodes.filter((node) => node.state !== 'pending')
  const pending = nodes.flatMap(({ pod, state, reason = '' }) => (state === 'pending' ? [{ pod, reason }] : []))
  if (served.length === 0) return { stages: [], nodes, pending, serverNames: [] }
  return {
    stages: [
      nodeServices(input, served),
      [gatewayPort(input)],
      [
        gatewayObject(input, {
          port: { number: input.port, name: 'tls-cql', protocol: 'TLS' },
          tls: { mode: 'PASSTHROUGH' },
        }),
      ],
      ...virtualServices(
        input,
        served.map((node) => ({
          pod: node.pod,
          serverNames: namesOf(node),
          upstream: NODE_SERVICES.upstream(node.pod, input.datacenter),
        })),
      ),
    ],
    nodes,
    pending,
    serverNames: served.flatMap(namesOf),
  }
}

/** Returns the route of each node: with its host ID, with the previous one, or none yet. */
export function nodeRoutes({ datacenter, live, tlsRoutes = [], services = [] }: RouteInput): NodeRoute[] {
  const before = new Map([...tlsRoutes.flatMap((route) => routedNames(route, datacenter)), ...liveNames(live)])
  const idBefore = (pod: string) => before.get(hostOf(pod, datacenter))?.flatMap((name) => asHostId(name) ?? [])[0]
  const current = new Set(datacenter.nodes.flatMap((node) => node.hostId ?? []))
  const visible = datacenter.nodes.map((node): NodeRoute => {
    const { pod, dnsName } = node
    if (node.hostId !== undefined) return { pod, dnsName, hostId: node.hostId, state: 'routed' }
    const reason = reasonFor(node)
    const old = idBefore(pod)
    // If another node has this host ID by now, Istio would drop both routes.
    if (old !== undefined && !current.has(old)) return { pod, dnsName, hostId: old, state: 'kept', reason }
    return { pod, dnsName, state: 'pending', reason }
  })
  if (datacenter.complete) return visible
  // Nodes that are not visible may still exist: without StatefulSets, a pod that is being recreated is not listed.
  const known = new Set(datacenter.nodes.map(({ pod }) => pod))
  const hidden = services.flatMap((service): NodeRoute[] => {
    const pod = service.metadata.labels?.[POD_LABEL]
    if (pod === undefined || known.has(pod)) return []
    const names = before.get(hostOf(pod, datacenter)) ?? []
    const [hostId, dnsName] = [idBefore(pod), names.find((name) => asHostId(name) === undefined)]
    if (dnsName === undefined || (hostId !== undefined && current.has(hostId))) return []
    const reason = 'pod not found, and no permission to list StatefulSets to check whether the node was removed'
    return [{ pod, dnsName, hostId, state: 'kept', reason }]
  })
  // In the previous order, so that a kept route is not a change.
  const positions = new Map([...before.keys()].map((host, index) => [host, index]))
  const position = ({ pod }: NodeRoute) => positions.get(hostOf(pod, datacenter)) ?? positions.size
  return [...visible, ...hidden].sort((a, b) => position(a) - position(b))
}

/** The server names in the live VirtualServices, by destination host. */
function liveNames(live: readonly KubeObject[]): Map<string, string[]> {
  return new Map(
    [...matchesByDestination(live.flatMap(tlsMatches))].map(([host, matches]) => [
      host,
      matches.flatMap(({ sniHosts }) => sniHosts),
    ]),
  )
}

/** The server names in a live TLSRoute, with their destination host. */
function routedNames(route: KubeObject, datacenter: Datacenter): [string, string[]][] {
  const pod = route.metadata.labels?.[POD_LABEL]
  return pod === undefined ? [] : [[hostOf(pod, datacenter), hostnamesOf(route)]]
}

function reasonFor(node: CassandraNode): string {
  if (node.replacing) return 'being replaced, new host ID not known yet'
  return node.hostIdProblem ?? node.waiting ?? `no host ID yet (state: ${node.state})`
}

/** Returns the server names of a node's route. */
export function namesOf(node: NodeRoute): string[] {
  return node.hostId === undefined ? [node.dnsName] : [node.dnsName, node.hostId]
}

function hostOf(pod: string, { namespace, clusterDomain }: Datacenter): string {
  return serviceHost(nodeServiceName(pod), namespace, clusterDomain)
}

/**
 * One ClusterIP Service per node: works with every Istio version and under mTLS, follows readiness, and has only the
 * CQL port (k8ssandra/cass-operator issue 422). It is exported to the gateway's namespace only: otherwise every sidecar
 * in the datacenter's namespace would get a listener and a cluster for every node.
 */
export function nodeServices(input: RouteInput, served: readonly NodeRoute[]): Desired[] {
  const { datacenter, gateway, services = [], formerNamespaces = [] } = input
  const exportTo = [...new Set([gateway.namespace, ...formerNamespaces])]
    .map((namespace) => (namespace === datacenter.namespace ? '.' : namespace))
    .join(',')
  const nodes = new Map(datacenter.nodes.map((node) => [node.pod, node]))
  const live = new Map(services.map((service) => [service.metadata.name, service]))
  return served.map(({ pod }) => {
    const object = owned(input, SERVICE, nodeServiceName(pod))
    const confirmed = confirmedAnnotation(nodes.get(pod), live.get(object.metadata.name))
    const spec: V1ServiceSpec = {
      type: 'ClusterIP',
      selector: { 'statefulset.kubernetes.io/pod-name': pod },
      // Istio derives the protocol from the prefix.
      ports: [{ name: 'tcp-cql', port: CQL_PORT, targetPort: datacenter.nativePort, protocol: 'TCP' }],
    }
    return {
      type: SERVICE,
      ownership: 'own',
      object: {
        ...object,
        metadata: {
          ...object.metadata,
          labels: { ...object.metadata.labels, [POD_LABEL]: pod },
          annotations: { 'networking.istio.io/exportTo': exportTo, ...confirmed },
        },
        spec,
      },
    }
  })
}
