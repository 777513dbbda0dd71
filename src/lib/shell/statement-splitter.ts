/**
 * Where a text of CQL falls apart into statements. Pure and streaming: text comes in pieces cut anywhere.
 * The lexical rules are those of apache/cassandra src/antlr/Lexer.g; shell commands end with their line, as in cqlsh.
 */
import { endsWithLine } from './command-words.ts'

/** A place in the whole input. */
export interface Position {
  /** From 1. */
  line: number
  /** From 1. */
  column: number
  /** Index of the character. */
  offset: number
}

export interface Statement extends Position {
  /**
   * From its first to its last character that is neither space nor comment. A line comment at the end would lose the
   * line break that ends it, without which Cassandra's lexer refuses it.
   */
  text: string
}

/** The remainder when the input ends. */
export interface Rest {
  /** A last statement without a semicolon. */
  statement?: Statement | undefined
  /** What was opened and never closed. */
  open?: { what: 'string' | 'quoted name' | 'comment' | 'batch' | 'transaction'; at: Position } | undefined
}

type State = 'code' | 'string' | 'quoted name' | 'dollars' | 'line comment' | 'comment'

const SPACE = /\s/
const WORD = /[A-Za-z0-9_]/
/** Statements with semicolons inside, by their second word after BEGIN, and the words that close them. */
const BLOCKS: Readonly<Record<string, { what: 'batch' | 'transaction'; closing: string }>> = {
  BATCH: { what: 'batch', closing: 'APPLY BATCH' },
  UNLOGGED: { what: 'batch', closing: 'APPLY BATCH' },
  LOGGED: { what: 'batch', closing: 'APPLY BATCH' },
  COUNTER: { what: 'batch', closing: 'APPLY BATCH' },
  TRANSACTION: { what: 'transaction', closing: 'COMMIT TRANSACTION' },
}
/** First characters of "--", "//", the block comment and "$$". */
const HALVES: Record<State, string> = {
  code: '-/$',
  string: '',
  'quoted name': '',
  dollars: '$',
  'line comment': '',
  comment: '*',
}

/** Splits input given to `push`; `end` returns the remainder. */
export class StatementSplitter {
  #state: State = 'code'
  /** Where the string, name or comment began that the state is in. */
  #opened: Position = { line: 1, column: 1, offset: 0 }
  /** A character that means something only together with the next one, which has not come yet. */
  #held = ''
  #text = ''
  /** Length of the text without the spaces and comments at its end. */
  #significant = 0
  #line = 1
  #column = 1
  #offset = 0
  #start: Position | undefined
  /** The first character of a statement that begins with a sign. */
  #sign: string | undefined
  /** The words that decide where a statement ends. */
  #word = ''
  #firstWords: string[] = []
  #lastWords: string[] = []

