/** The shell's terminal: reads lines, page answers and passwords, and handles Ctrl-C in each state. */
import { CassSniError } from '../errors.ts'
import { CanceledStatement } from './canceled-statement.ts'
import { DEFAULT_INPUTRC, type Inputrc } from './line-editor/inputrc.ts'
import type { Key } from './line-editor/key-decoder.ts'
import { LineBuffer } from './line-editor/line-buffer.ts'
import { DumbDisplay, type LineDisplay, ScreenDisplay } from './line-editor/line-display.ts'
import { type Complete, LineEditor, type Outcome } from './line-editor/line-editor.ts'
import { LineHistory } from './line-editor/line-history.ts'
import { TerminalKeys } from './line-editor/terminal-keys.ts'
import type { Terminal } from './line-editor/terminal-modes.ts'
import { inColumns } from './line-editor/word-columns.ts'
import { pageAnswer, pageQuestion } from './page-question.ts'
import { type SecretEnd, secretEnd, secretOf } from './secret-line.ts'

export interface TerminalChoice {
  /** Supports only carriage return and backspace (TERM=dumb). */
  dumb?: boolean | undefined
  inputrc?: Inputrc | undefined
  /** Called for Ctrl-C before the first prompt. Default: SIGINT to this process. */
  interrupt?: (() => void) | undefined
}

interface LineRequest {
  /** Called when Ctrl-C clears the line; returns the new prompt. */
  onClear: () => string
  complete: Complete | undefined
  /** The line is data, and not added to the history. */
  data?: boolean | undefined
}

const COLUMNS = 80
const ROWS = 24
const DROPPED = 'Discarded input typed before the prompt: a line exceeds the limit of 4095 bytes.\r\n'
/** A Tab followed by input within this time is part of a paste. */
const PASTE_MS = 15

/** Reads lines from a terminal. */
export class TerminalLines {
  readonly #terminal: Terminal
  readonly #dumb: boolean
  readonly #keys: TerminalKeys
  readonly #display: LineDisplay
  readonly #history: LineHistory
  readonly #editor: LineEditor
  readonly #interruptRun: () => void
  /** Type-ahead. */
  #waiting: Key[] = []
  #ended = false
  /** After Ctrl-Z, until the process is resumed. */
  #stopped = false
  #prompted = false
  /** Set while a line is read. */
  #reading: (LineRequest & { resolve: (line: string | undefined) => void }) | undefined
  /** Set while a question is open; `keys` returns the keys that do not belong to the answer. */
  #asking: { keys: (keys: Key[]) => Key[]; show: () => void; end: () => void } | undefined
  /** What Ctrl-C does while a statement runs; at the prompt it clears the line. */
  #interrupt: (() => void) | undefined
  /** Ctrl-C was pressed between two statements. */
  #interrupted = false
  #tab: NodeJS.Timeout | undefined

