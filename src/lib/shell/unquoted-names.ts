/** Names with capitals that were typed without quotes: CQL reads them in lower case. */
import { CqlStatementError } from '../connection/cql-errors.ts'
import { hint, type NextStep } from '../errors.ts'
import { cqlTokens } from './cql-tokens.ts'

/** In Cassandra's errors about a table, keyspace, type, function or column that does not exist. */
const MISSING =
  /\b((does not|doesn't) exist|not found in|unconfigured table|undefined column|unknown (identifier|type|function))/i

/**
 * The error of a statement with a hint to quote the name that it is about; any other error unchanged. The name is typed
 * with capitals and small letters, and the error has it in lower case.
 */
export function withQuotingHint(error: unknown, statement: string): unknown {
  if (!(error instanceof CqlStatementError) || !MISSING.test(error.message)) return error
  const next = quotingHint(statement, error.message.match(/[a-z0-9_]+/g) ?? [])
  return next.length === 0 ? error : new CqlStatementError(error.message, error.position, error.cause, next)
}

/** A hint to quote the first of these missing names that the statement has with capitals and small letters. */
export function quotingHint(statement: string, missing: readonly string[]): NextStep[] {
  const mixed = [...cqlTokens(statement)].find(
    ({ kind, text }) =>
      kind === 'word' && /[a-z]/.test(text) && /[A-Z]/.test(text) && missing.includes(text.toLowerCase()),
  )
  return mixed === undefined ? [] : [hint(`quote a name with capital letters: "${mixed.text}"`)]
}
