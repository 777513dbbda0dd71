/** The fields of Cassandra's pods that this program reads. Pure. */
import type { KubeObject } from '../cluster/kube.ts'
import type { Pod } from '../cluster/workloads.ts'

/**
 * Returns a pod without managedFields, and without all of its spec that is not read, such as the volumes, environment
 * and probes of the containers. They are most of a pod of cass-operator; a large datacenter has thousands.
 */
export function withReadFields(pod: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = pod.metadata
  const { spec } = pod as Pod
  return {
    ...pod,
    metadata,
    spec: spec && {
      nodeName: spec.nodeName,
      hostname: spec.hostname,
      subdomain: spec.subdomain,
      containers: (spec.containers ?? []).map(({ name, ports }) => ({ name, ports })),
      initContainers: (spec.initContainers ?? []).map(({ name, restartPolicy }) => ({ name, restartPolicy })),
    },
  }
}
