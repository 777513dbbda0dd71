/** Reads the routes controller of a namespace. */
import { FIELD_MANAGER, MANAGED_BY_LABEL } from '../../changes/ownership.ts'
import type { Listed } from '../../changes/change-plan.ts'
import type { Kube, KubeObject } from '../../cluster/kube.ts'
import { listVisible } from '../../cluster/list-visible.ts'
import { CASSANDRA_DATACENTER, DEPLOYMENT, LEASE, NAMESPACE } from '../../cluster/resources.ts'
import { unless } from '../../cluster/unless.ts'
import type { Deployment } from '../../cluster/workloads.ts'
import { CassSniError, command, hint } from '../../errors.ts'
import { CONTROLLER_NAME, ROUTES_ANNOTATION } from '../../text/own-keys.ts'
import { CONTROLLER_NAMESPACE, CONTROLLER_TYPES, controllerLabels, controllerSelector } from './controller-objects.ts'

/** All objects of a controller that are visible, whatever its scope was, by kind. */
export async function controllerObjectsIn(kube: Kube, namespace: string): Promise<Listed[]> {
  const labelSelector = controllerSelector(namespace)
  return Promise.all(
    CONTROLLER_TYPES.map(async (type): Promise<Listed> => {
      const { items } = type.namespaced
        ? await listVisible(kube, type, { namespaces: [namespace], labelSelector })
        : { items: (await unless('CSNI203', kube.list(type, { labelSelector }))) ?? [] }
      return { type, objects: items }
    }),
  )
}

/** The namespace if this program created it for the controller. */
export async function ownNamespace(
  kube: Kube,
  namespace: string,
): Promise<{ live: KubeObject | undefined; foreign: boolean }> {
  const live = await unless('CSNI203', kube.get(NAMESPACE, namespace))
  const labels = live?.metadata.labels ?? {}
  const own = Object.entries(controllerLabels(namespace)).every(([key, value]) => labels[key] === value)
  return { live, foreign: live !== undefined && !(own && labels[MANAGED_BY_LABEL] !== undefined) }
}

/** What a controller follows, from its Deployment. */
export interface ControllerScope {
  /** Undefined: all. */
  namespaces?: string[] | undefined
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

/** Reads the controller's Deployment; undefined if it does not exist. */
export async function liveController(kube: Kube, namespace: string): Promise<LiveController | undefined> {
  const deployment = await kube.get<Deployment>(DEPLOYMENT, CONTROLLER_NAME, namespace)
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

/** Finds all visible routes controllers. */
export async function installedControllers(kube: Kube): Promise<InstalledController[]> {
  const labelSelector = `${MANAGED_BY_LABEL}=${FIELD_MANAGER},app.kubernetes.io/name=${CONTROLLER_NAME}`
  const namespaces = [kube.target.namespace, CONTROLLER_NAMESPACE]
  const { items } = await listVisible<Deployment>(kube, DEPLOYMENT, { namespaces, labelSelector })
  return items.map((deployment) => ({ namespace: deployment.metadata.namespace ?? '', scope: scopeOf(deployment) }))
}

/**
 * Throws CSNI514 if a routes controller would create the routes of one of these datacenters again: its scope includes
 * the datacenter, which exists and is not disabled.
 */
export async function refuseFollowed(
  kube: Kube,
  datacenters: readonly { namespace: string; name: string }[],
): Promise<void> {
  if (datacenters.length === 0) return
  const controllers = await installedControllers(kube)
  for (const { namespace, name } of datacenters) {
    const follows = controllers.find(
      ({ scope }) =>
        (scope.namespaces?.includes(namespace) ?? true) &&
        (scope.datacenter === undefined || scope.datacenter === name),
    )
    if (follows === undefined) continue
    const cr = await unless('CSNI205', unless('CSNI203', kube.get(CASSANDRA_DATACENTER, name, namespace)))
    const { annotations, deletionTimestamp } = cr?.metadata ?? {}
    if (cr === undefined || deletionTimestamp !== undefined || annotations?.[ROUTES_ANNOTATION] === 'disabled') continue
    const object = `cassandradatacenter/${name} in namespace ${namespace}`
    throw new CassSniError(
      'CSNI514',
      `${object}: the routes controller in namespace ${follows.namespace} would create its routes again`,
      {
        object,
        next: [
          command`kubectl annotate cassandradatacenter ${name} -n ${namespace} ${ROUTES_ANNOTATION}=disabled`,
          hint('alternatively, delete the controller'),
          command`kubectl cass-sni routes controller uninstall --controller-namespace ${follows.namespace}`,
        ],
      },
    )
  }
}

/** The pod of the leader; undefined without one, or without permission to read the Lease. */
export async function leaderOf(kube: Kube, namespace: string): Promise<string | undefined> {
  const lease = await unless('CSNI203', kube.get(LEASE, CONTROLLER_NAME, namespace))
  const { holderIdentity = '' } = (lease?.['spec'] ?? {}) as { holderIdentity?: string }
  return holderIdentity.replace(/_[0-9a-f-]{36}$/, '') || undefined
}
