/**
 * Values of every CQL type as text (as one would write them in CQL) and as JSON. Values come as the driver decodes
 * them.
 */
import type { CqlType } from '../connection/cql-types.ts'

/** null and undefined both stand for CQL's null. */
export function isNull(value: unknown): value is null | undefined {
  return value === null || value === undefined
}

/**
 * A value as text: what stands in a table's cell or a CSV field. Text at the top is bare, inside of collections it is
 * quoted as in CQL. Null is "null".
 */
export function valueText(value: unknown, type: CqlType): string {
  if (isNull(value)) return 'null'
  if (type.kind === 'simple') return simpleText(value, type.name)
  if (type.kind === 'custom') return Buffer.isBuffer(value) ? blobText(value) : String(value)
  return nestedText(value, type)
}

type Simple = Extract<CqlType, { kind: 'simple' }>['name']

function simpleText(value: unknown, name: Simple): string {
  switch (name) {
    case 'text':
    case 'ascii':
      return value as string
    case 'blob':
      return Buffer.isBuffer(value) ? blobText(value) : String(value)
    case 'float':
      return typeof value === 'number' ? floatText(value) : String(value)
    case 'double':
      return Object.is(value, -0) ? '-0' : String(value)
    case 'decimal':
      return decimalText(value)
    case 'timestamp':
      return value instanceof Date ? timestampText(value) : String(value)
    default:
      return String(value)
  }
}

function blobText(value: Buffer): string {
  return `0x${value.toString('hex')}`
}

/** The shortest decimal number that is this 32-bit float again: 0.1, where a double would be 0.10000000149011612. */
function floatText(value: number): string {
  if (Object.is(value, -0)) return '-0'
  if (!Number.isFinite(value) || (Number.isInteger(value) && Math.abs(value) < 2 ** 24)) return String(value)
  for (let digits = 1; digits < 9; digits += 1) {
    const text = Number(value.toPrecision(digits))
    if (Math.fround(text) === value) return String(text)
  }
  return String(Number(value.toPrecision(9)))
}

/**
 * A decimal as Java and Python write it: plain, or with an exponent when that is what its scale says ("1E+50").
 * The driver's own text drops the exponent (apache/cassandra-nodejs-driver lib/types/big-decimal.js), so its bytes
 * are read:
 * 32 bits of scale, then the unscaled number in two's complement.
 */
function decimalText(value: unknown): string {
  const toBuffer = (value as { constructor?: { toBuffer?: unknown } }).constructor?.toBuffer
  if (typeof toBuffer !== 'function') return String(value)
  const bytes: unknown = toBuffer(value)
  if (!Buffer.isBuffer(bytes) || bytes.length < 5) return String(value)
  const scale = bytes.readInt32BE(0)
  const unscaled = BigInt.asIntN(8 * (bytes.length - 4), BigInt(`0x${bytes.toString('hex', 4)}`))
  const sign = unscaled < 0n ? '-' : ''
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString()
  const exponent = digits.length - 1 - scale
  if (scale === 0) return sign + digits
  if (scale > 0 && exponent >= -6) {
    const padded = digits.padStart(scale + 1, '0')
    return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
  }
  return `${sign}${digits[0]}${digits.length > 1 ? `.${digits.slice(1)}` : ''}E${exponent < 0 ? '' : '+'}${exponent}`
}

/**
 * ISO 8601 in UTC with milliseconds, which Cassandra reads as well. A Date holds 273,000 years each way, a timestamp
 * more.
 */
function timestampText(value: Date): string {
  return Number.isNaN(value.getTime()) ? '(beyond the year 275760)' : value.toISOString()
}

/** Types whose literals are written in quotes in CQL. */
const QUOTED = new Set<Simple>(['text', 'ascii', 'date', 'time', 'timestamp', 'inet'])

function literal(value: unknown, type: CqlType): string {
  const text = valueText(value, type)
  return type.kind === 'simple' && QUOTED.has(type.name) && !isNull(value) ? `'${text.replaceAll("'", "''")}'` : text
}

