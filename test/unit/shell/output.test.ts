import assert from 'node:assert/strict'
import { parse } from 'yaml'
import { EMPTY } from '../../../src/lib/connection/cell-decoder.ts'
import type { CqlColumn } from '../../../src/lib/connection/cql-session.ts'
import { CassSniError, hint, type NextStep } from '../../../src/lib/errors.ts'
import { envelope, restOfEnvelope } from '../../../src/lib/output/envelope.ts'
import { width } from '../../../src/lib/output/table.ts'
import { csvFormat, csvHeader } from '../../../src/lib/shell/csv.ts'
import { documentSink, linesSink } from '../../../src/lib/shell/json-results.ts'
import { csvSink, type ResultSink, tableSink } from '../../../src/lib/shell/results.ts'
import { type TableColors, TableLayout, visible } from '../../../src/lib/shell/row-table.ts'
import { printable } from '../../../src/lib/text/untrusted.ts'
import { nextTexts } from '../../support/next-texts.ts'
import { assertMatchesSchema } from '../../support/schema.ts'

const id: CqlColumn = { name: 'id', type: { kind: 'simple', name: 'int' } }
const name: CqlColumn = { name: 'name', type: { kind: 'simple', name: 'text' } }

describe('tables', () => {
  it('align numbers right and text left, as wide as the terminal shows them', () => {
    const layout = new TableLayout([id, name], { width })
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
    const layout = new TableLayout([name, id], { width })
    assert.equal(
      layout.page([
        ['日本', 1],
        ['x', 2],
      ]),
      [' name | id', '------+----', ' 日本 |  1', ' x    |  2', ''].join('\n'),
    )
  })

  it('write the titles once and grow with later pages', () => {
    const layout = new TableLayout([id], { width })
    assert.equal(layout.page([[1]]), ' id\n----\n  1\n')
    assert.equal(layout.page([[1000], [2]]), ' 1000\n    2\n')
    assert.equal(layout.rows, 3)
  })

  it('show what a terminal would obey', () => {
    assert.equal(visible('ad\u200bmin\u{e0001}'), 'ad\\u200bmin\\u{e0001}')
    assert.equal(visible('a\u001b[31mred\u0007\n\t\u009b\u202e\0'), 'a\\x1b[31mred\\x07\\n\\t\\x9b\\u202e\\x00')
    const layout = new TableLayout([{ ...name, name: 'evil\u001b]0;x\u0007' }], { width })
    assert.ok(![...layout.page([['\u001b[2J']])].some((character) => character < ' ' && character !== '\n'))
  })

  it('double a backslash of the data, so that it looks like no escape', () => {
    const list: CqlColumn = { name: 'a\\b', type: { kind: 'list', element: name.type } }
    const layout = new TableLayout([list], { width })
    assert.equal(
      layout.page([[['\\n', '\n', "it's", '\u00a0']]]),
      " a\\\\b\n--------------------------------\n ['\\\\n', '\\n', 'it''s', '\\xa0']\n",
    )
  })

  it('show both of two columns with one name', () => {
    assert.equal(new TableLayout([id, id], { width }).page([[1, 2]]), ' id | id\n----+----\n  1 |  2\n')
  })

  it('color by the type of a value, escapes apart from text', () => {
    // brackets beyond ASCII: like an escape sequence, they are no plain text
    const mark = (letter: string) => (text: string) => (text === '' ? '' : `‹${letter}${text}›`)
    const colors: TableColors = {
      title: mark('T'),
      text: mark('t'),
      value: mark('v'),
      blob: mark('b'),
      collection: mark('c'),
      null: mark('n'),
    }
    const style = { width: (text: string) => text.replace(/‹.|›/g, '').length, colors }
    const tags: CqlColumn = {
      name: 'tags',
      type: { kind: 'map', key: name.type, value: { kind: 'simple', name: 'blob' } },
    }
    const layout = new TableLayout([id, name, tags], style)
    assert.equal(
      layout.page([
        [7, 'a\\b\nc\0', [['k', Buffer.from([1])]]],
        [null, '', null],
      ]),
      [
        ' ‹Tid›   | ‹Tname›       | ‹Ttags›',
        '------+------------+-------------',
        "    ‹v7› | ‹ta\\b›‹b\\n›‹tc›‹b\\x00› | ‹c{›‹t'k'›‹c: ›‹b0x01›‹c}›",
        ' ‹nnull› |            | ‹nnull›',
        '',
      ].join('\n'),
    )
  })

  it('in the formats of the user', () => {
    const double: CqlColumn = { name: 'd', type: { kind: 'simple', name: 'double' } }
    assert.equal(
      new TableLayout([double], { width, formats: { doublePrecision: 2 } }).page([[0.123]]),
      ' d\n-------\n 0.123\n',
    )
  })

  it('expanded, one line per column', () => {
    const layout = new TableLayout([id, name], { width })
    assert.equal(
      layout.expandedPage([
        [1, 'x'],
        [2, 'yy'],
      ]),
      '@ Row 1\n------+----\n id   | 1\n name | x\n\n@ Row 2\n------+----\n id   | 2\n name | yy\n',
    )
  })

  it('end with the number of rows, and show the titles of an empty result', () => {
    const sink = tableSink({ width })
    const empty = sink.begin([id])
    assert.equal(empty.end(), '\n id\n----\n\n(0 rows)\n')
    const one = sink.begin([id])
    assert.equal(one.page([[1]]) + one.end(), '\n id\n----\n  1\n\n(1 row)\n')
    assert.equal(sink.begin(undefined).end(), '')
  })
})

