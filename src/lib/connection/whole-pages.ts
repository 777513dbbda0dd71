/**
 * Pages of rows as the bytes that came, instead of the driver's objects. The driver (4.10) has no option for it, so two
 * methods of its parser (apache/cassandra-nodejs-driver lib/streams.js) are replaced for requests that take rows one by
 * one, those of `Client.eachRow`: its callback gets the whole page as its only row. The driver's own requests are never
 * of that kind, and are parsed as before.
 */
import type { Client, QueryOptions, types as CqlTypes } from 'cassandra-driver'

/** The rows of a page: a number of cells, each behind its length. */
export interface RawRows {
  buffer: Buffer
  /** Of the first cell. */
  offset: number
  count: number
}

interface Frame {
  byRow?: boolean | undefined
  isStreaming?: boolean | undefined
  meta?: unknown
  flagsInfo?: unknown
  header: unknown
}

interface Reader {
  buf: Buffer
  offset: number
  readInt(): number
}

/** The part of the driver's parser that is replaced, or used by what replaces it. */
interface Parser {
  handleFrameBuffers(frame: Frame, item: unknown): boolean
  parseRows(frame: Frame, reader: Reader): void
  push(item: object): void
}

const replaced = new WeakSet<Parser>()

/**
 * Replaces the methods, once, for all connections.
 * @param client a connected client, through whose connection the parser is found (lib/control-connection.js,
 * lib/connection.js)
 */
export function keepPagesWhole(client: Client): void {
  const { controlConnection } = client as unknown as { controlConnection: { connection: { parser: Parser } } }
  const parser: Parser = Object.getPrototypeOf(controlConnection.connection.parser)
  if (replaced.has(parser)) return
  replaced.add(parser)
  const { handleFrameBuffers, parseRows } = parser
  parser.handleFrameBuffers = function (this: Parser, frame, item) {
    // Otherwise rows are parsed while their frame is still on the way.
    frame.isStreaming = false
    return handleFrameBuffers.call(this, frame, item)
  }
  parser.parseRows = function (this: Parser, frame, reader) {
    if (frame.byRow !== true) return parseRows.call(this, frame, reader)
    const { header, meta, flagsInfo: flags } = frame
    const count = reader.readInt()
    const row: RawRows = { buffer: reader.buf, offset: reader.offset, count }
    this.push({ header, row, meta, byRow: true, length: 1, flags })
  }
}

export interface WholePage {
  result: CqlTypes.ResultSet
  /** Absent if the statement returned no rows at all. */
  rows?: RawRows | undefined
}

/** Executes a statement. Rejects as the driver does. */
export function wholePage(client: Client, statement: string, options: QueryOptions): Promise<WholePage> {
  return new Promise((resolve, reject) => {
    let rows: RawRows | undefined
    const onRow = (_index: number, row: unknown): void => {
      rows = row as RawRows
    }
    client.eachRow(statement, [], options, onRow, (error, result) => {
      if (error) reject(error)
      // Called with a result unless an error occurred.
      else resolve({ result: result as CqlTypes.ResultSet, rows })
    })
  })
}
