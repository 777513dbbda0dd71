/**
 * The parts of Gateway, ListenerSet and TLSRoute that this program reads (kubernetes-sigs/gateway-api apis/v1). Pure.
 * The API server has validated them against the schema of their CustomResourceDefinitions.
 */
import type { KubeObject } from '../cluster/kube.ts'
import type { LabelSelector } from '../cluster/label-selector.ts'
import { GATEWAY_API_GROUP } from '../cluster/resources.ts'

/** A name in a namespace. */
export interface ResourceName {
  namespace: string
  name: string
}

export interface Listener {
  name: string
  port: number
  protocol: string
  hostname?: string | undefined
  tls?: { mode?: string } | undefined
  allowedRoutes?:
    | {
        namespaces?: { from?: string; selector?: LabelSelector }
        kinds?: { group?: string; kind: string }[]
      }
    | undefined
}

/** A reference from a route to a Gateway, or to a ListenerSet. */
export interface ParentRef {
  group?: string | undefined
  kind?: string | undefined
  namespace?: string | undefined
  name: string
  sectionName?: string | undefined
  port?: number | undefined
}

/** A condition of a status (k8s.io/apimachinery pkg/apis/meta/v1). */
export interface Condition {
  type: string
  status: string
  reason?: string
  message?: string
  observedGeneration?: number
}

export interface GatewayStatus {
  addresses?: { value: string }[]
  conditions?: Condition[]
  listeners?: { name: string; attachedRoutes?: number; conditions?: Condition[] }[]
}

export interface RouteStatus {
  parents?: { parentRef: ParentRef; controllerName: string; conditions?: Condition[] }[]
}

/** Returns the listeners of a Gateway or ListenerSet. */
export function listenersOf({ spec }: KubeObject): Listener[] {
  return (spec as { listeners?: Listener[] } | undefined)?.listeners ?? []
}

/** Returns the status of a Gateway; empty before a controller has written it. */
export function gatewayStatus({ status }: KubeObject): GatewayStatus {
  return (status as GatewayStatus | undefined) ?? {}
}

/** Returns the parents of a route. */
export function parentRefs({ spec }: KubeObject): ParentRef[] {
  return (spec as { parentRefs?: ParentRef[] } | undefined)?.parentRefs ?? []
}

/** Returns the hostnames of a route, in lower case. */
export function hostnamesOf({ spec }: KubeObject): string[] {
  return ((spec as { hostnames?: string[] } | undefined)?.hostnames ?? []).map((name) => name.toLowerCase())
}

/** Returns the Gateway that a ListenerSet adds listeners to. */
export function gatewayOfListenerSet({ metadata, spec }: KubeObject): ResourceName | undefined {
  const parent = (spec as { parentRef?: ParentRef } | undefined)?.parentRef
  return parent === undefined
    ? undefined
    : { namespace: parent.namespace ?? metadata.namespace ?? '', name: parent.name }
}

/** Returns whether a reference of an object in `namespace` is to this object; the kind defaults to Gateway. */
export function refersTo(
  { group = GATEWAY_API_GROUP, kind = 'Gateway', name, namespace }: ParentRef,
  from: string,
  to: ResourceName & { kind?: string; group?: string },
): boolean {
  return (
    kind === (to.kind ?? 'Gateway') &&
    group === (to.group ?? GATEWAY_API_GROUP) &&
    name === to.name &&
    (namespace ?? from) === to.namespace
  )
}

/** "namespace/name". */
export function textOf({ namespace, name }: ResourceName): string {
  return `${namespace}/${name}`
}
