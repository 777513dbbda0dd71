/** The CA is replaced while drivers read and write, and while new connections are made all the time. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'node:tls'
import { type Access, DriverUnderChurn, withPythonDriver } from '../support/churn.ts'
import {
  GATEWAY_ADDRESS,
  kubectl,
  labEnvironment,
  must,
  NAMESPACE,
  object,
  plugin,
  pluginJson,
  pluginWrites,
  writesNothing,
} from '../support/lab.ts'

const IN = ['-n', NAMESPACE]

interface Rotation {
  outcome: string
  phase?: string
  authority: { subject: string }
  other?: { subject: string }
  nodes: { pod: string; live: boolean }[]
}

interface Secret {
  data: Record<string, string>
  metadata: { annotations?: Record<string, string> }
}

const plain = (text = ''): string => Buffer.from(text, 'base64').toString('utf8')
const certificatesIn = (pem: string): X509Certificate[] =>
  (pem.match(/-----BEGIN[\s\S]*?-----END CERTIFICATE-----/g) ?? []).map((block) => new X509Certificate(block))

/** A verified handshake through the gateway; rejects if the certificate does not verify. */
function handshake(servername: string, ca: string): Promise<void> {
  return new Promise((done, fail) => {
    const socket = connect({ host: GATEWAY_ADDRESS, port: 9042, servername, ca, timeout: 10_000 }, () => {
      socket.destroy()
      done()
    })
    socket.on('error', fail)
    socket.on('timeout', () => socket.destroy(new Error(`no handshake with ${servername} in time`)))
  })
}

/** Makes one handshake after the other with every node until `end`. */
class NewConnections {
  readonly failures: string[] = []
  made = 0
  #ended = false
  readonly #loop: Promise<void>

  constructor(hostIds: string[], ca: string) {
    this.#loop = this.#run(hostIds, ca)
  }

  async #run(hostIds: string[], ca: string): Promise<void> {
    while (!this.#ended) {
      for (const id of hostIds)
        await handshake(id, ca).then(
          () => (this.made += 1),
          (error: unknown) => this.failures.push(`${id}: ${String(error)}`),
        )
      await sleep(50)
    }
  }

  async end(): Promise<void> {
    this.#ended = true
    await this.#loop
    assert.deepEqual(this.failures, [])
    assert.ok(this.made > 0)
  }
}

