/** The metrics of the metadata service, for Prometheus. */
import { collectDefaultMetrics, Counter, Gauge, Registry } from '@prometheus-io/client'

export interface MetadataMetrics {
  answered(status: number): void
  /** In Prometheus' text format. */
  text(): Promise<string>
  readonly contentType: string
}

const PREFIX = 'cass_sni_'

/** Creates the metrics. `expires`: in ms since the epoch. */
export function metadataMetrics({ points, expires }: { points: () => number; expires: () => number }): MetadataMetrics {
  const registers = [new Registry()]
  const [registry] = registers as [Registry]
  collectDefaultMetrics({ register: registry })
  const answers = new Counter({
    name: `${PREFIX}metadata_responses_total`,
    help: 'Responses of the metadata service, by HTTP status.',
    labelNames: ['status'],
    registers,
  })
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name: `${PREFIX}${name}`,
      help,
      registers,
      collect() {
        this.set(value())
      },
    })
  gauge('metadata_contact_points', 'Host IDs of ready nodes in the metadata document.', points)
  gauge('metadata_certificate_expiry_timestamp_seconds', "When the service's certificate expires.", () =>
    Math.floor(expires() / 1000),
  )
  return {
    answered: (status) => answers.inc({ status: String(status) }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
