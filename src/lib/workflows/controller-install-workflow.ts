/** `routes controller install` and `manifest`: the controller that keeps routes in sync. */
import { applyChanges, retryOvertaken } from '../changes/apply.ts'
import { observeDatacenter } from '../cassandra/observe-datacenter.ts'
import { changesIn, changeSet } from '../changes/change-plan.ts'
import { asClusterAdmin } from '../cluster/grant-hint.ts'
import type { KubeObject } from '../cluster/kube.ts'
import { lastingNamespaces } from '../cluster/require-namespace.ts'
import { issuerSecretName } from '../certificates/issuer-certificate.ts'
import { CASSANDRA_DATACENTER, SECRET } from '../cluster/resources.ts'
import { unless } from '../cluster/unless.ts'
import { deploymentReasons } from '../cluster/workload-reasons.ts'
import { again, CassSniError, command } from '../errors.ts'
import type { ChangeRecord } from '../events.ts'
import { observeMesh } from '../istio/observe-mesh.ts'
import { routeNames } from '../routes/sni-names.ts'
import { CONTROLLER_NAME, RENEWAL_NAME } from '../text/own-keys.ts'
import { durationText } from '../text/duration-text.ts'
import { listed } from '../text/listed.ts'
import { poll } from '../waiting/poll.ts'
import { metadataSecretName } from './certs/metadata-secret.ts'
import { confirmChanges } from './confirm-changes.ts'
import type { WorkflowContext } from './context.ts'
import { controllerObjects, desiredController } from './controller/controller-objects.ts'
import type { ControllerSettings, MetadataService, RenewedDatacenter } from './controller/controller-pods.ts'
import { checkNames, requireScope } from './controller/controller-scope.ts'
import { controllerObjectsIn, liveController, overlapWarnings, ownNamespace } from './controller/live-controller.ts'
import {
  certifyMetadata,
  desiredMetadata,
  installedMetadata,
  isSame,
  metadataSecrets,
  refuseConflicts,
  removeMetadataRoute,
  routeMetadata,
  warnOfMissingName,
} from './controller/metadata-services.ts'

export interface ControllerInstallOptions {
  /** The namespace of the controller. */
  namespace: string
  /** Default: the image of the installed controller. */
  image?: string | undefined
  /** The datacenters of all namespaces. */
  allNamespaces: boolean
  /** Namespaces of datacenters; default: the current one. */
  namespaces?: readonly string[] | undefined
  /** Only this datacenter (metadata.name). */
  datacenter?: string | undefined
  /** Namespaces of the ingress gateways; default: those that exist. */
  gatewayNamespaces?: readonly string[] | undefined
  /** Renew the certificates of the datacenters, too; default: as installed. */
  renewCertificates?: boolean | undefined
  /** Run a metadata service, each "NAME" or "DATACENTER=NAME"; an empty name removes it; default: as installed. */
  metadataNames?: readonly string[] | undefined
}

export interface ControllerInstallResult {
  /** Nothing was written. */
  dryRun?: true | undefined
  /** The namespace of the controller. */
  namespace: string
  image: string
  /** Absent: all namespaces. */
  namespaces?: readonly string[] | undefined
  datacenter?: string | undefined
  gatewayNamespaces: readonly string[]
  /** Certificates are renewed, with access to the Secrets of CA and keystore. */
  renewsCertificates: boolean
  /** The metadata services. */
  metadata: readonly MetadataService[]
  created: number
  configured: number
  pruned: number
  /** Ready replicas. Absent in a dry run. */
  ready?: number | undefined
}

const ROLLOUT_POLL_MS = 500
/** Time limit of the rollout without --timeout. */
const ROLLOUT_MS = 180_000

/**
 * Applies the controller's objects, prunes those of an earlier scope, and waits for its rollout. A second run writes
 * nothing. Asks before it widens permissions. Throws CSNI102 without an image, CSNI502 without an ingress gateway,
 * CSNI203 without permission to read what it compares; before the first write CSNI101 for an invalid name, CSNI204 and
 * CSNI301 for a namespace or a datacenter that does not exist;
 * CSNI210 if an object belongs to another program, CSNI511 if the rollout does not complete in time.
 */
export async function installController(
  context: WorkflowContext,
  options: ControllerInstallOptions,
): Promise<ControllerInstallResult> {
  return asClusterAdmin('routes controller install', installed(context, options))
}

