/** `uninstall`: reverts what the other commands have changed in the cluster. */
import { applyChanges, retryOvertaken } from '../changes/apply.ts'
import { changesIn } from '../changes/change-plan.ts'
import type { Change } from '../changes/changeset.ts'
import { CASSANDRA_DATACENTER, displayName } from '../cluster/resources.ts'
import { requireNamespace } from '../cluster/require-namespace.ts'
import { unless } from '../cluster/unless.ts'
import { again, CassSniError, command } from '../errors.ts'
import type { ChangeRecord } from '../events.ts'
import { counted } from '../text/counted.ts'
import { listed } from '../text/listed.ts'
import { poll } from '../waiting/poll.ts'
import { confirmChanges } from './confirm-changes.ts'
import { uninstallController } from './controller-uninstall-workflow.ts'
import { type InstalledController, installedControllers } from './controller/live-controller.ts'
import type { WorkflowContext } from './context.ts'
import { type Left, type Part, type PartPlan, PARTS, type Scope } from './uninstall/parts.ts'

export type { Left }

export interface UninstallOptions {
  /** Only what belongs to this CassandraDatacenter (metadata.name), which may no longer exist. */
  datacenter?: string | undefined
  /** In all namespaces, with the objects of the cluster. */
  all: boolean
  /** CassandraDatacenters to delete with their data. */
  deleteData: readonly string[]
}

export interface UninstallResult {
  /** Nothing was written. */
  dryRun?: true | undefined
  /** Absent for the whole cluster. */
  namespace?: string | undefined
  /** Objects that were deleted, or whose fields were released. */
  deleted: number
  released: number
  /** What stays, and why. */
  left: Left[]
}

const DELETION_POLL_MS = 1000

/**
 * Deletes the objects that this program has created and releases the fields that it has set on others; values that
 * others hold as well stay. Data is deleted only for the datacenters in `deleteData`: waits until cass-operator has
 * removed them with their claims. Asks for confirmation. A second run writes nothing. Throws CSNI902 if the user
 * declines; CSNI301, CSNI105 or CSNI210 for a datacenter in `deleteData` that does not exist, is in more than one
 * namespace, or was not created by this program.
 */
export async function uninstall(context: WorkflowContext, options: UninstallOptions): Promise<UninstallResult> {
  const { kube, signal, dryRun } = context
  const namespace = options.all ? undefined : kube.target.namespace
  const scope: Scope = { namespace, datacenter: options.datacenter, deleteData: options.deleteData }
  const reported = new Map<string, ChangeRecord>()
  const { controllers, refused } = options.all ? await installedControllers(kube) : { controllers: [] }
  // one that is not visible would create the routes again
  if (refused !== undefined) throw refused
  let controllerObjects = 0
  let agreed = false
  return retryOvertaken(signal, async () => {
    const plans = await Promise.all(PARTS.map(async (part) => ({ part, plan: await planned(context, part, scope) })))
    if (!agreed) {
      for (const warning of plans.flatMap(({ plan }) => plan.warnings ?? [])) context.emit(warning)
      await warnUnknown(context, options.datacenter)
    }
    const changes = plans.flatMap(({ plan }) => changesIn(plan.changes)).filter(({ action }) => action !== 'unchanged')
    if (changes.length === 0 && namespace !== undefined) await requireNamespace(kube, namespace)
    if (!agreed && !dryRun && changes.length + controllers.length > 0) await confirm(context, changes, controllers)
    agreed = true
    // first, or they would create the routes again
    for (const each of controllers.splice(0))
      controllerObjects += (await uninstallController({ ...context, ask: undefined }, each)).deleted
    for (const { part, plan } of plans) await revert({ ...context, reported }, part, plan)
    // of all attempts: what an earlier one has deleted is no longer planned
    const made = (action: ChangeRecord['action']) =>
      [...reported.values()].filter((each) => each.action === action).length
    return {
      dryRun: dryRun || undefined,
      namespace,
      deleted: made('pruned') + controllerObjects,
      released: made('configured'),
      left: plans.flatMap(({ plan }) => plan.left ?? []),
    }
  })
}

