/** Terminal modes while the shell reads keys; restored on every exit. */
import type { Readable, Writable } from 'node:stream'

export interface Terminal {
  /** A terminal's own stream has modes (nodejs/node doc/api/tty.md). */
  input: Readable & { isTTY?: boolean; setRawMode?: (on: boolean) => unknown }
  /** `columns` and `rows` of a terminal's own stream. */
  output: Writable & { columns?: number; rows?: number }
}

const PASTE_ON = '\u001b[?2004h'
const PASTE_OFF = '\u001b[?2004l'

/** Raw mode and bracketed paste. */
export class TerminalModes {
  readonly #input: Terminal['input']
  readonly #write: (text: string) => void
  readonly #bracketedPaste: boolean
  readonly #onExit = (): void => this.leave()
  #entered = false

  constructor(input: Terminal['input'], write: (text: string) => void, bracketedPaste: boolean) {
    this.#input = input
    this.#write = write
    this.#bracketedPaste = bracketedPaste
  }

  /** Sets the modes, also if another program changed them. */
  enter(): void {
    if (!this.#entered) process.once('exit', this.#onExit)
    this.#entered = true
    // libuv ignores a mode equal to the last one it set (libuv src/unix/tty.c, uv_tty_set_mode).
    this.#input.setRawMode?.(false)
    this.#input.setRawMode?.(true)
    if (this.#bracketedPaste) this.#write(PASTE_ON)
  }

  leave(): void {
    if (!this.#entered) return
    this.#entered = false
    process.off('exit', this.#onExit)
    if (this.#bracketedPaste) this.#write(PASTE_OFF)
    this.#input.setRawMode?.(false)
  }
}
