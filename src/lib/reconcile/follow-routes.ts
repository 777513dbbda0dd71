/**
 * Keeps the routes of one datacenter in sync: gathers, plans and applies as `routes sync` does, whenever a dependency
 * changes.
 */
import { retryOvertaken } from '../changes/apply.ts'
import { CachedKube } from '../cluster/cached-kube.ts'
import type { Follower, Kube } from '../cluster/kube.ts'
import { asCassSniError, type CassSniError } from '../errors.ts'
import type { ChangeRecord } from '../events.ts'
import type { NodeRoute } from '../routes/backends/backend.ts'
import { gather, type GatherOptions } from '../routes/gather.ts'
import { type Plan, planRoutes, type RouteRequest } from '../routes/route-plan.ts'
import { pause } from '../waiting/poll.ts'
import { awaitLoaded, type Loaded } from './loaded-routes.ts'
import { applyRoutes } from './reconcile-routes.ts'
import { WorkQueue } from './work-queue.ts'

/** An event while the routes are kept in sync. */
export type RouteEvent =
  /** Objects were written, or the route of a node has changed. */
  | { type: 'changed'; changes: ChangeRecord[]; nodes: NodeRoute[]; tookMs: number }
  /** Every gateway pod that could be checked has loaded the routes. */
  | { type: 'loaded'; loaded: Loaded }
  /** Syncing or watching failed and is retried. Reported once. */
  | { type: 'failing'; error: CassSniError }
  /** After `failing`. */
  | { type: 'recovered' }

export interface FollowContext {
  kube: Kube & Follower
  signal: AbortSignal
  report: (event: RouteEvent) => void
}

export interface FollowOptions {
  from: GatherOptions
  request: RouteRequest
  /** Routes that were reported before. */
  known: readonly NodeRoute[]
}

/** Between two checks of Envoys that have not loaded the routes in time, in ms. */
const RECHECK_MS = 30_000
/** Until a host ID that Cassandra contradicts is read again, in ms: the cluster reports no event when it is settled. */
const UNSETTLED_MS = 2000

/** The only key: one datacenter. */
const KEY = 'datacenter'

/**
 * Follows the cluster until the signal is aborted, then rejects with its reason. Never prompts: routes of removed nodes
 * are pruned. Failures are reported and retried.
 */
export async function followRoutes(context: FollowContext, options: FollowOptions): Promise<never> {
  const { signal } = context
  const queue = new WorkQueue({ signal })
  const failures = new Failures(context)
  const cached = new CachedKube(context.kube, {
    signal,
    onChange: () => queue.add(KEY),
    onFailure: (type, error) => failures.set(`watching ${type.plural}`, error),
  })
  const round = new Round(context, options, cached, failures, () => queue.addLater(KEY, UNSETTLED_MS))
  queue.add(KEY)
  try {
    return await queue.run(
      () => round.run(),
      (_key, error) => failures.set('routes', asCassSniError(error)),
    )
  } finally {
    await cached.ended()
  }
}

class Round {
  readonly #context: FollowContext
  readonly #options: FollowOptions
  readonly #cached: CachedKube
  readonly #failures: Failures
  readonly #recheck: () => void
  readonly #confirmed = new Map<string, string>()
  #nodes: Map<string, string>
  /** Cancels the check for an older plan. */
  #asking: AbortController | undefined

  constructor(
    context: FollowContext,
    options: FollowOptions,
    cached: CachedKube,
    failures: Failures,
    recheck: () => void,
  ) {
    this.#context = context
    this.#recheck = recheck
    this.#options = options
    this.#cached = cached
    this.#failures = failures
    this.#nodes = new Map(options.known.map((node) => [node.pod, stateOf(node)]))
  }

  async run(): Promise<void> {
    const { signal, report } = this.#context
    const startedAt = performance.now()
    const reported = new Map<string, ChangeRecord>()
    const { plan, records } = await retryOvertaken(signal, async () => {
      const from = { ...this.#options.from, confirmed: this.#confirmed }
      const observation = await gather(this.#cached, from).observation
      if (observation.datacenter.nodes.some(({ hostIdProblem }) => hostIdProblem !== undefined)) this.#recheck()
      const next = planRoutes(observation, this.#options.request)
      const apply = { kube: this.#cached, signal, emit: () => undefined, dryRun: false, reported }
      return { plan: next, records: await applyRoutes(apply, next) }
    })
    this.#failures.set('routes', undefined)
    const changes = records.filter(({ action }) => action !== 'unchanged')
    const nodes = this.#changedNodes(plan.routes.nodes)
    if (changes.length === 0 && nodes.length === 0) return
    report({ type: 'changed', changes, nodes, tookMs: Math.round(performance.now() - startedAt) })
    if (changes.length > 0) this.#confirm(plan)
  }

  /** Nodes whose route has changed; removed nodes are part of the changes. */
  #changedNodes(nodes: readonly NodeRoute[]): NodeRoute[] {
    const before = this.#nodes
    this.#nodes = new Map(nodes.map((node) => [node.pod, stateOf(node)]))
    return nodes.filter((node) => before.get(node.pod) !== stateOf(node))
  }

  /** Checks the Envoys in the background, so that the next change is not delayed. */
  #confirm(plan: Plan): void {
    this.#asking?.abort()
    const asking = new AbortController()
    this.#asking = asking
    const signal = AbortSignal.any([this.#context.signal, asking.signal])
    awaitLoaded({ kube: this.#context.kube, signal, emit: () => undefined, dryRun: false }, plan).then(
      (loaded) => {
        this.#failures.set('gateway', undefined)
        this.#context.report({ type: 'loaded', loaded })
      },
      async (error: unknown) => {
        if (signal.aborted) return
        this.#failures.set('gateway', asCassSniError(error))
        await pause(RECHECK_MS, signal).catch(() => undefined)
        if (!signal.aborted) this.#confirm(plan)
      },
    )
  }
}

/** The part of a node's route whose change is reported. */
function stateOf({ state, hostId, reason }: NodeRoute): string {
  return `${state} ${hostId ?? ''} ${reason ?? ''}`
}

/** Failures by source: each is reported once, and the recovery after the last one is resolved. */
class Failures {
  readonly #context: FollowContext
  readonly #errors = new Map<string, string>()

  constructor(context: FollowContext) {
    this.#context = context
  }

  set(where: string, error: CassSniError | undefined): void {
    const { report, signal } = this.#context
    if (signal.aborted) return
    if (error === undefined) {
      if (this.#errors.delete(where) && this.#errors.size === 0) report({ type: 'recovered' })
      return
    }
    const before = [...this.#errors.values()]
    this.#errors.set(where, error.message)
    // one cause fails several watches
    if (!before.includes(error.message)) report({ type: 'failing', error })
  }
}
