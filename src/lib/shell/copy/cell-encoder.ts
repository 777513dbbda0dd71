/**
 * Fields of a CSV file as the bytes of CQL values, by apache/cassandra doc/native_protocol_v4.spec §6. Texts are read
 * as cqlsh reads them (apache/cassandra pylib/cqlshlib/copyutil.py, ImportConversion).
 */
import { CassSniError } from '../../errors.ts'
import { type CqlType, type SimpleTypeName, typeText } from '../../connection/cql-types.ts'
import {
  bigintBytes,
  dateBytes,
  decimalBytes,
  durationBytes,
  inetBytes,
  timeBytes,
  unsignedVint,
  uuidBytes,
  varintBytes,
} from './cell-bytes.ts'
import type { ValueStyle } from './copy-options.ts'
import { compositeParts, keyAndValue, unquoted } from './composite-text.ts'

/** Bytes of a field's text; null for CQL's null. Throws RangeError for a text that is not a value of the type. */
export type CellEncoder = (text: string) => Buffer | null

type Encode = (text: string) => Buffer

/**
 * The encoder of a column's fields. An empty field is null, whatever NULL is set to, unless it is a value of the type.
 * Throws CSNI101 for a type that cannot be imported.
 */
export function cellEncoder(type: CqlType, style: ValueStyle): CellEncoder {
  const encode = encoderOf(type, style)
  const { nullText } = style
  // a null would be refused in a counter's addition
  const absent = type.kind === 'simple' && type.name === 'counter' ? bigintBytes(0n) : null
  return (text) => {
    if (text === nullText) return absent
    try {
      return encode(text)
    } catch (error) {
      if (text === '') return absent
      throw error
    }
  }
}

function encoderOf(type: CqlType, style: ValueStyle): Encode {
  switch (type.kind) {
    case 'simple':
      return simpleEncoder(type.name, style)
    case 'list':
    case 'set': {
      const element = mandatory(type.element, style)
      return (text) => withLengths(compositeParts(text).map(element))
    }
    case 'map': {
      const key = mandatory(type.key, style)
      const value = optional(type.value, style)
      return (text) => {
        const parts = compositeParts(text).flatMap((part) => {
          const pair = keyAndValue(part)
          return [key(pair.key), value(pair.value)]
        })
        return withLengths(parts, parts.length / 2)
      }
    }
    case 'tuple': {
      const elements = type.elements.map((element) => optional(element, style))
      return (text) => {
        const parts = compositeParts(text)
        if (parts.length > elements.length) throw wrongLength(parts.length, elements.length)
        return Buffer.concat(elements.flatMap((element, index) => sized(element(parts[index] ?? style.nullText))))
      }
    }
    case 'udt': {
      const fields = type.fields.map((field) => ({ name: field.name, encode: optional(field.type, style) }))
      return (text) => {
        const given = new Map(
          compositeParts(text).map((part) => {
            const { key, value } = keyAndValue(part)
            return [unquoted(key).text, value]
          }),
        )
        const bytes = fields.flatMap(({ name, encode }) => {
          const value = given.get(name)
          given.delete(name)
          return sized(value === undefined ? null : encode(value))
        })
        const [unknown] = given.keys()
        if (unknown !== undefined) throw new RangeError(`type ${type.name} has no field "${unknown}"`)
        return Buffer.concat(bytes)
      }
    }
    case 'vector': {
      const element = mandatory(type.element, style)
      const fixed = fixedLength(type.element) !== undefined
      return (text) => {
        const parts = compositeParts(text)
        if (parts.length !== type.dimensions) throw wrongLength(parts.length, type.dimensions)
        const bytes = parts.map(element)
        return Buffer.concat(fixed ? bytes : bytes.flatMap((part) => [unsignedVint(BigInt(part.length)), part]))
      }
    }
    case 'custom':
      throw new CassSniError('CSNI101', `COPY FROM does not support the type ${typeText(type)}`)
  }
}

function wrongLength(found: number, expected: number): RangeError {
  return new RangeError(`${found} elements, expected ${expected}`)
}

/** An element that cannot be null: of a list, set or vector, or a key. */
function mandatory(type: CqlType, style: ValueStyle): Encode {
  const encode = encoderOf(type, style)
  const isText = type.kind === 'simple' && (type.name === 'text' || type.name === 'ascii')
  return (part) => {
    const { text, quoted } = unquoted(part)
    if (!quoted && !isText && text === style.nullText) throw new RangeError('null inside a collection')
    return encode(text)
  }
}

/** How cqlsh writes null within a tuple, where it reads texts in quotes only. */
const PYTHON_NULL = 'None'

/** An element that may be null: of a tuple or UDT, or a map's value. A text in quotes never is. */
function optional(type: CqlType, style: ValueStyle): CellEncoder {
  const encode = encoderOf(type, style)
  const nulls = [style.nullText, '', PYTHON_NULL]
  return (part) => {
    const { text, quoted } = unquoted(part)
    return !quoted && nulls.includes(text) ? null : encode(text)
  }
}

const NULL_LENGTH = Buffer.from([0xff, 0xff, 0xff, 0xff])

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value)
  return bytes
}

