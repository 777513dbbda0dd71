/** The node certificates of one datacenter: renewed when they are due, and when a node gets a host ID. */
import { observeDatacenter } from '../lib/cassandra/observe-datacenter.ts'
import type { Datacenter } from '../lib/cassandra/datacenter.ts'
import type { Kube } from '../lib/cluster/kube.ts'
import { CASSANDRA_DATACENTER } from '../lib/cluster/resources.ts'
import { asCassSniError, type CassSniError, throwIfAborted } from '../lib/errors.ts'
import { createEvent, type DatacenterEvent, EventBudget } from '../lib/reconcile/datacenter-events.ts'
import { Failures, type RouteEvent } from '../lib/reconcile/failures.ts'
import type { DatacenterKey, Followed, FollowParts } from '../lib/reconcile/followed.ts'
import { type CertsResult, certs } from '../lib/workflows/certs-workflow.ts'

/** Time after which everything is checked again, in ms: certificates become due without a change in the cluster. */
const PERIOD_MS = 3_600_000
/** The same while a node does not serve the certificate yet, in ms. */
const LATE_MS = 60_000

export type CertificateEvent =
  | Extract<RouteEvent, { type: 'failing' | 'recovered' }>
  /** A new certificate was issued, and every running node serves it or is reported as late. */
  | { type: 'issued'; result: CertsResult; late: string[] }
  /** What `certs` would print as a warning. */
  | { type: 'warning'; message: string }
  /** The Event could not be created. The certificates are not affected. */
  | { type: 'unrecorded'; error: CassSniError }

export interface CertificatesContext extends FollowParts {
  live: Kube
  /** Identity of this replica. */
  identity: string
  signal: AbortSignal
  report: (event: CertificateEvent) => void
  now: () => number
}

export class FollowedCertificates implements Followed {
  readonly key: DatacenterKey
  readonly #context: CertificatesContext
  readonly #failures: Failures
  readonly #budget = new EventBudget()
  #events: DatacenterEvent[] = []
  /** The nodes of the last complete run, and when the next one is due. */
  #done: { nodes: string; until: number } | undefined
  #expires: number | undefined
  #warned = new Set<string>()

  constructor(context: CertificatesContext, key: DatacenterKey) {
    this.key = key
    this.#context = context
    this.#failures = new Failures((event) => this.#took(event), context.signal)
  }

  get failure(): CassSniError | undefined {
    return this.#failures.current
  }

  /** When the certificate in the Secret expires, in ms since the epoch; undefined before the first run. */
  get expires(): number | undefined {
    return this.#expires
  }

  async run(term: AbortSignal | undefined): Promise<boolean> {
    if (term === undefined) return false
    const { cached, signal, now } = this.#context
    try {
      const nodes = nodesOf(await observeDatacenter(cached, this.key))
      if (this.#done !== undefined && this.#done.nodes === nodes && now() < this.#done.until) return false
      return await this.#renew(nodes, term)
    } catch (error) {
      throwIfAborted(signal)
      if (term.aborted) return false
      this.#failures.set('certificates', asCassSniError(error))
      throw error
    } finally {
      await this.#record()
    }
  }

  stop(): void {
    // runs are not stopped: each of them ends
  }

  async #renew(nodes: string, term: AbortSignal): Promise<boolean> {
    const { live, signal, now, report, again } = this.#context
    const { namespace, name } = this.key
    const result = await certs(
      {
        kube: live,
        signal: AbortSignal.any([signal, term]),
        emit: (event) => {
          if (event.type === 'warning') this.#warn(event.message)
        },
        dryRun: false,
        now,
      },
      { namespace, datacenter: name },
    )
    const late = result.nodes.filter((node) => !node.live).map(({ pod }) => pod)
    const inMs = late.length === 0 ? PERIOD_MS : LATE_MS
    this.#done = { nodes, until: now() + inMs }
    again(inMs)
    this.#expires = Date.parse(result.leaf.notAfter)
    this.#failures.set('certificates', undefined)
    if (!result.leaf.issued) return false
    const { leaf } = result
    report({ type: 'issued', result, late })
    const message = `issued ${leaf.fingerprint256?.slice(0, 11) ?? ''}, valid until ${leaf.notAfter.slice(0, 10)}: `
    this.#events.push({ type: 'Normal', reason: 'CertificateIssued', message: message + leaf.reasons.join('; ') })
    return true
  }

  /** Each warning once. */
  #warn(message: string): void {
    if (this.#warned.has(message)) return
    this.#warned.add(message)
    this.#context.report({ type: 'warning', message })
  }

  #took(event: RouteEvent): void {
    if (event.type !== 'failing' && event.type !== 'recovered') return
    this.#context.report(event)
    if (event.type === 'recovered')
      this.#events.push({ type: 'Normal', reason: 'CertificatesRecovered', message: 'certificates are in order again' })
    else {
      const { code, message } = event.error
      this.#events.push({ type: 'Warning', reason: 'CertificatesFailing', message: `${code}: ${message}` })
    }
  }

  /** Creates the Events. A failure is reported, and does not fail the run. */
  async #record(): Promise<void> {
    const { cached, live, identity, signal, now, report } = this.#context
    const events = this.#events.splice(0).filter(() => this.#budget.take())
    if (events.length === 0 || signal.aborted) return
    try {
      const datacenter = await cached.get(CASSANDRA_DATACENTER, this.key.name, this.key.namespace)
      if (datacenter === undefined) return
      for (const event of events)
        await createEvent(live, datacenter, event, { instance: identity, date: new Date(now()) })
    } catch (error) {
      if (!signal.aborted) report({ type: 'unrecorded', error: asCassSniError(error) })
    }
  }
}

/** What the certificate must cover, and which pods must serve it. */
function nodesOf({ nodes }: Datacenter): string {
  return nodes.map(({ pod, podUid, hostId = '', state }) => `${pod} ${podUid} ${hostId} ${state}`).join('\n')
}
