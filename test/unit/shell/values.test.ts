import assert from 'node:assert/strict'
import { decoderOf } from '../../../src/lib/connection/cell-decoder.ts'
import {
  classType,
  type CqlType,
  cqlType,
  type SimpleTypeName,
  typeText,
} from '../../../src/lib/connection/cql-types.ts'
import { identifier, jsonFormat, textFormat, type ValueFormats } from '../../../src/lib/shell/cql-values.ts'
import { formattedTimestamp } from '../../../src/lib/shell/timestamps.ts'

const simple = (name: SimpleTypeName): CqlType => ({ kind: 'simple', name })
const int = simple('int')
const text = simple('text')
const udt: CqlType = {
  kind: 'udt',
  name: 'address',
  fields: [
    { name: 'street', type: text },
    { name: 'Odd', type: int },
    { name: 'order', type: int },
  ],
}

const hex = (digits: string): Buffer => Buffer.from(digits.replaceAll(' ', ''), 'hex')
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
const int64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}
const float64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  return bytes
}
const float32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatBE(value)
  return bytes
}
/** Cells as they stand in collections, each behind its length; null as -1. */
const sized = (...cells: (Buffer | string | null)[]): Buffer =>
  Buffer.concat(
    cells.flatMap((cell) => {
      const bytes = typeof cell === 'string' ? Buffer.from(cell) : cell
      return bytes === null ? [int32(-1)] : [int32(bytes.length), bytes]
    }),
  )
const counted = (count: number, ...cells: (Buffer | string | null)[]): Buffer =>
  Buffer.concat([int32(count), sized(...cells)])

function shown(type: CqlType, bytes: Buffer, formats?: ValueFormats): string {
  // not at the beginning of its buffer, as in a page
  const buffer = Buffer.concat([Buffer.from('xyz'), bytes, Buffer.from('zyx')])
  return textFormat(type, formats)(decoderOf(type)(buffer, 3, 3 + bytes.length))
}

function json(type: CqlType, bytes: Buffer): unknown {
  return JSON.parse(jsonFormat(type)(decoderOf(type)(bytes, 0, bytes.length)))
}

