/** Kubernetes Events on a CassandraDatacenter, as `kubectl describe` shows them. */
import { randomBytes } from 'node:crypto'
import type { Kube, KubeObject } from '../cluster/kube.ts'
import { apiVersionOf, EVENT } from '../cluster/resources.ts'
import type { ChangeRecord } from '../events.ts'
import { listed } from '../text/listed.ts'

export interface DatacenterEvent {
  type: 'Normal' | 'Warning'
  reason:
    | 'RoutesChanged'
    | 'RoutesFailing'
    | 'RoutesRecovered'
    | 'CertificateIssued'
    | 'CertificatesFailing'
    | 'CertificatesRecovered'
  message: string
}

/** As in client-go's spam filter (tools/record/events_cache.go), but slower and per datacenter. */
const BURST = 10
const REFILL_MS = 60_000

/** The API server's limit for the message of an Event, in characters. */
const LONGEST = 1024

/** The name in the Events' source. */
const COMPONENT = 'cass-sni-controller'

/** Limits the number of Events: a burst, then one per minute. */
export class EventBudget {
  #left = BURST
  #refilledAt: number
  readonly #now: () => number

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
    this.#refilledAt = now()
  }

  /** Returns whether another Event may be created, and counts it. */
  take(): boolean {
    const refills = Math.floor((this.#now() - this.#refilledAt) / REFILL_MS)
    this.#left = Math.min(BURST, this.#left + refills)
    this.#refilledAt += refills * REFILL_MS
    if (this.#left === 0) return false
    this.#left--
    return true
  }
}

/** Creates an Event on an object. Throws CSNI203 without permission. */
export async function createEvent(
  kube: Kube,
  object: KubeObject,
  { type, reason, message }: DatacenterEvent,
  { instance, date }: { instance: string; date: Date },
): Promise<void> {
  const { name, namespace, uid } = object.metadata
  const time = date.toISOString().replace(/\.\d+Z$/, 'Z')
  await kube.apply(EVENT, {
    apiVersion: apiVersionOf(EVENT),
    kind: EVENT.kind,
    metadata: { name: `${name}.${randomBytes(8).toString('hex')}`, namespace },
    involvedObject: { apiVersion: object.apiVersion, kind: object.kind, name, namespace, uid },
    type,
    reason,
    message: message.length > LONGEST ? `${message.slice(0, LONGEST - 1)}…` : message,
    source: { component: COMPONENT },
    reportingComponent: COMPONENT,
    reportingInstance: instance,
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  })
}

/** Describes changes in one line: "2 created, 1 configured: service/a, service/b, service/c". */
export function changesText(changes: readonly ChangeRecord[]): string {
  const actions = [...new Set(changes.map(({ action }) => action))]
  const counts = actions.map((action) => `${changes.filter((each) => each.action === action).length} ${action}`)
  return `${counts.join(', ')}: ${listed(changes.map(({ object }) => object))}`
}
