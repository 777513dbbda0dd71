/**
 * The DestinationRule that applies to connections from the gateway to a host (istio/api
 * networking/v1alpha3/destination_rule.proto). Pure.
 */
import type { KubeObject } from '../cluster/kube.ts'
import type { IngressGateway } from './mesh.ts'
import { matchesHost } from './traffic-policies.ts'

export type TlsMode = 'DISABLE' | 'SIMPLE' | 'MUTUAL' | 'ISTIO_MUTUAL'

interface Settings {
  tls?: { mode?: TlsMode }
}

interface DestinationRuleSpec {
  host?: string
  exportTo?: string[]
  workloadSelector?: { matchLabels?: Record<string, string> }
  trafficPolicy?: Settings & { portLevelSettings?: (Settings & { port?: { number?: number } })[] }
}

export interface DestinationScope {
  gateway: IngressGateway
  /** Namespace of the host's Service. */
  namespace: string
  /** Namespaces whose rules apply to the whole mesh. */
  roots: readonly string[]
}

/** The TLS that a rule makes the gateway add to connections. */
export interface AddedTls {
  rule: KubeObject
  mode: TlsMode
  /** The rule has settings per port, which a patch would have to merge. */
  perPort: boolean
}

/**
 * Returns what the rule for a host sets for TLS on a port; undefined without such a rule or setting. Istio uses the
 * rules of the first of these namespaces that has one for the host: the gateway's, the Service's, the root's; among
 * them the one with the most specific host (istio/istio pilot/pkg/model/push_context.go, destinationRule).
 */
export function addedTls(
  rules: readonly KubeObject[],
  { host, port }: { host: string; port: number },
  { gateway, namespace, roots }: DestinationScope,
): AddedTls | undefined {
  for (const each of new Set([gateway.namespace, namespace, ...roots])) {
    const [rule] = rules
      .filter(({ metadata }) => metadata.namespace === each)
      .filter((one) => matchesHost(specOf(one).host ?? '', host, each) && isVisible(one, gateway))
      .sort((one, other) => specificity(other) - specificity(one))
    if (rule === undefined) continue
    const { portLevelSettings = [], tls } = specOf(rule).trafficPolicy ?? {}
    const own = portLevelSettings.find((settings) => settings.port?.number === port)
    // settings of a port replace those of the destination
    const mode = own === undefined ? tls?.mode : own.tls?.mode
    return mode === undefined ? undefined : { rule, mode, perPort: portLevelSettings.length > 0 }
  }
  return undefined
}

function specOf({ spec }: KubeObject): DestinationRuleSpec {
  return (spec ?? {}) as DestinationRuleSpec
}

/** A full or short name is more specific than any wildcard, and a longer wildcard than a shorter one. */
function specificity(rule: KubeObject): number {
  const { host = '' } = specOf(rule)
  return host.startsWith('*') ? host.length : Number.MAX_SAFE_INTEGER
}

/** Whether the rule is exported to the gateway's namespace and selects its pods. */
function isVisible(rule: KubeObject, { namespace, pods }: IngressGateway): boolean {
  const { exportTo = ['*'], workloadSelector } = specOf(rule)
  const own = rule.metadata.namespace === namespace
  const exported = exportTo.some((to) => to === '*' || to === namespace || (to === '.' && own))
  if (workloadSelector === undefined) return exported
  const wanted = Object.entries(workloadSelector.matchLabels ?? {})
  return exported && own && pods.some(({ labels }) => wanted.every(([key, value]) => labels?.[key] === value))
}
