/** The CassandraDatacenter and its ServiceAccount. A live datacenter keeps every value that no flag or file sets. */
import { applyChanges } from '../../changes/apply.ts'
import { changesIn, planChanges } from '../../changes/change-plan.ts'
import type { ChangeSet, Desired } from '../../changes/changeset.ts'
import { ownedPart } from '../../changes/owned-part.ts'
import { isManaged, managerOf, ownedLabels } from '../../changes/ownership.ts'
import type { KubeObject } from '../../cluster/kube.ts'
import { CASSANDRA_DATACENTER, SERVICE_ACCOUNT } from '../../cluster/resources.ts'
import { isUnansweredWebhook, type Validation, validateChanges } from '../../changes/validate.ts'
import { CassSniError } from '../../errors.ts'
import { counted } from '../../text/counted.ts'
import { poll } from '../../waiting/poll.ts'
import { loginFrom } from '../../cassandra/encryption.ts'
import { clientsNeed, configOf, configWarnings } from './datacenter-config.ts'
import { checkResources, guardChange, imageWarnings, storageConsent } from './datacenter-guards.ts'
import { type DatacenterRequest, liveDatacenters } from './datacenter-request.ts'
import { newDatacenter, overlaid, serviceAccountName } from './datacenter-spec.ts'
import { valueAt } from './field-values.ts'
import { type InstallStep, isSettled, type Setup, type StepPlan } from './step.ts'

const WEBHOOK_RETRY_MS = 1000
/** How long cass-operator's webhook may take to respond after its pod is ready. */
const WEBHOOK_TIMEOUT_MS = 30_000

/** For a CassandraDatacenter that this program did not create: see changes/ownership.ts. */
const MANAGER_SUFFIX = 'install'

type UntypedDesired = Omit<Desired, 'type'>

export interface DatacenterNeeds {
  request: DatacenterRequest
  /** For a new datacenter; undefined if not chosen yet. */
  storageClass: string | undefined
  /** The operator's manifest; its CRDs describe kinds that are not served yet. */
  operatorObjects: KubeObject[]
}

/** Returns the desired objects: those of the file, or the datacenter and its ServiceAccount. Pure. */
export function desiredObjects(
  { options, namespace }: Pick<Setup, 'options' | 'namespace'>,
  { request, storageClass }: Omit<DatacenterNeeds, 'operatorObjects'>,
  live: KubeObject | undefined,
): UntypedDesired[] {
  const { name, file } = request
  const labels = ownedLabels(name)
  const managed = live === undefined || isManaged(live)
  const consent = live === undefined ? undefined : storageConsent(options.allow)
  const withConsent = (object: KubeObject): KubeObject => {
    if (consent === undefined) return object
    const annotations = { ...object.metadata.annotations, ...consent }
    return { ...object, metadata: { ...object.metadata, annotations } }
  }
  if (file !== undefined) {
    return file.objects.map((object): UntypedDesired => {
      const metadata = { ...object.metadata, namespace }
      if (object !== file.datacenter) return { object: { ...object, metadata }, ownership: 'share' }
      const labeled = managed ? { ...metadata, labels: { ...metadata.labels, ...labels } } : metadata
      const desired = overlaid({ ...object, metadata: labeled }, request.options, live)
      return managed
        ? { object: withConsent(desired), ownership: 'own' }
        : { object: withConsent(desired), ownership: 'share', managerSuffix: MANAGER_SUFFIX }
    })
  }
  if (live !== undefined && !managed) {
    // not created by this program: change only what flags set, now or in earlier runs
    const bare: KubeObject = { apiVersion: live.apiVersion, kind: live.kind, metadata: { name, namespace } }
    if (!('spec' in overlaid(bare, request.options, live))) return []
    const object = overlaid(ownedPart(live, managerOf(MANAGER_SUFFIX)), request.options, live)
    return [{ object: withConsent(object), ownership: 'share', managerSuffix: MANAGER_SUFFIX, mustExist: true }]
  }
  const object =
    live === undefined
      ? newDatacenter(name, namespace, storageClass, request.options)
      : withConsent(overlaid(ownedPart(live), request.options, live))
  // a ServiceAccount set by a flag must exist already; the default one is created
  if (valueAt(object, ['spec', 'serviceAccountName']) !== serviceAccountName(name))
    return [{ object, ownership: 'own' }]
  const account: KubeObject = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: serviceAccountName(name), namespace, labels },
  }
  return [
    { object: account, ownership: 'own' },
    { object, ownership: 'own' },
  ]
}

