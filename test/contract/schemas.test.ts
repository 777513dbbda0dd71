import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { schemas, schemaText } from '../../build/schemas.ts'
import { CassSniError, command } from '../../src/lib/errors.ts'
import { envelope } from '../../src/lib/output/envelope.ts'
import { assertMatchesSchema } from '../support/schema.ts'
import { root } from './manifest.ts'

describe('docs/schemas', () => {
  it('are what the result types say (npm run build writes them: commit them)', function () {
    this.timeout(120_000)
    const made = Object.fromEntries(
      [...schemas(root).schemas].map(([kind, schema]) => [`${kind}.json`, schemaText(schema)]),
    )
    const folder = join(root, 'docs/schemas')
    assert.deepEqual(
      Object.fromEntries(readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), 'utf8')])),
      made,
    )
  })

  it('hold for an error of any command', () => {
    const error = new CassSniError('CSNI204', 'gone', { object: 'pod/x', next: [command`kubectl get pods`] })
    for (const file of readdirSync(join(root, 'docs/schemas'))) {
      const kind = file.replace(/\.json$/, '')
      if (kind === 'CqlLine') continue // a line of a result, not an envelope
      const warnings = [{ message: 'w', code: 'CSNI504', next: ['kubectl get pods'] }]
      const text = JSON.stringify(envelope(kind, { changes: [], warnings, error, next: ['kubectl get pods'] }))
      assertMatchesSchema(kind, JSON.parse(text))
    }
  })

  it('fail for a field that is missing, of another type, or not documented', () => {
    const good = {
      apiVersion: 'cass-sni/v1',
      kind: 'Verify',
      warnings: [],
      result: {
        ok: true,
        datacenter: 'dc1',
        namespace: 'n',
        nodes: [],
        checks: [],
        summary: { total: 0, passed: 0, failed: 0, warnings: 0, skipped: 0, unknown: 0 },
      },
    }
    assertMatchesSchema('Verify', good)
    const { warnings, ...lacking } = good
    assert.deepEqual(warnings, [])
    assert.throws(() => assertMatchesSchema('Verify', lacking), /warnings/)
    assert.throws(
      () => assertMatchesSchema('Verify', { ...good, result: { ...good.result, ok: 'yes' } }),
      /ok must be boolean/,
    )
    assert.throws(
      () => assertMatchesSchema('Verify', { ...good, result: { ...good.result, extra: 1 } }),
      /additional properties/,
    )
    assert.throws(() => assertMatchesSchema('Verify', { ...good, extra: 1 }), /additional properties/)
  })
})
