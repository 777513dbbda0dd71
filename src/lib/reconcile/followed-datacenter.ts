/** One datacenter in the care of the controller: its rounds, the state after them, and the record of that state. */
import { retryOvertaken } from '../changes/apply.ts'
import type { Kube, KubeObject, ResourceType } from '../cluster/kube.ts'
import { CASSANDRA_DATACENTER, ISTIO_GATEWAY, TLS_ROUTE } from '../cluster/resources.ts'
import { unless } from '../cluster/unless.ts'
import { asCassSniError, type CassSniError, throwIfAborted } from '../errors.ts'
import type { Plan } from '../routes/route-plan.ts'
import { routeNames } from '../routes/sni-names.ts'
import { changesText, createEvent, type DatacenterEvent, EventBudget } from './datacenter-events.ts'
import { Failures, type RouteEvent } from './failures.ts'
import type { DatacenterKey, Followed, FollowedEvent, FollowParts } from './followed.ts'
import { RouteRound, UNSETTLED_MS } from './route-round.ts'
import { recordSync, type SyncRecord } from './sync-record.ts'

export interface FollowedContext extends FollowParts {
  live: Kube
  /** Identity of this replica. */
  identity: string
  /** Ends the background work for this datacenter. */
  signal: AbortSignal
  report: (event: FollowedEvent) => void
  now: () => number
}

export class FollowedDatacenter implements Followed {
  readonly key: DatacenterKey
  readonly #context: FollowedContext
  readonly #failures: Failures
  readonly #round: RouteRound
  readonly #budget = new EventBudget()
  readonly #stop = new AbortController()
  /** Events to create in the next run as leader. */
  #events: DatacenterEvent[] = []
  #plan: Plan | undefined
  #recordFailure: string | undefined
  #running = false

  constructor(context: FollowedContext, key: DatacenterKey) {
    const signal = AbortSignal.any([context.signal, this.#stop.signal])
    this.key = key
    this.#context = context
    this.#failures = new Failures((event) => this.#took(event), signal)
    const { cached, live } = context
    const report = (event: RouteEvent) => this.#took(event)
    this.#round = new RouteRound(
      { cached, live, signal, report, failures: this.#failures, recheck: () => context.again(UNSETTLED_MS) },
      { from: key, request: {}, known: [] },
    )
  }

  /** Nodes that have no route yet. */
  get pending(): number {
    return this.#nodes('pending')
  }

  /** Nodes with a route, kept ones included. */
  get routed(): number {
    return (this.#plan?.routes.nodes.length ?? 0) - this.pending
  }

  get failure(): CassSniError | undefined {
    return this.#failures.current
  }

  /**
   * Plans and, during a term as leader, applies and records the state. Returns whether something was written. Throws
   * what failed, after recording it.
   */
  async run(term: AbortSignal | undefined): Promise<boolean> {
    this.#running = true
    try {
      if (term === undefined) {
        this.#plan = await this.#round.plan()
        this.#failures.set('routes', undefined)
        return false
      }
      const { plan, changes } = await this.#round.run(term)
      this.#plan = plan
      return changes.length > 0
    } catch (error) {
      throwIfAborted(this.#context.signal)
      if (term?.aborted === true) return false
      this.#failures.set('routes', asCassSniError(error))
      throw error
    } finally {
      if (term === undefined) this.#events = []
      else if (!term.aborted) await this.#record(term)
      this.#running = false
    }
  }

  /** Ends the background work. */
  stop(): void {
    this.#round.stop()
    this.#stop.abort()
  }

  #nodes(state: string): number {
    return this.#plan?.routes.nodes.filter((node) => node.state === state).length ?? 0
  }

  #took(event: RouteEvent): void {
    this.#context.report(event)
    const { type } = event
    if (type === 'changed' && event.changes.length > 0)
      this.#events.push({ type: 'Normal', reason: 'RoutesChanged', message: changesText(event.changes) })
    if (type === 'failing') {
      const { code, message } = event.error
      this.#events.push({ type: 'Warning', reason: 'RoutesFailing', message: `${code}: ${message}` })
    }
    if (type === 'recovered')
      this.#events.push({ type: 'Normal', reason: 'RoutesRecovered', message: 'routes are in sync again' })
    // a failure in the background is recorded by the next run
    if (!this.#running && (type === 'failing' || type === 'recovered')) this.#context.again()
  }

  /** Creates the Events and writes the annotation. A failure is reported once, and does not fail the run. */
  async #record(term: AbortSignal): Promise<void> {
    const { report, signal } = this.#context
    // waiting for the API server a second time would take long enough for a hung run
    if (this.failure?.code === 'CSNI201') return
    const events = this.#events.splice(0).filter(() => this.#budget.take())
    try {
      const datacenter = await this.#read(CASSANDRA_DATACENTER, this.key.name)
      if (datacenter === undefined) return
      await this.#annotate(term, datacenter)
      for (const event of events) await this.#createEvent(datacenter, event)
      this.#recordFailure = undefined
    } catch (error) {
      if (term.aborted || signal.aborted) return
      const reason = asCassSniError(error)
      if (this.#recordFailure !== reason.message) report({ type: 'unrecorded', error: reason })
      this.#recordFailure = reason.message
    }
  }

  async #createEvent(datacenter: KubeObject, event: DatacenterEvent): Promise<void> {
    const { live, identity, now } = this.#context
    await createEvent(live, datacenter, event, { instance: identity, date: new Date(now()) })
  }

  async #annotate(signal: AbortSignal, datacenter: KubeObject): Promise<void> {
    const { cached, identity, now } = this.#context
    const { failure } = this
    const record: SyncRecord = {
      time: new Date(now()).toISOString(),
      generation: datacenter.metadata.generation,
      result: failure === undefined ? 'synced' : 'failing',
      routed: this.routed,
      pending: this.pending,
      code: failure?.code,
      message: failure?.message,
      by: identity,
    }
    const { type, name } = this.#recorded()
    await retryOvertaken(signal, async () => {
      const gateway = await this.#read(type, name)
      if (gateway === undefined || gateway.metadata.deletionTimestamp !== undefined) return
      await recordSync({ kube: cached, signal, emit: () => undefined, dryRun: false }, { type, gateway, record })
    })
  }

  /**
   * The object that has the record: our Gateway in the last plan, otherwise the first TLSRoute, on a Gateway of others.
   * Without a plan, the Gateway that every plan for Istio has.
   */
  #recorded(): { type: ResourceType; name: string } {
    const planned = (this.#plan?.routes.stages ?? []).flat().filter(({ ownership }) => ownership === 'own')
    const holder = (kind: string) => planned.find(({ type }) => type.kind === kind)
    const found = holder(ISTIO_GATEWAY.kind) ?? holder(TLS_ROUTE.kind)
    return found === undefined
      ? { type: ISTIO_GATEWAY, name: routeNames(this.key.name).gateway }
      : { type: found.type, name: found.object.metadata.name }
  }

  async #read(type: ResourceType, name: string): Promise<KubeObject | undefined> {
    const { cached } = this.#context
    return unless('CSNI205', unless('CSNI203', cached.get(type, name, this.key.namespace)))
  }
}
