/** Aligned columns, as kubectl prints them: no lines, three spaces between columns. */
import { stripVTControlCharacters } from 'node:util'

const GAP = '   '
const ZERO_WIDTH = /[\p{Mn}\p{Me}\p{Cf}]/u
const WIDE =
  /[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u

/**
 * Columns of a terminal that a text takes; colours take none, East Asian wide characters and emoji two (Unicode TR
 * 11).
 */
export function width(text: string): number {
  let columns = 0
  for (const char of stripVTControlCharacters(text)) {
    if (ZERO_WIDTH.test(char)) continue
    columns += WIDE.test(char) ? 2 : 1
  }
  return columns
}

/** One column: what stands above it, and how a row's cell is written. Cells may be coloured; they must be printable. */
export interface Column<Row> {
  title: string
  cell: (row: Row) => string | number | undefined
  align?: 'left' | 'right'
}

/** The table as text without a last newline; '' when there are no rows. `head` formats the titles' line. */
export function formatTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  head: (line: string) => string = (line) => line,
): string {
  if (rows.length === 0) return ''
  const cells = rows.map((row) => columns.map((column) => String(column.cell(row) ?? '')))
  const widths = columns.map((column, index) =>
    Math.max(width(column.title), ...cells.map((line) => width(line[index] ?? ''))),
  )
  const line = (texts: readonly string[]) =>
    texts
      .map((text, index) => {
        const space = ' '.repeat(Math.max(0, (widths[index] ?? 0) - width(text)))
        return columns[index]?.align === 'right' ? space + text : text + space
      })
      .join(GAP)
      .trimEnd()
  return [head(line(columns.map((column) => column.title))), ...cells.map(line)].join('\n')
}
