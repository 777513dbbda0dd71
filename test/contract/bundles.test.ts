/** What is imported lazily is the same in a bundle as in Node: named and default exports, of ES modules and of CommonJS. */
import { strict as assert } from 'node:assert'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'mocha'
import { bundleEntries } from '../../build/bundle.ts'

const root = dirname(dirname(import.meta.dirname))

describe('bundles', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'bundles-'))
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('keep the default export of an ES module, and the named ones of a CommonJS module', async () => {
    const entry = join(folder, 'entry.mjs')
    writeFileSync(
      entry,
      `const { default: truncate } = await import('cli-truncate')
       const { createLogUpdate } = await import('log-update')
       const { parse } = await import('yaml')
       const { WebSocket } = await import('ws')
       console.log([truncate, createLogUpdate, parse, WebSocket].map((it) => typeof it).join())`,
    )
    await bundleEntries(root, join(folder, 'out'), { entryPoints: [entry], outbase: folder })
    const said = execFileSync(process.execPath, [join(folder, 'out', 'entry.js')], { encoding: 'utf8' })
    assert.equal(said.trim(), 'function,function,function,function')
  })
})
