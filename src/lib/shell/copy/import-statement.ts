/** The statement of COPY FROM, and a record as its values. */
import { CassSniError, hint } from '../../errors.ts'
import type { BoundRow } from '../../connection/prepared-batch.ts'
import type { CqlColumn } from '../../connection/cql-session.ts'
import { counted } from '../../text/counted.ts'
import { identifier } from '../cql-values.ts'
import { type CellEncoder, cellEncoder } from './cell-encoder.ts'
import type { CopyOptions } from './copy-options.ts'
import type { CopyTable } from './copy-table.ts'
import { type Long, murmur3Token } from './murmur3-token.ts'

/**
 * The columns that are written: those of the file without the skipped ones. Throws CSNI101 when one of the primary
 * key is not among them.
 */
export function importedColumns(table: CopyTable, columns: string[], skipped: string[]): string[] {
  const unknown = skipped.find((name) => !columns.includes(name))
  if (unknown !== undefined) throw new CassSniError('CSNI101', `SKIPCOLS: "${unknown}" is not a column of the file`)
  const imported = columns.filter((name) => !skipped.includes(name))
  const missing = table.primaryKey.find((name) => !imported.includes(name))
  if (missing !== undefined)
    throw new CassSniError('CSNI101', `primary key column "${missing}" is missing or skipped`, {
      next: [hint(`the primary key of ${table.keyspace}.${table.name} is ${table.primaryKey.join(', ')}`)],
    })
  if (table.hasCounters && imported.length === table.primaryKey.length)
    throw new CassSniError('CSNI101', `columns do not include a counter of ${table.keyspace}.${table.name}`)
  return imported
}

export interface ImportStatement {
  text: string
  /** Columns of the bind markers. */
  order: string[]
}

/** An INSERT; for tables with counters an UPDATE that adds to them. */
export function importStatement(table: CopyTable, columns: string[], ttl: number | undefined): ImportStatement {
  const name = `${identifier(table.keyspace)}.${identifier(table.name)}`
  if (table.hasCounters) {
    const counters = columns.filter((column) => !table.primaryKey.includes(column))
    const set = counters.map(identifier).map((column) => `${column} = ${column} + ?`)
    const where = table.primaryKey.map((column) => `${identifier(column)} = ?`)
    return {
      text: `UPDATE ${name} SET ${set.join(', ')} WHERE ${where.join(' AND ')}`,
      order: [...counters, ...table.primaryKey],
    }
  }
  const using = ttl === undefined ? '' : ` USING TTL ${ttl}`
  const markers = columns.map(() => '?').join(', ')
  return {
    text: `INSERT INTO ${name} (${columns.map(identifier).join(', ')}) VALUES (${markers})${using}`,
    order: columns,
  }
}

/**
 * A function from a record to the statement's values. It throws RangeError for a record that cannot be imported.
 * @param columns of the record
 * @param markers of the statement, in its order
 */
export function rowEncoder(
  columns: string[],
  order: string[],
  markers: CqlColumn[],
  primaryKey: string[],
  { style }: Pick<CopyOptions, 'style'>,
): (record: string[]) => BoundRow {
  const cells = order.map((name, index): { name: string; from: number; key: boolean; encode: CellEncoder } => {
    const type = markers[index]?.type ?? { kind: 'custom', className: 'unknown' }
    return { name, from: columns.indexOf(name), key: primaryKey.includes(name), encode: cellEncoder(type, style) }
  })
  return (record) => {
    if (record.length !== columns.length)
      throw new RangeError(`${counted(record.length, 'field')}, expected ${columns.length}`)
    const values: BoundRow = new Array(cells.length)
    for (let index = 0; index < cells.length; index += 1) {
      const cell = cells[index] as (typeof cells)[number]
      const text = record[cell.from] ?? ''
      try {
        const value = cell.encode(text)
        if (value === null && cell.key) throw new RangeError(nullKey(style.nullText))
        values[index] = value
      } catch (error) {
        throw error instanceof RangeError ? new RangeError(`column ${cell.name}: ${error.message}`) : error
      }
    }
    return values
  }
}

function nullKey(nullText: string): string {
  const empty = nullText === '' ? '; to import empty texts, choose another text for null: NULL=<text>' : ''
  return `null in the primary key${empty}`
}

/** Bytes that a component of a partition key may have (apache/cassandra …/db/marshal/CompositeType.java). */
const LONGEST_COMPONENT = 0xffff

/** A function from a row's values to its token. @param components places of the partition key's columns */
export function partitionToken(components: number[]): (values: BoundRow) => Long {
  const [only] = components
  if (components.length === 1 && only !== undefined) return (values) => murmur3Token(values[only] ?? Buffer.alloc(0))
  return (values) => {
    const parts = components.flatMap((index) => {
      const bytes = values[index] ?? Buffer.alloc(0)
      if (bytes.length > LONGEST_COMPONENT) throw new RangeError('a partition key column is longer than 64 KiB')
      return [Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes, Buffer.from([0])]
    })
    return murmur3Token(Buffer.concat(parts))
  }
}
