/** From Kubernetes objects to a Datacenter: pure, so that every operator version is a fixture. */
import type { KubeObject } from '../cluster/kube.ts'
import type { Pod, StatefulSet } from '../cluster/workloads.ts'
import type { CassSniError } from '../errors.ts'
import type { CassandraNode, Datacenter, KeystoreLocations, NodeState } from './datacenter.ts'
import { asHostId } from '../text/host-id.ts'
import { encryptionFrom } from './encryption.ts'
import { type Networking, nativePorts } from './native-ports.ts'
import {
  CLUSTER_LABEL,
  DATACENTER_LABEL,
  labelValueFor,
  NODE_STATE_LABEL,
  objectNameFor,
  RACK_LABEL,
  splitPodName,
} from './resource-names.ts'
import { waitingReason } from './waiting.ts'

/** The fields in use of k8ssandra/cass-operator apis/cassandra/v1beta1/cassandradatacenter_types.go. */
export interface CassandraDatacenterObject extends KubeObject {
  spec?: {
    clusterName?: string
    datacenterName?: string
    serverType?: string
    serverVersion?: string
    size?: number
    stopped?: boolean
    racks?: { name: string }[]
    config?: unknown
    configSecret?: string
    networking?: Networking
    managementApiAuth?: { insecure?: object; manual?: object }
    superuserSecretName?: string
  }
  status?: {
    datacenterName?: string
    metadataVersion?: number
    cassandraOperatorProgress?: string
    conditions?: {
      type: string
      status: string
      reason?: string
      message?: string
    }[]
    nodeStatuses?: Record<string, { hostID?: string; ip?: string; rack?: string }>
    nodeReplacements?: string[]
  }
}

export interface DatacenterObjects {
  cr: CassandraDatacenterObject
  /** Of the whole namespace: those of other datacenters are passed over. Undefined when they may not be listed. */
  statefulSets: StatefulSet[] | undefined
  pods: Pod[]
  /** Default cluster.local. */
  clusterDomain?: string | undefined
  /** Why `spec.config` stands in for a configuration that cannot be seen. */
  configurationHidden?: CassSniError | undefined
  /** What the nodes' own management API said: pod name to host id. Goes before the status. */
  answers?: ReadonlyMap<string, string>
}

const STATES: readonly string[] = [
  'Ready-to-Start',
  'Starting',
  'Started',
  'Started-not-Ready',
  'Decommissioning',
] satisfies NodeState[]

/** The Datacenter that these objects make up. Reads nothing else; never throws on odd values. */
export function datacenterFrom({
  cr,
  statefulSets,
  pods,
  clusterDomain = 'cluster.local',
  configurationHidden,
  answers = new Map(),
}: DatacenterObjects): Datacenter {
  const { name, namespace = '', uid = '' } = cr.metadata
  const spec = cr.spec ?? {}
  const status = cr.status ?? {}
  const clusterName = spec.clusterName ?? ''
  // LabelResourceName() in cassandradatacenter_types.go: old clusters keep their name override in the names of objects.
  const resourceName = objectNameFor(
    status.datacenterName !== undefined && status.datacenterName !== '' ? status.datacenterName : name,
  )
  const prefix = `${objectNameFor(clusterName)}-${resourceName}`
  const ours = members(cr)
  const sets = (statefulSets ?? []).filter(ours)
  const nodes = nodesOf({
    cr,
    sets,
    complete: statefulSets !== undefined,
    pods: pods.filter(ours),
    namespace,
    clusterDomain,
    fallbackService: `${prefix}-all-pods-service`,
    answers,
  })
  const current = new Set(nodes.map((node) => node.hostId))
  const known = [...new Set(Object.values(status.nodeStatuses ?? {}).flatMap((node) => asHostId(node.hostID) ?? []))]
  const living = new Set(nodes.filter((node) => !node.replacing).map((node) => node.pod))
  const ofLiving = new Set(
    Object.entries(status.nodeStatuses ?? {}).flatMap(([pod, node]) =>
      living.has(pod) && !answers.has(pod) ? (asHostId(node.hostID) ?? []) : [],
    ),
  )
  const encryption = encryptionFrom(spec.config)
  const ports = nativePorts(spec.config, spec.networking, encryption.client.enabled)
  return {
    namespace,
    name,
    uid,
    clusterName,
    cassandraName: spec.datacenterName !== undefined && spec.datacenterName !== '' ? spec.datacenterName : name,
    serverType: spec.serverType ?? '',
    serverVersion: spec.serverVersion ?? '',
    size: spec.size ?? 0,
    stopped: spec.stopped === true,
    progress: status.cassandraOperatorProgress ?? '',
    conditions: status.conditions ?? [],
    nodes,
    complete: statefulSets !== undefined,
    staleHostIds: known.filter((id) => !current.has(id) && !ofLiving.has(id)),
    configurationHidden,
    clientEncryption: encryption.client,
    serverEncryption: encryption.server,
    nativePort: ports.native,
    plaintextPort: ports.plaintext,
    keystores: keystoresOf(name, sets),
    superuserSecret:
      spec.superuserSecretName !== undefined && spec.superuserSecretName !== ''
        ? spec.superuserSecretName
        : `${objectNameFor(clusterName)}-superuser`,
    service: `${prefix}-service`,
    clusterDomain,
  }
}

