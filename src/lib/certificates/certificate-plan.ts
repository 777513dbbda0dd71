/** Plans the certificate of a datacenter: the required names, and whether to reissue it. Pure. */
import type { Datacenter } from '../cassandra/datacenter.ts'
import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import { CassSniError, hint } from '../errors.ts'
import { type Authorities, type AuthorityPath, servedAuthorities } from './authority-path.ts'
import { normalName } from './certificate.ts'
import { leafBytes } from './issue.ts'
import { certificateMessageBytes, LARGEST_MESSAGE_BYTES } from './message-size.ts'
import { coverage, type Current, reasonsToIssue } from './policies.ts'
import type { Reason } from './reason.ts'
import { isDnsName } from '../text/dns-name.ts'
import { asHostId } from '../text/host-id.ts'
import { packageFile } from '../text/package-file.ts'

/**
 * Returns the name that cass-operator uses in its certificates, also as alias and common name (k8ssandra/cass-operator
 * pkg/utils/crypto.go GenerateJKS).
 */
export function operatorName(dc: Datacenter): string {
  return `${dc.name}.${dc.namespace}.cassdc`
}

/**
 * Returns every name that the datacenter's certificate must have, in a stable order: cass-operator's name, the
 * datacenter's Services, the DNS name and host ID of each node, the public names.
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

/** Returns the nodes whose host ID cannot be in the certificate yet, with the reason. */
export function pendingNodes(dc: Datacenter): { pod: string; reason: string }[] {
  return dc.nodes.flatMap((node) => {
    if (node.hostId !== undefined) return []
    const reason = node.replacing
      ? 'being replaced, new host ID not known yet'
      : `host ID not known yet (${node.hostIdProblem ?? node.waiting ?? node.state})`
    return [{ pod: node.pod, reason }]
  })
}

/**
 * Parses public names from the command line: normalized, without duplicates.
 * @throws CSNI101 for a name that is neither a DNS name (a first label of * is allowed) nor an IP address
 */
export function parsePublicNames(texts: readonly string[]): string[] {
  const names = texts
    .flatMap((text) => text.split(','))
    .map((text) => normalName(ascii(text)))
    .filter((name) => name !== '')
  for (const name of names) {
    if ((isIP(name) !== 0 && !name.includes('%')) || isDnsName(name)) continue
    throw new CassSniError(
      'CSNI101',
      `invalid value ${JSON.stringify(name)} for --public-name: expected a DNS name or IP address`,
      {
        next: [hint('use a name such as cassandra.example.com')],
      },
    )
  }
  return [...new Set(names)]
}

/**
 * Returns the names of a new certificate: the required ones and, while a node has no host ID, the host IDs of the
 * current certificate, because a restarting node keeps its own.
 */
function namesToIssue(required: readonly string[], current: Current | undefined, nodesPending: boolean): string[] {
  const kept = nodesPending ? (current?.leaf.names.filter((name) => asHostId(name) !== undefined) ?? []) : []
  return [...new Set([...required, ...kept])]
}

/**
 * Returns former public names in a certificate: names that are neither required, nor host IDs, nor DNS names in this
 * cluster, which may belong to removed or restarting nodes.
 */
function obsoleteNames(names: readonly string[], required: readonly string[], dc: Datacenter): string[] {
  const needed = new Set(required)
  return names.filter(
    (name) =>
      !needed.has(name) &&
      asHostId(name) === undefined &&
      !name.endsWith(normalName(`.${dc.namespace}.svc.${dc.clusterDomain}`)),
  )
}

/** Input of the plan. */
export interface PlanInput {
  dc: Datacenter
  authorities: Authorities
  /** Content of the keystore; undefined if it has no certificate with a key, or is unreadable. */
  current: Current | undefined
  /** Why the keystore must be replaced as a whole. */
  unreadable?: string | undefined
  /** Public names saved with the keystore; undefined if none ever were. */
  saved: readonly string[] | undefined
  /** Saved names that this run has read or written before; names added since by another run are kept. */
  known: readonly string[] | undefined
  /** Requested public names, normalized; undefined keeps the saved ones. */
  requested: readonly string[] | undefined
  /** Additional names of the routes, which clients send as well. */
  routeNames?: readonly string[] | undefined
  /** Reissue even if the current certificate is valid. */
  renew: boolean
  /** Milliseconds since the epoch. */
  now: number
}

