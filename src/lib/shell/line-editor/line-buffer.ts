/** The edited text and its cursor, which moves by grapheme. Pure. */

const CHARACTERS = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
/** Upper limit for a grapheme, in code units; emoji families have about 25. */
const LONGEST = 64
const UNDO_STEPS = 200
const WORD = /[\p{L}\p{N}_]/u

/** Whether the code unit is a whole character, unless a combining one follows. */
function isAscii(code: number): boolean {
  return code < 0x80
}

export class LineBuffer {
  text = ''
  /** Index in `text`, in code units. */
  cursor = 0
  #kills: string[] = []
  /** Start of the last yank and its index in the kill ring. */
  #yanked: { start: number; index: number } | undefined
  #undo: { text: string; cursor: number }[] = []
  #last: 'insert' | 'kill' | 'yank' | 'other' = 'other'

  /** Replaces the text without undo. */
  reset(text = '', cursor = text.length): void {
    this.text = text
    this.cursor = cursor
    this.#undo = []
    this.#last = 'other'
  }

  /** Replaces the text as one edit. */
  replace(text: string, cursor = text.length): void {
    this.#edit('other', text, cursor)
  }

  insert(text: string): void {
    this.#edit(
      'insert',
      this.text.slice(0, this.cursor) + text + this.text.slice(this.cursor),
      this.cursor + text.length,
    )
  }

  moveTo(index: number): void {
    this.cursor = Math.min(Math.max(index, 0), this.text.length)
    this.#last = 'other'
  }

  /** Index of the previous grapheme. */
  before(index = this.cursor): number {
    if (index <= 0) return 0
    if (isAscii(this.text.charCodeAt(index - 1)) && (index < 2 || isAscii(this.text.charCodeAt(index - 2))))
      return index - 1
    const start = Math.max(0, index - LONGEST)
    const last = [...CHARACTERS.segment(this.text.slice(start, index))].at(-1)
    return start + (last?.index ?? 0)
  }

  /** Index after the grapheme at the cursor. */
  after(index = this.cursor): number {
    if (index >= this.text.length) return this.text.length
    if (isAscii(this.text.charCodeAt(index)) && !(this.text.charCodeAt(index + 1) >= 0x80)) return index + 1
    const [first] = CHARACTERS.segment(this.text.slice(index, index + LONGEST))
    return index + (first?.segment.length ?? 1)
  }

  wordStart(word = WORD): number {
    let index = this.cursor
    while (index > 0 && !word.test(this.text.slice(this.before(index), index))) index = this.before(index)
    while (index > 0 && word.test(this.text.slice(this.before(index), index))) index = this.before(index)
    return index
  }

  wordEnd(): number {
    let index = this.cursor
    while (index < this.text.length && !WORD.test(this.text.slice(index, this.after(index)))) index = this.after(index)
    while (index < this.text.length && WORD.test(this.text.slice(index, this.after(index)))) index = this.after(index)
    return index
  }

  /** Start of the current line of the text. */
  lineStart(index = this.cursor): number {
    return index === 0 ? 0 : this.text.lastIndexOf('\n', index - 1) + 1
  }

  lineEnd(index = this.cursor): number {
    const end = this.text.indexOf('\n', index)
    return end === -1 ? this.text.length : end
  }

  /** Moves a line up or down within the text. Returns false on the first or last line. */
  moveLine(by: -1 | 1): boolean {
    const start = this.lineStart()
    const column = this.cursor - start
    if (by === -1 ? start === 0 : this.lineEnd() === this.text.length) return false
    const target = by === -1 ? this.lineStart(start - 1) : this.lineEnd() + 1
    this.moveTo(Math.min(target + column, this.lineEnd(target)))
    return true
  }

  /** Deletes between the cursor and this index. */
  delete(to: number): void {
    const [start, end] = to < this.cursor ? [to, this.cursor] : [this.cursor, to]
    if (start !== end) this.#edit('other', this.text.slice(0, start) + this.text.slice(end), start)
  }

  /** Deletes between the cursor and this index into the kill ring; consecutive kills are joined. */
  kill(to: number): void {
    const [start, end] = to < this.cursor ? [to, this.cursor] : [this.cursor, to]
    if (start === end) return
    const killed = this.text.slice(start, end)
    const joined = this.#last === 'kill' ? (this.#kills.shift() ?? '') : ''
    this.#kills.unshift(to < this.cursor ? killed + joined : joined + killed)
    this.#edit('kill', this.text.slice(0, start) + this.text.slice(end), start)
  }

  yank(): void {
    const [text] = this.#kills
    if (text === undefined) return
    const start = this.cursor
    this.insert(text)
    this.#yanked = { start, index: 0 }
    this.#last = 'yank'
  }

  /** Replaces the yanked text with the previous kill. */
  yankPop(): void {
    if (this.#last !== 'yank' || this.#yanked === undefined) return
    const { start } = this.#yanked
    const index = (this.#yanked.index + 1) % this.#kills.length
    const text = this.#kills[index] ?? ''
    this.#edit('yank', this.text.slice(0, start) + text + this.text.slice(this.cursor), start + text.length)
    this.#yanked = { start, index }
  }

  transpose(): void {
    const middle = this.cursor === this.text.length ? this.before() : this.cursor
    const [start, end] = [this.before(middle), this.after(middle)]
    if (start === middle || middle === end) return
    const swapped = this.text.slice(middle, end) + this.text.slice(start, middle)
    this.#edit('other', this.text.slice(0, start) + swapped + this.text.slice(end), end)
  }

  /** Changes the rest of the word. */
  changeWord(change: (word: string) => string): void {
    const end = this.wordEnd()
    const changed = change(this.text.slice(this.cursor, end))
    this.#edit('other', this.text.slice(0, this.cursor) + changed + this.text.slice(end), this.cursor + changed.length)
  }

  undo(): void {
    const before = this.#undo.pop()
    if (before === undefined) return
    this.text = before.text
    this.cursor = before.cursor
    this.#last = 'other'
  }

  #edit(kind: 'insert' | 'kill' | 'yank' | 'other', text: string, cursor: number): void {
    if (kind !== 'insert' || this.#last !== 'insert') {
      this.#undo.push({ text: this.text, cursor: this.cursor })
      if (this.#undo.length > UNDO_STEPS) this.#undo.shift()
    }
    this.text = text
    this.cursor = cursor
    this.#last = kind
  }
}
