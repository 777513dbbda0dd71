/**
 * What a CassandraDatacenter is to the rest of the program: the vocabulary of this layer. `observe-datacenter.ts` fills
 * it.
 */

import type { CassSniError } from '../errors.ts'

/**
 * How far cass-operator has brought a node: its label cassandra.datastax.com/node-state, or what is known without it.
 */
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
   * uid of the pod; a new one means another pod under the same name. Empty while the pod does not exist (it is being
   * made anew, or the datacenter is stopped).
   */
  podUid: string
  statefulSet: string
  /** The number that ends the pod's name. Unique only within a rack. */
  ordinal: number
  rack: string
  state: NodeState
  /** All containers ready. */
  ready: boolean
  /** The pod is being deleted. */
  terminating: boolean
  /** The operator is replacing this node (status.nodeReplacements): its host id in the status is stale. */
  replacing: boolean
  /** Set only when the node is Started and the id is not stale. Lower-case UUID. */
  hostId?: string | undefined
  /** Why a Started node has no host id here, in one line; undefined when it has one, or is not Started. */
  hostIdTrouble?: string | undefined
  /** Pod IP. */
  address?: string | undefined
  /** <pod>.<governing service>.<namespace>.svc.<cluster domain>, the governing service read from the StatefulSet. */
  dnsName: string
  /** Why the pod is not ready yet, in one line, e.g. "no CPU: 0/1 nodes are available"; undefined when it is ready. */
  waiting?: string | undefined
  /** Names of the pod's containers, Cassandra's own first ("cassandra"). */
  containers: string[]
  /** True when an Istio sidecar runs in the pod. */
  sidecar: boolean
}

/** client_encryption_options (or server_…) of cassandra.yaml, as configured in spec.config. */
export interface EncryptionOptions {
  enabled: boolean
  /** Plaintext is accepted as well. */
  optional: boolean
  requireClientAuth: boolean
  keystorePath?: string | undefined
  /** Secret: never printed. */
  keystorePassword?: string | undefined
}

/** Where the operator keeps a datacenter's keys. */
export interface KeystoreLocations {
  /** Secret `<dc>-ca-keystore`, keys `cert` and `key` (PEM). */
  caSecret: string
  /** Secret `<dc>-keystore`. */
  keystoreSecret: string
  /** Key of the keystore in that Secret: `node-keystore.jks`. */
  keystoreKey: string
}

export interface Datacenter {
  namespace: string
  /** metadata.name of the CassandraDatacenter. */
  name: string
  uid: string
  clusterName: string
  /** The datacenter's name inside Cassandra: what a driver calls the local datacenter. */
  cassandraName: string
  serverType: string
  serverVersion: string
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
  /** In order of rack, then ordinal. */
  nodes: CassandraNode[]
  /**
   * False when the StatefulSets may not be listed: a pod that is being made anew may then be missing among the nodes,
   * and what is out of sight must not be taken for gone.
   */
  complete: boolean
  /** Host ids whose pod is gone or is being replaced (status.nodeStatuses without a live node). */
  staleHostIds: string[]
  /**
   * Why the configuration cannot be seen: it lies in a Secret that may not be read (CSNI203) or does not exist
   * (CSNI204). Encryption options and ports are the defaults then, and say nothing.
   */
  configurationHidden?: CassSniError | undefined
  clientEncryption: EncryptionOptions
  serverEncryption: EncryptionOptions
  /** The port in the pods for CQL clients: with TLS where that is on. */
  nativePort: number
  /** A second port in the pods that takes clients without TLS although TLS is on (native_transport_port_ssl). */
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
