/**
 * Cells of a result, from bytes to values. The driver's own decoding loses what JavaScript has no type for (timestamps
 * outside Date, values of zero bytes) and the second of two columns with one name, and is slow.
 *
 * | CQL | value |
 * |---|---|
 * | ascii, text | string |
 * | boolean | boolean |
 * | int, smallint, tinyint, float, double | number |
 * | bigint, counter, varint | bigint |
 * | timestamp | milliseconds since 1970: number, or bigint beyond ±2^53 |
 * | date, time, duration, decimal, inet, uuid, timeuuid | string, as CQL reads it |
 * | blob, types of the server's own | Buffer |
 * | list, set, vector, tuple, UDT | array; of a UDT in the order of its fields |
 * | map | array of [key, value] |
 * | null, also at the end of a tuple or UDT older than its type | null |
 * | zero bytes of a type that has no such value | EMPTY |
 */
import type { CqlType, SimpleTypeName } from './cql-types.ts'
import {
  bigIntOf,
  dateText,
  decimalText,
  durationText,
  inetText,
  timeText,
  unsignedVint,
  uuidText,
} from './scalar-text.ts'

/**
 * A value of zero bytes, which is not null, of a type that has no such value: Cassandra keeps them for reasons of
 * history (apache/cassandra src/java/org/apache/cassandra/db/marshal/AbstractType.java, isEmptyValueMeaningless).
 */
export const EMPTY: unique symbol = Symbol('empty')

/** Decodes the bytes from `start` up to `end`. Throws RangeError for bytes that are not a value of the type. */
export type Decode = (buffer: Buffer, start: number, end: number) => unknown

/** Returns the decoder of a type. */
export function decoderOf(type: CqlType): Decode {
  switch (type.kind) {
    case 'simple':
      return SIMPLE[type.name]
    case 'list':
    case 'set':
      return collection(decoderOf(type.element))
    case 'map':
      return map(decoderOf(type.key), decoderOf(type.value))
    case 'vector':
      return vector(type.element, type.dimensions)
    case 'tuple':
      return fields(type.elements.map(decoderOf))
    case 'udt':
      return fields(type.fields.map((field) => decoderOf(field.type)))
    case 'custom':
      return (buffer, start, end) => buffer.subarray(start, end)
  }
}

const utf8: Decode = (buffer, start, end) => buffer.toString('utf8', start, end)

/** Decodes values that always have this many bytes. */
function fixed(length: number, decode: (buffer: Buffer, start: number) => unknown): Decode {
  return (buffer, start, end) => {
    if (end - start === length) return decode(buffer, start)
    return atLeast(start, end, length) ?? decode(buffer, start)
  }
}

/** EMPTY for no bytes at all. */
function atLeast(start: number, end: number, length: number): typeof EMPTY | undefined {
  if (end === start) return EMPTY
  if (end - start < length) throw new RangeError(`a value of ${end - start} bytes, expected ${length}`)
  return undefined
}

const variable =
  (length: number, decode: Decode): Decode =>
  (buffer, start, end) =>
    atLeast(start, end, length) ?? decode(buffer, start, end)

const bigint = fixed(8, (buffer, start) => buffer.readBigInt64BE(start))
const uuid = fixed(16, uuidText)

function timestamp(buffer: Buffer, start: number): number | bigint {
  const approximate = buffer.readInt32BE(start) * 2 ** 32 + buffer.readUInt32BE(start + 4)
  return Number.isSafeInteger(approximate) ? approximate : buffer.readBigInt64BE(start)
}

const SIMPLE: Readonly<Record<SimpleTypeName, Decode>> = {
  ascii: utf8,
  text: utf8,
  blob: (buffer, start, end) => buffer.subarray(start, end),
  bigint,
  counter: bigint,
  timestamp: fixed(8, timestamp),
  boolean: fixed(1, (buffer, start) => buffer[start] !== 0),
  double: fixed(8, (buffer, start) => buffer.readDoubleBE(start)),
  float: fixed(4, (buffer, start) => buffer.readFloatBE(start)),
  int: fixed(4, (buffer, start) => buffer.readInt32BE(start)),
  smallint: fixed(2, (buffer, start) => buffer.readInt16BE(start)),
  tinyint: fixed(1, (buffer, start) => buffer.readInt8(start)),
  date: fixed(4, dateText),
  time: fixed(8, timeText),
  uuid,
  timeuuid: uuid,
  varint: variable(1, bigIntOf),
  decimal: variable(5, decimalText),
  duration: variable(3, durationText),
  inet: variable(4, inetText),
}

/** A value behind its length; null for a negative one. `place.at` moves behind it. */
function sized(buffer: Buffer, place: { at: number }, decode: Decode): unknown {
  const start = place.at + 4
  const length = buffer.readInt32BE(place.at)
  place.at = start + Math.max(length, 0)
  return length < 0 ? null : decode(buffer, start, place.at)
}

function collection(element: Decode): Decode {
  return (buffer, start, end) => {
    if (end === start) return EMPTY
    const place = { at: start + 4 }
    return Array.from({ length: buffer.readInt32BE(start) }, () => sized(buffer, place, element))
  }
}

function map(key: Decode, value: Decode): Decode {
  return (buffer, start, end) => {
    if (end === start) return EMPTY
    const place = { at: start + 4 }
    return Array.from({ length: buffer.readInt32BE(start) }, () => [
      sized(buffer, place, key),
      sized(buffer, place, value),
    ])
  }
}

function fields(decoders: Decode[]): Decode {
  return (buffer, start, end) => {
    const place = { at: start }
    return decoders.map((decode) => (place.at < end ? sized(buffer, place, decode) : null))
  }
}

/**
 * Bytes of a type's values inside a vector, where all have the same; the others have their length in front
 * (apache/cassandra src/java/org/apache/cassandra/db/marshal/AbstractType.java, valueLengthIfFixed).
 */
const FIXED_IN_VECTOR: Partial<Record<SimpleTypeName, number>> = {
  bigint: 8,
  boolean: 1,
  counter: 8,
  double: 8,
  float: 4,
  int: 4,
  timestamp: 8,
  timeuuid: 16,
  uuid: 16,
}

function lengthInVector(type: CqlType): number | undefined {
  if (type.kind === 'simple') return FIXED_IN_VECTOR[type.name]
  const element = type.kind === 'vector' ? lengthInVector(type.element) : undefined
  return type.kind === 'vector' && element !== undefined ? element * type.dimensions : undefined
}

function vector(element: CqlType, dimensions: number): Decode {
  const decode = decoderOf(element)
  const length = lengthInVector(element)
  return (buffer, start, end) => {
    if (end === start) return EMPTY
    let at = start
    return Array.from({ length: dimensions }, () => {
      const { value, end: from } = length === undefined ? unsignedVint(buffer, at) : { value: length, end: at }
      at = from + Number(value)
      return decode(buffer, from, at)
    })
  }
}
