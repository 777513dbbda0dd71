/** Reads keys from a terminal in raw mode and emulates its signals: suspend, quit, resume. */
import { type Key, KeyDecoder } from './key-decoder.ts'
import { type Terminal, TerminalModes } from './terminal-modes.ts'

/** An Escape followed by this pause is the Escape key. */
const ESCAPE_MS = 50
/** Without job control the process is not stopped; it resumes after this time. */
const STOPPED_BY_MS = 200
/** Time within which input that the terminal buffered before raw mode is read. */
const EARLIER_MS = 500
/** A resumption is reported within this time. */
const RESUMED_MS = 150
const LONGEST_LINE = 4095
const PAUSE_MS = 50
const CTRL_D = 4

export interface KeyListener {
  keys(keys: Key[]): void
  /** The input ended. */
  end(): void
  /** A line typed before `start` exceeded the terminal's buffer and was dropped. */
  cut(): void
  /** The process was resumed; other programs may have written to the terminal. */
  resumed(): void
}

export class TerminalKeys {
  readonly #input: Terminal['input']
  readonly #listener: KeyListener
  readonly #modes: TerminalModes
  readonly #decoder = new KeyDecoder()
  #timer: NodeJS.Timeout | undefined
  #startedAt = 0
  #resumedAt = Number.NEGATIVE_INFINITY
  /** When the last input was dropped. */
  #droppedAt = Number.NEGATIVE_INFINITY

  constructor(
    input: Terminal['input'],
    listener: KeyListener,
    terminal: { write: (text: string) => void; bracketedPaste: boolean },
  ) {
    this.#input = input
    this.#listener = listener
    this.#modes = new TerminalModes(input, terminal.write, terminal.bracketedPaste)
  }

  start(): void {
    this.#startedAt = performance.now()
    this.#modes.enter()
    this.#input.on('data', this.#onData)
    this.#input.once('end', this.#onEnd)
    this.#input.once('error', this.#onEnd)
    process.on('SIGCONT', this.#onContinue)
    this.#input.resume()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#input.off('data', this.#onData)
    this.#input.off('end', this.#onEnd)
    this.#input.off('error', this.#onEnd)
    process.off('SIGCONT', this.#onContinue)
    this.#input.pause()
    this.#modes.leave()
  }

  /** Stops the process group, as a terminal does on Ctrl-Z. */
  suspend(): void {
    this.#modes.leave()
    const timer = setTimeout(this.#onContinue, STOPPED_BY_MS)
    process.once('SIGCONT', () => clearTimeout(timer))
    process.kill(0, 'SIGTSTP')
  }

  /** Ends the process, as a terminal does on Ctrl-\. */
  quit(): void {
    this.#modes.leave()
    process.kill(process.pid, 'SIGQUIT')
  }

  readonly #onData = (data: Buffer | string): void => {
    clearTimeout(this.#timer)
    const keys = this.#decoder.push(this.#startedAt + EARLIER_MS > performance.now() ? this.#earlier(data) : data)
    if (this.#decoder.holds) this.#timer = setTimeout(() => this.#listener.keys(this.#decoder.flush()), ESCAPE_MS)
    if (keys.length > 0) this.#listener.keys(keys)
  }

  /**
   * Handles input typed before raw mode: Linux turns a Ctrl-D in it into NUL and truncates a line that is longer than
   * its buffer (torvalds/linux drivers/tty/n_tty.c, __DISABLED_CHAR and N_TTY_BUF_SIZE).
   */
  #earlier(data: Buffer | string): Buffer | string {
    if (typeof data === 'string' || this.#input.isTTY !== true) return data
    const now = performance.now()
    const cut = this.#droppedAt + PAUSE_MS > now
    if (!cut && data.indexOf('\n') !== LONGEST_LINE)
      return data.includes(0) ? Buffer.from(data.map((byte) => byte || CTRL_D)) : data
    // Input that follows without a pause belongs to the same paste.
    this.#droppedAt = now
    if (!cut) this.#listener.cut()
    return ''
  }

  readonly #onEnd = (): void => this.#listener.end()

  readonly #onContinue = (): void => {
    // The timer and signals of a shell report the same resumption.
    const now = performance.now()
    if (now - this.#resumedAt < RESUMED_MS) return
    this.#resumedAt = now
    this.#modes.enter()
    this.#listener.resumed()
  }
}
