/** Lays out a prompt and a text on the rows of a screen. Pure. */
import width from 'string-width'
import { visible } from '../row-table.ts'

export interface Row {
  /** Output for the row; may contain sequences that set the cursor column. */
  text: string
  /** In columns. */
  width: number
  /** The terminal wraps after this row; no line break is written. */
  wraps: boolean
}

export interface Layout {
  rows: Row[]
  /** Both from 0. */
  cursor: { row: number; column: number }
}

const CHARACTERS = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
const LONGEST = 64
const TAB = 8
const ASCII_RUN = /[\u0020-\u007e]+/y
const CONTROL = /^[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]$/u
/** Terminals disagree on the width of these, so the cursor column is set after them. */
const UNCERTAIN = /\p{Emoji_Presentation}|\u200d|\ufe0f/u

/**
 * Lays out the prompt and the text after it.
 * @param cursor index in `text`
 */
export function layOut(prompt: string, text: string, cursor: number, columns: number): Layout {
  const page = new Page(columns)
  page.add(prompt, -1)
  return page.end(page.add(text, cursor))
}

/** Returns a visible form of control and zero-width characters; other characters unchanged. */
export function shownCharacter(character: string): string {
  if (!CONTROL.test(character)) return character
  const code = character.charCodeAt(0)
  return code < 0x20 || code === 0x7f ? `^${String.fromCharCode(code ^ 0x40)}` : visible(character)
}

class Page {
  readonly #columns: number
  readonly #rows: Row[] = []
  #text = ''
  #column = 0

  constructor(columns: number) {
    this.#columns = columns
  }

  /** Adds text; returns the position of the character at the index, if it is in the text. */
  add(text: string, cursor: number): Layout['cursor'] | undefined {
    let found: Layout['cursor'] | undefined
    for (let index = 0; index < text.length; ) {
      if (index === cursor && text.charAt(index) !== '\n') found = this.#next(text, index)
      if (index === cursor && text.charAt(index) === '\n') found = this.#here(this.#columns - 1)
      index += this.#take(text, index, cursor > index ? cursor : text.length)
    }
    return found
  }

  end(cursor: Layout['cursor'] | undefined): Layout {
    if (this.#column >= this.#columns) this.#break(true)
    const place = cursor ?? this.#here(this.#columns - 1)
    this.#break(false)
    return { rows: this.#rows, cursor: place }
  }

  /** Adds one character, or a run of ASCII that ends before `stop`; returns its length. */
  #take(text: string, index: number, stop: number): number {
    if (text.charAt(index) === '\n') {
      this.#break(false)
      return 1
    }
    ASCII_RUN.lastIndex = index
    const run = ASCII_RUN.exec(text)?.[0].length ?? 0
    // The last character may be the base of a combining one.
    const plain = Math.min(
      run - (index + run < text.length && text.charCodeAt(index + run) >= 0x80 ? 1 : 0),
      stop - index,
    )
    if (plain > 0) {
      this.#ascii(text.slice(index, index + plain))
      return plain
    }
    const [character = { segment: text.charAt(index) }] = CHARACTERS.segment(text.slice(index, index + LONGEST))
    this.#character(character.segment)
    return character.segment.length
  }

  #ascii(text: string): void {
    for (let index = 0; index < text.length; ) {
      this.#wrap(1)
      const piece = text.slice(index, index + this.#columns - this.#column)
      this.#text += piece
      this.#column += piece.length
      index += piece.length
    }
  }

  #character(character: string): void {
    const shown = shownCharacter(character)
    if (character === '\t') {
      this.#wrap(1)
      this.#ascii(' '.repeat(Math.min(TAB - (this.#column % TAB), this.#columns - this.#column)))
    } else if (shown !== character) {
      this.#ascii(shown)
    } else {
      const columns = Math.max(1, width(character))
      this.#wrap(columns)
      // A combining character without a base.
      this.#text += width(character) === 0 ? `\u25cc${character}` : character
      this.#column += columns
      if (UNCERTAIN.test(character)) this.#text += `\u001b[${Math.min(this.#column, this.#columns - 1) + 1}G`
    }
  }

  /** Begins a new row unless this many columns fit into it. */
  #wrap(columns: number): void {
    if (this.#column + columns > this.#columns && this.#column > 0) this.#break(true)
  }

  #break(wraps: boolean): void {
    this.#rows.push({ text: this.#text, width: this.#column, wraps })
    this.#text = ''
    this.#column = 0
  }

  /** Position of the character at the index. */
  #next(text: string, index: number): Layout['cursor'] {
    const [character] = CHARACTERS.segment(text.slice(index, index + LONGEST))
    const shown = shownCharacter(character?.segment ?? '')
    this.#wrap(shown === character?.segment && shown !== '\t' ? Math.max(1, width(shown)) : 1)
    return this.#here(this.#columns)
  }

  #here(last: number): Layout['cursor'] {
    return { row: this.#rows.length, column: Math.min(this.#column, last) }
  }
}
