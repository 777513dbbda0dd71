/** Sends batches: several at the same time, with retries, and row by row where Cassandra refuses one of them. */
import { asCassSniError, CassSniError } from '../../errors.ts'
import { counted } from '../../text/counted.ts'
import { backOff } from '../../waiting/back-off.ts'
import { pause } from '../../waiting/poll.ts'
import type { BoundRow } from '../../connection/prepared-batch.ts'
import { statementFailure } from '../../connection/cql-errors.ts'
import type { Batch } from './batch-planner.ts'
import type { FailedRow } from './import-failures.ts'

/** A row on its way. */
export interface ImportRow extends FailedRow {
  values: BoundRow
}

export interface ImportWriterOptions {
  /** Executes a batch on a node, if that is up. */
  execute(rows: BoundRow[], node: string | undefined): Promise<void>
  /** Batches under way at the same time. */
  atOnce: number
  maxAttempts: number
  /** Rows per second. */
  ingestRate: number
  /** Adding to counters: whatever may have been done already is not done again. */
  counter: boolean
  /** Rows that Cassandra has. */
  confirm(rows: ImportRow[]): void
  /** Rows that Cassandra does not take. */
  refuse(rows: ImportRow[], reason: string): void
  note(line: string): void
}

const FIRST_PAUSE_MS = 200
const LONGEST_PAUSE_MS = 10_000
/** INGESTRATE allows the rows of this time to be sent in one burst. */
const BURST_MS = 1_000

export class ImportWriter {
  readonly #options: ImportWriterOptions
  readonly #unconfirmed = new Set<ImportRow>()
  readonly #stopped = new AbortController()
  readonly #started = performance.now()
  #sent = 0
  #running = 0
  #wake: (() => void)[] = []
  #fatal: CassSniError | undefined

  constructor(options: ImportWriterOptions) {
    this.#options = options
  }

  /** Rows that were to be sent and may have been counted. None without counters: then they can be sent again. */
  get unconfirmed(): ImportRow[] {
    return [...this.#unconfirmed]
  }

  /**
   * Sends a batch as soon as the limits allow it. Throws the error that makes further batches useless: no node can be
   * reached, or the role lacks the permission.
   */
  async send(batch: Batch<ImportRow>): Promise<void> {
    if (this.#options.counter) for (const row of batch.rows) this.#unconfirmed.add(row)
    while (this.#running >= this.#options.atOnce && this.#fatal === undefined) await this.#change()
    await this.#keepRate(batch.rows.length)
    if (this.#fatal !== undefined) throw this.#fatal
    this.#running += 1
    this.#write(batch.rows, batch.node)
      .catch((error: unknown) => {
        this.#fatal ??= asCassSniError(error)
      })
      .finally(() => {
        this.#running -= 1
        this.#changed()
      })
  }

  /** Makes `send` and `drained` throw the reason of an interruption immediately. */
  interrupt(reason: unknown): void {
    this.#fatal ??= asCassSniError(reason)
    this.#changed()
  }

  /** Resolves when no batch is under way. Throws as `send`. */
  async drained(): Promise<void> {
    while (this.#running > 0 && this.#fatal === undefined) await this.#change()
    if (this.#fatal !== undefined) throw this.#fatal
  }

  /** Waits for the batches under way, without further attempts and not longer than that. */
  async stop(ms: number): Promise<void> {
    this.#stopped.abort(new CassSniError('CSNI902', 'interrupted'))
    const end = performance.now() + ms
    while (this.#running > 0 && performance.now() < end) await this.#change(end - performance.now())
  }

  #changed(): void {
    for (const wake of this.#wake.splice(0)) wake()
  }

  /** Resolves when a batch ends, or the time is over. */
  #change(ms?: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(resolve, ms)
      this.#wake.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  async #keepRate(rows: number): Promise<void> {
    this.#sent += rows
    const early = (1_000 * this.#sent) / this.#options.ingestRate - (performance.now() - this.#started) - BURST_MS
    if (early > 0) await pause(early, this.#stopped.signal)
  }

  async #write(rows: ImportRow[], node: string | undefined): Promise<void> {
    const { maxAttempts, counter, execute, confirm, note } = this.#options
    const pauseMs = backOff({ firstMs: FIRST_PAUSE_MS, longestMs: LONGEST_PAUSE_MS })
    const values = rows.map((row) => row.values)
    for (let attempt = 1; ; attempt += 1) {
      try {
        await execute(values, node)
        this.#settle(rows)
        confirm(rows)
        return
      } catch (error) {
        const failed = asCassSniError(error)
        const { kind, maybeApplied } = statementFailure(failed)
        if (kind === 'forbidden') throw failed
        if (kind === 'refused') return await this.#oneByOne(rows, node, failed)
        if (counter && maybeApplied) return this.#giveUp(rows, kind, failed, '; it may have been counted')
        if (attempt >= maxAttempts || this.#stopped.signal.aborted) return this.#giveUp(rows, kind, failed)
        note(`${counted(rows.length, 'row')}: ${failed.message}; retrying (attempt ${attempt + 1} of ${maxAttempts})`)
        // when the pause is cut short, so are the attempts
        await pause(pauseMs(), this.#stopped.signal).catch(() => undefined)
      }
    }
  }

  /** One row that is refused must not take the others of its batch with it. */
  async #oneByOne(rows: ImportRow[], node: string | undefined, error: CassSniError): Promise<void> {
    if (rows.length === 1) return this.#giveUp(rows, 'refused', error)
    const half = rows.length >> 1
    await this.#write(rows.slice(0, half), node)
    await this.#write(rows.slice(half), node)
  }

  #giveUp(rows: ImportRow[], kind: 'refused' | 'transient' | 'lost', error: CassSniError, more = ''): void {
    // rows of a lost connection are not refused: the import ends here, and resumes with them
    if (kind === 'lost' && more === '') throw error
    this.#settle(rows)
    this.#options.refuse(rows, error.message + more)
    if (kind === 'lost') throw error
  }

  #settle(rows: ImportRow[]): void {
    for (const row of rows) this.#unconfirmed.delete(row)
  }
}
