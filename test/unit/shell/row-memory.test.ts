import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { CqlColumn } from '../../../src/lib/connection/cql-session.ts'
import { rowParts } from '../../../src/lib/connection/result-rows.ts'
import { width } from '../../../src/lib/output/table.ts'
import { csvSink, pagePieces, tableSink } from '../../../src/lib/shell/results.ts'

const MOST_MEGABYTES = 35
const column: CqlColumn = { name: 'v', type: { kind: 'simple', name: 'int' } }

describe('memory for many rows', () => {
  it(`stays below ${MOST_MEGABYTES} MB of heap for 200,000 rows in any format`, async () => {
    const script = join(import.meta.dirname, 'many-rows.ts')
    const { stdout } = await promisify(execFile)(process.execPath, [script])
    const most: Record<string, number> = JSON.parse(stdout)
    assert.deepEqual(Object.keys(most), ['table', 'csv', 'json', 'yaml', 'jsonl'])
    for (const [format, megabytes] of Object.entries(most))
      assert.ok(megabytes < MOST_MEGABYTES, `${format}: ${megabytes} MB`)
  }).timeout(60_000)

  it('needs a part of a page at a time: rows further on are not decoded yet', () => {
    const row = Buffer.from([0, 0, 0, 4, 0, 0, 0, 7])
    const good = 300
    const buffer = Buffer.concat([...new Array<Buffer>(good).fill(row), Buffer.from([0, 0, 0, 1, 7])])
    const parts = rowParts({ buffer, offset: 0, count: good + 1 }, [column.type])
    const first = parts.next().value as unknown[][]
    assert.deepEqual(first[0], [7])
    assert.ok(first.length < good)
    assert.throws(() => parts.next(), RangeError)
  })

  it('writes what is there of a page, but a table only once its widest cell is known', () => {
    const parts = [[[1]], [[1000]]]
    const csv = [...pagePieces(csvSink((text) => text).begin([column]), parts)]
    assert.deepEqual(csv, ['v\n1\n', '1000\n'])
    const table = [...pagePieces(tableSink({ width }).begin([column]), parts)]
    assert.equal(table.join(''), '\n v\n------\n    1\n 1000\n')
  })
})
