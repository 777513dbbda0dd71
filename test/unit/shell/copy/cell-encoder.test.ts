import assert from 'node:assert/strict'
import cassandra from 'cassandra-driver'
import { classType, type CqlType } from '../../../../src/lib/connection/cql-types.ts'
import { cellEncoder } from '../../../../src/lib/shell/copy/cell-encoder.ts'
import { copyOptions } from '../../../../src/lib/shell/copy/copy-options.ts'

const MARSHAL = 'org.apache.cassandra.db.marshal.'
const { types, Encoder } = cassandra as unknown as {
  types: Record<string, { fromString(text: string): unknown }>
  Encoder: new (
    protocol: number,
    options: object,
  ) => {
    encode(value: unknown, type: unknown): Buffer
    parseFqTypeName(name: string): unknown
  }
}
const { Vector } = cassandra.types
const driver = new Encoder(4, { encoding: { map: Map, set: Set } })

const style = (given: Record<string, string> = {}) => copyOptions('from', new Map(Object.entries(given))).style
const full = (type: string): string => type.replaceAll(/([A-Z]\w+Type)/g, `${MARSHAL}$1`)
const encode = (type: string, text: string, given: Record<string, string> = {}): Buffer | null =>
  cellEncoder(classType(full(type)), style(given))(text)

/** A type, a text, and the same value as the driver takes it. */
const SAME: [string, string, unknown][] = [
  ['UTF8Type', "it's é", "it's é"],
  ['AsciiType', 'plain', 'plain'],
  ['Int32Type', ' -2147483648 ', -2147483648],
  ['ShortType', '-32768', -32768],
  ['ByteType', '127', 127],
  ['LongType', '9223372036854775807', types['Long']?.fromString('9223372036854775807')],
  ['IntegerType', '-123456789012345678901234567890', types['Integer']?.fromString('-123456789012345678901234567890')],
  ['IntegerType', '128', types['Integer']?.fromString('128')],
  ['IntegerType', '-128', types['Integer']?.fromString('-128')],
  ['DecimalType', '-12.50', types['BigDecimal']?.fromString('-12.50')],
  ['FloatType', '1.5e3', 1500],
  ['DoubleType', '-0', -0],
  ['DoubleType', 'Infinity', Number.POSITIVE_INFINITY],
  ['DoubleType', '-inf', Number.NEGATIVE_INFINITY],
  ['DoubleType', 'nan', Number.NaN],
  ['BooleanType', 'TRUE', true],
  ['BooleanType', 'False', false],
  ['BytesType', '0xCAfe', Buffer.from('cafe', 'hex')],
  ['BytesType', '0x', Buffer.alloc(0)],
  [
    'UUIDType',
    '123e4567-e89b-12d3-a456-426614174000',
    types['Uuid']?.fromString('123e4567-e89b-12d3-a456-426614174000'),
  ],
  ['InetAddressType', '10.0.0.255', types['InetAddress']?.fromString('10.0.0.255')],
  ['InetAddressType', '2001:db8::ff00:42:8329', types['InetAddress']?.fromString('2001:db8::ff00:42:8329')],
  ['InetAddressType', '::', types['InetAddress']?.fromString('::')],
  ['InetAddressType', '::ffff:1.2.3.4', types['InetAddress']?.fromString('::ffff:1.2.3.4')],
  ['SimpleDateType', '2024-02-29', types['LocalDate']?.fromString('2024-02-29')],
  ['SimpleDateType', '1601-01-01', types['LocalDate']?.fromString('1601-01-01')],
  ['TimeType', '13:05:09.07', types['LocalTime']?.fromString('13:05:09.07')],
  ['TimestampType', '2024-02-29 13:05:09.070+0000', new Date(Date.UTC(2024, 1, 29, 13, 5, 9, 70))],
  ['DurationType', '1y2mo3w4d5h6m7s8ms9us10ns', types['Duration']?.fromString('1y2mo3w4d5h6m7s8ms9us10ns')],
  ['DurationType', '-P1Y2M3DT4H5M6S', types['Duration']?.fromString('-P1Y2M3DT4H5M6S')],
  ['ListType(Int32Type)', '[1, -2, 3]', [1, -2, 3]],
  ['ListType(Int32Type)', '[]', Buffer.alloc(4)],
  ['ListType(UTF8Type)', "['a, b', 'it''s', plain, '']", ['a, b', "it's", 'plain', '']],
  ['SetType(Int32Type)', '{1, 2}', new Set([1, 2])],
  [
    'MapType(UTF8Type,Int32Type)',
    "{'a:b': 1, 'c': 2}",
    new Map([
      ['a:b', 1],
      ['c', 2],
    ]),
  ],
  [
    'MapType(TimeType,TimestampType)',
    "{'13:05:09': '2024-02-29 00:00:00Z'}",
    new Map([[types['LocalTime']?.fromString('13:05:09'), new Date(Date.UTC(2024, 1, 29))]]),
  ],
  [
    'MapType(UTF8Type,FrozenType(ListType(Int32Type)))',
    "{'a': [1, 2], 'b': [3]}",
    new Map([
      ['a', [1, 2]],
      ['b', [3]],
    ]),
  ],
  ['VectorType(FloatType,3)', '[1.0, 2.5, -3]', new Vector([1, 2.5, -3], 'float')],
  ['VectorType(UTF8Type,2)', "['a', 'bc']", new Vector(['a', 'bc'], 'text')],
]

