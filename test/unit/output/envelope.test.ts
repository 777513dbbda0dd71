import assert from 'node:assert/strict'
import { parse } from 'yaml'
import { CassSniError } from '../../../src/lib/errors.ts'
import { envelope, serialize } from '../../../src/lib/output/envelope.ts'

describe('envelope', () => {
  const written = async (value: object): Promise<unknown> => JSON.parse(await serialize(value, 'json'))

  it('holds the result, changes and warnings', async () => {
    const value = envelope('Verify', {
      result: { ok: true },
      changes: [{ action: 'created', object: 'service/x' }],
      warnings: [{ message: 'w' }],
    })
    assert.deepEqual(await written(value), {
      apiVersion: 'cass-sni/v1',
      kind: 'Verify',
      result: { ok: true },
      changes: [{ action: 'created', object: 'service/x' }],
      warnings: [{ message: 'w' }],
    })
  })

  it('holds an error without its cause', async () => {
    const error = new CassSniError('CSNI201', 'no', { cause: new Error('token abc') })
    const value = envelope('Verify', { changes: [], warnings: [], error, next: ['x'] })
    assert.deepEqual(await written(value), {
      apiVersion: 'cass-sni/v1',
      kind: 'Verify',
      warnings: [],
      error: { code: 'CSNI201', message: 'no', next: ['x'] },
    })
  })
})

describe('serialize', () => {
  const hostile = {
    plain: 'x\u202ey',
    block: 'a\nb \u2028',
    'key\u009b': 1,
    text: 'a\u001b[31m\u009b\u202e: #\n- b',
    undefinedField: undefined,
    yes: 'yes',
    number: '012',
  }
  for (const format of ['json', 'yaml'] as const) {
    it(`writes ${format} that reads back the same and holds no control characters`, async () => {
      const text = await serialize(hostile, format)
      assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
      assert.deepEqual(format === 'json' ? JSON.parse(text) : parse(text), JSON.parse(JSON.stringify(hostile)))
      assert.ok(text.endsWith('\n'))
    })
  }
})
