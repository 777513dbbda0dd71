/** Names in the live schema, read in the background and cached for the session. */
import type { CqlSession } from '../../connection/cql-session.ts'
import { stringLiteral } from '../cql-values.ts'

/** Column and table of system_schema by kind of object (apache/cassandra SchemaKeyspace.java). */
const LISTED = {
  table: ['table_name', 'tables'],
  view: ['view_name', 'views'],
  type: ['type_name', 'types'],
  function: ['function_name', 'functions'],
  aggregate: ['aggregate_name', 'aggregates'],
  index: ['index_name', 'indexes'],
  trigger: ['trigger_name', 'triggers'],
} as const

export type Listed = keyof typeof LISTED

export interface SchemaNames {
  keyspaces(): Promise<readonly string[]>
  of(kind: Listed, keyspace: string): Promise<readonly string[]>
  columns(keyspace: string, table: string): Promise<readonly string[]>
  fields(keyspace: string, type: string): Promise<readonly string[]>
  roles(): Promise<readonly string[]>
  datacenters(): Promise<readonly string[]>
}

const PAGE = 5_000
/** Age in milliseconds after which names are refreshed in the background. */
const FRESH_MS = 10_000

interface Kept {
  names: Promise<readonly string[]>
  readAt: number
}

/** Caches names by query. A failed query yields no names: completion never reports an error. */
export class LiveSchema implements SchemaNames {
  readonly #session: () => CqlSession
  readonly #now: () => number
  readonly #kept = new Map<string, Kept>()

  /** @param session returns the current session, which LOGIN replaces */
  constructor(session: () => CqlSession, now: () => number = Date.now) {
    this.#session = session
    this.#now = now
  }

  /** Reads the most likely names. Returns immediately. */
  prefetch(): void {
    void this.keyspaces()
    const keyspace = this.#session().keyspace()
    if (keyspace === undefined) return
    void this.of('table', keyspace)
    void this.of('view', keyspace)
  }

  /** Drops the cache after a schema change. */
  changed(): void {
    this.#kept.clear()
    this.prefetch()
  }

  keyspaces(): Promise<readonly string[]> {
    return this.#both('SELECT keyspace_name FROM $.keyspaces')
  }

  of(kind: Listed, keyspace: string): Promise<readonly string[]> {
    const [column, table] = LISTED[kind]
    const query = `SELECT ${column} FROM $.${table} WHERE keyspace_name = ${stringLiteral(keyspace)}`
    return kind === 'table' ? this.#both(query) : this.#names([query.replace('$', 'system_schema')])
  }

  columns(keyspace: string, table: string): Promise<readonly string[]> {
    return this.#both(
      `SELECT column_name FROM $.columns WHERE keyspace_name = ${stringLiteral(keyspace)} ` +
        `AND table_name = ${stringLiteral(table)}`,
    )
  }

  fields(keyspace: string, type: string): Promise<readonly string[]> {
    return this.#names([
      `SELECT field_names FROM system_schema.types WHERE keyspace_name = ${stringLiteral(keyspace)} ` +
        `AND type_name = ${stringLiteral(type)}`,
    ])
  }

  roles(): Promise<readonly string[]> {
    return this.#names(['LIST ROLES'])
  }

  datacenters(): Promise<readonly string[]> {
    return this.#names(['SELECT data_center FROM system.local', 'SELECT data_center FROM system.peers'])
  }

  /** Queries system_schema and, for Cassandra 4.0 and later, system_virtual_schema. */
  #both(query: string): Promise<readonly string[]> {
    return this.#names(['system_schema', 'system_virtual_schema'].map((schema) => query.replace('$', schema)))
  }

  #names(queries: string[]): Promise<readonly string[]> {
    const key = queries.join(';')
    const kept = this.#kept.get(key)
    if (kept === undefined) return this.#read(key, queries)
    if (this.#now() - kept.readAt > FRESH_MS) {
      const stale = kept.names
      // If it fails, the old names remain.
      void this.#read(key, queries, stale)
      return stale
    }
    return kept.names
  }

  #read(key: string, queries: string[], otherwise?: Promise<readonly string[]>): Promise<readonly string[]> {
    const names = Promise.all(queries.map((query) => this.#column(query))).then(async (columns) => {
      const found = columns.filter((column) => column !== undefined)
      if (found.length === 0 && otherwise !== undefined) return otherwise
      return [...new Set(found.flat())].sort()
    })
    const kept = { names, readAt: this.#now() }
    this.#kept.set(key, kept)
    return names
  }

  /** The first column of all rows, lists flattened; undefined if the query fails. */
  async #column(query: string): Promise<string[] | undefined> {
    const names: string[] = []
    try {
      let pageState: string | undefined
      do {
        const page = await this.#session().execute(query, { pageSize: PAGE, pageState, consistency: 'ONE' })
        names.push(...page.rows.flatMap(([name]) => (Array.isArray(name) ? name.map(String) : [String(name)])))
        pageState = page.pageState
      } while (pageState !== undefined)
      return names
    } catch {
      return undefined
    }
  }
}
