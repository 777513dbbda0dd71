import { CassSniError } from '../../../../src/lib/errors.ts'
import type { BatchOptions, CqlBulk } from '../../../../src/lib/connection/cql-bulk.ts'
import type { BoundRow } from '../../../../src/lib/connection/prepared-batch.ts'
import type { CqlColumn, CqlPage, CqlSession, ExecuteOptions } from '../../../../src/lib/connection/cql-session.ts'
import type { CopyContext } from '../../../../src/lib/shell/copy/copy-context.ts'

export interface FakeTable {
  columns: { name: string; kind?: 'partition_key' | 'clustering' | 'regular'; position?: number; type: string }[]
  /** Pages of SELECT; called with the statement. */
  select?: (statement: string, options: ExecuteOptions) => CqlPage | Promise<CqlPage>
  /** Throws to make a batch fail. */
  batch?: (rows: BoundRow[], options: BatchOptions, attempt: number) => void | Promise<void>
}

const SIMPLE = ['int', 'text', 'counter', 'double', 'boolean'] as const

/** A cluster of two nodes with one table. Remembers what was written. */
export class FakeCluster {
  readonly written: BoundRow[] = []
  readonly batches: { rows: BoundRow[]; options: BatchOptions }[] = []
  readonly prepared: string[] = []
  reachable = ['node-a', 'node-b']
  readonly #table: FakeTable
  #attempts = new Map<BoundRow | undefined, number>()

  constructor(table: FakeTable) {
    this.#table = table
  }

  session(): CqlSession {
    const bulk = {
      connectedNodes: async () => this.reachable,
      prepare: async (statement: string): Promise<CqlColumn[]> => {
        this.prepared.push(statement)
        const names = [...statement.matchAll(/(\w+)(?= = (?:\w+ \+ )?\?)/g)].map(([name]) => name)
        const list = /\((.*?)\) VALUES/.exec(statement)?.[1]?.split(', ')
        return (list ?? names).map((name) => ({ name, type: this.#type(name) }))
      },
      batch: async (_statement: string, rows: BoundRow[], options: BatchOptions) => {
        const attempt = (this.#attempts.get(rows[0]) ?? 0) + 1
        this.#attempts.set(rows[0], attempt)
        await this.#table.batch?.(rows, options, attempt)
        this.batches.push({ rows, options })
        this.written.push(...rows)
      },
    }
    const execute = async (statement: string, options: ExecuteOptions = {}): Promise<CqlPage> => {
      if (statement.includes('system_schema.columns'))
        return page(
          this.#table.columns.map(({ name, kind = 'regular', position = -1, type }) => [name, kind, position, type]),
        )
      if (statement.includes('system.local'))
        return page([['node-a', 'dc1', new Set(['0']), 'org.apache.cassandra.dht.Murmur3Partitioner']])
      if (statement.includes('system.peers')) return page([['node-b', 'dc1', new Set(['-5000000000000000000'])]])
      if (this.#table.select === undefined) throw new CassSniError('CSNI605', `unexpected: ${statement}`)
      return this.#table.select(statement, options)
    }
    return {
      keyspace: () => 'ks',
      execute,
      bulk: () => bulk,
      close: async () => undefined,
    } as unknown as CqlSession & {
      bulk(): CqlBulk
    }
  }

  #type(name: string): CqlColumn['type'] {
    const type = this.#table.columns.find((column) => column.name === name)?.type
    return { kind: 'simple', name: SIMPLE.find((simple) => simple === type) ?? 'text' }
  }
}

export function page(rows: unknown[][], columns?: CqlColumn[]): CqlPage {
  return { rows, columns, warnings: [] }
}

/** A context, and what was shown. */
export function fakeContext(
  session: CqlSession,
  given: Partial<CopyContext> = {},
): { context: CopyContext; out: () => string; notes: () => string; answers: () => string } {
  let out = ''
  let notes = ''
  let answers = ''
  const context: CopyContext = {
    session,
    consistency: 'ONE',
    write: async (text) => {
      out += text
    },
    answer: async (text) => {
      answers += text
    },
    note: (text) => {
      notes += text
    },
    terminal: false,
    signal: new AbortController().signal,
    ...given,
  }
  return { context, out: () => out, notes: () => notes, answers: () => answers }
}

/** Cassandra's error with a code of the protocol. */
export function responseError(code: number): Error {
  return Object.assign(new Error('refused'), { name: 'ResponseError', code })
}
