/** The commands that fix what `bundle inspect` finds. Pure. */
import type { Authorities } from '../../certificates/authority-path.ts'
import type { Certificate } from '../../certificates/certificate.ts'
import { expired, expiresSoon } from '../../certificates/reason.ts'
import type { BundleConfig } from '../../clients/read-bundle.ts'
import { command, type NextStep } from '../../errors.ts'
import type { BundlePlace } from './bundle-place.ts'

export interface BundleSteps {
  /** Flags that select the datacenter of the bundle. */
  target: string[]
  /** Creates the bundle again at its place, with its public name and login. None if its datacenter is not known. */
  recreate: NextStep[]
  /** The same, with the current password of its role. */
  updateLogin: NextStep[]
}

/**
 * @param namespace of a Secret without a namespace
 * @param found the datacenter that the bundle was compared with; default: that in the bundle
 */
export function bundleSteps(
  { place, namespace, config }: { place: BundlePlace; namespace: string; config: BundleConfig },
  found?: { namespace: string; name: string },
): BundleSteps {
  const dc = { namespace: found?.namespace ?? config.namespace, name: found?.name ?? config.datacenter }
  if (dc.namespace === undefined || dc.name === undefined) return { target: [], recreate: [], updateLogin: [] }
  const target = ['-n', dc.namespace, '-d', dc.name]
  const isOwn = dc.namespace === config.namespace && dc.name === config.datacenter
  const out =
    'file' in place
      ? ['--out', place.file]
      : ['--out', `Secret/${place.secret}`, '--secret-namespace', place.namespace ?? namespace]
  const isMapped = config.gatewayPort !== undefined
  const publicPort = isMapped ? ['--public-port', String(config.port)] : []
  // bundle create does not overwrite a bundle of another datacenter
  const flags = [...target, '--public-name', config.host, ...publicPort, ...(isOwn ? out : [])]
  return {
    target,
    recreate: [command`kubectl cass-sni bundle create ${flags}`],
    updateLogin:
      config.username === undefined
        ? []
        : [command`kubectl cass-sni bundle create ${flags} --with-password --username ${config.username}`],
  }
}

/** What is known of the datacenter's CA. */
export interface LiveAuthority {
  authorities: Authorities
  /** The cert-manager issuer that renews it. */
  issuer: string | undefined
}

/**
 * Returns the commands for a node's certificate that does not verify with the bundle because of the CA: a new bundle if
 * the datacenter has another one, a new CA if it has expired. None if the CA is not the cause, or cannot be read.
 * @param live undefined if it cannot be read
 * @param now milliseconds since the epoch
 */
export function trustSteps(
  { target, recreate }: BundleSteps,
  bundled: readonly Certificate[],
  live: LiveAuthority | undefined,
  now: number,
): NextStep[] {
  if (live === undefined) return []
  const known = new Set(bundled.map(({ fingerprint256 }) => fingerprint256))
  if (!live.authorities.flat().every(({ fingerprint256 }) => known.has(fingerprint256))) return recreate
  // a CA of cert-manager is renewed there
  if (live.issuer !== undefined || expired(live.authorities[0][0], now) === undefined) return []
  return [command`kubectl cass-sni certs rotate-ca --expired ${target}`]
}

/** Returns the same for the bundle's CA, which may also expire soon. */
export function authoritySteps(
  steps: BundleSteps,
  bundled: readonly Certificate[],
  live: LiveAuthority | undefined,
  now: number,
): NextStep[] {
  const urgent = trustSteps(steps, bundled, live, now)
  if (urgent.length > 0 || live === undefined || live.issuer !== undefined) return urgent
  const isSoon = expiresSoon(live.authorities[0][0], now) !== undefined
  return isSoon ? [command`kubectl cass-sni certs rotate-ca ${steps.target}`] : []
}

/** Returns the steps of all findings, each once. */
export function distinctSteps(findings: readonly { next?: NextStep[] | undefined }[]): NextStep[] {
  const steps = findings.flatMap(({ next = [] }) => next)
  return [...new Map(steps.map((step) => [JSON.stringify(step), step])).values()]
}
