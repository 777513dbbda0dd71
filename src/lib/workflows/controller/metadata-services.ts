/** The metadata services that `routes controller install` runs: which ones, their certificates and their routes. */
import { authorityLocation, readAuthorityMaterial } from '../../cassandra/authority-secret.ts'
import type { Datacenter } from '../../cassandra/datacenter.ts'
import { observeDatacenter } from '../../cassandra/observe-datacenter.ts'
import { parseAuthority, requireUsable } from '../../certificates/certificate-authority.ts'
import { gatherKeystore } from '../../certificates/gather/gather-material.ts'
import { readAuthorities } from '../../certificates/gather/read-authorities.ts'
import { type IssuerReference, issuerIn, issuerText } from '../../certificates/issuer-reference.ts'
import { coverage } from '../../certificates/policies.ts'
import { retryOvertaken } from '../../changes/apply.ts'
import type { Kube, KubeObject } from '../../cluster/kube.ts'
import { CASSANDRA_DATACENTER, DEPLOYMENT, SECRET } from '../../cluster/resources.ts'
import type { Deployment } from '../../cluster/workloads.ts'
import { again, CassSniError, command, hint } from '../../errors.ts'
import { parseMetadataName } from '../../routes/additional-names.ts'
import { listed } from '../../text/listed.ts'
import { OWNER_LABEL } from '../../text/own-keys.ts'
import { metadataSecretName, reconcileMetadataSecret } from '../certs/metadata-secret.ts'
import { clusterTime } from '../cluster-time.ts'
import type { WorkflowContext } from '../context.ts'
import { syncRoutes } from '../routes-sync-workflow.ts'
import { controllerSelector } from './controller-objects.ts'
import { METADATA_NAME_VARIABLE, type MetadataService } from './controller-pods.ts'
import type { ControllerScope } from './live-controller.ts'

/** Reads the installed ones. Throws CSNI203 without permission to list Deployments in all namespaces. */
export async function installedMetadata(kube: Kube, controllerNamespace: string): Promise<MetadataService[]> {
  const deployments = await kube.list<Deployment>(DEPLOYMENT, {
    labelSelector: controllerSelector(controllerNamespace),
  })
  return deployments.flatMap(({ metadata: { namespace = '', labels = {} }, spec }): MetadataService[] => {
    const env = spec?.template?.spec?.containers[0]?.env ?? []
    const name = env.find((each) => each.name === METADATA_NAME_VARIABLE)?.value
    const datacenter = labels[OWNER_LABEL]
    return name === undefined || datacenter === undefined ? [] : [{ namespace, datacenter, name }]
  })
}

/**
 * Returns the desired ones: those installed in the scope, with the changes of the command line, each "NAME" or
 * "DATACENTER=NAME"; an empty name removes the service. Throws CSNI101 for an invalid name, or several of a datacenter,
 * CSNI301 for a datacenter outside the scope, CSNI105 if a name without a datacenter can belong to several.
 */
export async function desiredMetadata(
  kube: Kube,
  texts: readonly string[],
  scope: ControllerScope,
  installed: readonly MetadataService[],
): Promise<MetadataService[]> {
  const followed = await followedDatacenters(kube, scope)
  const isFollowed = (one: MetadataService) =>
    followed.some(({ metadata }) => metadata.name === one.datacenter && metadata.namespace === one.namespace)
  const changed = texts.map((text): MetadataService => {
    const [first = '', second] = text.split('=')
    const name = parseMetadataName(second ?? first)
    const { metadata } = datacenterOf(followed, second === undefined ? undefined : first, text)
    return { namespace: metadata.namespace ?? '', datacenter: metadata.name, name }
  })
  for (const [index, one] of changed.entries()) {
    const other = changed.slice(0, index).find((each) => isSame(one, each))
    if (other !== undefined) throw severalNames(one, [other.name, one.name])
  }
  const kept = installed.filter((one) => isFollowed(one) && !changed.some((other) => isSame(one, other)))
  return [...kept, ...changed.filter(({ name }) => name !== '')]
}

function severalNames({ namespace, datacenter }: MetadataService, names: string[]): CassSniError {
  const object = `cassandradatacenter/${datacenter} in namespace ${namespace}`
  return new CassSniError(
    'CSNI101',
    `--metadata-name: more than one name for datacenter ${datacenter}: ${listed(names)}`,
    {
      object,
      next: [hint('specify one name per datacenter')],
    },
  )
}

/** Returns whether both are services of the same datacenter. */
export function isSame(one: MetadataService, other: MetadataService): boolean {
  return one.datacenter === other.datacenter && one.namespace === other.namespace
}

/** Throws what planning the routes with these names throws: a conflict, or a name that nodes have. Writes nothing. */
export async function refuseConflicts(context: WorkflowContext, services: readonly MetadataService[]): Promise<void> {
  for (const service of services) await routeMetadata({ ...context, dryRun: true, emit: () => undefined }, service)
}

