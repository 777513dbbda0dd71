/** Results as JSON, YAML and JSON lines, written as they come: a million rows need no more memory than a page. */
import type { CqlColumn } from '../connection/cql-session.ts'
import { typeText } from '../connection/cql-types.ts'
import type { CassSniError, ErrorCode, NextStep } from '../errors.ts'
import { quotedText } from '../text/json-text.ts'
import { type Format, objectFormat } from './cql-values.ts'
import type { OpenResult, ResultSink } from './results.ts'

/** Why a statement failed, as in the envelope. */
export interface StatementFailure {
  code: ErrorCode
  message: string
  next: string[]
}

/**
 * A statement in the JSON envelope (kind CqlResult), or one that failed. Types as in CQL, values as
 * `jsonFormat` writes them. The second of two columns named x is called x_2.
 */
export interface StatementResult {
  columns: { name: string; type: string }[]
  rows: Record<string, unknown>[]
  /** From Cassandra. Absent without warnings. */
  warnings?: { message: string }[] | undefined
  /** Absent if the statement succeeded; the rows are those before it failed. */
  error?: StatementFailure | undefined
}

/** One line of `-o jsonl`. Statements are counted from 1. The last line is the envelope, without any statements. */
export type CqlLine =
  /** The statement was executed; without a result it has no columns. */
  | { kind: 'CqlStatement'; statement: number; columns: { name: string; type: string }[] }
  | { kind: 'CqlRow'; statement: number; row: Record<string, unknown> }
  /** A warning of Cassandra. */
  | { kind: 'CqlWarning'; statement: number; warning: { message: string } }
  /** The statement failed; the rows are those before it failed. */
  | { kind: 'CqlError'; statement: number; error: StatementFailure }

/** A document whose beginning is written while statements are executed. */
export interface OpenDocument extends ResultSink {
  /** Whether anything of it is written. */
  readonly begun: boolean
  /** The rest of the field `result`. @param error why the run ended */
  endResult(ok: boolean, error: CassSniError | undefined): string
}

export type Steps = (next: readonly NextStep[]) => string[]

/** Columns with the name that each has in the objects of a result. */
function named(columns: readonly CqlColumn[]): CqlColumn[] {
  const taken = new Set(columns.map(({ name }) => name))
  const used = new Set<string>()
  return columns.map((column) => {
    let { name } = column
    for (let count = 2; used.has(name) || (name !== column.name && taken.has(name)); count += 1)
      name = `${column.name}_${count}`
    used.add(name)
    return { ...column, name }
  })
}

const typed = ({ name, type }: CqlColumn): { name: string; type: string } => ({ name, type: typeText(type) })

const failure = ({ code, message, next }: CassSniError, steps: Steps): StatementFailure => ({
  code,
  message,
  next: steps(next),
})

/** JSON in which all text is harmless for a terminal. */
function safeJson(value: unknown, form: 'json' | 'yaml'): string {
  const comma = form === 'yaml' ? ', ' : ','
  if (typeof value === 'string') return quotedText(value, form)
  if (Array.isArray(value)) return `[${value.map((item) => safeJson(item, form)).join(comma)}]`
  if (typeof value !== 'object' || value === null) return String(value)
  const colon = form === 'yaml' ? ': ' : ':'
  const fields = Object.entries(value).map(([key, item]) => quotedText(key, form) + colon + safeJson(item, form))
  return `{${fields.join(comma)}}`
}

/** How a document of the one or the other form is put together. Rows are in one line each, in YAML as well. */
interface Layout {
  form: 'json' | 'yaml'
  head: (head: Readonly<Record<string, string>>) => string
  /** Before a statement's columns. */
  statement: (first: boolean) => string
  columns: (columns: string[]) => string
  /** Before the rows, if there are any. */
  rows: string
  /** Before the first row and before each other one. */
  firstRow: string
  row: string
  noRows: string
  afterRows: string
  /** A further field of a statement. */
  field: (name: string, value: string) => string
  afterStatement: string
  end: (ok: boolean) => string
}

const JSON_LAYOUT: Layout = {
  form: 'json',
  head: (head) => {
    const fields = Object.entries(head).map(([name, value]) => `  ${quotedText(name)}: ${quotedText(value)},\n`)
    return `{\n${fields.join('')}  "result": {\n    "statements": [`
  },
  statement: (first) => `${first ? '' : ','}\n      {\n        "columns": [`,
  columns: (columns) =>
    `${columns.map((column, index) => `${index > 0 ? ',' : ''}\n          ${column}`).join('')}${
      columns.length > 0 ? '\n        ' : ''
    }],\n        "rows": [`,
  rows: '',
  firstRow: '\n          ',
  row: ',\n          ',
  noRows: ']',
  afterRows: '\n        ]',
  field: (name, value) => `,\n        "${name}": ${value}`,
  afterStatement: '\n      }',
  end: (ok) => `\n    ],\n    "ok": ${ok}\n  }`,
}

