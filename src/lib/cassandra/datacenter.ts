/** The model of a CassandraDatacenter for the rest of the program, read by `observe-datacenter.ts`. */

import type { CassSniError } from '../errors.ts'

/** State of a node: cass-operator's label cassandra.datastax.com/node-state, or derived from the pod without it. */
export type NodeState =
  | 'Ready-to-Start'
  | 'Starting'
  | 'Started'
  | 'Started-not-Ready'
  | 'Decommissioning'
  | 'Unscheduled'
  | 'Initializing'
  | 'Unknown'

/** One Cassandra node: a pod of one of the datacenter's StatefulSets. */
export interface CassandraNode {
  /** Pod name, e.g. dse-dc1-default-sts-0. */
  pod: string
  /**
   * uid of the pod; a new uid means another pod with the same name. Empty while the pod does not exist (it is being
   * recreated, or the datacenter is stopped).
   */
  podUid: string
  statefulSet: string
  /** Trailing number of the pod name. Unique only within a rack. */
  ordinal: number
  rack: string
  state: NodeState
  /** All containers ready. */
  ready: boolean
  /** The pod is being deleted. */
  terminating: boolean
  /** cass-operator is replacing this node (status.nodeReplacements): its host ID in the status is stale. */
  replacing: boolean
  /** Set only if the node is Started and the host ID is not stale. Lower-case UUID. */
  hostId?: string | undefined
  /** Cassandra itself has confirmed the host ID for this pod (confirm-host-ids.ts). */
  hostIdConfirmed?: boolean | undefined
  /** uid of the claim of the data volume with which Cassandra has confirmed the host ID; see data-volumes.ts. */
  volumeUid?: string | undefined
  /** The host ID that the pod of this name had before cannot come back: see data-volumes.ts. */
  formerIdLost?: boolean | undefined
  /** Why the host ID of a Started node is unknown, in one line; undefined if known or not Started. */
  hostIdProblem?: string | undefined
  /** Pod IP. */
  address?: string | undefined
  /** <pod>.<governing service>.<namespace>.svc.<cluster domain>, the governing service read from the StatefulSet. */
  dnsName: string
  /** Why the pod is not ready, in one line, e.g. "no CPU: 0/1 nodes are available"; undefined if ready. */
  waiting?: string | undefined
  /** Names of the pod's containers, Cassandra's first ("cassandra"). */
  containers: string[]
  /** True when an Istio sidecar runs in the pod. */
  sidecar: boolean
}

/** client_encryption_options (or server_…) of cassandra.yaml, as configured in spec.config. */
export interface EncryptionOptions {
  enabled: boolean
  /** Plaintext connections are accepted as well. */
  optional: boolean
  requireClientAuth: boolean
  /** A client's certificate is requested, and verified if it presents one (`require_client_auth: optional`). */
  optionalClientAuth?: boolean | undefined
  keystorePath?: string | undefined
  truststorePath?: string | undefined
  /** Secret: never printed. */
  keystorePassword?: string | undefined
}

/** Where cass-operator stores a datacenter's keys. */
export interface KeystoreLocations {
  /** Secret `<dc>-ca-keystore`, keys `cert` and `key` (PEM). */
  caSecret: string
  /** Secret `<dc>-keystore`. */
  keystoreSecret: string
  /** Key of the keystore in that Secret: `node-keystore.jks`. */
  keystoreKey: string
  /** The Secret from which pods mount the keystore for clients, if it is another one and known. */
  otherSecret?: string | undefined
}

export interface Datacenter {
  namespace: string
  /** metadata.name of the CassandraDatacenter. */
  name: string
  uid: string
  clusterName: string
  /** The datacenter's name in Cassandra: a driver's local datacenter. */
  cassandraName: string
  serverType: string
  serverVersion: string
  /** How the nodes' management API authenticates its clients; this program has no certificate for it. */
  managementAuth?: 'certificate' | undefined
  size: number
  stopped: boolean
  /** status.cassandraOperatorProgress: "Ready", "Updating" or ''. */
  progress: string
  conditions: {
    type: string
    status: string
    reason?: string | undefined
    message?: string | undefined
  }[]
  /** Ordered by rack, then ordinal. */
  nodes: CassandraNode[]
  /**
   * False without permission to list StatefulSets: a pod that is being recreated may then be missing from the nodes,
   * and must not be treated as removed.
   */
  complete: boolean
  /** Host IDs of removed or replaced pods (status.nodeStatuses without a live node). */
  staleHostIds: string[]
  /**
   * Why the configuration is unknown: it is in a Secret that cannot be read (CSNI203) or does not exist (CSNI204).
   * Encryption options and ports are then only defaults.
   */
  configurationHidden?: CassSniError | undefined
  /** The Secret with the configuration (spec.configSecret). */
  configSecret?: string | undefined
  /** The K8ssandraCluster that created the datacenter. */
  k8ssandraCluster?: string | undefined
  clientEncryption: EncryptionOptions
  serverEncryption: EncryptionOptions
  /** The pods' CQL port; with TLS if enabled. */
  nativePort: number
  /** A second CQL port without TLS, although TLS is enabled (native_transport_port_ssl). */
  plaintextPort?: number | undefined
  keystores: KeystoreLocations
  superuserSecret: string
  /** Name of the headless Service of all ready nodes: <cluster>-<dc>-service. */
  service: string
  clusterDomain: string
}

/** Login of a role. Secret: never printed. */
export interface Credentials {
  username: string
  password: string
}
