/**
 * Statements that hold a password (CREATE and ALTER of ROLE and USER, the shell's LOGIN), mistyped ones too, and what
 * may be shown or kept of them. Pure.
 */
import { CassSniError } from '../errors.ts'
import { CqlStatementError } from '../connection/cql-errors.ts'
import { type CqlToken, cqlTokens } from './cql-tokens.ts'

/** Statements without a password. Any verb that is not here may be a mistyped CREATE or ALTER. */
const OTHER_VERBS = new Set(
  (
    'SELECT INSERT UPDATE DELETE TRUNCATE USE BEGIN APPLY DROP GRANT REVOKE LIST DESCRIBE DESC SOURCE CAPTURE COPY ' +
    'CONSISTENCY HELP'
  ).split(' '),
)
/** What is created and altered without a password, by the word after the verb. */
const OTHER_OBJECTS = new Set(
  'KEYSPACE SCHEMA TABLE COLUMNFAMILY INDEX CUSTOM TYPE FUNCTION AGGREGATE MATERIALIZED TRIGGER OR'.split(' '),
)
const PASSWORD_WORD = /^(PWD|PW|PASS\w*)$/i
const ABOUT_LOGINS = /^(ROLES?|USERS?|USR|LOGIN|SUPERUSER|NOSUPERUSER|HASHED|PWD|PW|PASS\w*)$/i

/** Returns the text with possible passwords replaced by the result of `blank`. */
function withBlanks(text: string, blank: (secret: CqlToken) => string): string {
  let left = ''
  let statement: CqlToken[] = []
  const flush = (): void => {
    left += withBlanksIn(statement, blank)
    statement = []
  }
  for (const token of cqlTokens(text)) {
    // LOGIN ends with its line, and an unquoted password may hold a semicolon.
    const ends = isLogin(statement) ? token.kind === 'space' && token.text.includes('\n') : token.text === ';'
    if (!ends) {
      statement.push(token)
      continue
    }
    flush()
    left += token.text
  }
  flush()
  return left
}

function isLogin(statement: CqlToken[]): boolean {
  const first = statement.find(({ kind }) => kind !== 'space' && kind !== 'comment')
  return first?.kind === 'word' && first.text.toUpperCase() === 'LOGIN'
}

function mayHoldPassword(statement: CqlToken[]): boolean {
  const words = statement.filter(({ kind }) => kind === 'word').map(({ text }) => text)
  const [verb = '', object = ''] = words.slice(0, 2).map((word) => word.toUpperCase())
  if (OTHER_VERBS.has(verb) || (['CREATE', 'ALTER'].includes(verb) && OTHER_OBJECTS.has(object))) return false
  return words.some((word) => ABOUT_LOGINS.test(word))
}

function withBlanksIn(statement: CqlToken[], blank: (secret: CqlToken) => string): string {
  if (isLogin(statement)) return withBlankLogin(statement, blank)
  if (!mayHoldPassword(statement)) return textOf(statement)
  let left = ''
  // A password may be mistyped as well: without quotes, or in the wrong ones.
  let password: 'before' | 'inside' | undefined
  for (const token of statement) {
    const { kind, text } = token
    if (kind === 'space' ? password === 'inside' : /^and$/i.test(text)) password = undefined
    if (password === 'before' && kind !== 'space' && text !== '=') password = 'inside'
    left += kind === 'string' || kind === 'comment' || password === 'inside' ? blank(token) : text
    if (password === undefined && kind === 'word' && PASSWORD_WORD.test(text)) password = 'before'
  }
  return left
}

/** A part of a role's name that was not quoted: dse-superuser. */
function isInRole({ kind, text }: CqlToken): boolean {
  return kind === 'word' || text === '-' || text === '.'
}

/** LOGIN user password: all that follows the user's name is the password, however it is quoted. */
function withBlankLogin(statement: CqlToken[], blank: (secret: CqlToken) => string): string {
  const at = (from: number, skipped = ['space', 'comment']): number => {
    const next = statement.findIndex(({ kind }, index) => index >= from && !skipped.includes(kind))
    return next === -1 ? statement.length : next
  }
  const user = at(at(0) + 1)
  const bare = statement.findIndex((token, index) => index >= user && !isInRole(token))
  // a password without quotes may look like a comment
  const password = at(bare === -1 ? statement.length : Math.max(bare, user + 1), ['space'])
  const secret = textOf(statement.slice(password))
  return textOf(statement.slice(0, password)) + (secret === '' ? '' : blank({ kind: 'string', text: secret }))
}

function textOf(tokens: CqlToken[]): string {
  return tokens.map(({ text }) => text).join('')
}

/** The statement with every literal blanked when it may hold a password. */
export function redacted(statement: string): string {
  return withBlanks(statement, ({ kind }) => {
    if (kind === 'comment') return ''
    return kind === 'string' ? "'***'" : '***'
  })
}

/** The same with every character in its place, so that a position in it stays right. */
export function blanked(statement: string): string {
  return withBlanks(statement, ({ text }) => text.replace(/[^\n]/g, '*'))
}

/**
 * Text that Cassandra wrote about a statement, without the literals of one that may hold a password; undefined when
 * it holds none.
 */
function cleaned(text: string, statement: string): string | undefined {
  const secrets: string[] = []
  withBlanks(statement, (secret) => {
    if (secret.kind === 'sign') return ''
    const inner = secret.text.replace(/^('|"|\$\$)/, '').replace(/('|"|\$\$)$/, '')
    secrets.push(inner, inner.replaceAll("''", "'").replaceAll('""', '"'))
    return ''
  })
  if (secrets.length === 0) return undefined
  // the longest first: one may be a part of another
  return secrets
    .filter((secret) => secret !== '')
    .sort((a, b) => b.length - a.length)
    .reduce((left, secret) => left.replaceAll(secret, '***'), text)
}

/** A trace or a warning without passwords: both quote the statement. */
export function cleanText(text: string, statement: string): string {
  return cleaned(text, statement) ?? text
}

/** The error without the passwords of its statement: Cassandra quotes what it could not parse. */
export function withoutPasswords(error: unknown, statement: string): unknown {
  const message = error instanceof CassSniError ? cleaned(error.message, statement) : undefined
  if (message === undefined || !(error instanceof CassSniError)) return error
  // the cause quotes it as well
  if (error instanceof CqlStatementError) return new CqlStatementError(message, error.position, undefined, error.next)
  return new CassSniError(error.code, message, {
    next: error.next,
    object: error.object,
  })
}
