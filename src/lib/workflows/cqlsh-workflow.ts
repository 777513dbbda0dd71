/** `cqlsh-sni`: a CQL shell through the gateway, and the files that other clients need for the same. */
import type { Readable } from 'node:stream'
import { CassSniError, type NextStep, type RenderedStep } from '../errors.ts'
import { historyFile, keepHistory, loadHistory } from '../shell/history.ts'
import { csvSink, jsonSink, type ResultFormat, type StatementResult, tableSink } from '../shell/results.ts'
import { runFile, runScript } from '../shell/script.ts'
import { CqlShell, type ShellIo } from '../shell/shell.ts'
import type { Paint, Width } from '../shell/row-table.ts'
import { readSecret, runInteractive, type Terminal, TerminalLines } from '../shell/terminal.ts'
import { type Access, observeAccess, openSession, type SessionChoice } from './cqlsh-session.ts'
import type { WorkflowContext } from './context.ts'

export interface CqlshOptions extends SessionChoice {
  format: ResultFormat
  /** Statements of -e. */
  statements?: string
  /** File of -f. */
  file?: string
  /** Statements from a pipe, when there is neither and no terminal. */
  stdin: Readable
  /** Present for the interactive shell. */
  terminal?: Terminal
  continueOnError: boolean
  /** Rows per page: given by the user, else what suits. */
  pageSize?: number
  /** Results, as they come; resolves when stdout takes more. */
  write: (text: string) => Promise<void>
  /** Makes data harmless when stdout is a terminal. */
  shown: (text: string) => string
  /** Notes and, with continueOnError, errors. */
  note: (text: string) => void
  tell: (error: CassSniError) => void
  /** Errors are shown on a terminal: with a caret under the position. */
  caret: boolean
  width: Width
  paint: Paint & { red: (text: string) => string }
  /** Steps of an error as text. */
  steps: (next: readonly NextStep[]) => RenderedStep[]
  env: NodeJS.ProcessEnv
}

/** What `-o json` shows (kind CqlResult). */
export interface CqlResult {
  /** False when a statement failed and the run went on (--continue-on-error). */
  ok: boolean
  /**
   * One for each statement of CQL, in order; those without a result have no columns. Empty unless the output is JSON.
   */
  statements: StatementResult[]
}

/** On a terminal, as many rows as one reads at once; else what keeps both sides busy. */
const SCREEN_PAGE = 100
const BULK_PAGE = 5_000

/**
 * Executes statements until there are no more, or the user leaves.
 * Throws the first error with its position unless `continueOnError`; see `observeAccess` and `openCqlSession` for the
 * rest.
 */
export async function cqlsh(context: WorkflowContext, options: CqlshOptions): Promise<CqlResult> {
  const access = await observeAccess(context, options)
  const session = await openSession(context, access, options)
  const statements: StatementResult[] = []
  const state = { expand: false }
  const sinks = {
    table: () => tableSink(options.width, options.paint, () => state.expand),
    csv: () => csvSink(options.shown),
    json: () => jsonSink(statements),
  }
  const { terminal } = options
  const file = historyFile(options.env)
  const history = terminal === undefined ? [] : await loadHistory(file)
  const lines = terminal === undefined ? undefined : new TerminalLines(terminal, history)
  const io: ShellIo = {
    write: options.write,
    note: options.note,
    ...(lines === undefined
      ? {}
      : {
          more: (signal: AbortSignal) => lines.more(signal),
          clear: () => options.note('\u001b[H\u001b[2J'),
          columns: () => lines.columns(),
        }),
  }
  const shell = new CqlShell(
    session,
    io,
    {
      sink: sinks[options.format](),
      data: options.format !== 'table',
      host: hostText(access),
      pageSize: options.pageSize ?? (terminal === undefined ? BULK_PAGE : SCREEN_PAGE),
    },
    state,
  )
  const { signal } = context
  try {
    if (lines !== undefined) {
      await shell.execute('SHOW HOST', signal)
      await shell.execute('SHOW VERSION', signal)
      await options.write('Use HELP for help.\n')
      let warned = false
      await runInteractive(shell, lines, options.note, {
        user: access.credentials.username,
        keep: async (typed) => {
          if ((await keepHistory(file, typed)) || warned) return
          warned = true
          options.note(`The history cannot be kept in ${file}.\n`)
        },
        signal,
        red: options.paint.red,
        steps: options.steps,
      })
      return { ok: true, statements }
    }
    const { ok } = await execute(shell, options, signal)
    return { ok, statements }
  } finally {
    lines?.close()
    await session.close()
  }
}

function execute(shell: CqlShell, options: CqlshOptions, signal: AbortSignal): Promise<{ ok: boolean }> {
  const script = { signal, caret: options.caret, ...(options.continueOnError ? { onError: options.tell } : {}) }
  if (options.statements !== undefined)
    return runScript(shell, [options.statements], { ...script, name: '-e', lastMayBeOpen: true })
  if (options.file !== undefined && options.file !== '-') return runFile(shell, options.file, script)
  options.stdin.setEncoding('utf8')
  return runScript(shell, interruptible(options.stdin, signal), { ...script, name: 'stdin', lastMayBeOpen: false })
}

/** The pieces of a stream, until the signal ends it: a pipe may stay silent for ever. */
async function* interruptible(stream: Readable, signal: AbortSignal): AsyncGenerator<string> {
  const stop = (): void => {
    stream.destroy(signal.reason instanceof Error ? signal.reason : new CassSniError('CSNI902', 'interrupted'))
  }
  signal.addEventListener('abort', stop, { once: true })
  try {
    for await (const piece of stream) yield String(piece)
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function hostText({ datacenter, dialer, target }: Access): string {
  const node = target === undefined ? '' : `, node ${target.hostId}`
  return `Connected to ${datacenter.clusterName} (datacenter ${datacenter.cassandraName}${node}) by ${dialer.describe}.`
}

export { readSecret }
