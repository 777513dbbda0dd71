/** Which names a datacenter's certificate has to carry, and whether the one that is there will do. Pure. */
import type { Datacenter } from '../cassandra/datacenter.ts'
import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import { CassSniError, command } from '../errors.ts'
import { RENEWAL_DAYS, signedBy } from './certificate-authority.ts'
import { type Certificate, dateText, daysUntil, normalName } from './certificate.ts'

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
const WEAKEST_RSA_BITS = 2048
const HOST_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
/** So many missing names are spelled out in a reason. */
const NAMES_SHOWN = 3

/**
 * The name that cass-operator puts into its own certificates (k8ssandra/cass-operator pkg/utils/crypto.go
 * GenerateJKS), alias and common name as well.
 */
export function operatorName(dc: Datacenter): string {
  return `${dc.name}.${dc.namespace}.cassdc`
}

/**
 * Every name that the certificate of the datacenter must carry, in a stable order: what the operator puts in, the
 * datacenter's Services,
 * then per node its DNS name and its host id, then the public names.
 */
export function requiredNames(dc: Datacenter, publicNames: readonly string[]): string[] {
  const names = [operatorName(dc), ...serviceNames(dc.service, dc)]
  const governing = new Set(dc.nodes.map((node) => node.dnsName.slice(node.pod.length + 1)))
  names.push(...[...governing].sort())
  for (const node of dc.nodes) {
    names.push(node.dnsName)
    if (node.hostId !== undefined) names.push(node.hostId)
  }
  names.push(...publicNames)
  return [...new Set(names.map(normalName))]
}

/** Nodes whose host id cannot be in the certificate yet, and why. */
export function pendingNodes(dc: Datacenter): { pod: string; reason: string }[] {
  return dc.nodes.flatMap((node) => {
    if (node.hostId !== undefined) return []
    if (node.replacing)
      return [
        {
          pod: node.pod,
          reason: 'is being replaced: its new host id is not known yet',
        },
      ]
    return [
      {
        pod: node.pod,
        reason: `has no host id yet (${node.hostIdTrouble ?? node.waiting ?? node.state})`,
      },
    ]
  })
}

/**
 * Public names as the user gave them, in normal form, each once.
 * @throws CSNI101 when one is neither a DNS name (a first label of * is allowed) nor an IP address
 */
export function parsePublicNames(given: readonly string[]): string[] {
  const names = given
    .flatMap((text) => text.split(','))
    .map((text) => normalName(ascii(text)))
    .filter((name) => name !== '')
  for (const name of names) {
    if ((isIP(name) !== 0 && !name.includes('%')) || isDnsName(name)) continue
    throw new CassSniError('CSNI101', `--public-name ${JSON.stringify(name)} is neither a DNS name nor an IP address`, {
      next: [command`kubectl cass-sni certs --public-name cassandra.example.com --public-name 203.0.113.7`],
    })
  }
  return [...new Set(names)]
}

/**
 * The names of a new certificate: the required ones; and while a node has no host id, the host ids of the old
 * certificate too, because a node
 * that is only restarting comes back under its own.
 */
export function namesToIssue(
  required: readonly string[],
  current: Current | undefined,
  nodesPending: boolean,
): string[] {
  const kept = nodesPending ? (current?.leaf.names.filter((name) => HOST_ID.test(name)) ?? []) : []
  return [...new Set([...required, ...kept])]
}

/**
 * The names that a certificate carries for nobody any more, which were public names: neither required, nor a host id,
 * nor of this cluster,
 * as those of nodes that are gone or coming back are.
 */
export function forgottenNames(carried: readonly string[], required: readonly string[], dc: Datacenter): string[] {
  const wanted = new Set(required)
  return carried.filter(
    (name) =>
      !wanted.has(name) &&
      !HOST_ID.test(name) &&
      !name.endsWith(normalName(`.${dc.namespace}.svc.${dc.clusterDomain}`)),
  )
}

export interface Decision {
  action: 'keep' | 'issue'
  /** Why a new one is issued, one line each; empty for keep. */
  reasons: string[]
}

