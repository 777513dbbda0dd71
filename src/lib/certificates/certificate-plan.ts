/** Plans the certificate of a datacenter: whether to reissue it, and with which names. Pure. */
import type { Datacenter } from '../cassandra/datacenter.ts'
import { command } from '../errors.ts'
import { asHostId } from '../text/host-id.ts'
import { requirePermitted } from './authority-constraints.ts'
import type { Authorities, AuthorityPath } from './authority-path.ts'
import { fittingNames, NO_ROUTE_NAMES, requiredNames, type RouteNames, sortedNames } from './certificate-names.ts'
import {
  type CertificateSettings,
  mergedSettings,
  type RequestedSettings,
  settingChanges,
} from './certificate-settings.ts'
import { type Certificate, normalName } from './certificate.ts'
import { type Current, reasonsToIssue } from './policies.ts'
import type { Reason } from './reason.ts'

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
 * Returns the names of a new certificate: the required ones and, while a node has no host ID, the host IDs of the
 * current certificate, because a restarting node keeps its own.
 */
function namesToIssue(required: readonly string[], current: Current | undefined, nodesPending: boolean): string[] {
  const kept = nodesPending ? (current?.leaf.names.filter((name) => asHostId(name) !== undefined) ?? []) : []
  return sortedNames([...required, ...kept])
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
  /** A CA that the keystore must no longer trust. */
  retired?: AuthorityPath | undefined
  /** Content of the keystore; undefined if it has no certificate with a key, or is unreadable. */
  current: Current | undefined
  /** Why the keystore must be replaced as a whole. */
  unreadable?: string | undefined
  /** Settings saved with the keystore. */
  saved: CertificateSettings
  /** Saved settings that this run has read or written before; names added since by another run are kept. */
  known?: CertificateSettings | undefined
  /** Settings of this run, normalized. */
  requested?: RequestedSettings | undefined
  /** Additional names of the routes, which clients send as well. */
  routes?: RouteNames | undefined
  /** The certificate to use, from a file of the user. */
  given?: Certificate | undefined
  /** The certificate that cert-manager holds, if it issues them. */
  issued?: Certificate | undefined
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
  /** Settings to save. */
  settings: CertificateSettings
  /** The annotations of the keystore Secret that this changes; null removes one. */
  save: Record<string, string | null>
  /** Saved names that no longer are; the current certificate still has them. */
  forgotten: string[]
  /** Host IDs in the current certificate that `--names public` has just made superfluous. */
  superfluousHostIds: number
  /** Wildcards used instead of the nodes' own names, which would make the certificate too large. */
  wildcards: string[]
  /** Nodes whose host ID is not in the certificate, because it is not known yet. */
  pending: { pod: string; reason: string }[]
}

function replaced({ current }: PlanInput, given: Certificate): Reason[] {
  return given.fingerprint256 === current?.leaf.fingerprint256
    ? []
    : [{ code: 'Requested', message: 'another certificate was given' }]
}

/** cert-manager renews on its own schedule. */
function reissued({ current, issued }: PlanInput): Reason[] {
  return current === undefined || issued === undefined || issued.fingerprint256 === current.leaf.fingerprint256
    ? []
    : [{ code: 'Reissued', message: 'cert-manager has issued another certificate' }]
}

/**
 * Plans whether to keep the certificate or issue a new one, and with which names. Additional names are not a reason to
 * reissue: a restarting node may need them.
 * @throws CSNI405 if a certificate with all names would be too large; CSNI401 if the CA cannot sign one of them
 */
export function planCertificate(input: PlanInput): CertificatePlan {
  const { dc, authorities, current, unreadable, saved, known = saved, requested = {}, now } = input
  const { routes = NO_ROUTE_NAMES } = input
  const settings = mergedSettings(requested, saved, known)
  const required = requiredNames(dc, settings, routes)
  const withoutHostIds = settings.names === 'public'
  const pending = withoutHostIds ? [] : pendingNodes(dc)
  const { renewBeforeMs } = settings
  const found: Reason[] = [
    ...(input.renew ? [{ code: 'Requested', message: 'requested with --renew' } as const] : []),
    ...(unreadable === undefined
      ? reasonsToIssue({ current, required, authorities, retired: input.retired, renewBeforeMs, now })
      : [{ code: 'Unreadable', message: unreadable } as const]),
  ]
  const reasons =
    input.given === undefined ? (found.length > 0 ? found : reissued(input)) : replaced(input, input.given)
  const issue = reasons.length > 0 || current === undefined
  const { names, wildcards } =
    input.given !== undefined
      ? { names: input.given.names, wildcards: [] }
      : issue
        ? fittingNames(namesToIssue(required, current, pending.length > 0), {
            dc,
            routes,
            settings,
            authority: authorities[0],
          })
        : { names: current.leaf.names, wildcards: [] }
  // A CA that is being replaced signs once more, so that every node trusts both.
  if (issue && input.given === undefined && authorities.length === 1)
    requirePermitted(names, authorities[0], [command`kubectl cass-sni certs rotate-ca`])
  const namesGiven = requested.publicNames !== undefined || requested.sans !== undefined
  const isHostId = (name: string) => asHostId(name) !== undefined
  return {
    reasons,
    names,
    settings,
    save: settingChanges(saved, settings),
    // Reported only if names were given: then other names are expected to be removed.
    forgotten: namesGiven && current ? obsoleteNames(current.leaf.names, required, dc) : [],
    superfluousHostIds: requested.names === 'public' && !issue ? current.leaf.names.filter(isHostId).length : 0,
    wildcards,
    pending,
  }
}
