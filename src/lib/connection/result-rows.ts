/** The rows of a page, from bytes to values. */
import { type Decode, decoderOf } from './cell-decoder.ts'
import type { CqlType } from './cql-types.ts'
import type { RawRows } from './whole-pages.ts'

/**
 * Decodes all rows, cells in the order of the columns. Throws RangeError for bytes that are not a value of their type.
 */
export function decodedRows({ buffer, offset, count }: RawRows, types: readonly CqlType[]): unknown[][] {
  const decoders = types.map(decoderOf)
  const rows = new Array<unknown[]>(count)
  let at = offset
  for (let index = 0; index < count; index += 1) {
    const row = new Array<unknown>(decoders.length)
    for (let cell = 0; cell < decoders.length; cell += 1) {
      const start = at + 4
      const length = buffer.readInt32BE(at)
      at = length < 0 ? start : start + length
      row[cell] = length < 0 ? null : (decoders[cell] as Decode)(buffer, start, at)
    }
    rows[index] = row
  }
  return rows
}
