/**
 * Statements from a text that comes in pieces (-e, -f, a pipe, SOURCE), executed one by one, errors told with their
 * position.
 */
import { CassSniError } from '../errors.ts'
import { readPieces } from '../files/input-file.ts'
import { CqlStatementError } from '../connection/cql-errors.ts'
import { blanked } from './password-redaction.ts'
import type { CqlShell } from './shell.ts'
import { type Rest, type Statement, StatementSplitter } from './statement-splitter.ts'
import { visible } from './row-table.ts'

export interface ScriptOptions {
  /** How the source is called in errors: the file's path, "stdin", "-e". */
  name: string
  /** A last statement without a semicolon is executed (-e); else it is an error: the file may have been cut off. */
  lastMayBeOpen: boolean
  /** Called with each error; without it the first error ends the run. */
  onError?: ((error: CassSniError) => void) | undefined
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
        const inner = await runFile(shell, source, { ...options, depth: (options.depth ?? 0) + 1 })
        ok &&= inner.ok
      }
      return exit === true
    } catch (error) {
      if (!(error instanceof CassSniError) || options.signal.aborted) throw error
      report(isLocated(error) ? error : located(error, statement, options))
      return false
    }
  }
  const report = (error: CassSniError): void => {
    if (options.onError === undefined || fatal(error)) throw error
    ok = false
    options.onError(error)
  }
  let first = true
  for await (const piece of pieces) {
    const text = first && piece.startsWith('\ufeff') ? piece.slice(1) : piece
    first = false
    for (const statement of splitter.push(text)) if (await attempt(statement)) return { ok, exit: true }
  }
  const rest = splitter.end()
  if (rest.statement !== undefined) {
    const unfinished = incomplete(rest, options)
    if (unfinished !== undefined) report(unfinished)
    else if (await attempt(rest.statement)) return { ok, exit: true }
  }
  return { ok, exit: false }
}

/** The same for a file. Throws CSNI104 when it cannot be read. */
export async function runFile(
  shell: CqlShell,
  file: string,
  options: Omit<ScriptOptions, 'name' | 'lastMayBeOpen'>,
): Promise<{ ok: boolean; exit: boolean }> {
  if ((options.depth ?? 0) > MAX_DEPTH)
    throw new CassSniError('CSNI107', `${file}: SOURCE commands are nested more than ${MAX_DEPTH} deep`, {
      object: file,
    })
  const pieces = readPieces(file, options.signal)
  return runScript(shell, pieces, { ...options, name: file, lastMayBeOpen: false })
}

/** Errors after which nothing more can be tried. */
function fatal(error: CassSniError): boolean {
  return ['CSNI601', 'CSNI602', 'CSNI603', 'CSNI604', 'CSNI901', 'CSNI902', 'CSNI903'].includes(error.code)
}

const OPEN: Record<NonNullable<Rest['open']>, string> = {
  string: 'a string is not closed',
  'quoted name': 'a quoted name is not closed',
  comment: 'a comment is not closed',
  batch: 'a batch has no APPLY BATCH',
}

function incomplete(rest: Rest, options: ScriptOptions): CassSniError | undefined {
  const { statement, open } = rest
  if (
    statement === undefined ||
    (open === undefined && (options.lastMayBeOpen || /^(exit|quit)$/i.test(statement.text)))
  )
    return undefined
  const why =
    open === undefined
      ? 'the last statement has no semicolon, the input may be cut off; it was not executed'
      : `${OPEN[open]}; the statement was not executed`
  return located(new CassSniError('CSNI107', why), statement, options)
}

class LocatedError extends CassSniError {}

function isLocated(error: CassSniError): boolean {
  return error instanceof LocatedError
}

/** Where in the whole input an error in a statement lies: Cassandra's position in it, else where it begins. */
function positionOf(error: CassSniError, statement: Statement): { line: number; column: number } {
  if (!(error instanceof CqlStatementError) || error.line === undefined || error.column === undefined)
    return { line: statement.line, column: statement.column }
  return {
    line: statement.line + error.line - 1,
    column: error.line === 1 ? statement.column + error.column - 1 : error.column,
  }
}

function located(
  error: CassSniError,
  statement: Statement,
  options: Pick<ScriptOptions, 'name' | 'caret'>,
): CassSniError {
  const { line, column } = positionOf(error, statement)
  const caret = options.caret ? `\n${caretLines(error, statement)}` : ''
  return new LocatedError(error.code, `${options.name}:${line}:${column}: ${visible(error.message)}${caret}`, {
    object: error.object,
    next: error.next,
    cause: error,
  })
}

/** Whether Cassandra said where in the statement it lies: without that, a caret would point at what is right. */
export function hasPosition(error: CassSniError): boolean {
  return error instanceof CqlStatementError && error.line !== undefined && error.column !== undefined
}

/** The statement's line in question and a caret under the position. */
export function caretLines(error: CassSniError, statement: Statement): string {
  const at =
    error instanceof CqlStatementError && error.line !== undefined && error.column !== undefined
      ? { line: error.line, column: error.column }
      : { line: 1, column: 1 }
  const source = blanked(statement.text).split('\n')[at.line - 1] ?? ''
  const before = source.slice(0, at.column - 1)
  return `  ${visible(source)}\n  ${' '.repeat(visible(before).length)}^`
}
