/** A person at a terminal: types into a program through a pseudo-terminal and reads what it shows. */
import { stripVTControlCharacters } from 'node:util'
import { spawn } from '@lydell/node-pty'
import { until } from './lab.ts'

export const KEY = { enter: '\r', ctrlC: '\x03', ctrlD: '\x04', up: '\x1b[A', down: '\x1b[B' }

export interface Terminal {
  /** All that was shown so far, without colors and cursor movements. */
  shown(): string
  /** Waits until the text is shown after what `type` has seen last; returns everything shown since. */
  see(text: string | RegExp, timeoutMs?: number): Promise<string>
  /** Types; what is shown from then on counts as new. */
  type(keys: string): void
  /** The exit code, once the program has ended. */
  ended: Promise<number>
  kill(): void
}

/** Starts a program on a pseudo-terminal of 120 columns. */
export function openTerminal(command: string, args: string[], env: Record<string, string>): Terminal {
  const clean = Object.fromEntries(
    Object.entries({ ...process.env, ...env, TERM: 'xterm-256color' }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  )
  const { CI: _ci, ...terminalEnv } = clean // listr2 and prompts hold CI for "no terminal"
  const pty = spawn(command, args, { cols: 120, rows: 40, env: terminalEnv })
  let text = ''
  let mark = 0
  pty.onData((data) => {
    text += data
  })
  const shown = (): string => stripVTControlCharacters(text)
  return {
    shown,
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
