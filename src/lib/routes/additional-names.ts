/** Server names in addition to the host ID and the DNS name of each node, as requested by the user. Pure. */
import type { CassandraNode, Datacenter } from '../cassandra/datacenter.ts'
import { CassSniError, command, hint } from '../errors.ts'
import { isDnsName } from '../text/dns-name.ts'
import { asHostId } from '../text/host-id.ts'

/** The additional names of a datacenter's routes. */
export interface AdditionalNames {
  /** One name per node: "{pod}.cass.example.com". */
  sniTemplates: readonly string[]
  /** Names that reach any ready node. */
  anyNode: readonly string[]
  /** The name of the metadata service. */
  metadata?: string | undefined
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

/**
 * Parses the name of the metadata service from the command line; '' removes it. Throws CSNI101 for one that is not a
 * DNS name.
 */
export function parseMetadataName(text: string): string {
  const [name = '', ...more] = listOf([text])
  if (more.length > 0) throw invalid('metadata-name', text, 'expected one name')
  if (name === '') return name
  requireDnsName('metadata-name', text, name)
  return name
}

/** Returns the additional names of a node. */
export function nodeNames({ sniTemplates }: AdditionalNames, node: Named, datacenter: Datacenter): string[] {
  return sniTemplates.map((template) =>
    template
      .replaceAll(PLACEHOLDER, (_whole, name: string) => PLACEHOLDERS[name]?.(node, datacenter) ?? '')
      .toLowerCase(),
  )
}

/**
 * Returns every additional name, which the certificate must have too: that of the metadata service because drivers with
 * a secure connect bundle verify it for the nodes as well.
 */
export function additionalNamesOf(
  names: AdditionalNames,
  datacenter: Datacenter,
): { anyNode: readonly string[]; perNode: string[] } {
  const { anyNode, metadata } = names
  return {
    anyNode: metadata === undefined ? anyNode : [...anyNode, metadata],
    perNode: datacenter.nodes.flatMap((node) => nodeNames(names, node, datacenter)),
  }
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
  requireOwnMetadataName(names, owners)
  for (const node of datacenter.nodes) {
    for (const name of nodeNames(names, node, datacenter)) {
      requireDnsName('sni-template', name, name)
      const other = owners.get(name)
      if (other !== undefined) throw invalid('sni-template', name, `name of both ${other} and ${node.pod}`)
      owners.set(name, node.pod)
    }
  }
}

/** Throws CSNI101 if the name of the metadata service reaches nodes, and adds it to the owners. */
function requireOwnMetadataName({ metadata }: AdditionalNames, owners: Map<string, string>): void {
  if (metadata === undefined) return
  const other = owners.get(metadata)
  if (other === 'any node')
    throw new CassSniError(
      'CSNI101',
      `invalid value ${JSON.stringify(metadata)} for --metadata-name: it reaches any node (--any-node)`,
      {
        next: [
          command`kubectl cass-sni routes sync --any-node ''`,
          hint('then install the metadata service again; or choose another name for it'),
        ],
      },
    )
  if (other !== undefined) throw invalid('metadata-name', metadata, `name of ${other}`)
  owners.set(metadata, 'the metadata service')
}

function listOf(texts: readonly string[]): string[] {
  const names = texts.flatMap((text) => text.split(',')).map((text) => text.trim().toLowerCase().replace(/\.$/, ''))
  return [...new Set(names.filter((name) => name !== ''))]
}

/** A wildcard would also match names of other nodes. */
function requireDnsName(flag: string, value: string, name: string): void {
  if (name.includes('*')) throw invalid(flag, value, 'wildcards are not supported')
  // Istio refuses a short name (istio/istio pkg/config/validation/agent/validation.go)
  if (!isDnsName(name) || !name.includes('.') || name.includes('_')) throw invalid(flag, value, 'expected a DNS name')
}

function invalid(flag: string, value: string, reason: string): CassSniError {
  return new CassSniError('CSNI101', `invalid value ${JSON.stringify(value)} for --${flag}: ${reason}`, {
    next: [hint(`use a name such as ${flag === 'sni-template' ? '{pod}.' : ''}cassandra.example.com`)],
  })
}
