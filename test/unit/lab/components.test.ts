import assert from 'node:assert/strict'
import { withNeeds } from '../../../lab/components.ts'

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