export interface CertificatePlan {
  /** Why to issue a new certificate; empty to keep the current one. */
  reasons: Reason[]
  /** Names of the new certificate, or of the current one if kept. */
  names: string[]
  /** Public names to save. */
  publicNames: string[]
  /** Whether they differ from the saved ones. */
  save: boolean
  /** Public names that are no longer saved; the current certificate still has them. */
  forgotten: string[]
  /** Wildcards used instead of the nodes' DNS names, which would make the certificate too large. */
  wildcards: string[]
  /** Nodes whose host ID is not in the certificate, because it is not known yet. */
  pending: { pod: string; reason: string }[]
}

/**
 * Plans whether to keep the certificate or issue a new one, and with which names. Additional names are not a reason to
 * reissue: a restarting node may need them.
 * @throws CSNI405 if a certificate with all names would be too large
 */
export function planCertificate(input: PlanInput): CertificatePlan {
  const { dc, authorities, current, unreadable, saved, requested, now } = input
  const publicNames = mergedPublicNames(input)
  const required = requiredNames(dc, [...publicNames, ...(input.routeNames ?? [])])
  const pending = pendingNodes(dc)
  const reasons: Reason[] = [
    ...(input.renew ? [{ code: 'Requested', message: 'requested with --renew' } as const] : []),
    ...(unreadable === undefined
      ? reasonsToIssue({ current, required, authorities, now })
      : [{ code: 'Unreadable', message: unreadable } as const]),
  ]
  const issue = reasons.length > 0 || current === undefined
  const { names, wildcards } = issue
    ? fittingNames(namesToIssue(required, current, pending.length > 0), dc, authorities[0])
    : { names: current.leaf.names, wildcards: [] }
  return {
    reasons,
    names,
    publicNames,
    save: (saved !== undefined || publicNames.length > 0) && saved?.join() !== publicNames.join(),
    // Reported only if --public-name was given: then other names are expected to be removed.
    forgotten: requested === undefined || !current ? [] : obsoleteNames(current.leaf.names, required, dc),
    wildcards,
    pending,
  }
}

/**
 * Returns the requested names plus those added by another run since this one began; without a request the saved names.
 */
function mergedPublicNames({ requested, saved = [], known = [] }: PlanInput): string[] {
  if (requested === undefined) return [...saved]
  const merged = new Set([...requested, ...saved.filter((name) => !known.includes(name))])
  // A different order is not a reason to write.
  return merged.size === saved.length && saved.every((name) => merged.has(name)) ? [...saved] : [...merged]
}

/** Returns all names; if the certificate would be too large, a wildcard per governing Service instead of DNS names. */
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
    `cassandradatacenter/${dc.name} in namespace ${dc.namespace}: certificate too large: the TLS certificate message ` +
      `with the host IDs of ${dc.nodes.length} nodes is ${least} bytes; the limit is ${LARGEST_MESSAGE_BYTES} (Java ` +
      'rejects more than 32768)',
    {
      object: `cassandradatacenter/${dc.name} in namespace ${dc.namespace}`,
      next: [
        hint(
          `see "Large datacenters" in ${packageFile('docs/certificates.md')}: clients that verify a single public ` +
            'name do not require host IDs in the certificate',
        ),
      ],
    },
  )
}

function serviceNames(service: string, dc: Datacenter): string[] {
  const inNamespace = `${service}.${dc.namespace}`
  return [service, inNamespace, `${inNamespace}.svc`, `${inNamespace}.svc.${dc.clusterDomain}`]
}

/** Returns the ASCII form ("xn--…") of an internationalized domain name; any other text unchanged. */
function ascii(text: string): string {
  return /[^\0-\x7f]/.test(text) ? domainToASCII(text.trim()) || text : text
}
