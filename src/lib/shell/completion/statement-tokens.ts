/** Tokens of an incomplete statement and the partial token at its end. Pure. */

export interface StatementToken {
  type: 'word' | 'quoted name' | 'string' | 'number' | 'sign'
  /** A name or a string without its quotes. */
  text: string
}

/** The partial token at the end; empty after a blank. */
export interface Partial {
  type: 'word' | 'quoted name' | 'string'
  /** As typed, with the opening quote. */
  raw: string
  /** Without quotes. */
  text: string
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/
/** Lexical rules of apache/cassandra src/antlr/Lexer.g; unclosed tokens extend to the end. */
const TOKENS = new RegExp(
  [
    /(?<blank>\s+|(?:--|\/\/)[^\n]*|\/\*[\s\S]*?\*\/)/,
    /(?<open>\/\*[\s\S]*$)/,
    /'(?<string>(?:[^']|'')*)(?<stringEnd>'?)/,
    /\$\$(?<dollars>[\s\S]*?)(?<dollarsEnd>\$\$|$)/,
    /"(?<quoted>(?:[^"]|"")*)(?<quotedEnd>"?)/,
    new RegExp(`(?<number>${UUID.source}|0x[0-9a-f]*|-?\\d[\\w.]*)`),
    /(?<word>[a-z_]\w*|\?)/,
    /(?<sign>[<>!+-]=|[\s\S])/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'giy',
)

/** Returns undefined within a comment. */
export function statementTokens(text: string): { tokens: StatementToken[]; partial: Partial } | undefined {
  const tokens: StatementToken[] = []
  let partial: Partial = { type: 'word', raw: '', text: '' }
  for (const match of text.matchAll(TOKENS)) {
    const groups = match.groups ?? {}
    const [raw] = match
    const last = match.index + raw.length === text.length
    if (groups['open'] !== undefined || (last && /^(--|\/\/)/.test(raw))) return undefined
    if (groups['blank'] !== undefined) continue
    const token = tokenOf(groups)
    if (last && isUnfinished(groups)) partial = { type: token.type as Partial['type'], raw, text: token.text }
    else tokens.push(token)
  }
  return { tokens, partial }
}

function tokenOf(groups: Record<string, string | undefined>): StatementToken {
  const { string, dollars, quoted, number, word, sign = '' } = groups
  if (string !== undefined) return { type: 'string', text: string.replaceAll("''", "'") }
  if (dollars !== undefined) return { type: 'string', text: dollars }
  if (quoted !== undefined) return { type: 'quoted name', text: quoted.replaceAll('""', '"') }
  if (number !== undefined) return { type: 'number', text: number }
  if (word !== undefined) return { type: word === '?' ? 'sign' : 'word', text: word }
  return { type: 'sign', text: sign }
}

function isUnfinished({ string, stringEnd, quoted, quotedEnd, word }: Record<string, string | undefined>): boolean {
  if (string !== undefined) return stringEnd === ''
  if (quoted !== undefined) return quotedEnd === ''
  return word !== undefined && word !== '?'
}

/** Returns the name of a token: lower case unless quoted. */
export function nameOf({ type, text }: StatementToken): string {
  return type === 'word' ? text.toLowerCase() : text
}
