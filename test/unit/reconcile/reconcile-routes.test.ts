/** gather, planRoutes, reconcileRoutes without a command: what a loop calls. */
import assert from 'node:assert/strict'
import type { ApplyContext } from '../../../src/lib/changes/apply.ts'
import { changesIn } from '../../../src/lib/changes/change-plan.ts'
import type { Kube } from '../../../src/lib/cluster/kube.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { reconcileRoutes } from '../../../src/lib/reconcile/reconcile-routes.ts'
import type { Conflict } from '../../../src/lib/routes/conflicts.ts'
import { gather } from '../../../src/lib/routes/gather.ts'
import { type Plan, planRoutes } from '../../../src/lib/routes/route-plan.ts'
import { kubeInMemory } from '../../support/kube-in-memory.ts'
import { largeDatacenter } from '../../support/large-datacenter.ts'

describe('reconciling routes', () => {
  const cluster = () => kubeInMemory('cass-operator', largeDatacenter(2), { 'networking.istio.io': ['v1', 'v1beta1'] })
  const context = (kube: Kube, dryRun = false): ApplyContext => ({
    kube,
    signal: new AbortController().signal,
    emit: () => undefined,
    dryRun,
  })
  const planned = async (kube: Kube): Promise<Plan> =>
    planRoutes(await gather(kube, { namespace: 'cass-operator' }).observation, { mode: 'sni' })

  it('carries the plan out, and changes nothing the second time', async () => {
    const { kube, requests } = cluster()
    const first = await reconcileRoutes(context(kube), await planned(kube))
    assert.deepEqual(
      first.records.map(({ action }) => action),
      ['created', 'created', 'configured', 'created', 'created'],
    )
    // nobody can be connected to in a cluster in memory
    assert.deepEqual(first.loaded, { pods: 1, confirmed: 0 })
    const written = requests.apply
    const again = await reconcileRoutes(context(kube), await planned(kube))
    assert.deepEqual([...new Set(again.records.map(({ action }) => action))], ['unchanged'])
    assert.equal(requests.apply, written)
  })

  it('writes nothing in a dry run, where a plan is refused, or where no node can be routed', async () => {
    const { kube, requests } = cluster()
    const plan = await planned(kube)
    assert.equal((await reconcileRoutes(context(kube, true), plan)).loaded, undefined)
    const conflict: Conflict = {
      code: 'CSNI503',
      message: 'the port is taken',
      object: 'gateway/x in namespace y',
      next: [],
    }
    await assert.rejects(
      reconcileRoutes(context(kube), { ...plan, conflicts: [conflict, { ...conflict, message: 'and a name' }] }),
      { code: 'CSNI503', message: 'the port is taken; and a name', object: 'gateway/x in namespace y' },
    )
    assert.deepEqual(await reconcileRoutes(context(kube), { ...plan, nothing: true }), { records: [] })
    assert.equal(requests.apply, 0)
  })

  it('keeps the port of the Services if the configuration is in a Secret that it cannot read', async () => {
    const { kube } = cluster()
    const observed = async () => gather(kube, { namespace: 'cass-operator' }).observation
    const first = await observed()
    const read = { ...first, datacenter: { ...first.datacenter, nativePort: 9142 } }
    await reconcileRoutes(context(kube), planRoutes(read, {}))
    const again = await observed()
    const changed = (datacenter: typeof again.datacenter) =>
      changesIn(planRoutes({ ...again, datacenter }, {}).changes).filter(({ action }) => action !== 'unchanged').length
    assert.equal(changed(again.datacenter), 2)
    const configurationHidden = new CassSniError('CSNI203', 'no permission to get secrets')
    assert.equal(changed({ ...again.datacenter, configurationHidden }), 0)
  })
})
