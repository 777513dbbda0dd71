/** One replica of the controller: the loop, the election, the probes. */
import { randomUUID } from 'node:crypto'
import { connectKube } from '../lib/cluster/client.ts'
import { CassSniError } from '../lib/errors.ts'
import { FollowedDatacenter } from '../lib/reconcile/followed-datacenter.ts'
import type { DatacenterKey, FollowedEvent } from '../lib/reconcile/followed.ts'
import { DatacenterLoop } from '../lib/reconcile/follow-datacenters.ts'
import { Election } from '../lib/reconcile/lease.ts'
import { CONTROLLER_NAME } from '../lib/text/own-keys.ts'
import { durationText } from '../lib/text/duration-text.ts'
import { metricsOf } from './controller-metrics.ts'
import { type Log, logState } from './log-lines.ts'
import { serveProbes } from './probe-server.ts'
import type { Settings } from './settings.ts'

/** A run that takes longer hangs: the replica is restarted. */
const HUNG_MS = 120_000

/**
 * Runs until the signal is aborted, then releases the lease and resolves. Rejects if the API server cannot be
 * configured (CSNI103), the port is in use, or on an internal error.
 */
export async function runController(
  { scope, namespace, pod, port }: Settings,
  { signal, log }: { signal: AbortSignal; log: Log },
): Promise<void> {
  // outlives the signal, so that the lease can be released
  const end = new AbortController()
  const identity = `${pod}_${randomUUID()}`
  const kube = await connectKube({
    signal: end.signal,
    agent: CONTROLLER_NAME,
    warn: (message) => log('warning', message),
  })
  let leading = false
  const report = (event: FollowedEvent, datacenter?: DatacenterKey) => {
    if (event.type === 'failing') metrics.failed(event.error.code)
    logEvent(log, event, datacenter)
  }
  const loop = new DatacenterLoop(
    {
      kube,
      signal,
      report,
      follow: (parts, key) =>
        new FollowedDatacenter(
          { ...parts, live: kube, identity: pod, signal, report: (event) => report(event, key), now: Date.now },
          key,
        ),
      onRun: (run) => metrics.ran(run),
    },
    scope,
  )
  const metrics = metricsOf(loop, () => leading)
  const election = new Election({
    kube,
    namespace,
    name: CONTROLLER_NAME,
    identity,
    signal,
    onFailure: (error) => {
      if (error === undefined) log('info', 'leader election works again')
      else log('warning', 'leader election failed, retrying', { error })
    },
  })
  const lead = async (term: AbortSignal) => {
    leading = true
    log('info', 'elected as leader', { identity })
    await loop.lead(term)
    leading = false
    log('info', 'no longer the leader', { identity })
  }
  const { server, port: probePort } = await serveProbes(port, {
    hung: () => {
      const { busyMs = 0 } = loop
      return busyMs > HUNG_MS ? `a run has taken ${durationText(busyMs)}` : undefined
    },
    unready: () => (loop.synced ? undefined : 'caches are not synced'),
    metrics,
  })
  log('info', 'started', { identity, port: probePort, namespaces: scope.namespaces ?? 'all', only: scope.datacenter })
  const work = [loop.run(), election.run(lead)]
  try {
    await Promise.race(work)
  } catch (error) {
    if (!signal.aborted) throw error
    // ends with the lease released
    await Promise.allSettled(work)
  } finally {
    server.close()
    end.abort(new CassSniError('CSNI902', 'the controller has ended'))
  }
}

function logEvent(log: Log, event: FollowedEvent, datacenter: DatacenterKey | undefined): void {
  switch (event.type) {
    case 'changed':
      log('info', 'routes changed', {
        datacenter,
        changes: event.changes,
        nodes: event.nodes,
        tookMs: event.tookMs,
      })
      return
    case 'loaded':
      log('info', 'routes loaded', { datacenter, pods: event.loaded.pods, confirmed: event.loaded.confirmed })
      return
    default:
      logState(log, event, datacenter)
  }
}
