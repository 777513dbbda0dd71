/** A conflict with objects of others, what it is judged by, and the steps that resolve it. Pure. */
import type { Datacenter } from '../cassandra/datacenter.ts'
import type { KubeObject } from '../cluster/kube.ts'
import { displayName } from '../cluster/resources.ts'
import { command, type ErrorCode, hint, type NextStep } from '../errors.ts'
import type { GatewayApi } from '../gateway-api/observe-gateway-api.ts'
import { controlPlanesOf } from '../istio/gateways.ts'
import type { IngressGateway, Mesh } from '../istio/mesh.ts'
import type { ApiTarget, Backend } from './backends/backend.ts'
import { serversOf } from './live-routes.ts'

export interface ConflictScope {
  datacenter: Datacenter
  mesh: Pick<Mesh, 'istiods'>
  gateway: IngressGateway
  /** For API `gateway`. */
  target?: ApiTarget | undefined
  backend: Pick<Backend, 'byServerName' | 'clash' | 'fault'>
  port: number
  /** The server names to route. */
  serverNames: string[]
  /** The hosts of our Istio Gateway; empty without one. */
  hosts: string[]
  /** All visible Gateways and VirtualServices, including our own. */
  gateways: KubeObject[]
  virtualServices: KubeObject[]
  /** Where VirtualServices without `exportTo` apply; default: everywhere. */
  defaultExportTo?: readonly string[] | undefined
  gatewayApi: Pick<GatewayApi, 'gateways' | 'tlsRoutes' | 'listenerSets'>
  /** All visible AuthorizationPolicies. */
  authorizationPolicies: readonly KubeObject[]
  /** All Services of the datacenter's namespace. */
  services: readonly KubeObject[]
  /** True if the Gateways and VirtualServices of all namespaces were listed. */
  complete: boolean
  /** Routes of the datacenter exist already. */
  routed: boolean
}

export interface Conflict {
  code: Extract<ErrorCode, 'CSNI503' | 'CSNI504' | 'CSNI508' | 'CSNI512' | 'CSNI513'>
  message: string
  /** In kubectl's form, with its namespace. */
  object: string
  /** Non-destructive steps first; a deletion only of objects without other content. */
  next: NextStep[]
  /** Does not prevent applying the plan: only others are affected, or waiting would make it worse. */
  harmless?: boolean | undefined
}

/** Ports of Istio's own Envoy and agent (istio.io, Application Requirements, "Ports used by Istio"). */
export const RESERVED_PORTS: ReadonlySet<number> = new Set([
  15000, 15001, 15004, 15006, 15008, 15020, 15021, 15053, 15090,
])

/** Returns the next port of the gateway that is not known to be in use. */
export function freePort({ gateway, gateways, gatewayApi, port }: ConflictScope): number {
  const listeners = gatewayApi.gateways.flatMap(
    ({ spec }) => (spec as { listeners?: { port: number }[] } | undefined)?.listeners ?? [],
  )
  const taken = new Set([
    port,
    ...RESERVED_PORTS,
    ...gateway.ports.map((each) => each.port),
    ...gateways.flatMap((each) => serversOf(each).map((server) => server.port)),
    ...listeners.map((each) => each.port),
  ])
  let free = 9042
  while (taken.has(free)) free++
  return free
}

/**
 * Returns whether the gateway's control plane reads an Istio object: not one labeled for another revision (istio/istio
 * pilot/pkg/config/kube/crdclient). A label that matches no revision may be a tag, which selects any.
 */
export function isRead({ metadata }: KubeObject, { mesh, gateway }: Pick<ConflictScope, 'mesh' | 'gateway'>): boolean {
  const revision = metadata.labels?.['istio.io/rev']
  if (revision === undefined || !mesh.istiods.some((istiod) => istiod.revision === revision)) return true
  return controlPlanesOf(gateway, mesh).some((istiod) => istiod.revision === revision)
}

/** Returns the name of an object with its namespace, in kubectl's form. */
export function objectOf(object: KubeObject): string {
  return `${named(object)} in namespace ${object.metadata.namespace ?? ''}`
}

/** Returns the steps that edit an object of others. */
export function edits(object: KubeObject, why: string): NextStep[] {
  return [hint(`${why}:`), command`kubectl edit -n ${object.metadata.namespace ?? 'default'} ${named(object)}`]
}

/** Returns the kubectl commands that delete the objects, one per namespace. */
export function deletions(objects: KubeObject[]): NextStep[] {
  const byNamespace = new Map<string, string[]>()
  for (const object of objects) {
    const { namespace = 'default' } = object.metadata
    byNamespace.set(namespace, [...(byNamespace.get(namespace) ?? []), named(object)])
  }
  return [
    hint('or, if it is no longer needed:'),
    ...[...byNamespace].map(([namespace, names]) => command`kubectl delete -n ${namespace} ${names}`),
  ]
}

function named({ apiVersion, kind, metadata }: KubeObject): string {
  const [group = ''] = apiVersion.includes('/') ? apiVersion.split('/') : []
  return displayName({ group, version: '', kind, plural: '', namespaced: true }, metadata.name)
}
