/** Formats words in columns, top to bottom, as readline lists candidates. Pure. */
import width from 'string-width'
import { visible } from '../row-table.ts'

const GAP = 2

/** Returns the lines, each with a line end. */
export function inColumns(words: readonly string[], columns: number): string {
  const shown = words.map(visible)
  const widest = Math.max(0, ...shown.map((word) => width(word))) + GAP
  const across = Math.max(1, Math.floor(columns / widest))
  const down = Math.ceil(shown.length / across)
  const lines = Array.from({ length: down }, (_, row) =>
    shown
      .filter((_word, index) => index % down === row)
      .map((word) => word + ' '.repeat(widest - width(word)))
      .join('')
      .trimEnd(),
  )
  return lines.map((line) => `${line}\n`).join('')
}
