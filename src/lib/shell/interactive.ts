/** The interactive shell: reads lines, executes what is complete, until Ctrl-D or EXIT. */
import { CassSniError, type NextStep, type RenderedStep } from '../errors.ts'
import type { StatementCompletion } from './completion/schema-completion.ts'
import { remembered } from './history.ts'
import { visible } from './row-table.ts'
import { caretLines, runSource } from './script.ts'
import type { CqlShell } from './shell.ts'
import { type Statement, StatementSplitter } from './statement-splitter.ts'
import type { Complete } from './line-editor/line-editor.ts'
import type { TerminalLines } from './terminal.ts'

export interface InteractiveOptions {
  /** Called with the lines to keep after each statement. */
  keep: (lines: string[]) => Promise<void>
  /** Ends the session. */
  signal: AbortSignal
  red: (text: string) => string
  /** Candidates for Tab. */
  completion?: StatementCompletion | undefined
  /** Steps of an error as text. */
  steps: (next: readonly NextStep[]) => RenderedStep[]
}

/** Errors that end the session: the node is no longer the one that was verified. A refused LOGIN can be repeated. */
const ENDING = new Set(['CSNI602'])

/** Reads and executes until Ctrl-D or EXIT. Throws only what ends the session. */
export async function runInteractive(
  shell: CqlShell,
  lines: TerminalLines,
  note: (text: string) => void,
  options: InteractiveOptions,
): Promise<void> {
  const splitter = new StatementSplitter()
  let typed: string[] = []
  const prompt = (): string => {
    const keyspace = shell.session.keyspace()
    const name = visible(`${shell.user}@cqlsh${keyspace === undefined ? '' : `:${keyspace}`}`)
    return splitter.pending ? `${' '.repeat(Math.max(0, name.length - 3))}...${'> '}` : `${name}> `
  }
  const forget = (): string => {
    lines.replaceHistory(typed, remembered(typed))
    typed = []
    splitter.discard()
    return prompt()
  }
  const complete: Complete = async (text, cursor) => {
    const before = [...typed, text.slice(0, cursor)].join('\n')
    const found = await options.completion?.complete(before, text.slice(cursor))
    // What began on a line before cannot be replaced.
    if (found === undefined || found.typed > cursor) return { start: cursor, candidates: [] }
    return { start: cursor - found.typed, candidates: found.candidates }
  }
  const onAbort = (): void => lines.close()
  options.signal.addEventListener('abort', onAbort, { once: true })
  try {
    for (;;) {
      const line = await lines.next(prompt(), forget, options.completion && complete)
      if (line === undefined) break
      typed.push(line)
      const statements = splitter.push(`${line}\n`)
      if (splitter.pending && statements.length === 0) continue
      if (!splitter.pending) {
        const kept = remembered(typed)
        lines.replaceHistory(typed, kept)
        await options.keep(kept)
        typed = []
      }
      for (const statement of statements) {
        const outcome = await executeOne(shell, statement, lines, note, options)
        if (outcome === 'exit') return
        // Ctrl-C is about all that was entered with it.
        if (outcome === 'interrupted') {
          forget()
          break
        }
      }
      if (options.signal.aborted) throw options.signal.reason
    }
    if (options.signal.aborted) throw options.signal.reason
    if (splitter.pending) note(errorText(new CassSniError('CSNI107', 'incomplete statement; not executed'), options))
  } finally {
    options.signal.removeEventListener('abort', onAbort)
    lines.close()
  }
}

/** Executes a statement and shows its error; throws what ends the session. */
async function executeOne(
  shell: CqlShell,
  statement: Statement,
  lines: TerminalLines,
  note: (text: string) => void,
  options: InteractiveOptions,
): Promise<'done' | 'exit' | 'interrupted'> {
  const report = (error: CassSniError): void => note(errorText(error, options))
  try {
    const { exit } = await lines.interruptible(options.signal, async (signal) => {
      const next = await shell.execute(statement.text, signal)
      // As in cqlsh, an error does not end a file that is sourced at a terminal.
      if (next.source !== undefined) await runSource(shell, next.source, { caret: true, signal, onError: report })
      return next
    })
    options.completion?.executed(statement.text)
    return exit === true ? 'exit' : 'done'
  } catch (error) {
    if (!(error instanceof CassSniError) || options.signal.aborted || ENDING.has(error.code)) throw error
    const caret = caretLines(error, statement)
    if (caret !== undefined) note(`${caret}\n`)
    report(error)
    return error.code === 'CSNI902' ? 'interrupted' : 'done'
  }
}

function errorText(error: CassSniError, { red, steps }: InteractiveOptions): string {
  const message = error.message.split('\n').map(visible).join('\n')
  const next = steps(error.next).map(({ label, text }) => `  ${label}: ${visible(text)}\n`)
  return `${red(`${message} [${error.code}]`)}\n${next.join('')}`
}
