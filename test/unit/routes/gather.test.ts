/** How often reading for the routes has to wait for the API server. */
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import type { Kube } from '../../../src/lib/cluster/kube.ts'
import { reconcileRoutes } from '../../../src/lib/reconcile/reconcile-routes.ts'
import { gather } from '../../../src/lib/routes/gather.ts'
import { planRoutes } from '../../../src/lib/routes/route-plan.ts'
import { kubeInMemory } from '../../support/kube-in-memory.ts'
import { largeDatacenter } from '../../support/large-datacenter.ts'

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
