/** The metrics of the controller, for Prometheus. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from '@prometheus-io/client'
import type { ErrorCode } from '../lib/errors.ts'
import type { DatacenterLoop, LeaderRun } from '../lib/reconcile/follow-datacenters.ts'
import type { FollowedDatacenter } from '../lib/reconcile/followed-datacenter.ts'

export interface Metrics {
  ran(run: LeaderRun): void
  failed(code: ErrorCode): void
  /** In Prometheus' text format. */
  text(): Promise<string>
  readonly contentType: string
}

/** Upper bounds in seconds. */
const BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]

const PREFIX = 'cass_sni_'

/** Creates the metrics of a loop. */
export function metricsOf(loop: DatacenterLoop<FollowedDatacenter>, isLeader: () => boolean): Metrics {
  const registers = [new Registry()]
  const [registry] = registers as [Registry]
  collectDefaultMetrics({ register: registry })
  const syncs = new Counter({
    name: `${PREFIX}syncs_total`,
    help: 'Runs as leader, by result: changed, unchanged, failed.',
    labelNames: ['namespace', 'datacenter', 'result'],
    registers,
  })
  const errors = new Counter({
    name: `${PREFIX}errors_total`,
    help: 'Failures, by error code.',
    labelNames: ['code'],
    registers,
  })
  const seconds = new Histogram({
    name: `${PREFIX}change_to_route_seconds`,
    help: 'Time from a change in the cluster to the last write of the routes.',
    buckets: BUCKETS,
    registers,
  })
  new Gauge({
    name: `${PREFIX}nodes`,
    help: 'Nodes, by state of their route: routed, pending.',
    labelNames: ['namespace', 'datacenter', 'state'],
    registers,
    collect() {
      this.reset()
      for (const { key, routed, pending } of loop.datacenters) {
        const labels = { namespace: key.namespace, datacenter: key.name }
        this.set({ ...labels, state: 'routed' }, routed)
        this.set({ ...labels, state: 'pending' }, pending)
      }
    },
  })
  new Gauge({
    name: `${PREFIX}failing`,
    help: 'Whether the last sync of a datacenter failed.',
    labelNames: ['namespace', 'datacenter'],
    registers,
    collect() {
      this.reset()
      for (const { key, failure } of loop.datacenters)
        this.set({ namespace: key.namespace, datacenter: key.name }, failure === undefined ? 0 : 1)
    },
  })
  new Gauge({
    name: `${PREFIX}leader`,
    help: 'Whether this replica is the leader.',
    registers,
    collect() {
      this.set(isLeader() ? 1 : 0)
    },
  })
  const counted = (name: string, help: string, count: () => number) =>
    new Counter({
      name: `${PREFIX}${name}_total`,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(count())
      },
    })
  counted('watch_events', 'Received watch events.', () => loop.counts.events)
  counted('watch_failures', 'Failed lists and watches.', () => loop.counts.failures)
  counted('missed_events', 'Changes that no watch event reported, found by a later list.', () => loop.counts.missed)
  return {
    ran({ datacenter: { namespace, name }, result, seconds: took }) {
      syncs.inc({ namespace, datacenter: name, result })
      if (took !== undefined) seconds.observe(took)
    },
    failed: (code) => errors.inc({ code }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
