/** COPY FROM: reads files, sends their rows in batches to the nodes that own them, and accounts for each row. */
import { asCassSniError, CassSniError, hint, type NextStep } from '../../errors.ts'
import { homePath } from '../../files/home-path.ts'
import { counted } from '../../text/counted.ts'
import type { CqlBulk } from '../../connection/cql-bulk.ts'
import { type Batch, BatchPlanner } from './batch-planner.ts'
import { canceledText } from '../canceled-statement.ts'
import { ConfirmedRows } from './confirmed-rows.ts'
import type { CopyContext } from './copy-context.ts'
import type { CopyOptions } from './copy-options.ts'
import type { TableStatement } from './copy-statement.ts'
import { chosenColumns, type CopyTable, readRing, readTable } from './copy-table.ts'
import { csvLines } from './csv-dialect.ts'
import { doubtNote, separatorHint } from './csv-doubts.ts'
import { ErrorFile } from './error-file.ts'
import { ImportFailures } from './import-failures.ts'
import { fileRecords, textRecords } from './import-records.ts'
import { importedColumns, importStatement, partitionToken, rowEncoder } from './import-statement.ts'
import { type ImportRow, ImportWriter } from './import-writer.ts'
import { CopyProgress } from './copy-progress.ts'
import { sourceFiles } from './source-files.ts'
import type { TokenRing } from './token-ring.ts'

/** Time for batches under way when an import is interrupted: shorter than the process then takes to end. */
const DRAIN_MS = 2_000
/** Batches under way at each node. */
const BATCHES_PER_NODE = 16
/** cqlsh's REQUESTTIMEOUT: a second for ten rows of a batch, at least a minute. */
const timeoutMs = (rows: number): number => Math.max(60_000, 100 * rows)

/**
 * Imports rows. Throws CSNI609 when a row was not imported, with where to resume when the import was cut short; the
 * code of the signal's reason with the same when it was interrupted; CSNI101, CSNI104, CSNI107 and errors of the
 * session when it cannot begin.
 */
export async function copyFrom(context: CopyContext, statement: TableStatement, options: CopyOptions): Promise<void> {
  const { session, signal } = context
  const terminal = context.terminal && !(context.typed && statement.files === undefined)
  const progress = new CopyProgress({ note: context.note, terminal }, 'imported', options.reportFrequency)
  const note = (line: string): void => progress.note(line)
  const table = await readTable(session, statement, signal)
  const columns = chosenColumns(table, statement)
  const imported = importedColumns(table, columns, options.skipColumns)
  const doubts = { doubledQuotes: 0, droppedEscapes: 0 }
  const source = await openSource(context, statement.files, { ...options, columns, doubts, note })
  const bulk = session.bulk()
  const reachable = await bulk.connectedNodes(signal)
  const ring = await readRing(session, reachable, signal)
  const insert = importStatement(table, imported, options.ttl)
  const markers = await bulk.prepare(insert.text, signal)
  options.notes.forEach(note)
  const missing = ring.nodes.filter((node) => !reachable.includes(node)).length
  if (missing > 0) note(`${counted(missing, 'node')} not reachable; other nodes coordinate their rows`)
  const errors = new ErrorFile(errorFileName(options, table), csvLines(options.csv))
  if (!source.files.includes(errors.path)) await errors.moveOldAside(new Date())
  const job = new ImportJob(table, ring, options, errors, progress, {
    encode: rowEncoder(columns, insert.order, markers, table.primaryKey, options),
    token: partitionToken(table.partitionKey.map((name) => insert.order.indexOf(name))),
    execute: (rows, node) =>
      bulk.batch(insert.text, rows, {
        node,
        consistency: context.consistency,
        counter: table.hasCounters,
        timeoutMs: timeoutMs(rows.length),
      }),
    atOnce: BATCHES_PER_NODE * Math.max(1, reachable.length),
  })
  const stopped = await job.run(source.records, signal)
  progress.end()
  await errors.close()
  const doubt = doubtNote(doubts, options.csv)
  if (doubt !== undefined) note(doubt)
  await context.answer(`${progress.summary(source.name)} (${job.skipped} skipped).\n`)
  if (stopped !== undefined) throw job.cutShort(stopped)
  if (job.failures.rows > 0)
    throw new CassSniError('CSNI609', job.failures.summary(progress.rows), { next: job.separatorHint(columns.length) })
}

function errorFileName({ errFile }: CopyOptions, { keyspace, name }: CopyTable): string {
  return errFile === undefined ? `import_${keyspace}_${name}.err` : homePath(errFile)
}

interface Source {
  files: string[]
  /** "from 2 files" */
  name: string
  records: AsyncIterable<string[][]>
}

async function openSource(
  { stdin, signal }: CopyContext,
  list: string | undefined,
  options: Parameters<typeof textRecords>[2],
): Promise<Source> {
  if (list !== undefined) {
    const files = await sourceFiles(list)
    return { files, name: `from ${counted(files.length, 'file')}`, records: fileRecords(files, options, signal) }
  }
  if (stdin === undefined)
    throw new CassSniError('CSNI101', 'COPY FROM STDIN cannot be used here: statements are read from stdin', {
      next: [hint('run COPY with -e, or import a file')],
    })
  return { files: [], name: 'from stdin', records: textRecords(stdin(signal), 'stdin', options) }
}

