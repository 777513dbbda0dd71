/** Policies that may block traffic from the gateway to the nodes although routes and certificates are correct. */
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
import { BACKEND_LABEL } from '../text/own-keys.ts'
import type { IngressGateway, Mesh } from './mesh.ts'

/** A policy that applies to the gateway pods or the pods behind it. */
export interface AffectingPolicy {
  type: ResourceType
  name: string
  namespace: string
  /** The matching hosts of a DestinationRule. Undefined: the policy applies to pods, whatever the host. */
  hosts?: readonly string[] | undefined
}

export interface PolicyScope {
  mesh: Mesh
  gateway: IngressGateway
  /** Namespace and label selector of the pods behind the gateway. */
  namespace: string
  labelSelector: string
  /** The destination hosts of the routes: <service>.<namespace>.svc.<cluster domain>. */
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
 * Lists the DestinationRules for these hosts, and the AuthorizationPolicies, PeerAuthentications and NetworkPolicies
 * that select the gateway pods or the pods behind it. Kinds that cannot be listed or are not served are skipped.
 */
export async function affectingPolicies(kube: Kube, scope: PolicyScope): Promise<AffectingPolicy[]> {
  const { mesh, gateway, namespace, labelSelector } = scope
  const networking = { version: mesh.networkingVersion ?? DESTINATION_RULE.version }
  const security = { version: mesh.securityVersion ?? PEER_AUTHENTICATION.version }
  // Policies in the root namespace without a selector apply to the whole mesh.
  const roots = mesh.istiods.map((istiod) => istiod.namespace)
  const namespaces = [...new Set([namespace, gateway.namespace, ...roots])]
  const list = async <T extends KubeObject>(type: ResourceType, among: string[]) =>
    (await Promise.all(among.map((each) => kube.list<T>(type, { namespace: each }).catch(noneIfUnlisted<T>)))).flat()
  const types = [
    { ...DESTINATION_RULE, ...networking },
    { ...AUTHORIZATION_POLICY, ...security },
    { ...PEER_AUTHENTICATION, ...security },
    NETWORK_POLICY,
  ]
  const [pods, ...lists] = await Promise.all([
    kube.list<Pod>(POD, { namespace, labelSelector }).catch(noneIfUnlisted<Pod>),
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
      .filter((object) => affects(object, type, selected))
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

/** Whether this policy applies to the gateway pods or the pods behind it. Pure. */
export function affects(object: KubeObject, type: ResourceType, scope: SelectedPods): boolean {
  const { namespace = '' } = object.metadata
  const spec = (object.spec ?? {}) as Spec
  // created by a routing backend of this program: it only selects the pods
  if (object.metadata.labels?.[BACKEND_LABEL] !== undefined) return false
  if (type.kind === DESTINATION_RULE.kind) return hostsOf(object, scope.hosts).length > 0
  const labels = type.kind === NETWORK_POLICY.kind ? spec.podSelector?.matchLabels : spec.selector?.matchLabels
  const everywhere = type.kind !== NETWORK_POLICY.kind && labels === undefined && scope.roots.includes(namespace)
  // Policies with targetRefs to a Service or Gateway apply to waypoints.
  if (spec.targetRefs !== undefined) return false
  const near = [
    ...(namespace === scope.namespace ? scope.nodeLabels : []),
    ...(namespace === scope.gateway.namespace ? scope.gatewayLabels : []),
  ]
  return everywhere || near.some((pod) => Object.entries(labels ?? {}).every(([key, value]) => pod[key] === value))
}

/** The hosts that a DestinationRule matches. */
function hostsOf({ spec, metadata: { namespace = '' } }: KubeObject, hosts: readonly string[]): string[] {
  return hosts.filter((host) => matchesHost(String((spec as Spec | undefined)?.host), host, namespace))
}

/**
 * Matches the host of a DestinationRule: a full name, a short name in the rule's own namespace, or a wildcard
 * (istio/api networking/v1alpha3/destination_rule.proto).
 */
function matchesHost(rule: string, host: string, namespace: string): boolean {
  if (rule === '*') return true
  if (rule.startsWith('*.')) return host.endsWith(rule.slice(1))
  return rule === host || (!rule.includes('.') && host.startsWith(`${rule}.${namespace}.`))
}

function noneIfUnlisted<T>(error: unknown): T[] {
  if (error instanceof CassSniError && (error.code === 'CSNI203' || error.code === 'CSNI205')) return []
  throw error
}
