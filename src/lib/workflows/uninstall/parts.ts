/** The parts of `uninstall`: each reads what this program has changed and plans how to revert it. */
import type { CassandraDatacenterObject } from '../../cassandra/datacenter-from.ts'
import { observeOperator } from '../../cassandra/operator.ts'
import { DATACENTER_LABEL } from '../../cassandra/resource-names.ts'
import { changeSet } from '../../changes/change-plan.ts'
import type { ChangeSet, Desired } from '../../changes/changeset.ts'
import { FIELD_MANAGER, isManaged, MANAGED_BY_LABEL, managerOf } from '../../changes/ownership.ts'
import type { Kube, KubeObject, ResourceType } from '../../cluster/kube.ts'
import {
  apiVersionOf,
  CASSANDRA_DATACENTER,
  DEPLOYMENT,
  NAMESPACE,
  PEER_AUTHENTICATION,
  PERSISTENT_VOLUME,
  PERSISTENT_VOLUME_CLAIM,
  POD,
  SECRET,
  SERVICE_ACCOUNT,
  STORAGE_CLASS,
} from '../../cluster/resources.ts'
import { unless } from '../../cluster/unless.ts'
import { CassSniError, command } from '../../errors.ts'
import type { WorkflowEvent } from '../../events.ts'
import { openPortWarning, planRemoval } from '../../routes/removal.ts'
import { routeNames } from '../../routes/sni-names.ts'
import { counted } from '../../text/counted.ts'
import { OWNER_LABEL } from '../../text/own-keys.ts'
import { METADATA_TYPES } from '../controller/controller-objects.ts'
import { refuseFollowed } from '../controller/live-controller.ts'
import { observeRemovals } from '../routes-delete-workflow.ts'

export interface Scope {
  /** Undefined: the whole cluster. */
  namespace: string | undefined
  /** Only what belongs to this datacenter; undefined: to all in the scope. */
  datacenter: string | undefined
  /** Datacenters whose data is deleted, by metadata.name. */
  deleteData: readonly string[]
}

/** An object that stays. */
export interface Left {
  /** "cassandradatacenter/dc1". */
  object: string
  namespace?: string | undefined
  reason: string
}

export interface PartPlan {
  changes: ChangeSet
  left?: Left[] | undefined
  warnings?: WorkflowEvent[] | undefined
}

export interface Part {
  id: string
  title: string
  /** What is reverted, for the prompt: "routes of datacenter dc1". */
  plan(kube: Kube, scope: Scope): Promise<PartPlan>
}

const NOTHING: PartPlan = { changes: { stages: [] } }
const MANAGED = `${MANAGED_BY_LABEL}=${FIELD_MANAGER}`

/** In the order in which they are reverted: clients first, data last. */
export const PARTS: readonly Part[] = [
  { id: 'routes', title: 'Routes and gateway ports', plan: routes },
  { id: 'metadata', title: 'Metadata services', plan: metadataServices },
  { id: 'mtls', title: 'Istio mutual TLS', plan: mutualTls },
  { id: 'certs', title: 'Pod annotations', plan: annotations },
  { id: 'namespace', title: 'Namespace labels', plan: namespaceLabels },
  { id: 'operator', title: 'cass-operator', plan: operator },
  { id: 'datacenter', title: 'CassandraDatacenters', plan: datacenters },
  { id: 'storage', title: 'StorageClass', plan: storage },
]

function concerns({ metadata }: KubeObject, { datacenter }: Scope): boolean {
  return datacenter === undefined || metadata.labels?.[OWNER_LABEL] === datacenter
}

function prune(...listed: { type: ResourceType; objects: KubeObject[] }[]): ChangeSet {
  return changeSet([], () => undefined, listed)
}

/** Releases the fields of one field manager. */
function released(type: ResourceType, live: KubeObject, managerSuffix: string): Desired | undefined {
  const manager = managerOf(managerSuffix)
  if (live.metadata.managedFields?.some((entry) => entry.manager === manager) !== true) return undefined
  const { name, namespace } = live.metadata
  return {
    type,
    ownership: 'share',
    managerSuffix,
    mustExist: true,
    basedOn: { live },
    object: { apiVersion: apiVersionOf(type), kind: type.kind, metadata: { name, namespace } },
  }
}

