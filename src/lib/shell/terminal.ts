/** The interactive shell: reads lines with history, executes what is complete, until Ctrl-D or EXIT. */
import { createInterface, type Interface } from 'node:readline'
import { type Readable, Writable } from 'node:stream'
import { CassSniError, type NextStep, type RenderedStep } from '../errors.ts'
import { remembered } from './history.ts'
import { caretLines, hasPosition, runFile } from './script.ts'
import type { CqlShell } from './shell.ts'
import { type Statement, StatementSplitter } from './statement-splitter.ts'
import { visible } from './row-table.ts'

export interface Terminal {
  input: Readable
  /** `columns` of a terminal's own stream (nodejs/node doc/api/tty.md). */
  output: Writable & { columns?: number }
}

export interface InteractiveOptions {
  /** Before the colon and the keyspace: the user's name. */
  user: string
  /** Called with the lines to keep after each statement. */
  keep: (lines: string[]) => Promise<void>
  /** Ends the session. */
  signal: AbortSignal
  red: (text: string) => string
  /** Steps of an error as text. */
  steps: (next: readonly NextStep[]) => RenderedStep[]
}

const MORE = '--More-- (Enter or Space: next page, q: stop) '

/** Errors that end the session: the way to Cassandra itself is gone or was never allowed. */
const ENDING = new Set(['CSNI602', 'CSNI604'])

/** The lines of a terminal, one by one, with what Ctrl-C means at each moment. */
export class TerminalLines {
  readonly #reader: Interface
  readonly #terminal: Terminal
  readonly #waiting: string[] = []
  #wake: (() => void) | undefined
  #closed = false
  /** What Ctrl-C does while a statement runs; at the prompt it clears the line. */
  #interrupt: (() => void) | undefined
  #onClear: () => void = () => undefined

  /** @param history oldest first */
  constructor(terminal: Terminal, history: string[]) {
    this.#terminal = terminal
    this.#reader = createInterface({
      input: terminal.input,
      output: terminal.output,
      terminal: true,
      history: history.toReversed(),
      historySize: 1_000,
      removeHistoryDuplicates: true,
    })
    this.#reader.on('line', (line) => {
      this.#waiting.push(line)
      this.#wake?.()
    })
    this.#reader.on('close', () => {
      this.#closed = true
      this.#wake?.()
    })
    this.#reader.on('SIGINT', () => {
      if (this.#interrupt !== undefined) {
        this.#interrupt()
        return
      }
      terminal.output.write('^C\n')
      // "Delete the line" of readline's own keys, left and right of the cursor.
      this.#reader.write(null, { ctrl: true, name: 'e' })
      this.#reader.write(null, { ctrl: true, name: 'u' })
      this.#onClear()
    })
  }

  /**
   * The next line, or undefined after Ctrl-D. `onClear` is called when Ctrl-C clears the line; it gives the new
   * prompt.
   */
  async next(prompt: string, onClear: () => string): Promise<string | undefined> {
    this.#onClear = () => {
      this.#reader.setPrompt(onClear())
      this.#reader.prompt()
    }
    for (;;) {
      const line = this.#waiting.shift()
      if (line !== undefined) return line
      if (this.#closed) {
        // What a shell shows next belongs below the prompt.
        this.#terminal.output.write('\n')
        return undefined
      }
      this.#reader.setPrompt(prompt)
      this.#reader.prompt()
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
  }

  /** Runs something that Ctrl-C aborts, without ending the session. */
  async interruptible<T>(outer: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController()
    this.#interrupt = () =>
      controller.abort(new CassSniError('CSNI902', 'interrupted; Cassandra may still go on with the statement'))
    try {
      return await work(AbortSignal.any([outer, controller.signal]))
    } finally {
      this.#interrupt = undefined
    }
  }

  /** Whether to show more: Enter or Space is yes, anything else no. Space and q are taken at once, as pagers do. */
  async more(signal: AbortSignal): Promise<boolean> {
    if (this.#closed) return false
    const { input, output } = this.#terminal
    const answer = await new Promise<string>((resolve) => {
      // readline has put the key into its line by now.
      const onKey = (key: string | undefined): void => {
        if ((key === ' ' || key === 'q') && this.#reader.line === key) this.#reader.write(null, { name: 'return' })
      }
      const end = (line: string): void => {
        input.off('keypress', onKey)
        signal.removeEventListener('abort', stop)
        this.#reader.off('close', stop)
        resolve(line)
      }
      const stop = (): void => end('q')
      signal.addEventListener('abort', stop, { once: true })
      this.#reader.once('close', stop)
      input.on('keypress', onKey)
      this.#reader.question(MORE, { signal }, end)
    })
    if (signal.aborted) throw signal.reason
    if (this.#closed) return false
    // An answer is nothing to come back to, in the history or between the pages.
    if (answer.trim() !== '') this.replaceHistory(1, [])
    if (output.columns !== undefined && output.columns > MORE.length + answer.length)
      output.write('\u001b[1A\r\u001b[2K')
    return answer.trim() === ''
  }

  /** Of the terminal, now. */
  columns(): number | undefined {
    return this.#terminal.output.columns
  }

  /** Puts other lines in the place of the last ones typed: what is remembered of a statement. */
  replaceHistory(typed: number, lines: string[]): void {
    // Documented for listeners of 'history' (nodejs/node doc/api/readline.md): the array may be changed in place.
    const { history } = this.#reader as unknown as { history: string[] }
    history.splice(0, Math.min(typed, history.length), ...lines.toReversed())
  }

  close(): void {
    this.#reader.close()
  }
}

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
    const name = visible(`${options.user}@cqlsh${keyspace === undefined ? '' : `:${keyspace}`}`)
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
  try {
    const { exit, source } = await lines.interruptible(options.signal, async (signal) => {
      const next = await shell.execute(statement.text, signal)
      if (next.source !== undefined) await runFile(shell, next.source, { caret: true, signal })
      return next
    })
    return exit === true && source === undefined
  } catch (error) {
    if (!(error instanceof CassSniError) || options.signal.aborted || ENDING.has(error.code)) throw error
    const caret = hasPosition(error) && !error.message.includes('\n') ? `${caretLines(error, statement)}\n` : ''
    const next = options
      .steps(error.next)
      .map(({ label, text }) => `  ${label}: ${visible(text)}\n`)
      .join('')
    note(
      `${caret}${options.red(`${error.message.split('\n').map(visible).join('\n')} [${error.code}]`)}\n${error.code === 'CSNI902' ? '' : next}`,
    )
    return false
  }
}

/** Reads one line without showing it: a password. Throws CSNI902 on Ctrl-C. */
export async function readSecret(terminal: Terminal, prompt: string): Promise<string> {
  terminal.output.write(prompt)
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input: terminal.input, output: silent, terminal: true, historySize: 0 })
  try {
    return await new Promise<string>((resolve, reject) => {
      reader.once('line', resolve)
      const interrupted = (): void => reject(new CassSniError('CSNI902', 'interrupted'))
      reader.once('SIGINT', interrupted)
      reader.once('close', interrupted)
    })
  } finally {
    reader.close()
    terminal.output.write('\n')
  }
}
