import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const file = fileURLToPath(new URL('../../../bin/code-cache.js', import.meta.url))

interface Loaded {
  exports: { answer: () => number; other: { name: string } }
  save: () => void
}

describe('the code cache', () => {
  let directory = ''
  let cache = ''
  let loadCached: (path: string, directory: string | undefined, run: string) => Loaded
  before(async () => {
    loadCached = (await import(file)).loadCached
  })
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'cass-sni-code-'))
    cache = join(directory, 'cache')
    mkdirSync(cache)
    write(42)
    writeFileSync(join(directory, 'other.cjs'), "exports.name = require('node:path').basename(__filename)")
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  const program = () => join(directory, 'program.cjs')
  const write = (answer: number) =>
    writeFileSync(program(), `exports.answer = () => ${answer}; exports.other = require('./other.cjs')`)
  const run = () => {
    const { exports: loaded, save } = loadCached(program(), cache, 'verify')
    const result = [loaded.answer(), loaded.other.name]
    save()
    return result
  }
  const saved = () => readdirSync(cache).sort()

  it('is written once for each file, readable by this user only, and gives the same results', () => {
    assert.deepEqual(run(), [42, 'other.cjs'])
    const first = saved().map((name) => [name, statSync(join(cache, name)).mtimeMs])
    assert.deepEqual(
      first.map(([name]) => String(name).split('.').slice(0, 2)),
      [
        ['verify', 'other'],
        ['verify', 'program'],
      ],
    )
    for (const [name] of first) assert.equal(statSync(join(cache, String(name))).mode & 0o777, 0o600)
    assert.deepEqual(run(), [42, 'other.cjs'])
    assert.deepEqual(
      saved().map((name) => [name, statSync(join(cache, name)).mtimeMs]),
      first,
    )
  })

  it('does not run the code of another version with the same length, and replaces it', () => {
    run()
    const before = saved()
    write(43)
    assert.deepEqual(run(), [43, 'other.cjs'])
    assert.equal(saved().length, before.length)
    assert.notDeepEqual(saved(), before)
  })

  it('does not run damaged code, and replaces it', () => {
    run()
    const [, name = ''] = saved()
    const whole = readFileSync(join(cache, name))
    for (const damage of [
      (bytes: Buffer) => bytes.fill(0x55, bytes.length / 2, bytes.length / 2 + 8),
      (bytes: Buffer) => bytes.subarray(0, 100),
      () => Buffer.alloc(0),
    ]) {
      writeFileSync(join(cache, name), damage(Buffer.from(whole)))
      assert.deepEqual(run(), [42, 'other.cjs'])
      assert.equal(readFileSync(join(cache, name)).length, whole.length)
    }
  })

  it('loads a module once, without a directory as well', () => {
    writeFileSync(program(), "exports.first = require('./other.cjs'); exports.second = require('./other.cjs')")
    const { exports: loaded, save } = loadCached(program(), undefined, 'verify') as unknown as {
      exports: { first: object; second: object }
      save: () => void
    }
    save()
    assert.equal(loaded.first, loaded.second)
    assert.deepEqual(saved(), [])
  })

  it('leaves nothing half-written when a file cannot be replaced', () => {
    run()
    const [, name = ''] = saved()
    rmSync(join(cache, name))
    mkdirSync(join(cache, name, 'occupied'), { recursive: true })
    assert.deepEqual(run(), [42, 'other.cjs'])
    assert.deepEqual(
      saved().filter((each) => each.startsWith('partial')),
      [],
    )
  })

  it('leaves nothing behind where it cannot be written', () => {
    rmSync(cache, { recursive: true })
    assert.deepEqual(run(), [42, 'other.cjs'])
  })
})
