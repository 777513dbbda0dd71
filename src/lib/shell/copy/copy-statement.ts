/** The COPY statement, as apache/cassandra pylib/cqlshlib/cqlshhandling.py (copyCommand, copyOption) reads it. */
import { CassSniError, hint } from '../../errors.ts'
import { emptyFile, unquotedFile } from '../commands/unquoted-file.ts'

export type CopyDirection = 'from' | 'to'

export interface CopyStatement {
  direction: CopyDirection
  /** Undefined: the keyspace in use. */
  keyspace?: string | undefined
  table: string
  /** Undefined: all columns of the table. */
  columns?: string[] | undefined
  /** File name, for FROM a list of file names and globs with commas; undefined: STDIN or STDOUT. */
  files?: string | undefined
  /** Texts of the options, by their names in lower case. */
  options: Map<string, string>
  /** As it was typed. */
  text: string
}

/** A statement whose keyspace is known. */
export type TableStatement = CopyStatement & { keyspace: string }

export const COPY_USAGE = "COPY <table> [(<columns>)] FROM | TO '<files>' | STDIN | STDOUT [WITH …]"

interface Token {
  kind: 'name' | 'string' | 'number' | 'sign'
  /** Without quotes; a name without quotes is in lower case. */
  value: string
  /** As in the statement. */
  text: string
  /** Index in the statement. */
  at: number
}

const BLANK = /\s+/y
const TOKENS: [Token['kind'], RegExp, (text: string) => string][] = [
  ['string', /'(?:[^']|'')*'/y, (text) => text.slice(1, -1).replaceAll("''", "'")],
  ['string', /\$\$[\s\S]*?\$\$/y, (text) => text.slice(2, -2)],
  ['name', /"(?:[^"]|"")+"/y, (text) => text.slice(1, -1).replaceAll('""', '"')],
  ['name', /[A-Za-z_]\w*/y, (text) => text.toLowerCase()],
  ['number', /[-+]?\d[\w.+-]*/y, (text) => text],
  ['sign', /[.,()=]/y, (text) => text],
]

function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  for (let at = 0; ; ) {
    BLANK.lastIndex = at
    if (BLANK.test(text)) at = BLANK.lastIndex
    if (at >= text.length) return tokens
    const token = tokenAt(text, at)
    if (token === undefined) {
      if (isBeforeFiles(tokens.at(-1)) && !/['"]/.test(text[at] ?? '')) throw unquotedFile('COPY', text.slice(at))
      throw invalid(text.slice(at, at + 20))
    }
    tokens.push(token)
    at += token.text.length
  }
}

function tokenAt(text: string, at: number): Token | undefined {
  for (const [kind, pattern, value] of TOKENS) {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    if (found !== undefined) return { kind, value: value(found), text: found, at }
  }
  return undefined
}

function isBeforeFiles(token: Token | undefined): boolean {
  return token?.kind === 'name' && /^(from|to)$/i.test(token.text)
}

function invalid(where: string): CassSniError {
  return new CassSniError('CSNI101', `invalid COPY statement near "${where}"`, {
    next: [hint(`usage: ${COPY_USAGE}`)],
  })
}

/**
 * Parses a COPY statement without comments. Throws CSNI101 with the place that cannot be read, or for an option
 * that is set twice.
 */
export function parseCopyStatement(text: string): CopyStatement {
  const statement = text.replace(/;\s*$/, '')
  const tokens = tokensOf(statement)
  let at = 0
  const peek = (): Token | undefined => tokens[at]
  const refuse = (): never => {
    throw invalid(peek()?.text ?? 'end of statement')
  }
  const take = (accepts: (token: Token) => boolean): Token | undefined => {
    const token = tokens[at]
    if (token === undefined || !accepts(token)) return undefined
    at += 1
    return token
  }
  const sign = (value: string): boolean => take((token) => token.kind === 'sign' && token.value === value) !== undefined
  const word = (value: string): boolean =>
    take((token) => token.kind === 'name' && token.text.toLowerCase() === value) !== undefined
  const name = (): string => take((token) => token.kind === 'name')?.value ?? refuse()

  if (!word('copy')) refuse()
  const first = name()
  const second = sign('.') ? name() : undefined
  const columns = sign('(') ? columnNames() : undefined
  const direction = word('from') ? 'from' : word('to') ? 'to' : refuse()
  const files = take((token) => token.kind === 'string')?.value
  if (files === undefined && !word(direction === 'from' ? 'stdin' : 'stdout')) {
    const rest = statement.slice(peek()?.at ?? statement.length)
    if (/^(std(in|out)\b|$)/i.test(rest)) refuse()
    throw unquotedFile('COPY', rest)
  }
  if (files === '') throw emptyFile('COPY')
  const options = word('with') ? optionValues() : new Map<string, string>()
  if (peek() !== undefined) refuse()
  return {
    direction,
    keyspace: second === undefined ? undefined : first,
    table: second ?? first,
    columns,
    files,
    options,
    text,
  }

  function columnNames(): string[] {
    const names = [name()]
    while (sign(',')) names.push(name())
    if (!sign(')')) refuse()
    return names
  }

  function optionValues(): Map<string, string> {
    const values = new Map<string, string>()
    do {
      const option = take((token) => token.kind === 'name')?.text.toLowerCase() ?? refuse()
      if (!sign('=')) refuse()
      const value = take((token) => token.kind !== 'sign') ?? refuse()
      if (values.has(option)) throw new CassSniError('CSNI101', `option ${option.toUpperCase()} is set twice`)
      values.set(option, value.kind === 'string' ? value.value : value.text)
    } while (word('and'))
    return values
  }
}