/**
 * Does an object carry the labels of this datacenter? Before metadataVersion 1 the operator labelled with the
 * overriding name (`datacenterPods()` of the operator).
 */
function members(cr: CassandraDatacenterObject): (object: KubeObject) => boolean {
  const cluster = labelValueFor(cr.spec?.clusterName ?? '')
  const names = new Set([labelValueFor(cr.metadata.name)])
  if ((cr.status?.metadataVersion ?? 0) < 1 && cr.spec?.datacenterName) names.add(labelValueFor(cr.spec.datacenterName))
  return ({ metadata }) =>
    metadata.labels?.[CLUSTER_LABEL] === cluster && names.has(metadata.labels[DATACENTER_LABEL] ?? '')
}

interface NodeSources {
  cr: CassandraDatacenterObject
  sets: StatefulSet[]
  /** The StatefulSets could be listed. */
  complete: boolean
  pods: Pod[]
  namespace: string
  clusterDomain: string
  fallbackService: string
  answers: ReadonlyMap<string, string>
}

/** The same, indexed once: a datacenter may have thousands of nodes. */
interface NodeIndex extends Pick<NodeSources, 'cr' | 'namespace' | 'clusterDomain' | 'fallbackService' | 'answers'> {
  sets: ReadonlyMap<string, StatefulSet>
  replacing: ReadonlySet<string>
  /** How many pods the status gives a host id to. */
  claims: ReadonlyMap<string, number>
}

/**
 * One node per pod there is, and per pod there ought to be: a pod that is just being made anew is not a node that
 * vanished.
 */
function nodesOf(sources: NodeSources): CassandraNode[] {
  const { cr, sets, complete, pods } = sources
  const byName = new Map(pods.map((pod) => [pod.metadata.name, pod]))
  const names = new Set(byName.keys())
  for (const set of sets) {
    for (let ordinal = 0; ordinal < (set.spec?.replicas ?? 0); ordinal++) names.add(`${set.metadata.name}-${ordinal}`)
  }
  const statuses = cr.status?.nodeStatuses ?? {}
  // A stopped datacenter has StatefulSets of size 0, and comes back with the same nodes. Where the StatefulSets cannot
  // be seen, the status still names their pods: the operator takes a node out of it when that is decommissioned.
  if (cr.spec?.stopped === true || !complete) for (const pod of Object.keys(statuses)) names.add(pod)
  const claims = new Map<string, number>()
  for (const { hostID } of Object.values(statuses)) {
    const hostId = asHostId(hostID)
    if (hostId !== undefined) claims.set(hostId, (claims.get(hostId) ?? 0) + 1)
  }
  const index: NodeIndex = {
    ...sources,
    sets: new Map(sets.map((set) => [set.metadata.name, set])),
    replacing: new Set(cr.status?.nodeReplacements),
    claims,
  }
  const racks = new Map((cr.spec?.racks ?? []).map((rack, place) => [rack.name, place]))
  const place = (rack: string) => racks.get(rack) ?? racks.size
  return [...names]
    .flatMap((name) => nodeFrom(name, byName.get(name), index) ?? [])
    .sort(
      (a, b) =>
        place(a.rack) - place(b.rack) ||
        compareText(a.rack, b.rack) ||
        compareText(a.statefulSet, b.statefulSet) ||
        a.ordinal - b.ordinal,
    )
}

