/**
 * DESCRIBE. Cassandra 4 and later answer it themselves (CASSANDRA-14825); for older servers what can be listed is
 * read from
 * system_schema. The columns of the answers: apache/cassandra cql3/statements/DescribeStatement.java.
 */
import { CassSniError, hint } from '../errors.ts'
import type { CqlColumn, CqlPage, CqlSession } from '../connection/cql-session.ts'
import { CqlStatementError } from '../connection/cql-errors.ts'
import { visible } from './row-table.ts'
import { identifier, stringLiteral } from './cql-values.ts'

export interface Described {
  columns: CqlColumn[]
  rows: unknown[][]
  /** The same for people. */
  text: string
}

/**
 * @param text a whole statement that begins with DESCRIBE
 * @param width of the terminal: names are listed side by side; without it one below the other
 * Throws CSNI605 when there is no such thing, or the server is too old to describe it.
 */
export async function describe(
  session: CqlSession,
  text: string,
  signal: AbortSignal,
  width?: number,
): Promise<Described> {
  const page = await ask(session, text, signal)
  const columns = page.columns ?? []
  return { columns, rows: page.rows, text: describedText(columns, page.rows, width) }
}

async function ask(session: CqlSession, text: string, signal: AbortSignal): Promise<CqlPage> {
  try {
    return await allPages(session, text, signal)
  } catch (error) {
    if (!(error instanceof CqlStatementError) || !error.message.startsWith('syntax error')) throw error
    const { rows } = await session.execute('SELECT release_version FROM system.local', { signal })
    const version = String(rows[0]?.[0] ?? '')
    // From 4 on it was a real syntax error.
    if (!/^[0-3]\./.test(version)) throw error
    return allPages(session, olderStatement(session, text, version), signal)
  }
}

async function allPages(session: CqlSession, text: string, signal: AbortSignal): Promise<CqlPage> {
  const first = await session.execute(text, { signal, pageSize: 1_000 })
  const rows = [...first.rows]
  let state = first.pageState
  while (state !== undefined) {
    const page = await session.execute(text, { signal, pageSize: 1_000, pageState: state })
    rows.push(...page.rows)
    state = page.pageState
  }
  return { ...first, rows }
}

/**
 * What lists the same on a server that does not know DESCRIBE: keyspaces, tables, types, functions, aggregates, the
 * cluster.
 */
function olderStatement(session: CqlSession, text: string, version: string): string {
  const words = text
    .split(/\s+/)
    .slice(1)
    .map((word) => word.toUpperCase())
  const keyspace = session.keyspace()
  const where = keyspace === undefined ? '' : ` WHERE keyspace_name = ${stringLiteral(keyspace)}`
  const listing: Record<string, string> = {
    KEYSPACES: 'SELECT keyspace_name, keyspace_name AS name FROM system_schema.keyspaces',
    TABLES: `SELECT keyspace_name, table_name AS name FROM system_schema.tables${where}`,
    TYPES: `SELECT keyspace_name, type_name AS name FROM system_schema.types${where}`,
    FUNCTIONS: `SELECT keyspace_name, function_name AS name FROM system_schema.functions${where}`,
    AGGREGATES: `SELECT keyspace_name, aggregate_name AS name FROM system_schema.aggregates${where}`,
    CLUSTER: 'SELECT cluster_name AS cluster, partitioner FROM system.local',
  }
  const statement = words.length === 1 ? listing[words[0] ?? ''] : undefined
  if (statement !== undefined) return statement
  throw new CassSniError(
    'CSNI605',
    `Cassandra ${version} does not answer DESCRIBE ${words.join(' ')}: servers before 4.0 leave it to the client`,
    {
      next: [
        hint(`DESCRIBE ${Object.keys(listing).join(' | ')}`),
        hint('SELECT * FROM system_schema.columns WHERE keyspace_name = …'),
      ],
    },
  )
}

function describedText(columns: CqlColumn[], rows: unknown[][], width: number | undefined): string {
  const cell = (row: unknown[], name: string): string => {
    const index = columns.findIndex((column) => column.name === name)
    return index === -1 ? '' : String(row[index] ?? '')
  }
  const has = (name: string): boolean => columns.some((column) => column.name === name)
  // Statements of several lines are shown as such: only what is no line break is made visible.
  const lines = (text: string): string => text.split('\n').map(visible).join('\n')
  if (has('create_statement')) return `\n${rows.map((row) => lines(cell(row, 'create_statement'))).join('\n\n')}\n\n`
  if (has('cluster')) {
    const [row = []] = rows
    return (
      `\nCluster: ${visible(cell(row, 'cluster'))}\nPartitioner: ` +
      `${visible(cell(row, 'partitioner'))}\n${has('snitch') ? `Snitch: ${visible(cell(row, 'snitch'))}\n` : ''}` +
      '\n'
    )
  }
  const groups = new Map<string, string[]>()
  for (const row of rows) {
    const keyspace = cell(row, 'keyspace_name')
    groups.set(keyspace, [...(groups.get(keyspace) ?? []), visible(cell(row, 'name'))])
  }
  // A keyspace lists itself: the answer to DESCRIBE KEYSPACES.
  if (
    [...groups].every(([keyspace, names]) => names.length === 1 && names[0] === visible(keyspace)) &&
    (rows.length === 0 || !has('type') || cell(rows[0] ?? [], 'type') === 'keyspace')
  ) {
    return rows.length === 0
      ? '\n<nothing>\n\n'
      : `\n${sideBySide([...groups.keys()].map((name) => visible(name)).sort(), width)}\n\n`
  }
  return [...groups]
    .map(
      ([keyspace, names]) =>
        '\nKeyspace ' +
        `${visible(identifier(keyspace))}\n${'-'.repeat(9 + keyspace.length)}\n${sideBySide(names, width)}\n`,
    )
    .join('')
    .concat('\n')
}

/** Names in as many columns as fit, to be read down each column as in `ls`; one below the other without a width. */
function sideBySide(names: string[], width: number | undefined): string {
  if (width === undefined) return names.join('\n')
  const cell = Math.max(0, ...names.map((name) => name.length)) + 2
  const lines = Math.ceil(names.length / Math.max(1, Math.floor((width + 1) / cell)))
  return Array.from({ length: lines }, (_, line) =>
    names
      .filter((_name, index) => index % lines === line)
      .map((name) => name.padEnd(cell))
      .join('')
      .trimEnd(),
  ).join('\n')
}
