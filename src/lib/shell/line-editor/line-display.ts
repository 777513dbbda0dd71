/** Draws the edited line on a terminal and writes only what changed. */
import { type Layout, layOut, type Row, shownCharacter } from './screen-layout.ts'

export interface Screen {
  write(text: string): void
  /** Current width of the terminal. */
  columns(): number
  rows(): number
}

/** The view of an edited line. Other output is allowed between `finish` and the next `show`. */
export interface LineDisplay {
  /** @param cursor index in `text` */
  show(prompt: string, text: string, cursor: number): void
  /** Writes the mark after the text and moves to the line below. */
  finish(mark?: string): void
  /** Redraws after the terminal was resized. */
  resize(): void
  /** Forgets what is on the screen; the next `show` starts at the cursor. */
  reset(): void
  /** Clears the screen and redraws the line at its top. */
  clear(): void
}

const up = (rows: number): string => (rows > 0 ? `\u001b[${rows}A` : '')
const down = (rows: number): string => (rows > 0 ? `\u001b[${rows}B` : '')
const toColumn = (column: number): string => (column > 0 ? `\r\u001b[${column}C` : '\r')
const CLEAR_BELOW = '\u001b[J'
const CLEAR_ROW = '\u001b[K'

type Place = Layout['cursor']

function moved(from: Place, to: Place): string {
  if (from.row === to.row && from.column === to.column) return ''
  return (from.row > to.row ? up(from.row - to.row) : down(to.row - from.row)) + toColumn(to.column)
}

interface Frame extends Layout {
  prompt: string
  text: string
  index: number
  /** First row of the layout that is on the screen. */
  top: number
}

/** For terminals that move the cursor as xterm does. */
export class ScreenDisplay implements LineDisplay {
  readonly #screen: Screen
  #shown: Frame | undefined

  constructor(screen: Screen) {
    this.#screen = screen
  }

