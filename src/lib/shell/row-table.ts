/** Rows as cqlsh lays them out: pages of rows in, text out. Cells are made harmless for the terminal. */
import type { CqlColumn } from '../connection/cql-session.ts'
import type { CqlType } from '../connection/cql-types.ts'
import { replaceUnsafe } from '../text/untrusted.ts'
import { type Format, type Part, textFormat, type ValueFormats } from './cql-values.ts'

/** Columns that a text takes on a terminal, escape sequences for colors left out. */
export type Width = (text: string) => number

type Paint = (text: string) => string

/** Colors of a table by the type of a value, for a terminal that shows colors. */
export type TableColors = Readonly<Record<'title' | 'text' | Part, Paint>>

export interface TableStyle {
  width: Width
  /** Undefined: no colors. */
  colors?: TableColors | undefined
  formats?: ValueFormats | undefined
}

const PLAIN = /^[\x20-\x7e]*$/
const PLAIN_CELL = /^[\x20-\x5b\x5d-\x7e]*$/
const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** Text with every character that is not seen as an escape that one can read: "\n", "\x1b", "\u200b", "\u{e0001}". */
export function visible(text: string): string {
  return PLAIN.test(text) ? text : replaceUnsafe(text, escapeOf)
}

/** A character as an escape that one can read. */
export function escapeOf(character: string): string {
  const named = NAMED[character]
  if (named !== undefined) return named
  const hex = (character.codePointAt(0) ?? 0).toString(16)
  if (hex.length <= 2) return `\\x${hex.padStart(2, '0')}`
  return hex.length <= 4 ? `\\u${hex.padStart(4, '0')}` : `\\u{${hex}}`
}

/** The same for a cell, where a backslash of the data is doubled: it looks like no escape then, as in cqlsh. */
function cellText(text: string): string {
  if (PLAIN_CELL.test(text)) return text
  return visible(text.replaceAll('\\', '\\\\')).replaceAll('\u00a0', '\\xa0')
}

/** The same in colors: escapes have another than the text around them, so a backslash needs no second one. */
function coloredText(text: string, colors: TableColors): string {
  if (PLAIN.test(text)) return colors.text(text)
  const parts: string[] = []
  let from = 0
  const marked = replaceUnsafe(text, (character) => `\0${character}`).replaceAll('\u00a0', '\0\u00a0')
  for (let at = marked.indexOf('\0'); at !== -1; at = marked.indexOf('\0', from)) {
    const character = String.fromCodePoint(marked.codePointAt(at + 1) ?? 0)
    if (at > from) parts.push(colors.text(marked.slice(from, at)))
    parts.push(colors.blob(escapeOf(character)))
    from = at + 1 + character.length
  }
  if (from < marked.length) parts.push(colors.text(marked.slice(from)))
  return parts.join('')
}

const NUMBERS = new Set(['bigint', 'counter', 'decimal', 'double', 'float', 'int', 'smallint', 'tinyint', 'varint'])

function isNumber(type: CqlType): boolean {
  return type.kind === 'simple' && NUMBERS.has(type.name)
}

/** A column of the table. */
interface Laid {
  title: string
  titleWidth: number
  format: Format
  /** Numbers are aligned right. */
  right: boolean
  width: number
}

/** Lays out one result, page by page: the columns only grow wider from page to page. */
export class TableLayout {
  readonly #columns: Laid[]
  readonly #width: Width
  #pages = 0
  #rows = 0

  constructor(columns: CqlColumn[], { width, colors, formats }: TableStyle) {
    this.#width = (text) => (PLAIN.test(text) ? text.length : width(text))
    const style = {
      ...formats,
      text: colors === undefined ? cellText : (text: string) => coloredText(text, colors),
      paint: colors === undefined ? undefined : (part: Part, text: string) => colors[part](text),
    }
    this.#columns = columns.map(({ name, type }) => {
      const title = cellText(name)
      const titleWidth = this.#width(title)
      const shown = colors === undefined ? title : colors.title(title)
      return { title: shown, titleWidth, format: textFormat(type, style), right: isNumber(type), width: titleWidth }
    })
  }

  get rows(): number {
    return this.#rows
  }

  /** The text of a page of rows, with the titles before the first one. */
  page(rows: unknown[][]): string {
    return [...this.pieces([rows])].join('')
  }

  /** The same of a page whose rows come in parts, a text for each. Nothing comes before the widest cell is known. */
  *pieces(parts: Iterable<unknown[][]>): Generator<string> {
    const columns = this.#columns
    const pageCells: string[][][] = []
    for (const rows of parts) {
      const cells = rows.map((row) => columns.map((column, index) => column.format(row[index])))
      for (const line of cells)
        for (let index = 0; index < line.length; index += 1) {
          const column = columns[index] as Laid
          column.width = Math.max(column.width, this.#width(line[index] as string))
        }
      pageCells.push(cells)
    }
    if (this.#pages === 0) yield this.#head()
    this.#pages += 1
    for (const cells of pageCells) {
      let text = ''
      for (const line of cells) text += this.#line(line)
      this.#rows += cells.length
      yield text
    }
  }

  #head(): string {
    const columns = this.#columns
    const titles = columns.map(({ title, titleWidth, width }, index) =>
      index === columns.length - 1 ? title : title + ' '.repeat(width - titleWidth),
    )
    return ` ${titles.join(' | ')}\n${columns.map(({ width }) => '-'.repeat(width + 2)).join('+')}\n`
  }

  #line(cells: string[]): string {
    let text = ''
    const columns = this.#columns
    const last = columns.length - 1
    for (let index = 0; index <= last; index += 1) {
      const column = columns[index] as Laid
      const cell = cells[index] ?? ''
      const gap = column.width - this.#width(cell)
      text += index === 0 ? ' ' : ' | '
      if (column.right) text += ' '.repeat(gap) + cell
      else text += index === last ? cell : cell + ' '.repeat(gap)
    }
    return `${text}\n`
  }

  /** The same, one line per column (EXPAND ON). */
  expandedPage(rows: unknown[][]): string {
    const columns = this.#columns
    const cells = rows.map((row) => columns.map((column, index) => column.format(row[index])))
    const widest = columns.reduce((most, { titleWidth }) => Math.max(most, titleWidth), 0)
    const values = cells.flat().reduce((most, cell) => Math.max(most, this.#width(cell)), 0)
    const blocks = cells.map((line) => {
      this.#rows += 1
      const lines = columns.map(
        ({ title, titleWidth }, index) => ` ${title}${' '.repeat(widest - titleWidth)} | ${line[index]}\n`,
      )
      return `@ Row ${this.#rows}\n${'-'.repeat(widest + 2)}+${'-'.repeat(values + 2)}\n${lines.join('')}`
    })
    return blocks.join('\n')
  }
}
