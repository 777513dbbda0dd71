import assert from 'node:assert/strict'
import type { CqlType, SimpleTypeName } from '../../../../src/lib/connection/cql-types.ts'
import { cellEncoder } from '../../../../src/lib/shell/copy/cell-encoder.ts'
import { cellWriter, significant } from '../../../../src/lib/shell/copy/cell-writer.ts'
import { copyOptions } from '../../../../src/lib/shell/copy/copy-options.ts'

const style = (given: Record<string, string> = {}) => copyOptions('to', new Map(Object.entries(given))).style
const simple = (name: SimpleTypeName): CqlType => ({ kind: 'simple', name })
const write = (type: CqlType, value: unknown, given: Record<string, string> = {}): string =>
  cellWriter(type, style(given))(value)
const POINT: CqlType = {
  kind: 'udt',
  name: 'point',
  fields: [
    { name: 'x', type: simple('int') },
    { name: 'odd name', type: simple('text') },
  ],
}

describe('values as fields of COPY', () => {
  it('are written in the style of the options', () => {
    const german = { decimalsep: ',', thousandssep: '.', delimiter: ';', boolstyle: 'ja,nein', null: 'N' }
    assert.equal(write(simple('boolean'), true), 'True')
    assert.equal(write(simple('boolean'), false, german), 'nein')
    assert.equal(write(simple('int'), -1234567, german), '-1.234.567')
    assert.equal(write(simple('double'), 1234.5, german), '1.234,5')
    assert.equal(write(simple('text'), null, german), 'N')
    assert.equal(write(simple('timestamp'), 0), '1970-01-01 00:00:00.000+0000')
    assert.equal(write(simple('timestamp'), 0, { datetimeformat: '%d/%m/%Y' }), '01/01/1970')
    assert.equal(write(simple('timestamp'), 2n ** 62n), String(2n ** 62n))
  })

  it('are exact unless a precision is set', () => {
    assert.equal(write(simple('double'), 0.1 + 0.2), '0.30000000000000004')
    assert.equal(write(simple('double'), 0.1 + 0.2, { doubleprecision: '12' }), '0.3')
    assert.equal(write(simple('float'), Math.fround(0.1)), '0.1')
    assert.equal(write(simple('float'), 1.5, { floatprecision: '1' }), '1.5')
  })

  it('with a precision are those of cqlsh', () => {
    for (const [value, precision, text] of [
      [3, 12, '3'],
      [1e20, 12, '1e+20'],
      [123456789.125, 5, '1.2346e+08'],
      [1.5e-7, 5, '1.5e-07'],
      [0.00012345678, 5, '0.000123'],
      [100000, 5, '1e+05'],
      [99999.96, 5, '99999.96'],
      [-1234.5678, 5, '-1234.5678'],
      [12345678901234568, 12, '1.23456789012e+16'],
      [0, 5, '0'],
    ] as const)
      assert.equal(significant(value, precision), text)
  })

  it('quote texts and times within collections, and tell null from empty text', () => {
    assert.equal(write({ kind: 'list', element: simple('text') }, ["it's", '', 'a, b']), "['it''s', '', 'a, b']")
    assert.equal(write({ kind: 'set', element: simple('int') }, [1, 2]), '{1, 2}')
    assert.equal(write({ kind: 'tuple', elements: [simple('int'), simple('text')] }, [null, '']), "(, '')")
    assert.equal(write(POINT, [1, null], { null: 'N' }), "{x: 1, 'odd name': N}")
    assert.equal(
      write({ kind: 'map', key: simple('time'), value: simple('int') }, [['12:00:00', 1]]),
      "{'12:00:00': 1}",
    )
  })

  it('are read back', () => {
    const list: CqlType = { kind: 'list', element: POINT }
    const text = write(list, [
      [1, "a'b, {c: d}"],
      [null, null],
    ])
    const bytes = cellEncoder(list, style())(text)
    assert.equal(
      bytes?.toString('hex'),
      `00000002${'0000001b'}${'00000004'}00000001${'0000000b'}${Buffer.from("a'b, {c: d}").toString('hex')}00000008ffffffffffffffff`.replace(
        '0000001b',
        (8 + 4 + 11).toString(16).padStart(8, '0'),
      ),
    )
  })
})
