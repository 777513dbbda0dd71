/** Which listeners of the Gateway API are served by the same gateway and port as our routes. Pure. */
import type { KubeObject } from '../cluster/kube.ts'
import { GATEWAY_API_GROUP } from '../cluster/resources.ts'
import {
  gatewayOfListenerSet,
  type Listener,
  listenersOf,
  parentRefs,
  refersTo,
  textOf,
} from '../gateway-api/gateway-objects.ts'
import { GATEWAY_NAME_LABEL } from '../istio/gateways.ts'
import type { IngressGateway } from '../istio/mesh.ts'
import type { ConflictScope } from './conflict.ts'

/** A listener on our port, of a Gateway or a ListenerSet. */
export interface SharedListener {
  parent: KubeObject
  listener: Listener
}

/** Returns the listeners on our port that the pods of our gateway serve, including the one of these routes. */
export function sharedListeners({ gateway, gatewayApi, port }: ConflictScope): SharedListener[] {
  const shared = gatewayApi.gateways.filter((each) => isServedBy(each, gateway))
  const names = new Set(shared.map(({ metadata: { namespace = '', name } }) => textOf({ namespace, name })))
  const sets = gatewayApi.listenerSets.filter((each) => {
    const parent = gatewayOfListenerSet(each)
    return parent !== undefined && names.has(textOf(parent))
  })
  return [...shared, ...sets].flatMap((parent) =>
    listenersOf(parent).flatMap((listener) => (listener.port === port ? [{ parent, listener }] : [])),
  )
}

/** Whether a route refers to the listener, by name, by port, or to all listeners of its parent. */
export function attachesTo(route: KubeObject, { parent, listener }: SharedListener): boolean {
  const { namespace = '' } = route.metadata
  const { kind, metadata, apiVersion } = parent
  const to = { kind, group: apiVersion.split('/')[0] ?? GATEWAY_API_GROUP, name: metadata.name }
  return parentRefs(route).some(
    (reference) =>
      refersTo(reference, namespace, { ...to, namespace: metadata.namespace ?? '' }) &&
      (reference.sectionName === undefined || reference.sectionName === listener.name) &&
      (reference.port === undefined || reference.port === listener.port),
  )
}

/** Whether the pods serve this Gateway: the selected one, the one they were created for, or one bound to them. */
function isServedBy({ metadata, spec }: KubeObject, gateway: IngressGateway): boolean {
  const { namespace = '', name } = metadata
  if (gateway.resource === textOf({ namespace, name })) return true
  const created = gateway.pods.some(({ labels }) => labels?.[GATEWAY_NAME_LABEL] === name)
  if (created && namespace === gateway.namespace) return true
  const { addresses = [] } = (spec ?? {}) as { addresses?: { type?: string; value?: string }[] }
  return addresses.some(
    ({ type, value = '' }) =>
      type === 'Hostname' && `${value}.`.startsWith(`${gateway.service}.${gateway.namespace}.svc.`),
  )
}
