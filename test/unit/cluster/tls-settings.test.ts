import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mock } from 'node:test'
import type { UserEntry } from '../../../src/lib/cluster/kubeconfig-files.ts'
import { tlsSettings } from '../../../src/lib/cluster/tls-settings.ts'
import { testAuthority } from '../connection/certificates.ts'

type Pair = { cert: string; key: string }

describe('TLS settings', () => {
  const target = { context: 'c', cluster: 'k', user: 'u', server: 'https://k', namespace: 'n', namespaceGiven: false }
  let directory = ''
  let [first, second]: Pair[] = []
  let now = 0
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'cass-sni-tls-'))
    const authority = await testAuthority('clients')
    first = await authority.issue({ names: ['one'] })
    second = await authority.issue({ names: ['two'] })
  })
  after(() => rmSync(directory, { recursive: true }))
  afterEach(() => mock.restoreAll())

  const at = (name: string) => join(directory, name)
  /** As a rotation does: a new file in the place of the old. */
  const put = (name: string, text = '') => {
    writeFileSync(at(`${name}.new`), text)
    renameSync(at(`${name}.new`), at(name))
  }
  const files: UserEntry = {}
  const settings = (user: UserEntry = files) =>
    tlsSettings({ target, cluster: { server: 'https://k', 'insecure-skip-tls-verify': true }, user }, {})
  beforeEach(() => {
    mock.method(performance, 'now', () => now)
    Object.assign(files, { 'client-certificate': at('tls.crt'), 'client-key': at('tls.key') })
    put('tls.crt', first?.cert)
    put('tls.key', first?.key)
  })

  it('are the same object until a certificate file changes, which is looked at every second', async () => {
    const current = await settings()
    const old = current()
    assert.deepEqual([String(old.cert), String(old.key)], [first?.cert, first?.key])
    put('tls.crt', second?.cert)
    put('tls.key', second?.key)
    now += 500
    assert.equal(current(), old)
    now += 600
    const renewed = current()
    assert.deepEqual([String(renewed.cert), String(renewed.key)], [second?.cert, second?.key])
    now += 2000
    assert.equal(current(), renewed)
  })

  it('keep the old pair while the new one is not whole', async () => {
    const current = await settings()
    const old = current()
    put('tls.crt', second?.cert)
    now += 2000
    assert.equal(current(), old)
    rmSync(at('tls.key'))
    now += 2000
    assert.equal(current(), old)
    put('tls.key', second?.key)
    now += 2000
    assert.equal(String(current().cert), second?.cert)
  })

  it('hold the certificate of a plugin for as long as it gives that one', async () => {
    const current = await settings({})
    assert.equal(current().cert, undefined)
    const shown = current(first)
    assert.equal(shown.cert, first?.cert)
    assert.equal(current({ ...(first as Pair) }), shown)
    assert.equal(current(second).cert, second?.cert)
  })
})
