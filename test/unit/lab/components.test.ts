import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { withNeeds } from '../../../lab/components.ts'
import { versions } from '../../../lab/versions.ts'

describe('what `lab up --with` raises', () => {
  it('is what was asked for and what that needs, in order, and nothing else', () => {
    assert.deepEqual(withNeeds([]), [])
    assert.deepEqual(withNeeds(['datacenter']), ['istio', 'operator', 'datacenter'])
    assert.deepEqual(withNeeds(['second-gateway']), ['istio', 'second-gateway'])
    assert.deepEqual(withNeeds(['second-datacenter', 'datacenter']), [
      'istio',
      'operator',
      'datacenter',
      'second-datacenter',
    ])
  })
})

describe("the lab's Gateway API", () => {
  it('is the version that its Istio requires', async () => {
    const module = await readFile(new URL('../../../lab/modules/istio/go.mod', import.meta.url), 'utf8')
    assert.match(module, new RegExp(`sigs.k8s.io/gateway-api ${versions.gatewayApi} `))
  })
})
