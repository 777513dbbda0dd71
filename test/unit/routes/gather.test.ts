/** How often reading for the routes has to wait for the API server. */
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import type { Kube } from '../../../src/lib/cluster/kube.ts'
import { POD, SERVICE } from '../../../src/lib/cluster/resources.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { applyRoutes, reconcileRoutes } from '../../../src/lib/reconcile/reconcile-routes.ts'
import { gather } from '../../../src/lib/routes/gather.ts'
import { planRoutes } from '../../../src/lib/routes/route-plan.ts'
import { kubeInMemory } from '../../support/kube-in-memory.ts'
import { largeDatacenter } from '../../support/large-datacenter.ts'
import { httpAnswer } from '../../support/pod-answers.ts'

/** Answers all requests of a round trip together, when no more are made; counts the round trips. */
function inRoundTrips(kube: Kube): { kube: Kube; trips: () => number } {
  let trips = 0
  let trip: Promise<void> | undefined
  const together = async <T>(ask: () => Promise<T>): Promise<T> => {
    trip ??= pause(5).then(() => {
      trips++
      trip = undefined
    })
    await trip
    return ask()
  }
  const slow: Kube = {
    ...kube,
    get: (...asked) => together(() => kube.get(...asked)),
    list: (...asked) => together(() => kube.list(...asked)),
    servedVersions: (...asked) => together(() => kube.servedVersions(...asked)),
  }
  return { kube: slow, trips: () => trips }
}

/** Pods that were created again, in a cluster whose nodes cannot be asked. */
describe('a host ID', () => {
  it('is confirmed when the pod is newer than its route, in a watch once for each pod', async () => {
    const objects = largeDatacenter(2)
    const asked: string[] = []
    const { kube: written } = kubeInMemory('cass-operator', objects, { 'networking.istio.io': ['v1beta1'] })
    const hostIds = objects.flatMap(({ kind, status }) =>
      kind === 'CassandraDatacenter'
        ? Object.values((status as { nodeStatuses: Record<string, { hostID: string }> }).nodeStatuses)
        : [],
    )
    const addresses = objects.flatMap(({ kind, status }) =>
      kind === 'Pod' && (status as { podIP?: string }).podIP !== undefined ? [(status as { podIP: string }).podIP] : [],
    )
    const entity = hostIds.map(({ hostID }, n) => ({
      HOST_ID: hostID,
      ENDPOINT_IP: addresses[n],
      STATUS_WITH_PORT: 'NORMAL,1',
    }))
    const kube: Kube = {
      ...written,
      connect: async ({ name }, port) => {
        if (port !== 8080) throw new CassSniError('CSNI601', 'no Envoy')
        asked.push(name)
        return httpAnswer(JSON.stringify({ entity }))
      },
    }
    const wish = { namespace: 'cass-operator' }
    const context = { kube, signal: new AbortController().signal, emit: () => undefined, dryRun: false }
    await applyRoutes(context, planRoutes(await gather(kube, wish).observation, { mode: 'sni' }))
    assert.equal(asked.length, 1, 'before the first route')
    for (const service of await kube.list(SERVICE)) {
      service.metadata.creationTimestamp = '2026-01-01T00:00:00Z'
      for (const entry of service.metadata.managedFields ?? []) entry.time = '2026-01-01T00:00:00Z'
    }
    const pods = await kube.list(POD, { namespace: 'cass-operator' })
    for (const pod of pods) pod.metadata.creationTimestamp = '2025-12-31T00:00:00Z'
    await gather(kube, wish).observation
    assert.equal(asked.length, 1, 'older than their routes')
    const [pod] = pods
    if (pod !== undefined) pod.metadata.creationTimestamp = '2026-01-02T00:00:00Z'
    await gather(kube, wish).observation
    assert.equal(asked.length, 2, 'one pod is newer')
    const confirmed = new Map<string, string>()
    await gather(kube, { ...wish, confirmed }).observation
    await gather(kube, { ...wish, confirmed }).observation
    assert.equal(asked.length, 3, 'once in a watch')
    assert.deepEqual([...confirmed.values()].sort(), hostIds.map(({ hostID }) => hostID).sort())
    if (pod !== undefined) pod.metadata.uid = 'another'
    await gather(kube, { ...wish, confirmed }).observation
    assert.equal(asked.length, 4, 'another pod')
  })
})

describe('reading for routes that are there', () => {
  it('takes one round trip', async () => {
    const { kube } = kubeInMemory('cass-operator', largeDatacenter(2), { 'networking.istio.io': ['v1', 'v1beta1'] })
    const wish = { namespace: 'cass-operator' }
    const context = { signal: new AbortController().signal, emit: () => undefined, dryRun: false }
    const plan = planRoutes(await gather(kube, wish).observation, { mode: 'sni' })
    await reconcileRoutes({ kube, ...context }, plan)
    const slow = inRoundTrips(kube)
    await gather(slow.kube, wish).observation
    assert.equal(slow.trips(), 1)
  })
})
