/** How cass-operator turns the names of clusters, datacenters and racks into names of objects and values of labels. */

export const CLUSTER_LABEL = 'cassandra.datastax.com/cluster'
export const DATACENTER_LABEL = 'cassandra.datastax.com/datacenter'
export const RACK_LABEL = 'cassandra.datastax.com/rack'
export const NODE_STATE_LABEL = 'cassandra.datastax.com/node-state'

/** The port for CQL of the Services that this program makes; the pods' own is `Datacenter.nativePort`. */
export const CQL_PORT = 9042

/** The port of the management API in Cassandra's pods. */
export const MANAGEMENT_PORT = 8080

/**
 * The value of a label for a name: spaces and illegal characters vanish, upper case stays ("My Cluster" gives
 * "MyCluster").
 * As `CleanLabelValue` in k8ssandra/cass-operator apis/cassandra/v1beta1/cassandradatacenter_types.go.
 */
export function labelValueFor(name: string): string {
  return (name.replaceAll(' ', '').match(/[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?/g) ?? []).join('')
}

/**
 * The part of an object's name for a cluster's or datacenter's name: "My_Cluster 1" gives "my-cluster1".
 * As `CleanupForKubernetes` in the same file: a DNS-1035 label stays as it is, else it is lowered and what does not
 * fit is dropped.
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

/** The ordinal that ends a pod's name, and the rest; undefined when it ends in none. */
export function splitPodName(pod: string): { statefulSet: string; ordinal: number } | undefined {
  const match = /^(.+)-(\d{1,9})$/.exec(pod)
  return match?.[1] === undefined ? undefined : { statefulSet: match[1], ordinal: Number(match[2]) }
}
