/** `bundle inspect`: what is in a secure connect bundle, and whether it matches the live cluster. Changes nothing. */
import { againWithout, asCassSniError, CassSniError, command, hint, type NextStep, throwIfAborted } from '../errors.ts'
import type { Datacenter } from '../cassandra/datacenter.ts'
import type { Bundle } from '../clients/read-bundle.ts'
import {
  type BundleContents,
  type BundleFinding,
  contentsOf,
  offlineFindings,
  partsOf,
} from './bundle/bundle-contents.ts'
import { bundlePlace, parseBundle, placeText, readPlace } from './bundle/bundle-place.ts'
import { type BundleSteps, bundleSteps } from './bundle/bundle-steps.ts'
import { compareWithCluster, type LiveChoice, type LiveComparison } from './bundle/live-findings.ts'
import { clusterTime } from './cluster-time.ts'
import type { WorkflowContext } from './context.ts'

export type { BundleFinding } from './bundle/bundle-contents.ts'

export interface BundleInspectOptions extends LiveChoice {
  /** File, or Secret/NAME. */
  source: string
  /** Of the Secret; default: that of the connection. */
  secretNamespace?: string | undefined
  /** Do not compare with the cluster. */
  offline: boolean
  /** Connects to the API server. Not called offline, except for a Secret. */
  connect: () => Promise<WorkflowContext>
  /** Milliseconds since the epoch. */
  now: () => number
  signal: AbortSignal
}

export interface BundleInspectResult extends BundleContents {
  /** False if a finding is `failed` or `unknown`. */
  ok: boolean
  /** The file, or "secret/x in namespace y". */
  source: string
  /** False if the bundle was not compared with a cluster. */
  live: boolean
  findings: BundleFinding[]
}

/** Bundles of DataStax Astra: "<id>-<region>.db.astra.datastax.com". */
const ASTRA = /\.astra(-[a-z]+)?\.datastax\.com$/i

/**
 * Reads a bundle in memory. Without a cluster, its comparison is one `unknown` finding.
 * @throws CSNI101 for the source, CSNI104 for a file, CSNI204 for a Secret, CSNI107 if it is not a bundle
 */
export async function bundleInspect(options: BundleInspectOptions): Promise<BundleInspectResult> {
  const { offline, now, signal } = options
  const place = bundlePlace(options.source, options.secretNamespace)
  const context = 'secret' in place ? await options.connect() : undefined
  const namespace = context?.kube.target.namespace ?? ''
  const source = placeText(place, namespace)
  const { bytes, live } = await readPlace(place, namespace, context?.kube)
  if (bytes === undefined) throw notFound(source, 'file' in place, live !== undefined)
  const bundle = await parseBundle(bytes, source)
  const parts = partsOf(bundle)
  const time = context === undefined ? now() : clusterTime(context)
  const { steps, authority, ...compared } = await comparison(bundle, options, context, (dc) =>
    bundleSteps({ place, namespace, config: bundle.config }, dc),
  )
  const found = [...offlineFindings(bundle, parts, time, { recreate: steps.recreate, authority }), ...compared.findings]
  throwIfAborted(signal)
  return {
    ok: found.every(({ status }) => status !== 'failed' && status !== 'unknown'),
    source,
    ...contentsOf(bundle, parts),
    live: !offline && found.some(({ check }) => check === 'names'),
    findings: found,
  }
}

async function comparison(
  bundle: Bundle,
  options: BundleInspectOptions,
  context: WorkflowContext | undefined,
  stepsFor: (datacenter?: Datacenter) => BundleSteps,
): Promise<LiveComparison> {
  const { offline, signal, connect } = options
  const withoutCluster = (finding: Omit<BundleFinding, 'check'>, steps = stepsFor(), authority: NextStep[] = []) => ({
    findings: [{ check: 'datacenter' as const, ...finding }],
    steps,
    authority,
  })
  if (ASTRA.test(bundle.config.host)) {
    const message = 'a bundle of DataStax Astra, not of a datacenter in Kubernetes'
    return withoutCluster({ status: offline ? 'warning' : 'failed', message })
  }
  if (offline) {
    const finding = { status: 'skipped', message: 'not compared with a cluster (--offline)' } as const
    // the cluster decides which CA must be replaced
    return withoutCluster(finding, stepsFor(), [againWithout('offline')])
  }
  try {
    return await compareWithCluster(context ?? (await connect()), bundle, partsOf(bundle), options, stepsFor)
  } catch (error) {
    throwIfAborted(signal)
    const { code, message, next } = asCassSniError(error)
    if (code === 'CSNI903') throw error
    if (code === 'CSNI301') return withoutCluster({ status: 'failed', message, next })
    return withoutCluster({ status: 'unknown', message: `not compared with the cluster: ${message}`, next })
  }
}

function notFound(source: string, isFile: boolean, exists: boolean): CassSniError {
  if (isFile) return new CassSniError('CSNI104', `cannot read ${source}: no such file or directory`, { object: source })
  return exists
    ? new CassSniError('CSNI107', `${source}: no key ending in .zip`, { object: source })
    : new CassSniError('CSNI204', `${source} not found`, {
        object: source,
        next: [command`kubectl get secrets -A`, hint('specify its namespace with --secret-namespace')],
      })
}
