import assert from 'node:assert/strict'
import cassandra from 'cassandra-driver'
import { DefaultExecutionOptions } from 'cassandra-driver/lib/execution-options.js'
import { BatchRequest } from 'cassandra-driver/lib/requests.js'
import { type BoundRow, frameOf } from '../../../src/lib/connection/prepared-batch.ts'

const TIMESTAMP = 1_700_000_000_123_456n
const ROWS: BoundRow[] = [
  [Buffer.from('one'), Buffer.from([0, 0, 0, 1])],
  [null, Buffer.alloc(0)],
]
/** Exported, but not in the types. */
const { Encoder } = cassandra as unknown as { Encoder: new (version: number, options: object) => object }
const queryId = Buffer.from('0123456789abcdef')

/** The frame that the driver writes for the same batch. */
function driverFrame(counter: boolean): Buffer {
  const client = new cassandra.Client({ contactPoints: ['127.0.0.1'], localDataCenter: 'dc1' })
  const blob = { code: cassandra.types.dataTypes.blob }
  const items = ROWS.map((params) => ({ queryId, params, meta: { columns: [{ type: blob }, { type: blob }] } }))
  const timestamp = counter ? null : cassandra.types.Long.fromString(String(TIMESTAMP))
  const options = { consistency: cassandra.types.consistencies.localQuorum, logged: false, counter, timestamp }
  const encoder = Object.assign(new Encoder(4, { encoding: {} }), { protocolVersion: 4 })
  const execution = DefaultExecutionOptions.create(options, client) as { getOrGenerateTimestamp(): unknown }
  execution.getOrGenerateTimestamp = () => timestamp
  return new BatchRequest(items, execution).write(encoder, 300)
}

describe('batch of a prepared statement', () => {
  for (const counter of [false, true])
    it(`is the frame of the driver${counter ? ', for counters' : ''}`, () => {
      const consistency = cassandra.types.consistencies.localQuorum
      const frame = { version: 4, streamId: 300, consistency, timestamp: TIMESTAMP }
      assert.equal(
        frameOf({ queryId, rows: ROWS, counter }, frame).toString('hex'),
        driverFrame(counter).toString('hex'),
      )
    })
})
