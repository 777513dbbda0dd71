/** Which names a datacenter's certificate has to carry, and whether the one that is there will do. Pure. */
import type { Datacenter } from '../cassandra/datacenter.ts'
import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import { CassSniError, hint } from '../errors.ts'
import type { AuthorityPath } from './certificate-authority.ts'
import { normalName } from './certificate.ts'
import { leafBytes } from './issue.ts'
import { certificateMessageBytes, LARGEST_MESSAGE_BYTES } from './message-size.ts'
import { coverage, type Current, type Reason, reasonsToIssue, servedAuthorities } from './policies.ts'
import { isDnsName } from '../text/dns-name.ts'
import { asHostId } from '../text/host-id.ts'
import { packageFile } from '../text/package-file.ts'

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
    const reason = node.replacing
      ? 'is being replaced: its new host id is not known yet'
      : `has no host id yet (${node.hostIdTrouble ?? node.waiting ?? node.state})`
    return [{ pod: node.pod, reason }]
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
      next: [hint('a DNS name or an IP address, for example cassandra.example.com')],
    })
  }
  return [...new Set(names)]
}

/**
 * The names of a new certificate: the required ones; and while a node has no host id, the host ids of the old
 * certificate too, because a node
 * that is only restarting comes back under its own.
 */
function namesToIssue(required: readonly string[], current: Current | undefined, nodesPending: boolean): string[] {
  const kept = nodesPending ? (current?.leaf.names.filter((name) => asHostId(name) !== undefined) ?? []) : []
  return [...new Set([...required, ...kept])]
}

/**
 * The names that a certificate carries for nobody any more, which were public names: neither required, nor a host id,
 * nor of this cluster,
 * as those of nodes that are gone or coming back are.
 */
function forgottenNames(carried: readonly string[], required: readonly string[], dc: Datacenter): string[] {
  const wanted = new Set(required)
  return carried.filter(
    (name) =>
      !wanted.has(name) &&
      asHostId(name) === undefined &&
      !name.endsWith(normalName(`.${dc.namespace}.svc.${dc.clusterDomain}`)),
  )
}

/** What a certificate is planned from. */
export interface PlanInput {
  dc: Datacenter
  authority: AuthorityPath
  /** What the keystore holds; undefined when it holds no certificate with a key, or is unreadable. */
  current: Current | undefined
  /** Why the keystore has to be made as a whole. */
  unreadable?: string | undefined
  /** Public names remembered with the keystore; undefined when none ever were. */
  remembered: readonly string[] | undefined
  /** Those that this run has seen or written before: what another run has added since is kept. */
  known: readonly string[] | undefined
  /** Public names that were asked for, normal form; undefined keeps the remembered ones. */
  given: readonly string[] | undefined
  /** A new certificate was asked for. */
  renew: boolean
  /** Milliseconds since the epoch. */
  now: number
}

export interface CertificatePlan {
  /** Why a new certificate is issued; empty: the current one is kept. */
  reasons: Reason[]
  /** Names of the new certificate, or of the one that is kept. */
  names: string[]
  /** Public names to remember. */
  publicNames: string[]
  /** They differ from the remembered ones. */
  remember: boolean
  /** Public names that are no longer remembered, and that the certificate carries no longer, or until the next one. */
  forgotten: string[]
  /** One wildcard stands for the DNS names of the nodes, for else the certificate would be too large. */
  wildcards: string[]
  /** Nodes whose host id is not in the certificate, because it is not known yet. */
  pending: { pod: string; reason: string }[]
}

/**
 * Keep the certificate or issue another, and with which names? Names that it carries beyond the required ones are no
 * reason: a node that is coming back may need them.
 * @throws CSNI405 when no certificate with all names is small enough
 */
export function planCertificate(input: PlanInput): CertificatePlan {
  const { dc, authority, current, unreadable, remembered, given, now } = input
  const publicNames = mergedPublicNames(input)
  const required = requiredNames(dc, publicNames)
  const pending = pendingNodes(dc)
  const reasons: Reason[] = [
    ...(input.renew ? [{ code: 'Requested', message: 'a new one was requested' } as const] : []),
    ...(unreadable === undefined
      ? reasonsToIssue({ current, required, authority, now })
      : [{ code: 'Unreadable', message: unreadable } as const]),
  ]
  const issue = reasons.length > 0 || current === undefined
  const { names, wildcards } = issue
    ? fittingNames(namesToIssue(required, current, pending.length > 0), dc, authority)
    : { names: current.leaf.names, wildcards: [] }
  return {
    reasons,
    names,
    publicNames,
    remember: (remembered !== undefined || publicNames.length > 0) && remembered?.join() !== publicNames.join(),
    // Only whoever gives public names, or none, expects the others to be gone.
    forgotten: given === undefined || !current ? [] : forgottenNames(current.leaf.names, required, dc),
    wildcards,
    pending,
  }
}

/** What was asked for and what another run has added since this one began; else what is remembered. */
function mergedPublicNames({ given, remembered = [], known = [] }: PlanInput): string[] {
  if (given === undefined) return [...remembered]
  const merged = new Set([...given, ...remembered.filter((name) => !known.includes(name))])
  // The order says nothing: it is no reason to write.
  return merged.size === remembered.length && remembered.every((name) => merged.has(name))
    ? [...remembered]
    : [...merged]
}

/** All names, or as many of them as fit with one wildcard for each governing Service's domain. */
function fittingNames(
  names: readonly string[],
  dc: Datacenter,
  authority: AuthorityPath,
): { names: string[]; wildcards: string[] } {
  const commonName = operatorName(dc)
  const bytes = (some: readonly string[]) =>
    certificateMessageBytes([
      leafBytes({ names: some, authority: authority[0], commonName }),
      ...servedAuthorities(authority).map(({ der }) => der.length),
    ])
  if (bytes(names) <= LARGEST_MESSAGE_BYTES) return { names: [...names], wildcards: [] }
  const wildcards = [...new Set(dc.nodes.map((node) => `*${normalName(node.dnsName.slice(node.pod.length))}`))]
  const covered = coverage(wildcards)
  const fewer = [...wildcards, ...names.filter((name) => !covered(name))]
  const least = bytes(fewer)
  if (least <= LARGEST_MESSAGE_BYTES) return { names: fewer, wildcards }
  throw new CassSniError(
    'CSNI405',
    `cassandradatacenter/${dc.name} in namespace ${dc.namespace}: certificate too large: with the host ids of ` +
      `${dc.nodes.length} nodes the TLS certificate message has ${least} bytes, and the limit is ` +
      `${LARGEST_MESSAGE_BYTES} (Java refuses more than 32768)`,
    {
      object: `cassandradatacenter/${dc.name} in namespace ${dc.namespace}`,
      next: [
        hint(
          `${packageFile('docs/certificates.md')}, "Large datacenters": clients that verify one public name ` +
            'need no host ids in the certificate',
        ),
      ],
    },
  )
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
