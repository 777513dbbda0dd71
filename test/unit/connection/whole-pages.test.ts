import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import type { Transform, Writable } from 'node:stream'
import type { Client } from 'cassandra-driver'
import { rowParts } from '../../../src/lib/connection/result-rows.ts'
import { keepPagesWhole, type RawRows } from '../../../src/lib/connection/whole-pages.ts'

interface DriverParser extends Transform {
  setOptions(stream: number, options: { byRow: boolean }): void
}
const require = createRequire(import.meta.url)
const { Protocol, Parser, ResultEmitter } = require('cassandra-driver/lib/streams.js') as {
  Protocol: new (options: object) => Transform
  Parser: new (options: object, encoder: object) => DriverParser
  ResultEmitter: new (options: object) => Writable
}

const short = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff])
const int = (value: number): Buffer => Buffer.concat([short(value >> 16), short(value & 0xffff)])
const string = (text: string): Buffer => Buffer.concat([short(text.length), Buffer.from(text)])
const cell = (value: number | null): Buffer => (value === null ? int(-1) : Buffer.concat([int(4), int(value)]))

/** A frame with rows of two columns of type int that have the same name; protocol 4. */
function rowsFrame(stream: number, rows: (number | null)[][]): Buffer {
  const column = Buffer.concat([string('a'), short(9)])
  const metadata = [int(1), int(2), string('ks'), string('t'), column, column]
  const body = Buffer.concat([int(2), ...metadata, int(rows.length), ...rows.flat().map(cell)])
  return Buffer.concat([Buffer.from([0x84, 0]), short(stream), Buffer.from([8]), int(body.length), body])
}

/** What the driver makes of these chunks: a line for each event of a result. */
async function events(chunks: Buffer[], byRow: number[]): Promise<string[]> {
  const parser = new Parser({ objectMode: true }, { decode: (bytes: Buffer) => `decoded ${bytes.readInt32BE(0)}` })
  keepPagesWhole({ controlConnection: { connection: { parser } } } as unknown as Client)
  for (const stream of byRow) parser.setOptions(stream, { byRow: true })
  const emitter = new ResultEmitter({ objectMode: true })
  const seen: string[] = []
  const type = { kind: 'simple', name: 'int' } as const
  emitter.on('row', ({ streamId }: { streamId: number }, rows: RawRows, _meta: unknown, length: number) =>
    seen.push(`${streamId} page of ${length}: ${JSON.stringify([...rowParts(rows, [type, type])].flat())}`),
  )
  emitter.on('result', ({ streamId }: { streamId: number }, error: unknown, result: { rows: { a: string }[] }) =>
    seen.push(`${streamId} ${error ?? result.rows.map((row) => row.a).join()}`),
  )
  const protocol = new Protocol({ objectMode: true })
  protocol.pipe(parser).pipe(emitter)
  for (const chunk of chunks) protocol.write(chunk)
  protocol.end()
  await new Promise((resolve) => emitter.once('finish', resolve))
  return seen
}

describe('pages of rows as bytes', () => {
  const PAGE = [
    [1, 2],
    [null, -3],
  ]
  const READ = '1 page of 1: [[1,2],[null,-3]]'

  it('keep two columns of one name apart', async () => {
    assert.deepEqual(await events([rowsFrame(1, PAGE)], [1]), [READ])
  })

  it('may come in pieces of any size, several in one', async () => {
    const frames = Buffer.concat([rowsFrame(1, PAGE), rowsFrame(2, [[7, 8]])])
    for (const size of [1, 7, 20, frames.length]) {
      const pieces = Array.from({ length: Math.ceil(frames.length / size) }, (_, index) =>
        frames.subarray(index * size, (index + 1) * size),
      )
      assert.deepEqual(await events(pieces, [1, 2]), [READ, '2 page of 1: [[7,8]]'], `${size} bytes`)
    }
  })

  it('may be empty', async () => {
    assert.deepEqual(await events([rowsFrame(1, [])], [1]), ['1 page of 1: []'])
  })

  it("leave the driver's own requests alone", async () => {
    assert.deepEqual(await events([rowsFrame(1, PAGE.slice(0, 1)), rowsFrame(2, [[7, 8]])], [2]), [
      '1 decoded 2',
      '2 page of 1: [[7,8]]',
    ])
  })
})
