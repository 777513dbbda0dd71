/**
 * Decodes the bytes of a terminal into keys. Sequences are those of xterm and compatible terminals
 * (invisible-island/xterm ctlseqs.ms, "PC-Style Function Keys" and "Bracketed Paste Mode"). No I/O, no clock.
 */
import { StringDecoder } from 'node:string_decoder'

export type Key =
  /** A run of printable characters. */
  | { type: 'text'; text: string }
  /** Bracketed paste, with \n as line ends. */
  | { type: 'paste'; text: string }
  /** Any other key: "enter", "up", "C-a", "M-b", "C-left". An unrecognized sequence is "unknown". */
  | { type: 'key'; name: string }

const PASTE_START = '\u001b[200~'
const PASTE_END = '\u001b[201~'

/** Named control characters; the others are "C-" and their letter. */
const CONTROLS: Readonly<Record<string, string>> = {
  '\r': 'enter',
  '\t': 'tab',
  '\u001b': 'escape',
  '\u007f': 'backspace',
}

const BY_FINAL: Readonly<Record<string, string>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  F: 'end',
  H: 'home',
  M: 'enter',
  Z: 'S-tab',
}

const BY_NUMBER: Readonly<Record<string, string>> = {
  1: 'home',
  2: 'insert',
  3: 'delete',
  4: 'end',
  5: 'pageup',
  6: 'pagedown',
  7: 'home',
  8: 'end',
}

const CONTROL_SEQUENCE = /^\u001b(?:\[(?:\[[A-E]|([0-?]*)[ -/]*([@-~]))|O([0-9;]*)([A-Za-z]))/
/** A prefix of a sequence. */
const INCOMPLETE = /^\u001b\u001b?(?:\[\[?[0-?]*[ -/]*|O[0-9;]*)?$/
const PRINTABLE = /^[^\u0000-\u001f\u007f]+/

/** `push` decodes input as it arrives; `flush`, called after a pause, returns a held Escape. */
export class KeyDecoder {
  readonly #utf8 = new StringDecoder('utf8')
  #held = ''
  /** Pieces of an unfinished paste. */
  #pasted: string[] | undefined

  /** Returns the keys that these bytes complete. */
  push(bytes: Buffer | string): Key[] {
    const keys: Key[] = []
    let rest = this.#held + (typeof bytes === 'string' ? bytes : this.#utf8.write(bytes))
    this.#held = ''
    while (rest !== '') {
      if (this.#pasted !== undefined) {
        rest = this.#paste(this.#pasted, rest, keys)
        continue
      }
      if (INCOMPLETE.test(rest)) {
        this.#held = rest
        break
      }
      rest = rest.slice(this.#take(rest, keys))
    }
    return keys
  }

  /** True while an incomplete sequence is held, such as a lone Escape. */
  get holds(): boolean {
    return this.#held !== '' && this.#pasted === undefined
  }

  /** Returns the keys in the held input. */
  flush(): Key[] {
    const held = this.#held
    if (!this.holds) return []
    this.#held = ''
    if (held === '\u001b') return [{ type: 'key', name: 'escape' }]
    if (held.length === 2) return [{ type: 'key', name: held === '\u001b\u001b' ? 'M-escape' : `M-${held.charAt(1)}` }]
    return [{ type: 'key', name: 'unknown' }]
  }

  /** Decodes the first key of the text; returns its length. */
  #take(text: string, keys: Key[]): number {
    const run = PRINTABLE.exec(text)
    if (run !== null) {
      keys.push({ type: 'text', text: run[0] })
      return run[0].length
    }
    if (text.startsWith(PASTE_START)) {
      this.#pasted = []
      return PASTE_START.length
    }
    const sequence = CONTROL_SEQUENCE.exec(text)
    if (sequence !== null) {
      keys.push({ type: 'key', name: sequenceName(sequence) })
      return sequence[0].length
    }
    if (!text.startsWith('\u001b')) {
      keys.push({ type: 'key', name: controlName(text.charAt(0)) })
      return 1
    }
    // Terminals send Alt as an Escape before the key.
    const inner: Key[] = []
    const second = String.fromCodePoint(text.codePointAt(1) ?? 0)
    const length = second === '\u001b' ? this.#take(text.slice(1), inner) : second.length
    const [key = PRINTABLE.test(second) ? undefined : ({ type: 'key', name: controlName(second) } as const)] = inner
    keys.push({ type: 'key', name: `M-${key?.type === 'key' ? key.name : second}` })
    return 1 + length
  }

  /** Adds the text to the paste; returns what follows the end marker. */
  #paste(pieces: string[], text: string, keys: Key[]): string {
    const end = text.indexOf(PASTE_END)
    if (end === -1) {
      // The marker may be split.
      const cut = Math.max(0, text.length - PASTE_END.length + 1)
      pieces.push(text.slice(0, cut))
      this.#held = text.slice(cut)
      return ''
    }
    pieces.push(text.slice(0, end))
    this.#pasted = undefined
    keys.push({ type: 'paste', text: pieces.join('').replace(/\r\n?/g, '\n') })
    return text.slice(end + PASTE_END.length)
  }
}

function controlName(character: string): string {
  return CONTROLS[character] ?? `C-${String.fromCharCode((character.charCodeAt(0) | 0x40) & 0x7f).toLowerCase()}`
}

function sequenceName([, parameters = '', final = '', ss3 = '', ss3Final = '']: RegExpExecArray): string {
  const [number = '', modifier = ''] = (parameters || ss3).split(';')
  const name = final === '~' ? BY_NUMBER[number] : BY_FINAL[final || ss3Final]
  if (name === undefined) return 'unknown'
  // 1 + the sum of 1 for Shift, 2 for Alt, 4 for Control.
  const bits = Math.max(0, Number(modifier || 1) - 1)
  return `${(bits & 4) !== 0 ? 'C-' : ''}${(bits & 2) !== 0 ? 'M-' : ''}${name}`
}