async function planDatacenter(setup: Setup, needs: DatacenterNeeds, live: KubeObject | undefined): Promise<ChangeSet> {
  const { kube } = setup.context
  const desired = await Promise.all(
    desiredObjects(setup, needs, live).map(async (item): Promise<Desired> => {
      const { apiVersion, kind, metadata } = item.object
      const type =
        kind === CASSANDRA_DATACENTER.kind
          ? CASSANDRA_DATACENTER
          : kind === SERVICE_ACCOUNT.kind
            ? SERVICE_ACCOUNT
            : await kube.resourceType(apiVersion, kind, needs.operatorObjects)
      return { ...item, type, object: type.namespaced ? item.object : clusterWide(item.object, metadata) }
    }),
  )
  const set = await planChanges(kube, desired)
  for (const change of changesIn(set))
    if (change.type.kind === CASSANDRA_DATACENTER.kind) guardChange(change, setup.options.allow)
  return set
}

function clusterWide(object: KubeObject, { namespace: _namespace, ...metadata }: KubeObject['metadata']): KubeObject {
  return { ...object, metadata }
}

/** Returns the datacenter after the change: as validated by the server, or as desired. */
function expectedDatacenter(
  setup: Setup,
  needs: DatacenterNeeds,
  live: KubeObject | undefined,
  validation: Validation | undefined,
): KubeObject | undefined {
  const isDatacenter = (object: KubeObject | undefined): boolean => object?.kind === CASSANDRA_DATACENTER.kind
  const validated = validation?.objects.find(isDatacenter)
  if (validated !== undefined) return validated
  return desiredObjects(setup, needs, live).find(({ object }) => isDatacenter(object))?.object ?? live
}

function describe(name: string, datacenter: unknown): string {
  const at = (key: string): string => String(valueAt(datacenter, ['spec', key]) ?? '?')
  const size = counted(at('size'), 'node')
  return `${name}, ${at('serverType')} ${at('serverVersion')}, cluster ${at('clusterName')}, ${size}`
}

/** Returns the step that creates or changes the CassandraDatacenter. */
export function datacenterStep(setup: Setup, needs: DatacenterNeeds): InstallStep {
  const { context, namespace } = setup
  const { name, file, missing } = needs.request
  const readLive = async (): Promise<KubeObject | undefined> =>
    (await liveDatacenters(setup)).find((object) => object.metadata.name === name)

  return {
    id: 'datacenter',
    title: 'CassandraDatacenter',

    async plan(): Promise<StepPlan> {
      const live = await readLive()
      const changes = await planDatacenter(setup, needs, live).catch((error: unknown) => {
        // an earlier step installs the operator and with it this kind
        if (error instanceof CassSniError && error.code === 'CSNI205') return undefined
        throw error
      })
      const isKept = changes !== undefined && isSettled(changes)
      const validation = changes === undefined || isKept ? undefined : await validateChanges(context.kube, changes)
      const expected = isKept && live !== undefined ? live : expectedDatacenter(setup, needs, live, validation)
      if (!isKept) checkResources(expected)
      const config = await configOf(context.kube, expected, file?.objects ?? [], namespace)
      const kept = live !== undefined && changes?.stages.length === 0 ? ' (kept)' : ''
      const remark = isKept || missing === undefined ? kept : ` (${missing.reason})`
      return {
        state: isKept ? 'present' : 'change',
        note: `${describe(name, expected)}, ${clientsNeed(config)}${remark}`,
        login: loginFrom(config.config),
        changes,
        warnings: [
          ...[
            ...configWarnings(config, name, needs.request.options),
            ...(changes === undefined ? [] : changesIn(changes)).flatMap(imageWarnings),
          ].map((message) => ({ message })),
          ...(validation?.warnings ?? []),
        ],
        missing: isKept ? undefined : missing,
      }
    },

    async apply({ changes, note }): Promise<{ note: string }> {
      let next = changes
      const applied = await poll({
        signal: context.signal,
        interval: WEBHOOK_RETRY_MS,
        timeoutMs: WEBHOOK_TIMEOUT_MS,
        until: async () => {
          const set = next ?? (await planDatacenter(setup, needs, await readLive()))
          next = undefined
          try {
            await applyChanges(context, set)
            return true
          } catch (error) {
            // a new webhook responds only once its pod's endpoint has been propagated
            if (!isUnansweredWebhook(error)) throw error
            const lines = ["waiting for cass-operator's webhook to respond"]
            context.emit({ type: 'waiting', id: 'datacenter', lines })
            return undefined
          }
        },
      })
      if (applied === undefined) await applyChanges(context, await planDatacenter(setup, needs, await readLive()))
      return { note }
    },
  }
}
