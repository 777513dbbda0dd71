/** The interactive shell: reads lines, executes what is complete, until Ctrl-D or EXIT. */
import { CassSniError, type NextStep, type RenderedStep } from '../errors.ts'
import { remembered } from './history.ts'
import { visible } from './row-table.ts'
import { caretLines, runFile } from './script.ts'
import type { CqlShell } from './shell.ts'
import { type Statement, StatementSplitter } from './statement-splitter.ts'
import type { TerminalLines } from './terminal.ts'

export interface InteractiveOptions {
  /** Called with the lines to keep after each statement. */
  keep: (lines: string[]) => Promise<void>
  /** Ends the session. */
  signal: AbortSignal
  red: (text: string) => string
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
    lines.replaceHistory(countOf(typed), remembered(typed))
    typed = []
    splitter.discard()
    return prompt()
  }
  const onAbort = (): void => lines.close()
  options.signal.addEventListener('abort', onAbort, { once: true })
  try {
    for (;;) {
      const line = await lines.next(prompt(), forget)
      if (line === undefined) break
      typed.push(line)
      const statements = splitter.push(`${line}\n`)
      if (splitter.pending && statements.length === 0) continue
      if (!splitter.pending) {
        const kept = remembered(typed)
        lines.replaceHistory(countOf(typed), kept)
        await options.keep(kept)
        typed = []
      }
      for (const statement of statements) {
        if (await executeOne(shell, statement, lines, note, options)) return
      }
      if (options.signal.aborted) throw options.signal.reason
    }
    if (options.signal.aborted) throw options.signal.reason
  } finally {
    options.signal.removeEventListener('abort', onAbort)
    lines.close()
  }
}

/** readline keeps no blank lines in its history. */
function countOf(typed: string[]): number {
  return typed.filter((line) => line.trim() !== '').length
}

/** True when the session is to end. */
async function executeOne(
  shell: CqlShell,
  statement: Statement,
  lines: TerminalLines,
  note: (text: string) => void,
  options: InteractiveOptions,
): Promise<boolean> {
  const report = (error: CassSniError): void => note(errorText(error, options))
  try {
    const { exit } = await lines.interruptible(options.signal, async (signal) => {
      const next = await shell.execute(statement.text, signal)
      // As in cqlsh, an error does not end a file that is sourced at a terminal.
      if (next.source !== undefined) await runFile(shell, next.source, { caret: true, signal, onError: report })
      return next
    })
    return exit === true
  } catch (error) {
    if (!(error instanceof CassSniError) || options.signal.aborted || ENDING.has(error.code)) throw error
    const caret = caretLines(error, statement)
    if (caret !== undefined) note(`${caret}\n`)
    report(error)
    return false
  }
}

function errorText(error: CassSniError, { red, steps }: InteractiveOptions): string {
  const message = error.message.split('\n').map(visible).join('\n')
  const next = steps(error.next).map(({ label, text }) => `  ${label}: ${visible(text)}\n`)
  return `${red(`${message} [${error.code}]`)}\n${error.code === 'CSNI902' ? '' : next.join('')}`
}
