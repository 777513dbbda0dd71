/** Runs 200,000 made-up rows through every format, and prints the most that the heap took of each, in MB. */
import { setImmediate } from 'node:timers/promises'
import { getHeapStatistics } from 'node:v8'
import { keepHeapSmall } from '../../../src/lib/cli/small-heap.ts'
import type { CqlColumn } from '../../../src/lib/connection/cql-session.ts'
import { rowParts } from '../../../src/lib/connection/result-rows.ts'
import type { RawRows } from '../../../src/lib/connection/whole-pages.ts'
import { width } from '../../../src/lib/output/table.ts'
import { documentSink, linesSink } from '../../../src/lib/shell/json-results.ts'
import { csvSink, pagePieces, type ResultSink, tableSink } from '../../../src/lib/shell/results.ts'

const PAGES = 40
const PAGE_ROWS = 5_000
const COLUMNS: CqlColumn[] = [
  { name: 'id', type: { kind: 'simple', name: 'int' } },
  { name: 't', type: { kind: 'simple', name: 'text' } },
]

function pageFrom(first: number): RawRows {
  const rows = Array.from({ length: PAGE_ROWS }, (_, index) => {
    const text = `row number ${first + index} of many`
    const bytes = Buffer.alloc(12 + text.length)
    bytes.writeInt32BE(4, 0)
    bytes.writeInt32BE(first + index, 4)
    bytes.writeInt32BE(text.length, 8)
    bytes.write(text, 12)
    return bytes
  })
  return { buffer: Buffer.concat(rows), offset: 0, count: PAGE_ROWS }
}

keepHeapSmall()
const page = pageFrom(0)
const types = COLUMNS.map(({ type }) => type)
const sinks: Record<string, ResultSink> = {
  table: tableSink({ width }),
  csv: csvSink((text) => text),
  json: documentSink('json', {}, () => []),
  yaml: documentSink('yaml', {}, () => []),
  jsonl: linesSink(() => []),
}
const most: Record<string, number> = {}
for (const [format, sink] of Object.entries(sinks)) {
  const result = sink.begin(COLUMNS)
  let peak = 0
  for (let count = 0; count < PAGES; count += 1)
    for (const text of pagePieces(result, rowParts(page, types))) {
      Buffer.byteLength(text)
      await setImmediate()
      peak = Math.max(peak, getHeapStatistics().total_heap_size)
    }
  result.end()
  most[format] = Math.round(peak / 1_000_000)
}
console.log(JSON.stringify(most))
