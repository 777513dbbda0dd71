/** The metadata service of one datacenter: every replica answers from its own cache, without an election. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Datacenter } from '../lib/cassandra/datacenter.ts'
import { confirmHostIds } from '../lib/cassandra/confirm-host-ids.ts'
import { observeDatacenter } from '../lib/cassandra/observe-datacenter.ts'
import { CachedKube } from '../lib/cluster/cached-kube.ts'
import { connectKube } from '../lib/cluster/client.ts'
import { SERVICE } from '../lib/cluster/resources.ts'
import { contactPoints, METADATA_PATH, metadataDocument } from '../lib/clients/metadata-document.ts'
import { createTlsMetadataServer, replaceCertificate } from '../lib/connection/metadata-server.ts'
import { asCassSniError, CassSniError } from '../lib/errors.ts'
import { Failures } from '../lib/reconcile/failures.ts'
import { WorkQueue } from '../lib/reconcile/work-queue.ts'
import { confirmedIn } from '../lib/routes/confirmed-host-ids.ts'
import { durationText } from '../lib/text/duration-text.ts'
import { METADATA_NAME } from '../lib/text/own-keys.ts'
import { pause } from '../lib/waiting/poll.ts'
import { type MountedCertificate, readCertificateFiles } from './certificate-files.ts'
import { type Log, logState } from './log-lines.ts'
import { metadataMetrics } from './metadata-metrics.ts'
import { serveProbes } from './probe-server.ts'
import type { Settings } from './settings.ts'

/** A run that takes longer hangs: the replica is restarted. */
const HUNG_MS = 120_000
/** The kubelet replaces the files up to two minutes after the Secret has changed. */
const REREAD_MS = 10_000

/** From the signal to the end. */
const DRAIN_MS = 5_000

/** The only key of the queue. */
const DATACENTER = 'datacenter'

/**
 * Runs until the signal is aborted. Rejects if the API server cannot be configured (CSNI103), a port is in use, the
 * certificate cannot be read, or on an internal error.
 */
export async function runMetadata(
  { metadata: settings, port }: Settings,
  { signal, log }: { signal: AbortSignal; log: Log },
): Promise<void> {
  if (settings === undefined) throw new Error('no settings for the metadata service')
  const { datacenter: key, name } = settings
  const end = new AbortController()
  const kube = await connectKube({
    signal: end.signal,
    agent: METADATA_NAME,
    warn: (message) => log('warning', message),
  })
  let certificate = await readCertificateFiles(settings.certificate)
  let datacenter: Datacenter | undefined
  const points = () => (datacenter === undefined ? [] : contactPoints(datacenter))
  const metrics = metadataMetrics({ points: () => points().length, expires: () => certificate.notAfter })
  const failures = new Failures((event) => logState(log, event), signal)
  const queue = new WorkQueue({ signal })
  const cached = new CachedKube(kube, {
    signal,
    onChange: () => queue.add(DATACENTER),
    onFailure: (type, error) => failures.set(`watching ${type.plural}`, error),
  })
  const observe = async () => {
    const before = points().join()
    try {
      const [observed, services] = await Promise.all([
        observeDatacenter(cached, key),
        cached.list(SERVICE, { namespace: key.namespace }),
      ])
      // the status may have the host ID of a former pod; what the routes controller has confirmed counts
      datacenter = await confirmHostIds(cached, observed, confirmedIn(services))
    } catch (error) {
      // otherwise the last document stays: the API server may be unreachable
      if (error instanceof CassSniError && error.code === 'CSNI301') datacenter = undefined
      throw error
    }
    failures.set(DATACENTER, undefined)
    const after = points()
    if (after.join() !== before) log('info', 'contact points changed', { contactPoints: after })
  }
  const server = createTlsMetadataServer(
    {
      path: METADATA_PATH,
      name,
      document: (address) => datacenter && metadataDocument(datacenter, address),
      onResponse: metrics.answered,
    },
    certificate,
  )
  server.listen(settings.port)
  await once(server, 'listening')
  const probes = await serveProbes(port, {
    hung: () => {
      const { busyMs = 0 } = queue
      return busyMs > HUNG_MS ? `a run has taken ${durationText(busyMs)}` : undefined
    },
    unready: () => {
      if (signal.aborted) return 'ending'
      return points().length > 0 ? undefined : 'no host ID of a ready node is known'
    },
    metrics,
  })
  const { port: served } = server.address() as AddressInfo
  log('info', 'started', { datacenter: key, name, port: served, probePort: probes.port })
  queue.add(DATACENTER)
  const work = [
    queue.run(observe, (_key, error) => failures.set(DATACENTER, asCassSniError(error))),
    followCertificate(settings.certificate, certificate, signal, {
      replaced: (next) => {
        certificate = next
        replaceCertificate(server, next)
        log('info', 'certificate replaced', { notAfter: new Date(next.notAfter).toISOString() })
      },
      failed: (error) => failures.set('certificate', error),
    }),
  ]
  try {
    await Promise.all(work)
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    // until Envoy has loaded the change of endpoints, it sends connections here
    if (signal.aborted) await sleep(DRAIN_MS)
    server.close()
    server.closeIdleConnections()
    probes.server.close()
    await Promise.allSettled([...work, cached.ended()])
    end.abort(new CassSniError('CSNI902', 'the metadata service has ended'))
  }
}

/** Reads the files again and again, until the signal is aborted, then rejects with its reason. */
async function followCertificate(
  directory: string,
  first: MountedCertificate,
  signal: AbortSignal,
  on: { replaced: (certificate: MountedCertificate) => void; failed: (error: CassSniError | undefined) => void },
): Promise<never> {
  let current = first
  for (;;) {
    await pause(REREAD_MS, signal)
    try {
      const next = await readCertificateFiles(directory)
      on.failed(undefined)
      if (next.cert === current.cert) continue
      current = next
      on.replaced(next)
    } catch (error) {
      on.failed(asCassSniError(error))
    }
  }
}
