/** Derives a Datacenter from Kubernetes objects. Pure, so every operator version can be a fixture. */
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

/** The fields used of k8ssandra/cass-operator apis/cassandra/v1beta1/cassandradatacenter_types.go. */
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
  /** Of the whole namespace; those of other datacenters are ignored. Undefined without permission to list them. */
  statefulSets: StatefulSet[] | undefined
  pods: Pod[]
  /** Default cluster.local. */
  clusterDomain?: string | undefined
  /** Why the configuration cannot be read; `spec.config` is used instead. */
  configurationHidden?: CassSniError | undefined
  /** Host IDs by pod name, from the nodes' management API. They take precedence over the status. */
  answers?: ReadonlyMap<string, string>
}

/** On a CassandraDatacenter (k8ssandra/k8ssandra-operator apis/k8ssandra/v1alpha1/constants.go). */
const K8SSANDRA_LABEL = 'k8ssandra.io/cluster-name'

const STATES: readonly string[] = [
  'Ready-to-Start',
  'Starting',
  'Started',
  'Started-not-Ready',
  'Decommissioning',
] satisfies NodeState[]

/** Returns the Datacenter described by these objects. Tolerates unexpected values. */
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
  // LabelResourceName() in cassandradatacenter_types.go: old clusters keep their name override in object names.
  const resourceName = objectNameFor(
    status.datacenterName !== undefined && status.datacenterName !== '' ? status.datacenterName : name,
  )
  const prefix = `${objectNameFor(clusterName)}-${resourceName}`
  const isMember = memberFilter(cr)
  const sets = (statefulSets ?? []).filter(isMember)
  const nodes = nodesOf({
    cr,
    sets,
    complete: statefulSets !== undefined,
    pods: pods.filter(isMember),
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
    // managementApiAuth in cassandradatacenter_types.go
    managementAuth: spec.managementApiAuth?.manual === undefined ? undefined : 'certificate',
    size: spec.size ?? 0,
    stopped: spec.stopped === true,
    progress: status.cassandraOperatorProgress ?? '',
    conditions: status.conditions ?? [],
    nodes,
    complete: statefulSets !== undefined,
    staleHostIds: known.filter((id) => !current.has(id) && !ofLiving.has(id)),
    configurationHidden,
    configSecret: spec.configSecret || undefined,
    k8ssandraCluster: cr.metadata.labels?.[K8SSANDRA_LABEL],
    clientEncryption: encryption.client,
    serverEncryption: encryption.server,
    nativePort: ports.native,
    plaintextPort: ports.plaintext,
    keystores: keystoresOf(name, sets, encryption.client.keystorePath),
    superuserSecret:
      spec.superuserSecretName !== undefined && spec.superuserSecretName !== ''
        ? spec.superuserSecretName
        : `${objectNameFor(clusterName)}-superuser`,
    service: `${prefix}-service`,
    clusterDomain,
  }
}

/**
 * Returns a filter for objects with the labels of this datacenter. Before metadataVersion 1, cass-operator used the
 * overriding name in labels (`datacenterPods()` of cass-operator).
 */
function memberFilter(cr: CassandraDatacenterObject): (object: KubeObject) => boolean {
  const cluster = labelValueFor(cr.spec?.clusterName ?? '')
  const names = new Set([labelValueFor(cr.metadata.name)])
  if ((cr.status?.metadataVersion ?? 0) < 1 && cr.spec?.datacenterName) names.add(labelValueFor(cr.spec.datacenterName))
  return ({ metadata }) =>
    metadata.labels?.[CLUSTER_LABEL] === cluster && names.has(metadata.labels[DATACENTER_LABEL] ?? '')
}

interface NodeSources {
  cr: CassandraDatacenterObject
  sets: StatefulSet[]
  /** Whether the StatefulSets could be listed. */
  complete: boolean
  pods: Pod[]
  namespace: string
  clusterDomain: string
  fallbackService: string
  answers: ReadonlyMap<string, string>
}

/** The sources, indexed once: a datacenter may have thousands of nodes. */
interface NodeIndex extends Pick<NodeSources, 'cr' | 'namespace' | 'clusterDomain' | 'fallbackService' | 'answers'> {
  sets: ReadonlyMap<string, StatefulSet>
  replacing: ReadonlySet<string>
  /** Number of pods per host ID in the status. */
  podsPerHostId: ReadonlyMap<string, number>
}

