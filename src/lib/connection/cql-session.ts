/**
 * A CQL session with the nodes behind the gateway, on npm cassandra-driver: each connection uses its node's host ID as
 * SNI, with end-to-end TLS verified against that host ID.
 */
import { setImmediate } from 'node:timers/promises'
import type {
  Client,
  DseClientOptions,
  EmptyCallback,
  ExecutionOptions,
  Host,
  HostMap,
  types as CqlTypes,
} from 'cassandra-driver'
import type { Credentials } from '../cassandra/datacenter.ts'
import { CassSniError, command, throwIfAborted } from '../errors.ts'
import { abortable, LONGEST_TIMER_MS } from '../waiting/time-limit.ts'
import type { ClientIdentity } from './client-identity.ts'
import { CqlBulk, type NodeChoice } from './cql-bulk.ts'
import {
  closedConnection,
  CqlStatementError,
  connectionError,
  downError,
  isDown,
  statementTimeout,
} from './cql-errors.ts'
import { type CqlType, cqlType } from './cql-types.ts'
import { DialedStream } from './dialed-stream.ts'
import type { Dial } from './dialer.ts'
import { nodeIdentity } from './node-identity.ts'
import { rowParts } from './result-rows.ts'
import { SessionStreams } from './session-streams.ts'
import { keepPagesWhole, type RawRows, type WholePage, wholePage } from './whole-pages.ts'

/** The names of a node for clients outside the cluster. The gateway routes both. */
export interface CqlNode {
  hostId: string
  dnsName: string
}

export interface CqlSessionOptions {
  /** Opens one stream to the gateway per connection. */
  dial: Dial
  /** The routed nodes, preferred first: one of them coordinates all statements while it is up. */
  nodes: CqlNode[]
  /** Sends all statements to this node and verifies its identity. */
  target?: CqlNode | undefined
  credentials: Credentials
  /** CA certificates (PEM) to verify the nodes with. */
  ca: string
  /** Presented to nodes that request a certificate. */
  identity?: ClientIdentity | undefined
  /** The datacenter's name in Cassandra. */
  localDatacenter: string
  keyspace?: string | undefined
  signal: AbortSignal
  /** Time limit in ms for TCP, TLS and login of one connection; 0: no limit. */
  connectTimeoutMs?: number | undefined
  /** Time limit in ms for the response to one statement or page; 0: no limit. */
  statementTimeoutMs?: number | undefined
  /** Accepts any certificate. Only on the user's explicit request. */
  insecureSkipTlsVerify?: boolean | undefined
}

export interface CqlColumn {
  name: string
  type: CqlType
}

export interface ExecuteOptions {
  /** Rows per page. Undefined: all rows in one page. */
  pageSize?: number | undefined
  /** From the previous page. */
  pageState?: string | undefined
  /** As in CQL, e.g. "LOCAL_QUORUM". */
  consistency?: string | undefined
  serialConsistency?: string | undefined
  trace?: boolean | undefined
  /** Host ID of the preferred coordinator; another node is used while it is down. Default: the first of the session. */
  node?: string | undefined
  /** Time limit in ms for the response. */
  timeoutMs?: number | undefined
  /** Stops waiting for the response; the statement itself cannot be canceled. */
  signal?: AbortSignal | undefined
}

/** One page of a statement's result. `columns` is undefined if the statement returns no rows (INSERT, CREATE, …). */
export interface CqlPage {
  columns?: CqlColumn[] | undefined
  /** Cells in column order, as decoded by cell-decoder.ts. */
  readonly rows: unknown[][]
  /** The same rows, decoded a part at a time. Absent: they are decoded already. Throws CqlStatementError (CSNI605). */
  parts?: (() => Iterable<unknown[][]>) | undefined
  /** State for the next page, if there is one. */
  pageState?: string | undefined
  warnings: string[]
  traceId?: string | undefined
  /** The coordinator node. */
  coordinator?: string | undefined
}

export interface CqlSession {
  /** Version of the native protocol that is spoken. */
  readonly protocolVersion: number
  /** The keyspace in use, if any. */
  keyspace(): string | undefined
  /**
   * Executes one statement. Throws CqlStatementError (CSNI605), CSNI608 on timeout, or a
   * connection error (CSNI60x).
   */
  execute(statement: string, options?: ExecuteOptions): Promise<CqlPage>
  /** Prepared statements and batches, to nodes of one's choice. */
  bulk(): CqlBulk
  close(): Promise<void>
}