  show(prompt: string, text: string, index: number): void {
    const columns = Math.max(1, this.#screen.columns())
    const layout = layOut(prompt, text, index, columns)
    this.#write({ ...layout, prompt, text, index, top: this.#top(layout) }, columns)
  }

  finish(mark = ''): void {
    if (this.#shown === undefined) return
    const { prompt, text, index } = this.#shown
    if (index !== text.length) this.show(prompt, text, text.length)
    this.#screen.write(`${mark}\r\n`)
    this.#shown = undefined
  }

  resize(): void {
    if (this.#shown === undefined) return
    const { prompt, text, index, cursor, top } = this.#shown
    // Only some terminals reflow lines. The smaller of both distances never erases output above.
    const anew = layOut(prompt, text, index, Math.max(1, this.#screen.columns()))
    this.#screen.write(`${up(Math.min(cursor.row - top, anew.cursor.row))}\r${CLEAR_BELOW}`)
    this.#shown = undefined
    this.show(prompt, text, index)
  }

  reset(): void {
    this.#shown = undefined
  }

  clear(): void {
    const shown = this.#shown
    this.#screen.write(`\u001b[H${CLEAR_BELOW}`)
    this.#shown = undefined
    if (shown !== undefined) this.show(shown.prompt, shown.text, shown.index)
  }

  /** First row to show; of a text higher than the screen, the rows around the cursor are shown. */
  #top({ rows, cursor }: Layout): number {
    const height = Math.max(1, this.#screen.rows())
    if (rows.length <= height) return 0
    const top = Math.min(this.#shown?.top ?? rows.length, rows.length - height)
    return Math.max(Math.min(top, cursor.row), cursor.row - height + 1)
  }

  #write(next: Frame, columns: number): void {
    const height = Math.max(1, this.#screen.rows())
    const before = this.#shown === undefined ? [] : this.#shown.rows.slice(this.#shown.top, this.#shown.top + height)
    const rows = next.rows.slice(next.top, next.top + height)
    const target = { row: next.cursor.row - next.top, column: next.cursor.column }
    const at =
      this.#shown === undefined
        ? { row: 0, column: 0 }
        : { row: this.#shown.cursor.row - this.#shown.top, column: this.#shown.cursor.column }
    let output = this.#shown === undefined ? CLEAR_BELOW : ''
    if (sameRows(before, rows)) output += moved(at, target)
    else {
      const row = firstChange(before, rows)
      const { text = '', column = 0 } = changeWithin(before[row], rows[row])
      const changed = [{ ...(rows[row] as Row), text }, ...rows.slice(row + 1)]
      output += moved(at, { row, column }) + rowsText(changed, before.slice(row), columns)
      output += moved({ row: rows.length - 1, column: rows.at(-1)?.width ?? 0 }, target)
    }
    this.#shown = next
    if (output !== '') this.#screen.write(output)
  }
}

function same(a: Row | undefined, b: Row | undefined): boolean {
  return a?.text === b?.text && a?.wraps === b?.wraps
}

function sameRows(a: readonly Row[], b: readonly Row[]): boolean {
  return a.length === b.length && a.every((row, index) => same(row, b[index]))
}

/** Index of the first row to write: at least the last one, so that stale rows below it are cleared. */
function firstChange(before: readonly Row[], rows: readonly Row[]): number {
  const first = rows.findIndex((row, index) => !same(row, before[index]))
  if (first === -1) return rows.length - 1
  // A new row is reached through the one above.
  return first >= before.length && first > 0 ? first - 1 : first
}

const PLAIN = /^[\u0020-\u007e]*$/

/** The row from the first column that differs. */
function changeWithin(before: Row | undefined, row: Row | undefined): { text?: string; column?: number } {
  if (row === undefined) return {}
  if (before === undefined || !PLAIN.test(before.text) || !PLAIN.test(row.text)) return { text: row.text }
  let column = 0
  while (column < row.text.length && row.text[column] === before.text[column]) column += 1
  // The cursor has no defined position behind the right margin.
  const from = row.wraps ? Math.min(column, row.text.length - 1) : column
  return { text: row.text.slice(from), column: from }
}

/**
 * Returns the output that replaces the rows before. After a full row, clearing would erase its last character.
 */
function rowsText(rows: readonly Row[], before: readonly Row[], columns: number): string {
  let output = ''
  rows.forEach((row, index) => {
    // A blank makes the terminal wrap to an empty row below a full one.
    output += rows[index - 1]?.wraps === true && row.text === '' ? ' \r' : row.text
    const last = index === rows.length - 1
    const stale = row.width < columns && row.width < (before[index]?.width ?? 0)
    if (last && before.length > rows.length) output += CLEAR_BELOW
    else if (stale) output += CLEAR_ROW
    if (!last && !row.wraps) output += '\r\n'
  })
  return output
}

/** For terminals limited to carriage return and backspace: one row that scrolls sideways. */
export class DumbDisplay implements LineDisplay {
  readonly #screen: Screen
  #shown: { prompt: string; text: string; index: number; row: string; atEnd: boolean } | undefined

  constructor(screen: Screen) {
    this.#screen = screen
  }

  show(prompt: string, text: string, index: number): void {
    const cells = [...prompt, ...text.slice(0, index)].map(shownCharacter).join('')
    const rest = [...text.slice(index)].map(shownCharacter).join('')
    // The last column stays free: writing there would wrap.
    const room = Math.max(1, this.#screen.columns() - 1)
    const start = Math.max(0, cells.length - room + 1)
    const row = (cells + rest).slice(start, start + room)
    const before = this.#shown?.row ?? ''
    const cursor = cells.length - start
    const blanks = Math.max(0, before.length - row.length)
    const output =
      this.#shown?.atEnd === true && row.startsWith(before) && cursor === row.length
        ? row.slice(before.length)
        : `\r${row}${' '.repeat(blanks)}${'\b'.repeat(row.length + blanks - cursor)}`
    this.#shown = { prompt, text, index, row, atEnd: cursor === row.length }
    this.#screen.write(output)
  }

  finish(mark = ''): void {
    if (this.#shown === undefined) return
    this.#shown = undefined
    this.#screen.write(`${mark}\r\n`)
  }

  reset(): void {
    this.#shown = undefined
  }

  resize(): void {
    if (this.#shown === undefined) return
    const { prompt, text, index } = this.#shown
    this.#shown = undefined
    this.show(prompt, text, index)
  }

  clear(): void {
    this.#screen.write('\r\n')
    this.resize()
  }
}