function sized(bytes: Buffer | null): Buffer[] {
  return bytes === null ? [NULL_LENGTH] : [int32(bytes.length), bytes]
}

function withLengths(parts: (Buffer | null)[], count = parts.length): Buffer {
  return Buffer.concat([int32(count), ...parts.flatMap(sized)])
}

/**
 * Bytes of each value of a type; undefined for types of variable length. Vectors of the former have no lengths in
 * them (apache/cassandra src/java/org/apache/cassandra/db/marshal/VectorType.java, valueLengthIfFixed).
 */
function fixedLength(type: CqlType): number | undefined {
  if (type.kind === 'vector') {
    const element = fixedLength(type.element)
    return element === undefined ? undefined : element * type.dimensions
  }
  return type.kind === 'simple' ? FIXED[type.name] : undefined
}

const FIXED: Partial<Record<SimpleTypeName, number>> = {
  bigint: 8,
  boolean: 1,
  double: 8,
  float: 4,
  int: 4,
  timestamp: 8,
  timeuuid: 16,
  uuid: 16,
}

const ASCII = /^[\0-\x7f]*$/
const INTEGER = /^[-+]?\d+$/
const REAL = /^[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|inf(?:inity)?|nan)$/i

function simpleEncoder(name: SimpleTypeName, style: ValueStyle): Encode {
  const refused = (text: string): RangeError => new RangeError(`"${text}" is not a value of type ${name}`)
  const plainNumber = numberText(style)
  const integer = (text: string): string => {
    const plain = plainNumber(text, false)
    if (!INTEGER.test(plain)) throw refused(text)
    return plain
  }
  const ranged = (bits: 8 | 16 | 32): Encode => {
    const limit = 2 ** (bits - 1)
    return (text) => {
      const value = Number(integer(text))
      if (value < -limit || value >= limit) throw refused(text)
      const bytes = Buffer.allocUnsafe(bits / 8)
      bytes.writeIntBE(value, 0, bits / 8)
      return bytes
    }
  }
  const real = (text: string): number => {
    const plain = plainNumber(text, true)
    if (!REAL.test(plain)) throw refused(text)
    const infinite = /^([-+]?)inf/i.exec(plain)
    return infinite === null ? Number(/nan/i.test(plain) ? Number.NaN : plain) : Number(`${infinite[1]}Infinity`)
  }
  switch (name) {
    case 'text':
      return (text) => Buffer.from(text, 'utf8')
    case 'ascii':
      return (text) => {
        if (!ASCII.test(text)) throw refused(text)
        return Buffer.from(text, 'latin1')
      }
    case 'tinyint':
      return ranged(8)
    case 'smallint':
      return ranged(16)
    case 'int':
      return ranged(32)
    case 'bigint':
    case 'counter':
      return (text) => {
        const value = BigInt(integer(text))
        if (BigInt.asIntN(64, value) !== value) throw refused(text)
        return bigintBytes(value)
      }
    case 'varint':
      return (text) => varintBytes(BigInt(integer(text)))
    case 'float':
      return (text) => {
        const bytes = Buffer.allocUnsafe(4)
        bytes.writeFloatBE(real(text))
        return bytes
      }
    case 'double':
      return (text) => {
        const bytes = Buffer.allocUnsafe(8)
        bytes.writeDoubleBE(real(text))
        return bytes
      }
    case 'decimal':
      return (text) => decimalBytes(plainNumber(text, true)) ?? fail(refused(text))
    case 'boolean': {
      const yes = style.true.toLowerCase()
      const no = style.false.toLowerCase()
      return (text) => {
        const lower = text.trim().toLowerCase()
        if (lower !== yes && lower !== no)
          throw new RangeError(`"${text}" is neither ${style.true} nor ${style.false} (BOOLSTYLE)`)
        return Buffer.from([lower === yes ? 1 : 0])
      }
    }
    case 'blob':
      return (text) => {
        if (!/^0x(?:[0-9a-f]{2})*$/i.test(text)) throw refused(text)
        return Buffer.from(text.slice(2), 'hex')
      }
    case 'uuid':
    case 'timeuuid':
      return (text) => uuidBytes(text.trim()) ?? fail(refused(text))
    case 'inet':
      return (text) => inetBytes(text.trim()) ?? fail(refused(text))
    case 'date':
      return (text) => dateBytes(text.trim()) ?? fail(refused(text))
    case 'time':
      return (text) => timeBytes(text.trim()) ?? fail(refused(text))
    case 'duration':
      return (text) => durationBytes(text.trim()) ?? fail(refused(text))
    case 'timestamp':
      return (text) => bigintBytes(style.timestamp.parse(text.trim()))
  }
}

function fail(error: Error): never {
  throw error
}

/** A number without separators of thousands and with a point, as all programs write it. */
function numberText({ decimalSeparator, thousandsSeparator }: ValueStyle): (text: string, real: boolean) => string {
  if (decimalSeparator === '.' && thousandsSeparator === '') return (text) => text.trim()
  return (text, real) => {
    const plain = thousandsSeparator === '' ? text : text.replaceAll(thousandsSeparator, '')
    return (real ? plain.replace(decimalSeparator, '.') : plain).trim()
  }
}