async function installed(
  context: WorkflowContext,
  options: ControllerInstallOptions,
): Promise<ControllerInstallResult> {
  const { kube, signal, dryRun } = context
  const { namespace } = options
  const reported = new Map<string, ChangeRecord>()
  const settings = await settingsOf(context, options)
  await requireScope(kube, settings)
  const { metadata = [] } = settings
  const removed = (await installedMetadata(kube, namespace)).filter(
    (one) => !metadata.some((each) => isSame(one, each)),
  )
  await refuseConflicts(context, metadata)
  for (const warning of await overlapWarnings(kube, namespace, settings)) context.emit({ type: 'warning', ...warning })
  let agreed = false
  context.emit({ type: 'step', id: 'controller', title: 'Routes controller', state: 'started' })
  try {
    // the pods mount it
    for (const service of metadata) await certifyMetadata(context, service)
    const records = await retryOvertaken(signal, async () => {
      const [own, secrets, { live, foreign }] = await Promise.all([
        controllerObjectsIn(kube, namespace),
        metadataSecrets(kube, removed),
        ownNamespace(kube, namespace),
      ])
      const objects = [...own, { type: SECRET, objects: secrets }]
      const known = [...objects.flatMap((each) => each.objects), ...(live === undefined ? [] : [live])]
      const find = async (object: KubeObject) =>
        known.find((each) => each.kind === object.kind && sameName(each, object))
      const desired = await Promise.all(
        desiredController(settings, foreign).map(async (one) => {
          const { name, namespace: inside } = one.object.metadata
          // one without our labels is not listed
          const current = (await find(one.object)) ?? (await kube.get(one.type, name, inside))
          return { ...one, current }
        }),
      )
      const changes = changeSet(
        desired.map((one) => [one]),
        (one) => desired.find((each) => each.object === one.object)?.current,
        objects,
      )
      const pruned = changesIn(changes).filter(({ action }) => action === 'pruned')
      if (!agreed && !dryRun && pruned.length > 0)
        await confirmChanges(
          context.ask,
          [
            `To be pruned: ${listed(
              pruned.map(({ type, name }) => `${type.kind.toLowerCase()}/${name}`),
              5,
            )}`,
          ],
          again`--dry-run`,
        )
      agreed = true
      return applyChanges({ ...context, reported }, changes)
    })
    const ready = dryRun ? undefined : await rollout(context, namespace, CONTROLLER_NAME)
    if (!dryRun && settings.renews !== undefined) await rollout(context, namespace, RENEWAL_NAME)
    for (const service of metadata) {
      if (!dryRun) await rollout(context, service.namespace, routeNames(service.datacenter).metadata)
      await routeMetadata(context, service)
      await warnOfMissingName(context, service)
    }
    for (const service of removed) await removeMetadataRoute(context, service)
    const made = (action: ChangeRecord['action']) => records.filter((each) => each.action === action).length
    const result: ControllerInstallResult = {
      dryRun: dryRun || undefined,
      namespace,
      image: settings.image,
      namespaces: settings.namespaces,
      datacenter: settings.datacenter,
      gatewayNamespaces: settings.gatewayNamespaces,
      renewsCertificates: settings.renews !== undefined,
      metadata,
      created: made('created'),
      configured: made('configured'),
      pruned: made('pruned'),
      ready,
    }
    const note = dryRun ? 'nothing written (dry run)' : `${ready} replicas ready`
    context.emit({ type: 'step', id: 'controller', title: 'Routes controller', state: 'done', note })
    return result
  } catch (error) {
    context.emit({ type: 'step', id: 'controller', title: 'Routes controller', state: 'failed' })
    throw error
  }
}

export interface ControllerManifestResult {
  objects: KubeObject[]
}

/** Returns the objects that `installController` applies. Writes nothing. Throws as it does. */
export async function controllerManifest(
  context: WorkflowContext,
  options: ControllerInstallOptions,
): Promise<ControllerManifestResult> {
  return { objects: controllerObjects(await settingsOf(context, options)) }
}

