/** COPY TO: reads token ranges of a table at the same time, and writes their rows as CSV. */
import { asCassSniError, CassSniError, hint } from '../../errors.ts'
import { homePath } from '../../files/home-path.ts'
import { counted } from '../../text/counted.ts'
import { backOff } from '../../waiting/back-off.ts'
import { pause } from '../../waiting/poll.ts'
import { statementFailure } from '../../connection/cql-errors.ts'
import { type CqlColumn, type CqlPage, partsOf } from '../../connection/cql-session.ts'
import { identifier, isNull } from '../cql-values.ts'
import { canceledText } from '../canceled-statement.ts'
import { cellWriter } from './cell-writer.ts'
import type { CopyContext } from './copy-context.ts'
import type { CopyOptions } from './copy-options.ts'
import type { TableStatement } from './copy-statement.ts'
import { chosenColumns, type CopyTable, readRing, readTable } from './copy-table.ts'
import { csvLines } from './csv-dialect.ts'
import { fileTarget, type OutputTarget, stdoutTarget } from './output-target.ts'
import { CopyProgress } from './copy-progress.ts'
import type { TokenRange } from './token-ring.ts'

const FIRST_PAUSE_MS = 200
const LONGEST_PAUSE_MS = 10_000

/**
 * Exports rows. Throws the error after which the export ended, or the code of the signal's reason, with what of it is
 * where; CSNI101, CSNI104 and errors of the session when it cannot begin.
 */
export async function copyTo(context: CopyContext, statement: TableStatement, options: CopyOptions): Promise<void> {
  const { session, signal } = context
  const toStdout = statement.files === undefined
  const openTarget = targetOf(context, statement.files)
  const table = await readTable(session, statement, signal)
  const columns = chosenColumns(table, statement)
  const ring = await readRing(session, await session.bulk().connectedNodes(signal), signal)
  const ranges = ring.ranges(options.beginToken, options.endToken)
  const target = await openTarget()
  const progress = new CopyProgress(context, 'exported', options.reportFrequency)
  for (const note of options.notes) progress.note(note)
  const line = csvLines(options.csv)
  const rows = new ExportRows(options, target, line, progress)
  let exported = 0
  try {
    if (options.header) await target.write(line(columns))
    await eachAtOnce(options.maxRequests, ranges, signal, async (range, until) => {
      const statement = rangeStatement(table, columns, range)
      await exportRange({ ...context, signal: until }, statement, range.node, options, rows, progress)
      exported += 1
    })
    await target.finish()
  } catch (error) {
    progress.end()
    const partial = await target.abandon()
    throw cutShort(error, {
      rows: progress.rows,
      ranges: `${exported} of ${counted(ranges.length, 'token range')}`,
      where: partial ?? (toStdout ? 'stdout' : undefined),
    })
  }
  progress.end()
  if (rows.ambiguous > 0) progress.note(ambiguousNote(rows.ambiguous, options.style.nullText))
  const summary = `${progress.summary(toStdout ? 'to stdout' : `to ${counted(target.files, 'file')}`)}.\n`
  if (toStdout) context.note(summary)
  else await context.answer(summary)
}

/** Throws CSNI101 when rows cannot go to stdout. */
function targetOf({ write }: CopyContext, files: string | undefined): () => Promise<OutputTarget> {
  if (files !== undefined) return () => fileTarget(homePath(files))
  if (write !== undefined) return async () => stdoutTarget(write)
  throw new CassSniError('CSNI101', 'COPY TO STDOUT requires output as a table or CSV (-o table, -o csv)', {
    next: [hint('export to a file')],
  })
}

function ambiguousNote(count: number, nullText: string): string {
  const texts = counted(count, nullText === '' ? 'empty text' : 'text')
  const other = nullText === '' ? '' : 'another '
  return `${texts} written like null; use ${other}NULL = '<text>' to distinguish them`
}

function cutShort(reason: unknown, done: { rows: number; ranges: string; where: string | undefined }): CassSniError {
  const { code, object, next } = asCassSniError(reason)
  const where = done.where === undefined ? '' : `; ${done.where} is partial`
  const text = `${canceledText(reason)}: COPY stopped after ${counted(done.rows, 'row')}, ${done.ranges}${where}`
  return new CassSniError(code, text, { object, next, cause: reason })
}

