/**
 * Rows as CSV, RFC 4180: data exact, CRLF only inside of quotes as it was in the data, lines ended by LF as Unix
 * tools expect.
 */
import type { CqlColumn } from '../connection/cql-session.ts'
import { isNull, textFormat } from './cql-values.ts'

const NEEDS_QUOTES = /[",\r\n]/

/** A field. An empty text is a pair of quotes, to distinguish it from null, which is an empty field. */
function csvField(text: string): string {
  return text === '' || NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

export function csvHeader(columns: CqlColumn[]): string {
  return `${columns.map((column) => csvField(column.name)).join(',')}\n`
}

/** Returns the function that writes rows of these columns. */
export function csvFormat(columns: CqlColumn[]): (rows: unknown[][]) => string {
  const formats = columns.map((column) => textFormat(column.type))
  return (rows) => {
    let text = ''
    for (const row of rows) {
      for (const [index, format] of formats.entries()) {
        const value = row[index]
        if (index > 0) text += ','
        if (!isNull(value)) text += csvField(format(value))
      }
      text += '\n'
    }
    return text
  }
}