describe('fields of COPY as bytes', () => {
  for (const [type, text, value] of SAME) {
    it(`${type} ${text}`, () => {
      const info = driver.parseFqTypeName(full(type))
      assert.deepEqual(encode(type, text), driver.encode(value, info))
    })
  }

  const POINT = `UserType(ks,${Buffer.from('point').toString('hex')},${Buffer.from('x').toString('hex')}:Int32Type,${Buffer.from('label').toString('hex')}:UTF8Type)`

  it('UDTs by the names of their fields, in any order, null and empty text apart', () => {
    const bytes = (...parts: (string | null)[]) =>
      Buffer.concat(parts.map((hex) => (hex === null ? Buffer.alloc(4, 0xff) : Buffer.from(hex, 'hex'))))
    assert.deepEqual(encode(POINT, "{label: 'a', x: 7}"), bytes('0000000400000007', '0000000161'))
    assert.deepEqual(encode(POINT, "{x: , label: ''}"), bytes(null, '00000000'))
    assert.deepEqual(encode(POINT, '{label: N, x: N}', { null: 'N' }), bytes(null, null))
    assert.deepEqual(encode(POINT, "{label: 'N'}", { null: 'N' }), bytes(null, '000000014e'))
    assert.throws(() => encode(POINT, '{y: 1}'), /type point has no field "y"/)
  })

  it('tuples with null and without their last elements', () => {
    const whole = Buffer.from('0000000400000001ffffffff', 'hex')
    assert.deepEqual(encode('TupleType(Int32Type,UTF8Type)', '(1, )'), whole)
    assert.deepEqual(encode('TupleType(Int32Type,UTF8Type)', '(1)'), whole)
    // as cqlsh writes it
    assert.deepEqual(encode('TupleType(Int32Type,UTF8Type)', '(1, None)'), whole)
    assert.throws(() => encode('TupleType(Int32Type)', '(1, 2)'), /2 elements, expected 1/)
  })

  it('null is the text of NULL, and an empty field of a type that has no empty text', () => {
    assert.equal(encode('UTF8Type', ''), null)
    assert.equal(encode('UTF8Type', 'N', { null: 'N' }), null)
    assert.deepEqual(encode('UTF8Type', '', { null: 'N' }), Buffer.alloc(0))
    assert.equal(encode('Int32Type', '', { null: 'N' }), null)
    assert.deepEqual(encode('CounterColumnType', ''), Buffer.alloc(8))
  })

  it('numbers with separators', () => {
    const german = { decimalsep: ',', thousandssep: '.', delimiter: ';' }
    assert.deepEqual(encode('Int32Type', '1.234.567', german), Buffer.from('0012d687', 'hex'))
    assert.deepEqual(encode('DoubleType', '-1.234,5', german), encode('DoubleType', '-1234.5'))
    assert.deepEqual(encode('DecimalType', '1.234,50', german), encode('DecimalType', '1234.50'))
  })

  for (const [type, text] of [
    ['Int32Type', '2147483648'],
    ['ByteType', '-129'],
    ['Int32Type', '1.0'],
    ['Int32Type', '0x10'],
    ['LongType', '9223372036854775808'],
    ['DoubleType', '0x10'],
    ['DoubleType', '1,5'],
    ['DecimalType', 'nan'],
    ['DecimalType', '.'],
    ['BooleanType', 'yes'],
    ['BytesType', 'cafe'],
    ['BytesType', '0xabc'],
    ['AsciiType', 'é'],
    ['UUIDType', '123'],
    ['InetAddressType', '300.0.0.1'],
    ['SimpleDateType', '2023-02-29'],
    ['TimeType', '24:00:00'],
    ['DurationType', '1x'],
    ['DurationType', 'P'],
    ['ListType(Int32Type)', '1, 2'],
    ['ListType(Int32Type)', '[1, , 2]'],
    ['ListType(UTF8Type)', "['a]"],
    ['MapType(UTF8Type,Int32Type)', "{'a'}"],
    ['VectorType(FloatType,3)', '[1, 2]'],
  ] as const) {
    it(`refuses ${type} ${text}`, () => {
      assert.throws(() => encode(type, text), RangeError)
    })
  }

  it('refuses a type that has no text', () => {
    const type: CqlType = { kind: 'custom', className: 'com.example.Shape' }
    assert.throws(() => cellEncoder(type, style()), { code: 'CSNI101' })
  })
})
