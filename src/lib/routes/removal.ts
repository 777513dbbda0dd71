/** Plans the removal of a datacenter's routes. Pure. */
import type { Datacenter } from '../cassandra/datacenter.ts'
import { changeSet, type Listed } from '../changes/change-plan.ts'
import type { ChangeSet, Desired } from '../changes/changeset.ts'
import { FIELD_MANAGER, managerOf, routesManagerSuffix } from '../changes/ownership.ts'
import type { KubeObject, ResourceType } from '../cluster/kube.ts'
import { SERVICE } from '../cluster/resources.ts'
import { type CassSniError, hint } from '../errors.ts'
import type { WorkflowEvent } from '../events.ts'
import type { IngressGateway } from '../istio/mesh.ts'
import { releasedPort } from './backends/objects.ts'
import { formerPorts } from './former-ports.ts'
import type { Observation } from './observation.ts'

export interface RemovalObservation extends Pick<Observation, 'hidden'> {
  types: Record<'gateway' | 'virtualService' | 'apiGateway' | 'tlsRoute', ResourceType>
  /** It may no longer exist. */
  datacenter: Owner
  /** The managed objects of the datacenter. */
  services: KubeObject[]
  gateways: KubeObject[]
  virtualServices: KubeObject[]
  apiGateways: KubeObject[]
  tlsRoutes: KubeObject[]
  backendObjects: readonly Listed[]
  /** Every ingress gateway that is visible. */
  ingressGateways: readonly IngressGateway[]
  /** The gateway of the routes, "namespace/service", if it cannot be read, and why: its port stays open. */
  hiddenGateway?: { gateway: string; refusal: CassSniError } | undefined
  /** Gateways of the cluster, by which the ports of other datacenters are recognized. */
  allGateways: KubeObject[]
}

type Owner = Pick<Datacenter, 'name' | 'namespace'>

/** Returns the warning that the port of a gateway that cannot be read stays open. */
export function openPortWarning({ hiddenGateway, datacenter }: RemovalObservation): WorkflowEvent[] {
  if (hiddenGateway === undefined) return []
  const { gateway, refusal } = hiddenGateway
  const message = `the port of datacenter ${datacenter.name} on gateway ${gateway} stays open: ${refusal.message}`
  const next = [...refusal.next, hint('rerun the command with permission to change the gateway Service')]
  return [{ type: 'warning', code: refusal.code, message, next }]
}

/** Closes the datacenter's ports on the ingress gateways, then deletes its objects, the routes first. */
export function planRemoval(observation: RemovalObservation): ChangeSet {
  const { datacenter, types, ingressGateways, allGateways, hidden } = observation
  const ports = ingressGateways.flatMap((gateway): Desired[] => {
    if (!holdsPort(gateway, datacenter)) return []
    const former = formerPorts({ datacenter, gateway, gateways: allGateways, hidden })
    return [{ ...releasedPort(datacenter, gateway), former }]
  })
  return changeSet([ports], () => undefined, [
    { type: SERVICE, objects: observation.services },
    ...observation.backendObjects,
    { type: types.gateway, objects: observation.gateways },
    { type: types.virtualService, objects: observation.virtualServices },
    { type: types.apiGateway, objects: observation.apiGateways },
    { type: types.tlsRoute, objects: observation.tlsRoutes },
  ])
}

function holdsPort({ object }: IngressGateway, datacenter: Owner): boolean {
  // version 0.1 applied without a suffix
  const managers = [managerOf(routesManagerSuffix(datacenter)), FIELD_MANAGER]
  return object?.metadata.managedFields?.some((entry) => managers.includes(entry.manager ?? '')) === true
}