interface ImportParts {
  encode: ReturnType<typeof rowEncoder>
  token: ReturnType<typeof partitionToken>
  execute: (rows: Parameters<CqlBulk['batch']>[1], node: string | undefined) => Promise<void>
  atOnce: number
}

/** The rows of one import. */
class ImportJob {
  readonly failures: ImportFailures
  readonly #options: CopyOptions
  readonly #parts: ImportParts
  readonly #progress: CopyProgress
  readonly #counters: boolean
  readonly #confirmed = new ConfirmedRows()
  readonly #planner: BatchPlanner<ImportRow>
  readonly #writer: ImportWriter
  #read = 0
  #unflushed = 0
  #first: string[] | undefined

  constructor(
    table: CopyTable,
    ring: TokenRing,
    options: CopyOptions,
    errors: ErrorFile,
    progress: CopyProgress,
    parts: ImportParts,
  ) {
    this.#options = options
    this.#parts = parts
    this.#progress = progress
    this.#counters = table.hasCounters
    this.#planner = new BatchPlanner(ring, { least: options.minBatchSize, most: options.maxBatchSize })
    this.failures = new ImportFailures(options, errors, (line) => progress.note(line))
    const confirm = (rows: ImportRow[]): void => {
      for (const { number } of rows) this.#confirmed.confirm(number)
    }
    this.#writer = new ImportWriter({
      ...parts,
      ...options,
      counter: table.hasCounters,
      confirm: (rows) => {
        confirm(rows)
        progress.add(rows.length)
      },
      refuse: (rows, reason) => {
        this.failures.add('insert', rows, reason)
        confirm(rows)
      },
      note: (line) => progress.note(line),
    })
  }

  get skipped(): number {
    return Math.min(this.#options.skipRows, this.#read)
  }

  /** Whether the first row suggests another DELIMITER. @param fields expected */
  separatorHint(fields: number): NextStep[] {
    return separatorHint(this.#first ?? [], fields)
  }

  /** Imports all records. Resolves with what cut it short. */
  async run(source: AsyncIterable<string[][]>, signal: AbortSignal): Promise<unknown> {
    const interrupt = (): void => this.#writer.interrupt(signal.reason)
    signal.addEventListener('abort', interrupt, { once: true })
    try {
      for await (const records of source) {
        for (const record of records) {
          if (this.#read === this.#options.maxRows) break
          signal.throwIfAborted()
          const batch = this.#take(record)
          if (batch !== undefined) await this.#writer.send(batch)
          if (this.#unflushed >= this.#options.chunkSize) await this.#flush()
        }
        if (this.#read === this.#options.maxRows) break
        this.failures.check()
      }
      await this.#flush()
      await this.#writer.drained()
      this.failures.check()
      return undefined
    } catch (error) {
      await this.#writer.stop(DRAIN_MS)
      if (this.#counters) {
        // counted twice if it was read again
        const rest = [...this.#writer.unconfirmed, ...this.#planner.flush().flatMap((batch) => batch.rows)]
        this.failures.add('insert', rest, 'not confirmed when the import ended; it may have been counted')
      }
      return error
    } finally {
      signal.removeEventListener('abort', interrupt)
    }
  }

  /** The batch that is full with this row. Of thousands of rows a second, most wait for nothing. */
  #take(record: string[]): Batch<ImportRow> | undefined {
    const number = this.#read
    this.#read += 1
    if (number < this.#options.skipRows) {
      this.#confirmed.confirm(number)
      return undefined
    }
    this.#unflushed += 1
    this.#first ??= record
    try {
      const values = this.#parts.encode(record)
      return this.#planner.add({ number, record, values }, this.#parts.token(values))
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      this.failures.add('parse', [{ number, record }], error.message)
      this.#confirmed.confirm(number)
      this.failures.check()
      return undefined
    }
  }

  async #flush(): Promise<void> {
    this.#unflushed = 0
    for (const batch of this.#planner.flush()) await this.#writer.send(batch)
  }

  /** The error of an interrupted import, with the way to resume if there is one. */
  cutShort(reason: unknown): CassSniError {
    const { code, object, next } = asCassSniError(reason)
    const resume = this.#counters ? this.#read : this.#confirmed.first
    const stopped = code === 'CSNI609' ? this.#read : resume
    const left = this.#read - this.skipped - this.#progress.rows - this.failures.rows
    const message = [
      canceledText(reason) + (stopped === 0 ? '' : `: COPY stopped after row ${stopped}`),
      ...(code === 'CSNI609' && left > 0 ? [`${counted(left, 'valid row')} not imported`] : []),
      ...(this.failures.rows === 0 ? [] : [this.failures.soFar]),
    ]
    const rest = resume === 0 ? [] : [hint(`to import the rest, run the same COPY with SKIPROWS=${resume}`)]
    return new CassSniError(code, message.join('; '), { object, next: [...rest, ...next], cause: reason })
  }
}
