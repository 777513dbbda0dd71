/** What a command is given to present its result as text. */
import { type ColorChoice, palette, symbols, wantsColor, type Palette, type Symbols } from './color.ts'
import { formatTable, type Column } from './table.ts'
import { printable, printableLine } from '../text/untrusted.ts'

export interface Show extends Palette {
  symbols: Symbols
  /** Aligned columns with a line of titles; '' without rows. */
  table: <Row>(rows: readonly Row[], columns: readonly Column<Row>[]) => string
  /** Makes text of the cluster harmless to the terminal: to be put around everything that was not written here. */
  printable: (text: string) => string
  /** The same on one line. */
  printableLine: (text: string) => string
}

/** The means to present on a stream. */
export function createShow(choice: ColorChoice, env: NodeJS.ProcessEnv, stream: { isTTY?: boolean }): Show {
  const paint = palette(wantsColor(choice, env, stream))
  return {
    ...paint,
    symbols: symbols(env),
    table: (rows, columns) => formatTable(rows, columns, paint.bold),
    printable,
    printableLine,
  }
}
