/** What all backends that route by server name have in common. Pure. */
import type { CassandraNode, Datacenter } from '../../cassandra/datacenter.ts'
import type { Desired } from '../../changes/changeset.ts'
import type { KubeObject } from '../../cluster/kube.ts'
import { hostnamesOf } from '../../gateway-api/gateway-objects.ts'
import { counted } from '../../text/counted.ts'
import { asHostId } from '../../text/host-id.ts'
import { POD_LABEL } from '../../text/own-keys.ts'
import { type AdditionalNames, NO_ADDITIONAL_NAMES, nodeNames } from '../additional-names.ts'
import { matchesByDestination, tlsMatches } from '../live-routes.ts'
import { envoyCluster, upstreamKey } from '../sni-names.ts'
import type { Backend, NodeRoute, RouteBackend, RouteInput, Upstream } from './backend.ts'
import { allNodesService, anyNodeUpstream } from './all-nodes-service.ts'
import { metadataService, metadataUpstream } from './metadata-service.ts'
import { gatewayObject, gatewayPort } from './objects.ts'
import { serviceUpstream, subsetPods, upstreamsOf } from './upstreams.ts'
import { type NamedRoute, virtualServices } from './virtual-services.ts'

/** What distinguishes such a backend. */
export interface ServerNameBackend {
  backend: RouteBackend
  upstream(pod: string, datacenter: Datacenter): Upstream
  /** Returns the objects behind the routes, in stages. */
  objects(input: RouteInput, served: readonly NodeRoute[]): Desired[][]
  made(virtualService: KubeObject): boolean
}

/** Returns the backend that routes by server name to these destinations. */
export function backendByServerName({ backend, upstream, objects, made }: ServerNameBackend): Backend {
  return {
    mode: 'sni',
    api: 'istio',
    backend,
    byServerName: true,
    desired(input) {
      const nodes = nodeRoutes(input)
      const served = nodes.filter((node) => node.state !== 'pending')
      const pending = nodes.flatMap(({ pod, state, reason = '' }) => (state === 'pending' ? [{ pod, reason }] : []))
      if (served.length === 0) return { stages: [], nodes, pending, serverNames: [] }
      const { port, datacenter, names = NO_ADDITIONAL_NAMES } = input
      const anyNode = names.anyNode.length > 0
      const routes = served.map((node) => ({
        pod: node.pod,
        serverNames: namesOf(node),
        upstream: upstream(node.pod, datacenter),
      }))
      const server = {
        port: { number: port, name: 'tls-cql', protocol: 'TLS' },
        tls: { mode: 'PASSTHROUGH' },
      } as const
      const destinations = [
        ...objects(input, served),
        ...(anyNode && backend !== 'subset' ? [[allNodesService(input)]] : []),
        ...(names.metadata === undefined ? [] : [[metadataService(input)]]),
      ]
      return {
        destinationStages: destinations.length,
        stages: [
          ...destinations,
          [gatewayPort(input)],
          [gatewayObject(input, server, backend)],
          ...virtualServices(input, [...sharedRoutes(input), ...routes]),
        ],
        nodes,
        pending,
        serverNames: [...sharedNames(names), ...served.flatMap(namesOf)],
        anyNode: names.anyNode,
        metadata: names.metadata,
      }
    },
    clash({ protocol, mode, hosts }, own) {
      if (protocol !== 'TLS' && protocol !== 'HTTPS') return `uses protocol ${protocol}`
      // Istio compares the hosts as text: wildcards that overlap coexist (istio/istio pilot/pkg/model/gateway.go,
      // CheckDuplicates), and of the names that they match, the exact one applies
      if (hosts.some((host) => own.hosts.includes(host))) return `has the same hosts (${hosts.join(', ')})`
      const names = mode === 'PASSTHROUGH' ? [] : hosts.map((host) => host.slice(host.indexOf('/') + 1).toLowerCase())
      const terminated = own.serverNames.find((name) => names.includes(name))
      return terminated === undefined ? undefined : `terminates TLS for server name ${terminated}`
    },
    // This program creates the destinations, with the pods' port.
    fault: () => undefined,
    made,
    upstream,
    lacks({ nodes, anyNode = [], metadata }, datacenter, loaded) {
      const clusters = new Map(
        loaded.flatMap(({ serverNames, cluster }) => serverNames.map((name) => [name, cluster] as const)),
      )
      const any = envoyCluster(anyNodeUpstream(datacenter))
      const missing = anyNode.filter((name) => clusters.get(name) !== any)
      if (metadata !== undefined && clusters.get(metadata) !== envoyCluster(metadataUpstream(datacenter)))
        missing.push(metadata)
      const ofNodes = nodes
        .filter(({ state }) => state !== 'pending')
        .flatMap((node) => {
          const cluster = envoyCluster(upstream(node.pod, datacenter))
          return namesOf(node).filter((name) => clusters.get(name) !== cluster)
        })
      return [...missing, ...ofNodes]
    },
    described(nodes) {
      const served = nodes.filter(({ state }) => state !== 'pending')
      return `${served.length} of ${counted(nodes.length, 'node')} routed`
    },
  }
}