/** Returns one node per existing and per expected pod: a pod that is being recreated is not a removed node. */
function nodesOf(sources: NodeSources): CassandraNode[] {
  const { cr, sets, complete, pods } = sources
  const byName = new Map(pods.map((pod) => [pod.metadata.name, pod]))
  const names = new Set(byName.keys())
  for (const set of sets) {
    for (let ordinal = 0; ordinal < (set.spec?.replicas ?? 0); ordinal++) names.add(`${set.metadata.name}-${ordinal}`)
  }
  const statuses = cr.status?.nodeStatuses ?? {}
  // A stopped datacenter has StatefulSets of size 0 and resumes with the same nodes. If the StatefulSets cannot be
  // read, the status still lists their pods: cass-operator removes a node from it on decommission.
  if (cr.spec?.stopped === true || !complete) for (const pod of Object.keys(statuses)) names.add(pod)
  const podsPerHostId = new Map<string, number>()
  for (const { hostID } of Object.values(statuses)) {
    const hostId = asHostId(hostID)
    if (hostId !== undefined) podsPerHostId.set(hostId, (podsPerHostId.get(hostId) ?? 0) + 1)
  }
  const index: NodeIndex = {
    ...sources,
    sets: new Map(sets.map((set) => [set.metadata.name, set])),
    replacing: new Set(cr.status?.nodeReplacements),
    podsPerHostId,
  }
  const racks = new Map((cr.spec?.racks ?? []).map((rack, position) => [rack.name, position]))
  const rackOrder = (rack: string) => racks.get(rack) ?? racks.size
  return [...names]
    .flatMap((name) => nodeFrom(name, byName.get(name), index) ?? [])
    .sort(
      (a, b) =>
        rackOrder(a.rack) - rackOrder(b.rack) ||
        compareText(a.rack, b.rack) ||
        compareText(a.statefulSet, b.statefulSet) ||
        a.ordinal - b.ordinal,
    )
}

function nodeFrom(name: string, pod: Pod | undefined, index: NodeIndex): CassandraNode | undefined {
  const { cr, sets, namespace, clusterDomain, fallbackService } = index
  const parts = splitPodName(name)
  // Other pods, such as backup jobs, may have the same labels: Cassandra pods belong to StatefulSets.
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
        ? 'datacenter stopped'
        : 'pod not created yet'
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
    hostIdProblem: identity.hostIdProblem,
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
 * Returns the host ID of a Started node, or why the status is not reliable: it has no host ID, one that it also lists
 * for another pod, or one recorded for another address (k8ssandra/cass-operator UpdateCassandraNodeStatus does not
 * refresh an existing ID). The address is the pod's, or the worker node's with a host network or an internode node port
 * (getRpcAddress in pkg/reconciliation/reconcile_racks.go).
 */
function hostIdOf(
  name: string,
  pod: Pod,
  { cr, answers, podsPerHostId }: NodeIndex,
): { hostId?: string; hostIdProblem?: string } {
  const answer = asHostId(answers.get(name))
  if (answer !== undefined) return { hostId: answer }
  const recorded = cr.status?.nodeStatuses?.[name]
  const hostId = asHostId(recorded?.hostID)
  if (hostId === undefined) return { hostIdProblem: 'cass-operator has not recorded a host ID yet' }
  if ((podsPerHostId.get(hostId) ?? 0) > 1)
    return { hostIdProblem: `the status lists host ID ${hostId} for more than one pod` }
  const addresses = [pod.status?.podIP, pod.status?.hostIP].filter((address) => address !== undefined && address !== '')
  if (recorded?.ip && addresses.length > 0 && !addresses.includes(recorded.ip)) {
    return {
      hostIdProblem: `the status lists the host ID for address ${recorded.ip}, but the pod has ${addresses[0]}`,
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
 * Returns the Secrets. The keystore Secret is the mounted one: cass-operator derives the name to mount differently from
 * the name to create (construct_podtemplatespec.go).
 */
function keystoresOf(name: string, sets: StatefulSet[], path: string | undefined): KeystoreLocations {
  const mounted = sets
    .flatMap((set) => set.spec?.template?.spec?.volumes ?? [])
    .find((volume) => volume.name === 'encryption-cred-storage')?.secret?.secretName
  return {
    caSecret: `${name}-ca-keystore`,
    keystoreSecret: mounted ?? `${name}-keystore`,
    keystoreKey: 'node-keystore.jks',
    otherSecret: path === undefined || path.startsWith('/etc/encryption/') ? undefined : secretAt(path, sets),
  }
}

/** Returns the Secret that pods mount at a path: spec.storageConfig.additionalVolumes, or the pod template. */
function secretAt(path: string, [set]: StatefulSet[]): string | undefined {
  const { containers = [], volumes = [] } = set?.spec?.template?.spec ?? {}
  const mounts = containers.find(({ name }) => name === 'cassandra')?.volumeMounts ?? []
  const [mount] = mounts
    .filter(({ mountPath }) => path === mountPath || path.startsWith(`${mountPath.replace(/\/$/, '')}/`))
    .sort((a, b) => b.mountPath.length - a.mountPath.length)
  return volumes.find((volume) => volume.name === mount?.name)?.secret?.secretName
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
