/** Names with capitals that were typed without quotes: CQL reads them in lower case. */
import { CqlStatementError } from '../connection/cql-errors.ts'
import { hint } from '../errors.ts'
import { cqlTokens } from './cql-tokens.ts'

/** In Cassandra's errors about a table, keyspace, type, function or column that does not exist. */
const MISSING =
  /\b(does not exist|doesn't exist|unconfigured table|undefined column|unknown (identifier|type|function))/i

/**
 * The error of a statement with a hint to quote the name that it is about; any other error unchanged. The name is typed
 * with capitals and small letters, and the error has it in lower case.
 */
export function withQuotingHint(error: unknown, statement: string): unknown {
  if (!(error instanceof CqlStatementError) || !MISSING.test(error.message)) return error
  const named = new Set(error.message.match(/[a-z0-9_]+/g))
  const mixed = [...cqlTokens(statement)].find(
    ({ kind, text }) => kind === 'word' && /[a-z]/.test(text) && /[A-Z]/.test(text) && named.has(text.toLowerCase()),
  )
  if (mixed === undefined) return error
  const next = [hint(`quote a name with capital letters: "${mixed.text}"`)]
  return new CqlStatementError(error.message, error.position, error.cause, next)
}
