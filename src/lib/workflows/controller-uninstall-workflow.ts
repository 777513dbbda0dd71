/** `routes controller uninstall`: deletes the controller. The routes stay. */
import { applyChanges, retryOvertaken } from '../changes/apply.ts'
import { changesIn, changeSet, type Listed } from '../changes/change-plan.ts'
import type { ChangeSet, Desired } from '../changes/changeset.ts'
import { FIELD_MANAGER, MANAGED_BY_LABEL } from '../changes/ownership.ts'
import { asClusterAdmin } from '../cluster/grant-hint.ts'
import type { Kube, KubeObject } from '../cluster/kube.ts'
import {
  CLUSTER_ROLE_BINDING,
  CONFIG_MAP,
  DEPLOYMENT,
  LEASE,
  NAMESPACE,
  POD,
  ROLE_BINDING,
  SECRET,
  SERVICE,
  displayName,
} from '../cluster/resources.ts'
import { again } from '../errors.ts'
import type { ChangeRecord } from '../events.ts'
import { withoutRecord } from '../reconcile/sync-record.ts'
import { counted } from '../text/counted.ts'
import { CONTROLLER_NAME, RENEWAL_NAME } from '../text/own-keys.ts'
import { listed } from '../text/listed.ts'
import { poll } from '../waiting/poll.ts'
import { confirmChanges } from './confirm-changes.ts'
import type { WorkflowContext } from './context.ts'
import { controllerLabels } from './controller/controller-pods.ts'
import { controllerObjectsIn, ownNamespace } from './controller/live-controller.ts'
import { installedMetadata, metadataSecrets, removeMetadataRoute } from './controller/metadata-services.ts'
import { recordedSyncs } from './controller/recorded-syncs.ts'

export interface ControllerUninstallResult {
  /** Nothing was written. */
  dryRun?: true | undefined
  /** The namespace of the controller. */
  namespace: string
  deleted: number
  /** Gateways whose annotation was removed. */
  released: number
  /** The namespace is kept because it contains objects of others. */
  keptNamespace?: true | undefined
}

/** Without these, the replicas cannot write, even if it takes Kubernetes long to end them. */
const ACTING = [DEPLOYMENT, ROLE_BINDING, CLUSTER_ROLE_BINDING]

const ENDED_POLL_MS = 250
/** More than the pods' grace period. */
const ENDED_MS = 60_000

/**
 * Deletes the Deployment and its permissions, waits until its pods have ended, then deletes the other objects, the
 * Lease and the records on the Gateways, and the namespace if this program created it and it contains nothing else.
 * Routes are not changed, except that those of metadata services are removed. A second run writes nothing. Asks for
 * confirmation. Throws CSNI203, before the first write, without permission to read any of these; CSNI902 if the user
 * declines.
 */
export async function uninstallController(
  context: WorkflowContext,
  options: { namespace: string },
): Promise<ControllerUninstallResult> {
  return asClusterAdmin('routes controller uninstall', uninstalled(context, options))
}

async function uninstalled(
  context: WorkflowContext,
  { namespace }: { namespace: string },
): Promise<ControllerUninstallResult> {
  const { kube, signal, dryRun } = context
  const reported = new Map<string, ChangeRecord>()
  const services = await installedMetadata(kube, namespace)
  let agreed = false
  let keptNamespace = false
  const step = { type: 'step', id: 'controller', title: 'Routes controller' } as const
  context.emit({ ...step, state: 'started' })
  try {
    await retryOvertaken(signal, async () => {
      const [objects, secrets] = await Promise.all([
        controllerObjectsIn(kube, namespace),
        metadataSecrets(kube, services),
        podsOf(kube, namespace),
      ])
      const [acting, others] = [
        objects.filter(({ type }) => ACTING.includes(type)),
        [...objects.filter(({ type }) => !ACTING.includes(type)), { type: SECRET, objects: secrets }],
      ]
      const first = prunes(acting)
      const rest = await remaining(kube, namespace, others)
      keptNamespace = rest.keptNamespace
      const changes = [...changesIn(first), ...changesIn(rest.changes)].filter(({ action }) => action !== 'unchanged')
      if (!agreed && !dryRun && changes.length > 0) {
        const names = changes.map(({ type, name }) => displayName(type, name))
        const details = [`${counted(names.length, 'object')} to be deleted or changed: ${listed(names, 5)}`]
        await confirmChanges(context.ask, [...details, 'Routes are no longer updated.'], again`--dry-run`)
      }
      agreed = true
      await applyChanges({ ...context, reported }, first)
      if (!dryRun) await ended(context, namespace)
      // the replicas may have written until now
      const last = dryRun ? rest : await remaining(kube, namespace, others)
      await applyChanges({ ...context, reported }, last.changes)
    })
    for (const service of services) await removeMetadataRoute(context, service)
    const made = (action: ChangeRecord['action']) =>
      [...reported.values()].filter((each) => each.action === action).length
    const deleted = made('pruned')
    context.emit({
      ...step,
      state: 'done',
      note: deleted === 0 ? 'not installed' : `${counted(deleted, 'object')} ${dryRun ? 'to be deleted' : 'deleted'}`,
    })
    return {
      dryRun: dryRun || undefined,
      namespace,
      deleted,
      released: made('configured'),
      keptNamespace: keptNamespace || undefined,
    }
  } catch (error) {
    context.emit({ ...step, state: 'failed' })
    throw error
  }
}

