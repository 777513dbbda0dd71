/** Reads a datacenter from a cluster. */
import type { Kube } from '../cluster/kube.ts'
import { CASSANDRA_DATACENTER, NAMESPACE, POD, SECRET, STATEFUL_SET } from '../cluster/resources.ts'
import { unless } from '../cluster/unless.ts'
import type { Pod, Secret, StatefulSet } from '../cluster/workloads.ts'
import { again, CassSniError, command } from '../errors.ts'
import type { Datacenter } from './datacenter.ts'
import { type CassandraDatacenterObject, datacenterFrom } from './datacenter-from.ts'
import { readHostIds } from './endpoints.ts'
import { withReadFields } from './pod-fields.ts'
import { DATACENTER_LABEL } from './resource-names.ts'

export interface DatacenterChoice {
  namespace: string
  /** metadata.name, or the datacenter's name in Cassandra. Optional if there is only one. */
  name?: string | undefined
  /** Default cluster.local. */
  clusterDomain?: string | undefined
}

/**
 * Reads the datacenter of a namespace with its nodes, in one round trip (more only if a host ID is in doubt).
 * Throws CSNI301 if it has no datacenter, CSNI204 if the namespace does not exist, CSNI105 if it has more than one and
 * `name` is not set, CSNI305 if the API server does not serve CassandraDatacenters.
 */
export async function observeDatacenter(kube: Kube, choice: DatacenterChoice): Promise<Datacenter> {
  const { found, all } = await find(kube, choice)
  if (found !== undefined) return found
  throw await missing(kube, choice, all)
}

/** The same, but returns undefined if the datacenter or the namespace does not exist. */
export async function findDatacenter(kube: Kube, choice: DatacenterChoice): Promise<Datacenter | undefined> {
  return (await find(kube, choice)).found
}

/**
 * Throws like `observeDatacenter` if the namespace has no datacenter, or none with this name; more than one is fine.
 * Reads only CassandraDatacenters.
 */
export async function requireDatacenter(kube: Kube, choice: DatacenterChoice): Promise<void> {
  const { namespace, name } = choice
  const all = await datacentersOf(kube, namespace, name)
  const found = name === undefined ? all[0] : choose(all, namespace, name)
  if (found === undefined) throw await missing(kube, choice, all)
}

async function find(
  kube: Kube,
  { namespace, name, clusterDomain }: DatacenterChoice,
): Promise<{ found?: Datacenter; all: CassandraDatacenterObject[] }> {
  // Concurrently: the labels are the same for every datacenter, and objects of other datacenters are filtered out.
  const [all, statefulSets, pods] = await Promise.all([
    datacentersOf(kube, namespace, name),
    // Without permission to list StatefulSets, the pods still have their subdomain.
    unless('CSNI203', kube.list<StatefulSet>(STATEFUL_SET, { namespace, labelSelector: DATACENTER_LABEL })),
    kube.list<Pod>(POD, { namespace, labelSelector: DATACENTER_LABEL, keep: withReadFields }),
  ])
  const cr = choose(all, namespace, name)
  if (cr === undefined) return { all }
  const objects = { ...(await withConfigSecret(kube, cr)), statefulSets, pods, clusterDomain }
  const first = datacenterFrom(objects)
  const doubtful = first.nodes.filter((node) => node.hostIdProblem !== undefined)
  if (doubtful.length === 0) return { found: first, all }
  if (first.managementAuth === 'certificate') {
    const skipped = 'the management API requires a client certificate'
    const nodes = first.nodes.map((node) =>
      node.hostIdProblem === undefined ? node : { ...node, hostIdProblem: `${node.hostIdProblem}; ${skipped}` },
    )
    return { found: { ...first, nodes }, all }
  }
  const answers = await readHostIds(
    kube,
    namespace,
    doubtful.map(({ pod }) => pod),
  )
  return { found: answers.size === 0 ? first : datacenterFrom({ ...objects, answers }), all }
}

/**
 * Lists the CassandraDatacenters of a namespace, or of all. Throws CSNI305 if the API server does not serve them,
 * CSNI203 without permission.
 */
export async function listDatacenters(kube: Kube, namespace?: string): Promise<CassandraDatacenterObject[]> {
  try {
    return await kube.list<CassandraDatacenterObject>(CASSANDRA_DATACENTER, { namespace })
  } catch (error) {
    if (!(error instanceof CassSniError) || error.code !== 'CSNI205') throw error
    throw new CassSniError('CSNI305', 'cass-operator is not installed (no CassandraDatacenter CRD)', {
      object: 'customresourcedefinition/cassandradatacenters.cassandra.datastax.com',
      next: [command`kubectl cass-sni install`],
      cause: error,
    })
  }
}

