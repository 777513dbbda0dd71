/** `routes controller status`: the controller's replicas, its leader, and the datacenters that it follows. */
import { deploymentReasons } from '../cluster/workload-reasons.ts'
import { unless } from '../cluster/unless.ts'
import type { Kube } from '../cluster/kube.ts'
import { routeNames } from '../routes/sni-names.ts'
import { CONTROLLER_NAME, RENEWAL_NAME } from '../text/own-keys.ts'
import type { WorkflowContext } from './context.ts'
import type { MetadataService } from './controller/controller-pods.ts'
import { leaderOf, liveController, overlapWarnings } from './controller/live-controller.ts'
import { installedMetadata } from './controller/metadata-services.ts'
import { datacenterStatuses, type DatacenterStatus, isOk } from './routes-status-workflow.ts'

export interface ControllerStatusResult {
  /** False if the controller is not installed or not ready, or a datacenter needs attention. */
  ok: boolean
  /** The namespace of the controller. */
  namespace: string
  installed: boolean
  image?: string | undefined
  replicas?: { wanted: number; ready: number } | undefined
  /** Why replicas are not ready. Absent if unknown. */
  reasons?: string[] | undefined
  /** Pod of the leader. */
  leader?: string | undefined
  /** No permission to read the Lease. */
  leaderUnknown?: true | undefined
  /** Replicas of the Deployment that renews certificates. Absent: they are not renewed. */
  renewal?: { wanted: number; ready: number } | undefined
  /** The metadata services. */
  metadata: MetadataStatus[]
  /** Absent: all namespaces. */
  namespaces?: readonly string[] | undefined
  datacenters: DatacenterStatus[]
}

/** A metadata service and its replicas. */
export interface MetadataStatus extends MetadataService {
  wanted: number
  ready: number
}

/**
 * Reads the state of the controller in a namespace. Warns about others that follow the same datacenters. Throws CSNI203
 * without permission.
 */
export async function controllerStatus(
  { kube, emit }: WorkflowContext,
  { namespace }: { namespace: string },
): Promise<ControllerStatusResult> {
  const [live, renewing] = await Promise.all([
    liveController(kube, namespace),
    liveController(kube, namespace, RENEWAL_NAME),
  ])
  if (live === undefined) return { ok: false, namespace, installed: false, metadata: [], datacenters: [] }
  const { image, scope, replicas } = live
  const [lease, datacenters, reasons, warnings, metadata] = await Promise.all([
    unless(
      'CSNI203',
      leaderOf(kube, namespace).then((leader) => ({ leader })),
    ),
    datacenterStatuses(kube, scope),
    live.complete ? undefined : unless('CSNI203', deploymentReasons(kube, CONTROLLER_NAME, namespace)),
    overlapWarnings(kube, namespace, scope),
    metadataStatus(kube, namespace),
  ])
  for (const warning of warnings) emit({ type: 'warning', ...warning })
  return {
    ok:
      live.complete &&
      renewing?.complete !== false &&
      metadata.every(({ wanted, ready }) => ready === wanted) &&
      (lease === undefined || lease.leader !== undefined) &&
      datacenters.every(isOk),
    namespace,
    installed: true,
    image,
    replicas: { wanted: replicas.wanted, ready: replicas.ready },
    reasons: reasons?.length === 0 ? undefined : reasons,
    leader: lease?.leader,
    renewal: renewing && { wanted: renewing.replicas.wanted, ready: renewing.replicas.ready },
    metadata,
    leaderUnknown: lease === undefined || undefined,
    namespaces: scope.namespaces,
    datacenters,
  }
}

/** None without permission to list Deployments in all namespaces. */
async function metadataStatus(kube: Kube, controllerNamespace: string): Promise<MetadataStatus[]> {
  const services = (await unless('CSNI203', installedMetadata(kube, controllerNamespace))) ?? []
  return Promise.all(
    services.map(async (service) => {
      const live = await liveController(kube, service.namespace, routeNames(service.datacenter).metadata)
      return { ...service, wanted: live?.replicas.wanted ?? 0, ready: live?.replicas.ready ?? 0 }
    }),
  )
}
