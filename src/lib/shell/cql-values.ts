/**
 * Values of every CQL type, as connection/cell-decoder.ts decodes them, as text (as one would write them in CQL) and as
 * JSON. A format is made once for a column and then called for each of its values.
 */
import { EMPTY } from '../connection/cell-decoder.ts'
import type { CqlType, SimpleTypeName } from '../connection/cql-types.ts'
import { quotedText } from '../text/json-text.ts'
import { doubleText, floatingFormat, floatText, separated } from './number-text.ts'
import { RESERVED_WORDS } from './reserved-words.ts'
import { isoTimestamp, type TimestampText } from './timestamps.ts'

export type Format = (value: unknown) => string

/** How values are written, where that is a matter of taste. Without any of it they are exact, and CQL reads them. */
export interface ValueFormats {
  timestamp?: TimestampText | undefined
  /** Significant digits. */
  floatPrecision?: number | undefined
  doublePrecision?: number | undefined
  decimalSeparator?: string | undefined
  thousandsSeparator?: string | undefined
  /** For true and false. */
  booleans?: readonly [string, string] | undefined
}

/** What a part of a value's text is: numbers, times and the like; blobs; brackets and commas; null. */
export type Part = 'value' | 'blob' | 'collection' | 'null'

export interface TextStyle extends ValueFormats {
  /** What becomes of text: escapes, colors. */
  text?: ((text: string) => string) | undefined
  /** Colors all else. */
  paint?: ((part: Part, text: string) => string) | undefined
}

/** null and undefined both stand for CQL's null. */
export function isNull(value: unknown): value is null | undefined {
  return value === null || value === undefined
}

/**
 * The format of a type as text: the content of a table's cell or a CSV field. Text at the top is bare, inside of
 * collections it is quoted as in CQL. Null is "null", a value of zero bytes the empty text.
 */
export function textFormat(type: CqlType, style: TextStyle = {}): Format {
  return format(type, style, false)
}

function format(type: CqlType, style: TextStyle, quoted: boolean): Format {
  const shown = type.kind === 'simple' ? simpleFormat(type.name, style, quoted) : nestedFormat(type, style)
  const none = style.paint?.('null', 'null') ?? 'null'
  return (value) => (isNull(value) ? none : value === EMPTY ? '' : shown(value))
}

/** Types whose literals are written in quotes in CQL. */
const QUOTED = new Set<SimpleTypeName>(['text', 'ascii', 'date', 'time', 'timestamp', 'inet'])

function simpleFormat(name: SimpleTypeName, style: TextStyle, quoted: boolean): Format {
  const { text, paint } = style
  if (name === 'text' || name === 'ascii') {
    const bare: Format = quoted ? (value) => stringLiteral(value as string) : (value) => value as string
    return text === undefined ? bare : (value) => text(bare(value))
  }
  const scalar = scalarFormat(name, style)
  const literal: Format = quoted && QUOTED.has(name) ? (value) => `'${scalar(value)}'` : scalar
  const part = name === 'blob' ? 'blob' : 'value'
  return paint === undefined ? literal : (value) => paint(part, literal(value))
}

function scalarFormat(name: SimpleTypeName, formats: ValueFormats): Format {
  const { decimalSeparator, thousandsSeparator, floatPrecision, doublePrecision, booleans, timestamp } = formats
  switch (name) {
    case 'blob':
      return blobText
    case 'float':
      return floatingFormat({ ...formats, precision: floatPrecision }, floatText) as Format
    case 'double':
      return floatingFormat({ ...formats, precision: doublePrecision }, doubleText) as Format
    case 'decimal':
      return (value) => separated(value as string, decimalSeparator, thousandsSeparator)
    case 'timestamp':
      return (timestamp ?? isoTimestamp) as Format
    case 'boolean':
      return booleans === undefined ? String : (value) => booleans[value === true ? 0 : 1]
    case 'bigint':
    case 'counter':
    case 'int':
    case 'smallint':
    case 'tinyint':
    case 'varint':
      return thousandsSeparator ? (value) => separated(String(value), '.', thousandsSeparator) : String
    default:
      return String
  }
}

function blobText(value: unknown): string {
  return `0x${(value as Buffer).toString('hex')}`
}

type Nested = Exclude<CqlType, { kind: 'simple' }>

