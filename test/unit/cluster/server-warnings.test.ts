import assert from 'node:assert/strict'
import { once, warningTexts } from '../../../src/lib/cluster/server-warnings.ts'

describe('warnings of the API server', () => {
  it('are read out of the header', () => {
    assert.deepEqual(warningTexts(undefined), [])
    assert.deepEqual(
      warningTexts('299 - "v1beta1 is deprecated, use v1", 299 kube "a \\"quoted\\" word", 110 - "stale"'),
      ['v1beta1 is deprecated, use v1', 'a "quoted" word'],
    )
  })

  it('are told once', () => {
    const told: string[] = []
    const tell = once((text) => told.push(text))
    for (const text of ['a', 'b', 'a']) tell(text)
    assert.deepEqual(told, ['a', 'b'])
  })
})
