import assert from 'node:assert/strict'
import type { CqlColumn } from '../../../src/lib/connection/cql-session.ts'
import { csvHeader, csvRows } from '../../../src/lib/shell/csv.ts'
import { printable } from '../../../src/lib/text/untrusted.ts'
import { csvSink, jsonSink, tableSink } from '../../../src/lib/shell/results.ts'
import { TableLayout, visible } from '../../../src/lib/shell/row-table.ts'
import { width } from '../../../src/lib/output/table.ts'

const id: CqlColumn = { name: 'id', type: { kind: 'simple', name: 'int' } }
const name: CqlColumn = { name: 'name', type: { kind: 'simple', name: 'text' } }
const plain = { title: (text: string) => text, null: (text: string) => text }

describe('tables', () => {
  it('align numbers right and text left, as wide as the terminal shows them', () => {
    const layout = new TableLayout([id, name], width, plain)
    assert.equal(
      layout.page([
        [1, '日本'],
        [100, 'abc'],
        [null, null],
      ]),
      [' id   | name', '------+------', '    1 | 日本', '  100 | abc', ' null | null', ''].join('\n'),
    )
  })

  it('pad after wide characters so that the next column is straight', () => {
    const layout = new TableLayout([name, id], width, plain)
    assert.equal(
      layout.page([
        ['日本', 1],
        ['x', 2],
      ]),
      [' name | id', '------+----', ' 日本 |  1', ' x    |  2', ''].join('\n'),
    )
  })

  it('write the titles once and grow with later pages', () => {
    const layout = new TableLayout([id], width, plain)
    assert.equal(layout.page([[1]]), ' id\n----\n  1\n')
    assert.equal(layout.page([[1000], [2]]), ' 1000\n    2\n')
    assert.equal(layout.rows, 3)
  })

  it('show what a terminal would obey', () => {
    assert.equal(visible('ad\u200bmin\u{e0001}'), 'ad\\u200bmin\\u{e0001}')
    assert.equal(visible('a\u001b[31mred\u0007\n\t\u009b\u202e\0'), 'a\\x1b[31mred\\x07\\n\\t\\x9b\\u202e\\0')
    const layout = new TableLayout([{ ...name, name: 'evil\u001b]0;x\u0007' }], width, plain)
    assert.ok(![...layout.page([['\u001b[2J']])].some((character) => character < ' ' && character !== '\n'))
  })

  it('expanded, one line per column', () => {
    const layout = new TableLayout([id, name], width, plain)
    assert.equal(layout.expandedPage([[1, 'x']]), '@ Row 1\n------+------------\n id   | 1\n name | x\n')
  })

  it('end with the number of rows, and show the titles of an empty result', () => {
    const sink = tableSink(width, plain)
    const empty = sink.begin([id])
    assert.equal(empty.end(), '\n id\n----\n\n(0 rows)\n')
    const one = sink.begin([id])
    assert.equal(one.page([[1]]) + one.end(), '\n id\n----\n  1\n\n(1 row)\n')
  })
})

describe('CSV', () => {
  it('quotes by RFC 4180 and tells null from the empty text', () => {
    const columns = [name, { ...name, name: 'a,b' }]
    assert.equal(csvHeader(columns), 'name,"a,b"\n')
    assert.equal(
      csvRows(columns, [
        ['say "hi"', 'a,b'],
        ['two\r\nlines', ''],
        [null, '\u001b[31m'],
      ]),
      '"say ""hi""","a,b"\n"two\r\nlines",""\n,\u001b[31m\n',
    )
  })

  it('writes one header per result, also without rows', () => {
    const result = csvSink((text) => text).begin([id])
    assert.equal(result.page([[1]]) + result.page([[2]]) + result.end(), 'id\n1\n2\n')
    assert.equal(
      csvSink((text) => text)
        .begin([id])
        .end(),
      'id\n',
    )
    assert.equal(
      csvSink(printable)
        .begin([id])
        .page([['\u001b[2Jx']]),
      'id\nx\n',
    )
  })
})

describe('JSON', () => {
  it('keeps each statement with its columns and rows', () => {
    const sink = jsonSink()
    sink.nothing()
    assert.equal(sink.begin([id, name]).page([[1, 'a\u0000']]), '')
    assert.equal(
      JSON.stringify(sink.kept()),
      '[{"columns":[],"rows":[]},{"columns":[{"name":"id","type":"int"},{"name":"name","type":"text"}],"rows":[{"id":1,"name":"a\\u0000"}]}]',
    )
  })
})