describe('CSV', () => {
  it('quotes by RFC 4180 and tells null from the empty text and from a value of zero bytes', () => {
    const columns = [name, { ...id, name: 'a,b' }]
    assert.equal(csvHeader(columns), 'name,"a,b"\n')
    assert.equal(
      csvFormat(columns)([
        ['say "hi"', 1],
        ['two\r\nlines', EMPTY],
        ['', null],
        [null, 2],
        ['\u001b[31m', 3],
      ]),
      '"say ""hi""",1\n"two\r\nlines",""\n"",\n,2\n\u001b[31m,3\n',
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
        .begin([name])
        .page([['\u001b[2Jx']]),
      'name\nx\n',
    )
  })
})

const failed = new CassSniError('CSNI605', '-e:1:8: no such table', { next: [hint('SELECT')] })
const steps = (next: readonly NextStep[]): string[] => nextTexts(next)
const head = { apiVersion: 'cass-sni/v1', kind: 'CqlResult' }
/** What a run with all that can happen writes. */
function everything(sink: ResultSink): string {
  const nothing = sink.begin(undefined)
  let text = nothing.warning?.('careful') ?? ''
  text += nothing.end()
  text += sink.failed?.(failed) ?? ''
  const rows = sink.begin([id, name, id])
  text += rows.page([[1, 'a\0', 2]]) + rows.page([[3, null, 4]])
  text += rows.warning?.('slow\u202e') ?? ''
  text += rows.end()
  text += sink.begin([id]).end()
  const broken = sink.begin([id])
  text += broken.page([[5]])
  return text + (sink.failed?.(failed) ?? '')
}

const EVERYTHING = [
  { columns: [], rows: [], warnings: [{ message: 'careful' }] },
  { columns: [], rows: [], error: { code: 'CSNI605', message: failed.message, next: ['SELECT'] } },
  {
    columns: [
      { name: 'id', type: 'int' },
      { name: 'name', type: 'text' },
      { name: 'id_2', type: 'int' },
    ],
    rows: [
      { id: 1, name: 'a\0', id_2: 2 },
      { id: 3, name: null, id_2: 4 },
    ],
    warnings: [{ message: 'slow\u202e' }],
  },
  { columns: [{ name: 'id', type: 'int' }], rows: [] },
  {
    columns: [{ name: 'id', type: 'int' }],
    rows: [{ id: 5 }],
    error: { code: 'CSNI605', message: failed.message, next: ['SELECT'] },
  },
]

describe('JSON', () => {
  // biome-ignore lint/suspicious/noExplicitAny: what was written is looked into
  const read: Record<'json' | 'yaml', (text: string) => any> = { json: JSON.parse, yaml: parse }
  for (const form of ['json', 'yaml'] as const) {
    it(`as one document in ${form}, written as it comes`, async () => {
      const sink = documentSink(form, head, steps)
      assert.equal(sink.begun, false)
      const text = everything(sink)
      assert.equal(sink.begun, true)
      const rest = await restOfEnvelope(
        envelope('CqlResult', { changes: [], warnings: [{ message: 'w' }], error: failed }),
        form,
      )
      const whole = text + sink.endResult(false, failed) + rest
      assert.doesNotMatch(whole, /[\0\u202e]/)
      assertMatchesSchema('CqlResult', read[form](whole))
      assert.deepEqual(read[form](whole), {
        ...head,
        result: { statements: EVERYTHING, ok: false },
        warnings: [{ message: 'w' }],
        error: { code: 'CSNI605', message: failed.message, next: [] },
      })
    })

    it(`in ${form} a statement that was cut off tells why`, async () => {
      const sink = documentSink(form, head, steps)
      const begun = sink.begin([id]).page([[1]])
      const rest = await restOfEnvelope(envelope('CqlResult', { changes: [], warnings: [] }), form)
      const { result } = read[form](begun + sink.endResult(false, failed) + rest)
      assert.equal(result.statements[0].error.code, 'CSNI605')
      assert.deepEqual(result.statements[0].rows, [{ id: 1 }])
    })
  }

  it('as lines, one for each row', () => {
    const lines = everything(linesSink(steps))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    for (const line of lines) assertMatchesSchema('CqlLine', line)
    const error = EVERYTHING[1]?.error
    assert.deepEqual(lines, [
      { kind: 'CqlStatement', statement: 1, columns: [] },
      { kind: 'CqlWarning', statement: 1, warning: { message: 'careful' } },
      { kind: 'CqlError', statement: 2, error },
      { kind: 'CqlStatement', statement: 3, columns: EVERYTHING[2]?.columns },
      { kind: 'CqlRow', statement: 3, row: { id: 1, name: 'a\0', id_2: 2 } },
      { kind: 'CqlRow', statement: 3, row: { id: 3, name: null, id_2: 4 } },
      { kind: 'CqlWarning', statement: 3, warning: { message: 'slow\u202e' } },
      { kind: 'CqlStatement', statement: 4, columns: EVERYTHING[3]?.columns },
      { kind: 'CqlStatement', statement: 5, columns: EVERYTHING[4]?.columns },
      { kind: 'CqlRow', statement: 5, row: { id: 5 } },
      { kind: 'CqlError', statement: 5, error },
    ])
  })

  it('gives each of several columns with one name another', () => {
    const again = { ...id, name: 'id_2' }
    const text = linesSink(steps)
      .begin([id, again, id, id])
      .page([[1, 2, 3, 4]])
    assert.match(text, /"row":\{"id":1,"id_2":2,"id_3":3,"id_4":4\}/)
  })
})
