/**
 * CSV as Python's csv module reads and writes it (python/cpython Modules/_csv.c), with which cqlsh does its COPY. No
 * package for Node.js has these rules: the escape character takes effect outside of quotes too, and a quote within an
 * unquoted field is itself.
 */
import type { CsvDialect } from './copy-options.ts'

const LF = 10
const CR = 13
/** Characters in one record: far above the 16 MiB of a mutation (apache/cassandra conf/cassandra.yaml). */
const LONGEST_RECORD = 64 * 1024 * 1024

const START_RECORD = 0
const START_FIELD = 1
const IN_FIELD = 2
const IN_QUOTES = 3
const ESCAPED = 4
const ESCAPED_IN_QUOTES = 5
const QUOTE_IN_QUOTES = 6

/** What in a text was probably written in another dialect than it is read in. */
export interface CsvDoubts {
  /** Fields in quotes with a doubled quote in them, which is two quotes unless ESCAPE is QUOTE. */
  doubledQuotes: number
  /** Escape characters before a character that needs none: they are dropped. */
  droppedEscapes: number
}

/** Reads records from a text that comes in pieces. Empty lines are skipped. */
export class CsvReader {
  readonly #doubts: CsvDoubts
  readonly #delimiter: number
  readonly #quote: number
  readonly #escape: number
  readonly #doubled: boolean
  #state = START_RECORD
  #record: string[] = []
  /** What is there of the field from earlier pieces, or before an escape. */
  #field = ''
  #length = 0

  /** @param doubts counted up */
  constructor(dialect: CsvDialect, doubts: CsvDoubts = { doubledQuotes: 0, droppedEscapes: 0 }) {
    this.#doubts = doubts
    this.#delimiter = dialect.delimiter.charCodeAt(0)
    this.#quote = dialect.quote.charCodeAt(0)
    this.#doubled = dialect.quote === dialect.escape
    // a character code that no text has
    this.#escape = this.#doubled ? -1 : dialect.escape.charCodeAt(0)
  }

  /** The records that end in this piece. Throws RangeError for a record without an end. */
  push(text: string): string[][] {
    const records: string[][] = []
    const delimiter = this.#delimiter
    const quote = this.#quote
    const escaping = this.#escape
    let state = this.#state
    let start = 0
    const endField = (end: number): void => {
      this.#record.push(this.#field === '' ? text.slice(start, end) : this.#field + text.slice(start, end))
      this.#field = ''
    }
    const endRecord = (): void => {
      records.push(this.#record)
      this.#record = []
      this.#length = 0
      state = START_RECORD
    }
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at)
      switch (state) {
        case IN_FIELD:
          if (code === delimiter) {
            endField(at)
            state = START_FIELD
          } else if (code === LF || code === CR) {
            endField(at)
            endRecord()
          } else if (code === escaping) {
            this.#field += text.slice(start, at)
            state = ESCAPED
          }
          break
        case IN_QUOTES:
          if (code === escaping) {
            this.#field += text.slice(start, at)
            state = ESCAPED_IN_QUOTES
          } else if (code === quote) {
            this.#field += text.slice(start, at)
            start = at + 1
            state = QUOTE_IN_QUOTES
          }
          break
        case START_RECORD:
        case START_FIELD:
          if (code === LF || code === CR) {
            if (state === START_RECORD) break
            start = at
            endField(at)
            endRecord()
            break
          }
          start = at
          if (code === quote) {
            start = at + 1
            state = IN_QUOTES
          } else if (code === escaping) state = ESCAPED
          else if (code === delimiter) {
            endField(at)
            state = START_FIELD
          } else state = IN_FIELD
          break
        case ESCAPED:
        case ESCAPED_IN_QUOTES:
          start = at
          state = state === ESCAPED ? IN_FIELD : IN_QUOTES
          if (![escaping, quote, delimiter, LF, CR].includes(code)) this.#doubts.droppedEscapes += 1
          break
        case QUOTE_IN_QUOTES:
          start = at
          if (code === quote) {
            if (!this.#doubled) this.#doubts.doubledQuotes += 1
            state = this.#doubled ? IN_QUOTES : IN_FIELD
          } else if (code === escaping) state = ESCAPED
          else if (code === delimiter) {
            endField(at)
            state = START_FIELD
          } else if (code === LF || code === CR) {
            endField(at)
            endRecord()
          } else state = IN_FIELD
          break
      }
    }
    if (state === IN_FIELD || state === IN_QUOTES) this.#field += text.slice(start)
    this.#state = state
    this.#length += text.length
    if (this.#length > LONGEST_RECORD)
      throw new RangeError(this.#open() ? 'unclosed quote' : 'a row is longer than 64 MiB')
    return records
  }

  /** The last record, if it has no line break. Throws RangeError when a quote is still open. */
  end(): string[] | undefined {
    if (this.#state === START_RECORD) return undefined
    if (this.#open()) throw new RangeError('unclosed quote')
    const record = [...this.#record, this.#field]
    this.#record = []
    this.#field = ''
    this.#state = START_RECORD
    return record
  }

  #open(): boolean {
    return this.#state === IN_QUOTES || this.#state === ESCAPED_IN_QUOTES
  }
}

/**
 * Writes records: a function that gives the line of one record, with its line break. Fields are quoted only where
 * needed, as csv.QUOTE_MINIMAL.
 */
export function csvLines({ delimiter, quote, escape: escaping }: CsvDialect): (fields: string[]) => string {
  const doubled = quote === escaping
  const literal = (characters: string): string => characters.replace(/[\\\]^-]/g, '\\$&')
  const special = new RegExp(`[${literal(delimiter + quote + escaping)}\\r\\n]`)
  const needsQuotes = new RegExp(`[${literal(doubled ? delimiter + quote : delimiter)}\\r\\n]`)
  const escaped = new RegExp(`[${literal(doubled ? quote : quote + escaping)}]`, 'g')
  const field = (text: string): string => {
    if (!special.test(text)) return text
    const inner = text.replace(escaped, `${escaping === '$' ? '$$' : escaping}$&`)
    return needsQuotes.test(text) ? `${quote}${inner}${quote}` : inner
  }
  return (fields) => {
    // an empty line is skipped by readers
    if (fields.length === 1 && fields[0] === '') return `${quote}${quote}\n`
    let line = ''
    for (let index = 0; index < fields.length; index += 1)
      line += index === 0 ? field(fields[index] ?? '') : delimiter + field(fields[index] ?? '')
    return `${line}\n`
  }
}
