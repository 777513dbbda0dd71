import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { complete, completionText, isPlainWord, type KnownCommand } from '../../../src/lib/cli/completion.ts'
import { runCommand } from '../../support/command.ts'

const output = { name: 'output', char: 'o', type: 'option', options: ['text', 'json'] } as const
const node = { name: 'node', type: 'option' } as const
const out = { name: 'out', type: 'option', helpValue: 'FILE' } as const
const yes = { name: 'yes', char: 'y', type: 'boolean' } as const
const dryRun = { name: 'dry-run', type: 'boolean' } as const
const commands: KnownCommand[] = [
  { id: 'certs', summary: 'certificates', flags: { output, yes } },
  { id: 'certs:ca', summary: 'the authority', flags: { output, out } },
  { id: 'routes:sync', summary: 'routes', flags: { output, yes, dryRun } },
  { id: 'verify', summary: 'prove', flags: { output, node } },
  { id: '__complete', hidden: true, flags: {} },
]
const values = (...words: string[]) =>
  complete(words, commands, { routes: 'the routes' }).candidates.map(({ value }) => value)

describe('complete', () => {
  it('offers commands and topics', () => assert.deepEqual(values(''), ['certs', 'routes', 'verify', 'options']))
  it('describes a topic', () =>
    assert.equal(complete(['rou'], commands, { routes: 'the routes' }).candidates[0]?.description, 'the routes'))
  it('offers what follows in a topic', () => assert.deepEqual(values('routes', ''), ['sync']))
  it('passes over flags and their values between the words', () =>
    assert.deepEqual(values('-o', 'json', 'routes', '--yes', ''), ['sync']))
  it('offers the flags of the command that are not given yet', () =>
    assert.deepEqual(values('verify', '-o', 'json', '--'), ['--node', '--help']))
  it('offers the options of a flag', () => {
    assert.deepEqual(values('verify', '-o', ''), ['text', 'json'])
    assert.deepEqual(values('verify', '--output=j'), ['--output=json'])
    assert.deepEqual(values('certs', '--yes='), ['--yes=true', '--yes=false'])
    assert.deepEqual(values('routes', 'sync', '--dry-run=s'), ['--dry-run=server'])
  })
  it('names what only the cluster knows', () => {
    assert.deepEqual(complete(['verify', '--node', ''], commands, {}).live, { what: 'node', prefix: '' })
    const gateway = { name: 'gateway', type: 'option', helpValue: 'NAMESPACE/SERVICE' } as const
    assert.equal(complete(['sync', '--gateway', ''], [{ id: 'sync', flags: { gateway } }], {}).live?.what, 'gateway')
    assert.deepEqual(complete(['verify', '--node=d'], commands, {}).live, { what: 'node', prefix: '--node=' })
  })
  it('leaves files to the shell where a file is wanted', () => {
    assert.equal(complete(['certs', 'ca', '--out', ''], commands, {}).files, true)
    assert.equal(complete(['certs', 'ca', ''], commands, {}).files, false)
  })
})

describe('names of the kubeconfig and the cluster', () => {
  it('are offered only when a shell takes them as they are', async () => {
    for (const name of [
      'a',
      'dse-dc1-default-sts-0',
      'arn:aws:eks:eu-west-1:1:cluster/x',
      'admin@k',
      'a_b',
      'gke_p_z_c',
    ])
      assert.ok(isPlainWord(name), name)
    for (const name of [
      '',
      'a b',
      'x\n:1',
      '$(id)',
      '`id`',
      'a;b',
      '-x',
      ':4',
      '_activeHelp_ x',
      'a\tb',
      "it's",
      '~',
      '\u001b[2J',
    ])
      assert.equal(isPlainWord(name), false, name)
  })

  it('that are not are left out, and give no directive of their own', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'completion-'))
    const contexts = ['good', 'evil\n:1', '$(touch /tmp/x)'].map((name) => ({ name, context: { cluster: 'k' } }))
    try {
      writeFileSync(join(folder, 'config'), JSON.stringify({ contexts }))
      const { stdout } = await runCommand(['__complete', 'verify', '--context', ''], {
        env: { KUBECONFIG: join(folder, 'config') },
      })
      assert.equal(stdout, 'good\n:4\n')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('completionText', () => {
  it('is as kubectl reads it', () => {
    assert.equal(
      completionText({ candidates: [{ value: 'a', description: 'x' }, { value: 'b' }], files: false }),
      'a\tx\nb\n:4\n',
    )
    assert.equal(completionText({ candidates: [], files: true }), ':0\n')
  })
})
