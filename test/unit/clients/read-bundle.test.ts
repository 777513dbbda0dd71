/** Files that are no bundle, or one that somebody made to do harm: each with its message, in little memory and time. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { zipSync, type Zippable } from 'fflate'
import { BundleError, readBundle } from '../../../src/lib/clients/read-bundle.ts'

const CONFIG = JSON.stringify({ host: 'cassandra.example.com', port: 9042, password: 'not-to-be-shown' })
const text = (content: string) => new Uint8Array(Buffer.from(content))
const zip = (files: Zippable) => Buffer.from(zipSync({ 'config.json': text(CONFIG), ...files }))

/** Replaces bytes: for what no writer of zip files writes. */
function patched(bytes: Buffer, from: string, to: string): Buffer {
  const copy = Buffer.from(bytes)
  for (let at = copy.indexOf(from); at !== -1; at = copy.indexOf(from, at + 1)) copy.write(to, at, 'latin1')
  return copy
}

async function refused(bytes: Buffer, message: RegExp): Promise<void> {
  await assert.rejects(readBundle(bytes), (error: unknown) => {
    assert.ok(error instanceof BundleError, String(error))
    assert.match(error.message, message)
    assert.doesNotMatch(error.message, /not-to-be-shown/)
    return true
  })
}

describe('reading a bundle', () => {
  it('refuses what is no zip file, or only a part of one', async () => {
    const whole = zip({})
    await refused(Buffer.alloc(0), /^empty file$/)
    await refused(Buffer.from('-----BEGIN CERTIFICATE-----'), /^not a zip file$/)
    await refused(whole.subarray(0, whole.length - 30), /^truncated zip file$/)
    await refused(whole.subarray(40), /^invalid zip file: /)
    await refused(Buffer.alloc((4 << 20) + 1), /^larger than 4 MiB$/)
  })

  it('refuses names that lead out of a directory', async () => {
    await refused(zip({ '../../etc/passwd': text('x') }), /^unsafe file name in the zip: \.\.\/\.\.\/etc\/passwd$/)
    await refused(zip({ '/etc/passwd': text('x') }), /^unsafe file name in the zip: \/etc\/passwd$/)
    await refused(zip({ 'a\\..\\b': text('x') }), /^unsafe file name in the zip: /)
  })

  it('inflates no file above 1 MiB, whatever size the zip states', async () => {
    const zeros = zip({ 'ca.crt': [new Uint8Array(64 << 20), { level: 9 }] })
    assert.ok(zeros.length < 100_000)
    const before = process.memoryUsage().rss
    await refused(zeros, /^ca\.crt is 67108864 bytes \(limit: 1048576\)$/)
    const stated = Buffer.alloc(4)
    stated.writeUInt32LE(64 << 20)
    const small = Buffer.alloc(4)
    small.writeUInt32LE(1000)
    await refused(
      patched(zeros, stated.toString('latin1'), small.toString('latin1')),
      /^invalid zip file: too many bytes/,
    )
    assert.ok(process.memoryUsage().rss - before < 32 << 20)
  })

  it('reads no other file, however large', async () => {
    const { others, files } = await readBundle(zip({ zeros: [new Uint8Array(64 << 20), { level: 9 }] }))
    assert.deepEqual(others, ['zeros'])
    assert.deepEqual([...files.keys()], ['config.json'])
  })

  it('refuses many files, and two of one name', async () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`file-${index}`, text('')]))
    await refused(zip(many), /^101 files in the zip \(limit: 100\)$/)
    await refused(
      patched(zip({ 'ca.crt': text('a'), 'cb.crt': text('b') }), 'cb.crt', 'ca.crt'),
      /^two files named ca\.crt$/,
    )
  })

  it('refuses encrypted and damaged files', async () => {
    const script = [
      'import sys, zipfile, io',
      'data = bytearray(sys.stdin.buffer.read())',
      'for sign, at in ((b"PK\\x03\\x04", 6), (b"PK\\x01\\x02", 8)): data[data.index(sign) + at] |= 1',
      'sys.stdout.buffer.write(data)',
    ].join('\n')
    const { stdout } = spawnSync('python3', ['-c', script], { input: zip({}) })
    await refused(stdout, /^config\.json is encrypted; drivers cannot read it$/)
    const stored = Buffer.from(zipSync({ 'config.json': [text(CONFIG), { level: 0 }] }))
    await refused(
      patched(stored, 'cassandra.example', 'cassandra-example'),
      /^config\.json is corrupt: checksum mismatch$/,
    )
  })

  it('refuses a configuration that drivers cannot read', async () => {
    const withConfig = (content: string) => Buffer.from(zipSync({ 'config.json': text(content) }))
    await refused(Buffer.from(zipSync({ 'ca.crt': text('x') })), /^not a secure connect bundle: no config\.json$/)
    await refused(withConfig('{"password": "not-to-be-shown"'), /^config\.json is not JSON$/)
    await refused(withConfig('[]'), /^config\.json is not a JSON object$/)
    await refused(withConfig('null'), /^config\.json is not a JSON object$/)
    await refused(withConfig('{"port": 1}'), /^config\.json has no host$/)
    await refused(withConfig('{"host": "a", "port": 70000}'), /^config\.json has no valid port$/)
  })

  it('reads a bundle of another program, whose port is a text', async () => {
    const content = '{"host": "x-us-east1.db.astra.datastax.com", "port": "29080", "keyspace": "k"}'
    const { config } = await readBundle(Buffer.from(zipSync({ 'config.json': text(content) })))
    assert.equal(config.port, 29080)
    assert.equal(config.datacenter, undefined)
  })
})