function nestedText(value: unknown, type: CqlType): string {
  switch (type.kind) {
    case 'list':
    case 'vector':
      return `[${items(value)
        .map((item) => literal(item, type.element))
        .join(', ')}]`
    case 'set':
      return `{${items(value)
        .map((item) => literal(item, type.element))
        .join(', ')}}`
    case 'map':
      return `{${entries(value)
        .map(([key, item]) => `${literal(key, type.key)}: ${literal(item, type.value)}`)
        .join(', ')}}`
    case 'tuple':
      return `(${tupleItems(value, type.elements.length)
        .map((item, index) => literal(item, type.elements[index] ?? UNKNOWN))
        .join(', ')})`
    case 'udt':
      return `{${type.fields
        .map((field) => `${identifier(field.name)}: ${literal(fieldOf(value, field.name), field.type)}`)
        .join(', ')}}`
    default:
      return String(value)
  }
}

const UNKNOWN: CqlType = { kind: 'custom', className: 'unknown' }

function items(value: unknown): unknown[] {
  return typeof value === 'object' && value !== null && Symbol.iterator in value
    ? [...(value as Iterable<unknown>)]
    : []
}

function entries(value: unknown): [unknown, unknown][] {
  return value instanceof Map ? [...value.entries()] : []
}

/** A tuple that was written before its type grew has fewer elements than the type: the rest is null. */
function tupleItems(value: unknown, length: number): unknown[] {
  const elements = typeof value === 'object' && value !== null ? (value as { elements?: unknown }).elements : undefined
  const given = Array.isArray(elements) ? elements : items(value)
  return Array.from({ length }, (_, index) => given[index] as unknown)
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined
}

/** A name as it is written in CQL: in quotes unless it is lower-case letters, digits and underscores. */
export function identifier(name: string): string {
  return /^[a-z][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}

/** A text as a CQL string literal. */
export function stringLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

const JSON_NUMBERS = new Set<Simple>(['int', 'smallint', 'tinyint', 'double', 'float'])

/**
 * A value for JSON, without loss: numbers that JSON's readers would round (bigint, counter, varint, decimal) and all
 * that JSON
 * does not know (NaN, Infinity, blobs, times, UUIDs) are strings as in `valueText`; lists, sets, tuples and vectors
 * are arrays,
 * UDTs objects, maps objects whose keys are the text of CQL's keys.
 */
export function jsonValue(value: unknown, type: CqlType): unknown {
  if (isNull(value)) return null
  switch (type.kind) {
    case 'simple':
      return jsonSimple(value, type.name)
    case 'list':
    case 'set':
    case 'vector':
      return items(value).map((item) => jsonValue(item, type.element))
    case 'tuple':
      return tupleItems(value, type.elements.length).map((item, index) =>
        jsonValue(item, type.elements[index] ?? UNKNOWN),
      )
    case 'map':
      return jsonObject(entries(value).map(([key, item]) => [valueText(key, type.key), jsonValue(item, type.value)]))
    case 'udt':
      return jsonObject(type.fields.map((field) => [field.name, jsonValue(fieldOf(value, field.name), field.type)]))
    case 'custom':
      return valueText(value, type)
  }
}

function jsonSimple(value: unknown, name: Simple): unknown {
  if (name === 'boolean') return value === true
  if (!JSON_NUMBERS.has(name)) return simpleText(value, name)
  const number = name === 'float' && typeof value === 'number' ? Number(floatText(value)) : value
  // JSON.stringify writes -0 as 0, and has no word for NaN.
  return typeof number === 'number' && Number.isFinite(number) && !Object.is(number, -0)
    ? number
    : simpleText(value, name)
}

/** An object with any keys at all, "__proto__" included. */
export function jsonObject(pairs: [string, unknown][]): Record<string, unknown> {
  const object: Record<string, unknown> = Object.create(null)
  for (const [key, value] of pairs) object[key] = value
  return object
}
