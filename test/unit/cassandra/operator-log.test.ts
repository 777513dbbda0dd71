import assert from 'node:assert/strict'
import { newestErrorIn } from '../../../src/lib/cassandra/operator-log.ts'

const DC = { name: 'dc1', namespace: 'shop' }
const json = (level: string, error: string, namespace = 'shop') =>
  JSON.stringify({
    level,
    ts: '2026-01-01',
    msg: 'Reconciler error',
    CassandraDatacenter: { name: 'dc1', namespace },
    error,
  })

describe("the operator's log", () => {
  it('tells the newest error about the datacenter, and of no other', () => {
    const lines = [
      json('error', 'old'),
      json('error', 'StatefulSet.apps "x" is invalid'),
      json('info', 'no error'),
      json('error', 'of another', 'elsewhere'),
      '{"level":"error","cut',
      '',
    ]
    assert.equal(newestErrorIn(lines, DC), 'StatefulSet.apps "x" is invalid')
    assert.equal(newestErrorIn([json('info', 'x')], DC), undefined)
  })

  it('is read in the format for people too', () => {
    const line = `2026-01-01T00:00:00Z\tERROR\tReconciler error\t{"CassandraDatacenter": {"name":"dc1","namespace":"shop"}, "error": "no such rack"}`
    assert.equal(newestErrorIn([line], DC), 'no such rack')
  })
})
