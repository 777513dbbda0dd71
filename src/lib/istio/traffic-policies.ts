/** Policies that may block traffic from the gateway to the nodes although routes and certificates are correct. */
import type { Kube, KubeObject, ResourceType } from '../cluster/kube.ts'
import {
  AUTHORIZATION_POLICY,
  DESTINATION_RULE,
  NAMESPACE,
  NETWORK_POLICY,
  PEER_AUTHENTICATION,
  POD,
} from '../cluster/resources.ts'
import { unless } from '../cluster/unless.ts'
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

/** What was listed of a kind; the error without permission. */
type ListedPolicies = KubeObject[] | CassSniError

/** The policies of the namespaces of the nodes, the gateway and the control planes, and the labels that they select. */
export interface TrafficPolicies {
  destinationRules: ListedPolicies
  authorizationPolicies: ListedPolicies
  peerAuthentications: ListedPolicies
  networkPolicies: ListedPolicies
  /** Labels of the nodes' pods by name; the error without permission. */
  podLabels: ReadonlyMap<string, Labels> | CassSniError
  /** Labels of the namespaces that could be read. */
  namespaceLabels: ReadonlyMap<string, Labels>
  /** Namespaces whose policies apply to the whole mesh. */
  roots: readonly string[]
}

/** Reads the policies that may apply to traffic from the gateway to the nodes. Kinds that are not served have none. */
export async function readTrafficPolicies(
  kube: Kube,
  { mesh, gateway, namespace, labelSelector }: Omit<PolicyScope, 'hosts'>,
): Promise<TrafficPolicies> {
  const networking = { version: mesh.networkingVersion ?? DESTINATION_RULE.version }
  const security = { version: mesh.securityVersion ?? PEER_AUTHENTICATION.version }
  // Policies in the root namespace without a selector apply to the whole mesh.
  const roots = mesh.istiods.map((istiod) => istiod.namespace)
  const namespaces = [...new Set([namespace, gateway.namespace, ...roots])]
  const list = (type: ResourceType): Promise<ListedPolicies> =>
    listed(Promise.all(namespaces.map((each) => kube.list(type, { namespace: each }))).then((lists) => lists.flat()))
  const [destinationRules, authorizationPolicies, peerAuthentications, networkPolicies, pods, labels] =
    await Promise.all([
      list({ ...DESTINATION_RULE, ...networking }),
      list({ ...AUTHORIZATION_POLICY, ...security }),
      list({ ...PEER_AUTHENTICATION, ...security }),
      list(NETWORK_POLICY),
      listed(kube.list(POD, { namespace, labelSelector })),
      Promise.all(
        [...new Set([namespace, gateway.namespace])].map(async (each) => {
          const found = await unless('CSNI203', kube.get(NAMESPACE, each))
          return found === undefined ? [] : [[each, found.metadata.labels ?? {}] as const]
        }),
      ),
    ])
  return {
    destinationRules,
    authorizationPolicies,
    peerAuthentications,
    networkPolicies,
    podLabels:
      pods instanceof CassSniError
        ? pods
        : new Map(pods.map(({ metadata }) => [metadata.name, metadata.labels ?? {}] as const)),
    namespaceLabels: new Map(labels.flat()),
    roots,
  }
}

async function listed(list: Promise<KubeObject[]>): Promise<ListedPolicies> {
  try {
    return await list
  } catch (error) {
    if (error instanceof CassSniError && error.code === 'CSNI205') return []
    if (error instanceof CassSniError && error.code === 'CSNI203') return error
    throw error
  }
}

/**
 * Returns the DestinationRules for these hosts, and the AuthorizationPolicies, PeerAuthentications and NetworkPolicies
 * that select the gateway pods or the pods behind it; those that could be listed. Pure.
 */
export function affectingPolicies(
  policies: TrafficPolicies,
  scope: Pick<PolicyScope, 'gateway' | 'namespace' | 'hosts'>,
): AffectingPolicy[] {
  const selected = {
    ...scope,
    roots: policies.roots,
    nodeLabels: policies.podLabels instanceof CassSniError ? [] : [...policies.podLabels.values()],
    gatewayLabels: scope.gateway.pods.map((pod) => pod.labels ?? {}),
  }
  const kinds = [
    [DESTINATION_RULE, policies.destinationRules],
    [AUTHORIZATION_POLICY, policies.authorizationPolicies],
    [PEER_AUTHENTICATION, policies.peerAuthentications],
    [NETWORK_POLICY, policies.networkPolicies],
  ] as const
  return kinds.flatMap(([type, objects]) =>
    (objects instanceof CassSniError ? [] : objects)
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
 * Returns whether the host of a DestinationRule matches: a full name, a short name in the rule's own namespace, or a
 * wildcard (istio/api networking/v1alpha3/destination_rule.proto).
 */
export function matchesHost(rule: string, host: string, namespace: string): boolean {
  if (rule === '*') return true
  if (rule.startsWith('*.')) return host.endsWith(rule.slice(1))
  return rule === host || (!rule.includes('.') && host.startsWith(`${rule}.${namespace}.`))
}
