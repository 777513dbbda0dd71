/**
 * AuthorizationPolicies as they apply to TCP connections at a gateway (istio/api security/v1beta1/
 * authorization_policy.proto; istio.io, "Authorization for TCP traffic"). Pure.
 */
import type { KubeObject } from '../cluster/kube.ts'
import { GATEWAY_NAME_LABEL } from './gateways.ts'
import type { IngressGateway } from './mesh.ts'

interface Operation {
  ports?: string[]
  notPorts?: string[]
}

interface Rule {
  from?: { source?: Record<string, unknown> }[]
  to?: { operation?: Operation & Record<string, unknown> }[]
  when?: { key: string }[]
}

interface PolicySpec {
  action?: 'ALLOW' | 'DENY' | 'AUDIT' | 'CUSTOM'
  rules?: Rule[]
  selector?: { matchLabels?: Record<string, string> }
  targetRef?: TargetRef
  targetRefs?: TargetRef[]
}

interface TargetRef {
  kind?: string
  name?: string
}

export interface TcpScope {
  /** The pods whose Envoys enforce the policies. */
  gateway: Pick<IngressGateway, 'namespace'> & { pods: readonly { labels?: Record<string, string> | undefined }[] }
  /** Namespaces whose policies apply to the whole mesh. */
  rootNamespaces: readonly string[]
  /** The port on which Envoy listens. */
  port: number
  /** The namespace of the client if it is in the mesh. */
  clientNamespace?: string | undefined
}

/** Attributes that only HTTP has: rules with them never allow a TCP connection, and are ignored in a DENY rule. */
const HTTP_OPERATIONS = ['hosts', 'notHosts', 'methods', 'notMethods', 'paths', 'notPaths']
const HTTP_SOURCES = ['requestPrincipals', 'notRequestPrincipals']

/**
 * Returns the policies that deny every TCP connection to the port, with the reason. A rule for some sources or names
 * denies or allows some clients, which is left to its author.
 */
export function deniesTcp(policies: readonly KubeObject[], scope: TcpScope): { policy: KubeObject; why: string }[] {
  const applying = policies.filter((policy) => appliesTo(policy, scope))
  const denying = applying.flatMap((policy) => {
    const { action, rules = [] } = specOf(policy)
    return action === 'DENY' && rules.some((rule) => deniesAll(rule, scope.port))
      ? [{ policy, why: 'a DENY rule matches them' }]
      : []
  })
  const allowing = applying.filter((policy) => (specOf(policy).action ?? 'ALLOW') === 'ALLOW')
  const isAllowed =
    allowing.length === 0 ||
    allowing.some((policy) => (specOf(policy).rules ?? []).some((rule) => mayAllow(rule, scope)))
  const [first, ...more] = allowing
  if (isAllowed || first === undefined) return denying
  const others = more.length === 0 ? '' : ` (nor do ${more.map(({ metadata }) => metadata.name).join(', ')})`
  return [...denying, { policy: first, why: `its ALLOW rules do not include TCP connections to this port${others}` }]
}

function specOf({ spec }: KubeObject): PolicySpec {
  return (spec ?? {}) as PolicySpec
}

function appliesTo(policy: KubeObject, { gateway, rootNamespaces }: TcpScope): boolean {
  const { namespace = '' } = policy.metadata
  const { selector, targetRef, targetRefs = targetRef === undefined ? [] : [targetRef] } = specOf(policy)
  const labels = gateway.pods.map((pod) => pod.labels ?? {})
  if (targetRefs.length > 0) {
    const names = targetRefs.flatMap(({ kind, name }) => (kind === 'Gateway' ? [name] : []))
    return namespace === gateway.namespace && labels.some((each) => names.includes(each[GATEWAY_NAME_LABEL]))
  }
  if (namespace !== gateway.namespace && !rootNamespaces.includes(namespace)) return false
  const wanted = Object.entries(selector?.matchLabels ?? {})
  return labels.some((each) => wanted.every(([key, value]) => each[key] === value))
}

/** Whether a DENY rule matches every TCP connection to the port: attributes of HTTP are ignored. */
function deniesAll({ from = [], to = [], when = [] }: Rule, port: number): boolean {
  if (from.length > 0 || when.some(({ key }) => !key.startsWith('request.'))) return false
  return to.length === 0 || to.some(({ operation = {} }) => matchesPort(operation, port))
}

/** Whether an ALLOW rule can match a TCP connection to the port. */
function mayAllow({ from = [], to = [], when = [] }: Rule, { port, clientNamespace }: TcpScope): boolean {
  if (when.some(({ key }) => key.startsWith('request.'))) return false
  const isTcp = (fields: Record<string, unknown>, http: readonly string[]) => !http.some((name) => name in fields)
  return (
    (from.length === 0 ||
      from.some(({ source = {} }) => isTcp(source, HTTP_SOURCES) && mayBeFrom(source, clientNamespace))) &&
    (to.length === 0 ||
      to.some(({ operation = {} }) => isTcp(operation, HTTP_OPERATIONS) && matchesPort(operation, port)))
  )
}

/** Whether a source can be the client: namespaces are exact, or have a wildcard at their begin or end. */
function mayBeFrom({ namespaces }: Record<string, unknown>, client: string | undefined): boolean {
  if (client === undefined || !Array.isArray(namespaces) || namespaces.length === 0) return true
  return namespaces.some((each) => {
    const pattern = String(each)
    if (pattern.endsWith('*')) return client.startsWith(pattern.slice(0, -1))
    return pattern.startsWith('*') ? client.endsWith(pattern.slice(1)) : pattern === client
  })
}

function matchesPort({ ports = [], notPorts = [] }: Operation, port: number): boolean {
  return (ports.length === 0 || ports.includes(String(port))) && !notPorts.includes(String(port))
}