/** Warns about a datacenter that does not exist, usually a typing error. */
async function warnUnknown({ kube, emit }: WorkflowContext, name: string | undefined): Promise<void> {
  if (name === undefined) return
  const { namespace } = kube.target
  const all = await unless('CSNI205', unless('CSNI203', kube.list(CASSANDRA_DATACENTER, { namespace })))
  if (all === undefined || all.some(({ metadata }) => metadata.name === name)) return
  const existing = all.length === 0 ? 'none' : listed(all.map(({ metadata }) => metadata.name))
  const message = `cassandradatacenter/${name} not found in namespace ${namespace} (existing: ${existing})`
  emit({ type: 'warning', code: 'CSNI301', message })
}

/** Plans a part. One that cannot be read is skipped with a warning, except the routes. */
async function planned({ kube, emit }: WorkflowContext, part: Part, scope: Scope): Promise<PartPlan> {
  try {
    return await part.plan(kube, scope)
  } catch (error) {
    if (part.id === 'routes' || !(error instanceof CassSniError) || error.code !== 'CSNI203') throw error
    emit({ type: 'warning', code: error.code, message: `${part.title}: not checked (${error.message})` })
    return { changes: { stages: [] } }
  }
}

async function revert(
  context: WorkflowContext & { reported: Map<string, ChangeRecord> },
  { id, title }: Part,
  { changes: set }: PartPlan,
): Promise<void> {
  const changes = changesIn(set)
  if (changes.every(({ action }) => action === 'unchanged')) return
  context.emit({ type: 'step', id, title, state: 'started' })
  try {
    await applyChanges(context, set)
    const pruned = changes.filter(({ action }) => action === 'pruned')
    if (!context.dryRun) await untilDeleted(context, id, pruned)
    context.emit({ type: 'step', id, title, state: 'done', note: noteOf(changes, context.dryRun) })
  } catch (error) {
    context.emit({ type: 'step', id, title, state: 'failed' })
    throw error
  }
}

/** Waits for datacenters: cass-operator deletes their claims first. */
async function untilDeleted({ kube, signal, emit }: WorkflowContext, id: string, pruned: Change[]): Promise<void> {
  for (const { type, name, namespace, live } of pruned) {
    if (type.kind !== CASSANDRA_DATACENTER.kind) continue
    await poll({
      signal,
      interval: DELETION_POLL_MS,
      until: async () => {
        const now = await kube.get(type, name, namespace)
        if (now?.metadata.uid !== live?.metadata.uid) return true
        emit({ type: 'waiting', id, lines: [`waiting for cass-operator to delete ${displayName(type, name)}`] })
        return undefined
      },
    }).catch((error: unknown) => {
      if (!(error instanceof CassSniError) || error.code !== 'CSNI901') throw error
      throw new CassSniError('CSNI901', `${displayName(type, name)}: timed out waiting for its deletion`, {
        object: `${displayName(type, name)} in namespace ${namespace}`,
        next: [command`kubectl describe cassandradatacenter ${name} -n ${namespace ?? ''}`],
        cause: error,
      })
    })
  }
}

function noteOf(changes: Change[], dryRun: boolean): string {
  const deleted = changes.filter(({ action }) => action === 'pruned').length
  const released = changes.filter(({ action }) => action === 'configured').length
  return [
    ...(deleted === 0 ? [] : [`${counted(deleted, 'object')} ${dryRun ? 'to be deleted' : 'deleted'}`]),
    ...(released === 0 ? [] : [`fields of ${counted(released, 'object')} ${dryRun ? 'to be released' : 'released'}`]),
  ].join(', ')
}

async function confirm(
  context: WorkflowContext,
  changes: Change[],
  controllers: readonly InstalledController[],
): Promise<void> {
  const text = ({ type, name, namespace }: Change) =>
    `${displayName(type, name)}${namespace === undefined ? '' : ` in namespace ${namespace}`}`
  const of = (action: Change['action']) => changes.filter((change) => change.action === action)
  const data = of('pruned').filter(({ type }) => type.kind === CASSANDRA_DATACENTER.kind)
  const deleted = of('pruned').filter((change) => !data.includes(change))
  const released = of('configured')
  await confirmChanges(
    context.ask,
    [
      ...controllers.map(({ namespace }) => `To be deleted: the routes controller in namespace ${namespace}`),
      ...(deleted.length === 0 ? [] : [`To be deleted: ${listed(deleted.map(text), 5)}`]),
      ...(released.length === 0 ? [] : [`Fields to be released: ${listed(released.map(text), 5)}`]),
      ...data.map((change) => `To be deleted with all data: ${text(change)}`),
      'Clients that connect through the gateway will be disconnected.',
    ],
    again`--dry-run`,
  )
}