function release(type: ResourceType, objects: KubeObject[], managerSuffix: string): ChangeSet {
  const desired = objects.flatMap((object) => released(type, object, managerSuffix) ?? [])
  return changeSet([desired], () => undefined)
}

async function routes(kube: Kube, { namespace, datacenter }: Scope): Promise<PartPlan> {
  const found = await observeRemovals(kube, namespace)
  const wanted = found.filter((each) => datacenter === undefined || each.datacenter.name === datacenter)
  // for the whole cluster, the controllers are deleted first
  if (namespace !== undefined)
    await refuseFollowed(
      kube,
      wanted.map((each) => each.datacenter),
    )
  return {
    changes: { stages: wanted.flatMap((each) => planRemoval(each).stages) },
    warnings: wanted.flatMap(openPortWarning),
  }
}

/**
 * Those of a controller in another namespace; with the controllers, they are deleted first. Throws CSNI203 if some
 * objects are visible and others are not.
 */
async function metadataServices(kube: Kube, scope: Scope): Promise<PartPlan> {
  const selection = { namespace: scope.namespace, labelSelector: `${MANAGED},${OWNER_LABEL}` }
  const isPart = (object: KubeObject) => {
    const { name, labels = {} } = object.metadata
    return concerns(object, scope) && name === routeNames(labels[OWNER_LABEL] ?? '').metadata
  }
  const read = await Promise.allSettled(
    [...METADATA_TYPES, SECRET].map(async (type) => ({
      type,
      objects: (await kube.list(type, selection)).filter(isPart),
    })),
  )
  const lists = read.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const failed = read.find((each) => each.status === 'rejected')
  const isDenied = failed?.reason instanceof CassSniError && failed.reason.code === 'CSNI203'
  if (failed !== undefined && (!isDenied || lists.some(({ objects }) => objects.length > 0))) throw failed.reason
  return { changes: prune(...lists) }
}

/** What `install --mtls` created; that for the mesh is in the namespace of istiod. */
async function mutualTls(kube: Kube, scope: Scope): Promise<PartPlan> {
  const selection = { namespace: scope.namespace, labelSelector: MANAGED }
  const objects = (await unless('CSNI205', kube.list(PEER_AUTHENTICATION, selection))) ?? []
  return { changes: prune({ type: PEER_AUTHENTICATION, objects: objects.filter((each) => concerns(each, scope)) }) }
}

async function annotations(kube: Kube, { namespace, datacenter }: Scope): Promise<PartPlan> {
  const labelSelector = datacenter === undefined ? DATACENTER_LABEL : `${DATACENTER_LABEL}=${datacenter}`
  return { changes: release(POD, await kube.list(POD, { namespace, labelSelector }), 'certs') }
}

/** The label for sidecar injection, which all datacenters of the namespace share. */
async function namespaceLabels(kube: Kube, { namespace, datacenter }: Scope): Promise<PartPlan> {
  if (datacenter !== undefined) return NOTHING
  const one = namespace === undefined ? undefined : await kube.get(NAMESPACE, namespace)
  const objects = namespace === undefined ? await kube.list(NAMESPACE) : one === undefined ? [] : [one]
  return { changes: release(NAMESPACE, objects, 'injection') }
}

/** The operator stays: other datacenters need it, and its CustomResourceDefinitions are the datacenters' own. */
async function operator(kube: Kube, { namespace }: Scope): Promise<PartPlan> {
  if (namespace !== undefined) return NOTHING
  const operators = await observeOperator(kube)
  const live = await Promise.all(
    operators.map((each) => kube.get<KubeObject>(DEPLOYMENT, each.deployment, each.namespace)),
  )
  return {
    changes: release(
      DEPLOYMENT,
      live.flatMap((each) => each ?? []),
      'no-sidecar',
    ),
    left: operators.map((each) => ({
      object: `deployment/${each.deployment}`,
      namespace: each.namespace,
      reason: 'removing it also removes its CRDs, and with them every CassandraDatacenter',
    })),
  }
}