async function settingsOf({ kube }: WorkflowContext, options: ControllerInstallOptions): Promise<ControllerSettings> {
  const { namespace, datacenter, allNamespaces } = options
  checkNames(options)
  const [live, renewal] = await Promise.all([
    options.image === undefined ? liveController(kube, namespace) : undefined,
    options.renewCertificates ?? liveController(kube, namespace, RENEWAL_NAME).then((found) => found !== undefined),
  ])
  const image = options.image ?? live?.image
  if (image === undefined) {
    throw new CassSniError('CSNI102', 'no controller image specified; use --image', {
      next: [again`--image ${'REGISTRY/cass-sni-controller:TAG'}`],
    })
  }
  const installed = (await unless('CSNI203', installedMetadata(kube, namespace))) ?? []
  const given = options.namespaces ?? []
  const namespaces = given.length === 0 ? [kube.target.namespace] : [...new Set(given)].sort()
  const scope = { namespaces: allNamespaces ? undefined : namespaces, datacenter }
  const metadata = await desiredMetadata(kube, options.metadataNames ?? [], scope, installed)
  return {
    namespace,
    image,
    metadata,
    ...scope,
    gatewayNamespaces: options.gatewayNamespaces ?? (await gatewayNamespaces(kube)),
    renews: renewal ? await renewedDatacenters(kube, { ...scope, metadata }) : undefined,
  }
}

/** The datacenters in a scope, with their Secrets: later ones need another `install`. */
async function renewedDatacenters(
  kube: WorkflowContext['kube'],
  { namespaces, datacenter, metadata = [] }: Pick<ControllerSettings, 'namespaces' | 'datacenter' | 'metadata'>,
): Promise<RenewedDatacenter[]> {
  const lists = await Promise.all(
    (namespaces ?? [undefined]).map((namespace) => kube.list(CASSANDRA_DATACENTER, { namespace })),
  )
  const keys = lists.flat().filter(({ metadata }) => datacenter === undefined || metadata.name === datacenter)
  return Promise.all(
    keys.map(async ({ metadata: { name, namespace = '' } }) => {
      const { keystores } = await observeDatacenter(kube, { namespace, name })
      const served = metadata.filter((one) => one.datacenter === name && one.namespace === namespace)
      const own = served.map(() => metadataSecretName({ name }))
      return { namespace, secrets: [keystores.caSecret, keystores.keystoreSecret, issuerSecretName(name), ...own] }
    }),
  )
}

async function gatewayNamespaces(kube: WorkflowContext['kube']): Promise<string[]> {
  const { gateways, refused } = await observeMesh(kube, { controlPlanes: false, apis: [] })
  const found = await lastingNamespaces(kube, [...new Set(gateways.map((gateway) => gateway.namespace))].sort())
  if (found.length > 0) return found
  if (refused !== undefined) throw refused
  throw new CassSniError(
    'CSNI502',
    'cannot find an Istio ingress gateway; specify its namespace with --gateway-namespace',
    { object: 'ingress gateway', next: [again`--gateway-namespace ${'NAMESPACE'}`] },
  )
}

function sameName(one: KubeObject, other: KubeObject): boolean {
  return one.metadata.name === other.metadata.name && one.metadata.namespace === other.metadata.namespace
}

/**
 * Waits until all replicas are ready. Returns their number. Throws CSNI511 after three minutes, and the CSNI901 of
 * --timeout with the reasons that it was waiting for.
 */
async function rollout({ kube, signal, emit }: WorkflowContext, namespace: string, name: string): Promise<number> {
  const object = `deployment.apps/${name} in namespace ${namespace}`
  let reasons: string[] = []
  const why = () => (reasons.length === 0 ? '' : `: ${reasons.join('; ')}`)
  const next = [
    again``,
    command`kubectl get events -n ${namespace} --sort-by=.lastTimestamp`,
    command`kubectl logs -n ${namespace} deployment/${name}`,
    command`kubectl cass-sni routes controller uninstall --controller-namespace ${namespace}`,
  ]
  try {
    const ready = await poll({
      signal,
      interval: ROLLOUT_POLL_MS,
      timeoutMs: ROLLOUT_MS,
      until: async () => {
        const live = await liveController(kube, namespace, name)
        if (live?.complete === true) return live.replicas.ready
        reasons = await deploymentReasons(kube, name, namespace)
        const { ready: now = 0, wanted = 0 } = live?.replicas ?? {}
        emit({ type: 'waiting', id: 'controller', lines: [`${now} of ${wanted} replicas ready`, ...reasons] })
        return undefined
      },
    })
    if (ready !== undefined) return ready
  } catch (error) {
    // --timeout may have aborted a request: report what the rollout was waiting for instead
    const reason: unknown = signal.aborted ? signal.reason : error
    if (!(reason instanceof CassSniError) || reason.code !== 'CSNI901') throw reason
    throw new CassSniError('CSNI901', `timed out waiting for ${object}${why()}`, { object, next })
  }
  const message = `${object}: not ready within ${durationText(ROLLOUT_MS)}${why()}`
  throw new CassSniError('CSNI511', message, { object, next })
}