function prunes(objects: readonly Listed[], released: Desired[] = []): ChangeSet {
  const gateways = new Map(released.map((one) => [one.object, one.basedOn?.live]))
  // changeSet deletes the last kind first
  return changeSet([released], (one) => gateways.get(one.object), [...objects].reverse())
}

/** Everything except what is deleted first. */
async function remaining(
  kube: Kube,
  namespace: string,
  objects: readonly Listed[],
): Promise<{ changes: ChangeSet; keptNamespace: boolean }> {
  const labelSelector = `${MANAGED_BY_LABEL}=${FIELD_MANAGER}`
  const [leases, records, { live, foreign }] = await Promise.all([
    kube.list(LEASE, { namespace, labelSelector }),
    recordedSyncs(kube, undefined),
    ownNamespace(kube, namespace),
  ])
  const own = leases.filter(({ metadata }) => metadata.name === CONTROLLER_NAME)
  const released = records.map(
    ({ type, object }): Desired => ({ ...withoutRecord(type, object), basedOn: { live: object } }),
  )
  const deletable = live !== undefined && !foreign && live.metadata.deletionTimestamp === undefined
  const used = deletable && (await hasOthers(kube, namespace))
  const namespaces: KubeObject[] = deletable && !used ? [live] : []
  return {
    changes: prunes([...objects, { type: LEASE, objects: own }, { type: NAMESPACE, objects: namespaces }], released),
    keptNamespace: used,
  }
}

/** Whether the namespace contains objects that are not the controller's. */
async function hasOthers(kube: Kube, namespace: string): Promise<boolean> {
  const lists = await Promise.all([POD, SERVICE, DEPLOYMENT, CONFIG_MAP].map((type) => kube.list(type, { namespace })))
  const labels = Object.entries(controllerLabels(namespace))
  return lists.flat().some(
    ({ metadata }) =>
      // in every namespace: those of Kubernetes and of istiod
      metadata.name !== 'kube-root-ca.crt' &&
      metadata.labels?.['istio.io/config'] === undefined &&
      !labels.every(([key, value]) => metadata.labels?.[key] === value),
  )
}

async function podsOf(kube: Kube, namespace: string): Promise<KubeObject[]> {
  const lists = await Promise.all(
    [CONTROLLER_NAME, RENEWAL_NAME].map((name) =>
      kube.list(POD, {
        namespace,
        labelSelector: `app.kubernetes.io/name=${name},app.kubernetes.io/instance=${namespace}`,
      }),
    ),
  )
  return lists.flat()
}

/** Waits until no pod of the controller is left. */
async function ended({ kube, signal, emit }: WorkflowContext, namespace: string): Promise<void> {
  await poll({
    signal,
    interval: ENDED_POLL_MS,
    timeoutMs: ENDED_MS,
    until: async () => {
      const pods = await podsOf(kube, namespace)
      if (pods.length === 0) return true
      const lines = pods.map(({ metadata }) => `waiting for ${displayName(POD, metadata.name)} to terminate`)
      emit({ type: 'waiting', id: 'controller', lines })
      return undefined
    },
  })
}
