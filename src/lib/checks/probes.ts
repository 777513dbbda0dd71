/** What checks ask of the world. Each answer is got at most once per verification, and only when a check wants it. */
import type { CassandraNode, Credentials, Datacenter } from '../cassandra/datacenter.ts'
import type { PolicyInput } from '../certificates/policies.ts'
import type { Dialer } from '../connection/dialer.ts'
import type { HandshakeResult } from '../connection/tls.ts'
import type { IngressGateway } from '../istio/mesh.ts'
import type { Conflict } from '../routes/conflicts.ts'
import type { RouteMode } from '../routes/desired-routes.ts'

/** How the live route objects compare with those that `routes sync` would make now. */
export interface RouteState {
  /**
   * The mode of the routes that are there; sni while there are none. In tcp mode what differs says nothing: all does.
   */
  mode: RouteMode
  /** What differs for a node, by pod: names of objects, or fields. Empty: in sync. */
  differences: Map<string, string[]>
  /** Why a node is left out, by pod: "no host id yet". */
  pending: Map<string, string>
  /** What differs in objects of all nodes: the Gateway, the port on the gateway's Service. */
  shared: string[]
  /** No node can be routed yet, so there is nothing to compare. */
  nothing: boolean
  /** Objects of nodes that are gone. */
  vanished: string[]
}

/** What a gateway pod's Envoy has loaded on the port. */
export interface LoadedNames {
  pod: string
  /** SNI name to Envoy's name of the upstream. */
  upstreams: ReadonlyMap<string, string>
  /** What Envoy said when it refused the last configuration. */
  error?: string
}

export interface Probes {
  datacenter: Datacenter
  /** The gateway's port for CQL clients. */
  port: number
  /** Milliseconds since the epoch. */
  now: number
  /** Throws CSNI501, CSNI502, CSNI105. */
  gateway(): Promise<IngressGateway>
  /** Throws CSNI606, CSNI601. */
  path(): Promise<Dialer>
  routes(): Promise<RouteState>
  /** What of others stands in the way. */
  conflicts(): Promise<Conflict[]>
  loaded(): Promise<LoadedNames[]>
  /** What clients trust, PEM: the CA's certificate, then its issuers. Throws CSNI203, CSNI204, CSNI401. */
  authority(): Promise<string>
  /**
   * What the keystore in the Secret holds, and which names it must carry: what `certs` decides on. Throws CSNI203,
   * CSNI204, CSNI403.
   */
  keystore(): Promise<Pick<PolicyInput, 'current' | 'required'>>
  /** Throws CSNI304. */
  credentials(): Promise<Credentials>
  /** Through the path. Throws CSNI601, CSNI602, CSNI603. */
  handshake(serverName: string): Promise<HandshakeResult>
  /**
   * Logs in through the path by the node's host id and asks who answers: `system.local.host_id`. Throws CSNI601 to
   * CSNI605.
   */
  hostIdBehind(node: CassandraNode): Promise<string>
}
