import assert from 'node:assert/strict'
import { decoded } from '../../../src/lib/files/input-file.ts'

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function text(bytes: Buffer, size = 3): Promise<string> {
  let text = ''
  for await (const piece of decoded(inPieces(bytes, size), 'x.cql')) text += piece
  return text
}

describe('the text of a file', () => {
  const sample = 'é 😀 日本\n\ufffd; INSERT'

  for (const size of [1, 2, 3, 5, 100])
    it(`is the same in pieces of ${size} bytes`, async () => {
      assert.equal(await text(Buffer.from(sample), size), sample)
      assert.equal(await text(Buffer.from(`\ufeff${sample}`), size), sample, 'with a byte order mark')
      assert.equal(await text(Buffer.from(`\ufeff${sample}`, 'utf16le'), size), sample, 'UTF-16LE')
      assert.equal(await text(Buffer.from(`\ufeff${sample}`, 'utf16le').swap16(), size), sample, 'UTF-16BE')
    })

  it('may be nothing at all', async () => assert.equal(await text(Buffer.alloc(0)), ''))

  for (const [name, bytes, message] of [
    ['Latin-1', Buffer.from("one\ntwo\nINSERT 'caf\xe9'\n", 'latin1'), 'x.cql:3: not valid UTF-8'],
    ['Latin-1 at its end', Buffer.from('one\ncaf\xe9', 'latin1'), 'x.cql:2: not valid UTF-8'],
    ['a character that is cut off', Buffer.from('one\n😀').subarray(0, 6), 'x.cql:2: not valid UTF-8'],
    ['a surrogate as UTF-8', Buffer.from([0x61, 0x0a, 0xed, 0xa0, 0x80]), 'x.cql:2: not valid UTF-8'],
    ['half a UTF-16 character', Buffer.from([0xff, 0xfe, 0x61]), 'x.cql: not valid UTF-16LE'],
  ] as const)
    it(`is refused when it is ${name}`, async () => {
      for (const size of [1, 4, 100]) await assert.rejects(text(bytes, size), { code: 'CSNI107', message })
    })
})