const DEFAULT_CONNECT_TIMEOUT_MS = 10_000
const RECONNECT_MS = 1_000
/**
 * Exceeds the slowest statement, TRUNCATE, with its 60 s limit in Cassandra (truncate_request_timeout, apache/cassandra
 * conf/cassandra.yaml).
 */
const STATEMENT_TIMEOUT_MS = 75_000
/**
 * Cassandra 2.2 to 5 and DSE 5 and later support version 4; negotiating DSE's own first would cost a second connection.
 */
const PROTOCOL_VERSION = 4

/** Loads the driver while the cluster is being read, so that `openCqlSession` need not wait for it. */
export async function preloadDriver(): Promise<void> {
  // Let pending requests go out first.
  await setImmediate()
  await import('cassandra-driver')
}

/**
 * The fields that apache/cassandra-nodejs-driver lib/control-connection.js reads in its SNI mode; version 4.10 has no
 * public option for them.
 */
interface SniOptions {
  sni: { address: string }
  contactPoints: string[]
  sslOptions: Partial<ClientIdentity> & {
    ca: string[]
    rejectUnauthorized: boolean
    checkServerIdentity: ReturnType<typeof nodeIdentity>
    readonly socket: DialedStream
  }
}

/** Members of apache/cassandra-nodejs-driver lib/host.js that its types lack (4.10). */
interface PooledHost extends Host {
  setDistance(distance: CqlTypes.distance): void
  /** Starts connecting. */
  initializePool(): void
}

/** A session for one statement needs no second node, whose login would only slow down the first. */
const SPARE_CONNECTIONS_AFTER_MS = 1_000

/** A placeholder address that the driver parses but never dials (see `SniOptions.sslOptions`). */
const NEVER_DIALED = '0.0.0.0:9042'

/**
 * Opens a session. With `target`, the node's `system.local.host_id` is compared; a different one is CSNI603.
 * Throws CSNI601 (connection), CSNI602 (certificate), CSNI603 (no route), CSNI604 (login), CSNI605 (unknown keyspace),
 * CSNI610 (client certificate).
 */
