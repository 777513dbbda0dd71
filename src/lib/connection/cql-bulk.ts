/** Prepared statements and batches for large imports, each to a node of one's choice. */
import type { Client, Host } from 'cassandra-driver'
import type { PreparedInfo } from 'cassandra-driver/lib/prepare-handler.js'
import { abortable } from '../waiting/time-limit.ts'
import { connectionError, statementTimeout } from './cql-errors.ts'
import { type CqlType, cqlType } from './cql-types.ts'
import { type BoundRow, executeBatch } from './prepared-batch.ts'

export interface BatchOptions {
  /** Host ID of the node to send it to; another is taken while it is down. */
  node?: string | undefined
  /** As in CQL, "LOCAL_QUORUM". */
  consistency: string
  /** All statements add to counters. */
  counter?: boolean | undefined
  /** Time limit for the answer, in milliseconds. */
  timeoutMs: number
}

/** What a "?" of a statement takes. */
export interface BindMarker {
  name: string
  type: CqlType
}

/** Statements of a session that are prepared once and executed many times. */
export class CqlBulk {
  readonly #client: Client
  readonly #serverName: string
  readonly #isRouted: (hostId: string) => boolean
  readonly #consistency: (name: string) => number
  #handler: Promise<typeof import('cassandra-driver/lib/prepare-handler.js')> | undefined

  /** @param isRouted whether a node may be sent statements; @param consistency the driver's number of a level */
  constructor(
    client: Client,
    serverName: string,
    isRouted: (hostId: string) => boolean,
    consistency: (name: string) => number,
  ) {
    this.#client = client
    this.#serverName = serverName
    this.#isRouted = isRouted
    this.#consistency = consistency
  }

  /** Host IDs of the nodes that have a connection, once each was given the time to open one. */
  async connectedNodes(signal: AbortSignal): Promise<string[]> {
    const hosts = this.#client.hosts.values().filter((host) => this.#isRouted(String(host.hostId)))
    // a node that cannot be connected to is not among the answers
    const opened = Promise.allSettled(hosts.map((host) => (host as PooledHost).warmupPool(this.#client.keyspace)))
    await abortable(opened, signal)
    const state = this.#client.getState()
    return hosts.filter((host) => state.getOpenConnections(host) > 0).map((host) => String(host.hostId))
  }

  /** Prepares a statement on all nodes. Resolves with its bind markers. Errors as `CqlSession.execute`. */
  async prepare(statement: string, signal: AbortSignal): Promise<BindMarker[]> {
    try {
      const { meta } = await abortable(this.#prepared(statement), signal)
      return meta.columns.map(({ name, type }) => ({ name, type: cqlType(type) }))
    } catch (error) {
      throw connectionError(error, this.#serverName)
    }
  }

  async #prepared(statement: string): Promise<PreparedInfo> {
    this.#handler ??= import('cassandra-driver/lib/prepare-handler.js')
    const { default: PrepareHandler } = await this.#handler
    const { options, keyspace } = this.#client as ConfiguredClient
    // the driver keeps what is prepared already
    return PrepareHandler.getPrepared(this.#client, options.policies.loadBalancing, statement, keyspace)
  }

  /** Executes a prepared statement once for each row, in one unlogged batch. Errors as `CqlSession.execute`. */
  async batch(statement: string, rows: BoundRow[], options: BatchOptions): Promise<void> {
    const { node, counter = false, timeoutMs: readTimeout } = options
    try {
      const { queryId } = await this.#prepared(statement)
      const consistency = this.#consistency(options.consistency)
      await executeBatch(this.#client, { queryId, rows, counter }, { node, consistency, readTimeout })
    } catch (error) {
      if ((error as Error).name === 'OperationTimedOutError') throw statementTimeout(options.timeoutMs, error)
      throw connectionError(error, this.#serverName)
    }
  }
}

/** A query option that the session's own load balancing policy reads: the node to try first. */
export interface NodeChoice {
  node?: string | undefined
}

/** What apache/cassandra-nodejs-driver lib/client.js has and its types do not. */
interface ConfiguredClient extends Client {
  options: { policies: { loadBalancing: unknown } }
}

/** What apache/cassandra-nodejs-driver lib/host.js has and its types do not. */
interface PooledHost extends Host {
  warmupPool(keyspace: string): Promise<void>
}
