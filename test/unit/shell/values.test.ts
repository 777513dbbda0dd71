import assert from 'node:assert/strict'
import cassandra from 'cassandra-driver'
import {
  classType,
  type CqlType,
  cqlType,
  type SimpleTypeName,
  typeText,
} from '../../../src/lib/connection/cql-types.ts'
import { identifier, jsonValue, valueText } from '../../../src/lib/shell/cql-values.ts'

const { types } = cassandra
const simple = (name: SimpleTypeName): CqlType => ({ kind: 'simple', name })
const int = simple('int')
const text = simple('text')
const udt: CqlType = {
  kind: 'udt',
  name: 'address',
  fields: [
    { name: 'street', type: text },
    { name: 'Odd', type: int },
  ],
}

describe('values of CQL as text and JSON', () => {
  const cases: [string, unknown, CqlType, string, unknown][] = [
    ['null', null, int, 'null', null],
    ['a field that was never set', undefined, text, 'null', null],
    ['ascii', 'abc', simple('ascii'), 'abc', 'abc'],
    ['bigint', 9223372036854775807n, simple('bigint'), '9223372036854775807', '9223372036854775807'],
    ['blob', Buffer.from('cafe', 'hex'), simple('blob'), '0xcafe', '0xcafe'],
    ['empty blob', Buffer.alloc(0), simple('blob'), '0x', '0x'],
    ['boolean', false, simple('boolean'), 'false', false],
    ['counter', -5n, simple('counter'), '-5', '-5'],
    ['date', types.LocalDate.fromString('2026-11-23'), simple('date'), '2026-11-23', '2026-11-23'],
    ['decimal', types.BigDecimal.fromString('12.50'), simple('decimal'), '12.50', '12.50'],
    ['small decimal', types.BigDecimal.fromString('-0.001'), simple('decimal'), '-0.001', '-0.001'],
    [
      'decimal with a negative scale',
      types.BigDecimal.fromBuffer(Buffer.from('ffffffce01', 'hex')),
      simple('decimal'),
      '1E+50',
      '1E+50',
    ],
    [
      'decimal of no digits',
      types.BigDecimal.fromBuffer(Buffer.from('0000000200', 'hex')),
      simple('decimal'),
      '0.00',
      '0.00',
    ],
    [
      'tiny decimal',
      types.BigDecimal.fromBuffer(Buffer.from('00000009ff', 'hex')),
      simple('decimal'),
      '-1E-9',
      '-1E-9',
    ],
    ['double', 1e300, simple('double'), '1e+300', 1e300],
    ['NaN', Number.NaN, simple('double'), 'NaN', 'NaN'],
    ['infinity', -Infinity, simple('float'), '-Infinity', '-Infinity'],
    ['negative zero', -0, simple('double'), '-0', '-0'],
    ['duration', types.Duration.fromString('1mo2d3h'), simple('duration'), '1mo2d3h', '1mo2d3h'],
    ['float', Math.fround(0.1), simple('float'), '0.1', 0.1],
    ['float of nine digits', Math.fround(16777217.5), simple('float'), '16777218', 16777218],
    ['biggest float', Math.fround(3.4028235e38), simple('float'), '3.4028235e+38', 3.4028235e38],
    ['inet', types.InetAddress.fromString('10.0.0.1'), simple('inet'), '10.0.0.1', '10.0.0.1'],
    ['inet of version 6', types.InetAddress.fromString('fe80::1'), simple('inet'), 'fe80::1', 'fe80::1'],
    ['int', -7, int, '-7', -7],
    ['smallint', 7, simple('smallint'), '7', 7],
    ['text', "it's", text, "it's", "it's"],
    ['empty text', '', text, '', ''],
    ['time', types.LocalTime.fromString('12:34:56.789'), simple('time'), '12:34:56.789', '12:34:56.789'],
    [
      'timestamp',
      new Date(Date.UTC(2026, 10, 23, 12, 34, 56, 789)),
      simple('timestamp'),
      '2026-11-23T12:34:56.789Z',
      '2026-11-23T12:34:56.789Z',
    ],
    [
      'timestamp beyond Date',
      new Date(Number.NaN),
      simple('timestamp'),
      '(beyond the year 275760)',
      '(beyond the year 275760)',
    ],
    [
      'timeuuid',
      types.TimeUuid.fromString('50554d6e-29bb-11e5-b345-feff819cdc9f'),
      simple('timeuuid'),
      '50554d6e-29bb-11e5-b345-feff819cdc9f',
      '50554d6e-29bb-11e5-b345-feff819cdc9f',
    ],
    ['tinyint', -128, simple('tinyint'), '-128', -128],
    [
      'uuid',
      types.Uuid.fromString('123e4567-e89b-12d3-a456-426614174000'),
      simple('uuid'),
      '123e4567-e89b-12d3-a456-426614174000',
      '123e4567-e89b-12d3-a456-426614174000',
    ],
    [
      'varint',
      123456789012345678901234567890n,
      simple('varint'),
      '123456789012345678901234567890',
      '123456789012345678901234567890',
    ],
    ['list', [1, 2], { kind: 'list', element: int }, '[1, 2]', [1, 2]],
    ['set of text', new Set(["a'b", 'c']), { kind: 'set', element: text }, "{'a''b', 'c'}", ["a'b", 'c']],
    ['map', new Map([['k', 1]]), { kind: 'map', key: text, value: int }, "{'k': 1}", { k: 1 }],
    [
      'map of blobs',
      new Map([[7n, Buffer.from('ff', 'hex')]]),
      { kind: 'map', key: simple('bigint'), value: simple('blob') },
      '{7: 0xff}',
      { 7: '0xff' },
    ],
    ['tuple', new types.Tuple(1, 'two'), { kind: 'tuple', elements: [int, text] }, "(1, 'two')", [1, 'two']],
    ['tuple older than its type', new types.Tuple(1), { kind: 'tuple', elements: [int, text] }, '(1, null)', [1, null]],
    ['udt', { street: "it's", Odd: 5 }, udt, "{street: 'it''s', \"Odd\": 5}", { street: "it's", Odd: 5 }],
    ['udt with a field unset', { street: 'x' }, udt, '{street: \'x\', "Odd": null}', { street: 'x', Odd: null }],
    [
      'vector',
      new types.Vector(new Float32Array([1, 0.1])),
      { kind: 'vector', element: simple('float'), dimensions: 2 },
      '[1, 0.1]',
      [1, 0.1],
    ],
    [
      'nested',
      [new Map([['a', new Set([1])]])],
      { kind: 'list', element: { kind: 'map', key: text, value: { kind: 'set', element: int } } },
      "[{'a': {1}}]",
      [{ a: [1] }],
    ],
    ['a type of the server’s own', Buffer.from('01', 'hex'), { kind: 'custom', className: 'x.Y' }, '0x01', '0x01'],
  ]
  for (const [name, value, type, shown, json] of cases) {
    it(name, () => {
      assert.equal(valueText(value, type), shown)
      assert.deepEqual(JSON.parse(JSON.stringify(jsonValue(value, type))), json)
    })
  }

  it('keeps a key named __proto__', () => {
    const json = jsonValue(new Map([['__proto__', 1]]), { kind: 'map', key: text, value: int })
    assert.equal(JSON.stringify(json), '{"__proto__":1}')
  })

  it('quotes names only when CQL needs it', () => {
    assert.equal(identifier('plain_1'), 'plain_1')
    assert.equal(identifier('Mixed"Case'), '"Mixed""Case"')
    assert.equal(identifier('1st'), '"1st"')
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
