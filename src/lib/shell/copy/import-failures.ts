/** Rows that could not be imported: they are shown, kept in the error file, and counted against the limits. */
import { CassSniError, hint } from '../../errors.ts'
import { counted } from '../../text/counted.ts'
import { visible } from '../row-table.ts'
import type { ErrorFile } from './error-file.ts'

/** Later ones are in the error file only. */
const MOST_SHOWN = 20
const LONGEST_REASON = 300

export interface FailureLimits {
  maxParseErrors?: number | undefined
  maxInsertErrors?: number | undefined
}

export interface FailedRow {
  /** Place among all rows, from 0. */
  number: number
  record: string[]
}

export class ImportFailures {
  readonly #limits: FailureLimits
  readonly #file: ErrorFile
  readonly #note: (line: string) => void
  #counts = { parse: 0, insert: 0 }
  #shown = 0

  /** @param note shows a line */
  constructor(limits: FailureLimits, file: ErrorFile, note: (line: string) => void) {
    this.#limits = limits
    this.#file = file
    this.#note = note
  }

  get rows(): number {
    return this.#counts.parse + this.#counts.insert
  }

  add(kind: 'parse' | 'insert', rows: FailedRow[], reason: string): void {
    const [first] = rows
    if (first === undefined) return
    this.#counts[kind] += rows.length
    this.#file.add(rows.map((row) => row.record))
    this.#shown += 1
    if (this.#shown > MOST_SHOWN) return
    const which =
      rows.length === 1 ? `row ${first.number + 1}` : `${counted(rows.length, 'row')} from row ${first.number + 1}`
    this.#note(`${which} not imported: ${visible(reason.slice(0, LONGEST_REASON))}`)
    if (this.#shown === MOST_SHOWN) this.#note(`Further failed rows are written to ${visible(this.#file.path)} only`)
  }

  /** Throws CSNI609 when there are more failures than allowed. */
  check(): void {
    const { maxParseErrors = Number.POSITIVE_INFINITY, maxInsertErrors = Number.POSITIVE_INFINITY } = this.#limits
    if (this.#counts.insert > maxInsertErrors) throw overLimit(maxInsertErrors, 'rejected', 'MAXINSERTERRORS')
    if (this.#counts.parse > maxParseErrors) throw overLimit(maxParseErrors, 'invalid', 'MAXPARSEERRORS')
  }

  /** "12 of 40 rows not imported: see import_shop_orders.err" */
  summary(imported: number): string {
    const all = imported + this.rows
    const none = all === 1 ? 'no rows' : `none of ${all} rows`
    return `${imported === 0 ? none : `${this.rows} of ${all} rows not`} imported: see ${this.#file.path}`
  }

  /** The same for an import that did not read all rows: "12 rows failed: see import_shop_orders.err" */
  get soFar(): string {
    return `${counted(this.rows, 'row')} failed: see ${this.#file.path}`
  }
}

function overLimit(limit: number, what: 'rejected' | 'invalid', option: string): CassSniError {
  const message = `more than ${counted(limit, 'row')} ${what} (${option})`
  return new CassSniError('CSNI609', message, { next: [hint(`correct the file, or raise ${option} (-1: no limit)`)] })
}
