/** Reads the objects of the Kubernetes Gateway API, whichever versions of it are served. */
import type { Kube, KubeObject, ResourceType } from '../cluster/kube.ts'
import { listVisible } from '../cluster/list-visible.ts'
import { API_GATEWAY, apiVersionOf, LISTENER_SET, TLS_ROUTE, X_LISTENER_SET } from '../cluster/resources.ts'
import { unless } from '../cluster/unless.ts'
import type { CassSniError } from '../errors.ts'

export interface GatewayApi {
  /**
   * TLSRoute in the version to use: v1 if served, otherwise v1alpha2. Undefined if neither is. v1 is in the standard
   * channel of Gateway API 1.5 and later (kubernetes-sigs/gateway-api CHANGELOG/1.5-CHANGELOG.md).
   */
  tlsRoute?: ResourceType | undefined
  /** All visible ones. */
  gateways: KubeObject[]
  tlsRoutes: KubeObject[]
  /** ListenerSets and XListenerSets. */
  listenerSets: KubeObject[]
  /** The kinds of which not everything could be listed, with the CSNI203 error. */
  hidden: ReadonlyMap<string, CassSniError>
}

/** The Gateway API as seen in a cluster that does not serve it. */
export const NO_GATEWAY_API: GatewayApi = { gateways: [], tlsRoutes: [], listenerSets: [], hidden: new Map() }

/**
 * Reads everything from all namespaces or, without that permission, from `namespaces`. Returns an empty result if the
 * API is not installed.
 */
export async function observeGatewayApi(kube: Kube, namespaces: readonly string[]): Promise<GatewayApi> {
  // of another group: requested early to save a round trip
  const experimental = servedType(kube, X_LISTENER_SET)
  experimental.catch(() => undefined)
  if ((await servedType(kube, API_GATEWAY)) === undefined) return NO_GATEWAY_API
  const tlsRoute = await servedTlsRoute(kube)
  const list = async (type: ResourceType | undefined) => {
    if (type === undefined) return { items: [], hidden: [] }
    const { items, refusal } = await listVisible(kube, type, { namespaces })
    return { items, hidden: refusal === undefined ? [] : [[type.kind, refusal] as const] }
  }
  const [gateways, tlsRoutes, ...listenerSets] = await Promise.all([
    list(API_GATEWAY),
    list(tlsRoute),
    servedType(kube, LISTENER_SET).then(list),
    experimental.then(list),
  ])
  return {
    tlsRoute,
    gateways: gateways.items,
    tlsRoutes: tlsRoutes.items,
    listenerSets: listenerSets.flatMap(({ items }) => items),
    hidden: new Map([gateways, tlsRoutes, ...listenerSets].flatMap(({ hidden }) => hidden)),
  }
}

/** Returns TLSRoute in the version to use; undefined if it is not served. */
export async function servedTlsRoute(kube: Kube): Promise<ResourceType | undefined> {
  return (await servedType(kube, TLS_ROUTE)) ?? servedType(kube, { ...TLS_ROUTE, version: 'v1alpha2' })
}

async function servedType(kube: Kube, type: ResourceType): Promise<ResourceType | undefined> {
  const found = await unless('CSNI205', kube.resourceType(apiVersionOf(type), type.kind))
  return found === undefined ? undefined : type
}
