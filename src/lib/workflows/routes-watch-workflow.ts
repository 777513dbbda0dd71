/** `routes sync --watch`: syncs once, then keeps the routes in sync. */
import type { Follower, Kube } from '../cluster/kube.ts'
import type { RouteEvent } from '../reconcile/failures.ts'
import { followRoutes } from '../reconcile/follow-routes.ts'
import type { Loaded } from '../reconcile/loaded-routes.ts'
import type { NodeRoute } from '../routes/backends/backend.ts'
import type { WorkflowContext } from './context.ts'
import { type RoutesSyncOptions, type RoutesSyncResult, syncRoutes } from './routes-sync-workflow.ts'

export interface WatchContext extends WorkflowContext {
  kube: Kube & Follower
}

/** Events of the watch; the first is the result of the sync. */
export type RoutesWatchEvent = ({ type: 'synced' } & RoutesSyncResult) | RouteEvent

/** The result in a line of `-o json`. A failure is in the `error` of the envelope. */
export interface RoutesWatchLine {
  /** ISO 8601. */
  time: string
  event: RoutesWatchEvent['type']
  /** For `synced` all nodes, for `changed` those whose route has changed. */
  nodes?: NodeRoute[] | undefined
  /** For `synced` and `loaded`. */
  loaded?: Loaded | undefined
  /** From the observed change to the last write, in ms. */
  tookMs?: number | undefined
}

/**
 * Syncs as `routes sync` does, prompts included, then keeps the routes in sync with the same choices until the signal
 * is aborted, and rejects with its reason. Throws as `syncRoutes` does; later failures are reported and retried.
 */
export async function watchRoutes(
  context: WatchContext,
  options: RoutesSyncOptions,
  report: (event: RoutesWatchEvent) => Promise<void> | void,
): Promise<never> {
  const result = await syncRoutes(context, options)
  await report({ type: 'synced', ...result })
  const { datacenter, namespace, api, gateway, gatewayClass, port, mode, nodes } = result
  return followRoutes(
    { kube: context.kube, signal: context.signal, report: (event) => void report(event) },
    {
      from: { namespace, name: datacenter, api, gateway, gatewayClass, port, clusterDomain: options.clusterDomain },
      request: { mode, port },
      known: nodes,
    },
  )
}
