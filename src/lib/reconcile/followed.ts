/** What the loop of the controller and those that it follows know of each other. */
import type { CachedKube } from '../cluster/cached-kube.ts'
import type { CassSniError } from '../errors.ts'
import type { RouteEvent } from './failures.ts'

export interface DatacenterKey {
  namespace: string
  name: string
}

export type FollowedEvent =
  | RouteEvent
  /** The state could not be recorded in the cluster. What the datacenter needs is not affected. */
  | { type: 'unrecorded'; error: CassSniError }

/** One datacenter in the care of the loop. */
export interface Followed {
  readonly key: DatacenterKey
  /**
   * Observes and, during a term as leader, writes. Returns whether something was written. Throws what failed, after
   * reporting it.
   */
  run(term: AbortSignal | undefined): Promise<boolean>
  /** Ends the background work. */
  stop(): void
}

/** What the loop gives to each of them. */
export interface FollowParts {
  cached: CachedKube
  /** Schedules another run, immediately or in this time, in ms. */
  again: (inMs?: number) => void
}
