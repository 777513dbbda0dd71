/** Runs a workflow for every datacenter of the cluster, one after the other. */
import type { CassandraDatacenterObject } from '../cassandra/datacenter-from.ts'
import { listDatacenters } from '../cassandra/observe-datacenter.ts'
import { asCassSniError, CassSniError, command, throwIfAborted } from '../errors.ts'
import { ROUTES_ANNOTATION } from '../text/own-keys.ts'
import type { WorkflowContext } from './context.ts'

/** The results for all datacenters. */
export interface EveryDatacenter<T> {
  /** False if one of the results is not ok, or one failed. */
  ok: boolean
  datacenters: T[]
  /** Datacenters without a result. */
  failed: { namespace: string; datacenter: string; code: string; message: string }[]
  /** Datacenters, "namespace/name", whose annotation cass-sni/routes is "disabled". */
  disabled: string[]
}

export interface EveryOptions {
  /** Include those whose routes are disabled. */
  routesDisabled?: boolean | undefined
}

/** One of them. */
export interface Selected {
  namespace: string
  datacenter: string
}

/**
 * Runs `work` for every CassandraDatacenter, by namespace and name; without those whose routes are disabled, unless
 * `routesDisabled`. The failure of one is a warning and does not stop the others. Throws CSNI305 without cass-operator,
 * CSNI203 without permission to list datacenters in all namespaces, CSNI301 if no datacenter exists, and the reason of
 * an abort.
 */
export async function everyDatacenter<T extends { ok: boolean }>(
  context: WorkflowContext,
  work: (context: WorkflowContext, one: Selected) => Promise<T>,
  { routesDisabled = false }: EveryOptions = {},
): Promise<EveryDatacenter<T>> {
  const all = await datacenters(context)
  const isDisabled = ({ metadata }: CassandraDatacenterObject) =>
    metadata.annotations?.[ROUTES_ANNOTATION] === 'disabled'
  const result: EveryDatacenter<T> = { ok: true, datacenters: [], failed: [], disabled: [] }
  for (const each of all) {
    const one: Selected = { namespace: each.metadata.namespace ?? '', datacenter: each.metadata.name }
    const name = `${one.namespace}/${one.datacenter}`
    if (!routesDisabled && isDisabled(each)) {
      result.disabled.push(name)
      continue
    }
    try {
      result.datacenters.push(await work(named(context, name), one))
    } catch (error) {
      throwIfAborted(context.signal)
      const { code, message, next } = asCassSniError(error)
      result.failed.push({ ...one, code, message })
      // a step that repeats this command line would repeat it for every datacenter
      const steps = next.filter((step) => !('again' in step))
      context.emit({ type: 'warning', code, message: `${name}: ${message}`, next: steps })
    }
  }
  result.ok = result.failed.length === 0 && result.datacenters.every(({ ok }) => ok)
  return result
}

async function datacenters({ kube }: WorkflowContext): Promise<CassandraDatacenterObject[]> {
  const all = await listDatacenters(kube)
  if (all.length === 0)
    throw new CassSniError('CSNI301', 'no CassandraDatacenter found in any namespace', {
      object: 'cassandradatacenters',
      next: [command`kubectl cass-sni install`],
    })
  const keyOf = ({ metadata }: CassandraDatacenterObject) => `${metadata.namespace}/${metadata.name}`
  return all.sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1))
}

/** The same context; its steps and warnings name the datacenter. */
function named(context: WorkflowContext, name: string): WorkflowContext {
  return {
    ...context,
    emit: (event) => {
      if (event.type === 'step') context.emit({ ...event, id: `${name} ${event.id}`, title: `${name}: ${event.title}` })
      else if (event.type === 'waiting') context.emit({ ...event, id: `${name} ${event.id}` })
      else if (event.type === 'warning') context.emit({ ...event, message: `${name}: ${event.message}` })
      else context.emit(event)
    },
  }
}
