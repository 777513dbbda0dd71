/**
 * A batch of one prepared statement, written as one piece of memory: apache/cassandra doc/native_protocol_v4.spec
 * §4.1.7. The driver writes a dozen small buffers for each row, which a large import spends most of its memory on.
 */
import type { Client } from 'cassandra-driver'
import type { Request } from 'cassandra-driver/lib/requests.js'

/** Values as bytes (apache/cassandra doc/native_protocol_v4.spec §6). */
export type BoundRow = (Buffer | null)[]

export interface PreparedBatch {
  queryId: Buffer
  rows: BoundRow[]
  counter: boolean
}

/** The options of the driver's Client.batch() that are used here. */
export interface PreparedBatchOptions {
  consistency: number
  readTimeout: number
  /** Host ID of the node to try first, which the session's own load balancing policy reads. */
  node?: string | undefined
}

const HEADER_BYTES = 9
const OPCODE_BATCH = 0x0d
const UNLOGGED = 1
const COUNTER = 2
const PREPARED = 1
const WITH_TIMESTAMP = 0x20

type Modules = [
  typeof import('cassandra-driver/lib/requests.js'),
  typeof import('cassandra-driver/lib/request-handler.js'),
  typeof import('cassandra-driver/lib/execution-options.js'),
]

let modules: Promise<Modules> | undefined

function loadModules(): Promise<Modules> {
  return Promise.all([
    import('cassandra-driver/lib/requests.js'),
    import('cassandra-driver/lib/request-handler.js'),
    import('cassandra-driver/lib/execution-options.js'),
  ])
}

/** Executes a batch. Rejects as the driver does. */
export async function executeBatch(client: Client, batch: PreparedBatch, options: PreparedBatchOptions): Promise<void> {
  modules ??= loadModules()
  const [{ BatchRequest }, { default: RequestHandler }, { DefaultExecutionOptions }] = await modules
  const execution = DefaultExecutionOptions.create({ ...options, logged: false, counter: batch.counter }, client)
  const request: Request = new BatchRequest([], execution)
  request.write = (encoder, streamId) =>
    frameOf(batch, { version: encoder.protocolVersion, streamId, consistency: options.consistency })
  await RequestHandler.send(request, execution, client)
}

/** The bytes of the frame; timestamps are Cassandra's own for counters and the client's for all else. */
export function frameOf(
  { queryId, rows, counter }: PreparedBatch,
  frame: { version: number; streamId: number; consistency: number; timestamp?: bigint | undefined },
): Buffer {
  const timestamp = counter ? undefined : (frame.timestamp ?? nextTimestamp())
  let length = 1 + 2 + 2 + 1 + (timestamp === undefined ? 0 : 8)
  for (const row of rows) {
    length += 1 + 2 + queryId.length + 2
    for (const value of row) length += 4 + (value?.length ?? 0)
  }
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + length)
  bytes[0] = frame.version
  bytes[1] = 0
  bytes.writeInt16BE(frame.streamId, 2)
  bytes[4] = OPCODE_BATCH
  bytes.writeInt32BE(length, 5)
  let at = HEADER_BYTES
  bytes[at] = counter ? COUNTER : UNLOGGED
  at = bytes.writeUInt16BE(rows.length, at + 1)
  for (const row of rows) {
    bytes[at] = PREPARED
    at = bytes.writeUInt16BE(queryId.length, at + 1)
    at += queryId.copy(bytes, at)
    at = bytes.writeUInt16BE(row.length, at)
    for (const value of row) {
      at = bytes.writeInt32BE(value === null ? -1 : value.length, at)
      if (value !== null) at += value.copy(bytes, at)
    }
  }
  at = bytes.writeUInt16BE(frame.consistency, at)
  bytes[at] = timestamp === undefined ? 0 : WITH_TIMESTAMP
  if (timestamp !== undefined) bytes.writeBigInt64BE(timestamp, at + 1)
  return bytes
}

let lastTimestamp = 0n

/** Microseconds since the epoch, each later than the one before: of two batches with one row the later wins. */
function nextTimestamp(): bigint {
  const now = BigInt(Date.now()) * 1_000n
  lastTimestamp = now > lastTimestamp ? now : lastTimestamp + 1n
  return lastTimestamp
}
