/**
 * What checks ask of the cluster and the way into it. Each answer is got at most once per verification, and only when a
 * check wants it.
 */
import type { CassandraNode, Credentials, Datacenter } from '../cassandra/datacenter.ts'
import type { PolicyInput } from '../certificates/policies.ts'
import type { Dialer } from '../connection/dialer.ts'
import type { HandshakeResult } from '../connection/tls.ts'
import type { IngressGateway } from '../istio/mesh.ts'
import type { AffectingPolicy } from '../istio/traffic-policies.ts'
import type { Upstream } from '../routes/backends/backend.ts'
import type { Conflict } from '../routes/conflicts.ts'
import type { Drift } from '../routes/drift.ts'

/** What a gateway pod's Envoy has loaded on the port. */
export interface LoadedNames {
  pod: string
  /** SNI name to Envoy's name of the upstream. */
  upstreams: ReadonlyMap<string, string>
  /** What Envoy said when it refused the last configuration. */
  error?: string | undefined
}

export interface Probes {
  datacenter: Datacenter
  /** What was said on the command line of the way and the login. */
  given: {
    tunnel?: boolean | undefined
    address?: string | undefined
    username?: string | undefined
    ca?: string | undefined
  }
  /** The gateway's port for CQL clients. */
  port: number
  /** Milliseconds since the epoch. */
  now: number
  /** Throws CSNI501, CSNI502, CSNI105. */
  gateway(): Promise<IngressGateway>
  /** Throws CSNI606, CSNI601. */
  path(): Promise<Dialer>
  /** Whether Istio takes routes of the namespace at the gateway: what `routes sync` refuses. Throws CSNI506. */
  heeded(): Promise<void>
  routes(): Promise<Drift>
  /** What of others stands in the way. */
  conflicts(): Promise<Conflict[]>
  loaded(): Promise<LoadedNames[]>
  /** Where the route of a node has to lead. */
  upstream(node: CassandraNode): Upstream
  /**
   * What clients trust, PEM: the CA that was given, else the operator's, then its issuers. Throws CSNI203, CSNI204,
   * CSNI401.
   */
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
  /** The same with a login that nobody has; throws CSNI604 when it is refused, as it should be. */
  madeUpLogin(node: CassandraNode): Promise<string>
  /**
   * The fingerprint of what is served for a name that has no route; throws CSNI603 when nothing is, as it should be.
   */
  servedFor(serverName: string): Promise<string>
  /** Does this port of the node's pod take CQL without TLS? Throws CSNI203 without permission to connect to pods. */
  plaintext(node: CassandraNode, port: number): Promise<boolean>
  /** What else may keep the gateway from the nodes. */
  policies(): Promise<AffectingPolicy[]>
}