describe('values of CQL as text and JSON', () => {
  const cases: [string, Buffer, CqlType, string, unknown][] = [
    ['ascii', Buffer.from('abc'), simple('ascii'), 'abc', 'abc'],
    ['bigint', int64(9223372036854775807n), simple('bigint'), '9223372036854775807', '9223372036854775807'],
    ['blob', hex('cafe'), simple('blob'), '0xcafe', '0xcafe'],
    ['blob of zero bytes', hex(''), simple('blob'), '0x', '0x'],
    ['boolean', hex('00'), simple('boolean'), 'false', false],
    ['counter', int64(-5n), simple('counter'), '-5', '-5'],
    ['date', hex('80005102'), simple('date'), '2026-10-12', '2026-10-12'],
    ['date, the first of all', hex('00000000'), simple('date'), '-5877641-06-23', '-5877641-06-23'],
    ['date, the last of all', hex('ffffffff'), simple('date'), '+5881580-07-11', '+5881580-07-11'],
    ['date of a leap day', hex('80002b08'), simple('date'), '2000-02-29', '2000-02-29'],
    ['date of year 0', hex('7ff50558'), simple('date'), '0000-01-01', '0000-01-01'],
    ['decimal', hex('00000002 04e2'), simple('decimal'), '12.50', '12.50'],
    ['small decimal', hex('00000003 ff'), simple('decimal'), '-0.001', '-0.001'],
    ['decimal with a negative scale', hex('ffffffce 01'), simple('decimal'), '1E+50', '1E+50'],
    ['decimal of no digits', hex('00000002 00'), simple('decimal'), '0.00', '0.00'],
    ['tiny decimal', hex('00000009 ff'), simple('decimal'), '-1E-9', '-1E-9'],
    [
      'decimal of many digits',
      hex('00000001 ff0000000000000000'),
      simple('decimal'),
      '-1844674407370955161.6',
      '-1844674407370955161.6',
    ],
    ['double', float64(1e300), simple('double'), '1e+300', 1e300],
    ['NaN', float64(Number.NaN), simple('double'), 'NaN', 'NaN'],
    ['infinity', float32(-Infinity), simple('float'), '-Infinity', '-Infinity'],
    ['negative zero', float64(-0), simple('double'), '-0', '-0'],
    ['duration', hex('1c 04 fc07bfb793d9a0'), simple('duration'), '1y2mo2d1h11m34us', '1y2mo2d1h11m34us'],
    ['duration of nothing', hex('000000'), simple('duration'), '0s', '0s'],
    ['negative duration', hex('010100'), simple('duration'), '-1mo1d', '-1mo1d'],
    [
      'longest duration',
      hex('f0fffffffe f0fffffffe fffffffffffffffffe'),
      simple('duration'),
      '178956970y7mo2147483647d2562047h47m16s854ms775us807ns',
      '178956970y7mo2147483647d2562047h47m16s854ms775us807ns',
    ],
    ['float', float32(0.1), simple('float'), '0.1', 0.1],
    ['float of nine digits', float32(16777217.5), simple('float'), '16777218', 16777218],
    ['float that needs them', float32(0.123456789), simple('float'), '0.12345679', 0.12345679],
    ['biggest float', float32(3.4028235e38), simple('float'), '3.4028235e+38', 3.4028235e38],
    ['inet', hex('0a000001'), simple('inet'), '10.0.0.1', '10.0.0.1'],
    ['inet of version 6', hex('fe80 0000 0000 0000 0000 0000 0000 0001'), simple('inet'), 'fe80::1', 'fe80::1'],
    [
      'inet with two runs of zeros',
      hex('2001 0db8 0000 0000 0001 0000 0000 0001'),
      simple('inet'),
      '2001:db8::1:0:0:1',
      '2001:db8::1:0:0:1',
    ],
    ['inet of zeros', hex('00000000000000000000000000000000'), simple('inet'), '::', '::'],
    [
      'inet of version 4 in 6',
      hex('00000000000000000000ffff 0a000001'),
      simple('inet'),
      '::ffff:10.0.0.1',
      '::ffff:10.0.0.1',
    ],
    ['int', int32(-7), int, '-7', -7],
    ['smallint', hex('0007'), simple('smallint'), '7', 7],
    ['text', Buffer.from("it's"), text, "it's", "it's"],
    ['text of zero bytes', hex(''), text, '', ''],
    [
      'text with what a terminal would obey',
      Buffer.from('\u001b[2J\u009b"\\'),
      text,
      '\u001b[2J\u009b"\\',
      '\u001b[2J\u009b"\\',
    ],
    ['time', int64(45_296_789_000_000n), simple('time'), '12:34:56.789', '12:34:56.789'],
    ['time of a nanosecond', int64(1n), simple('time'), '00:00:00.000000001', '00:00:00.000000001'],
    ['time of no fraction', int64(86_399_000_000_000n), simple('time'), '23:59:59', '23:59:59'],
    [
      'timestamp',
      int64(BigInt(Date.UTC(2026, 10, 23, 12, 34, 56, 789))),
      simple('timestamp'),
      '2026-11-23T12:34:56.789Z',
      '2026-11-23T12:34:56.789Z',
    ],
    [
      'timestamp of year 1',
      int64(-62135596800000n),
      simple('timestamp'),
      '0001-01-01T00:00:00.000Z',
      '0001-01-01T00:00:00.000Z',
    ],
    ['timestamp before year 1', int64(-62135596800001n), simple('timestamp'), '-62135596800001', '-62135596800001'],
    ['timestamp after year 9999', int64(253402300800000n), simple('timestamp'), '253402300800000', '253402300800000'],
    [
      'timestamp outside Date',
      int64(9223372036854775807n),
      simple('timestamp'),
      '9223372036854775807',
      '9223372036854775807',
    ],
    [
      'timestamp long before Date',
      int64(-9223372036854775808n),
      simple('timestamp'),
      '-9223372036854775808',
      '-9223372036854775808',
    ],
    [
      'timeuuid',
      hex('50554d6e29bb11e5b345feff819cdc9f'),
      simple('timeuuid'),
      '50554d6e-29bb-11e5-b345-feff819cdc9f',
      '50554d6e-29bb-11e5-b345-feff819cdc9f',
    ],
    ['tinyint', hex('80'), simple('tinyint'), '-128', -128],
    [
      'uuid',
      hex('123e4567e89b12d3a456426614174000'),
      simple('uuid'),
      '123e4567-e89b-12d3-a456-426614174000',
      '123e4567-e89b-12d3-a456-426614174000',
    ],
    [
      'varint',
      hex('018ee90ff6c373e0ee4e3f0ad2'),
      simple('varint'),
      '123456789012345678901234567890',
      '123456789012345678901234567890',
    ],
    ['negative varint', hex('ff7f'), simple('varint'), '-129', '-129'],
    ['list', counted(2, int32(1), int32(2)), { kind: 'list', element: int }, '[1, 2]', [1, 2]],
    ['empty list', counted(0), { kind: 'list', element: int }, '[]', []],
    ['set of text', counted(2, "a'b", 'c'), { kind: 'set', element: text }, "{'a''b', 'c'}", ["a'b", 'c']],
    ['map', counted(1, 'k', int32(1)), { kind: 'map', key: text, value: int }, "{'k': 1}", { k: 1 }],
    [
      'map of blobs',
      counted(1, int64(7n), hex('ff')),
      { kind: 'map', key: simple('bigint'), value: simple('blob') },
      '{7: 0xff}',
      { 7: '0xff' },
    ],
    ['tuple', sized(int32(1), 'two'), { kind: 'tuple', elements: [int, text] }, "(1, 'two')", [1, 'two']],
    ['tuple older than its type', sized(int32(1)), { kind: 'tuple', elements: [int, text] }, '(1, null)', [1, null]],
    ['tuple with a null', sized(null, 'two'), { kind: 'tuple', elements: [int, text] }, "(null, 'two')", [null, 'two']],
    [
      'udt',
      sized("it's", int32(5), int32(6)),
      udt,
      '{street: \'it\'\'s\', "Odd": 5, "order": 6}',
      { street: "it's", Odd: 5, order: 6 },
    ],
    [
      'udt older than its type',
      sized('x'),
      udt,
      '{street: \'x\', "Odd": null, "order": null}',
      { street: 'x', Odd: null, order: null },
    ],
    [
      'vector',
      Buffer.concat([float32(1), float32(0.1)]),
      { kind: 'vector', element: simple('float'), dimensions: 2 },
      '[1, 0.1]',
      [1, 0.1],
    ],
    [
      'vector of text',
      hex('0161 026263'),
      { kind: 'vector', element: text, dimensions: 2 },
      "['a', 'bc']",
      ['a', 'bc'],
    ],
    [
      'vector of vectors',
      Buffer.concat([int32(1), int32(2)]),
      { kind: 'vector', element: { kind: 'vector', element: int, dimensions: 1 }, dimensions: 2 },
      '[[1], [2]]',
      [[1], [2]],
    ],
    [
      'vector of a long text',
      Buffer.concat([hex('812c'), Buffer.from('x'.repeat(300))]),
      { kind: 'vector', element: text, dimensions: 1 },
      `['${'x'.repeat(300)}']`,
      ['x'.repeat(300)],
    ],
    [
      'nested',
      counted(1, counted(1, 'a', counted(1, int32(1)))),
      { kind: 'list', element: { kind: 'map', key: text, value: { kind: 'set', element: int } } },
      "[{'a': {1}}]",
      [{ a: [1] }],
    ],
    [
      'times in a tuple, in quotes',
      sized(int64(0n), int64(1_000_000_000n), hex('80000000'), hex('0a000001'), hex('000000')),
      {
        kind: 'tuple',
        elements: ['timestamp', 'time', 'date', 'inet', 'duration'].map((name) => simple(name as SimpleTypeName)),
      },
      "('1970-01-01T00:00:00.000Z', '00:00:01', '1970-01-01', '10.0.0.1', 0s)",
      ['1970-01-01T00:00:00.000Z', '00:00:01', '1970-01-01', '10.0.0.1', '0s'],
    ],
    ['a type of the server’s own', hex('01'), { kind: 'custom', className: 'x.Y' }, '0x01', '0x01'],
  ]
  for (const [name, bytes, type, expected, expectedJson] of cases) {
    it(name, () => {
      assert.equal(shown(type, bytes), expected)
      assert.deepEqual(json(type, bytes), expectedJson)
    })
  }

  it('tells null from a value of zero bytes', () => {
    for (const name of [
      'int',
      'bigint',
      'uuid',
      'timestamp',
      'inet',
      'decimal',
      'varint',
      'duration',
      'date',
    ] as const) {
      assert.equal(shown(simple(name), hex('')), '', name)
      assert.equal(json(simple(name), hex('')), '', name)
    }
    assert.equal(textFormat(int)(null), 'null')
    assert.equal(jsonFormat(int)(undefined), 'null')
    assert.equal(shown({ kind: 'list', element: int }, counted(2, hex(''), null)), '[, null]')
  })

  it('refuses bytes that are no value of the type', () => {
    assert.throws(() => shown(simple('bigint'), hex('0001')), RangeError)
    assert.throws(() => shown(simple('uuid'), hex('00')), RangeError)
  })

  it('keeps a key named __proto__', () => {
    const type: CqlType = { kind: 'map', key: text, value: int }
    const bytes = counted(1, '__proto__', int32(1))
    assert.equal(jsonFormat(type)(decoderOf(type)(bytes, 0, bytes.length)), '{"__proto__":1}')
  })

  it('is a flow of YAML with the escapes that YAML has', () => {
    const type: CqlType = { kind: 'map', key: text, value: { kind: 'list', element: text } }
    const bytes = counted(1, 'a', counted(2, 'b', '\u{e0001}'))
    assert.equal(jsonFormat(type, 'yaml')(decoderOf(type)(bytes, 0, bytes.length)), '{"a": ["b", "\\U000e0001"]}')
  })

  it('quotes names only when CQL needs it', () => {
    assert.equal(identifier('plain_1'), 'plain_1')
    assert.equal(identifier('Mixed"Case'), '"Mixed""Case"')
    assert.equal(identifier('1st'), '"1st"')
    assert.equal(identifier('order'), '"order"')
    assert.equal(identifier('timestamp'), 'timestamp')
  })
})

