/** The policies that may keep a gateway from its pods: what is neither a route nor a certificate, and breaks both. */
import type { Kube, KubeObject, ResourceType } from '../cluster/kube.ts'
import {
  AUTHORIZATION_POLICY,
  DESTINATION_RULE,
  NETWORK_POLICY,
  PEER_AUTHENTICATION,
  POD,
} from '../cluster/resources.ts'
import type { Pod } from '../cluster/workloads.ts'
import { CassSniError } from '../errors.ts'
import type { IngressGateway, Mesh } from './mesh.ts'

/** One policy that takes in the gateway's pods, or those behind it. */
export interface PolicyInTheWay {
  type: ResourceType
  name: string
  namespace: string
  /** Of a DestinationRule: those of the hosts that it is for. Undefined: it holds for pods, whatever the host. */
  hosts?: readonly string[] | undefined
}

export interface PolicyScope {
  mesh: Mesh
  gateway: IngressGateway
  /** The namespace of the pods behind the gateway, and what they are listed by. */
  namespace: string
  labelSelector: string
  /** The hosts that the routes send to: <service>.<namespace>.svc.<cluster domain>. */
  hosts: readonly string[]
}

type Labels = Record<string, string>
type Spec = {
  host?: unknown
  selector?: { matchLabels?: Labels }
  podSelector?: { matchLabels?: Labels }
  targetRefs?: unknown
}

/**
 * The DestinationRules for these hosts, and the AuthorizationPolicies, PeerAuthentications and NetworkPolicies that
 * select the gateway's pods or the pods behind it. What may not be listed, or is not served, is left out.
 */
export async function policiesInTheWay(kube: Kube, scope: PolicyScope): Promise<PolicyInTheWay[]> {
  const { mesh, gateway, namespace, labelSelector } = scope
  const networking = { version: mesh.networkingVersion ?? DESTINATION_RULE.version }
  const security = { version: mesh.securityVersion ?? PEER_AUTHENTICATION.version }
  // What stands in the root namespace without a selector holds for the whole mesh.
  const roots = mesh.istiods.map((istiod) => istiod.namespace)
  const namespaces = [...new Set([namespace, gateway.namespace, ...roots])]
  const list = async <T extends KubeObject>(type: ResourceType, places: string[]) =>
    (await Promise.all(places.map((place) => kube.list<T>(type, { namespace: place }).catch(notSeen<T>)))).flat()
  const types = [
    { ...DESTINATION_RULE, ...networking },
    { ...AUTHORIZATION_POLICY, ...security },
    { ...PEER_AUTHENTICATION, ...security },
    NETWORK_POLICY,
  ]
  const [pods, ...lists] = await Promise.all([
    kube.list<Pod>(POD, { namespace, labelSelector }).catch(notSeen<Pod>),
    ...types.map((type) => list(type, namespaces)),
  ])
  const selected = {
    ...scope,
    roots,
    nodeLabels: pods.map((pod) => pod.metadata.labels ?? {}),
    gatewayLabels: gateway.pods.map((pod) => pod.labels ?? {}),
  }
  return types.flatMap((type, index) =>
    (lists[index] ?? [])
      .filter((object) => takesIn(object, type, selected))
      .map((object) => ({
        type,
        name: object.metadata.name,
        namespace: object.metadata.namespace ?? '',
        hosts: type.kind === DESTINATION_RULE.kind ? hostsOf(object, scope.hosts) : undefined,
      })),
  )
}

export interface SelectedPods extends Pick<PolicyScope, 'gateway' | 'namespace' | 'hosts'> {
  roots: readonly string[]
  nodeLabels: readonly Labels[]
  gatewayLabels: readonly Labels[]
}

/** Pure: does this object concern the gateway's pods or those behind it? */
export function takesIn(object: KubeObject, type: ResourceType, scope: SelectedPods): boolean {
  const { namespace = '' } = object.metadata
  const spec = (object.spec ?? {}) as Spec
  if (type.kind === DESTINATION_RULE.kind) return hostsOf(object, scope.hosts).length > 0
  const labels = type.kind === NETWORK_POLICY.kind ? spec.podSelector?.matchLabels : spec.selector?.matchLabels
  const everywhere = type.kind !== NETWORK_POLICY.kind && labels === undefined && scope.roots.includes(namespace)
  // One that is bound to a Service or a Gateway by targetRefs is for waypoints.
  if (spec.targetRefs !== undefined) return false
  const near = [
    ...(namespace === scope.namespace ? scope.nodeLabels : []),
    ...(namespace === scope.gateway.namespace ? scope.gatewayLabels : []),
  ]
  return everywhere || near.some((pod) => Object.entries(labels ?? {}).every(([key, value]) => pod[key] === value))
}

/** Those of the hosts that a DestinationRule is for. */
function hostsOf({ spec, metadata: { namespace = '' } }: KubeObject, hosts: readonly string[]): string[] {
  return hosts.filter((host) => fits(String((spec as Spec | undefined)?.host), host, namespace))
}

/**
 * A host of a DestinationRule: a name, one without a dot in the rule's own namespace, or a wildcard (istio/api
 * networking/v1alpha3/destination_rule.proto).
 */
function fits(rule: string, host: string, namespace: string): boolean {
  if (rule === '*') return true
  if (rule.startsWith('*.')) return host.endsWith(rule.slice(1))
  return rule === host || (!rule.includes('.') && host.startsWith(`${rule}.${namespace}.`))
}

function notSeen<T>(error: unknown): T[] {
  if (error instanceof CassSniError && (error.code === 'CSNI203' || error.code === 'CSNI205')) return []
  throw error
}