function nestedFormat(type: Nested, style: TextStyle): Format {
  const { text = unchanged, paint = colorless } = style
  const [comma, colon] = [paint('collection', ', '), paint('collection', ': ')]
  const enclosed = (brackets: string, parts: (value: unknown) => string[]): Format => {
    const [open, close] = [paint('collection', brackets[0] ?? ''), paint('collection', brackets[1] ?? '')]
    return (value) => `${open}${parts(value).join(comma)}${close}`
  }
  switch (type.kind) {
    case 'list':
    case 'vector':
    case 'set': {
      const element = format(type.element, style, true)
      return enclosed(type.kind === 'set' ? '{}' : '[]', (value) => (value as unknown[]).map(element))
    }
    case 'map': {
      const key = format(type.key, style, true)
      const item = format(type.value, style, true)
      return enclosed('{}', (value) => (value as [unknown, unknown][]).map(([k, v]) => `${key(k)}${colon}${item(v)}`))
    }
    case 'tuple': {
      const elements = type.elements.map((element) => format(element, style, true))
      return enclosed('()', (value) => elements.map((element, index) => element((value as unknown[])[index])))
    }
    case 'udt': {
      const fields = type.fields.map((field) => format(field.type, style, true))
      const names = type.fields.map((field) => text(identifier(field.name)) + colon)
      return enclosed('{}', (value) =>
        fields.map((field, index) => `${names[index]}${field((value as unknown[])[index])}`),
      )
    }
    case 'custom':
      return (value) => paint('blob', blobText(value))
  }
}

const unchanged = (text: string): string => text
const colorless = (_part: Part, text: string): string => text

/** A name as in CQL: in quotes unless it is lower-case letters, digits and underscores, not reserved. */
export function identifier(name: string): string {
  return /^[a-z][a-z0-9_]*$/.test(name) && !RESERVED_WORDS.has(name) ? name : `"${name.replaceAll('"', '""')}"`
}

/** A text as a CQL string literal. */
export function stringLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/**
 * The format of a type as JSON, without loss: numbers that JSON's readers would round (bigint, counter, varint,
 * decimal) and all that JSON does not know (NaN, Infinity, blobs, times, UUIDs) are strings as in `textFormat`; lists,
 * sets, tuples and vectors are arrays, UDTs objects, maps objects with the text of CQL's keys as keys. Null is null, a
 * value of zero bytes the empty string.
 */
export function jsonFormat(type: CqlType, document: 'json' | 'yaml' = 'json'): Format {
  const shown = type.kind === 'simple' ? simpleJson(type.name, document) : nestedJson(type, document)
  return (value) => (isNull(value) ? 'null' : value === EMPTY ? '""' : shown(value))
}

function simpleJson(name: SimpleTypeName, document: 'json' | 'yaml'): Format {
  switch (name) {
    case 'text':
    case 'ascii':
      return (value) => quotedText(value as string, document)
    case 'int':
    case 'smallint':
    case 'tinyint':
    case 'boolean':
      return String
    case 'float':
      return (value) => numberJson(value as number, floatText)
    case 'double':
      return (value) => numberJson(value as number, doubleText)
    default: {
      const text = scalarFormat(name, {})
      return (value) => `"${text(value)}"`
    }
  }
}

/** A number, or a string where JSON has no such number: its readers turn -0 into 0. */
function numberJson(value: number, text: (value: number) => string): string {
  return Number.isFinite(value) && !Object.is(value, -0) ? text(value) : `"${text(value)}"`
}

function nestedJson(type: Nested, document: 'json' | 'yaml'): Format {
  const [comma, colon] = document === 'yaml' ? [', ', ': '] : [',', ':']
  switch (type.kind) {
    case 'list':
    case 'vector':
    case 'set': {
      const element = jsonFormat(type.element, document)
      return (value) => `[${(value as unknown[]).map(element).join(comma)}]`
    }
    case 'tuple': {
      const elements = type.elements.map((element) => jsonFormat(element, document))
      return (value) => `[${elements.map((element, index) => element((value as unknown[])[index])).join(comma)}]`
    }
    case 'map': {
      const key = textFormat(type.key)
      const item = jsonFormat(type.value, document)
      return (value) =>
        `{${(value as [unknown, unknown][])
          .map(([k, v]) => `${quotedText(key(k), document)}${colon}${item(v)}`)
          .join(comma)}}`
    }
    case 'udt':
      return objectFormat(type.fields, document)
    case 'custom':
      return (value) => `"${blobText(value)}"`
  }
}

/** The format of an object with these fields, given an array of their values. */
export function objectFormat(
  fields: readonly { name: string; type: CqlType }[],
  document: 'json' | 'yaml' = 'json',
): Format {
  const [comma, colon] = document === 'yaml' ? [', ', ': '] : [',', ':']
  const formats = fields.map((field) => jsonFormat(field.type, document))
  const names = fields.map((field, index) => `${index === 0 ? '{' : comma}${quotedText(field.name, document)}${colon}`)
  if (fields.length === 0) return () => '{}'
  return (value) => {
    const values = value as unknown[]
    let text = ''
    for (let index = 0; index < names.length; index += 1) text += `${names[index]}${formats[index]?.(values[index])}`
    return `${text}}`
  }
}
