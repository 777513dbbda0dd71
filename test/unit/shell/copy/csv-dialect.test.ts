import assert from 'node:assert/strict'
import { CsvReader, csvLines } from '../../../../src/lib/shell/copy/csv-dialect.ts'

const CQLSH = { delimiter: ',', quote: '"', escape: '\\' }
const RFC = { delimiter: ',', quote: '"', escape: '"' }

function read(text: string, dialect = CQLSH, size = text.length || 1): string[][] {
  const reader = new CsvReader(dialect)
  const records: string[][] = []
  for (let at = 0; at < text.length; at += size) records.push(...reader.push(text.slice(at, at + size)))
  const last = reader.end()
  return last === undefined ? records : [...records, last]
}

/** What Python 3.11's csv.reader makes of each with cqlsh's dialect, empty lines left out. */
const READ: [string, string[][]][] = [
  ['a,b\n', [['a', 'b']]],
  ['"a,b",c\n', [['a,b', 'c']]],
  ['a\\,b,c\n', [['a,b', 'c']]],
  ['"a\\"b",c\n', [['a"b', 'c']]],
  ['"a""b",c\n', [['a"b"', 'c']]],
  ['a"b"c,d\n', [['a"b"c', 'd']]],
  ['"x"y,z\n', [['xy', 'z']]],
  ['\\\\,a\n', [['\\', 'a']]],
  [
    '"a\nb",c\r\nd,e',
    [
      ['a\nb', 'c'],
      ['d', 'e'],
    ],
  ],
  [
    'a,\n,\n',
    [
      ['a', ''],
      ['', ''],
    ],
  ],
  [',,\n', [['', '', '']]],
  ['"",x\n', [['', 'x']]],
  ['a\\\nb,c\n', [['a\nb', 'c']]],
  ['"a\\\\b"\n', [['a\\b']]],
  ['a\n\n\r\nb\n', [['a'], ['b']]],
  ['""\n', [['']]],
]

describe('CSV of COPY', () => {
  it("is read as Python's csv module reads it, wherever the pieces end", () => {
    for (const [text, records] of READ)
      for (const size of [text.length, 1, 2, 3])
        assert.deepEqual(read(text, CQLSH, size), records, JSON.stringify(text))
  })

  it('doubles quotes when ESCAPE is QUOTE', () => {
    assert.deepEqual(read('"a""b",\\\n"""",x\n', RFC), [
      ['a"b', '\\'],
      ['"', 'x'],
    ])
  })

  it('counts what another dialect means by something else', () => {
    const doubtsOf = (text: string, dialect = CQLSH, size = text.length): [number, number] => {
      const doubts = { doubledQuotes: 0, droppedEscapes: 0 }
      const reader = new CsvReader(dialect, doubts)
      for (let at = 0; at < text.length; at += size) reader.push(text.slice(at, at + size))
      return [doubts.doubledQuotes, doubts.droppedEscapes]
    }
    for (const size of [1, 2, 100]) {
      assert.deepEqual(doubtsOf('"say ""hi""",""\n"""",a"b,a""\n', CQLSH, size), [2, 0])
      assert.deepEqual(doubtsOf('a\\b,"a\\b"\na\\\\,a\\,"a\\"",a\\\nb\n', CQLSH, size), [0, 2])
      assert.deepEqual(doubtsOf('"say ""hi""",a\\b\n', RFC, size), [0, 0])
    }
  })

  it('refuses a quote without an end', () => {
    assert.throws(() => read('a,"b\nc'), { name: 'RangeError', message: 'unclosed quote' })
  })

  it("is written as Python's csv module writes it, but for the line breaks", () => {
    const records = [['a', 'b'], ['a,b'], ['a"b', 'c'], ['a\\b'], ['a\nb', 'c'], [''], ['', '']]
    const line = csvLines(CQLSH)
    assert.equal(records.map(line).join(''), 'a,b\n"a,b"\na\\"b,c\na\\\\b\n"a\nb",c\n""\n,\n')
    assert.equal(records.map(csvLines(RFC)).join(''), 'a,b\n"a,b"\n"a""b",c\na\\b\n"a\nb",c\n""\n,\n')
  })

  it('is read back as it was written, in any dialect', () => {
    const odd = [
      '',
      'x',
      ' ',
      '"',
      '\\',
      '\\"',
      '^',
      ']',
      '-',
      '$&',
      '\t',
      '|',
      '\r\n',
      "it's",
      'é\u{1f600}',
      ',"\\\n,',
    ]
    for (const delimiter of [',', '\t', '|', ']', '^', '-', '$'])
      for (const [quote, escaping] of [
        ['"', '\\'],
        ['"', '"'],
        ["'", "'"],
        ['^', '$'],
        ['-', ']'],
      ] as const) {
        if ([quote, escaping].includes(delimiter as '"')) continue
        const dialect = { delimiter, quote, escape: escaping }
        const records = odd.map((field, index) => [field, odd[(index + 1) % odd.length] ?? '', 'end'])
        assert.deepEqual(read(records.map(csvLines(dialect)).join(''), dialect, 7), records, JSON.stringify(dialect))
      }
  })
})
