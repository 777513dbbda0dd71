/** The time used to validate and date certificates: that of the API server, not of the local machine. */
import type { WorkflowContext } from './context.ts'

/** Smaller differences are ignored: Date headers have a resolution of seconds, and responses take time. */
const NEGLIGIBLE_MS = 5000

/**
 * Returns the API server's time in milliseconds since the epoch, from its last response; the local time before the
 * first response. With a fast local clock, certificates would not be valid yet for nodes and clients.
 */
export function clusterTime({ kube, now }: Pick<WorkflowContext, 'kube' | 'now'>): number {
  return now() + clockSkew(kube)
}

/** Returns by how many ms the API server's clock is ahead of the local one; 0 if negligible or unknown. */
export function clockSkew(kube: WorkflowContext['kube']): number {
  const skew = kube.clockSkewMs() ?? 0
  return Math.abs(skew) < NEGLIGIBLE_MS ? 0 : skew
}
