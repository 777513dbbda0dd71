/** Values as the fields of a CSV file, as cqlsh writes them (apache/cassandra pylib/cqlshlib/formatting.py). */
import { EMPTY } from '../../connection/cell-decoder.ts'
import type { CqlType, SimpleTypeName } from '../../connection/cql-types.ts'
import { isNull, stringLiteral, textFormat } from '../cql-values.ts'
import type { ValueStyle } from './copy-options.ts'

type Write = (value: unknown) => string

/** Writes the values of one type; null is the style's text for it. */
export function cellWriter(type: CqlType, style: ValueStyle): Write {
  const write = writerOf(type, style)
  return (value) => (isNull(value) ? style.nullText : value === EMPTY ? '' : write(value))
}

/** Types that are in quotes within a collection: with blanks, colons or commas in them. */
const QUOTED = new Set<SimpleTypeName>(['ascii', 'date', 'inet', 'text', 'time', 'timestamp'])

function elementWriter(type: CqlType, style: ValueStyle): Write {
  const write = writerOf(type, style)
  const quoted = type.kind === 'simple' && QUOTED.has(type.name)
  return (value) => {
    if (isNull(value)) return style.nullText
    if (value === EMPTY) return ''
    return quoted ? stringLiteral(write(value)) : write(value)
  }
}

function writerOf(type: CqlType, style: ValueStyle): Write {
  switch (type.kind) {
    case 'simple':
      return simpleWriter(type, style)
    case 'list':
    case 'vector':
    case 'set': {
      const element = elementWriter(type.element, style)
      const [open, close] = type.kind === 'set' ? '{}' : '[]'
      return (value) => `${open}${itemsOf(value).map(element).join(', ')}${close}`
    }
    case 'map': {
      const key = elementWriter(type.key, style)
      const item = elementWriter(type.value, style)
      return (value) =>
        `{${(itemsOf(value) as [unknown, unknown][]).map((entry) => `${key(entry[0])}: ${item(entry[1])}`).join(', ')}}`
    }
    case 'tuple': {
      const elements = type.elements.map((element) => elementWriter(element, style))
      return (value) => {
        const items = itemsOf(value)
        return `(${elements.map((write, index) => write(items[index])).join(', ')})`
      }
    }
    case 'udt': {
      const fields = type.fields.map((field) => ({ ...field, write: elementWriter(field.type, style) }))
      return (value) => {
        const parts = fields.map(
          ({ name, write }, index) => `${fieldName(name)}: ${write(fieldOf(value, name, index))}`,
        )
        return `{${parts.join(', ')}}`
      }
    }
    case 'custom':
      return textFormat(type)
  }
}

function itemsOf(value: unknown): unknown[] {
  const { elements = value } = value as { elements?: unknown }
  return [...(elements as Iterable<unknown>)]
}

function fieldOf(value: unknown, name: string, index: number): unknown {
  return Array.isArray(value) ? value[index] : (value as Record<string, unknown>)[name]
}

/** Unchanged, as in cqlsh, unless it would be parsed as several parts. */
function fieldName(name: string): string {
  return /^[^\s'"{}[\](),:]+$/.test(name) ? name : stringLiteral(name)
}

function simpleWriter(type: Extract<CqlType, { kind: 'simple' }>, style: ValueStyle): Write {
  const plain = textFormat(type)
  const separated = style.thousandsSeparator !== '' || style.decimalSeparator !== '.'
  switch (type.name) {
    case 'text':
    case 'ascii':
      return (value) => value as string
    case 'boolean':
      return (value) => (value === true ? style.true : style.false)
    case 'timestamp':
      return (value) => {
        const ms = value instanceof Date ? value.getTime() : value
        return typeof ms === 'bigint' || Number.isInteger(ms)
          ? style.timestamp.format(BigInt(ms as number | bigint))
          : plain(value)
      }
    case 'float':
    case 'double': {
      const precision = type.name === 'float' ? style.floatPrecision : style.doublePrecision
      const written: Write = precision === undefined ? plain : (value) => significant(Number(value), precision)
      return separated ? (value) => withSeparators(written(value), style) : written
    }
    case 'decimal':
    case 'bigint':
    case 'counter':
    case 'int':
    case 'smallint':
    case 'tinyint':
    case 'varint':
      return separated ? (value) => withSeparators(plain(value), style) : plain
    default:
      return plain
  }
}

/** printf's %.<digits>g, with further digits where the number is written without an exponent, as cqlsh has it. */
export function significant(value: number, precision: number): string {
  if (!Number.isFinite(value)) return String(value)
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const exponent = Math.trunc(Math.log10(Math.abs(value)))
  const digits = Math.min(exponent >= -4 && exponent < precision ? precision + exponent + 1 : precision, 100)
  const scientific = value.toExponential(digits - 1)
  const power = Number(scientific.slice(scientific.indexOf('e') + 1))
  const trimmed = (text: string): string => (text.includes('.') ? text.replace(/\.?0+$/, '') : text)
  if (power >= -4 && power < digits) return trimmed(value.toFixed(Math.min(Math.max(digits - 1 - power, 0), 100)))
  const sign = power < 0 ? '-' : '+'
  return `${trimmed(scientific.slice(0, scientific.indexOf('e')))}e${sign}${String(Math.abs(power)).padStart(2, '0')}`
}

function withSeparators(text: string, { thousandsSeparator, decimalSeparator }: ValueStyle): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?(.*)$/.exec(text)
  if (match === null) return text
  const [, sign = '', whole = '', fraction, exponent = ''] = match
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, () => thousandsSeparator)
  return `${sign}${grouped}${fraction === undefined ? '' : decimalSeparator + fraction}${exponent}`
}
