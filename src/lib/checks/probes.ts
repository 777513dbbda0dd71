/**
 * What checks read from the cluster and through the gateway. Each probe runs at most once per verification, and only if
 * a check needs it.
 */
import type { CassandraNode, Credentials, Datacenter } from '../cassandra/datacenter.ts'
import type { KeystoreVersion } from './served-since.ts'
import type { CertificateSettings } from '../certificates/certificate-settings.ts'
import type { PolicyInput } from '../certificates/policies.ts'
import type { Dialer } from '../connection/dialer.ts'
import type { ContactInfo } from '../connection/metadata-request.ts'
import type { HandshakeResult } from '../connection/tls.ts'
import type { IngressGateway } from '../istio/mesh.ts'
import type { AffectingPolicy, TrafficPolicies } from '../istio/traffic-policies.ts'
import type { Upstream } from '../routes/backends/backend.ts'
import type { Conflict } from '../routes/conflicts.ts'
import type { Drift } from '../routes/drift.ts'

/** What a gateway pod's Envoy has loaded on the port. */
export interface LoadedNames {
  pod: string
  /** SNI name to Envoy's name of the upstream. */
  upstreams: ReadonlyMap<string, string>
  /** Envoy's error if it rejected the last configuration. */
  error?: string | undefined
}

/** What the keystore Secret holds. */
export interface KeystoreContent extends Pick<PolicyInput, 'current' | 'required'>, CertificateSettings {
  version?: KeystoreVersion | undefined
}

export interface Probes {
  datacenter: Datacenter
  /** Address and login flags of the command line. */
  given: {
    tunnel?: boolean | undefined
    address?: string | undefined
    username?: string | undefined
    ca?: string | undefined
    /** A client certificate is presented. */
    identity?: boolean | undefined
  }
  /** The gateway's port for CQL clients. */
  port: number
  /** Milliseconds since the epoch. */
  now: number
  /** Throws CSNI501, CSNI502, CSNI105. */
  gateway(): Promise<IngressGateway>
  /** Throws CSNI606, CSNI601. */
  dialer(): Promise<Dialer>
  /** Throws CSNI506 if Istio ignores the namespace's routes at the gateway, as `routes sync` does. */
  refuseIgnored(): Promise<void>
  routes(): Promise<Drift>
  /** Conflicting Gateways and routes that are not managed by kubectl-cass-sni. */
  conflicts(): Promise<Conflict[]>
  loaded(): Promise<LoadedNames[]>
  /** The desired upstream of a node's route. */
  upstream(node: CassandraNode): Upstream
  /**
   * What clients trust (PEM): the CA of --ca, else the operator's, followed by its issuers. Throws CSNI203, CSNI204,
   * CSNI401.
   */
  authority(): Promise<string>
  /**
   * The content of the keystore Secret and the names that it must include: the input of `certs`. Throws CSNI203,
   * CSNI204, CSNI403.
   */
  keystore(): Promise<KeystoreContent>
  /** Throws CSNI304. */
  credentials(): Promise<Credentials>
  /** The server name of the metadata service; undefined without one. */
  metadataName?: string | undefined
  /** What the metadata service responds, verified as by a driver. Throws CSNI611, CSNI601, CSNI602, CSNI603. */
  metadata(name: string): Promise<ContactInfo>
  /** TLS through the dialer. Throws CSNI601, CSNI602, CSNI603. */
  handshake(serverName: string): Promise<HandshakeResult>
  /**
   * Logs in by the node's host ID and returns the host ID of the node it reached (`system.local.host_id`). Throws
   * CSNI601 to CSNI605.
   */
  hostIdBehind(node: CassandraNode): Promise<string>
  /** The same with a random login; throws CSNI604 if it is rejected, which is the healthy case. */
  invalidLogin(node: CassandraNode): Promise<string>
  /** The same without a client certificate; throws CSNI610 if the node requires one. */
  withoutCertificate(node: CassandraNode): Promise<string>
  /**
   * The fingerprint of the certificate served for a name without a route, or without a name (''); throws CSNI603 if the
   * gateway rejects it, which is the healthy case.
   */
  servedFor(serverName: string): Promise<string>
  /**
   * The version of TLS 1.0 or 1.1 that is accepted for a name; undefined if both are rejected, 'unsupported' if this
   * program cannot offer them. Throws CSNI601.
   */
  outdatedTls(serverName: string): Promise<string | undefined>
  /** Whether the resolver of this machine answers that a host does not exist; false also if it does not answer. */
  isUnknownHost(name: string): Promise<boolean>
  /** TLS by a tunnel through the API server to a gateway pod. Throws CSNI203, CSNI601, CSNI602, CSNI603, CSNI606. */
  tunneled(serverName: string): Promise<HandshakeResult>
  /** Whether this port of the node's pod accepts CQL without TLS. Throws CSNI203 without permission to connect. */
  plaintext(node: CassandraNode, port: number): Promise<boolean>
  /** Policies that may block traffic from the gateway to the nodes. */
  policies(): Promise<AffectingPolicy[]>
  /** Policies of the namespaces involved, and the labels that they select. */
  traffic(): Promise<TrafficPolicies>
}
