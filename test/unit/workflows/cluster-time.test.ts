import assert from 'node:assert/strict'
import type { Kube } from '../../../src/lib/cluster/kube.ts'
import { clusterTime } from '../../../src/lib/workflows/cluster-time.ts'

describe('the time of the cluster', () => {
  const now = Date.UTC(2026, 10, 25)
  const at = (skewMs: number | undefined) =>
    clusterTime({ kube: { clockSkewMs: () => skewMs } as Partial<Kube> as Kube, now: () => now }) - now

  it("is the API server's when this machine's clock is off", () => {
    assert.equal(at(-12 * 60_000), -12 * 60_000)
    assert.equal(at(90_000), 90_000)
  })

  it("is this machine's before the first answer, and when the difference is within the header's precision", () => {
    assert.equal(at(undefined), 0)
    assert.equal(at(1500), 0)
    assert.equal(at(-4999), 0)
  })
})