async function datacentersOf(
  kube: Kube,
  namespace: string,
  name: string | undefined,
): Promise<CassandraDatacenterObject[]> {
  try {
    return await listDatacenters(kube, namespace)
  } catch (error) {
    // A role may grant access to one datacenter by name.
    if (!(error instanceof CassSniError) || error.code !== 'CSNI203' || name === undefined) throw error
    const one = await kube.get<CassandraDatacenterObject>(CASSANDRA_DATACENTER, name, namespace)
    return one === undefined ? [] : [one]
  }
}

function choose(
  all: CassandraDatacenterObject[],
  namespace: string,
  name: string | undefined,
): CassandraDatacenterObject | undefined {
  if (name !== undefined) {
    const exact = all.find((cr) => cr.metadata.name === name)
    if (exact !== undefined) return exact
  }
  const candidates = name === undefined ? all : all.filter((cr) => cr.spec?.datacenterName === name)
  if (candidates.length <= 1) return candidates[0]
  const names = candidates.map((cr) => cr.metadata.name).sort()
  throw new CassSniError(
    'CSNI105',
    `more than one CassandraDatacenter in namespace ${namespace}: ${names.join(', ')}`,
    {
      object: `cassandradatacenters in namespace ${namespace}`,
      next: names.map((each) => again`--datacenter ${each}`),
    },
  )
}

/**
 * Returns the datacenter with its configuration. With `spec.configSecret` that is in key `config` of a Secret, and
 * `spec.config` is ignored (k8ssandra/cass-operator pkg/reconciliation/reconcile_configsecret.go). Without permission
 * to read the Secret it is unknown.
 */
async function withConfigSecret(
  kube: Kube,
  cr: CassandraDatacenterObject,
): Promise<{ cr: CassandraDatacenterObject; configurationHidden?: CassSniError }> {
  const name = cr.spec?.configSecret
  if (name === undefined || name === '' || cr.metadata.namespace === undefined) return { cr }
  const object = `secret/${name} in namespace ${cr.metadata.namespace}`
  const answer = await kube.get<Secret>(SECRET, name, cr.metadata.namespace).catch((error: unknown) => {
    if (error instanceof CassSniError && error.code === 'CSNI203') return error
    throw error
  })
  const text = answer instanceof CassSniError ? undefined : answer?.data?.config
  if (text !== undefined)
    return { cr: { ...cr, spec: { ...cr.spec, config: Buffer.from(text, 'base64').toString('utf8') } } }
  const problem = answer === undefined ? `${object} not found` : `${object}: missing key "config"`
  const configurationHidden =
    answer instanceof CassSniError
      ? answer
      : new CassSniError('CSNI204', `${problem} (spec.configSecret of datacenter ${cr.metadata.name})`, {
          object,
          next: [command`kubectl -n ${cr.metadata.namespace} describe cassandradatacenter ${cr.metadata.name}`],
        })
  return { cr: { ...cr, spec: { ...cr.spec, config: undefined } }, configurationHidden }
}

async function missing(
  kube: Kube,
  { namespace, name }: DatacenterChoice,
  inNamespace: CassandraDatacenterObject[],
): Promise<CassSniError> {
  if (name !== undefined && inNamespace.length > 0) {
    const names = inNamespace.map((cr) => cr.metadata.name).sort()
    return new CassSniError(
      'CSNI301',
      `cassandradatacenter/${name} not found in namespace ${namespace} (available: ${names.join(', ')})`,
      {
        object: `cassandradatacenter/${name} in namespace ${namespace}`,
        next: names.map((each) => again`--datacenter ${each}`),
      },
    )
  }
  const [everywhere, exists] = await Promise.all([
    unless('CSNI203', kube.list<CassandraDatacenterObject>(CASSANDRA_DATACENTER)).then((listed) => listed ?? []),
    unless(
      'CSNI203',
      kube.get(NAMESPACE, namespace).then((found) => found !== undefined),
    ).then((found) => found ?? true),
  ])
  const elsewhere = everywhere.map((cr) => `${cr.metadata.namespace}/${cr.metadata.name}`).sort()
  const others =
    elsewhere.length === 0
      ? ''
      : ` (available elsewhere: ${elsewhere.slice(0, 5).join(', ')}${elsewhere.length > 5 ? ', …' : ''})`
  const next =
    elsewhere.length === 0
      ? [command`kubectl cass-sni install -n ${namespace}`]
      : [...new Set(everywhere.map((cr) => cr.metadata.namespace ?? ''))]
          .sort()
          .slice(0, 5)
          .map((each) => again`-n ${each}`)
  if (!exists)
    return new CassSniError('CSNI204', `namespace/${namespace} not found${others}`, {
      object: `namespace/${namespace}`,
      next,
    })
  const what = name === undefined ? 'no CassandraDatacenter found' : `cassandradatacenter/${name} not found`
  return new CassSniError('CSNI301', `${what} in namespace ${namespace}${others}`, {
    object: `cassandradatacenters in namespace ${namespace}`,
    next,
  })
}
