/** A person at a terminal: types into a program through a pseudo-terminal and reads what it shows. */
import { stripVTControlCharacters } from 'node:util'
import { spawn } from '@lydell/node-pty'
import xterm from '@xterm/headless'
import { until } from './lab.ts'

export const KEY = {
  enter: '\r',
  tab: '\t',
  backspace: '\x7f',
  up: '\x1b[A',
  down: '\x1b[B',
  left: '\x1b[D',
  home: '\x1b[H',
  ctrlA: '\x01',
  ctrlC: '\x03',
  ctrlD: '\x04',
  ctrlG: '\x07',
  ctrlR: '\x12',
  ctrlZ: '\x1a',
}

/** As a terminal sends a paste to a program that has asked for marks around it. */
export function bracketed(text: string): string {
  return `\x1b[200~${text.replaceAll('\n', '\r')}\x1b[201~`
}

export interface Terminal {
  /** All that was shown so far, without colors and cursor movements. */
  shown(): string
  /** Waits until the text is shown after what `type` has seen last; returns everything shown since. */
  see(text: string | RegExp, timeoutMs?: number): Promise<string>
  /** Types; what is shown from then on counts as new. */
  type(keys: string): void
  /** All that was written to the terminal. */
  raw(): string
  /** The rows of the screen as a terminal shows them now, without blanks at their ends and empty rows below. */
  screen(): Promise<string[]>
  /** Waits until the screen shows the text; returns its rows. */
  seeOnScreen(text: string | RegExp, timeoutMs?: number): Promise<string[]>
  /** Where the cursor is on the screen, from 0. */
  cursor(): { row: number; column: number }
  resize(columns: number, rows: number): void
  pid: number
  /** The exit code, once the program has ended. */
  ended: Promise<number>
  kill(): void
}

export interface TerminalSize {
  columns?: number
  rows?: number
  /** TERM. */
  type?: string
}

/** Starts a program on a pseudo-terminal, of 120 columns and 40 rows unless told otherwise. */
export function openTerminal(
  command: string,
  args: string[],
  env: Record<string, string>,
  { columns = 120, rows = 40, type = 'xterm-256color' }: TerminalSize = {},
): Terminal {
  const clean = Object.fromEntries(
    Object.entries({ ...process.env, ...env, TERM: type }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  )
  const { CI: _ci, ...terminalEnv } = clean // listr2 and prompts hold CI for "no terminal"
  const pty = spawn(command, args, { cols: columns, rows, env: terminalEnv })
  const screen = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true })
  let text = ''
  let mark = 0
  pty.onData((data) => {
    text += data
    screen.write(data)
  })
  const shown = (): string => stripVTControlCharacters(text)
  const onScreen = async (): Promise<string[]> => {
    await new Promise<void>((done) => screen.write('', done))
    const { active } = screen.buffer
    const lines = Array.from(
      { length: screen.rows },
      (_, row) =>
        active
          .getLine(active.viewportY + row)
          ?.translateToString(true)
          .trimEnd() ?? '',
    )
    return lines.slice(0, lines.findLastIndex((line) => line !== '') + 1)
  }
  return {
    shown,
    raw: () => text,
    pid: pty.pid,
    screen: onScreen,
    async seeOnScreen(wanted, timeoutMs = 10_000) {
      const fits = async (): Promise<string[] | false> => {
        const rows = await onScreen()
        const all = rows.join('\n')
        return (typeof wanted === 'string' ? all.includes(wanted) : wanted.test(all)) && rows
      }
      return until(`the screen shows ${String(wanted)}`, fits, timeoutMs, 50).catch(async (error: Error) => {
        throw new Error(`${error.message}; it shows:\n${(await onScreen()).join('\n')}`)
      })
    },
    cursor: () => ({ row: screen.buffer.active.cursorY, column: screen.buffer.active.cursorX }),
    resize(newColumns, newRows) {
      screen.resize(newColumns, newRows)
      pty.resize(newColumns, newRows)
    },
    async see(wanted, timeoutMs = 30_000) {
      const fits = (): string | false => {
        const fresh = shown().slice(mark)
        return (typeof wanted === 'string' ? fresh.includes(wanted) : wanted.test(fresh)) && fresh
      }
      return until(`the terminal shows ${String(wanted)}`, fits, timeoutMs, 50).catch((error: Error) => {
        throw new Error(`${error.message}; it shows:\n${shown().slice(mark)}`)
      })
    },
    type(keys) {
      mark = shown().length
      pty.write(keys)
    },
    ended: new Promise((done) => pty.onExit(({ exitCode, signal }) => done(signal ? 128 + signal : exitCode))),
    kill: () => pty.kill('SIGKILL'),
  }
}