const YAML_LAYOUT: Layout = {
  form: 'yaml',
  head: (head) => {
    const fields = Object.entries(head).map(([name, value]) => `${name}: ${value}\n`)
    return `${fields.join('')}result:\n  statements:\n`
  },
  statement: () => '    - columns:',
  columns: (columns) =>
    columns.length === 0 ? ' []\n' : `\n${columns.map((column) => `        - ${column}\n`).join('')}`,
  rows: '      rows:\n',
  firstRow: '        - ',
  row: '\n        - ',
  noRows: '      rows: []\n',
  afterRows: '\n',
  field: (name, value) => `      ${name}: ${value}\n`,
  afterStatement: '',
  end: (ok) => `  ok: ${ok}\n`,
}

/**
 * One JSON or YAML document: the envelope up to and including the field `result`.
 * @param head the fields before `result`
 */
export function documentSink(
  form: 'json' | 'yaml',
  head: Readonly<Record<string, string>>,
  steps: Steps,
): OpenDocument {
  const layout = form === 'json' ? JSON_LAYOUT : YAML_LAYOUT
  const json = (value: unknown): string => safeJson(value, form)
  let statements = 0
  let open: { rows: number; warnings: { message: string }[] } | undefined
  const started = new Pending()
  const start = (columns: CqlColumn[]): string => {
    const before = (statements === 0 ? layout.head(head) : '') + layout.statement(statements === 0)
    statements += 1
    open = { rows: 0, warnings: [] }
    return before + layout.columns(columns.map((column) => json(typed(column))))
  }
  const close = (error?: CassSniError): string => {
    if (open === undefined) return ''
    const { rows, warnings } = open
    open = undefined
    let text = rows === 0 ? layout.noRows : layout.afterRows
    if (warnings.length > 0) text += layout.field('warnings', json(warnings))
    if (error !== undefined) text += layout.field('error', json(failure(error, steps)))
    return text + layout.afterStatement
  }
  const page = (rows: unknown[][], format: Format): string => {
    if (open === undefined || rows.length === 0) return ''
    let text = open.rows === 0 ? layout.rows + layout.firstRow : layout.row
    for (let index = 0; index < rows.length; index += 1) text += (index === 0 ? '' : layout.row) + format(rows[index])
    open.rows += rows.length
    return text
  }
  return {
    data: true,
    get begun() {
      return statements > 0
    },
    begin: (columns = []) => {
      const fields = named(columns)
      const format = objectFormat(fields, form)
      started.add(close() + start(fields))
      return {
        page: (rows) => started.with(page(rows, format)),
        warning: (message) => {
          open?.warnings.push({ message })
          return ''
        },
        end: () => started.with(close()),
      }
    },
    failed: (error) => {
      if (open === undefined) started.add(start([]))
      return started.with(close(error))
    },
    endResult: (ok, error) => started.with(close(error) + layout.end(ok)),
  }
}

/** The beginning of a statement, which is written with what follows it. */
class Pending {
  #text = ''

  add(text: string): void {
    this.#text += text
  }

  with(text: string): string {
    const whole = this.#text + text
    this.#text = ''
    return whole
  }
}

/** JSON lines, see CqlLine. */
export function linesSink(steps: Steps): ResultSink {
  let statement = 0
  let open = false
  const started = new Pending()
  const line = (value: CqlLine): string => `${safeJson(value, 'json')}\n`
  return {
    data: true,
    begin: (columns = []): OpenResult => {
      statement += 1
      open = true
      const fields = named(columns)
      const format = objectFormat(fields)
      const before = `{"kind":"CqlRow","statement":${statement},"row":`
      started.add(line({ kind: 'CqlStatement', statement, columns: fields.map(typed) }))
      return {
        page: (rows) => {
          let text = ''
          for (const row of rows) text += `${before}${format(row)}}\n`
          return started.with(text)
        },
        warning: (message) => started.with(line({ kind: 'CqlWarning', statement, warning: { message } })),
        end: () => {
          open = false
          return started.with('')
        },
      }
    },
    failed: (error) => {
      if (!open) statement += 1
      open = false
      return started.with(line({ kind: 'CqlError', statement, error: failure(error, steps) }))
    },
  }
}