/** The routes of names that belong to no node: they are in the first VirtualService. */
function sharedRoutes({ datacenter, names = NO_ADDITIONAL_NAMES }: RouteInput): NamedRoute[] {
  const { anyNode, metadata } = names
  return [
    ...(anyNode.length === 0 ? [] : [{ serverNames: [...anyNode], upstream: anyNodeUpstream(datacenter) }]),
    ...(metadata === undefined ? [] : [{ serverNames: [metadata], upstream: metadataUpstream(datacenter) }]),
  ]
}

function sharedNames({ anyNode, metadata }: AdditionalNames): string[] {
  return metadata === undefined ? [...anyNode] : [...anyNode, metadata]
}

/**
 * Returns the route of each node: with its host ID, with the previous one, without one if that was lost, or none yet.
 */
export function nodeRoutes(input: RouteInput): NodeRoute[] {
  const { datacenter, live, tlsRoutes = [], names: additional = NO_ADDITIONAL_NAMES } = input
  const before = new Map([...tlsRoutes.flatMap((route) => routedNames(route, datacenter)), ...liveNames(live)])
  // the live routes may be those of another backend
  const keyOf = (pod: string) =>
    upstreamsOf(pod, datacenter)
      .map(upstreamKey)
      .find((key) => before.has(key)) ?? ''
  const idBefore = (pod: string) => before.get(keyOf(pod))?.flatMap((name) => asHostId(name) ?? [])[0]
  const current = new Set(datacenter.nodes.flatMap((node) => node.hostId ?? []))
  const visible = datacenter.nodes.map((node): NodeRoute => {
    const { pod, dnsName } = node
    const own = nodeNames(additional, node, datacenter)
    const names = own.length === 0 ? undefined : own
    if (node.hostId !== undefined) return { pod, dnsName, hostId: node.hostId, names, state: 'routed' }
    const reason = reasonFor(node)
    const old = idBefore(pod)
    // If another node has this host ID by now, Istio would drop both routes.
    if (!before.has(keyOf(pod)) || (old !== undefined && current.has(old)))
      return { pod, dnsName, state: 'pending', reason }
    // A client that asks for a node that no longer exists must not reach its successor.
    const hostId = node.formerIdLost === true ? undefined : old
    return { pod, dnsName, hostId, names, state: 'kept', reason }
  })
  if (datacenter.complete) return visible
  // Nodes that are not visible may still exist: without StatefulSets, a pod that is being recreated is not listed.
  const known = new Set(datacenter.nodes.map(({ pod }) => pod))
  const hidden = recordedPods(input).flatMap((pod): NodeRoute[] => {
    if (known.has(pod)) return []
    const names = before.get(keyOf(pod)) ?? []
    const [hostId, dnsName] = [idBefore(pod), names.find((name) => asHostId(name) === undefined)]
    if (dnsName === undefined || (hostId !== undefined && current.has(hostId))) return []
    const reason = 'pod not found, and no permission to list StatefulSets to check whether the node was removed'
    const others = names.filter((name) => name !== dnsName && name !== hostId)
    return [{ pod, dnsName, hostId, names: others.length === 0 ? undefined : others, state: 'kept', reason }]
  })
  // In the previous order, so that a kept route is not a change.
  const positions = new Map([...before.keys()].map((key, index) => [key, index]))
  const position = ({ pod }: NodeRoute) => positions.get(keyOf(pod)) ?? positions.size
  return [...visible, ...hidden].sort((a, b) => position(a) - position(b))
}

/** The pods for which there are objects of any backend. */
function recordedPods({ services = [], backendObjects = [] }: RouteInput): string[] {
  const labeled = [...services, ...backendObjects].map(({ metadata }) => metadata.labels?.[POD_LABEL])
  return [...new Set([...labeled.filter((pod) => pod !== undefined), ...backendObjects.flatMap(subsetPods)])]
}

/** The server names in the live VirtualServices, by destination. */
function liveNames(live: readonly KubeObject[]): Map<string, string[]> {
  return new Map(
    [...matchesByDestination(live.flatMap(tlsMatches))].map(([host, matches]) => [
      host,
      matches.flatMap(({ sniHosts }) => sniHosts),
    ]),
  )
}

/** The server names in a live TLSRoute, with their destination. */
function routedNames(route: KubeObject, datacenter: Datacenter): [string, string[]][] {
  const pod = route.metadata.labels?.[POD_LABEL]
  return pod === undefined ? [] : [[upstreamKey(serviceUpstream(pod, datacenter)), hostnamesOf(route)]]
}

function reasonFor(node: CassandraNode): string {
  if (node.replacing) return 'being replaced, new host ID not known yet'
  return node.hostIdProblem ?? node.waiting ?? `no host ID yet (state: ${node.state})`
}

/** Returns the server names of a node's route. */
export function namesOf(node: NodeRoute): string[] {
  return [node.dnsName, ...(node.hostId === undefined ? [] : [node.hostId]), ...(node.names ?? [])]
}