describe('certs rotate-ca', function () {
  this.timeout(120_000)
  let hostIds: string[]
  let access: Access
  let python: Record<string, string>
  let drivers: DriverUnderChurn[] = []

  const authoritySecret = async () => {
    const found = await object<Secret>('secret', 'dc1-ca-keystore')
    assert.ok(found)
    return found
  }
  const bundle = async (name: string) => {
    const file = join((await labEnvironment())['HOME'] ?? '', name)
    await must(plugin(['certs', 'ca', ...IN, '--out', file, '--yes']))
    return { file, pem: await readFile(file, 'utf8') }
  }
  const startDrivers = async (ca: string) => {
    drivers = [
      new DriverUnderChurn('Python', 'python3', 'churn.py', { ...access, ca }, python),
      new DriverUnderChurn('Node.js', process.execPath, 'churn.cjs', { ...access, ca }),
    ]
    for (const driver of drivers) for (const id of hostIds) await driver.answered(id, 0, 60_000)
  }
  const endDrivers = async () => {
    await Promise.all(drivers.map((driver) => driver.end()))
    for (const driver of drivers) {
      const bad = driver.events.filter(({ event }) => event !== 'answered')
      assert.deepEqual(bad, [], `${driver.name}: ${driver.log()}`)
      for (const id of hostIds) assert.ok((driver.statements?.[id] ?? 0) > 0, `${driver.name} used ${id}`)
    }
    drivers = []
  }

  before(async () => {
    await must(plugin(['certs', ...IN]))
    const replication = "{'class': 'NetworkTopologyStrategy', 'dc1': 3}"
    await must(
      plugin([
        'cqlsh-sni',
        ...IN,
        '-e',
        `CREATE KEYSPACE IF NOT EXISTS churn WITH replication = ${replication}; ` +
          'CREATE TABLE IF NOT EXISTS churn.python (id int PRIMARY KEY, v text); ' +
          'CREATE TABLE IF NOT EXISTS churn.node (id int PRIMARY KEY, v text)',
      ]),
    )
    const status = await object<{ status: { nodeStatuses: Record<string, { hostID: string }> } }>(
      'cassandradatacenter',
      'dc1',
    )
    hostIds = Object.values(status?.status.nodeStatuses ?? {}).map(({ hostID }) => hostID.toLowerCase())
    assert.equal(hostIds.length, 3)
    const secret = await object<Secret>('secret', 'dse-superuser')
    const login = { username: plain(secret?.data['username']), password: plain(secret?.data['password']) }
    access = { ca: '', hostIds, login }
    python = await withPythonDriver()
  })
  after(async () => {
    await Promise.all(drivers.map((driver) => driver.end()))
    await plugin(['certs', 'rotate-ca', ...IN, '--abort'])
  })

  it('stops once every node trusts both CAs, and can be aborted; clients with the old CA notice nothing', async () => {
    const old = await bundle('old-ca.pem')
    const connections = new NewConnections(hostIds, old.pem)
    const started = await pluginJson<Rotation>(['certs', 'rotate-ca', ...IN])
    assert.equal(started.exitCode, 0, JSON.stringify(started.error))
    assert.equal(started.result?.outcome, 'waiting')
    assert.equal(started.result.phase, 'trust')
    assert.deepEqual(
      started.result.nodes.map(({ live }) => live),
      [true, true, true],
    )
    assert.equal(certificatesIn((await bundle('both-ca.pem')).pem).length, 2)
    // neither a fault nor something to undo
    await writesNothing(['certs', ...IN])
    assert.equal((await plugin(['verify', ...IN])).exitCode, 0)
    const since = Date.now()
    const again = await pluginJson<Rotation>(['certs', 'rotate-ca', ...IN])
    assert.equal(again.result?.outcome, 'waiting')
    assert.deepEqual(await pluginWrites(since), [])

    const aborted = await pluginJson<Rotation>(['certs', 'rotate-ca', ...IN, '--abort'])
    assert.equal(aborted.result?.outcome, 'aborted', JSON.stringify(aborted.error))
    await connections.end()
    assert.deepEqual(Object.keys((await authoritySecret()).data).sort(), ['cert', 'key'])
    assert.equal((await bundle('old-ca.pem')).pem, old.pem)
  })

  it('replaces the CA while drivers with both CAs read and write: no statement and no connection fails', async () => {
    const old = await bundle('old-ca.pem')
    const restarts = () =>
      kubectl(['get', 'pods', ...IN, '-o', 'jsonpath={.items[*].status.containerStatuses[*].restartCount}'])
    const before = await restarts()
    await must(plugin(['certs', 'rotate-ca', ...IN, '--yes']))
    const both = await bundle('both-ca.pem')
    await startDrivers(both.file)
    const connections = new NewConnections(hostIds, both.pem)
    const finished = await pluginJson<Rotation>(['certs', 'rotate-ca', ...IN, '--finish'])
    assert.equal(finished.exitCode, 0, JSON.stringify(finished.error))
    assert.equal(finished.result?.outcome, 'finished')
    await connections.end()
    await endDrivers()

    const { data, metadata } = await authoritySecret()
    assert.deepEqual(Object.keys(data).sort(), ['cert', 'key'])
    assert.equal(metadata.annotations?.['cass-sni/ca-rotation'], undefined)
    const fresh = await bundle('new-ca.pem')
    assert.equal(certificatesIn(fresh.pem).length, 1)
    assert.notEqual(fresh.pem, old.pem)
    for (const id of hostIds) {
      await handshake(id, fresh.pem)
      await assert.rejects(handshake(id, old.pem))
    }
    assert.equal((await plugin(['verify', ...IN])).exitCode, 0)
    assert.equal(await restarts(), before)
    await writesNothing(['certs', ...IN])
    const again = await pluginJson<Rotation>(['certs', 'rotate-ca', ...IN, '--finish'])
    assert.equal(again.result?.outcome, 'none')
  })
})
