import { equal } from 'node:assert/strict'
import { asHostId } from '../../../src/lib/text/host-id.ts'

describe('a host id', () => {
  it('is a UUID, in lower case, and nothing else', () => {
    equal(asHostId(' C8617BD4-AF31-45C5-9D12-01C0247C7F8B '), 'c8617bd4-af31-45c5-9d12-01c0247c7f8b')
    for (const odd of [
      '',
      'none',
      undefined,
      7,
      '00000000-0000-0000-0000-000000000000',
      'c8617bd4-af31-45c5-9d12-01c0247c7f8b.x',
    ])
      equal(asHostId(odd), undefined)
  })
})
