/** The program that renews certificates: one replica, with access to the Secrets of CA and keystore only. */
import { connectKube } from '../lib/cluster/client.ts'
import { CassSniError } from '../lib/errors.ts'
import { DatacenterLoop } from '../lib/reconcile/follow-datacenters.ts'
import type { DatacenterKey } from '../lib/reconcile/followed.ts'
import { durationText } from '../lib/text/duration-text.ts'
import { RENEWAL_NAME } from '../lib/text/own-keys.ts'
import { type CertificateEvent, FollowedCertificates } from './followed-certificates.ts'
import { type Log, logState } from './log-lines.ts'
import { serveProbes } from './probe-server.ts'
import { renewalMetrics } from './renewal-metrics.ts'
import type { Settings } from './settings.ts'

/** A run that takes longer hangs: longer than a node may take to reread its keystore. */
const HUNG_MS = 1_800_000

/**
 * Runs until the signal is aborted. Rejects if the API server cannot be configured (CSNI103), the port is in use, or on
 * an internal error.
 */
export async function runRenewal(
  { scope, pod, port }: Settings,
  { signal, log }: { signal: AbortSignal; log: Log },
): Promise<void> {
  const end = new AbortController()
  const kube = await connectKube({
    signal: end.signal,
    agent: RENEWAL_NAME,
    warn: (message) => log('warning', message),
  })
  const loop = new DatacenterLoop(
    {
      kube,
      signal,
      report: (event) => logState(log, event),
      follow: (parts, key) =>
        new FollowedCertificates(
          { ...parts, live: kube, identity: pod, signal, report: (event) => report(event, key), now: Date.now },
          key,
        ),
    },
    scope,
  )
  const metrics = renewalMetrics(loop)
  const report = (event: CertificateEvent, key: DatacenterKey) => {
    if (event.type === 'issued') metrics.issued(key)
    if (event.type === 'failing') metrics.failed(event.error.code)
    logEvent(log, event, key)
  }
  const { server, port: probePort } = await serveProbes(port, {
    hung: () => {
      const { busyMs = 0 } = loop
      return busyMs > HUNG_MS ? `a run has taken ${durationText(busyMs)}` : undefined
    },
    unready: () => (loop.synced ? undefined : 'caches are not synced'),
    metrics,
  })
  log('info', 'started', { port: probePort, namespaces: scope.namespaces ?? 'all', only: scope.datacenter })
  try {
    // a single replica needs no election: each write is bound to the version that was read
    await Promise.all([loop.run(), loop.lead(signal)])
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    server.close()
    end.abort(new CassSniError('CSNI902', 'the renewal has ended'))
  }
}

function logEvent(log: Log, event: CertificateEvent, datacenter: DatacenterKey): void {
  switch (event.type) {
    case 'issued': {
      const { names, notAfter, fingerprint256, reasons } = event.result.leaf
      log('info', 'certificate issued', {
        datacenter,
        names: names.length,
        notAfter,
        fingerprint256,
        reasons,
        late: event.late,
      })
      return
    }
    case 'warning':
      log('warning', event.message, { datacenter })
      return
    default:
      logState(log, event, datacenter)
  }
}
