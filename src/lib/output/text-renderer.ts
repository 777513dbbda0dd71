/** What a command uses to format its result as text. */
import { type ColorChoice, palette, symbols, wantsColor, type Palette, type Symbols } from './color.ts'
import { formatTable, type Column } from './table.ts'
import { printable, printableLine } from '../text/untrusted.ts'

export interface TextRenderer extends Palette {
  symbols: Symbols
  /** Aligned columns with a line of titles; '' without rows. */
  table: <Row>(rows: readonly Row[], columns: readonly Column<Row>[]) => string
  /** Escapes control characters in text from the cluster; required around everything not written here. */
  printable: (text: string) => string
  /** The same on one line. */
  printableLine: (text: string) => string
}

/** Returns a renderer for a stream. */
export function createTextRenderer(
  choice: ColorChoice,
  env: NodeJS.ProcessEnv,
  stream: { isTTY?: boolean },
): TextRenderer {
  const paint = palette(wantsColor(choice, env, stream))
  return {
    ...paint,
    symbols: symbols(env),
    table: (rows, columns) => formatTable(rows, columns, paint.bold),
    printable,
    printableLine,
  }
}
