/** The form in which objects are kept in memory: without the large parts that nothing reads. */
import type { KubeObject, ResourceType } from './kube.ts'
import { CASSANDRA_DATACENTER, DEPLOYMENT, PERSISTENT_VOLUME_CLAIM, POD, STATEFUL_SET } from './resources.ts'
import type { Pod } from './workloads.ts'

/** Types of which no field is ever applied from a cache: their managedFields are up to half of an object. */
const READ_ONLY = [CASSANDRA_DATACENTER, DEPLOYMENT, PERSISTENT_VOLUME_CLAIM, POD, STATEFUL_SET]

/** Returns how objects of a type are kept; undefined: as received. */
export function storedForm<T extends KubeObject>(type: ResourceType): ((object: T) => T) | undefined {
  if (type === POD) return (object) => withoutUnread(withoutManagedFields(object))
  return READ_ONLY.includes(type) ? withoutManagedFields : undefined
}

function withoutManagedFields<T extends KubeObject>(object: T): T {
  const { managedFields: _, ...metadata } = object.metadata
  return { ...object, metadata }
}

/** Volumes, mounts, probes, resources and scheduling of a pod: most of its specification. */
function withoutUnread<T extends KubeObject>(object: T): T {
  const { spec } = object as Pod
  if (spec === undefined) return object
  const { volumes: _volumes, tolerations: _tolerations, affinity: _affinity, ...rest } = spec
  return {
    ...object,
    spec: { ...rest, containers: (spec.containers ?? []).map(slim), initContainers: spec.initContainers?.map(slim) },
  }
}

type Container = NonNullable<Pod['spec']>['containers'][number]

function slim({ name, image, args, env, ports, restartPolicy }: Container): Partial<Container> & { name: string } {
  return {
    name,
    ...(image === undefined ? {} : { image }),
    ...(args === undefined ? {} : { args }),
    ...(env === undefined ? {} : { env }),
    ...(ports === undefined ? {} : { ports }),
    ...(restartPolicy === undefined ? {} : { restartPolicy }),
  }
}
