/** Raises an empty lab for all end-to-end tests of this run, and keeps what a failed test leaves. Its hooks are mocha's root hooks. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { rm } from 'node:fs/promises'
import {
  beginTranscript,
  CHECKOUT,
  FAILURES,
  keepForReading,
  kubectl,
  labEnvironment,
  must,
  plugin,
  run,
} from '../support/lab.ts'

before(async function () {
  this.timeout(600_000)
  await rm(FAILURES, { recursive: true, force: true })
  const lab = (...args: string[]) =>
    must(run(process.execPath, [join(CHECKOUT, 'lab/main.ts'), ...args], { timeoutMs: 300_000 }))
  await lab('down')
  await lab('up')
  await labEnvironment()
})

beforeEach(beginTranscript)

afterEach(async function () {
  if (this.currentTest?.state !== 'failed') return
  this.timeout(180_000)
  const { folder, excerpt } = await keepForReading(this.currentTest.fullTitle())
  process.stderr.write(`${excerpt}\n-- what the lab says of it is in ${folder}\n`)
})

describe('the lab', () => {
  it('is an empty Kubernetes node, and the plugin answers through a real kubectl', async function () {
    this.timeout(60_000)
    assert.match(await kubectl(['get', 'nodes']), /node-1\s+Ready/)
    assert.doesNotMatch(await kubectl(['get', 'namespaces']), /istio-system|cass-operator/)
    const version = await plugin(['--version'])
    assert.equal(version.exitCode, 0, version.stderr)
    assert.match(version.stdout, /kubectl-cass-sni\/\d/)
  })

  it('answers a mistyped command with the one that was meant', async function () {
    this.timeout(20_000)
    const outcome = await plugin(['instal'])
    assert.equal(outcome.exitCode, 2)
    assert.match(outcome.stderr, /install/)
  })
})
