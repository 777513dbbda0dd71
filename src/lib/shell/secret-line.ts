/** Reads a password without echo. */
import { CassSniError } from '../errors.ts'
import type { Key } from './line-editor/key-decoder.ts'
import { LineBuffer } from './line-editor/line-buffer.ts'
import { TerminalKeys } from './line-editor/terminal-keys.ts'
import type { Terminal } from './line-editor/terminal-modes.ts'

/** Time within which type-ahead is read and dropped. */
const TYPED_AHEAD_MS = 20

export type SecretEnd = { line: string } | 'interrupt' | 'end'

/** Applies a key; returns how the line ended, if it did. */
export function secretEnd(buffer: LineBuffer, key: Key): SecretEnd | undefined {
  if (key.type !== 'key') buffer.insert(key.text)
  else if (key.name === 'enter' || key.name === 'C-j') return { line: buffer.text }
  else if (key.name === 'C-c') return 'interrupt'
  else if (key.name === 'C-d' && buffer.text === '') return 'end'
  else if (key.name === 'C-u') buffer.reset()
  else if (key.name === 'backspace' || key.name === 'C-h') buffer.delete(buffer.before())
  return undefined
}

/** Returns the line. Throws CSNI902 after Ctrl-C, CSNI102 after Ctrl-D. */
export function secretOf(end: SecretEnd | undefined): string {
  if (typeof end === 'object') return end.line
  if (end === 'interrupt') throw new CassSniError('CSNI902', 'interrupted (Ctrl-C)')
  throw new CassSniError('CSNI102', 'no password given')
}

/** Reads one line without echo. Throws CSNI902 on Ctrl-C, CSNI102 on Ctrl-D. */
export async function readSecret(terminal: Terminal, prompt: string): Promise<string> {
  const write = (text: string): void => void terminal.output.write(text)
  const buffer = new LineBuffer()
  let keys: TerminalKeys | undefined
  let prompted = false
  try {
    const end = await new Promise<SecretEnd>((resolve) => {
      const listener = {
        keys: (typed: Key[]) => {
          if (!prompted) return
          for (const key of typed) {
            if (key.type === 'key' && key.name === 'C-z') keys?.suspend()
            const ended = secretEnd(buffer, key)
            if (ended !== undefined) return resolve(ended)
          }
        },
        end: () => resolve('end'),
        cut: () => undefined,
        resumed: () => write(prompt),
      }
      keys = new TerminalKeys(terminal.input, listener, { write, bracketedPaste: false })
      keys.start()
      const ask = (): void => {
        prompted = true
        write(prompt)
      }
      // Type-ahead is not the answer.
      if (terminal.input.isTTY === true) setTimeout(ask, TYPED_AHEAD_MS)
      else ask()
    })
    return secretOf(end)
  } finally {
    keys?.stop()
    write('\n')
  }
}
