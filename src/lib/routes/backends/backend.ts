/** What a way to route is: one interface, so that nothing else asks which way it is. `backend-of.ts` lists them. */
import type { Datacenter } from '../../cassandra/datacenter.ts'
import type { Desired } from '../../changes/changeset.ts'
import type { KubeObject, ResourceType } from '../../cluster/kube.ts'
import type { IngressGateway, LoadedRoute } from '../../istio/mesh.ts'
import type { GatewayServer } from '../live-routes.ts'

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
  /** The port that clients dial on the gateway. */
  port: number
  /** Labels by which our Gateway selects the pods of the gateway. Default: the gateway's own. */
  selector?: Record<string, string> | undefined
  /**
   * The datacenter's VirtualService as it is, when there is one: a node whose host id is not known just now keeps its
   * route.
   */
  live?: KubeObject | undefined
  /** Our live Services of single nodes: while pods are out of sight they tell which routes to keep. */
  services?: readonly KubeObject[] | undefined
  /** Another datacenter of the namespace has a Gateway on this port already: this one's hosts must differ. */
  narrowHosts?: boolean | undefined
  /** What becomes of what version 0.1 put into the gateway's Service; see `former` in changes/changeset.ts. */
  former?: Desired['former']
}

/** What becomes of one node. */
export interface NodeRoute {
  pod: string
  dnsName: string
  /** The host id that is routed. For a kept route: the one of before. */
  hostId?: string | undefined
  state: 'routed' | 'kept' | 'pending'
  /** Why it is kept as it was, or left out. */
  reason?: string | undefined
}

export interface DesiredRoutes {
  /** Empty when no node can be routed: then nothing is to be changed, and nothing pruned. */
  desired: Desired[]
  nodes: NodeRoute[]
  /** The nodes that are left out, with the reason. */
  pending: { pod: string; reason: string }[]
  /** All server names that get a route. Empty when they are not looked at. */
  serverNames: string[]
}

export interface Upstream {
  host: string
  port: number
}

export interface Backend {
  mode: RouteMode
  /** Server names decide, so that nothing works without TLS. */
  byServerName: boolean
  /**
   * The objects in the order in which they are to be applied: a route never points to a Service that is not there yet.
   */
  desired(input: RouteInput): DesiredRoutes
  /**
   * Why our Gateway cannot stand beside this server of another one on the same port; undefined when it can. `sibling`:
   * it is ours, for another datacenter of the namespace, so that our hosts are chosen to differ.
   */
  clash(server: GatewayServer, datacenter: Datacenter, sibling: boolean): string | undefined
  /**
   * Why clients would get to no node this way, whatever the routes; undefined when nothing is known to be in the way.
   * `services`: those of the datacenter's namespace that can be seen.
   */
  fault(datacenter: Datacenter, services: readonly KubeObject[]): string | undefined
  /** Whether this way made the VirtualService. */
  made(virtualService: KubeObject): boolean
  /** Where the route of a node, by its pod's name, leads: a host of a Service, and its port. */
  upstream(pod: string, datacenter: Datacenter): Upstream
  /** What an Envoy that has loaded only these routes still lacks, in words; empty when it has all. */
  lacks(routes: DesiredRoutes, datacenter: Datacenter, loaded: readonly LoadedRoute[]): string[]
  /** How many nodes are served, in words: "3 of 3 nodes". */
  described(nodes: readonly NodeRoute[]): string
}