describe('values of CQL in a format of the user', () => {
  const timestamp = (ms: number, format?: string, zone?: string): string =>
    shown(simple('timestamp'), int64(BigInt(ms)), { timestamp: formattedTimestamp(format, zone) })
  const moment = Date.UTC(2026, 6, 3, 7, 4, 5, 60)

  it('timestamps by strftime and time zone', () => {
    assert.equal(timestamp(moment), '2026-07-03 07:04:05.060000+0000')
    assert.equal(timestamp(moment, undefined, 'Europe/Berlin'), '2026-07-03 09:04:05.060000+0200')
    assert.equal(
      timestamp(moment, '%d.%m.%y %I:%M %p %j %a %b %% %Z %s', 'Asia/Kolkata'),
      '03.07.26 12:34 PM 184 Fri Jul % GMT+5:30 1783062245',
    )
    assert.equal(timestamp(moment, '%e %A %B %T %D %F %R %Q'), ' 3 Friday July 07:04:05 07/03/26 2026-07-03 07:04 %Q')
    assert.equal(timestamp(Date.UTC(2026, 0, 15), '%Y %H %z', 'America/New_York'), '2026 19 -0500')
    assert.equal(timestamp(253402300800000, '%Y'), '253402300800000')
    assert.equal(timestamp(-62135596800000, '%Y', 'America/New_York'), '-62135596800000')
    assert.throws(() => formattedTimestamp('%Y', 'Mars/Olympus'), RangeError)
  })

  it('floating-point numbers as cqlsh rounds them', () => {
    const double = (value: number, precision: number, separators: ValueFormats = {}): string =>
      shown(simple('double'), float64(value), { doublePrecision: precision, ...separators })
    // by format_floating_point_type of cqlsh 6.2 itself
    assert.equal(double(123456.789, 5), '1.2346e+05')
    assert.equal(double(1234.56789, 5), '1234.56789')
    assert.equal(double(0.000123456789, 3), '0.0001')
    assert.equal(double(3, 5), '3')
    assert.equal(double(0.1, 12), '0.1')
    assert.equal(double(1e-10, 3), '1e-10')
    assert.equal(double(-0, 3), '-0')
    assert.equal(double(1234567.891, 2, { thousandsSeparator: ',' }), '1,234,567.89')
    assert.equal(double(1234.5, 9, { decimalSeparator: ',' }), '1234,5')
    assert.equal(shown(simple('float'), float32(0.123456789), { floatPrecision: 3 }), '0.1235')
  })

  it('separators in numbers of other kinds', () => {
    const formats = { decimalSeparator: ',', thousandsSeparator: '.' }
    assert.equal(shown(simple('decimal'), hex('00000002 075bcd15'), formats), '1.234.567,89')
    assert.equal(shown(simple('bigint'), int64(-1234567n), formats), '-1.234.567')
    assert.equal(shown(simple('boolean'), hex('01'), { booleans: ['yes', 'no'] }), 'yes')
  })
})

