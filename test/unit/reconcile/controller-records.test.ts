/** What the controller leaves in the cluster and in its log. */
import assert from 'node:assert/strict'
import { logLine } from '../../../src/controller/log-lines.ts'
import { settingsFrom } from '../../../src/controller/settings.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { changesText, EventBudget } from '../../../src/lib/reconcile/datacenter-events.ts'
import { syncRecordOf } from '../../../src/lib/reconcile/sync-record.ts'

describe('the records of the controller', () => {
  it('limit the Events to a burst, then one per minute', () => {
    let now = 0
    const budget = new EventBudget(() => now)
    const taken = () => Array.from({ length: 20 }, () => budget.take()).filter(Boolean).length
    assert.equal(taken(), 10)
    now += 59_000
    assert.equal(taken(), 0)
    now += 1000
    assert.equal(taken(), 1)
    now += 3_600_000
    assert.equal(taken(), 10)
  })

  it('describe changes in one line', () => {
    const changes = ['a', 'b', 'c', 'd'].map((name) => ({ action: 'created' as const, object: `service/${name}` }))
    assert.equal(
      changesText([...changes, { action: 'pruned', object: 'service/e' }]),
      '4 created, 1 pruned: service/a, service/b, service/c and 2 more',
    )
  })

  it('are read from an annotation that anybody may have edited', () => {
    const read = (text: string | undefined) =>
      syncRecordOf({
        apiVersion: 'v1',
        kind: 'Gateway',
        metadata: { name: 'x', annotations: text === undefined ? {} : { 'cass-sni/last-sync': text } },
      })
    for (const text of [undefined, '', 'x', 'null', '[]', '1', '{}', '{"result":"synced","time":"yesterday"}'])
      assert.equal(read(text), undefined, text)
    const time = '2026-11-26T06:00:00.000Z'
    assert.deepEqual(read(JSON.stringify({ result: 'failing', time, routed: 'many', code: 7, by: 'a', other: 1 })), {
      time,
      generation: undefined,
      result: 'failing',
      routed: 0,
      pending: 0,
      code: undefined,
      message: undefined,
      by: 'a',
    })
  })

  it('are lines of JSON without control characters and without the values of fields', () => {
    const line = logLine(
      'warning',
      'failing, retrying',
      {
        datacenter: { namespace: 'n', name: 'dc1' },
        error: new CassSniError('CSNI503', 'port \u001b[31m\u009b in use'),
        changes: [
          {
            action: 'configured',
            object: 'secret/x',
            fields: ['data.key'],
            changes: [{ path: 'data.key', from: 'old-value', to: 'new-value' }],
          },
        ],
      },
      new Date(0),
    )
    assert.equal(/[\u0000-\u001f\u007f-\u009f]/.test(line), false)
    assert.equal(line.includes('-value'), false)
    assert.deepEqual(JSON.parse(line), {
      time: '1970-01-01T00:00:00.000Z',
      level: 'warning',
      message: 'failing, retrying',
      namespace: 'n',
      datacenter: 'dc1',
      code: 'CSNI503',
      error: 'port \u001b[31m\u009b in use',
      changes: [{ action: 'configured', object: 'secret/x', fields: ['data.key'] }],
    })
  })
})

describe('the settings of the controller', () => {
  const env = { POD_NAME: 'p', POD_NAMESPACE: 'n' }

  it('have a scope: all namespaces, some, or one datacenter', () => {
    assert.deepEqual(settingsFrom(env), {
      task: 'routes',
      scope: { namespaces: undefined, datacenter: undefined },
      namespace: 'n',
      pod: 'p',
      port: 8080,
      metadata: undefined,
    })
    const some = settingsFrom({ ...env, CASS_SNI_NAMESPACES: 'a,b,', CASS_SNI_DATACENTER: 'dc1', CASS_SNI_PORT: '1' })
    assert.deepEqual(some.scope, { namespaces: ['a', 'b'], datacenter: 'dc1' })
    assert.equal(some.port, 1)
  })

  it('have the name, port and certificate of a metadata service', () => {
    const metadata = { ...env, CASS_SNI_TASK: 'metadata', CASS_SNI_DATACENTER: 'dc1' }
    const named = { ...metadata, CASS_SNI_METADATA_NAME: 'x.y', CASS_SNI_METADATA_CERTIFICATE: '/c' }
    assert.deepEqual(settingsFrom(named).metadata, {
      datacenter: { namespace: 'n', name: 'dc1' },
      name: 'x.y',
      port: 8443,
      certificate: '/c',
    })
    assert.throws(() => settingsFrom(metadata), /CASS_SNI_METADATA_NAME is not set/)
    assert.throws(() => settingsFrom({ ...named, CASS_SNI_METADATA_PORT: 'x' }), /CASS_SNI_METADATA_PORT/)
  })

  it('name what is missing or invalid', () => {
    assert.throws(() => settingsFrom({ POD_NAME: 'p' }), /POD_NAMESPACE is not set/)
    assert.throws(() => settingsFrom({ ...env, CASS_SNI_PORT: '70000' }), /invalid port "70000"/)
    assert.equal(settingsFrom({ ...env, CASS_SNI_TASK: 'certificates' }).task, 'certificates')
    assert.throws(() => settingsFrom({ ...env, CASS_SNI_TASK: 'certs' }), /invalid task "certs"/)
  })
})