  /** The statements that this piece completes. */
  push(piece: string): Statement[] {
    const found: Statement[] = []
    const input = this.#held + piece
    this.#held = ''
    for (let index = 0; index < input.length; ) {
      const character = input.charAt(index)
      const next = input[index + 1]
      if (next === undefined && HALVES[this.#state].includes(character)) {
        this.#held = character
        break
      }
      index += this.#step(character, next, found)
    }
    return found
  }

  /** Returns the remainder at the end of the input. Resets the splitter except for positions. */
  end(): Rest {
    if (this.#held !== '') this.#step(this.#held, undefined, [])
    this.#endWord()
    const rest = { statement: this.#finish(), open: this.#open() }
    this.discard()
    return rest
  }

  /** True while a statement has begun and is not complete. */
  get pending(): boolean {
    return this.#start !== undefined || this.#held !== '' || this.#state === 'comment'
  }

  /** Forgets what was begun, after Ctrl-C for instance. Positions count on. */
  discard(): void {
    this.#state = 'code'
    this.#held = ''
    this.#word = ''
    this.#forgetStatement()
  }

  #open(): Rest['open'] {
    if (this.#state !== 'code' && this.#state !== 'line comment')
      return { what: this.#state === 'dollars' ? 'string' : this.#state, at: this.#opened }
    const block = this.#block()
    return block === undefined || this.#start === undefined ? undefined : { what: block.what, at: this.#start }
  }

  /** Takes one character, or the two of a sign; returns how many. */
  #step(character: string, next: string | undefined, found: Statement[]): 1 | 2 {
    switch (this.#state) {
      case 'code':
        return this.#inCode(character, next, found)
      case 'string':
        if (character === "'") this.#state = 'code'
        return this.#take(character)
      case 'quoted name':
        if (character === '"') this.#state = 'code'
        return this.#take(character)
      case 'dollars':
        if (character !== '$' || next !== '$') return this.#take(character)
        this.#state = 'code'
        return this.#take('$$')
      case 'line comment':
        if (character !== '\n' && character !== '\r') return this.#pass(character)
        this.#state = 'code'
        return this.#inCode(character, next, found)
      case 'comment':
        if (character !== '*' || next !== '/') return this.#pass(character)
        this.#state = 'code'
        return this.#pass('*/')
    }
  }

  #inCode(character: string, next: string | undefined, found: Statement[]): 1 | 2 {
    if (WORD.test(character)) {
      this.#begin()
      this.#word += character
      return this.#take(character)
    }
    this.#endWord()
    if (character === ';' || (character === '\n' && endsWithLine(this.#sign ?? this.#firstWords[0]))) {
      if (character === ';' && this.#block() !== undefined) return this.#take(character)
      const statement = this.#finish()
      if (statement !== undefined) found.push(statement)
      this.#forgetStatement()
      this.#move(character)
      return 1
    }
    const sign = character + (next ?? '')
    if (sign === '--' || sign === '//' || sign === '/*') {
      this.#enter(sign === '/*' ? 'comment' : 'line comment')
      return this.#pass(sign)
    }
    if (SPACE.test(character)) return this.#pass(character)
    if (this.#start === undefined) this.#sign = character
    this.#begin()
    if (sign === '$$') {
      this.#enter('dollars')
      return this.#take(sign)
    }
    if (character === "'") this.#enter('string')
    if (character === '"') this.#enter('quoted name')
    return this.#take(character)
  }

  #begin(): void {
    this.#start ??= this.#here()
  }

  #enter(state: State): void {
    this.#state = state
    this.#opened = this.#here()
  }

  #here(): Position {
    return { line: this.#line, column: this.#column, offset: this.#offset }
  }

  /** Takes what is a part of the statement. */
  #take(text: string): 1 | 2 {
    const length = this.#pass(text)
    this.#significant = this.#text.length
    return length
  }

  /** Takes spaces and comments: a part of the statement only when more of it follows. */
  #pass(text: string): 1 | 2 {
    if (this.#start !== undefined) this.#text += text
    this.#move(text)
    return text.length === 2 ? 2 : 1
  }

  #move(text: string): void {
    this.#offset += text.length
    if (text === '\n') {
      this.#line += 1
      this.#column = 1
    } else this.#column += text.length
  }

  #endWord(): void {
    if (this.#word === '') return
    const word = this.#word.toUpperCase()
    this.#word = ''
    if (this.#firstWords.length < 2) this.#firstWords.push(word)
    this.#lastWords = [...this.#lastWords.slice(-1), word]
  }

  /** The block that the statement is in: there a semicolon ends one of its parts, until the closing words. */
  #block(): (typeof BLOCKS)[string] | undefined {
    const [first, second] = this.#firstWords
    if (this.#sign !== undefined || first !== 'BEGIN' || second === undefined) return undefined
    const block = Object.hasOwn(BLOCKS, second) ? BLOCKS[second] : undefined
    return block === undefined || this.#lastWords.join(' ') === block.closing ? undefined : block
  }

  #finish(): Statement | undefined {
    if (this.#start === undefined) return undefined
    return { text: this.#text.slice(0, this.#significant), ...this.#start }
  }

  #forgetStatement(): void {
    this.#start = undefined
    this.#sign = undefined
    this.#text = ''
    this.#significant = 0
    this.#firstWords = []
    this.#lastWords = []
  }
}

/** All statements of a whole text. */
export function splitStatements(text: string): { statements: Statement[]; rest: Rest } {
  const splitter = new StatementSplitter()
  const statements = splitter.push(text)
  return { statements, rest: splitter.end() }
}
