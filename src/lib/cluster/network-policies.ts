/** What NetworkPolicies admit (kubernetes.io/docs/concepts/services-networking/network-policies). Pure. */
import type { KubeObject } from './kube.ts'
import { type LabelSelector, matchesLabels } from './label-selector.ts'

type Direction = 'Ingress' | 'Egress'

interface Peer {
  podSelector?: LabelSelector
  namespaceSelector?: LabelSelector
  ipBlock?: object
}

interface Rule {
  from?: Peer[]
  to?: Peer[]
  ports?: { port?: number | string; endPort?: number; protocol?: string }[]
}

interface NetworkPolicySpec {
  podSelector?: LabelSelector
  policyTypes?: Direction[]
  ingress?: Rule[]
  egress?: Rule[]
}

/** A pod, or any client: `labels` undefined. */
export interface PolicyPeer {
  namespace: string
  labels: Readonly<Record<string, string>>
  /** Labels of the namespace; undefined if they could not be read. */
  namespaceLabels?: Readonly<Record<string, string>> | undefined
}

/**
 * Returns the policies that isolate a pod so that none of them admits a connection: with the port, and from or to this
 * peer (undefined: any). Rules with an ipBlock, a named port, or namespace labels that could not be read count as
 * admitting, because they may.
 */
export function denyingPolicies(
  policies: readonly KubeObject[],
  pod: Pick<PolicyPeer, 'namespace' | 'labels'>,
  { direction, port, peer }: { direction: Direction; port: number; peer?: PolicyPeer | undefined },
): KubeObject[] {
  const isolating = policies.filter((policy) => {
    const { podSelector = {}, policyTypes, egress } = specOf(policy)
    // the API server's default: Ingress always, Egress if there are such rules
    const types = policyTypes ?? (egress === undefined ? ['Ingress'] : ['Ingress', 'Egress'])
    return (
      policy.metadata.namespace === pod.namespace && types.includes(direction) && matchesLabels(podSelector, pod.labels)
    )
  })
  const isAdmitted = isolating.some((policy) => {
    const { ingress = [], egress = [] } = specOf(policy)
    const rules = direction === 'Ingress' ? ingress : egress
    return rules.some((rule) => {
      const peers = (direction === 'Ingress' ? rule.from : rule.to) ?? []
      const admitsPeer =
        peer === undefined ||
        peers.length === 0 ||
        peers.some((each) => mayMatch(each, peer, policy.metadata.namespace))
      return admitsPeer && admitsPort(rule, port)
    })
  })
  return isAdmitted ? [] : isolating
}

function specOf({ spec }: KubeObject): NetworkPolicySpec {
  return (spec ?? {}) as NetworkPolicySpec
}

function mayMatch(
  { podSelector, namespaceSelector, ipBlock }: Peer,
  { namespace, labels, namespaceLabels }: PolicyPeer,
  own: string | undefined,
): boolean {
  if (ipBlock !== undefined) return true
  const inNamespace =
    namespaceSelector === undefined
      ? namespace === own
      : namespaceLabels === undefined || matchesLabels(namespaceSelector, namespaceLabels)
  return inNamespace && (podSelector === undefined || matchesLabels(podSelector, labels))
}

function admitsPort({ ports = [] }: Rule, wanted: number): boolean {
  if (ports.length === 0) return true
  return ports.some(({ port, endPort, protocol = 'TCP' }) => {
    if (protocol !== 'TCP') return false
    if (typeof port !== 'number') return true
    return endPort === undefined ? port === wanted : port <= wanted && wanted <= endPort
  })
}
