/** The interface of a routing backend, so that no other code tests the mode or the API. `backend-of.ts` lists them. */
import type { Datacenter } from '../../cassandra/datacenter.ts'
import type { Desired } from '../../changes/changeset.ts'
import type { KubeObject, ResourceType } from '../../cluster/kube.ts'
import type { GatewayTarget } from '../../gateway-api/gateway-target.ts'
import type { IngressGateway, LoadedRoute } from '../../istio/mesh.ts'
import type { AdditionalNames } from '../additional-names.ts'
import type { GatewayServer } from '../live-routes.ts'

/** sni: one route per node, selected by the TLS server name. tcp: one TCP route to the datacenter's Service. */
export type RouteMode = 'sni' | 'tcp'

/**
 * How a node is reached. service: by a Service per node. subset: by a subset per node of one Service. serviceentry: by
 * a ServiceEntry per node, with DNS.
 */
export type RouteBackend = (typeof ROUTE_BACKENDS)[number]
export const ROUTE_BACKENDS = ['service', 'subset', 'serviceentry'] as const
export const DEFAULT_BACKEND: RouteBackend = 'service'

/** istio: Gateway and VirtualService of networking.istio.io. gateway: the Kubernetes Gateway API. */
export type RouteApi = 'istio' | 'gateway'

/** The Gateway resource of the Gateway API, and TLSRoute in the version to write. */
export interface ApiTarget extends GatewayTarget {
  type: ResourceType
}

export interface RouteInput {
  datacenter: Datacenter
  gateway: IngressGateway
  /** Istio's types, in the version to write. */
  types: { gateway: ResourceType; virtualService: ResourceType }
  /** The port for clients on the gateway. */
  port: number
  /** The selector of our Gateway. Default: the gateway's own. */
  selector?: Record<string, string> | undefined
  /** The datacenter's live VirtualServices: a node whose host ID is currently unknown keeps its route. */
  live: readonly KubeObject[]
  /** The datacenter's live TLSRoutes, likewise. */
  tlsRoutes?: readonly KubeObject[] | undefined
  /** For API `gateway`. */
  target?: ApiTarget | undefined
  /** Namespaces of gateways that serve the datacenter until the new routes are accepted. */
  formerNamespaces?: readonly string[] | undefined
  /** Our live node Services: if pods are not visible, they determine which routes to keep. */
  services?: readonly KubeObject[] | undefined
  /** Our live DestinationRules, ServiceEntries and PeerAuthentications, see `BACKEND_LABEL`. */
  backendObjects?: readonly KubeObject[] | undefined
  /** Another datacenter in the namespace has a Gateway on this port, so the hosts of this one must differ. */
  narrowHosts?: boolean | undefined
  /** Additional server names. */
  names?: AdditionalNames | undefined
  /** Largest size of a VirtualService, in bytes of JSON; default: see virtual-services.ts. */
  largestPartBytes?: number | undefined
  /** How to handle fields that version 0.1 set on the gateway's Service; see `former` in changes/changeset.ts. */
  former?: Desired['former']
}

/** The outcome for one node. */
export interface NodeRoute {
  pod: string
  dnsName: string
  /** The routed host ID; for a kept route, the previous one, unless that was lost. */
  hostId?: string | undefined
  /** Additional server names. */
  names?: string[] | undefined
  state: 'routed' | 'kept' | 'pending'
  /** Why the route is kept or missing. */
  reason?: string | undefined
}

export interface DesiredRoutes {
  /**
   * The objects in the order to apply them, so that a route never refers to a Service that does not exist yet; those of
   * a stage do not depend on each other. Empty if no node can be routed: then nothing is changed or pruned.
   */
  stages: readonly (readonly Desired[])[]
  /** Number of the first stages that create what the routes refer to; default 0. */
  destinationStages?: number | undefined
  nodes: NodeRoute[]
  /** The nodes without a route, with the reason. */
  pending: { pod: string; reason: string }[]
  /** All routed server names. Empty if the backend ignores them. */
  serverNames: string[]
  /** Those that reach any node. */
  anyNode?: readonly string[] | undefined
  /** That of the metadata service. */
  metadata?: string | undefined
}

export interface Upstream {
  host: string
  port: number
  /** The subset of a DestinationRule. */
  subset?: string | undefined
}

/** Our server of a Gateway. */
export interface OwnServer {
  hosts: readonly string[]
  serverNames: readonly string[]
}

export interface Backend {
  mode: RouteMode
  api: RouteApi
  backend: RouteBackend
  /** Routes by server name, which requires TLS. */
  byServerName: boolean
  /** Returns the desired objects and the outcome for each node. */
  desired(input: RouteInput): DesiredRoutes
  /** Returns why our Gateway conflicts with this server of another one on the same port; undefined if it does not. */
  clash(server: GatewayServer, own: OwnServer): string | undefined
  /**
   * Returns why this backend cannot work with the datacenter; undefined if no reason is known.
   * `services`: the visible ones in the datacenter's namespace.
   */
  fault(datacenter: Datacenter, services: readonly KubeObject[]): string | undefined
  /** Whether this backend created the VirtualService. */
  made(virtualService: KubeObject): boolean
  /** Returns the destination of a node's route: host and port of a Service. */
  upstream(pod: string, datacenter: Datacenter): Upstream
  /** Describes what is missing from an Envoy that has loaded these routes; empty if complete. */
  lacks(routes: DesiredRoutes, datacenter: Datacenter, loaded: readonly LoadedRoute[]): string[]
  /** Describes how many nodes are routed: "3 of 3 nodes routed". */
  described(nodes: readonly NodeRoute[]): string
}