function rangeStatement(table: CopyTable, columns: string[], { after, upTo }: TokenRange): string {
  const token = `token(${table.partitionKey.map(identifier).join(', ')})`
  const where = [
    ...(after === undefined ? [] : [`${token} > ${after}`]),
    ...(upTo === undefined ? [] : [`${token} <= ${upTo}`]),
  ]
  const condition = where.length === 0 ? '' : ` WHERE ${where.join(' AND ')}`
  const name = `${identifier(table.keyspace)}.${identifier(table.name)}`
  return `SELECT ${columns.map(identifier).join(', ')} FROM ${name}${condition}`
}

/** Works on all items, on so many at the same time. The first error aborts the work on the others, and is thrown. */
async function eachAtOnce<Item>(
  atOnce: number,
  items: Item[],
  signal: AbortSignal,
  work: (item: Item, until: AbortSignal) => Promise<void>,
): Promise<void> {
  const rest = items.values()
  const failed = new AbortController()
  const until = AbortSignal.any([signal, failed.signal])
  const worker = async (): Promise<void> => {
    for (const item of rest) {
      if (failed.signal.aborted) return
      await work(item, until).catch((error: unknown) => {
        failed.abort(error)
        throw error
      })
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker))
}

async function exportRange(
  context: CopyContext,
  statement: string,
  node: string | undefined,
  options: CopyOptions,
  rows: ExportRows,
  progress: CopyProgress,
): Promise<void> {
  const fetch = (pageState?: string): Promise<CqlPage> =>
    withAttempts(options.maxAttempts, context.signal, progress, () =>
      context.session.execute(statement, {
        node,
        pageState,
        pageSize: options.pageSize,
        consistency: context.consistency,
        timeoutMs: options.pageTimeout,
        signal: context.signal,
      }),
    )
  let page = await fetch()
  for (;;) {
    const { pageState } = page
    // the next page is fetched while this one is written
    const next = pageState === undefined ? undefined : fetch(pageState)
    next?.catch(() => undefined)
    for (const part of partsOf(page)) await rows.write(page.columns ?? [], part)
    if (next === undefined) return
    page = await next
  }
}

/** The same page may be asked for again: a row comes neither twice nor never. */
async function withAttempts(
  most: number,
  signal: AbortSignal,
  progress: CopyProgress,
  work: () => Promise<CqlPage>,
): Promise<CqlPage> {
  const pauseMs = backOff({ firstMs: FIRST_PAUSE_MS, longestMs: LONGEST_PAUSE_MS })
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      const failed = asCassSniError(error)
      const { kind } = statementFailure(failed)
      if (signal.aborted || attempt >= most || kind === 'refused' || kind === 'forbidden') throw failed
      progress.note(`${failed.message}; retrying (attempt ${attempt + 1} of ${most})`)
      await pause(pauseMs(), signal)
    }
  }
}

/** Rows on their way into files. */
class ExportRows {
  readonly #options: CopyOptions
  readonly #target: OutputTarget
  readonly #line: (fields: string[]) => string
  readonly #progress: CopyProgress
  #writers: ((value: unknown) => string)[] | undefined
  #inFile = 0
  /** Texts that read like null. */
  ambiguous = 0

  constructor(options: CopyOptions, target: OutputTarget, line: (fields: string[]) => string, progress: CopyProgress) {
    this.#options = options
    this.#target = target
    this.#line = line
    this.#progress = progress
  }

  async write(columns: CqlColumn[], rows: unknown[][]): Promise<void> {
    this.#writers ??= columns.map((column) => cellWriter(column.type, this.#options.style))
    const most = this.#options.maxOutputSize ?? Number.POSITIVE_INFINITY
    const written: Promise<void>[] = []
    for (let from = 0; from < rows.length; ) {
      if (this.#inFile >= most) {
        this.#target.nextFile()
        this.#inFile = 0
      }
      const part = rows.slice(from, from + Math.min(rows.length - from, most - this.#inFile))
      from += part.length
      this.#inFile += part.length
      written.push(this.#target.write(this.#text(part, this.#writers)))
    }
    await Promise.all(written)
    this.#progress.add(rows.length)
  }

  #text(rows: unknown[][], writers: ((value: unknown) => string)[]): string {
    const { nullText } = this.#options.style
    let text = ''
    for (const row of rows)
      text += this.#line(
        writers.map((writer, index) => {
          const value = row[index]
          const field = writer(value)
          if (field === nullText && !isNull(value)) this.ambiguous += 1
          return field
        }),
      )
    return text
  }
}
