/**
 * Statements that hold a password (CREATE and ALTER of ROLE and USER, cqlsh's LOGIN), and what may be shown or kept
 * of them. Pure.
 */
import { CassSniError } from '../errors.ts'
import { CqlStatementError } from '../connection/cql-errors.ts'

/**
 * Comments, quoted names, and string literals of both kinds, also what is not closed: a quote in a comment opens no
 * literal.
 */
const QUOTED_PARTS = /--.*|\/\/.*|\/\*[\s\S]*?(?:\*\/|$)|"[^"]*(?:"|$)|'(?:[^']|'')*(?:'|$)|\$\$[\s\S]*?(?:\$\$|$)/g
/** LOGIN user password: nothing here executes it, but who is used to cqlsh types it. */
const LOGIN = /((?:^|[;\n])\s*login\s+(?:"[^"]*"|[^\s;]+)[ \t]+)([^\n]+)/gi

/** The text with what may be a password replaced by what `blank` makes of it. */
function withBlanks(text: string, blank: (secret: string) => string): string {
  const logins = text.replace(LOGIN, (_, before: string, rest: string) => before + blank(rest))
  if (!/\bpassword\b/i.test(text) || !/\b(role|user)\b/i.test(text)) return logins
  return logins.replace(QUOTED_PARTS, (part) => (part.startsWith("'") || part.startsWith('$') ? blank(part) : part))
}

/** The statement with every literal blanked when it may hold a password. */
export function redacted(statement: string): string {
  return withBlanks(statement, (secret) => (secret.startsWith("'") || secret.startsWith('$') ? "'***'" : '***'))
}

/** The same with every character in its place, so that a position in it stays right. */
export function blanked(statement: string): string {
  return withBlanks(statement, (secret) => secret.replace(/[^\n]/g, '*'))
}

/**
 * Text that Cassandra wrote about a statement, without the literals of one that may hold a password; undefined when
 * it holds none.
 */
function cleaned(text: string, statement: string): string | undefined {
  const secrets: string[] = []
  withBlanks(statement, (secret) => {
    const inner = secret.replace(/^('|\$\$)/, '').replace(/('|\$\$)$/, '')
    secrets.push(inner, inner.replaceAll("''", "'"))
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
  const told = error instanceof CassSniError ? cleaned(error.message, statement) : undefined
  if (told === undefined || !(error instanceof CassSniError)) return error
  // the cause quotes it as well
  if (error instanceof CqlStatementError) {
    const { line, column } = error
    return new CqlStatementError(told, line === undefined || column === undefined ? undefined : { line, column })
  }
  return new CassSniError(error.code, told, {
    next: error.next,
    object: error.object,
  })
}
