/**
 * DESCRIBE. Cassandra 4 and later execute it (CASSANDRA-14825); for older servers, lists are read from system_schema.
 * The columns of the answers: apache/cassandra cql3/statements/DescribeStatement.java.
 */
import { CassSniError, hint } from '../errors.ts'
import type { CqlColumn, CqlPage, CqlSession } from '../connection/cql-session.ts'
import { CqlStatementError } from '../connection/cql-errors.ts'
import { replaceUnsafe } from '../text/untrusted.ts'
import { identifier, stringLiteral } from './cql-values.ts'
import { escapeOf } from './row-table.ts'

export interface Described {
  columns: CqlColumn[]
  rows: unknown[][]
  /** The same as text. */
  text: string
}

export interface DescribeStyle {
  /** Width of the terminal: names are listed side by side; one below the other without it. */
  width?: number | undefined
  /** Control characters are made visible; elsewhere the text is what Cassandra sent, to be executed again. */
  terminal: boolean
}

/**
 * @param text a whole statement that begins with DESCRIBE
 * Throws CSNI605 if it does not exist, or the server is too old to describe it.
 */
export async function describe(
  session: CqlSession,
  text: string,
  signal: AbortSignal,
  style: DescribeStyle,
): Promise<Described> {
  const { columns = [], rows } = await ask(session, text, signal)
  const answer = { rows, cell: cellOf(columns) }
  const shown = describedText(answer, session.keyspace(), style)
  return { columns, rows, text: style.terminal ? replaceUnsafe(shown, escapeOf, '\n\t') : shown }
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
    const page = await allPages(session, olderStatement(session, text, version), signal)
    // Names come as they are stored; from 4 on Cassandra quotes them.
    const names = new Set(['keyspace_name', 'name'])
    const isName = page.columns?.map((column) => names.has(column.name)) ?? []
    const quoted = (row: unknown[]) => row.map((cell, index) => (isName[index] ? identifier(String(cell)) : cell))
    return { ...page, rows: page.rows.map(quoted) }
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
    `Cassandra ${version} does not support DESCRIBE ${words.join(' ')}: requires 4.0 or later`,
    {
      next: [
        hint(`DESCRIBE ${Object.keys(listing).join(' | ')}`),
        hint('SELECT * FROM system_schema.columns WHERE keyspace_name = …'),
      ],
    },
  )
}

/** Reads a cell of a row by its column's name; undefined for a column that the answer lacks. */
type Cell = (row: unknown[], name: string) => unknown

function cellOf(columns: CqlColumn[]): Cell {
  const indexes = new Map(columns.map((column, index) => [column.name, index]))
  return (row, name) => {
    const index = indexes.get(name)
    return index === undefined ? undefined : row[index]
  }
}

interface Answer {
  rows: unknown[][]
  cell: Cell
}

/** The text of an answer as cqlsh writes it (apache/cassandra pylib/cqlshlib/cqlshmain.py, describe_list and so on). */
function describedText({ rows, cell }: Answer, keyspace: string | undefined, style: DescribeStyle): string {
  const [first] = rows
  if (first === undefined) return '\n<empty>\n\n'
  const has = (name: string): boolean => cell(first, name) !== undefined
  if (has('create_statement')) return rows.map((row) => `\n${cell(row, 'create_statement')}\n`).join('')
  if (has('cluster')) return clusterText(first, cell)
  const names = (of: unknown[][]): string[] => of.map((row) => String(cell(row, 'name')))
  const isKeyspaces = rows.every((row) => (cell(row, 'type') ?? 'keyspace') === 'keyspace')
  if (isKeyspaces && rows.every((row) => cell(row, 'name') === cell(row, 'keyspace_name')))
    return `\n${sideBySide(names(rows), style.width)}\n\n`
  const groups = new Map<string, unknown[][]>()
  for (const row of rows) {
    const name = String(cell(row, 'keyspace_name'))
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [row])
    else group.push(row)
  }
  const lists = [...groups].map(([name, own]) => {
    const title = keyspace === undefined ? `Keyspace ${name}\n---------${'-'.repeat(name.length)}\n` : ''
    return `\n${title}${sideBySide(names(own), style.width)}\n`
  })
  return `${lists.join('')}\n`
}

function clusterText(row: unknown[], cell: Cell): string {
  const line = (title: string, name: string): string => {
    const value = cell(row, name)
    return value === undefined ? '' : `${title}: ${value}\n`
  }
  const ranges = cell(row, 'range_ownership') as [string, string[]][] | undefined
  const owned = ranges?.map(([token, endpoints]) => ` ${token.padStart(39)}  [${endpoints.join(', ')}]\n`)
  return (
    `\n${line('Cluster', 'cluster')}${line('Partitioner', 'partitioner')}${line('Snitch', 'snitch')}\n` +
    `${owned === undefined ? '' : `Range ownership:\n${owned.join('')}\n`}`
  )
}

/** Names in as many columns as fit into the width, ordered as in `ls`; one per line without a width. */
function sideBySide(names: string[], width: number | undefined): string {
  if (width === undefined) return names.join('\n')
  const cell = names.reduce((widest, name) => Math.max(widest, name.length), 0) + 2
  const lines = Math.ceil(names.length / Math.max(1, Math.floor((width + 1) / cell)))
  const text: string[] = []
  for (let line = 0; line < lines; line += 1) {
    let row = ''
    for (let at = line; at < names.length; at += lines) row += (names[at] ?? '').padEnd(cell)
    text.push(row.trimEnd())
  }
  return text.join('\n')
}
