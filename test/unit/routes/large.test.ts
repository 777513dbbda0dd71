/** What grows with the square of the nodes is seen here first; `npm run bench -- large` has the figure. */
import assert from 'node:assert/strict'
import { syncLargeDatacenter } from '../../support/large-datacenter.ts'

describe('routes of 5,000 nodes', () => {
  it('are observed and planned in less than 2 s of CPU, with as few requests as those of three nodes', async function () {
    this.timeout(60_000)
    const { first, again } = await syncLargeDatacenter(5000)
    // a Service per node, the Gateway, and the VirtualServices in parts
    assert.equal(first.result.summary.created, 5000 + 1 + 16)
    const { created, configured, pruned } = again.result.summary
    assert.deepEqual({ created, configured, pruned }, { created: 0, configured: 0, pruned: 0 })
    assert.ok(again.cpuSeconds < 2, `${again.cpuSeconds} s`)
    const small = await syncLargeDatacenter(3)
    assert.deepEqual(again.requests, small.again.requests)
    assert.equal(again.requests.apply, 0)
  })
})
