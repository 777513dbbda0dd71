/** The changes from the live to the desired objects of the routes. Pure. */
import type { Datacenter } from '../cassandra/datacenter.ts'
import { changeSet } from '../changes/change-plan.ts'
import type { ChangeSet, Desired } from '../changes/changeset.ts'
import { isManaged } from '../changes/ownership.ts'
import type { KubeObject, ResourceType } from '../cluster/kube.ts'
import { API_GATEWAY, SERVICE, TLS_ROUTE } from '../cluster/resources.ts'
import { OWNER_LABEL, POD_LABEL } from '../text/own-keys.ts'
import type { DesiredRoutes } from './backends/backend.ts'
import { releasedPort } from './backends/objects.ts'
import type { Observation } from './observation.ts'

/** All changes, those before the first that removes something, and the rest. */
export interface RouteChanges {
  changes: ChangeSet
  first: ChangeSet
  rest: ChangeSet
}

/** Compares the desired objects with the live ones; `owned` are the Services of this datacenter's routes. */
export function changesOf(observation: Observation, routes: DesiredRoutes, owned: KubeObject[]): RouteChanges {
  const { datacenter, types, gateways, virtualServices, services, previous, gatewayApi, backendObjects } = observation
  const tlsRoute = gatewayApi.tlsRoute ?? TLS_ROUTE
  const nodes = new Set(datacenter.nodes.map(({ pod }) => pod))
  // Nodes that are not visible may still exist.
  const gone = (objects: KubeObject[]) =>
    datacenter.complete ? objects : objects.filter(({ metadata }) => nodes.has(metadata.labels?.[POD_LABEL] ?? ''))
  const known = new Map(
    [
      ...services.map((object) => [SERVICE, object] as const),
      ...gateways.map((object) => [types.gateway, object] as const),
      ...virtualServices.map((object) => [types.virtualService, object] as const),
      ...gatewayApi.gateways.map((object) => [API_GATEWAY, object] as const),
      ...gatewayApi.tlsRoutes.map((object) => [tlsRoute, object] as const),
      ...backendObjects.flatMap(({ type, objects }) => objects.map((object) => [type, object] as const)),
    ].map(([type, object]) => [keyOf(type, object), object] as const),
  )
  const released = previous === undefined ? [] : [[releasedPort(datacenter, previous)]]
  const liveOf = ({ type, object }: Desired) => known.get(keyOf(type, object))
  const changes = changeSet([...routes.stages, ...released], liveOf, [
    { type: SERVICE, objects: gone(owned) },
    ...backendObjects.map(({ type, objects }) => ({ type, objects: gone(within(objects, datacenter)) })),
    { type: types.gateway, objects: within(gateways, datacenter) },
    { type: types.virtualService, objects: within(virtualServices, datacenter) },
    { type: API_GATEWAY, objects: within(gatewayApi.gateways, datacenter) },
    { type: tlsRoute, objects: gone(within(gatewayApi.tlsRoutes, datacenter)) },
  ])
  // a change set has no empty stages
  const count = routes.stages.filter((stage) => stage.length > 0).length
  const { stages } = changes
  return { changes, first: { stages: stages.slice(0, count) }, rest: { stages: stages.slice(count) } }
}

/** Returns the objects of this datacenter's routes. */
export function within(objects: readonly KubeObject[], datacenter: Datacenter): KubeObject[] {
  return objects.filter((each) => each.metadata.namespace === datacenter.namespace && belongsTo(each, datacenter))
}

/** Returns whether an object of the datacenter's namespace is one of its routes. */
export function belongsTo(object: KubeObject, datacenter: Datacenter): boolean {
  return isManaged(object) && object.metadata.labels?.[OWNER_LABEL] === datacenter.name
}

function keyOf(type: ResourceType, { metadata }: KubeObject): string {
  return `${type.group}/${type.kind} ${metadata.namespace}/${metadata.name}`
}
