/** The metrics of the renewal of certificates, for Prometheus. */
import { collectDefaultMetrics, Counter, Gauge, Registry } from '@prometheus-io/client'
import type { ErrorCode } from '../lib/errors.ts'
import type { DatacenterLoop } from '../lib/reconcile/follow-datacenters.ts'
import type { DatacenterKey } from '../lib/reconcile/followed.ts'
import type { FollowedCertificates } from './followed-certificates.ts'

export interface RenewalMetrics {
  issued(datacenter: DatacenterKey): void
  failed(code: ErrorCode): void
  /** In Prometheus' text format. */
  text(): Promise<string>
  readonly contentType: string
}

const PREFIX = 'cass_sni_'

/** Creates the metrics of a loop. */
export function renewalMetrics(loop: DatacenterLoop<FollowedCertificates>): RenewalMetrics {
  const registers = [new Registry()]
  const [registry] = registers as [Registry]
  collectDefaultMetrics({ register: registry })
  const labelNames = ['namespace', 'datacenter']
  const issued = new Counter({
    name: `${PREFIX}certificates_issued_total`,
    help: 'Node certificates that were issued.',
    labelNames,
    registers,
  })
  const errors = new Counter({
    name: `${PREFIX}errors_total`,
    help: 'Failures, by error code.',
    labelNames: ['code'],
    registers,
  })
  const gauge = (name: string, help: string, value: (each: FollowedCertificates) => number | undefined) =>
    new Gauge({
      name: `${PREFIX}${name}`,
      help,
      labelNames,
      registers,
      collect() {
        this.reset()
        for (const each of loop.datacenters) {
          const found = value(each)
          if (found !== undefined) this.set({ namespace: each.key.namespace, datacenter: each.key.name }, found)
        }
      },
    })
  gauge('certificate_expiry_timestamp_seconds', 'When the node certificate expires.', ({ expires }) =>
    expires === undefined ? undefined : expires / 1000,
  )
  gauge('failing', 'Whether the last run of a datacenter failed.', ({ failure }) => (failure === undefined ? 0 : 1))
  return {
    issued: ({ namespace, name }) => issued.inc({ namespace, datacenter: name }),
    failed: (code) => errors.inc({ code }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