export async function openCqlSession(options: CqlSessionOptions): Promise<CqlSession> {
  throwIfAborted(options.signal)
  const nodes = options.target === undefined ? options.nodes : [options.target]
  if (nodes.length === 0)
    throw new CassSniError('CSNI303', 'no routed nodes', { next: [command`kubectl cass-sni routes sync`] })
  const { default: cassandra } = await import('cassandra-driver')
  // 0 would be no time at all for the driver's timers
  const timeoutMs = (options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS) || LONGEST_TIMER_MS
  const order = nodes.map((node) => node.hostId)

  /** Prefers a connected node, otherwise the first that is up; never connects to nodes without a route. */
  class KnownNodes extends cassandra.policies.loadBalancing.LoadBalancingPolicy {
    #routed: () => Host[] = () => []
    #hosts: () => Host[] = () => []
    #isConnected: (host: Host) => boolean = () => false
    #opened = false

    override init(client: Client, hosts: HostMap, callback: EmptyCallback): void {
      this.#isConnected = (host) => client.getState().getConnectedHosts().includes(host)
      // The driver starts with any of them; a second connection costs a handshake and a login, a tenth of a second.
      const rank = (host: Host): number =>
        (this.#isConnected(host) ? -order.length : 0) + order.indexOf(String(host.hostId))
      this.#routed = () => hosts.values().filter((host) => order.includes(String(host.hostId)))
      this.#hosts = () => this.#routed().sort((a, b) => rank(a) - rank(b))
      // The driver's own policies call back without arguments, which its type does not allow.
      ;(callback as () => void)()
    }

    /** The session is open: the other nodes are connected to as well, to take over, if it lasts long enough. */
    opened(): void {
      this.#opened = true
      for (const host of this.#hosts()) (host as PooledHost).setDistance(this.getDistance(host))
      const connect = (): void => {
        for (const host of this.#hosts()) (host as PooledHost).initializePool()
      }
      setTimeout(connect, SPARE_CONNECTIONS_AFTER_MS).unref()
    }

    override getDistance(host: Host): CqlTypes.distance {
      const { ignored, local, remote } = cassandra.types.distance
      if (!order.includes(String(host.hostId))) return ignored
      // A remote one gets no connection yet.
      return this.#opened || this.#isConnected(host) ? local : remote
    }

    override newQueryPlan(
      _keyspace: string,
      // without options it is about preparing a statement
      options: ExecutionOptions | null,
      callback: (error: Error, hosts: Iterator<Host>) => void,
    ): void {
      const { node } = (options?.getRawQueryOptions() ?? {}) as NodeChoice
      ;(callback as unknown as (error: null, hosts: Iterator<Host>) => void)(null, this.#plan(node))
    }

    /** The chosen node, then the others: thousands of batches a second need no order of them. */
    *#plan(node: string | undefined): Generator<Host> {
      const chosen = node === undefined ? undefined : this.#routed().find(({ hostId }) => String(hostId) === node)
      if (chosen !== undefined) yield chosen
      for (const host of this.#hosts()) if (host !== chosen) yield host
    }
  }

  const knownNodes = new KnownNodes()
  const client = new cassandra.Client({
    // Replaced below; the constructor requires a valid address.
    contactPoints: [NEVER_DIALED],
    localDataCenter: options.localDatacenter,
    credentials: options.credentials,
    protocolOptions: { maxVersion: PROTOCOL_VERSION },
    socketOptions: {
      connectTimeout: timeoutMs,
      // For the requests of the login; each statement has its own.
      readTimeout: timeoutMs,
    },
    pooling: {
      coreConnectionsPerHost: { [cassandra.types.distance.local]: 1, [cassandra.types.distance.remote]: 0 },
      warmup: false,
    },
    policies: {
      loadBalancing: knownNodes,
      retry: new cassandra.policies.retry.FallthroughRetryPolicy(),
      // The driver's own waits for up to 10 minutes, and until then every statement fails immediately.
      reconnection: new cassandra.policies.reconnection.ConstantReconnectionPolicy(RECONNECT_MS),
    },
    // The shell queries the schema itself; by default the driver reads all of it first.
    isMetadataSyncEnabled: false,
    monitorReporting: { enabled: false },
    applicationName: 'kubectl-cass-sni',
    ...(options.keyspace === undefined ? {} : { keyspace: options.keyspace }),
  } satisfies DseClientOptions)
  const serverName = order[0] ?? ''
  const streams = new SessionStreams(serverName, timeoutMs)
  const internals = (client as unknown as { options: SniOptions }).options
  internals.sni = { address: NEVER_DIALED }
  internals.contactPoints = order
  // lib/connection.js copies these options for each tls.connect(), which uses `socket` instead of dialing. So no local
  // port is opened, which other users of this machine could connect to.
  internals.sslOptions = {
    ...options.identity,
    ca: [options.ca],
    rejectUnauthorized: options.insecureSkipTlsVerify !== true,
    checkServerIdentity: nodeIdentity(new Map(nodes.map(({ hostId, dnsName }) => [hostId, dnsName]))),
    get socket() {
      return streams.add(
        new DialedStream({ dial: options.dial, closed: (received) => closedConnection(serverName, received) }),
      )
    },
  }

  const statementTimeoutMs = options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS
  const isRouted = (hostId: string): boolean => order.includes(hostId)
  const session = new DriverSession({
    client,
    streams,
    serverName,
    types: cassandra.types,
    statementTimeoutMs,
    isRouted,
  })
  try {
    await abortable(client.connect(), options.signal)
    streams.opened()
    knownNodes.opened()
    keepPagesWhole(client)
    const known = client.hosts.values().map((host) => String(host.hostId))
    if (!known.some((hostId) => order.includes(hostId)))
      throw wrongNode(nodes[0] ?? { hostId: serverName, dnsName: serverName }, known.join(', '))
    if (options.target !== undefined) await proveIdentity(session, options.target)
  } catch (error) {
    await session.close()
    throw connectionError(error, serverName)
  }
  return session
}

/** Throws CSNI603 if the node that responds is not the target, because the route is wrong. */
async function proveIdentity(session: CqlSession, target: CqlNode): Promise<void> {
  const page = await session.execute('SELECT host_id FROM system.local')
  const answered = String(page.rows[0]?.[0])
  if (answered !== target.hostId) throw wrongNode(target, answered)
}

function wrongNode(expected: CqlNode, answered: string): CassSniError {
  return new CassSniError('CSNI603', `wrong node: expected host ID ${expected.hostId}, got ${answered}`, {
    object: expected.dnsName,
    next: [command`kubectl cass-sni routes sync`, command`kubectl cass-sni verify`],
  })
}

interface DriverParts {
  client: Client
  streams: SessionStreams
  serverName: string
  types: typeof CqlTypes
  statementTimeoutMs: number
  /** Whether a node may be sent statements. */
  isRouted: (hostId: string) => boolean
}

class DriverSession implements CqlSession {
  readonly #client: Client
  readonly #streams: SessionStreams
  readonly #serverName: string
  readonly #types: typeof CqlTypes
  readonly #statementTimeoutMs: number
  readonly #bulk: CqlBulk

  constructor({ client, streams, serverName, types, statementTimeoutMs, isRouted }: DriverParts) {
    this.#bulk = new CqlBulk(client, serverName, isRouted, (name) => this.#consistency(name))
    this.#client = client
    this.#streams = streams
    this.#serverName = serverName
    this.#types = types
    this.#statementTimeoutMs = statementTimeoutMs
  }

  get protocolVersion(): number {
    // The driver's own field (apache/cassandra-nodejs-driver lib/control-connection.js); no public one has it (4.10).
    const { controlConnection } = this.#client as unknown as { controlConnection: { protocolVersion: number } }
    return controlConnection.protocolVersion
  }

  keyspace(): string | undefined {
    return this.#client.keyspace || undefined
  }

  bulk(): CqlBulk {
    return this.#bulk
  }

  async execute(statement: string, options: ExecuteOptions = {}): Promise<CqlPage> {
    const { timeoutMs = this.#statementTimeoutMs } = options
    try {
      const running = wholePage(this.#client, statement, {
        prepare: false,
        autoPage: false,
        fetchSize: options.pageSize ?? 0,
        readTimeout: timeoutMs,
        ...({ node: options.node } satisfies NodeChoice),
        ...(options.pageState === undefined ? {} : { pageState: options.pageState }),
        ...(options.consistency === undefined ? {} : { consistency: this.#consistency(options.consistency) }),
        ...(options.serialConsistency === undefined
          ? {}
          : { serialConsistency: this.#consistency(options.serialConsistency) }),
        ...(options.trace === true ? { traceQuery: true } : {}),
      })
      return pageOf(await abortable(running, options.signal))
    } catch (error) {
      if ((error as Error).name === 'OperationTimedOutError') throw statementTimeout(timeoutMs, error)
      if (isDown(error)) throw downError(this.#serverName, this.#streams.lastFailure)
      throw connectionError(error, this.#serverName)
    }
  }

  #consistency(name: string): number {
    const levels = this.#types.consistencies as unknown as Record<string, number | undefined>
    // The driver uses camelCase names: LOCAL_QUORUM is localQuorum.
    const level = levels[name.toLowerCase().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())]
    if (level === undefined) throw new CassSniError('CSNI101', `invalid consistency level ${name}`)
    return level
  }

  async close(): Promise<void> {
    try {
      await this.#client.shutdown()
    } finally {
      this.#streams.destroy()
    }
  }
}

function pageOf({ result, rows }: WholePage): CqlPage {
  const columns = result.columns?.map((column) => ({ name: column.name, type: cqlType(column.type) }))
  const { warnings, traceId, queriedHost } = result.info
  const parts = (): Iterable<unknown[][]> => (rows === undefined ? [] : decodedParts(rows, columns ?? []))
  return {
    columns,
    get rows() {
      return [...parts()].flat()
    },
    parts,
    pageState: result.pageState || undefined,
    warnings: warnings ?? [],
    traceId: traceId ? String(traceId) : undefined,
    coordinator: queriedHost || undefined,
  }
}

function* decodedParts(rows: RawRows, columns: readonly CqlColumn[]): Generator<unknown[][]> {
  try {
    const types = columns.map(({ type }) => type)
    yield* rowParts(rows, types)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new CqlStatementError(`cannot decode a value of the result: ${error.message}`, undefined, error)
  }
}

/** The rows of a page, a part at a time. */
export function partsOf(page: CqlPage): Iterable<unknown[][]> {
  if (page.parts !== undefined) return page.parts()
  return page.rows.length === 0 ? [] : [page.rows]
}
