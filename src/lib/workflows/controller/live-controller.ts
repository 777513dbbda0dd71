/** Reads the routes controller of a namespace. */
import { FIELD_MANAGER, MANAGED_BY_LABEL } from '../../changes/ownership.ts'
import type { Listed } from '../../changes/change-plan.ts'
import type { Kube, KubeObject } from '../../cluster/kube.ts'
import { listVisible } from '../../cluster/list-visible.ts'
import { CASSANDRA_DATACENTER, DEPLOYMENT, LEASE, NAMESPACE } from '../../cluster/resources.ts'
import { unless } from '../../cluster/unless.ts'
import type { Deployment } from '../../cluster/workloads.ts'
import { CassSniError, command, hint } from '../../errors.ts'
import type { Warning } from '../../events.ts'
import { listed } from '../../text/listed.ts'
import { CONTROLLER_NAME, ROUTES_ANNOTATION } from '../../text/own-keys.ts'
import { CONTROLLER_NAMESPACE, CONTROLLER_TYPES, controllerSelector } from './controller-objects.ts'
import { controllerLabels } from './controller-pods.ts'

/**
 * All objects of a controller, whatever its scope was, by kind. Throws CSNI203 without permission to list a kind in all
 * namespaces: an object that is not visible may exist.
 */
export async function controllerObjectsIn(kube: Kube, namespace: string): Promise<Listed[]> {
  const labelSelector = controllerSelector(namespace)
  return Promise.all(
    CONTROLLER_TYPES.map(
      async (type): Promise<Listed> => ({ type, objects: await kube.list(type, { labelSelector }) }),
    ),
  )
}

/**
 * Reads the namespace of a controller; `foreign` if another client created it. Throws CSNI203 without permission.
 */
export async function ownNamespace(
  kube: Kube,
  namespace: string,
): Promise<{ live: KubeObject | undefined; foreign: boolean }> {
  const live = await kube.get(NAMESPACE, namespace)
  const labels = live?.metadata.labels ?? {}
  const own = Object.entries(controllerLabels(namespace)).every(([key, value]) => labels[key] === value)
  return { live, foreign: live !== undefined && !(own && labels[MANAGED_BY_LABEL] !== undefined) }
}

/** What a controller follows, from its Deployment. */
export interface ControllerScope {
  /** Undefined: all. */
  namespaces?: readonly string[] | undefined
  datacenter?: string | undefined
}

/** The state of a controller. */
export interface LiveController {
  image: string
  scope: ControllerScope
  replicas: { wanted: number; ready: number; updated: number }
  /** The rollout of the last change is complete. */
  complete: boolean
}

/** Reads the controller's Deployment, or the one of this name; undefined if it does not exist. */
export async function liveController(
  kube: Kube,
  namespace: string,
  name = CONTROLLER_NAME,
): Promise<LiveController | undefined> {
  const deployment = await kube.get<Deployment>(DEPLOYMENT, name, namespace)
  if (deployment === undefined) return undefined
  const { spec, status, metadata } = deployment
  const wanted = spec?.replicas ?? 1
  const { readyReplicas: ready = 0, updatedReplicas: updated = 0, replicas = 0, observedGeneration = 0 } = status ?? {}
  return {
    image: spec?.template?.spec?.containers[0]?.image ?? '',
    scope: scopeOf(deployment),
    replicas: { wanted, ready, updated },
    complete:
      observedGeneration >= (metadata.generation ?? 0) && updated === wanted && ready === wanted && replicas === wanted,
  }
}

function scopeOf({ spec }: Deployment): ControllerScope {
  const env = spec?.template?.spec?.containers[0]?.env ?? []
  const value = (name: string) => env.find((each) => each.name === name)?.value || undefined
  return { namespaces: value('CASS_SNI_NAMESPACES')?.split(','), datacenter: value('CASS_SNI_DATACENTER') }
}

/** A routes controller. */
export interface InstalledController {
  namespace: string
  scope: ControllerScope
}

/**
 * Finds the routes controllers of all namespaces. Without permission to list Deployments everywhere, those in the
 * current and the default namespace, with the CSNI203 error in `refused`.
 */
