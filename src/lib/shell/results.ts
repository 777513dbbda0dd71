/** Where results go: as tables or CSV, written as they come, page by page. The JSON forms are in json-results.ts. */
import type { CqlColumn } from '../connection/cql-session.ts'
import type { CassSniError } from '../errors.ts'
import { csvFormat, csvHeader } from './csv.ts'
import { TableLayout, type TableStyle } from './row-table.ts'

/** Takes one result after another. All functions return the text to write, '' for nothing. */
export interface ResultSink {
  /** Results are data (CSV, JSON): answers of the shell's own commands are notes then. */
  readonly data: boolean
  /** One line per column from now on, or again one per row (EXPAND). */
  expand?: ((on: boolean) => void) | undefined
  /** A statement was executed; without columns it has no result. */
  begin(columns: CqlColumn[] | undefined): OpenResult
  /** A statement failed, before its result or within it. Absent where only stderr has errors. */
  failed?: ((error: CassSniError) => string) | undefined
}

export interface OpenResult {
  page(rows: unknown[][]): string
  /** The same for a page in parts, as texts. Absent where each part can be a separate page. */
  pieces?: ((parts: Iterable<unknown[][]>) => Iterable<string>) | undefined
  /** A warning of Cassandra. Absent where only stderr has warnings. */
  warning?: ((message: string) => string) | undefined
  /** @param stopped there would have been more rows */
  end(stopped?: boolean): string
}

/** The text of a page whose rows come in parts, in pieces: what is written need not be held together. */
export function* pagePieces(result: OpenResult, parts: Iterable<unknown[][]>): Iterable<string> {
  if (result.pieces !== undefined) yield* result.pieces(parts)
  else for (const rows of parts) yield result.page(rows)
}

/** A statement without a result, where that leaves no trace. */
const NOTHING: OpenResult = { page: () => '', end: () => '' }

export function tableSink(style: TableStyle): ResultSink {
  let expanded = false
  return {
    data: false,
    expand: (on) => {
      expanded = on
    },
    begin: (columns) => {
      if (columns === undefined) return NOTHING
      const layout = new TableLayout(columns, style)
      const expand = expanded
      let first = true
      const pieces = function* (parts: Iterable<unknown[][]>): Generator<string> {
        if (first || expand) yield '\n'
        first = false
        yield* expand ? [layout.expandedPage([...parts].flat())] : layout.pieces(parts)
      }
      return {
        page: (rows) => [...pieces([rows])].join(''),
        pieces,
        end: (stopped) =>
          `${first && !expand ? `\n${layout.page([])}` : ''}\n(${layout.rows} ` +
          `${layout.rows === 1 ? 'row' : 'rows'}${stopped === true ? ', there are more' : ''})\n`,
      }
    },
  }
}

/** @param shown escapes text for a terminal; elsewhere data is written unchanged */
export function csvSink(shown: (text: string) => string): ResultSink {
  return {
    data: true,
    begin: (columns) => {
      if (columns === undefined) return NOTHING
      const rowsText = csvFormat(columns)
      let first = true
      const header = (): string => {
        const text = first ? shown(csvHeader(columns)) : ''
        first = false
        return text
      }
      return { page: (rows) => header() + shown(rowsText(rows)), end: header }
    },
  }
}
