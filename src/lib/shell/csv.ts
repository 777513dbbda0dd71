/**
 * Rows as CSV, RFC 4180: data exact, CRLF only inside of quotes as it was in the data, lines ended by LF as Unix
 * tools expect.
 */
import type { CqlColumn } from '../connection/cql-session.ts'
import { isNull, valueText } from './cql-values.ts'

const NEEDS_QUOTES = /[",\r\n]/

/** A field. The empty text is a pair of quotes, so that null, which is nothing at all, is told apart from it. */
function csvField(text: string): string {
  return text === '' || NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

export function csvHeader(columns: CqlColumn[]): string {
  return `${columns.map((column) => csvField(column.name)).join(',')}\n`
}

export function csvRows(columns: CqlColumn[], rows: unknown[][]): string {
  let text = ''
  for (const row of rows) {
    for (const [index, column] of columns.entries()) {
      const value = row[index]
      text += `${index === 0 ? '' : ','}${isNull(value) ? '' : csvField(valueText(value, column.type))}`
    }
    text += '\n'
  }
  return text
}
