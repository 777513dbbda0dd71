/**
 * Every label and annotation key of this program, in one place. Those of cass-operator are in
 * cassandra/resource-names.ts.
 */

/** The CassandraDatacenter (metadata.name) that an object of ours belongs to. */
export const OWNER_LABEL = 'cass-sni/datacenter'

/** On a Service of ours: the pod that it leads to. */
export const POD_LABEL = 'cass-sni/pod'

/**
 * On the keystore's Secret: the public names that its certificate carries besides those of the cluster,
 * comma-separated.
 */
export const PUBLIC_NAMES_ANNOTATION = 'cass-sni/public-names'

/** On a node's pod: which keystore it was touched for. */
export const KEYSTORE_ANNOTATION = 'cass-sni/keystore'

/** On our Gateway: the ingress gateway that was chosen, "namespace/service". */
export const GATEWAY_ANNOTATION = 'cass-sni/gateway'

/** On our Gateway: the DNS domain of the cluster, which the names of the nodes end in. */
export const CLUSTER_DOMAIN_ANNOTATION = 'cass-sni/cluster-domain'
