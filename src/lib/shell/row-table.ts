/** Rows as cqlsh lays them out: pages of rows in, text out. Cells are made harmless for the terminal. */
import type { CqlColumn } from '../connection/cql-session.ts'
import type { CqlType } from '../connection/cql-types.ts'
import { replaceUnsafe } from '../text/untrusted.ts'
import { isNull, valueText } from './cql-values.ts'

/** Columns that a text takes on a terminal. */
export type Width = (text: string) => number

const PLAIN = /^[\x20-\x7e]*$/
const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\0': '\\0' }

/** Text with every character that is not seen as an escape that one can read: "\n", "\x1b", "\u200b", "\u{e0001}". */
export function visible(text: string): string {
  return PLAIN.test(text) ? text : replaceUnsafe(text, (character) => NAMED[character] ?? escapeOf(character))
}

function escapeOf(character: string): string {
  const hex = (character.codePointAt(0) ?? 0).toString(16)
  if (hex.length <= 2) return `\\x${hex.padStart(2, '0')}`
  return hex.length <= 4 ? `\\u${hex.padStart(4, '0')}` : `\\u{${hex}}`
}

const NUMBERS = new Set(['bigint', 'counter', 'decimal', 'double', 'float', 'int', 'smallint', 'tinyint', 'varint'])

function isNumber(type: CqlType): boolean {
  return type.kind === 'simple' && NUMBERS.has(type.name)
}

export interface Paint {
  title: (text: string) => string
  null: (text: string) => string
}

/** Lays out one result, page by page: the columns only grow wider from page to page. */
export class TableLayout {
  readonly #columns: CqlColumn[]
  readonly #titles: string[]
  readonly #numbers: boolean[]
  readonly #widths: number[]
  readonly #width: Width
  readonly #paint: Paint
  #pages = 0
  #rows = 0

  constructor(columns: CqlColumn[], width: Width, paint: Paint) {
    this.#width = (text) => (PLAIN.test(text) ? text.length : width(text))
    this.#columns = columns
    this.#titles = columns.map((column) => visible(column.name))
    this.#numbers = columns.map((column) => isNumber(column.type))
    this.#widths = this.#titles.map((title) => this.#width(title))
    this.#paint = paint
  }

  get rows(): number {
    return this.#rows
  }

  /** The text of a page of rows, with the titles before the first one. */
  page(rows: unknown[][]): string {
    const cells = rows.map((row) => this.#columns.map((column, index) => visible(valueText(row[index], column.type))))
    const widths = this.#widths
    const widthsOf = cells.map((line) =>
      line.map((cell, index) => {
        const width = this.#width(cell)
        if (width > (widths[index] ?? 0)) widths[index] = width
        return width
      }),
    )
    const lines: string[] = []
    if (this.#pages === 0) {
      lines.push(
        this.#titles
          .map(
            (title, index) => ` ${this.#paint.title(title)}${' '.repeat((widths[index] ?? 0) - this.#width(title))} `,
          )
          .join('|')
          .trimEnd(),
      )
      lines.push(widths.map((width) => '-'.repeat(width + 2)).join('+'))
    }
    this.#pages += 1
    this.#rows += rows.length
    for (const [at, line] of cells.entries()) {
      const row = rows[at] ?? []
      let text = ''
      for (const [index, cell] of line.entries()) {
        const space = ' '.repeat((widths[index] ?? 0) - (widthsOf[at]?.[index] ?? 0))
        const shown = isNull(row[index]) ? this.#paint.null(cell) : cell
        text += `${index === 0 ? ' ' : ' | '}${this.#numbers[index] === true ? space + shown : shown + space}`
      }
      lines.push(text.trimEnd())
    }
    return `${lines.join('\n')}\n`
  }

  /** The same, one line per column (EXPAND ON). */
  expandedPage(rows: unknown[][]): string {
    const widest = Math.max(0, ...this.#titles.map((title) => this.#width(title)))
    const blocks = rows.map((row) => {
      this.#rows += 1
      const lines = this.#columns.map((column, index) => {
        const title = this.#titles[index] ?? ''
        const cell = visible(valueText(row[index], column.type))
        return (
          ` ${this.#paint.title(title)}${' '.repeat(widest - this.#width(title))} | ` +
          `${isNull(row[index]) ? this.#paint.null(cell) : cell}`
        )
      })
      return `@ Row ${this.#rows}\n${'-'.repeat(widest + 2)}+${'-'.repeat(12)}\n${lines.join('\n')}\n`
    })
    return blocks.join('\n')
  }
}
