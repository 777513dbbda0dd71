/** What is imported lazily is the same in a bundle as in Node: named and default exports, of ES modules and of CommonJS. */
import { strict as assert } from 'node:assert'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'mocha'
import { bundleProgram } from '../../build/bundle.ts'

const root = dirname(dirname(import.meta.dirname))

describe('bundles', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'bundles-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('keep the default export of an ES module, and the named ones of a CommonJS module', async () => {
    const program = join(folder, 'program.cjs')
    await bundleProgram(
      root,
      program,
      `(async () => {
         const { default: truncate } = await import('cli-truncate')
         const { createLogUpdate } = await import('log-update')
         const { default: yaml, parse } = await import('yaml')
         console.log([truncate, createLogUpdate, parse, yaml.parse].map((it) => typeof it).join())
       })()`,
    )
    const said = execFileSync(process.execPath, [program], { encoding: 'utf8' })
    assert.equal(said.trim(), 'function,function,function,function')
  })
})
