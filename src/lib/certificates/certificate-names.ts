/** The names of a datacenter's certificate, within the limit of its size. Pure. */
import { isIP } from 'node:net'
import type { Datacenter } from '../cassandra/datacenter.ts'
import { again, CassSniError, hint } from '../errors.ts'
import { asHostId } from '../text/host-id.ts'
import { packageFile } from '../text/package-file.ts'
import { type AuthorityPath, servedAuthorities } from './authority-path.ts'
import type { CertificateSettings } from './certificate-settings.ts'
import { normalName } from './certificate.ts'
import { leafBytes } from './issue.ts'
import { certificateMessageBytes, LARGEST_MESSAGE_BYTES } from './message-size.ts'
import { coverage } from './policies.ts'

/** Additional names that the routes serve. */
export interface RouteNames {
  /** Names that reach any node. */
  anyNode: readonly string[]
  /** Names of one node, from templates. */
  perNode: readonly string[]
}

export const NO_ROUTE_NAMES: RouteNames = { anyNode: [], perNode: [] }

/**
 * Returns the name that cass-operator uses in its certificates, also as alias and common name (k8ssandra/cass-operator
 * pkg/utils/crypto.go GenerateJKS).
 */
export function operatorName(dc: Datacenter): string {
  return `${dc.name}.${dc.namespace}.cassdc`
}

/**
 * Returns every name that the datacenter's certificate must have: cass-operator's name, the datacenter's Services, the
 * DNS name of each node, the names that the routes serve, the public names and SANs, and without `names: public` every
 * host ID. Sorted, so the same names are always the same list.
 */
export function requiredNames(
  dc: Datacenter,
  settings: CertificateSettings,
  routes: RouteNames = NO_ROUTE_NAMES,
): string[] {
  return sortedNames([
    operatorName(dc),
    ...serviceNames(dc.service, dc),
    ...dc.nodes.flatMap((node) => [node.dnsName, node.dnsName.slice(node.pod.length + 1)]),
    ...(settings.names === 'public' ? [] : dc.nodes.flatMap(({ hostId }) => hostId ?? [])),
    ...routes.anyNode,
    ...routes.perNode,
    ...(settings.publicNames ?? []),
    ...(settings.sans ?? []),
  ])
}

/** Names of a certificate that are not too many. */
export interface FittingNames {
  names: string[]
  /** Wildcards used instead of names of one node. */
  wildcards: string[]
}

/**
 * Returns the names within the limit: all of them; else a wildcard for each governing Service's domain instead of the
 * nodes' DNS names; else wildcards also for the domains of the routes' templates. With `names: public`, both wildcards
 * from the start. The size is measured as DER.
 * @throws CSNI405 if these are still too many
 */
export function fittingNames(
  names: readonly string[],
  { dc, routes, authority, settings }: NamesInput & { authority: AuthorityPath },
): FittingNames {
  const bytes = (some: readonly string[]) =>
    certificateMessageBytes([
      leafBytes({ names: some, authority: authority[0], commonName: operatorName(dc) }),
      ...servedAuthorities(authority).map(({ der }) => der.length),
    ])
  const governing = wildcardsFor(dc.nodes.map(({ dnsName, pod }) => dnsName.slice(pod.length)))
  const templates = wildcardsFor(routes.perNode.map((name) => name.slice(name.indexOf('.'))))
  const levels = [governing, [...governing, ...templates]].map((wildcards) => withWildcards(names, wildcards))
  const candidates =
    settings.names === 'public' ? levels.slice(1) : [{ names: sortedNames(names), wildcards: [] }, ...levels]
  for (const candidate of candidates) if (bytes(candidate.names) <= LARGEST_MESSAGE_BYTES) return candidate
  throw tooLarge(dc, bytes(candidates.at(-1)?.names ?? []), settings)
}

export interface NamesInput {
  dc: Datacenter
  routes: RouteNames
  settings: CertificateSettings
}

/** Returns names without duplicates in a stable order: DNS names, host IDs, IP addresses. */
export function sortedNames(names: readonly string[]): string[] {
  const rank = (name: string) => (isIP(name) !== 0 ? 2 : asHostId(name) === undefined ? 0 : 1)
  const ranked = [...new Set(names.map(normalName))].map((name) => [rank(name), name] as const)
  return ranked.sort(([a, first], [b, second]) => a - b || (first < second ? -1 : 1)).map(([, name]) => name)
}

/** @param domains beginning with a dot */
function wildcardsFor(domains: readonly string[]): string[] {
  return [...new Set(domains)].map((domain) => `*${normalName(domain)}`)
}

function withWildcards(names: readonly string[], wildcards: readonly string[]): FittingNames {
  const covered = coverage(wildcards)
  return { names: sortedNames([...wildcards, ...names.filter((name) => !covered(name))]), wildcards: [...wildcards] }
}

function serviceNames(service: string, dc: Datacenter): string[] {
  const inNamespace = `${service}.${dc.namespace}`
  return [service, inNamespace, `${inNamespace}.svc`, `${inNamespace}.svc.${dc.clusterDomain}`]
}

function tooLarge(dc: Datacenter, bytes: number, { names }: CertificateSettings): CassSniError {
  const object = `cassandradatacenter/${dc.name} in namespace ${dc.namespace}`
  const what = names === 'public' ? 'all public names' : `the host IDs of ${dc.nodes.length} nodes`
  return new CassSniError(
    'CSNI405',
    `${object}: certificate too large: the TLS certificate message with ${what} is ${bytes} bytes; the limit is ` +
      `${LARGEST_MESSAGE_BYTES} (Java rejects more than 32768)`,
    {
      object,
      next:
        names === 'public'
          ? [hint('use fewer names, or a wildcard such as *.cassandra.example.com, with --public-name and --san')]
          : [
              again`--names public`,
              hint(
                'without host IDs, clients verify a public name or DNS name; clients that verify host IDs fail (see ' +
                  `"Large datacenters" in ${packageFile('docs/certificates.md')})`,
              ),
            ],
    },
  )
}
