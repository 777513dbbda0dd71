/** The records of the files of COPY FROM, one file after another. */
import { CassSniError, hint } from '../../errors.ts'
import { readPieces } from '../../files/input-file.ts'
import { visible } from '../row-table.ts'
import type { CsvDialect } from './copy-options.ts'
import { type CsvDoubts, CsvReader } from './csv-dialect.ts'

export interface RecordOptions {
  csv: CsvDialect
  /** The first record of each file holds names. */
  header: boolean
  /** Columns that the records are expected to have. */
  columns: string[]
  doubts: CsvDoubts
  /** Shows a line. */
  note: (line: string) => void
}

/**
 * Records in arrays. Throws CSNI104 for a file that cannot be read, CSNI107 for a quote without an end and for a
 * header with the columns in another order.
 */
export async function* fileRecords(
  files: string[],
  options: RecordOptions,
  signal: AbortSignal,
): AsyncGenerator<string[][]> {
  for (const file of files) yield* textRecords(readPieces(file, signal), file, options)
}

/** The same for a text that comes in pieces. @param name how the text is called in errors */
export async function* textRecords(
  pieces: AsyncIterable<string>,
  name: string,
  options: RecordOptions,
): AsyncGenerator<string[][]> {
  const reader = new CsvReader(options.csv, options.doubts)
  let number = 0
  let header = options.header
  const checked = (records: string[][]): string[][] => {
    number += records.length
    if (!header || records.length === 0) return records
    header = false
    checkHeader(records[0] ?? [], options, name)
    return records.slice(1)
  }
  const located = (error: unknown): unknown =>
    error instanceof RangeError
      ? new CassSniError('CSNI107', `${name}: record ${number + 1}: ${error.message}`, {
          object: name,
          next: [hint('compare QUOTE and ESCAPE with the file')],
        })
      : error
  let first = true
  try {
    for await (const piece of pieces) {
      const text = first && piece.startsWith('\ufeff') ? piece.slice(1) : piece
      first = false
      yield checked(reader.push(text))
    }
    const last = reader.end()
    if (last !== undefined) yield checked([last])
  } catch (error) {
    throw located(error)
  }
}

/** cqlsh reads columns by their place and ignores the header: with another order it stores values in wrong columns. */
function checkHeader(header: string[], { columns, note }: RecordOptions, name: string): void {
  const names = header.map((field) => field.trim())
  const sameNames = names.length === columns.length && columns.every((column) => names.includes(column))
  if (!sameNames) {
    const lower = (fields: string[]): string => JSON.stringify(fields.map((field) => field.toLowerCase()))
    if (lower(names) !== lower(columns))
      note(
        `${visible(name)}: header (${visible(names.join(', '))}) does not match the columns ` +
          `(${visible(columns.join(', '))}); fields are read by position`,
      )
    return
  }
  if (names.every((field, index) => field === columns[index])) return
  throw new CassSniError('CSNI107', `${name}: columns in the header are in a different order`, {
    object: name,
    next: [hint(`list the columns in the order of the file: COPY … (${names.join(', ')}) FROM …`)],
  })
}
