/** Where the shell's statements come from: the command line, a file, a pipe, or a terminal. */
import type { Readable } from 'node:stream'
import { asCassSniError, type CassSniError, type NextStep, type RenderedStep, throwIfAborted } from '../errors.ts'
import { decoded } from '../files/input-file.ts'
import { historyFile, keepHistory, loadHistory } from './history.ts'
import { runFile, runScript } from './script.ts'
import type { CqlShell } from './shell.ts'
import type { ShellIo } from './shell-state.ts'
import type { Terminal } from './line-editor/terminal-modes.ts'
import type { TerminalLines } from './terminal.ts'

export interface StatementSource {
  /** Rows per page: a screenful at a terminal, else many. */
  readonly pageSize: number
  /** Called before the session is opened. Returns the terminal's part of the shell; keys are read from then on. */
  open(): Promise<Omit<ShellIo, 'write' | 'note'>>
  /** Executes until the statements end or the user leaves. Throws the error that ends the run. */
  run(shell: CqlShell, signal: AbortSignal): Promise<{ ok: boolean }>
  close(): void
}

const SCREEN_PAGE = 100
const BULK_PAGE = 5_000

export interface ScriptChoice {
  /** Errors are shown on a terminal: with a caret under the position. */
  caret: boolean
  /** Called with each error; without it the first error ends the run. */
  onError?: ((error: CassSniError) => void) | undefined
  /** Called with each error before that, also with the one that ends the run. */
  onFailure?: ((error: CassSniError) => void) | undefined
  /** For COPY FROM STDIN; opened when it is read. */
  stdin?: (() => Readable) | undefined
}

const script = (run: StatementSource['run'], stdin?: () => Readable): StatementSource => ({
  pageSize: BULK_PAGE,
  open: async () => (stdin === undefined ? {} : { stdin: () => decoded(stdin(), 'stdin') }),
  run,
  close: () => undefined,
})

/** Statements of the command line. The last one needs no semicolon. */
export function textSource(text: string, choice: ScriptChoice): StatementSource {
  return script(
    (shell, signal) => runScript(shell, [text], { ...choice, signal, name: '-e', lastMayBeOpen: true }),
    choice.stdin,
  )
}

export function fileSource(file: string, choice: ScriptChoice): StatementSource {
  return script((shell, signal) => runFile(shell, file, { ...choice, signal }), choice.stdin)
}

/** Statements from a pipe, which may never end. */
export function pipeSource(stream: Readable, choice: ScriptChoice): StatementSource {
  return script((shell, signal) =>
    runScript(shell, pieces(stream, signal), { ...choice, signal, name: 'stdin', lastMayBeOpen: false }),
  )
}

async function* pieces(stream: Readable, signal: AbortSignal): AsyncGenerator<string> {
  throwIfAborted(signal)
  const stop = (): void => void stream.destroy(asCassSniError(signal.reason))
  signal.addEventListener('abort', stop, { once: true })
  try {
    yield* decoded(stream, 'stdin')
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

export interface InteractiveChoice {
  env: NodeJS.ProcessEnv
  /** Results, as they come; resolves when more can be taken. */
  write: (text: string) => Promise<void>
  note: (text: string) => void
  red: (text: string) => string
  /** Statements are not kept for later sessions. */
  historyDisabled: boolean
  /** The key that completes, by its name in an inputrc. Default: Tab. */
  completeKey?: string | undefined
  /** Steps of an error as text. */
  steps: (next: readonly NextStep[]) => RenderedStep[]
}

/** Statements from a terminal, with the history of earlier sessions. */
export function terminalSource(terminal: Terminal, choice: InteractiveChoice): StatementSource {
  const { note } = choice
  const file = historyFile(choice.env)
  let lines: TerminalLines | undefined
  const opened = async (): Promise<TerminalLines> => {
    if (lines !== undefined) return lines
    // Not read by -e and -f: their start is measured.
    const [editor, { readInputrc }] = await Promise.all([import('./terminal.ts'), import('./line-editor/inputrc.ts')])
    const [history, inputrc] = await Promise.all([loadHistory(file), readInputrc(choice.env, choice.completeKey)])
    lines = new editor.TerminalLines(terminal, history, { inputrc, dumb: isDumb(choice.env) })
    return lines
  }
  return {
    pageSize: SCREEN_PAGE,
    async open() {
      const open = await opened()
      return {
        more: (signal) => open.more(signal),
        clear: () => open.clear(),
        columns: () => open.columns(),
        history: () => open.history(),
        secret: (prompt, signal) => open.secret(prompt, signal),
        stdin: (signal) => typedRows(open, note, signal),
      }
    },
    async run(shell, signal) {
      await shell.execute('SHOW HOST', signal)
      await shell.execute('SHOW VERSION', signal)
      await choice.write('Use HELP for help.\n')
      const [{ runInteractive }, { schemaCompletion }] = await Promise.all([
        import('./interactive.ts'),
        import('./completion/schema-completion.ts'),
      ])
      let warned = false
      await runInteractive(shell, await opened(), note, {
        completion: schemaCompletion(() => shell.session),
        keep: async (typed) => {
          if (choice.historyDisabled || (await keepHistory(file, typed)) || warned) return
          warned = true
          note(`Cannot write the history to ${file}.\n`)
        },
        signal,
        red: choice.red,
        steps: choice.steps,
      })
      return { ok: true }
    },
    close: () => lines?.close(),
  }
}

/** Lines that end the rows: in cqlsh 6, and in psql. */
const LAST_ROWS = ['.', '\\.']

/** The rows of COPY FROM STDIN at a terminal, as in apache/cassandra pylib/cqlshlib/copyutil.py (send_stdin_rows). */
async function* typedRows(
  lines: TerminalLines,
  note: (text: string) => void,
  signal: AbortSignal,
): AsyncGenerator<string> {
  note('[Use . on a separate line to end input]\n')
  for (;;) {
    const typed = await lines.row('[copy] ', signal)
    if (typed === undefined) return
    const pasted = typed.split('\n')
    const last = pasted.findIndex((line) => LAST_ROWS.includes(line))
    for (const line of last === -1 ? pasted : pasted.slice(0, last)) yield `${line}\n`
    if (last === -1) continue
    lines.putBack(pasted.slice(last + 1).join('\n'))
    return
  }
}

/** Terminals without cursor movement; one that is not named may be anything. */
function isDumb({ TERM = '' }: NodeJS.ProcessEnv): boolean {
  return TERM === '' || TERM === 'dumb'
}
