/** A terminal: lines with history, pages, secrets, and what Ctrl-C means at each moment. */
import { createInterface, type Interface } from 'node:readline'
import { type Readable, Writable } from 'node:stream'
import { CassSniError } from '../errors.ts'

export interface Terminal {
  input: Readable
  /** `columns` of a terminal's own stream (nodejs/node doc/api/tty.md). */
  output: Writable & { columns?: number }
}

const MORE = '--More-- (Enter or Space: next page, q: stop) '

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
  /** A secret is typed. */
  #silent = false

  /** @param history oldest first */
  constructor(terminal: Terminal, history: string[]) {
    this.#terminal = terminal
    this.#reader = createInterface({
      input: terminal.input,
      output: this.#echo(terminal.output),
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
      this.#clearLine()
      this.#onClear()
    })
  }

  /** The terminal as readline writes to it: nothing while a secret is typed. */
  #echo(output: Terminal['output']): Terminal['output'] {
    return new Proxy(output, {
      get: (target, name) => {
        if (name === 'write' && this.#silent) return () => true
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }

  /** "Delete the line" of readline's own keys, left and right of the cursor. */
  #clearLine(): void {
    this.#reader.write(null, { ctrl: true, name: 'e' })
    this.#reader.write(null, { ctrl: true, name: 'u' })
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

  /** The lines of the history, oldest first. */
  history(): string[] {
    return (this.#reader as unknown as { history: string[] }).history.toReversed()
  }

  /** Reads a line without showing or remembering it. Throws the signal's reason, or CSNI102 after Ctrl-D. */
  async secret(prompt: string, signal: AbortSignal): Promise<string> {
    const { output } = this.#terminal
    output.write(prompt)
    this.#silent = true
    try {
      const answer = await new Promise<string>((resolve, reject) => {
        const onClose = (): void => reject(new CassSniError('CSNI102', 'no password given'))
        this.#reader.once('close', onClose)
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
        this.#reader.question('', { signal }, (line) => {
          this.#reader.off('close', onClose)
          resolve(line)
        })
      })
      if (answer.trim() !== '') this.replaceHistory(1, [])
      return answer
    } finally {
      // What was typed before Ctrl-C must not come up at the next prompt.
      if (!this.#closed) this.#clearLine()
      this.#silent = false
      output.write('\n')
    }
  }

  close(): void {
    this.#reader.close()
  }
}

/** Reads one line without showing it: a password. Throws CSNI902 on Ctrl-C, CSNI102 on Ctrl-D. */
export async function readSecret(terminal: Terminal, prompt: string): Promise<string> {
  terminal.output.write(prompt)
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input: terminal.input, output: silent, terminal: true, historySize: 0 })
  try {
    return await new Promise<string>((resolve, reject) => {
      reader.once('line', resolve)
      reader.once('SIGINT', () => reject(new CassSniError('CSNI902', 'Interrupted by Ctrl-C.')))
      reader.once('close', () => reject(new CassSniError('CSNI102', 'no password was typed')))
    })
  } finally {
    reader.close()
    terminal.output.write('\n')
  }
}