describe('types of CQL', () => {
  it('reads what the driver gives', () => {
    assert.equal(typeText(cqlType({ code: 0x0d })), 'text')
    assert.equal(
      typeText(cqlType({ code: 0x21, info: [{ code: 0x0d }, { code: 0x20, info: { code: 9 } }] })),
      'map<text, list<int>>',
    )
    assert.equal(typeText(cqlType({ code: 0x31, info: [{ code: 9 }, { code: 0x15 }] })), 'tuple<int, duration>')
    assert.equal(typeText(cqlType({ code: 0x30, info: { name: 'address', fields: [] } })), 'address')
    assert.equal(typeText(cqlType({ code: 0, customTypeName: 'vector', info: [{ code: 8 }, 3] })), 'vector<float, 3>')
    assert.equal(typeText(cqlType({ code: 0, info: 'com.example.Strange' })), "'com.example.Strange'")
    assert.equal(cqlType(undefined).kind, 'custom')
  })

  it('reads names of Java classes, nested ones too', () => {
    const m = 'org.apache.cassandra.db.marshal'
    assert.equal(typeText(classType(`${m}.VectorType(${m}.FloatType , 3)`)), 'vector<float, 3>')
    assert.equal(typeText(classType(`${m}.DurationType`)), 'duration')
    assert.equal(
      typeText(classType(`${m}.VectorType(${m}.FrozenType(${m}.ListType(${m}.Int32Type)), 2)`)),
      'vector<list<int>, 2>',
    )
    const userType = classType(
      `${m}.UserType(ks,61646472,6e:${m}.Int32Type,6d:${m}.MapType(${m}.UTF8Type,${m}.LongType))`,
    )
    assert.deepEqual(userType, {
      kind: 'udt',
      name: 'addr',
      fields: [
        { name: 'n', type: { kind: 'simple', name: 'int' } },
        {
          name: 'm',
          type: { kind: 'map', key: { kind: 'simple', name: 'text' }, value: { kind: 'simple', name: 'bigint' } },
        },
      ],
    })
  })
})
