/** The rows of a page, from bytes to values. */
import { type Decode, decoderOf } from './cell-decoder.ts'
import type { CqlType } from './cql-types.ts'
import type { RawRows } from './whole-pages.ts'

/** Rows that are decoded at a time: objects that are short-lived cost neither memory nor a second copy. */
const PART_ROWS = 250

/**
 * Decodes rows, a part of the page whenever one is asked for; cells in the order of the columns. Throws RangeError for
 * bytes that are not a value of their type.
 */
export function* rowParts({ buffer, offset, count }: RawRows, types: readonly CqlType[]): Generator<unknown[][]> {
  const decoders = types.map(decoderOf)
  let at = offset
  for (let from = 0; from < count; from += PART_ROWS) {
    const rows = new Array<unknown[]>(Math.min(PART_ROWS, count - from))
    for (let index = 0; index < rows.length; index += 1) {
      const row = new Array<unknown>(decoders.length)
      for (let cell = 0; cell < decoders.length; cell += 1) {
        const start = at + 4
        const length = buffer.readInt32BE(at)
        at = length < 0 ? start : start + length
        row[cell] = length < 0 ? null : (decoders[cell] as Decode)(buffer, start, at)
      }
      rows[index] = row
    }
    yield rows
  }
}
