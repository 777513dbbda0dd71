/** The time by which certificates are judged and dated: the cluster's, not that of the machine that runs this. */
import type { WorkflowContext } from './context.ts'

/** Clocks that differ less are taken as equal: a Date header counts in seconds, and answers take their time. */
const NEGLIGIBLE_MS = 5000

/**
 * Milliseconds since the epoch by the API server's clock, as its last answer told it; this machine's clock before the
 * first answer. With a clock that is ahead, a certificate would not be valid yet when the nodes and their clients read
 * it.
 */
export function clusterTime({ kube, now }: Pick<WorkflowContext, 'kube' | 'now'>): number {
  return now() + clockSkew(kube)
}

/** How far the API server's clock is ahead of this machine's, in ms; 0 when that is negligible or not known. */
export function clockSkew(kube: WorkflowContext['kube']): number {
  const skew = kube.clockSkewMs() ?? 0
  return Math.abs(skew) < NEGLIGIBLE_MS ? 0 : skew
}
