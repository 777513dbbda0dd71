/**
 * Whether the host ID that a pod had before can come back. Cassandra stores it in the data volume: a recreated pod has
 * the same ID with the same claim, and a new one with another claim. The new pod of a replaced node has the name of the
 * former one, so a route by the former host ID would reach the new node.
 */
import type { Kube, KubeObject } from '../cluster/kube.ts'
import { PERSISTENT_VOLUME_CLAIM } from '../cluster/resources.ts'
import { unless } from '../cluster/unless.ts'
import type { ConfirmedHostId } from './confirm-host-ids.ts'
import type { CassandraNode, Datacenter } from './datacenter.ts'
import { DATACENTER_LABEL, dataClaimName } from './resource-names.ts'

/** The claim of a data volume. */
export interface DataVolume {
  uid: string
  /** The claim is being deleted, which cannot be undone: its pod, if any, is the last one to use it. */
  terminating: boolean
}

/**
 * Reads the claims of the data volumes by pod name; none without permission to list them. Nothing is read unless a host
 * ID was just confirmed, or a pod whose volume is recorded has another uid now or is being deleted.
 * @param before the confirmed host IDs by pod name
 */
export async function readDataVolumes(
  kube: Kube,
  { namespace, nodes }: Datacenter,
  before: ReadonlyMap<string, ConfirmedHostId>,
): Promise<ReadonlyMap<string, DataVolume>> {
  if (!nodes.some((node) => dependsOnVolume(node, before.get(node.pod)))) return new Map()
  const listing = kube.list(PERSISTENT_VOLUME_CLAIM, { namespace, labelSelector: DATACENTER_LABEL })
  const claims = new Map((await unless('CSNI203', listing))?.map((claim) => [claim.metadata.name, claim]))
  return new Map(
    nodes.flatMap(({ pod }) => {
      const claim = claims.get(dataClaimName(pod))
      return claim === undefined ? [] : [[pod, volumeOf(claim)]]
    }),
  )
}

/** Returns the datacenter with `volumeUid` for host IDs that were just confirmed, and with `formerIdLost`. Pure. */
export function withDataVolumes(
  datacenter: Datacenter,
  before: ReadonlyMap<string, ConfirmedHostId>,
  volumes: ReadonlyMap<string, DataVolume>,
): Datacenter {
  const nodes = datacenter.nodes.map((node): CassandraNode => {
    const earlier = before.get(node.pod)
    const volume = volumes.get(node.pod)
    const formerIdLost = isFormerIdLost(node, earlier, volume) || undefined
    if (node.hostIdConfirmed !== true || isConfirmedPod(node, earlier)) return { ...node, formerIdLost }
    return { ...node, volumeUid: volume?.terminating === false ? volume.uid : undefined, formerIdLost }
  })
  return { ...datacenter, nodes }
}

/**
 * A running pod keeps its host ID, even if it will be replaced. Once the pod is being deleted, the host ID is lost if
 * cass-operator is replacing the node, or if the claim is being deleted or is another one. A claim that is not found is
 * not assumed to be deleted.
 */
function isFormerIdLost(
  node: CassandraNode,
  earlier: ConfirmedHostId | undefined,
  volume: DataVolume | undefined,
): boolean {
  // without a record, only the new pod of a replacement is not yet Started
  const isFormer = earlier === undefined ? node.state === 'Started' : isConfirmedPod(node, earlier)
  if (isFormer && !node.terminating) return false
  if (node.replacing) return true
  if (earlier?.volumeUid === undefined || volume === undefined) return false
  return volume.terminating || volume.uid !== earlier.volumeUid
}

function dependsOnVolume(node: CassandraNode, earlier: ConfirmedHostId | undefined): boolean {
  if (isConfirmedPod(node, earlier) && !node.terminating) return false
  return node.hostIdConfirmed === true || earlier?.volumeUid !== undefined
}

function isConfirmedPod({ podUid }: CassandraNode, earlier: ConfirmedHostId | undefined): boolean {
  return earlier?.podUid === podUid
}

function volumeOf({ metadata }: KubeObject): DataVolume {
  return { uid: metadata.uid ?? '', terminating: metadata.deletionTimestamp !== undefined }
}
