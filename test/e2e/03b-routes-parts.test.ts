/** Several VirtualServices for a datacenter, which only thousands of nodes need, on the lab's Istio and Envoy. */
import assert from 'node:assert/strict'
import { connectKube } from '../../src/lib/cluster/client.ts'
import type { ChangeRecord } from '../../src/lib/events.ts'
import { reconcileRoutes } from '../../src/lib/reconcile/reconcile-routes.ts'
import { gather } from '../../src/lib/routes/gather.ts'
import { planRoutes } from '../../src/lib/routes/route-plan.ts'
import { GatewayTraffic } from '../support/gateway-traffic.ts'
import { kubectl, LAB_KUBECONFIG, labEnvironment, NAMESPACE, run } from '../support/lab.ts'

const GATEWAY = 'istio-system/istio-ingressgateway'

describe('VirtualServices in parts', () => {
  const { signal } = new AbortController()

  /** Syncs with parts of at most this size, and waits until Envoy has loaded them. */
  async function sync(largestPartBytes?: number) {
    const kube = await connectKube({ kubeconfig: LAB_KUBECONFIG, signal })
    const observation = await gather(kube, { namespace: NAMESPACE, name: 'dc1', gateway: GATEWAY }).observation
    const plan = planRoutes(observation, { largestPartBytes })
    const { records, loaded } = await reconcileRoutes({ kube, signal, emit: () => undefined, dryRun: false }, plan)
    return { written: written(records), loaded, names: plan.routes.serverNames }
  }
  const written = (records: ChangeRecord[]) =>
    records.filter(({ action }) => action !== 'unchanged').map(({ object, action }) => `${object} ${action}`)
  const live = async () =>
    (await kubectl(['get', 'virtualservices', '-n', NAMESPACE, '-o', 'name'])).trim().split('\n').sort()

  it('become more and fewer while every name answers, and no connection ends', async function () {
    this.timeout(120_000)
    const before = await live()
    const { names } = await sync()
    assert.equal(names.length, 6)
    const traffic = await GatewayTraffic.start(names)
    try {
      // less than one route: a part for each node, as far as their hashes differ
      const split = await sync(100)
      assert.ok(split.written.length > 1, split.written.join())
      assert.deepEqual(split.loaded, { pods: 1, confirmed: 1 })
      const parts = (await live()).filter((name) => name.includes('cass-sni-dc1'))
      assert.ok(parts.length > 1, parts.join())
      assert.deepEqual((await sync(100)).written, [])
      // a Warning at most: nothing that we write is an error to Istio
      const analysis = await run('istioctl', ['analyze', '-n', NAMESPACE], { env: await labEnvironment() })
      assert.doesNotMatch(analysis.stdout + analysis.stderr, /cass-sni-dc1/)
      const merged = await sync()
      assert.deepEqual(merged.loaded, { pods: 1, confirmed: 1 })
      assert.deepEqual(await live(), before)
      assert.ok(traffic.made > 5 * names.length, `${traffic.made}`)
      assert.deepEqual(traffic.failures, [])
      assert.deepEqual(traffic.ended, [])
    } finally {
      await traffic.stop()
      await sync()
    }
  })
})
