/** Rows that could not be imported: they are shown, kept in the error file, and counted against the limits. */
import { CassSniError } from '../../errors.ts'
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
    if (this.#counts.insert > maxInsertErrors)
      throw new CassSniError('CSNI609', `more than ${counted(maxInsertErrors, 'row')} rejected (MAXINSERTERRORS)`)
    if (this.#counts.parse > maxParseErrors)
      throw new CassSniError('CSNI609', `more than ${counted(maxParseErrors, 'row')} invalid (MAXPARSEERRORS)`)
  }

  /** "12 of 40 rows not imported: see import_shop_orders.err" */
  summary(imported: number): string {
    const all = counted(imported + this.rows, 'row')
    const which = imported === 0 ? `none of ${all}` : `${this.rows} of ${all} not`
    return `${which} imported: see ${this.#file.path}`
  }
}
