/** Aligned columns, as kubectl prints them: no rules, three spaces between columns. */
import width from 'string-width'

export { width }

const GAP = '   '

/** One column: its head, and the text of a row's cell. Cells may be colored; they must be printable. */
export interface Column<Row> {
  title: string
  cell: (row: Row) => string | number | undefined
  align?: 'left' | 'right'
}

/** Returns the table as text without a final newline; '' without rows. `head` formats the line of titles. */
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
