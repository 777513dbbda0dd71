/** `routes delete`: deletes the routes of a datacenter and closes the port that they opened. */
import { applyChanges, retryOvertaken } from '../changes/apply.ts'
import { changesIn } from '../changes/change-plan.ts'
import { FIELD_MANAGER, MANAGED_BY_LABEL, routesHolders } from '../changes/ownership.ts'
import type { Kube, KubeObject } from '../cluster/kube.ts'
import { listVisible } from '../cluster/list-visible.ts'
import { API_GATEWAY, displayName, ISTIO_GATEWAY, SERVICE, TLS_ROUTE, VIRTUAL_SERVICE } from '../cluster/resources.ts'
import { requireNamespace } from '../cluster/require-namespace.ts'
import { unless } from '../cluster/unless.ts'
import { again, CassSniError } from '../errors.ts'
import type { ChangeRecord, Emit } from '../events.ts'
import { servedTlsRoute } from '../gateway-api/observe-gateway-api.ts'
import { isCreatedForGateway, nameOf } from '../istio/gateways.ts'
import type { IngressGateway } from '../istio/mesh.ts'
import { readGateway } from '../istio/find-gateway.ts'
import { observeMesh } from '../istio/observe-mesh.ts'
import { choicesFrom } from '../routes/choices.ts'
import { listBackendObjects } from '../routes/gather.ts'
import { openPortWarning, planRemoval, type RemovalObservation } from '../routes/removal.ts'
import { counted } from '../text/counted.ts'
import { OWNER_LABEL } from '../text/own-keys.ts'
import type { WorkflowContext } from './context.ts'
import { listed } from '../text/listed.ts'
import { confirmChanges } from './confirm-changes.ts'
import { refuseFollowed } from './controller/live-controller.ts'

export interface RoutesDeleteOptions {
  /** metadata.name of the CassandraDatacenter, which may no longer exist; optional if only one has routes. */
  datacenter?: string | undefined
}

export interface RoutesDeleteResult {
  /** Nothing was written. */
  dryRun?: true | undefined
  /** Absent if no routes were found. */
  datacenter?: string | undefined
  namespace: string
  /** Deleted objects. */
  deleted: number
  /** Gateway Services, "namespace/service", whose port was closed. */
  closed: string[]
}

/**
 * Deletes the objects of a datacenter's routes, and releases its port on the ingress gateways; a port that another
 * datacenter or another program holds as well stays open. A second run writes nothing. Asks for confirmation. Throws
 * CSNI105 if several datacenters have routes, CSNI204 for a namespace that does not exist, CSNI514 if a controller
 * would create the routes again, CSNI203 without permission to list or delete, CSNI902 if the user declines.
 */
export async function deleteRoutes(
  context: WorkflowContext,
  { datacenter: wanted }: RoutesDeleteOptions,
): Promise<RoutesDeleteResult> {
  const { kube, signal, dryRun } = context
  const { namespace } = kube.target
  const reported = new Map<string, ChangeRecord>()
  let agreed = false
  return retryOvertaken(signal, async () => {
    const observation = chosenAmong(await observeRemovals(context.kube, namespace), wanted, context.emit)
    if (observation === undefined) {
      await requireNamespace(kube, namespace)
      return { dryRun: dryRun || undefined, namespace, deleted: 0, closed: [] }
    }
    await refuseFollowed(kube, [observation.datacenter])
    if (!agreed) for (const warning of openPortWarning(observation)) context.emit(warning)
    const changes = planRemoval(observation)
    if (!agreed)
      await confirm(
        context,
        observation,
        changesIn(changes).map(({ type, name }) => displayName(type, name)),
      )
    agreed = true
    await applyChanges({ ...context, reported }, changes)
    // of all attempts: what an earlier one has deleted is no longer planned
    const records = [...reported.values()]
    return {
      dryRun: dryRun || undefined,
      datacenter: observation.datacenter.name,
      namespace,
      deleted: records.filter(({ action }) => action === 'pruned').length,
      closed: records
        .filter(({ action }) => action === 'configured')
        .map((each) => `${each.namespace}/${each.object.replace('service/', '')}`),
    }
  })
}

/**
 * Reads the routes of every datacenter that has some, in one namespace or in all, with the gateways that they use.
 * Throws CSNI203 without permission to list them.
 */
