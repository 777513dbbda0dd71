/** The table, type and declared columns of an incomplete statement. Pure. */
import { nameOf, type StatementToken } from './statement-tokens.ts'

export interface QualifiedName {
  keyspace?: string | undefined
  name: string
}

const BEFORE_TABLE = new Set(['FROM', 'INTO', 'UPDATE', 'TABLE', 'COPY', 'ON'])
const PASSED_OVER = new Set(['IF', 'NOT', 'EXISTS'])

function word(token: StatementToken | undefined): string {
  return token?.type === 'word' ? token.text.toUpperCase() : ''
}

function isName(token: StatementToken | undefined): token is StatementToken {
  return token?.type === 'word' || token?.type === 'quoted name'
}

/** The name after the index. */
function nameAfter(tokens: readonly StatementToken[], index: number): QualifiedName | undefined {
  let at = index + 1
  while (PASSED_OVER.has(word(tokens[at]))) at += 1
  const [first, dot, second] = tokens.slice(at, at + 3)
  if (!isName(first)) return undefined
  if (dot?.text === '.' && dot.type === 'sign')
    return isName(second) ? { keyspace: nameOf(first), name: nameOf(second) } : undefined
  return { name: nameOf(first) }
}

/** The table whose columns can be named at the cursor; for SELECT it follows the cursor. */
export function tableOf(
  before: readonly StatementToken[],
  after: readonly StatementToken[],
): QualifiedName | undefined {
  // The last one, for a batch.
  const last = before.findLastIndex((token) => BEFORE_TABLE.has(word(token)))
  if (last !== -1) return nameAfter(before, last)
  return nameAfter(
    after,
    after.findIndex((token) => word(token) === 'FROM'),
  )
}

/** The type of ALTER TYPE. */
export function typeOf(tokens: readonly StatementToken[]): QualifiedName | undefined {
  return nameAfter(
    tokens,
    tokens.findIndex((token) => word(token) === 'TYPE'),
  )
}

/** The columns that CREATE TABLE has declared so far. */
export function declaredColumns(tokens: readonly StatementToken[]): string[] {
  const names: string[] = []
  let depth = 0
  tokens.forEach((token, index) => {
    const { type, text } = token
    if (type === 'sign' && '(<'.includes(text)) depth += 1
    else if (type === 'sign' && ')>'.includes(text)) depth -= 1
    const before = tokens[index - 1]
    const begins = before?.type === 'sign' && '(,'.includes(before.text)
    if (depth === 1 && begins && isName(token) && word(token) !== 'PRIMARY') names.push(nameOf(token))
  })
  return names
}
