/** Objects of the Gateway API as a controller leaves them. */
import type { KubeObject } from '../../../src/lib/cluster/kube.ts'
import type { Condition, Listener } from '../../../src/lib/gateway-api/gateway-objects.ts'

export const PASSTHROUGH: Listener = {
  name: 'tls',
  port: 9042,
  protocol: 'TLS',
  tls: { mode: 'Passthrough' },
  allowedRoutes: { namespaces: { from: 'All' } },
}

export function condition(type: string, status = 'True', reason = '', message = ''): Condition {
  return { type, status, reason, message, observedGeneration: 1 }
}

export function apiGateway(
  namespace: string,
  name: string,
  listeners: Listener[],
  labels: Record<string, string> = {},
): KubeObject {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { namespace, name, labels, generation: 1 },
    spec: { gatewayClassName: 'istio', listeners },
  }
}

/** With the status of a Gateway that serves this number of routes. */
export function programmed(gateway: KubeObject, attachedRoutes: number): KubeObject {
  const conditions = [condition('Accepted'), condition('Programmed')]
  const listeners = (gateway.spec as { listeners: Listener[] }).listeners
  return {
    ...gateway,
    status: { conditions, listeners: listeners.map(({ name }) => ({ name, attachedRoutes, conditions })) },
  }
}

export interface RouteShape {
  namespace?: string
  gateway: string
  hostnames: string[]
  sectionName?: string
  labels?: Record<string, string>
}

/** A TLSRoute to the Gateway "namespace/name". */
export function tlsRoute(name: string, shape: RouteShape): KubeObject {
  const { namespace = 'cass-operator', gateway, hostnames, sectionName, labels = {} } = shape
  const [parentNamespace, parent] = gateway.split('/')
  const reference = { group: 'gateway.networking.k8s.io', kind: 'Gateway', namespace: parentNamespace, name: parent }
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'TLSRoute',
    metadata: { namespace, name, labels, generation: 1 },
    spec: { parentRefs: [{ ...reference, ...(sectionName && { sectionName }) }], hostnames, rules: [] },
  }
}

/** With these conditions for its parent; default: served. */
export function accepted(
  route: KubeObject,
  conditions: Condition[] = [condition('Accepted'), condition('ResolvedRefs')],
): KubeObject {
  const { parentRefs } = route.spec as { parentRefs: object[] }
  const parents = parentRefs.map((parentRef) => ({ parentRef, controllerName: 'example.com/controller', conditions }))
  return { ...route, status: { parents } }
}

export function gatewayClass(
  name: string,
  status = 'True',
  controllerName = 'istio.io/gateway-controller',
): KubeObject {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'GatewayClass',
    metadata: { name },
    spec: { controllerName },
    status: { conditions: [condition('Accepted', status)] },
  }
}
