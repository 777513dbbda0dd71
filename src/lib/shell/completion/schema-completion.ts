/** Completion for a session, with the names in its live schema. */
import type { CqlSession } from '../../connection/cql-session.ts'
import { COMMAND_NAMES } from '../command-words.ts'
import { CQL_TOPICS } from '../cql-help.ts'
import { changesSchema, completeCql, type CqlCompletion } from './cql-completion.ts'
import { LiveSchema } from './schema-names.ts'

export interface StatementCompletion {
  /** Returns the candidates between these two parts of the input. Never rejects. */
  complete(before: string, after: string): Promise<CqlCompletion>
  /** Call after a statement was executed: it may have changed the schema. */
  executed(statement: string): void
}

/**
 * Starts to read the names in the background.
 * @param session returns the current session, which LOGIN replaces
 */
export function schemaCompletion(session: () => CqlSession): StatementCompletion {
  const topics = [...Object.keys(CQL_TOPICS), ...COMMAND_NAMES]
  const names = new LiveSchema(session)
  names.prefetch()
  return {
    complete: (before, after) => completeCql(before, after, { names, keyspace: session().keyspace(), topics }),
    executed: (statement) => {
      if (changesSchema(statement)) names.changed()
    },
  }
}
