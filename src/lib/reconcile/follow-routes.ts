/** Keeps the routes of one datacenter in sync, whenever a dependency changes. */
import { CachedKube } from '../cluster/cached-kube.ts'
import type { Follower, Kube } from '../cluster/kube.ts'
import { asCassSniError } from '../errors.ts'
import { Failures, type RouteEvent } from './failures.ts'
import { type RoundOptions, RouteRound, UNSETTLED_MS } from './route-round.ts'
import { WorkQueue } from './work-queue.ts'

export interface FollowContext {
  kube: Kube & Follower
  signal: AbortSignal
  report: (event: RouteEvent) => void
}

/** The only key: one datacenter. */
const KEY = 'datacenter'

/**
 * Follows the cluster until the signal is aborted, then rejects with its reason. Never prompts: routes of removed nodes
 * are pruned. Failures are reported and retried.
 */
export async function followRoutes({ kube, signal, report }: FollowContext, options: RoundOptions): Promise<never> {
  const queue = new WorkQueue({ signal })
  const failures = new Failures(report, signal)
  const cached = new CachedKube(kube, {
    signal,
    onChange: () => queue.add(KEY),
    onFailure: (type, error) => failures.set(`watching ${type.plural}`, error),
  })
  const round = new RouteRound(
    { cached, live: kube, signal, report, failures, recheck: () => queue.addLater(KEY, UNSETTLED_MS) },
    options,
  )
  queue.add(KEY)
  try {
    return await queue.run(
      async () => void (await round.run(signal)),
      (_key, error) => failures.set('routes', asCassSniError(error)),
    )
  } finally {
    await cached.ended()
  }
}
