import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CassSniError } from '../../../src/lib/errors.ts'
import type { Question } from '../../../src/lib/events.ts'
import { readText } from '../../../src/lib/files/input-file.ts'
import {
  type OutputFile,
  type Overwriting,
  writeOutputFile,
  writeOutputFiles,
} from '../../../src/lib/files/output-file.ts'

describe('files that a user names', () => {
  let directory: string
  const at = (name: string) => join(directory, name)
  const signal = new AbortController().signal
  const write = (name: string, more: Partial<OutputFile> = {}, overwriting: Overwriting = { yes: false }) =>
    writeOutputFile({ path: at(name), text: 'new', mode: 0o600, ...more }, overwriting)

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'cass-sni-files-'))
  })
  afterEach(() => {
    rmSync(directory, { recursive: true })
  })

  it('are written for their owner only, and left alone when they hold the same', async () => {
    assert.equal(await write('a'), 'written')
    assert.equal(statSync(at('a')).mode & 0o777, 0o600)
    assert.equal(await write('a'), 'unchanged')
    execFileSync('chmod', ['644', at('a')])
    assert.equal(await write('a'), 'written', 'others could read it')
    assert.equal(statSync(at('a')).mode & 0o777, 0o600)
    assert.deepEqual(readdirSync(directory), ['a'])
  })

  it('are not overwritten unless that is wanted, by --yes or by an answer', async () => {
    writeFileSync(at('a'), 'old')
    symlinkSync('a', at('link'))
    const asked: Question[] = []
    const ask = (answer: string) => async (question: Question) => {
      asked.push(question)
      return answer
    }
    for (const name of ['a', 'link'])
      await assert.rejects(write(name), (error: CassSniError) => {
        assert.deepEqual([error.code, error.next], ['CSNI104', [{ again: ['--yes'] }]])
        assert.match(error.message, /\/(a|link) already exists with different content$/)
        return true
      })
    await assert.rejects(write('a', {}, { yes: false, ask: ask('no') }), { code: 'CSNI104' })
    assert.equal(readFileSync(at('a'), 'utf8'), 'old')
    assert.equal(await write('a', {}, { yes: false, ask: ask('yes') }), 'written')
    assert.equal(readFileSync(at('a'), 'utf8'), 'new')
    assert.equal(await write('a', { text: 'newer' }, { yes: true, ask: ask('no') }), 'written')
    assert.equal(asked.length, 2)
  })

  it('are written where a symbolic link leads, which stays', async () => {
    writeFileSync(at('target'), 'old')
    symlinkSync('target', at('link'))
    symlinkSync('missing', at('dangling'))
    assert.equal(await write('link', {}, { yes: true }), 'written')
    assert.equal(await write('dangling'), 'written')
    assert.equal(readlinkSync(at('link')), 'target')
    assert.equal(readFileSync(at('target'), 'utf8'), 'new')
    assert.equal(readFileSync(at('missing'), 'utf8'), 'new')
    symlinkSync('circle', at('circle'))
    await assert.rejects(write('circle'), { code: 'CSNI104', message: /too many levels of symbolic links$/ })
  })

  it('may be devices and pipes, which stay what they are', async () => {
    assert.equal(await write('', { path: '/dev/null' }), 'written')
    assert.equal(statSync('/dev/null').isCharacterDevice(), true)
    symlinkSync('/dev/null', at('null'))
    assert.equal(await write('null'), 'written')
    assert.equal(readlinkSync(at('null')), '/dev/null')
    execFileSync('mkfifo', [at('pipe')])
    await assert.rejects(write('pipe'), { code: 'CSNI104' })
    const reader = spawn('cat', [at('pipe')])
    let read = ''
    reader.stdout.on('data', (chunk: Buffer) => {
      read += chunk.toString()
    })
    for (let round = 0; round < 100 && read === ''; round += 1) {
      await write('pipe').catch(() => sleep(20))
      await sleep(5)
    }
    assert.equal(read, 'new')
    assert.equal(statSync(at('pipe')).isFIFO(), true)
    reader.kill()
  })

  it('keep what they hold on a full disk, and leave nothing beside it', async () => {
    await assert.rejects(write('', { path: '/dev/full' }), { code: 'CSNI104', message: /: no space left on device$/ })
    await assert.rejects(write('no/such/file'), { code: 'CSNI104', message: /: no such file or directory$/ })
    await assert.rejects(write(''), { code: 'CSNI104', message: /: is a directory$/ })
    assert.deepEqual(readdirSync(directory), [])
  })

  it('are read, also from a pipe whose writer comes later', async () => {
    writeFileSync(at('a'), 'SELECT 1;')
    assert.equal(await readText(at('a'), signal), 'SELECT 1;')
    execFileSync('mkfifo', [at('pipe')])
    const reading = readText(at('pipe'), signal)
    await sleep(60)
    const writer = spawn('sh', ['-c', `(printf 'SELECT '; sleep 0.1; printf 'ü;') > '${at('pipe')}'`])
    assert.equal(await reading, 'SELECT ü;')
    writer.kill()
    await assert.rejects(readText(at('none'), signal), { code: 'CSNI104', message: /: no such file or directory$/ })
    await assert.rejects(readText(directory, signal), { code: 'CSNI104', message: /: is a directory$/ })
  })

  it('do not hold up an interruption', async () => {
    execFileSync('mkfifo', [at('pipe')])
    const stop = new AbortController()
    const reading = assert.rejects(readText(at('pipe'), stop.signal), { code: 'CSNI902' })
    await sleep(30)
    const began = Date.now()
    stop.abort(new CassSniError('CSNI902', 'interrupted'))
    await reading
    assert.ok(Date.now() - began < 500)
  })

  describe('of one directory', () => {
    const files = (...names: string[]) =>
      names.map((path): OutputFile => ({ path, text: Buffer.from(path), mode: 0o600 }))
    const writeAll = (names: string[], yes = false) => writeOutputFiles(at('new/deep'), files(...names), { yes })

    it('are written for their owner only, in a new directory, and left alone when they hold the same', async () => {
      assert.deepEqual(await writeAll(['a', 'b']), ['written', 'written'])
      assert.equal(statSync(at('new/deep')).mode & 0o777, 0o700)
      assert.equal(statSync(at('new/deep/b')).mode & 0o777, 0o600)
      assert.deepEqual(await writeAll(['a', 'b', 'c']), ['unchanged', 'unchanged', 'written'])
    })

    it('fail where no directory can be made', async () => {
      for (const directory of ['/proc/nope', '/proc/nope/deep', at('file/deep')]) {
        writeFileSync(at('file'), '')
        const written = writeOutputFiles(directory, files('a'), { yes: false })
        await assert.rejects(written, { code: 'CSNI104' }, directory)
      }
    })

    it('are all written, or none', async () => {
      await writeAll(['a', 'b'])
      writeFileSync(at('new/deep/b'), 'of the user')
      await assert.rejects(writeAll(['a', 'b', 'c']), { code: 'CSNI104', object: at('new/deep/b') })
      execFileSync('mkdir', [at('new/deep/d')])
      await assert.rejects(writeAll(['a', 'c', 'd'], true), {
        code: 'CSNI104',
        message: /new\/deep\/d: is a directory/i,
      })
      assert.deepEqual(readdirSync(at('new/deep')).sort(), ['a', 'b', 'd'])
      assert.equal(readFileSync(at('new/deep/b'), 'utf8'), 'of the user')
      assert.deepEqual(await writeAll(['a', 'b', 'c'], true), ['unchanged', 'written', 'written'])
    })
  })
})
