/** How often reading for the routes has to wait for the API server. */
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import type { Kube } from '../../../src/lib/cluster/kube.ts'
import { DATACENTER_LABEL } from '../../../src/lib/cassandra/resource-names.ts'
import { POD, SERVICE } from '../../../src/lib/cluster/resources.ts'
import type { Pod } from '../../../src/lib/cluster/workloads.ts'
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

describe('a host ID', () => {
  it('is confirmed once for each pod, as its Service records', async () => {
    const objects = largeDatacenter(2)
    const { kube: cluster } = kubeInMemory('cass-operator', objects, { 'networking.istio.io': ['v1beta1'] })
    const pods = await cluster.list<Pod>(POD, { namespace: 'cass-operator', labelSelector: DATACENTER_LABEL })
    pods.forEach((pod, n) => {
      pod.metadata.uid = `uid-${n}`
    })
    const ids = ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b']
    const asked: string[] = []
    const kube: Kube = {
      ...cluster,
      connect: async ({ name }, port) => {
        if (port !== 8080) throw new CassSniError('CSNI601', 'no Envoy')
        asked.push(name)
        const entity = pods.map(({ metadata, status }, n) => ({
          HOST_ID: ids[n],
          ENDPOINT_IP: status?.podIP,
          STATUS_WITH_PORT: 'NORMAL,1',
          IS_LOCAL: String(metadata.name === name),
        }))
        return httpAnswer(JSON.stringify({ entity }))
      },
    }
    const context = { kube, signal: new AbortController().signal, emit: () => undefined, dryRun: false }
    const sync = async () => {
      const plan = planRoutes(await gather(kube, { namespace: 'cass-operator' }).observation, { mode: 'sni' })
      await applyRoutes(context, plan)
      return plan.routes.nodes.map(({ hostId }) => hostId)
    }
    const confirmed = async () =>
      (await kube.list(SERVICE, { namespace: 'cass-operator' })).flatMap(
        ({ metadata }) => metadata.annotations?.['cass-sni/confirmed'] ?? [],
      )
    // the status has other ones
    assert.deepEqual(await sync(), ids)
    assert.equal(asked.length, 3, 'one node about all, then each that contradicts the status')
    assert.deepEqual(await confirmed(), [`uid-0/${ids[0]}`, `uid-1/${ids[1]}`])
    assert.deepEqual(await sync(), ids)
    assert.equal(asked.length, 3, 'known for these pods')
    const [pod] = pods
    if (pod !== undefined) pod.metadata.uid = 'uid-2'
    ids[0] = '00000000-0000-4000-8000-00000000000c'
    assert.deepEqual(await sync(), ids)
    assert.equal(asked.length, 5, 'another pod')
    assert.deepEqual(await confirmed(), [`uid-2/${ids[0]}`, `uid-1/${ids[1]}`])
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
