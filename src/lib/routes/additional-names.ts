/** Server names in addition to the host ID and the DNS name of each node, as requested by the user. Pure. */
import type { CassandraNode, Datacenter } from '../cassandra/datacenter.ts'
import { CassSniError, hint } from '../errors.ts'
import { isDnsName } from '../text/dns-name.ts'
import { asHostId } from '../text/host-id.ts'

/** The additional names of a datacenter's routes. */
export interface AdditionalNames {
  /** One name per node: "{pod}.cass.example.com". */
  sniTemplates: readonly string[]
  /** Names that reach any ready node. */
  anyNode: readonly string[]
}

export const NO_ADDITIONAL_NAMES: AdditionalNames = { sniTemplates: [], anyNode: [] }

type Named = Pick<CassandraNode, 'pod' | 'ordinal' | 'rack'>

const PLACEHOLDERS: Record<string, (node: Named, datacenter: Datacenter) => string> = {
  pod: ({ pod }) => pod,
  ordinal: ({ ordinal }) => String(ordinal),
  rack: ({ rack }) =>
    rack
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^-|-$/g, ''),
  datacenter: (_node, { name }) => name,
  namespace: (_node, { namespace }) => namespace,
}
const PLACEHOLDER = /\{([^{}]*)\}/g

/**
 * Parses templates from the command line: lower case, without duplicates; '' clears the list. Throws CSNI101 for an
 * unknown placeholder, for a template that is the same for all nodes of a rack, and for one that is not a DNS name.
 */
export function parseTemplates(texts: readonly string[]): string[] {
  const templates = listOf(texts)
  for (const template of templates) {
    const used = [...template.matchAll(PLACEHOLDER)].map(([, name = '']) => name)
    const unknown = used.find((name) => !Object.hasOwn(PLACEHOLDERS, name))
    const known = Object.keys(PLACEHOLDERS).map((name) => `{${name}}`)
    if (unknown !== undefined)
      throw invalid('sni-template', template, `unknown placeholder {${unknown}}; available: ${known.join(', ')}`)
    if (!used.includes('pod') && !used.includes('ordinal'))
      throw invalid('sni-template', template, 'expected {pod}, or {rack} and {ordinal}: each node needs its own name')
    requireDnsName('sni-template', template, template.replaceAll(PLACEHOLDER, 'x'))
  }
  return templates
}

/**
 * Parses names for any node from the command line, likewise. Throws CSNI101 for one that is not a DNS name, or is a
 * host ID.
 */
export function parseAnyNode(texts: readonly string[]): string[] {
  const names = listOf(texts)
  for (const name of names) {
    if (asHostId(name) !== undefined) throw invalid('any-node', name, 'a host ID reaches one node')
    requireDnsName('any-node', name, name)
  }
  return names
}

/** Returns the additional names of a node. */
export function nodeNames({ sniTemplates }: AdditionalNames, node: Named, datacenter: Datacenter): string[] {
  return sniTemplates.map((template) =>
    template
      .replaceAll(PLACEHOLDER, (_whole, name: string) => PLACEHOLDERS[name]?.(node, datacenter) ?? '')
      .toLowerCase(),
  )
}

/** Returns every additional name, which the certificate must have too. */
export function additionalNamesOf(
  names: AdditionalNames,
  datacenter: Datacenter,
): { anyNode: readonly string[]; perNode: string[] } {
  return { anyNode: names.anyNode, perNode: datacenter.nodes.flatMap((node) => nodeNames(names, node, datacenter)) }
}

/**
 * Throws CSNI101 if a template does not result in a DNS name for a node, or two names are the same: Istio would drop
 * one of the routes.
 */
export function requireDistinctNames(names: AdditionalNames, datacenter: Datacenter): void {
  const owners = new Map(names.anyNode.map((name) => [name, 'any node']))
  for (const { pod, dnsName, hostId } of datacenter.nodes)
    for (const name of [dnsName, hostId]) if (name !== undefined) owners.set(name.toLowerCase(), pod)
  for (const name of names.anyNode)
    if (owners.get(name) !== 'any node') throw invalid('any-node', name, `name of ${owners.get(name)}`)
  for (const node of datacenter.nodes) {
    for (const name of nodeNames(names, node, datacenter)) {
      requireDnsName('sni-template', name, name)
      const other = owners.get(name)
      if (other !== undefined) throw invalid('sni-template', name, `name of both ${other} and ${node.pod}`)
      owners.set(name, node.pod)
    }
  }
}

function listOf(texts: readonly string[]): string[] {
  const names = texts.flatMap((text) => text.split(',')).map((text) => text.trim().toLowerCase().replace(/\.$/, ''))
  return [...new Set(names.filter((name) => name !== ''))]
}

/** A wildcard would also match names of other nodes. */
function requireDnsName(flag: string, value: string, name: string): void {
  if (name.includes('*')) throw invalid(flag, value, 'wildcards are not supported')
  // Istio refuses a short name (istio/istio pkg/config/validation/agent/validation.go)
  if (!isDnsName(name) || !name.includes('.') || name.includes('_'))
    throw invalid(flag, value, 'expected a DNS name such as cassandra.example.com')
}

function invalid(flag: string, value: string, reason: string): CassSniError {
  return new CassSniError('CSNI101', `invalid value ${JSON.stringify(value)} for --${flag}: ${reason}`, {
    next: [hint(`use a name such as ${flag === 'any-node' ? '' : '{pod}.'}cassandra.example.com`)],
  })
}
