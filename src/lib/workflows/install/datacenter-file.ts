/** Reads --datacenter-file: one CassandraDatacenter and the objects it needs. */
import type { KubeObject, ObjectMeta } from '../../cluster/kube.ts'
import { again, CassSniError, command, hint } from '../../errors.ts'
import { readObjects } from './manifest-files.ts'
import type { Setup } from './step.ts'

export interface DatacenterFile {
  source: string
  /** All documents, without the fields that a server sets. */
  objects: KubeObject[]
  datacenter: KubeObject
}

/**
 * Fields set by the API server and controllers, which `kubectl get -o yaml` includes. Applying them would cause a
 * conflict or a change at every run. Owners and finalizers belong to the cluster that the file was read from.
 */
const WRITTEN_BY_SERVER: readonly string[] = [
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'selfLink',
  'managedFields',
  'ownerReferences',
  'finalizers',
]
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/** Returns the object without the fields that a server sets. Pure. */
export function asWritten({ status: _status, ...object }: KubeObject): KubeObject {
  const metadata = Object.fromEntries(
    Object.entries(object.metadata).filter(([field]) => !WRITTEN_BY_SERVER.includes(field)),
  ) as unknown as ObjectMeta
  if (metadata.annotations !== undefined) {
    const { [LAST_APPLIED]: _last, ...annotations } = metadata.annotations
    metadata.annotations = annotations
  }
  return { ...object, metadata } as KubeObject
}

/**
 * Reads and validates the file. Errors: CSNI101 (--datacenter does not match), CSNI107 (not exactly one datacenter, or
 * another namespace), and those of readObjects.
 */
export async function readDatacenterFile(
  { options, context, namespace }: Setup,
  source: string,
): Promise<DatacenterFile> {
  const objects = (await readObjects(source, options.kubectl, context.signal)).map(asWritten)
  const datacenters = objects.filter((object) => object.kind === 'CassandraDatacenter')
  const [datacenter] = datacenters
  if (datacenter === undefined || datacenters.length > 1) throw notOne(source, objects, datacenters.length)
  const elsewhere = objects.find(({ metadata }) => (metadata.namespace ?? namespace) !== namespace)
  if (elsewhere !== undefined) {
    throw new CassSniError(
      'CSNI107',
      `${source}: ${elsewhere.kind} ${elsewhere.metadata.name} is in namespace ` +
        `${elsewhere.metadata.namespace}, not ${namespace}`,
      { next: [again`-n ${elsewhere.metadata.namespace ?? ''}`] },
    )
  }
  const { name } = datacenter.metadata
  if (options.datacenterName !== undefined && options.datacenterName !== name) {
    throw new CassSniError('CSNI101', `--datacenter ${options.datacenterName} does not match ${source}: ${name}`, {
      next: [again`--datacenter ${name}`],
    })
  }
  return { source, objects, datacenter }
}

function notOne(source: string, objects: KubeObject[], found: number): CassSniError {
  const k8ssandra = objects.find((object) => object.kind === 'K8ssandraCluster')
  if (found === 0 && k8ssandra !== undefined) {
    return new CassSniError(
      'CSNI107',
      `${source}: K8ssandraCluster ${k8ssandra.metadata.name} is managed by k8ssandra-operator, which ` +
        'creates the CassandraDatacenters',
      {
        next: [
          command`kubectl apply -f ${source}`,
          hint('once its CassandraDatacenters are ready, run certs, routes sync and verify with --datacenter'),
        ],
      },
    )
  }
  return new CassSniError('CSNI107', `${source}: found ${found} CassandraDatacenters, expected exactly one`, {
    next: [hint('put each datacenter into its own file and run install once per file')],
  })
}
