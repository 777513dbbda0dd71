/** How cass-operator derives object names and label values from names of clusters, datacenters and racks. */

export const CLUSTER_LABEL = 'cassandra.datastax.com/cluster'
export const DATACENTER_LABEL = 'cassandra.datastax.com/datacenter'
export const RACK_LABEL = 'cassandra.datastax.com/rack'
export const NODE_STATE_LABEL = 'cassandra.datastax.com/node-state'

/** CQL port of the Services that this program creates; that of the pods is `Datacenter.nativePort`. */
export const CQL_PORT = 9042

/** Port of the management API in Cassandra pods. */
export const MANAGEMENT_PORT = 8080

/**
 * Returns the name of the claim of a pod's data volume: PvcName in k8ssandra/cass-operator
 * pkg/reconciliation/construct_podtemplatespec.go, then getPersistentVolumeClaimName in kubernetes/kubernetes
 * pkg/controller/statefulset/stateful_set_utils.go.
 */
export function dataClaimName(pod: string): string {
  return `server-data-${pod}`
}

/**
 * Returns the label value for a name: removes spaces and invalid characters, keeps upper case ("My Cluster" becomes
 * "MyCluster"). Equals `CleanLabelValue` in k8ssandra/cass-operator
 * apis/cassandra/v1beta1/cassandradatacenter_types.go.
 */
export function labelValueFor(name: string): string {
  return (name.replaceAll(' ', '').match(/[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?/g) ?? []).join('')
}

/**
 * Returns the part of an object name for a cluster or datacenter name: "My_Cluster" becomes "my-cluster". Equals
 * `CleanupForKubernetes` in the same file: keeps a DNS-1035 label, otherwise lowercases and joins the parts that are
 * labels, which begin with a letter: "My Cluster 1" becomes "mycluster".
 */
export function objectNameFor(name: string): string {
  if (name.length <= 63 && /^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(name)) return name
  return (
    name
      .toLowerCase()
      .replaceAll('_', '-')
      .match(/[a-z](?:[-a-z0-9]*[a-z0-9])?/g) ?? []
  ).join('')
}

/** Splits a pod name into StatefulSet and ordinal; undefined if it does not end with an ordinal. */
export function splitPodName(pod: string): { statefulSet: string; ordinal: number } | undefined {
  const match = /^(.+)-(\d{1,9})$/.exec(pod)
  return match?.[1] === undefined ? undefined : { statefulSet: match[1], ordinal: Number(match[2]) }
}
