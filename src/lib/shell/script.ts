/**
 * Statements from a text that comes in pieces (-e, -f, a pipe, SOURCE), executed one by one, errors reported with their
 * position.
 */
import { CassSniError } from '../errors.ts'
import { readPieces } from '../files/input-file.ts'
import { CqlStatementError } from '../connection/cql-errors.ts'
import { endsWithLine } from './command-words.ts'
import { blanked } from './password-redaction.ts'
import { visible } from './row-table.ts'
import type { CqlShell } from './shell.ts'
import { type Position, type Rest, type Statement, StatementSplitter } from './statement-splitter.ts'

export interface ScriptOptions {
  /** How the source is called in errors: the file's path, "stdin", "-e". */
  name: string
  /** A last statement without a semicolon is executed (-e); else it is an error: the file may have been cut off. */
  lastMayBeOpen: boolean
  /** Called with each error; without it the first error ends the run. */
  onError?: ((error: CassSniError) => void) | undefined
  /** Called with each error before that, also with the one that ends the run. */
  onFailure?: ((error: CassSniError) => void) | undefined
  /** Show the line with a caret under the position. */
  caret: boolean
  signal: AbortSignal
  /** How deep in SOURCE commands. */
  depth?: number | undefined
}

const MAX_DEPTH = 16

/**
 * Executes all statements. Resolves with whether all went through, and whether EXIT was met.
 * Throws the first error, with "NAME:LINE:COLUMN: " before its message, unless `onError` is given; an interruption
 * always ends it.
 */
export async function runScript(
  shell: CqlShell,
  pieces: AsyncIterable<string> | Iterable<string>,
  options: ScriptOptions,
): Promise<{ ok: boolean; exit: boolean }> {
  const splitter = new StatementSplitter()
  let ok = true
  const attempt = async (statement: Statement): Promise<boolean> => {
    try {
      const { exit, source } = await shell.execute(statement.text, options.signal)
      if (source !== undefined) {
        const inner = await runSource(shell, source, { ...options, depth: (options.depth ?? 0) + 1 })
        ok &&= inner.ok
      }
      return exit === true
    } catch (error) {
      if (!(error instanceof CassSniError) || options.signal.aborted) throw error
      const failure = error instanceof LocatedError ? error : located(error, statement, options)
      // one of SOURCE was reported where it happened
      report(failure, failure !== error)
      return false
    }
  }
  const report = (error: CassSniError, first = true): void => {
    if (first) options.onFailure?.(error)
    if (options.onError === undefined || fatal(error)) throw error
    ok = false
    options.onError(error)
  }
  for await (const piece of pieces) {
    for (const statement of splitter.push(piece)) if (await attempt(statement)) return { ok, exit: true }
  }
  const rest = splitter.end()
  const unfinished = incomplete(rest, options)
  if (unfinished !== undefined) report(unfinished)
  else if (rest.statement !== undefined && (await attempt(rest.statement))) return { ok, exit: true }
  return { ok, exit: false }
}

/** The same for a file. Throws CSNI104 when it cannot be read. */
export async function runFile(
  shell: CqlShell,
  file: string,
  options: Omit<ScriptOptions, 'name' | 'lastMayBeOpen'>,
): Promise<{ ok: boolean; exit: boolean }> {
  if ((options.depth ?? 0) > MAX_DEPTH)
    throw new CassSniError('CSNI107', `SOURCE commands are nested more than ${MAX_DEPTH} deep`, { object: file })
  const pieces = readPieces(file, options.signal)
  return runScript(shell, pieces, { ...options, name: file, lastMayBeOpen: false })
}

/**
 * Executes the file of a SOURCE command in a separate shell, as cqlsh does. Throws CSNI104 when the file cannot be
 * read.
 */
export async function runSource(
  shell: CqlShell,
  file: string,
  options: Omit<ScriptOptions, 'name' | 'lastMayBeOpen'>,
): Promise<{ ok: boolean; exit: boolean }> {
  const inner = shell.forFile()
  try {
    return await runFile(inner, file, options)
  } finally {
    await inner.close()
  }
}

/** Errors after which nothing more can be tried. */
function fatal(error: CassSniError): boolean {
  return ['CSNI601', 'CSNI602', 'CSNI603', 'CSNI604', 'CSNI901', 'CSNI902', 'CSNI903'].includes(error.code)
}

const OPEN: Record<NonNullable<Rest['open']>['what'], string> = {
  string: 'unterminated string',
  'quoted name': 'unterminated quoted name',
  comment: 'unterminated comment',
  batch: 'batch without APPLY BATCH',
  transaction: 'transaction without COMMIT TRANSACTION',
}

function incomplete({ statement, open }: Rest, options: ScriptOptions): CassSniError | undefined {
  if (open !== undefined) {
    const what = statement === undefined ? '' : '; the statement was not executed'
    return new LocatedError('CSNI107', `${placeText(open.at, options)}: ${OPEN[open.what]}${what}`)
  }
  if (statement === undefined || options.lastMayBeOpen || endsWithLine(/^\S\w*/.exec(statement.text)?.[0]))
    return undefined
  const why = 'no semicolon after the last statement: the input may be truncated; the statement was not executed'
  return located(new CassSniError('CSNI107', why), statement, options)
}

/** An error whose message begins with its place already. */
class LocatedError extends CassSniError {}

function placeText({ line, column }: Pick<Position, 'line' | 'column'>, { name }: Pick<ScriptOptions, 'name'>): string {
  return `${name}:${line}:${column}`
}

/** Where in a statement an error is, from 1: Cassandra's position, else where the statement begins. */
function placeIn(error: CassSniError, { text }: Statement): { line: number; column: number } {
  const position = error instanceof CqlStatementError ? error.position : undefined
  if (position !== 'end') return position ?? { line: 1, column: 1 }
  const lines = text.split('\n')
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 }
}

/** The same in the whole input. */
function placeInInput(error: CassSniError, statement: Statement): { line: number; column: number } {
  const { line, column } = placeIn(error, statement)
  return { line: statement.line + line - 1, column: line === 1 ? statement.column + column - 1 : column }
}

function located(
  error: CassSniError,
  statement: Statement,
  options: Pick<ScriptOptions, 'name' | 'caret'>,
): CassSniError {
  const place = placeText(placeInInput(error, statement), options)
  const caret = options.caret ? caretLines(error, statement) : undefined
  const message = `${place}: ${visible(error.message)}${caret === undefined ? '' : `\n${caret}`}`
  return new LocatedError(error.code, message, {
    object: error.object,
    next: error.next,
    cause: error,
  })
}

/**
 * The statement's line in question and a caret under the position; undefined when Cassandra gave none, where a caret
 * would point to what is right.
 */
export function caretLines(error: CassSniError, statement: Statement): string | undefined {
  if (!(error instanceof CqlStatementError) || error.position === undefined) return undefined
  const { line, column } = placeIn(error, statement)
  const source = blanked(statement.text).split('\n')[line - 1] ?? ''
  const before = source.slice(0, column - 1)
  return `  ${visible(source)}\n  ${' '.repeat(visible(before).length)}^`
}
