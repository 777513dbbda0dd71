/** `routes status`: what the routes controller has recorded for each datacenter. */
import type { Kube, KubeObject } from '../cluster/kube.ts'
import { CASSANDRA_DATACENTER } from '../cluster/resources.ts'
import { ROUTES_ANNOTATION } from '../text/own-keys.ts'
import { command } from '../errors.ts'
import type { WorkflowContext } from './context.ts'
import { installedControllers } from './controller/live-controller.ts'
import { type RecordedSync, recordedSyncs } from './controller/recorded-syncs.ts'

export interface DatacenterStatus {
  namespace: string
  datacenter: string
  /** `unknown`: no controller has synced it. `disabled`: by the annotation cass-sni/routes. */
  result: 'synced' | 'failing' | 'unknown' | 'disabled'
  /** Nodes with a route, and those without. Absent if unknown. */
  routed?: number | undefined
  pending?: number | undefined
  /** Since when the result is the same. ISO 8601. */
  since?: string | undefined
  /** The CassandraDatacenter was changed after the last sync. */
  stale?: true | undefined
  /** Of the failure. */
  code?: string | undefined
  /** Why the result is `failing` or `unknown`. */
  message?: string | undefined
  /** Pod of the leader that recorded it. */
  by?: string | undefined
}

const NEVER_SYNCED = 'never synced by a controller'

export interface RoutesStatusResult {
  /** False if a datacenter is failing, has pending nodes, or is unknown. */
  ok: boolean
  datacenters: DatacenterStatus[]
}

export interface RoutesStatusOptions {
  allNamespaces: boolean
  /** Only this datacenter (metadata.name). */
  datacenter?: string | undefined
}

/**
 * Reads the records. Warns if datacenters were never synced because no controller is installed. Throws CSNI205 without
 * cass-operator, CSNI203 without permission to list datacenters or Gateways.
 */
export async function routesStatus(
  { kube, emit }: WorkflowContext,
  { allNamespaces, datacenter }: RoutesStatusOptions,
): Promise<RoutesStatusResult> {
  const namespaces = allNamespaces ? undefined : [kube.target.namespace]
  const datacenters = await datacenterStatuses(kube, { namespaces, datacenter })
  if (datacenters.some(({ result }) => result === 'unknown') && (await withoutController(kube))) {
    const scope = namespaces === undefined ? '-A' : ['-n', ...namespaces]
    const next = [command`kubectl cass-sni routes controller install ${scope}`]
    emit({ type: 'warning', message: 'no routes controller found', next })
  }
  return { ok: datacenters.every(isOk), datacenters }
}

/** Whether no namespace contains a controller; false if one may exist that is not visible. */
async function withoutController(kube: Kube): Promise<boolean> {
  const { controllers, refused } = await installedControllers(kube)
  return controllers.length === 0 && refused === undefined
}

/** Whether a datacenter needs no attention. */
export function isOk({ result, pending = 0 }: DatacenterStatus): boolean {
  return result === 'disabled' || (result === 'synced' && pending === 0)
}

/** Reads the status of each datacenter in some namespaces (undefined: all), by namespace and name. */
export async function datacenterStatuses(
  kube: Kube,
  { namespaces, datacenter }: { namespaces?: readonly string[] | undefined; datacenter?: string | undefined },
): Promise<DatacenterStatus[]> {
  const lists = await Promise.all(
    (namespaces ?? [undefined]).map(async (namespace) => {
      const [datacenters, records] = await Promise.all([
        kube.list(CASSANDRA_DATACENTER, { namespace }),
        recordedSyncs(kube, namespace),
      ])
      return datacenters.map((each) => statusOf(each, records))
    }),
  )
  const keyOf = (one: DatacenterStatus) => `${one.namespace}/${one.datacenter}`
  return lists
    .flat()
    .filter((each) => datacenter === undefined || each.datacenter === datacenter)
    .sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1))
}

function statusOf({ metadata }: KubeObject, records: RecordedSync[]): DatacenterStatus {
  const { name: datacenter, namespace = '', generation } = metadata
  if (metadata.annotations?.[ROUTES_ANNOTATION] === 'disabled') return { namespace, datacenter, result: 'disabled' }
  const [newest] = records
    .filter((each) => each.datacenter === datacenter && each.object.metadata.namespace === namespace)
    .map(({ record }) => record)
    // of another API before
    .sort((one, other) => Date.parse(other.time) - Date.parse(one.time))
  if (newest === undefined) return { namespace, datacenter, result: 'unknown', message: NEVER_SYNCED }
  const { result, routed, pending, time, code, message, by } = newest
  return {
    namespace,
    datacenter,
    result,
    routed,
    pending,
    since: time,
    stale: newest.generation !== generation || undefined,
    code,
    message,
    by,
  }
}
