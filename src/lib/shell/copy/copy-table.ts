/** What COPY has to know of a table and its cluster, as Cassandra's system tables have it. */
import { CassSniError, hint } from '../../errors.ts'
import type { CqlSession } from '../../connection/cql-session.ts'
import { stringLiteral } from '../cql-values.ts'
import { quotingHint } from '../unquoted-names.ts'
import type { TableStatement } from './copy-statement.ts'
import { type RingNode, TokenRing } from './token-ring.ts'

export interface CopyTable {
  keyspace: string
  name: string
  /** In cqlsh's order: partition key, clustering columns, then the others by name. */
  columns: string[]
  partitionKey: string[]
  primaryKey: string[]
  hasCounters: boolean
}

/** Throws CSNI605 if the table does not exist. */
export async function readTable(
  session: CqlSession,
  { keyspace, table: name, text }: Pick<TableStatement, 'keyspace' | 'table' | 'text'>,
  signal: AbortSignal,
): Promise<CopyTable> {
  const { rows } = await session.execute(
    'SELECT column_name, kind, position, type FROM system_schema.columns ' +
      `WHERE keyspace_name = ${stringLiteral(keyspace)} AND table_name = ${stringLiteral(name)}`,
    { signal },
  )
  if (rows.length === 0)
    throw new CassSniError('CSNI605', `table ${keyspace}.${name} not found`, {
      next: quotingHint(text, [keyspace, name]),
    })
  const columns = rows.map(([column, kind, position, type]) => ({
    name: String(column),
    kind: String(kind),
    position: Number(position),
    type: String(type),
  }))
  const ofKind = (kind: string): string[] =>
    columns
      .filter((column) => column.kind === kind)
      .toSorted((a, b) => a.position - b.position)
      .map((column) => column.name)
  const partitionKey = ofKind('partition_key')
  const primaryKey = [...partitionKey, ...ofKind('clustering')]
  const others = columns.map((column) => column.name).filter((column) => !primaryKey.includes(column))
  return {
    keyspace,
    name,
    columns: [...primaryKey, ...others],
    partitionKey,
    primaryKey,
    hasCounters: columns.some((column) => column.type === 'counter'),
  }
}

/** The columns to copy. Throws CSNI605 for one that the table does not have. */
export function chosenColumns(
  table: CopyTable,
  { columns: chosen, text }: Pick<TableStatement, 'columns' | 'text'>,
): string[] {
  const unknown = chosen?.find((name) => !table.columns.includes(name))
  if (unknown === undefined) return chosen ?? table.columns
  throw new CassSniError('CSNI605', `table ${table.keyspace}.${table.name} has no column "${unknown}"`, {
    next: [...quotingHint(text, [unknown]), hint(`columns are ${table.columns.join(', ')}`)],
  })
}

const RING_COLUMNS = 'host_id, data_center, tokens'

/**
 * The ring as the connected node sees it. Of another partitioner than Murmur3Partitioner it has no tokens: there is
 * one range, of any node.
 */
export async function readRing(session: CqlSession, reachable: string[], signal: AbortSignal): Promise<TokenRing> {
  const [local, peers] = await Promise.all([
    session.execute(`SELECT ${RING_COLUMNS}, partitioner FROM system.local`, { signal }),
    session.execute(`SELECT ${RING_COLUMNS} FROM system.peers`, { signal }),
  ])
  const [own] = local.rows
  const murmur3 = String(own?.[3]).endsWith('.Murmur3Partitioner')
  const nodes = [...local.rows, ...peers.rows].map(
    ([hostId, datacenter, tokens]): RingNode => ({
      hostId: String(hostId),
      datacenter: String(datacenter),
      tokens: murmur3 ? [...((tokens ?? []) as Iterable<unknown>)].map((token) => BigInt(String(token))) : [],
    }),
  )
  return new TokenRing(nodes, reachable, String(own?.[1]))
}
