/** Just enough of a Cassandra node for a driver to open a session; apache/cassandra doc/native_protocol_v4.spec. */
import type { TLSSocket } from 'node:tls'

export interface FakeNode {
  hostId: string
  /** The last byte of its address, 127.0.0.x. */
  number: number
}

const OPCODE = { ready: 0x02, options: 0x05, supported: 0x06, query: 0x07, result: 0x08 }
const HEADER_BYTES = 9
const TEXT = [0, 0x0d]
const COLUMNS: [string, number[], (node: FakeNode) => Buffer][] = [
  ['host_id', [0, 0x0c], ({ hostId }) => Buffer.from(hostId.replaceAll('-', ''), 'hex')],
  ['peer', [0, 0x10], ({ number }) => Buffer.from([127, 0, 0, number])],
  ['rpc_address', [0, 0x10], ({ number }) => Buffer.from([127, 0, 0, number])],
  ['data_center', TEXT, () => Buffer.from('dc1')],
  ['rack', TEXT, () => Buffer.from('r1')],
  ['release_version', TEXT, () => Buffer.from('5.0.6')],
  ['partitioner', TEXT, () => Buffer.from('org.apache.cassandra.dht.Murmur3Partitioner')],
]

/** Answers one client as that node of the cluster, which lets everybody in. */
export function answerAsNode(socket: TLSSocket, self: FakeNode, peers: FakeNode[]): void {
  let buffered = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    buffered = Buffer.concat([buffered, chunk])
    while (buffered.length >= HEADER_BYTES && buffered.length >= HEADER_BYTES + buffered.readInt32BE(5)) {
      const end = HEADER_BYTES + buffered.readInt32BE(5)
      socket.write(answerTo(buffered.subarray(0, end), self, peers))
      buffered = buffered.subarray(end)
    }
  })
}

function answerTo(request: Buffer, self: FakeNode, peers: FakeNode[]): Buffer {
  const [opcode, body] =
    request[4] === OPCODE.query
      ? [OPCODE.result, rows(request.includes('system.peers') ? peers : [self])]
      : request[4] === OPCODE.options
        ? [OPCODE.supported, Buffer.alloc(2)]
        : [OPCODE.ready, Buffer.alloc(0)]
  return Buffer.concat([Buffer.from([0x84, 0]), request.subarray(2, 4), Buffer.from([opcode]), int(body.length), body])
}

function rows(nodes: FakeNode[]): Buffer {
  const columns = COLUMNS.map(([name, type]) => Buffer.concat([text(name), Buffer.from(type)]))
  const cells = nodes.flatMap((node) =>
    COLUMNS.map(([, , cell]) => Buffer.concat([int(cell(node).length), cell(node)])),
  )
  const [kind, globalTable] = [int(2), int(1)]
  return Buffer.concat([
    ...[kind, globalTable, int(COLUMNS.length), text('system'), text('local')],
    ...[...columns, int(nodes.length), ...cells],
  ])
}

function int(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)])
}