  /** @param history oldest first */
  constructor(terminal: Terminal, history: string[], choice: TerminalChoice = {}) {
    const { inputrc = DEFAULT_INPUTRC, dumb = false } = choice
    this.#terminal = terminal
    this.#dumb = dumb
    this.#interruptRun = choice.interrupt ?? (() => process.kill(process.pid, 'SIGINT'))
    const screen = {
      write: this.#write,
      columns: () => terminal.output.columns || COLUMNS,
      rows: () => terminal.output.rows || ROWS,
    }
    this.#display = dumb ? new DumbDisplay(screen) : new ScreenDisplay(screen)
    this.#history = new LineHistory(history)
    const bell = (): void => (inputrc.bell ? this.#write('\u0007') : undefined)
    const list = (labels: string[]): void => this.#write(inColumns(labels, screen.columns()).replaceAll('\n', '\r\n'))
    this.#editor = new LineEditor(this.#display, this.#history, { bell, list }, inputrc)
    const listener = {
      keys: (keys: Key[]) => this.#arrived(keys),
      end: () => this.#end(),
      cut: () => this.#dropped(),
      resumed: () => this.#resumed(),
    }
    const bracketedPaste = !dumb && inputrc.bracketedPaste && terminal.input.isTTY === true
    this.#keys = new TerminalKeys(terminal.input, listener, { write: this.#write, bracketedPaste })
    terminal.output.on('resize', this.#onResize)
    this.#keys.start()
  }

  readonly #write = (text: string): void => void this.#terminal.output.write(text)

  readonly #onResize = (): void => {
    if (this.#reading !== undefined) this.#display.resize()
  }

  /**
   * Returns the next line, or undefined after Ctrl-D. A bracketed paste is one line, with line breaks in it. `onClear`
   * is called when Ctrl-C clears the line, and returns the new prompt.
   */
  async next(prompt: string, onClear: () => string, complete?: Complete): Promise<string | undefined> {
    this.#prompted = true
    const cleared = this.#interrupted
    this.#interrupted = false
    if (cleared) this.#write('^C\r\n')
    this.#editor.begin(cleared ? onClear() : prompt, complete)
    return new Promise((resolve) => {
      this.#reading = { resolve, onClear, complete }
      this.#drain()
    })
  }

  /** Returns the next row for a running command, or undefined after Ctrl-D. Throws the signal's reason. */
  async row(prompt: string, signal: AbortSignal): Promise<string | undefined> {
    signal.throwIfAborted()
    const onAbort = (): void => this.#done({ type: 'end' })
    const onClear = (): string => {
      this.#interrupt?.()
      return prompt
    }
    signal.addEventListener('abort', onAbort, { once: true })
    this.#editor.begin(prompt)
    try {
      const row = await new Promise<string | undefined>((resolve) => {
        this.#reading = { resolve, onClear, complete: undefined, data: true }
        this.#drain()
      })
      signal.throwIfAborted()
      return row
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** Returns pasted text to the input: the next line begins with it. */
  putBack(text: string): void {
    if (text !== '') this.#waiting.unshift({ type: 'text', text })
  }

  /** Runs work that Ctrl-C aborts, without ending the session. */
  async interruptible<T>(outer: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController()
    this.#interrupt = () => {
      // at a question, nothing is running
      controller.abort(this.#asking === undefined ? new CanceledStatement() : new CassSniError('CSNI902', 'canceled'))
    }
    if (this.#interrupted) this.#interrupt()
    this.#interrupted = false
    try {
      return await work(AbortSignal.any([outer, controller.signal]))
    } finally {
      this.#interrupt = undefined
    }
  }

  /**
   * Asks whether to show the next page: Enter or Space shows it, q and Ctrl-D do not. Other input, also type-ahead, is
   * the next statement: it is kept, and stops paging. Throws the signal's reason.
   */
  async more(signal: AbortSignal): Promise<boolean> {
    const early = pageAnswer(this.#waiting)
    this.#waiting = early.rest
    if (early.more !== undefined || this.#ended) return early.more === true
    const text = pageQuestion(this.#columns())
    const more = await this.#ask<boolean | undefined>(text, signal, (keys, resolve) => {
      const answer = pageAnswer(keys)
      resolve(answer.more)
      return answer.rest
    })
    this.#write(this.#dumb ? `\r${' '.repeat(text.length)}\r` : '\r\u001b[K')
    if (signal.aborted) throw signal.reason
    return more === true
  }

  /** Reads a line without echo, ignoring type-ahead. Throws the signal's reason, and CSNI102 after Ctrl-D. */
  async secret(prompt: string, signal: AbortSignal): Promise<string> {
    const buffer = new LineBuffer()
    const secret = await this.#ask<SecretEnd | undefined>(prompt, signal, (keys, resolve) => {
      for (const [index, key] of keys.entries()) {
        const end = secretEnd(buffer, key)
        if (end === undefined) continue
        resolve(end)
        return keys.slice(index + 1)
      }
      return []
    })
    this.#write('\r\n')
    if (signal.aborted) throw signal.reason
    return secretOf(secret)
  }

  /** Clears the screen. */
  clear(): void {
    this.#display.clear()
  }

  /** Current width of the terminal. */
  columns(): number | undefined {
    return this.#terminal.output.columns
  }

  /** The lines entered so far, oldest first. */
  history(): string[] {
    return this.#history.entries()
  }

  /** Replaces the last lines entered with those to remember of the statement. */
  replaceHistory(typed: string[], lines: string[]): void {
    this.#history.replaceLast(typed, lines)
  }

  close(): void {
    clearTimeout(this.#tab)
    this.#terminal.output.off('resize', this.#onResize)
    this.#end()
    this.#keys.stop()
  }

  #columns(): number {
    return this.#terminal.output.columns || COLUMNS
  }

  #end(): void {
    this.#ended = true
    this.#asking?.end()
    this.#drain()
  }

  #dropped(): void {
    this.#display.finish()
    this.#write(DROPPED)
    if (this.#reading !== undefined) this.#editor.show()
  }

  #resumed(): void {
    this.#stopped = false
    this.#display.reset()
    this.#asking?.show()
    if (this.#reading !== undefined) this.#editor.show()
  }

  #arrived(keys: Key[]): void {
    if (this.#tab !== undefined) this.#tabWasPasted()
    for (const [index, key] of keys.entries()) {
      if (this.#reading === undefined && key.type === 'key' && this.#signaled(key.name)) continue
      if (this.#asking !== undefined) {
        this.#waiting.push(...this.#asking.keys(keys.slice(index)))
        break
      }
      this.#waiting.push(key)
      this.#drain(index === keys.length - 1)
    }
  }

  /** Handles Ctrl-C, Ctrl-Z and Ctrl-\\ while no line is read. */
  #signaled(name: string): boolean {
    if (name === 'C-z') {
      this.#write('^Z\r\n')
      this.#keys.suspend()
      return true
    }
    if (name === 'C-\\') this.#keys.quit()
    if (name !== 'C-c') return false
    // Like a terminal, Ctrl-C drops the type-ahead before it.
    this.#waiting = []
    if (this.#interrupt !== undefined) this.#interrupt()
    else if (this.#prompted) this.#interrupted = true
    else this.#interruptRun()
    return true
  }

  /** Applies the type-ahead. `last`: no more keys arrived together with it. */
  #drain(last = true): void {
    while (this.#reading !== undefined && this.#waiting.length > 0) {
      const key = this.#waiting.shift() as Key
      if (this.#editor.asksForCompletion(key)) this.#onTab(key, last && this.#waiting.length === 0)
      else this.#done(this.#editor.handle(key))
    }
    if (this.#reading === undefined || !last || this.#stopped) return
    if (this.#ended) this.#done({ type: 'end' })
    else this.#editor.show()
  }

  /** Completes, or inserts a Tab that is followed by more input: that is a paste. */
  #onTab(key: Key, last: boolean): void {
    if (!last) {
      this.#editor.handle({ type: 'text', text: '\t' })
      return
    }
    this.#tab = setTimeout(() => {
      this.#tab = undefined
      this.#editor.handle(key)
      this.#editor.show()
    }, PASTE_MS)
  }

  #tabWasPasted(): void {
    clearTimeout(this.#tab)
    this.#tab = undefined
    this.#editor.handle({ type: 'text', text: '\t' })
  }

  #done(outcome: Outcome | undefined): void {
    if (outcome === undefined || this.#reading === undefined) return
    const { resolve, onClear, complete, data = false } = this.#reading
    switch (outcome.type) {
      case 'line':
        if (!data) this.#history.add(outcome.line)
        this.#reading = undefined
        resolve(outcome.line)
        break
      case 'end':
        this.#display.finish()
        this.#reading = undefined
        resolve(undefined)
        break
      case 'interrupt':
        this.#editor.begin(onClear(), complete)
        break
      case 'suspend':
        this.#editor.show()
        this.#display.finish('^Z')
        this.#stopped = true
        this.#keys.suspend()
        break
      case 'quit':
        this.#keys.quit()
        break
    }
  }

  /** Asks a question. Resolves with undefined if the input ends or the signal is aborted. */
  async #ask<T>(
    prompt: string,
    signal: AbortSignal,
    take: (keys: Key[], resolve: (answer: T) => void) => Key[],
  ): Promise<T | undefined> {
    let onAbort = (): void => undefined
    const show = (): void => this.#write(prompt)
    show()
    try {
      return await new Promise<T | undefined>((resolve) => {
        onAbort = () => resolve(undefined)
        signal.addEventListener('abort', onAbort, { once: true })
        if (signal.aborted || this.#ended) onAbort()
        const answered = (answer: T): void => {
          this.#asking = undefined
          resolve(answer)
        }
        this.#asking = { keys: (keys) => take(keys, answered), show, end: onAbort }
      })
    } finally {
      this.#asking = undefined
      signal.removeEventListener('abort', onAbort)
    }
  }
}