function nodeFrom(name: string, pod: Pod | undefined, index: NodeIndex): CassandraNode | undefined {
  const { cr, sets, namespace, clusterDomain, fallbackService } = index
  const parts = splitPodName(name)
  // Other pods may carry the same labels (a backup job, for instance): Cassandra's pods are those of StatefulSets.
  if (parts === undefined || (pod !== undefined && !ownedByStatefulSet(pod))) return undefined
  const set = sets.get(parts.statefulSet)
  const inStatus = cr.status?.nodeStatuses?.[name]
  const state = pod === undefined ? 'Unknown' : stateOf(pod)
  const replacing = index.replacing.has(name)
  const rack = pod?.metadata.labels?.[RACK_LABEL] ?? set?.metadata.labels?.[RACK_LABEL] ?? inStatus?.rack ?? 'default'
  const [anySet] = sets.values()
  const service = set?.spec?.serviceName || pod?.spec?.subdomain || anySet?.spec?.serviceName || fallbackService
  const terminating = pod?.metadata.deletionTimestamp !== undefined
  const identity =
    pod !== undefined && state === 'Started' && !replacing && !terminating ? hostIdOf(name, pod, index) : {}
  const containers = (pod?.spec?.containers ?? []).map((container) => container.name)
  const waiting =
    pod === undefined
      ? cr.spec?.stopped === true
        ? 'the datacenter is stopped'
        : 'the pod does not exist yet'
      : waitingReason(pod, state)
  return {
    pod: name,
    podUid: pod?.metadata.uid ?? '',
    statefulSet: parts.statefulSet,
    ordinal: parts.ordinal,
    rack,
    state,
    ready: waiting === undefined,
    terminating,
    replacing,
    hostId: identity.hostId,
    hostIdTrouble: identity.hostIdTrouble,
    address: pod?.status?.podIP || undefined,
    dnsName: `${name}.${service}.${namespace}.svc.${clusterDomain}`,
    waiting,
    containers: [...containers.filter((c) => c === 'cassandra'), ...containers.filter((c) => c !== 'cassandra')],
    sidecar: [...(pod?.spec?.containers ?? []), ...(pod?.spec?.initContainers ?? [])].some(
      (container) => container.name === 'istio-proxy',
    ),
  }
}

/**
 * The host id of a Started node, or why the status is not to be believed: it names none, one that another pod has too,
 * or one recorded for another address (k8ssandra/cass-operator UpdateCassandraNodeStatus does not refresh an id that
 * is set). The address is the pod's, or the host's with a host network or a node port between nodes (getRpcAddress in
 * pkg/reconciliation/reconcile_racks.go).
 */
function hostIdOf(
  name: string,
  pod: Pod,
  { cr, answers, claims }: NodeIndex,
): { hostId?: string; hostIdTrouble?: string } {
  const answer = asHostId(answers.get(name))
  if (answer !== undefined) return { hostId: answer }
  const recorded = cr.status?.nodeStatuses?.[name]
  const hostId = asHostId(recorded?.hostID)
  if (hostId === undefined) return { hostIdTrouble: 'the operator has not recorded its host id yet' }
  if ((claims.get(hostId) ?? 0) > 1) return { hostIdTrouble: `the status gives host id ${hostId} to several pods` }
  const addresses = [pod.status?.podIP, pod.status?.hostIP].filter((address) => address !== undefined && address !== '')
  if (recorded?.ip && addresses.length > 0 && !addresses.includes(recorded.ip)) {
    return {
      hostIdTrouble: `the status recorded its host id for address ${recorded.ip}, the pod has ${addresses[0]} now`,
    }
  }
  return { hostId }
}

function stateOf(pod: Pod): NodeState {
  const label = pod.metadata.labels?.[NODE_STATE_LABEL]
  if (label !== undefined && STATES.includes(label)) return label as NodeState
  if (pod.status?.conditions?.some((c) => c.type === 'PodScheduled' && c.status === 'False')) return 'Unscheduled'
  if (pod.status?.conditions?.some((c) => c.type === 'Initialized' && c.status === 'False')) return 'Initializing'
  return 'Unknown'
}

function ownedByStatefulSet(pod: Pod): boolean {
  const owners = pod.metadata.ownerReferences ?? []
  return owners.length === 0 || owners.some((owner) => owner.kind === 'StatefulSet')
}

/**
 * The Secret that is mounted: its name is made of another name than the Secret's that the operator creates
 * (construct_podtemplatespec.go), so it is read.
 */
function keystoresOf(name: string, sets: StatefulSet[]): KeystoreLocations {
  const mounted = sets
    .flatMap((set) => set.spec?.template?.spec?.volumes ?? [])
    .find((volume) => volume.name === 'encryption-cred-storage')?.secret?.secretName
  return {
    caSecret: `${name}-ca-keystore`,
    keystoreSecret: mounted ?? `${name}-keystore`,
    keystoreKey: 'node-keystore.jks',
  }
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
