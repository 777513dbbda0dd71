/** The blog's CassandraDatacenter and service account. A live datacenter keeps whatever no flag or file names. */
import { applyChanges } from '../../changes/apply.ts'
import { planChanges } from '../../changes/change-plan.ts'
import type { ChangeSet, Desired } from '../../changes/changeset.ts'
import { ownedPart } from '../../changes/owned-part.ts'
import { isOurs, managerOf, ownedLabels } from '../../changes/ownership.ts'
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
/** How long cass-operator's webhook may need to answer after its pod is ready. */
const WEBHOOK_PATIENCE_MS = 30_000

/** Of a CassandraDatacenter that another made: see changes/ownership.ts. */
const TAKER = 'install'

type Wanted = Omit<Desired, 'type'>

export interface DatacenterNeeds {
  request: DatacenterRequest
  /** For a new datacenter; undefined while nobody has said it. */
  storageClass: string | undefined
  /** The operator's manifest, whose CRDs tell about kinds that are not served yet. */
  operatorObjects: KubeObject[]
}

/** Everything that the step desires: the file's objects, or the datacenter and its service account. Pure. */
export function desiredObjects(
  { options, namespace }: Pick<Setup, 'options' | 'namespace'>,
  { request, storageClass }: Omit<DatacenterNeeds, 'operatorObjects'>,
  live: KubeObject | undefined,
): Wanted[] {
  const { name, file } = request
  const labels = ownedLabels(name)
  const ours = live === undefined || isOurs(live)
  const consent = live === undefined ? undefined : storageConsent(options.allow)
  const withConsent = (object: KubeObject): KubeObject => {
    if (consent === undefined) return object
    const annotations = { ...object.metadata.annotations, ...consent }
    return { ...object, metadata: { ...object.metadata, annotations } }
  }
  if (file !== undefined) {
    return file.objects.map((object): Wanted => {
      const metadata = { ...object.metadata, namespace }
      if (object !== file.datacenter) return { object: { ...object, metadata }, ownership: 'share' }
      const labeled = ours ? { ...metadata, labels: { ...metadata.labels, ...labels } } : metadata
      const desired = overlaid({ ...object, metadata: labeled }, request.options, live)
      return ours
        ? { object: withConsent(desired), ownership: 'own' }
        : { object: withConsent(desired), ownership: 'share', taker: TAKER }
    })
  }
  if (live !== undefined && !ours) {
    // another's datacenter: only what a flag names is changed, beside what flags of earlier runs have changed
    const bare: KubeObject = { apiVersion: live.apiVersion, kind: live.kind, metadata: { name, namespace } }
    if (!('spec' in overlaid(bare, request.options, live))) return []
    const object = overlaid(ownedPart(live, managerOf(TAKER)), request.options, live)
    return [{ object: withConsent(object), ownership: 'share', taker: TAKER, mustExist: true }]
  }
  const object =
    live === undefined
      ? newDatacenter(name, namespace, storageClass, request.options)
      : withConsent(overlaid(ownedPart(live), request.options, live))
  // an account that a flag names is the user's own and has to exist; the default one is made
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

async function plan(setup: Setup, needs: DatacenterNeeds, live: KubeObject | undefined): Promise<ChangeSet> {
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
  for (const change of set.changes)
    if (change.type.kind === CASSANDRA_DATACENTER.kind) guardChange(change, setup.options.allow)
  return set
}

function clusterWide(object: KubeObject, { namespace: _namespace, ...metadata }: KubeObject['metadata']): KubeObject {
  return { ...object, metadata }
}

/** The datacenter as it will be: as the server says, or as far as flags, file and cluster do. */
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
  return `${name}: ${at('serverType')} ${at('serverVersion')}, cluster ${at('clusterName')}, ${size}`
}

/** The step that creates or changes the CassandraDatacenter. */
export function datacenterStep(setup: Setup, needs: DatacenterNeeds): InstallStep {
  const { context, namespace } = setup
  const { name, file, missing } = needs.request
  const readLive = async (): Promise<KubeObject | undefined> =>
    (await liveDatacenters(setup)).find((object) => object.metadata.name === name)

  return {
    id: 'datacenter',
    title: 'CassandraDatacenter',

    async look(): Promise<StepPlan> {
      const live = await readLive()
      const changes = await plan(setup, needs, live).catch((error: unknown) => {
        // the operator that brings the kind is installed by an earlier step
        if (error instanceof CassSniError && error.code === 'CSNI205') return undefined
        throw error
      })
      const isKept = changes !== undefined && isSettled(changes)
      const validation = changes === undefined || isKept ? undefined : await validateChanges(context.kube, changes)
      const expected = isKept && live !== undefined ? live : expectedDatacenter(setup, needs, live, validation)
      if (!isKept) checkResources(expected)
      const config = await configOf(context.kube, expected, file?.objects ?? [], namespace)
      const kept = live !== undefined && changes?.changes.length === 0 ? 'kept: ' : ''
      return {
        state: isKept ? 'present' : 'change',
        note: `${kept}${describe(name, expected)}, ${clientsNeed(config)}`,
        login: loginFrom(config.config),
        changes,
        warnings: [
          ...configWarnings(config, name, needs.request.options),
          ...(changes?.changes ?? []).flatMap(imageWarnings),
          ...(validation?.warnings ?? []),
        ],
        missing: isKept ? undefined : missing,
      }
    },

    async change({ changes, note }): Promise<{ note: string }> {
      let next = changes
      const applied = await poll({
        signal: context.signal,
        interval: WEBHOOK_RETRY_MS,
        timeoutMs: WEBHOOK_PATIENCE_MS,
        until: async () => {
          const set = next ?? (await plan(setup, needs, await readLive()))
          next = undefined
          try {
            await applyChanges(context, set)
            return true
          } catch (error) {
            // a webhook that was registered a moment ago answers only when its pod's endpoint is known everywhere
            if (!isUnansweredWebhook(error)) throw error
            const lines = ["waiting for cass-operator's webhook to answer"]
            context.emit({ type: 'waiting', id: 'datacenter', lines })
            return undefined
          }
        },
      })
      if (applied === undefined) await applyChanges(context, await plan(setup, needs, await readLive()))
      return { note }
    },
  }
}