export async function observeRemovals(kube: Kube, namespace: string | undefined): Promise<RemovalObservation[]> {
  const managed = { namespace, labelSelector: `${MANAGED_BY_LABEL}=${FIELD_MANAGER}` }
  const [services, gateways, virtualServices, all, mesh, apiGateways, tlsRoutes, backends] = await Promise.all([
    kube.list(SERVICE, managed),
    // absent without Istio
    unless('CSNI205', kube.list(ISTIO_GATEWAY, managed)),
    unless('CSNI205', kube.list(VIRTUAL_SERVICE, managed)),
    unless('CSNI205', listVisible(kube, ISTIO_GATEWAY, { namespaces: namespace === undefined ? [] : [namespace] })),
    observeMesh(kube, { controlPlanes: false, apis: [] }),
    // absent without the Gateway API
    unless('CSNI205', kube.list(API_GATEWAY, managed)),
    servedTlsRoute(kube).then(async (type) => ({ type, objects: type ? await kube.list(type, managed) : [] })),
    listBackendObjects(kube, namespace),
  ])
  const others = backends.map(({ objects }) => objects)
  const routes = [gateways, virtualServices, apiGateways, tlsRoutes.objects, ...others].flatMap((each = []) => each)
  const owned = (objects: KubeObject[] = [], owner: Owner) => objects.filter((each) => isOf(each, owner))
  return Promise.all(
    ownersOf([...services, ...routes], mesh.gateways, namespace).map(async (datacenter) => {
      const own = owned(gateways, datacenter)
      const recorded = choicesFrom({ gateway: own[0] }).gateway
      const ingressGateways: IngressGateway[] = [...mesh.gateways]
      let hiddenGateway: CassSniError | undefined
      if (recorded !== undefined && !ingressGateways.some((each) => nameOf(each) === recorded)) {
        const found = await readGateway(kube, mesh, recorded)
        if (found !== undefined) ingressGateways.push(found)
        else hiddenGateway = mesh.refused
      }
      return {
        hiddenGateway: hiddenGateway === undefined ? undefined : { gateway: recorded ?? '', refusal: hiddenGateway },
        datacenter,
        services: owned(services, datacenter),
        gateways: own,
        virtualServices: owned(virtualServices, datacenter),
        apiGateways: owned(apiGateways, datacenter),
        tlsRoutes: owned(tlsRoutes.objects, datacenter),
        backendObjects: backends.map(({ type, objects }) => ({ type, objects: owned(objects, datacenter) })),
        types: {
          gateway: ISTIO_GATEWAY,
          virtualService: VIRTUAL_SERVICE,
          apiGateway: API_GATEWAY,
          tlsRoute: tlsRoutes.type ?? TLS_ROUTE,
        },
        ingressGateways,
        allGateways: all?.items ?? [],
        hidden: all?.refusal,
      }
    }),
  )
}

type Owner = RemovalObservation['datacenter']

function isOf(object: KubeObject, { name, namespace }: Owner): boolean {
  const { labels, namespace: inside } = object.metadata
  return labels?.[OWNER_LABEL] === name && inside === namespace && !isCreatedForGateway(object)
}

/**
 * The datacenters to which these objects belong, or which hold a port of a gateway, by namespace and name. A port stays
 * when the objects were deleted with their CassandraDatacenter.
 */
function ownersOf(objects: KubeObject[], gateways: readonly IngressGateway[], within: string | undefined): Owner[] {
  const labeled = objects.flatMap(({ metadata: { namespace = '', labels } }): Owner[] => {
    const name = labels?.[OWNER_LABEL]
    return name === undefined ? [] : [{ name, namespace }]
  })
  const holders = gateways
    .flatMap(({ object }) => (object === undefined ? [] : routesHolders(object)))
    .filter(({ namespace }) => within === undefined || namespace === within)
  const owners = new Map([...labeled, ...holders].map((owner) => [`${owner.namespace}/${owner.name}`, owner]))
  return [...owners].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, owner]) => owner)
}

/** The datacenter whose routes are meant. Throws CSNI105 if several have routes and none was named. */
function chosenAmong(
  found: RemovalObservation[],
  wanted: string | undefined,
  emit: Emit,
): RemovalObservation | undefined {
  const owners = found.map(({ datacenter }) => datacenter.name)
  if (wanted !== undefined) {
    const one = found.find(({ datacenter }) => datacenter.name === wanted)
    if (one === undefined && owners.length > 0)
      emit({
        type: 'warning',
        message: `datacenter ${wanted} has no routes; datacenters with routes: ${listed(owners)}`,
      })
    return one
  }
  if (owners.length < 2) return found[0]
  throw new CassSniError('CSNI105', `${owners.length} datacenters have routes: ${owners.join(', ')}`, {
    next: owners.slice(0, 3).map((owner) => again`--datacenter ${owner}`),
  })
}

async function confirm(context: WorkflowContext, { datacenter }: RemovalObservation, names: string[]): Promise<void> {
  if (context.dryRun || names.length === 0) return
  const details = [
    `${counted(names.length, 'object')} to be changed or deleted: ${listed(names, 5)}`,
    `Clients of datacenter ${datacenter.name} will be disconnected.`,
  ]
  await confirmChanges(context.ask, details, again`--dry-run`)
}
