/** One datacenter: gathers, plans and applies as `routes sync` does, again and again. */
import { retryOvertaken } from '../changes/apply.ts'
import type { Kube } from '../cluster/kube.ts'
import { asCassSniError } from '../errors.ts'
import type { ChangeRecord } from '../events.ts'
import type { NodeRoute } from '../routes/backends/backend.ts'
import { gather, type GatherOptions } from '../routes/gather.ts'
import { type Plan, planRoutes, type RouteRequest } from '../routes/route-plan.ts'
import { pause } from '../waiting/poll.ts'
import type { Failures, RouteEvent } from './failures.ts'
import { awaitLoaded } from './loaded-routes.ts'
import { applyRoutes } from './reconcile-routes.ts'

export interface RoundContext {
  /** Serves reads from caches. */
  cached: Kube
  /** Opens the connections to the gateway pods. */
  live: Kube
  signal: AbortSignal
  report: (event: RouteEvent) => void
  failures: Failures
  /** Schedules another run in `UNSETTLED_MS`. */
  recheck: () => void
}

export interface RoundOptions {
  from: GatherOptions
  request: RouteRequest
  /** Routes that were reported before. */
  known: readonly NodeRoute[]
}

/** Between two checks of Envoys that have not loaded the routes in time, in ms. */
const RECHECK_MS = 30_000
/** Until a host ID that Cassandra contradicts is read again, in ms: the cluster reports no event when it is settled. */
export const UNSETTLED_MS = 2000

export class RouteRound {
  readonly #context: RoundContext
  readonly #options: RoundOptions
  #nodes: Map<string, string>
  /** Cancels the check for an older plan. */
  #asking: AbortController | undefined

  constructor(context: RoundContext, options: RoundOptions) {
    this.#context = context
    this.#options = options
    this.#nodes = new Map(options.known.map((node) => [node.pod, stateOf(node)]))
  }

  /** Reads, plans and applies until the signal is aborted, and reports what has changed. */
  async run(signal: AbortSignal): Promise<{ plan: Plan; changes: ChangeRecord[] }> {
    const { report, failures } = this.#context
    const startedAt = performance.now()
    const reported = new Map<string, ChangeRecord>()
    const { plan, records } = await retryOvertaken(signal, async () => {
      const next = await this.plan()
      const apply = { kube: this.#context.cached, signal, emit: () => undefined, dryRun: false, reported }
      return { plan: next, records: await applyRoutes(apply, next) }
    })
    failures.set('routes', undefined)
    const changes = records.filter(({ action }) => action !== 'unchanged')
    const nodes = this.#changedNodes(plan.routes.nodes)
    if (changes.length > 0 || nodes.length > 0)
      report({ type: 'changed', changes, nodes, tookMs: Math.round(performance.now() - startedAt) })
    if (changes.length > 0) this.#confirm(plan)
    return { plan, changes }
  }

  /** Reads and plans only. */
  async plan(): Promise<Plan> {
    const observation = await gather(this.#context.cached, this.#options.from).observation
    if (observation.datacenter.nodes.some(({ hostIdProblem }) => hostIdProblem !== undefined)) this.#context.recheck()
    return planRoutes(observation, this.#options.request)
  }

  /** Ends the check of the Envoys. */
  stop(): void {
    this.#asking?.abort()
  }

  /** Nodes whose route has changed; removed nodes are part of the changes. */
  #changedNodes(nodes: readonly NodeRoute[]): NodeRoute[] {
    const before = this.#nodes
    this.#nodes = new Map(nodes.map((node) => [node.pod, stateOf(node)]))
    return nodes.filter((node) => before.get(node.pod) !== stateOf(node))
  }

  /** Checks the Envoys in the background, so that the next change is not delayed. */
  #confirm(plan: Plan): void {
    const { live, report, failures } = this.#context
    this.stop()
    const asking = new AbortController()
    this.#asking = asking
    const signal = AbortSignal.any([this.#context.signal, asking.signal])
    awaitLoaded({ kube: live, signal, emit: () => undefined, dryRun: false }, plan).then(
      (loaded) => {
        failures.set('gateway', undefined)
        report({ type: 'loaded', loaded })
      },
      async (error: unknown) => {
        if (signal.aborted) return
        failures.set('gateway', asCassSniError(error))
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