/** The data is deleted only for datacenters that are named. */
async function datacenters(kube: Kube, { namespace, datacenter, deleteData }: Scope): Promise<PartPlan> {
  const listed =
    (await unless('CSNI205', kube.list<CassandraDatacenterObject>(CASSANDRA_DATACENTER, { namespace }))) ?? []
  const all = listed.filter(({ metadata }) => datacenter === undefined || metadata.name === datacenter)
  const named = all.filter(({ metadata }) => deleteData.includes(metadata.name))
  refuseUnclear(named, deleteData, namespace)
  const left = all
    .filter((each) => !named.includes(each))
    .map((each) => ({
      object: `cassandradatacenter/${each.metadata.name}`,
      namespace: each.metadata.namespace,
      reason: isManaged(each)
        ? `data is deleted only with --delete-data ${each.metadata.name}`
        : 'not created by install; delete it with kubectl',
    }))
  const staying = new Set(left.map((each) => `${each.namespace}/${each.object.split('/')[1]}`))
  const accounts = await kube.list(SERVICE_ACCOUNT, { namespace, labelSelector: MANAGED })
  const unused = accounts.filter(({ metadata }) => {
    const owner = metadata.labels?.[OWNER_LABEL]
    if (owner === undefined || (datacenter !== undefined && owner !== datacenter)) return false
    return !staying.has(`${metadata.namespace}/${owner}`)
  })
  return {
    changes: prune({ type: SERVICE_ACCOUNT, objects: unused }, { type: CASSANDRA_DATACENTER, objects: named }),
    left,
  }
}

/** Throws CSNI301 for a name without a datacenter, CSNI105 for one of several namespaces, CSNI210 for one of others. */
function refuseUnclear(
  named: CassandraDatacenterObject[],
  names: readonly string[],
  namespace: string | undefined,
): void {
  const where = namespace === undefined ? '' : ` in namespace ${namespace}`
  for (const name of names) {
    const fitting = named.filter(({ metadata }) => metadata.name === name)
    const object = `cassandradatacenter/${name}`
    const next = [command`kubectl get cassandradatacenters ${namespace === undefined ? '-A' : ['-n', namespace]}`]
    if (fitting.length === 0) throw new CassSniError('CSNI301', `${object} not found${where}`, { object, next })
    if (fitting.length > 1) {
      const namespaces = fitting.map(({ metadata }) => metadata.namespace).join(', ')
      throw new CassSniError('CSNI105', `--delete-data ${name}: ${object} exists in namespaces ${namespaces}`, {
        object,
        next: fitting.map(
          ({ metadata }) => command`kubectl cass-sni uninstall -n ${metadata.namespace ?? ''} --delete-data ${name}`,
        ),
      })
    }
    const [one] = fitting
    if (one === undefined || isManaged(one)) continue
    throw new CassSniError(
      'CSNI210',
      `${object} in namespace ${one.metadata.namespace}: not managed by ${FIELD_MANAGER}`,
      {
        object,
        next: [command`kubectl get cassandradatacenter ${name} -n ${one.metadata.namespace ?? ''} -o yaml`],
      },
    )
  }
}

/** The StorageClass, in the whole cluster only, and while no volume or claim refers to it. */
async function storage(kube: Kube, { namespace }: Scope): Promise<PartPlan> {
  if (namespace !== undefined) return NOTHING
  const classes = await kube.list(STORAGE_CLASS, { labelSelector: MANAGED })
  if (classes.length === 0) return NOTHING
  const [claims, volumes] = await Promise.all([kube.list(PERSISTENT_VOLUME_CLAIM), kube.list(PERSISTENT_VOLUME)])
  const users = (name: string) => [...claims, ...volumes].filter(({ spec }) => classOf(spec) === name).length
  const unused = classes.filter(({ metadata }) => users(metadata.name) === 0)
  return {
    changes: prune({ type: STORAGE_CLASS, objects: unused }),
    left: classes
      .filter((each) => !unused.includes(each))
      .map(({ metadata }) => ({
        object: `storageclass/${metadata.name}`,
        reason: `still used by ${counted(users(metadata.name), 'claim or volume')}`,
      })),
  }
}

function classOf(spec: unknown): unknown {
  return typeof spec === 'object' && spec !== null && 'storageClassName' in spec ? spec.storageClassName : undefined
}
