/** CQL types, independent of the driver. */

export type SimpleTypeName =
  | 'ascii'
  | 'bigint'
  | 'blob'
  | 'boolean'
  | 'counter'
  | 'date'
  | 'decimal'
  | 'double'
  | 'duration'
  | 'float'
  | 'inet'
  | 'int'
  | 'smallint'
  | 'text'
  | 'time'
  | 'timestamp'
  | 'timeuuid'
  | 'tinyint'
  | 'uuid'
  | 'varint'

export type CqlType =
  | { kind: 'simple'; name: SimpleTypeName }
  | { kind: 'list' | 'set'; element: CqlType }
  | { kind: 'map'; key: CqlType; value: CqlType }
  | { kind: 'tuple'; elements: CqlType[] }
  | { kind: 'udt'; name: string; fields: { name: string; type: CqlType }[] }
  | { kind: 'vector'; element: CqlType; dimensions: number }
  /** A custom type, by its Java class. */
  | { kind: 'custom'; className: string }

/**
 * Formats a type as in CQL, but without "frozen", which the protocol does not transmit.
 */
export function typeText(type: CqlType): string {
  switch (type.kind) {
    case 'simple':
      return type.name
    case 'list':
    case 'set':
      return `${type.kind}<${typeText(type.element)}>`
    case 'map':
      return `map<${typeText(type.key)}, ${typeText(type.value)}>`
    case 'tuple':
      return `tuple<${type.elements.map(typeText).join(', ')}>`
    case 'udt':
      return type.name
    case 'vector':
      return `vector<${typeText(type.element)}, ${type.dimensions}>`
    case 'custom':
      return `'${type.className}'`
  }
}

/**
 * Type codes of the native protocol; apache/cassandra doc/native_protocol_v4.spec §4.2.5.2. 0x0a is the "text" of
 * protocol 1 and 2.
 */
const BY_CODE: ReadonlyMap<number, SimpleTypeName> = new Map([
  [0x01, 'ascii'],
  [0x02, 'bigint'],
  [0x03, 'blob'],
  [0x04, 'boolean'],
  [0x05, 'counter'],
  [0x06, 'decimal'],
  [0x07, 'double'],
  [0x08, 'float'],
  [0x09, 'int'],
  [0x0a, 'text'],
  [0x0b, 'timestamp'],
  [0x0c, 'uuid'],
  [0x0d, 'text'],
  [0x0e, 'varint'],
  [0x0f, 'timeuuid'],
  [0x10, 'inet'],
  [0x11, 'date'],
  [0x12, 'time'],
  [0x13, 'smallint'],
  [0x14, 'tinyint'],
  [0x15, 'duration'],
])

const CUSTOM = 0x00
const LIST = 0x20
const MAP = 0x21
const SET = 0x22
const UDT = 0x30
const TUPLE = 0x31

/**
 * Java classes of simple types; apache/cassandra src/java/org/apache/cassandra/cql3/CQL3Type.java, enum
 * Native.
 */
const BY_CLASS: ReadonlyMap<string, SimpleTypeName> = new Map([
  ['AsciiType', 'ascii'],
  ['LongType', 'bigint'],
  ['BytesType', 'blob'],
  ['BooleanType', 'boolean'],
  ['CounterColumnType', 'counter'],
  ['DecimalType', 'decimal'],
  ['DoubleType', 'double'],
  ['FloatType', 'float'],
  ['Int32Type', 'int'],
  ['UTF8Type', 'text'],
  ['TimestampType', 'timestamp'],
  ['DateType', 'timestamp'],
  ['UUIDType', 'uuid'],
  ['IntegerType', 'varint'],
  ['TimeUUIDType', 'timeuuid'],
  ['InetAddressType', 'inet'],
  ['SimpleDateType', 'date'],
  ['TimeType', 'time'],
  ['ShortType', 'smallint'],
  ['ByteType', 'tinyint'],
  ['DurationType', 'duration'],
])

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

/**
 * Converts a column type of apache/cassandra-nodejs-driver ({code, info}; lib/readers.js readType).
 */
export function cqlType(column: unknown): CqlType {
  const info = field(column, 'info')
  const code = field(column, 'code')
  switch (code) {
    case CUSTOM:
      return typeof info === 'string' ? classType(info) : customVector(column, info)
    case LIST:
      return { kind: 'list', element: cqlType(info) }
    case SET:
      return { kind: 'set', element: cqlType(info) }
    case MAP:
      return { kind: 'map', key: cqlType(list(info)[0]), value: cqlType(list(info)[1]) }
    case TUPLE:
      return { kind: 'tuple', elements: list(info).map(cqlType) }
    case UDT:
      return {
        kind: 'udt',
        name: String(field(info, 'name')),
        fields: list(field(info, 'fields')).map((entry) => ({
          name: String(field(entry, 'name')),
          type: cqlType(field(entry, 'type')),
        })),
      }
  }
  const simple = typeof code === 'number' ? BY_CODE.get(code) : undefined
  return simple === undefined ? { kind: 'custom', className: String(code) } : { kind: 'simple', name: simple }
}

/** The driver's own form of a vector: {customTypeName: 'vector', info: [element, dimensions]}. */
function customVector(column: unknown, info: unknown): CqlType {
  if (field(column, 'customTypeName') !== 'vector') return { kind: 'custom', className: 'unknown' }
  return { kind: 'vector', element: cqlType(list(info)[0]), dimensions: Number(list(info)[1]) }
}

/**
 * Parses a type from its Java class,
 * "org.apache.cassandra.db.marshal.VectorType(org.apache.cassandra.db.marshal.FloatType , 3)", which protocol 4 sends
 * for newer types. Grammar: apache/cassandra db/marshal/TypeParser.java.
 */
export function classType(text: string): CqlType {
  const open = text.indexOf('(')
  const className = (open === -1 ? text : text.slice(0, open)).trim()
  const short = className.replace(/^org\.apache\.cassandra\.db\.marshal\./, '')
  const parts = open === -1 ? [] : topLevelParts(text.slice(open + 1, text.lastIndexOf(')')))
  const part = (index: number): CqlType => classType(parts[index] ?? '')
  switch (short) {
    case 'FrozenType':
    case 'ReversedType':
      return part(0)
    case 'ListType':
      return { kind: 'list', element: part(0) }
    case 'SetType':
      return { kind: 'set', element: part(0) }
    case 'MapType':
      return { kind: 'map', key: part(0), value: part(1) }
    case 'TupleType':
      return { kind: 'tuple', elements: parts.map(classType) }
    case 'VectorType':
      return { kind: 'vector', element: part(0), dimensions: Number(parts[1]) }
    case 'UserType':
      return {
        kind: 'udt',
        name: fromHex(parts[1] ?? ''),
        fields: parts.slice(2).map((entry) => {
          const colon = entry.indexOf(':')
          return { name: fromHex(entry.slice(0, colon)), type: classType(entry.slice(colon + 1)) }
        }),
      }
  }
  const simple = BY_CLASS.get(short)
  return simple === undefined ? { kind: 'custom', className } : { kind: 'simple', name: simple }
}

function fromHex(text: string): string {
  return Buffer.from(text.trim(), 'hex').toString('utf8')
}

/** Splits "a, b(c, d)" into ["a", "b(c, d)"]. */
function topLevelParts(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let start = 0
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index]
    if (character === '(') depth += 1
    else if (character === ')') depth -= 1
    else if (character === ',' && depth === 0) {
      parts.push(text.slice(start, index).trim())
      start = index + 1
    }
  }
  const last = text.slice(start).trim()
  if (last !== '') parts.push(last)
  return parts
}
