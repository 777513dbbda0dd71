/** Where results go: as tables or CSV at once and page by page, or kept to become one JSON document. */
import type { CqlColumn } from '../connection/cql-session.ts'
import { typeText } from '../connection/cql-types.ts'
import { csvHeader, csvRows } from './csv.ts'
import { type Paint, TableLayout, type Width } from './row-table.ts'
import { jsonObject, jsonValue } from './cql-values.ts'

/**
 * A statement's result as it stands in the JSON envelope (kind CqlResult). Types as in CQL, values as `jsonValue`
 * writes them.
 */
export interface StatementResult {
  columns: { name: string; type: string }[]
  rows: Record<string, unknown>[]
}

/** Takes one result after another. */
export interface ResultSink {
  /** Results are data (CSV, JSON): answers of the shell's own commands are notes then. */
  readonly data: boolean
  /** One line per column from now on, or again one per row (EXPAND). */
  expand?: ((on: boolean) => void) | undefined
  /** The results that were kept, in order. */
  kept(): StatementResult[]
  /** A result with columns begins. */
  begin(columns: CqlColumn[]): OpenResult
  /** A statement without a result was executed. */
  nothing(): void
}

export interface OpenResult {
  /** What to write for a page of rows; '' for nothing. */
  page(rows: unknown[][]): string
  /** What to write at the end; `stopped` when there would have been more rows. */
  end(stopped?: boolean): string
}

export function tableSink(width: Width, paint: Paint): ResultSink {
  let expanded = false
  return {
    data: false,
    expand: (on) => {
      expanded = on
    },
    kept: () => [],
    begin: (columns) => {
      const layout = new TableLayout(columns, width, paint)
      const expand = expanded
      let first = true
      return {
        page: (rows) => {
          const text = expand ? layout.expandedPage(rows) : layout.page(rows)
          const shown = first || expand ? `\n${text}` : text
          first = false
          return shown
        },
        end: (stopped) =>
          `${first && !expand ? `\n${layout.page([])}` : ''}\n(${layout.rows} ` +
          `${layout.rows === 1 ? 'row' : 'rows'}${stopped === true ? ', there are more' : ''})\n`,
      }
    },
    nothing: () => undefined,
  }
}

/** @param shown makes text harmless where it goes to a terminal; elsewhere data is written as it is */
export function csvSink(shown: (text: string) => string): ResultSink {
  return {
    data: true,
    kept: () => [],
    begin: (columns) => {
      let first = true
      const header = (): string => {
        const text = first ? shown(csvHeader(columns)) : ''
        first = false
        return text
      }
      return { page: (rows) => header() + shown(csvRows(columns, rows)), end: header }
    },
    nothing: () => undefined,
  }
}

/** Keeps all rows: a JSON document is only one when it is complete. */
export function jsonSink(): ResultSink {
  const statements: StatementResult[] = []
  return {
    data: true,
    kept: () => statements,
    begin: (columns) => {
      const result: StatementResult = {
        columns: columns.map((column) => ({ name: column.name, type: typeText(column.type) })),
        rows: [],
      }
      statements.push(result)
      return {
        page: (rows) => {
          for (const row of rows)
            result.rows.push(
              jsonObject(columns.map((column, index) => [column.name, jsonValue(row[index], column.type)])),
            )
          return ''
        },
        end: () => '',
      }
    },
    nothing: () => {
      statements.push({ columns: [], rows: [] })
    },
  }
}
