/**
 * Where a text of CQL falls apart into statements. Pure and streaming: text comes in pieces cut anywhere.
 * The lexical rules are those of apache/cassandra src/antlr/Lexer.g; shell commands end with their line, as in cqlsh.
 */
import { isShellCommand } from './shell-commands.ts'

export interface Statement {
  /** From the first character that is neither space nor comment to before the semicolon. */
  text: string
  /** Where it begins in the whole input, from 1. */
  line: number
  column: number
  /** Index of its first character in the whole input. */
  offset: number
}

/** What is left when the input ends. */
export interface Rest {
  /** A last statement without a semicolon. */
  statement?: Statement | undefined
  /** What was opened and never closed. */
  open?: 'string' | 'quoted name' | 'comment' | 'batch' | undefined
}

type State = 'code' | 'string' | 'quoted name' | 'dollars' | 'line comment' | 'comment'

const SPACE = /\s/
const WORD = /[A-Za-z0-9_]/
const BATCH_WORDS = new Set(['BATCH', 'UNLOGGED', 'LOGGED', 'COUNTER'])
/** First characters of "--", "//", the block comment and "$$". */
const HALVES: Record<State, string> = {
  code: '-/$',
  string: '',
  'quoted name': '',
  dollars: '$',
  'line comment': '',
  comment: '*',
}

/** Feed it with `push`, ask `end` what is left. */
export class StatementSplitter {
  #state: State = 'code'
  /** A character that means something only together with the next one, which has not come yet. */
  #held = ''
  #text = ''
  #line = 1
  #column = 1
  #offset = 0
  #start: { line: number; column: number; offset: number } | undefined
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

  /** What is left at the end of the input; the splitter is as new, but positions count on. */
  end(): Rest {
    if (this.#held !== '') this.#step(this.#held, undefined, [])
    this.#endWord()
    const open =
      this.#state === 'dollars'
        ? 'string'
        : this.#state === 'code' || this.#state === 'line comment'
          ? undefined
          : this.#state
    const unfinishedBatch = open === undefined && this.#inBatch() ? 'batch' : open
    const statement = this.#finish()
    this.discard()
    return {
      statement,
      open: unfinishedBatch,
    }
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
        if (character !== '\n') return this.#take(character)
        this.#state = 'code'
        return this.#inCode(character, next, found)
      case 'comment':
        if (character !== '*' || next !== '/') return this.#take(character)
        this.#state = 'code'
        return this.#take('*/')
    }
  }

  #inCode(character: string, next: string | undefined, found: Statement[]): 1 | 2 {
    if (WORD.test(character)) {
      this.#begin()
      this.#word += character
      return this.#take(character)
    }
    this.#endWord()
    if (character === ';' || (character === '\n' && isShellCommand(this.#firstWords[0] ?? this.#text.trim()))) {
      if (character === ';' && this.#inBatch()) return this.#take(character)
      const statement = this.#finish()
      if (statement !== undefined) found.push(statement)
      this.#forgetStatement()
      this.#move(character)
      return 1
    }
    const sign = character + (next ?? '')
    if (sign === '--' || sign === '//') {
      this.#state = 'line comment'
      return this.#take(sign)
    }
    if (sign === '/*') {
      this.#state = 'comment'
      return this.#take(sign)
    }
    if (!SPACE.test(character)) this.#begin()
    if (sign === '$$') {
      this.#state = 'dollars'
      return this.#take(sign)
    }
    if (character === "'") this.#state = 'string'
    if (character === '"') this.#state = 'quoted name'
    return this.#take(character)
  }

  #begin(): void {
    this.#start ??= { line: this.#line, column: this.#column, offset: this.#offset }
  }

  #take(text: string): 1 | 2 {
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

  /** In a batch a semicolon ends one of its parts, until APPLY BATCH. */
  #inBatch(): boolean {
    const [first, second] = this.#firstWords
    if (first !== 'BEGIN' || second === undefined || !BATCH_WORDS.has(second)) return false
    return this.#lastWords.join(' ') !== 'APPLY BATCH'
  }

  #finish(): Statement | undefined {
    if (this.#start === undefined) return undefined
    return { text: this.#text.trimEnd(), ...this.#start }
  }

  #forgetStatement(): void {
    this.#start = undefined
    this.#text = ''
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