export async function installedControllers(
  kube: Kube,
): Promise<{ controllers: InstalledController[]; refused?: CassSniError | undefined }> {
  const labelSelector = `${MANAGED_BY_LABEL}=${FIELD_MANAGER},app.kubernetes.io/name=${CONTROLLER_NAME}`
  const namespaces = [kube.target.namespace, CONTROLLER_NAMESPACE]
  const { items, refusal } = await listVisible<Deployment>(kube, DEPLOYMENT, { namespaces, labelSelector })
  const controllers = items
    .filter(({ metadata }) => metadata.name === CONTROLLER_NAME)
    .map((deployment) => ({ namespace: deployment.metadata.namespace ?? '', scope: scopeOf(deployment) }))
    .sort((one, other) => (one.namespace < other.namespace ? -1 : 1))
  return { controllers, refused: refusal }
}

/**
 * Throws CSNI514 if a routes controller would create the routes of one of these datacenters again: its scope includes
 * the datacenter, which exists and is not disabled. Considers only visible controllers.
 */
export async function refuseFollowed(
  kube: Kube,
  datacenters: readonly { namespace: string; name: string }[],
): Promise<void> {
  if (datacenters.length === 0) return
  const { controllers } = await installedControllers(kube)
  for (const { namespace, name } of datacenters) {
    const followers = controllers.filter(({ scope }) => overlaps(scope, { namespaces: [namespace], datacenter: name }))
    if (followers.length === 0) continue
    const cr = await unless('CSNI205', unless('CSNI203', kube.get(CASSANDRA_DATACENTER, name, namespace)))
    const { annotations, deletionTimestamp } = cr?.metadata ?? {}
    if (cr === undefined || deletionTimestamp !== undefined || annotations?.[ROUTES_ANNOTATION] === 'disabled') continue
    const object = `cassandradatacenter/${name} in namespace ${namespace}`
    throw new CassSniError('CSNI514', `${object}: ${controllersText(followers)} would create its routes again`, {
      object,
      next: [
        command`kubectl annotate cassandradatacenter ${name} -n ${namespace} ${ROUTES_ANNOTATION}=disabled`,
        hint(`alternatively, delete the ${followers.length === 1 ? 'controller' : 'controllers'}`),
        ...followers.map(
          (each) => command`kubectl cass-sni routes controller uninstall --controller-namespace ${each.namespace}`,
        ),
      ],
    })
  }
}

/** Whether two controllers of these scopes would follow the same datacenter. */
export function overlaps(one: ControllerScope, other: ControllerScope): boolean {
  const namespaces = one.namespaces?.some((each) => other.namespaces?.includes(each) ?? true) ?? true
  return (
    namespaces &&
    (one.datacenter === undefined || other.datacenter === undefined || one.datacenter === other.datacenter)
  )
}

/** Warns about each other visible controller that follows the same datacenters; the next step deletes it. */
export async function overlapWarnings(kube: Kube, namespace: string, scope: ControllerScope): Promise<Warning[]> {
  const { controllers } = await installedControllers(kube)
  return controllers
    .filter((other) => other.namespace !== namespace && overlaps(scope, other.scope))
    .map((other) => ({
      message: `the routes controller in namespace ${other.namespace} also follows ${commonText(scope, other.scope)}`,
      next: [command`kubectl cass-sni routes controller uninstall --controller-namespace ${other.namespace}`],
    }))
}

/** What both of two overlapping scopes include. */
function commonText(one: ControllerScope, other: ControllerScope): string {
  const both = one.namespaces?.filter((each) => other.namespaces?.includes(each) ?? true) ?? other.namespaces
  const namespaces =
    both === undefined ? 'all namespaces' : `${both.length === 1 ? 'namespace' : 'namespaces'} ${listed(both)}`
  const datacenter = one.datacenter ?? other.datacenter
  return datacenter === undefined ? namespaces : `cassandradatacenter/${datacenter} in ${namespaces}`
}

function controllersText(controllers: readonly InstalledController[]): string {
  const names = controllers.map(({ namespace }) => namespace)
  return names.length === 1
    ? `the routes controller in namespace ${names[0]}`
    : `the routes controllers in namespaces ${names.join(', ')}`
}

/** The pod of the leader; undefined without one. Throws CSNI203 without permission to read the Lease. */
export async function leaderOf(kube: Kube, namespace: string): Promise<string | undefined> {
  const lease = await kube.get(LEASE, CONTROLLER_NAME, namespace)
  const { holderIdentity = '' } = (lease?.['spec'] ?? {}) as { holderIdentity?: string }
  return holderIdentity.replace(/_[0-9a-f-]{36}$/, '') || undefined
}
