/** Progress of a COPY on stderr: a line that is replaced on a terminal, else one line per report. */
import { counted } from '../../text/counted.ts'

export interface ProgressOutput {
  note(text: string): void
  /** The line is replaced. */
  terminal: boolean
}

/** cqlsh's default of REPORTFREQUENCY. */
const FREQUENCY_MS = 250

const LINE_START = '\r\u001b[2K'

export class CopyProgress {
  readonly #output: ProgressOutput
  readonly #verb: string
  readonly #started = performance.now()
  readonly #everyMs: number
  #rows = 0
  #shown = { at: performance.now(), rows: 0 }
  #open = false

  /** @param seconds between two lines; default: those of cqlsh on a terminal, elsewhere no progress is shown */
  constructor(output: ProgressOutput, verb: 'imported' | 'exported', seconds: number | undefined) {
    this.#output = output
    this.#verb = verb
    this.#everyMs =
      seconds === undefined ? (output.terminal ? FREQUENCY_MS : Number.POSITIVE_INFINITY) : 1_000 * seconds
  }

  get rows(): number {
    return this.#rows
  }

  get seconds(): number {
    return (performance.now() - this.#started) / 1_000
  }

  add(rows: number): void {
    this.#rows += rows
    const now = performance.now()
    if (now - this.#shown.at < this.#everyMs) return
    const rate = ((this.#rows - this.#shown.rows) * 1_000) / (now - this.#shown.at)
    const average = this.#rows / this.seconds
    this.#shown = { at: now, rows: this.#rows }
    const line = `${this.#rows} rows ${this.#verb}, ${rate.toFixed(0)} rows/s (average ${average.toFixed(0)})`
    this.#output.note(this.#output.terminal ? LINE_START + line : `${line}\n`)
    this.#open = this.#output.terminal
  }

  /** Writes a separate line; progress continues below it. */
  note(line: string): void {
    this.end()
    this.#output.note(`${line}\n`)
  }

  /** Removes the line: the result follows. */
  end(): void {
    if (this.#open) this.#output.note(LINE_START)
    this.#open = false
  }

  /** "100000 rows imported … in 2.345 s" */
  summary(between: string): string {
    return `${counted(this.#rows, 'row')} ${this.#verb} ${between} in ${this.seconds.toFixed(3)} s`
  }
}
