/** `routes delete`: deletes the routes of a datacenter and closes the port that they opened. */
import { applyChanges, retryOvertaken } from '../changes/apply.ts'
import { changesIn } from '../changes/change-plan.ts'
import { FIELD_MANAGER, MANAGED_BY_LABEL } from '../changes/ownership.ts'
import type { KubeObject } from '../cluster/kube.ts'
import { listVisible } from '../cluster/list-visible.ts'
import { displayName, ISTIO_GATEWAY, SERVICE, VIRTUAL_SERVICE } from '../cluster/resources.ts'
import { unless } from '../cluster/unless.ts'
import { again, CassSniError } from '../errors.ts'
import type { ChangeRecord, Emit } from '../events.ts'
import { nameOf } from '../istio/gateways.ts'
import type { IngressGateway } from '../istio/mesh.ts'
import { readGateway } from '../istio/find-gateway.ts'
import { observeMesh } from '../istio/observe-mesh.ts'
import { choicesFrom } from '../routes/choices.ts'
import { planRemoval, type RemovalObservation } from '../routes/removal.ts'
import { counted } from '../text/counted.ts'
import { OWNER_LABEL } from '../text/own-keys.ts'
import type { WorkflowContext } from './context.ts'
import { listed } from '../text/listed.ts'
import { confirmChanges } from './confirm-changes.ts'

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
 * CSNI105 if several datacenters have routes, CSNI203 without permission to list or delete, CSNI902 if the user
 * declines.
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
    const observation = await observe(context, namespace, wanted)
    if (observation === undefined) return { dryRun: dryRun || undefined, namespace, deleted: 0, closed: [] }
    const changes = planRemoval(observation)
    if (!agreed)
      await confirm(
        context,
        observation,
        changesIn(changes).map(({ type, name }) => displayName(type, name)),
      )
    agreed = true
    const records = await applyChanges({ ...context, reported }, changes)
    return {
      dryRun: dryRun || undefined,
      datacenter: observation.datacenter.name,
      namespace,
      deleted: records.filter(({ action }) => action === 'pruned').length,
      closed: changesIn(changes)
        .filter(({ action }) => action === 'configured')
        .map((each) => `${each.namespace}/${each.name}`),
    }
  })
}

/** Reads the routes and the gateways; undefined without routes. */
async function observe(
  { kube, emit }: WorkflowContext,
  namespace: string,
  wanted: string | undefined,
): Promise<RemovalObservation | undefined> {
  const labelSelector = `${MANAGED_BY_LABEL}=${FIELD_MANAGER}`
  const managed = { namespace, labelSelector }
  const [services, gateways, virtualServices, all, mesh] = await Promise.all([
    kube.list(SERVICE, managed),
    // absent without Istio
    unless('CSNI205', kube.list(ISTIO_GATEWAY, managed)),
    unless('CSNI205', kube.list(VIRTUAL_SERVICE, managed)),
    unless('CSNI205', listVisible(kube, ISTIO_GATEWAY, { namespaces: [namespace] })),
    observeMesh(kube, { controlPlanes: false, apis: [] }),
  ])
  const objects = [...services, ...(gateways ?? []), ...(virtualServices ?? [])]
  const name = ownerAmong(objects, wanted, emit)
  if (name === undefined) return undefined
  const owned = (among: KubeObject[] = []) => among.filter((each) => each.metadata.labels?.[OWNER_LABEL] === name)
  const own = owned(gateways)
  const recorded = choicesFrom(own[0], []).gateway
  const ingressGateways: IngressGateway[] = [...mesh.gateways]
  if (recorded !== undefined && !ingressGateways.some((each) => nameOf(each) === recorded)) {
    const found = await readGateway(kube, mesh, recorded)
    if (found !== undefined) ingressGateways.push(found)
  }
  return {
    datacenter: { name, namespace },
    services: owned(services),
    gateways: own,
    virtualServices: owned(virtualServices),
    types: { gateway: ISTIO_GATEWAY, virtualService: VIRTUAL_SERVICE },
    ingressGateways,
    allGateways: all?.items ?? [],
    hidden: all?.refusal,
  }
}

/** The datacenter whose routes are meant. Throws CSNI105 if several have routes and none was named. */
function ownerAmong(objects: KubeObject[], wanted: string | undefined, emit: Emit): string | undefined {
  const owners = [...new Set(objects.flatMap(({ metadata }) => metadata.labels?.[OWNER_LABEL] ?? []))].sort()
  if (wanted !== undefined) {
    if (owners.includes(wanted)) return wanted
    if (owners.length > 0)
      emit({
        type: 'warning',
        message: `datacenter ${wanted} has no routes; datacenters with routes: ${listed(owners)}`,
      })
    return undefined
  }
  if (owners.length < 2) return owners[0]
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
