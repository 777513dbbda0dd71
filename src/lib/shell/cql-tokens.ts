/**
 * Splits CQL into tokens by quotes and comments: apache/cassandra src/antlr/Lexer.g. An unterminated one reaches to the
 * end. Pure.
 */

export interface CqlToken {
  kind: 'comment' | 'string' | 'quoted name' | 'word' | 'space' | 'sign'
  text: string
}

const PARTS = [
  ['comment', /(?:--|\/\/)[^\n\r]*|\/\*[\s\S]*?(?:\*\/|$)/],
  ['string', /'[^']*(?:''[^']*)*(?:'|$)|\$\$[\s\S]*?(?:\$\$|$)/],
  ['quoted name', /"[^"]*(?:"|$)/],
  ['word', /[A-Za-z0-9_]+/],
  ['space', /\s+/],
  ['sign', /[\s\S]/],
] as const

const TOKEN = new RegExp(PARTS.map(([, pattern]) => `(${pattern.source})`).join('|'), 'g')

/** The tokens of a text, in order; joined they are the text again. */
export function* cqlTokens(text: string): Generator<CqlToken> {
  for (const match of text.matchAll(TOKEN)) {
    const index = match.slice(1).findIndex((part) => part !== undefined)
    yield { kind: PARTS[index]?.[0] ?? 'sign', text: match[0] }
  }
}

/** The text with a space in place of each comment, trimmed. */
export function withoutComments(text: string): string {
  let left = ''
  for (const token of cqlTokens(text)) left += token.kind === 'comment' ? ' ' : token.text
  return left.trim()
}