/** Issues the certificate of a service if it is missing or due. Throws as `reconcileMetadataSecret`, and CSNI401. */
export async function certifyMetadata(
  context: WorkflowContext,
  { namespace, datacenter, name }: MetadataService,
): Promise<void> {
  const { kube, signal } = context
  await retryOvertaken(signal, async () => {
    const dc = await observeDatacenter(kube, { namespace, name: datacenter })
    const location = authorityLocation(dc)
    const [stored, authorities] = await Promise.all([readAuthorityMaterial(kube, dc), readAuthorities(kube, dc)])
    const issuer = issuerIn(stored.key)
    if (issuer !== undefined) throw withIssuer(dc, issuer)
    const authority = parseAuthority(stored.certificate, stored.key, location)
    const now = clusterTime(context)
    const warning = requireUsable(authority.path, now, location)
    if (warning !== undefined) context.emit({ type: 'warning', code: 'CSNI402', message: warning })
    await reconcileMetadataSecret(context, name, { dc, authority, authorities, now })
  })
}

/** The key of the CA is not in the cluster, or not for this program to use. */
function withIssuer({ name, namespace }: Datacenter, issuer: IssuerReference): CassSniError {
  const object = `cassandradatacenter/${name} in namespace ${namespace}`
  return new CassSniError(
    'CSNI401',
    `metadata service of datacenter ${name}: not supported while ${issuerText(issuer)} signs the node certificates`,
    {
      object,
      next: [
        hint('clients show and bundle serve require no metadata service'),
        hint("certs rotate-ca switches back to a CA whose key is in cass-operator's Secret"),
      ],
    },
  )
}

/** Adds the route of a service. Throws as `syncRoutes`. */
export async function routeMetadata(
  context: WorkflowContext,
  { namespace, datacenter, name }: MetadataService,
): Promise<void> {
  await syncRoutes(context, { namespace, datacenter, metadataName: name })
}

/** Removes the route of a service, unless the datacenter no longer exists. Throws as `syncRoutes`. */
export async function removeMetadataRoute(
  context: WorkflowContext,
  { namespace, datacenter }: MetadataService,
): Promise<void> {
  const exists = (await context.kube.get(CASSANDRA_DATACENTER, datacenter, namespace)) !== undefined
  if (exists) await syncRoutes(context, { namespace, datacenter, metadataName: '' })
}

/** Warns if the nodes' certificate lacks the name, which drivers with a secure connect bundle verify. */
export async function warnOfMissingName(
  { kube, emit }: WorkflowContext,
  { namespace, datacenter, name }: MetadataService,
): Promise<void> {
  const dc = await observeDatacenter(kube, { namespace, name: datacenter })
  const { keystore } = await gatherKeystore(kube, dc, { replaceKeystore: true })
  if (coverage(keystore.current?.leaf.names ?? [])(name)) return
  emit({
    type: 'warning',
    message: `the certificate of datacenter ${datacenter} lacks ${name}, which drivers with a bundle verify`,
    next: [command`kubectl cass-sni certs -n ${namespace} -d ${datacenter}`],
  })
}

/** Returns the certificates of services that are removed, to be pruned. Throws CSNI203 without permission. */
export async function metadataSecrets(kube: Kube, services: readonly MetadataService[]): Promise<KubeObject[]> {
  const read = services.map(({ namespace, datacenter }) =>
    kube.get(SECRET, metadataSecretName({ name: datacenter }), namespace),
  )
  return (await Promise.all(read)).filter((secret) => secret !== undefined)
}

async function followedDatacenters(kube: Kube, { namespaces, datacenter }: ControllerScope): Promise<KubeObject[]> {
  const lists = await Promise.all(
    (namespaces ?? [undefined]).map((namespace) => kube.list(CASSANDRA_DATACENTER, { namespace })),
  )
  return lists.flat().filter(({ metadata }) => datacenter === undefined || metadata.name === datacenter)
}

function datacenterOf(followed: readonly KubeObject[], given: string | undefined, text: string): KubeObject {
  const names = followed.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).sort()
  const found = followed.filter(
    ({ metadata: { name, namespace } }) => given === undefined || given === name || given === `${namespace}/${name}`,
  )
  const [first, ...more] = found
  const available = names.length === 0 ? '' : ` (available: ${listed(names)})`
  const next = names.map((name) => again`--metadata-name ${`${name}=${text.replace(/^.*=/, '')}`}`)
  if (first === undefined) {
    const what = given === undefined ? 'no CassandraDatacenter' : `cassandradatacenter/${given} not`
    const where = 'found in the namespaces of the controller'
    throw new CassSniError('CSNI301', `--metadata-name ${text}: ${what} ${where}${available}`, { next })
  }
  if (more.length > 0)
    throw new CassSniError('CSNI105', `--metadata-name ${text}: more than one CassandraDatacenter${available}`, {
      next,
    })
  return first
}
