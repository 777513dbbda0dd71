import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './manifest.ts'

const run = join(root, 'bin/run.js')

/** Runs bin/run.js as an older Node would: with its version, and with everything else that it loads on stderr. */
function runAs(version: string) {
  const hook = `
    import { registerHooks } from 'node:module'
    Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })
    registerHooks({ resolve: (name, context, next) => {
      if (context.parentURL?.endsWith('/bin/run.js')) process.stderr.write('loads ' + name + '\\n')
      return next(name, context)
    } })`
  return spawnSync(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(hook)}`, run, 'verify', '--bogus'],
    { encoding: 'utf8' },
  )
}

describe('a Node that is too old', () => {
  for (const version of ['12.22.12', '18.20.8', '20.19.5', '22.12.0'])
    it(`gets one sentence: ${version}`, () => {
      const { status, stderr } = runAs(version)
      assert.equal(status, 1)
      // No import is resolved before the check: one that an old version lacks ends in a SyntaxError there.
      assert.match(stderr, /^error: kubectl cass-sni requires Node\.js 22\.13 or later; this is v\S+ \(\S+\)\n$/)
    })

  it('is one before 22.13', () => {
    const { status, stderr } = runAs('22.13.0')
    assert.equal(status, 2)
    assert.match(stderr, /^loads \.\/start\.js\n/)
  })
})