/** What the keystore holds now. */
export interface Current {
  leaf: Certificate
  /** The certificates after the leaf. */
  chain: Certificate[]
  /** Trusted certificates of the same file: the nodes' trust store. */
  trusted: Certificate[]
  /** True when the private key in the keystore opens and belongs to the leaf. */
  keyFits: boolean
}

/**
 * Keep the certificate or issue another? Names that it carries beyond the required ones are no reason: a node that is
 * coming back may need them.
 * @param current undefined when the keystore holds no certificate of its own, or is to be replaced
 * @param now milliseconds since the epoch
 */
export function decide(
  current: Current | undefined,
  required: readonly string[],
  authority: Certificate,
  now: number,
): Decision {
  if (!current)
    return {
      action: 'issue',
      reasons: ['the keystore holds no certificate that can be kept'],
    }
  const { leaf, chain, trusted } = current
  const reasons: string[] = []
  const carried = new Set(leaf.names)
  const missing = required.filter((name) => !carried.has(name))
  if (missing.length > 0) reasons.push(`names are missing: ${listed(missing)}`)
  if (!signedBy(leaf.x509, authority.x509)) reasons.push(`it was signed by another authority: ${leaf.issuer}`)
  else if (!chain.some((certificate) => certificate.fingerprint256 === authority.fingerprint256))
    reasons.push('its chain lacks the authority')
  if (!trusted.some((certificate) => certificate.fingerprint256 === authority.fingerprint256)) {
    reasons.push('the authority is not among the trusted certificates of the keystore')
  }
  if (!current.keyFits) reasons.push('its private key does not belong to it')
  reasons.push(...dateReasons(leaf, authority, now), ...strengthReasons(leaf))
  return { action: reasons.length > 0 ? 'issue' : 'keep', reasons }
}

function dateReasons(leaf: Certificate, authority: Certificate, now: number): string[] {
  if (leaf.notBefore.getTime() > now) return [`it is not valid before ${leaf.notBefore.toISOString()}`]
  if (leaf.notAfter.getTime() <= now) return [`it expired on ${dateText(leaf.notAfter)}`]
  const days = daysUntil(leaf.notAfter, now)
  // One that ends with its authority cannot be made to last longer: issuing it again at every run would help nobody.
  return days < RENEWAL_DAYS && leaf.notAfter < authority.notAfter
    ? [`it expires in ${days} days, on ${dateText(leaf.notAfter)}`]
    : []
}

function strengthReasons(leaf: Certificate): string[] {
  const reasons: string[] = []
  const key = leaf.x509.publicKey
  const bits = key.asymmetricKeyDetails?.modulusLength
  if (key.asymmetricKeyType === 'rsa' && bits !== undefined && bits < WEAKEST_RSA_BITS)
    reasons.push(`its key is weak: RSA with ${bits} bits`)
  // No extended key usage at all allows every use.
  const usages: string[] = leaf.x509.keyUsage ?? []
  if (usages.length > 0) {
    if (!usages.includes(SERVER_AUTH)) reasons.push('it may not be used by a server')
    if (!usages.includes(CLIENT_AUTH)) reasons.push('it may not be used by a client, which nodes are to one another')
  }
  return reasons
}

/** The first few, and how many more. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN).join(', ')
  return names.length > NAMES_SHOWN ? `${shown} and ${names.length - NAMES_SHOWN} more` : shown
}

function serviceNames(service: string, dc: Datacenter): string[] {
  const inNamespace = `${service}.${dc.namespace}`
  return [service, inNamespace, `${inNamespace}.svc`, `${inNamespace}.svc.${dc.clusterDomain}`]
}

/**
 * The form of an international name that stands in DNS and in certificates ("xn--…"); the text itself when it is
 * none.
 */
function ascii(text: string): string {
  return /[^\0-\x7f]/.test(text) ? domainToASCII(text.trim()) || text : text
}

function isDnsName(name: string): boolean {
  if (name.length > 253) return false
  const labels = name.split('.')
  if (labels[0] === '*' && labels.length > 2) labels.shift()
  // A last label of digits only is a mistyped address.
  return (
    labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '')
  )
}
