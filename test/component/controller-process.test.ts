/** Replicas of the controller as processes, against a real API server: election, probes, metrics, the end. */
import { deepEqual, doesNotMatch, equal, match, ok } from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { LEASE, VIRTUAL_SERVICE } from '../../src/lib/cluster/resources.ts'
import { apiServer, pathOf, type Stored, type TestServer } from '../support/api-server.ts'
import { createDatacenter, type TestDatacenter } from '../support/cluster-state.ts'
import { createMesh, removeRoutes, type TestMesh } from '../support/mesh-state.ts'

const ROOT = join(import.meta.dirname, '../..')

interface LogLine {
  time: string
  level: string
  message: string
  port?: number
  code?: string
  datacenter?: string
}

class Replica {
  readonly #child: ChildProcess
  readonly text: string[] = []
  stderr = ''

  constructor(env: Record<string, string>) {
    this.#child = spawn(process.execPath, [join(ROOT, 'src/controller/controller-main.ts')], {
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', (line) => this.text.push(line))
    this.#child.stderr?.setEncoding('utf8').on('data', (part: string) => {
      this.stderr += part
    })
  }

  get lines(): LogLine[] {
    return this.text.map((line) => JSON.parse(line) as LogLine)
  }

  async line(message: string, timeoutMs = 30_000): Promise<LogLine> {
    const end = performance.now() + timeoutMs
    for (;;) {
      const found = this.lines.find((line) => line.message === message)
      if (found !== undefined) return found
      if (performance.now() > end) throw new Error(`no line "${message}":\n${this.text.join('\n')}\n${this.stderr}`)
      await sleep(20)
    }
  }

  async get(path: string): Promise<{ status: number; text: string }> {
    const { port } = await this.line('started')
    const response = await fetch(`http://127.0.0.1:${port}${path}`)
    return { status: response.status, text: await response.text() }
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill(signal)
      await once(this.#child, 'close')
    }
    return this.#child.exitCode
  }
}

describe('a replica of the controller', function () {
  this.timeout(120_000)
  let server: TestServer
  let mesh: TestMesh
  let dc: TestDatacenter
  let own: string
  let replicas: Replica[]

  before(async () => {
    server = await apiServer()
  })
  beforeEach(async () => {
    replicas = []
    mesh = await createMesh(server, { namespace: await server.namespace('istio') })
    dc = await createDatacenter(server, { namespace: await server.namespace('cass') })
    own = await server.namespace('controller')
  })
  afterEach(async () => {
    for (const replica of replicas) await replica.end('SIGKILL')
    await Promise.all([mesh.remove(), dc.remove()])
    await removeRoutes(server)
  })

  const start = (pod: string, env: Record<string, string> = {}) => {
    const replica = new Replica({
      KUBECONFIG: server.kubeconfig,
      POD_NAME: pod,
      POD_NAMESPACE: own,
      CASS_SNI_NAMESPACES: dc.namespace,
      CASS_SNI_PORT: '0',
      ...env,
    })
    replicas.push(replica)
    return replica
  }
  const exists = async () => {
    const { items } = await server.client.get<{ items: Stored[] }>(pathOf(VIRTUAL_SERVICE, dc.namespace))
    return items.some(({ metadata }) => metadata.name === 'cass-sni-dc1')
  }
  const heals = async (withinMs: number) => {
    await server.remove(VIRTUAL_SERVICE, 'cass-sni-dc1', dc.namespace)
    const end = performance.now() + withinMs
    while (!(await exists())) {
      if (performance.now() > end) throw new Error(`not healed in ${withinMs} ms`)
      await sleep(20)
    }
  }
  const holder = async () => {
    const { spec } = await server.client.get<{ spec: { holderIdentity: string; leaseDurationSeconds: number } }>(
      pathOf(LEASE, own, 'cass-sni-controller'),
    )
    return spec
  }

  it('leads alone, answers probes, counts, and releases the lease on SIGTERM', async () => {
    const replica = start('a')
    await replica.line('elected as leader')
    await replica.line('routes changed')
    while ((await replica.get('/readyz')).status !== 200) await sleep(20)
    deepEqual(await replica.get('/healthz'), { status: 200, text: 'ok\n' })
    equal((await replica.get('/else')).status, 404)
    match((await holder()).holderIdentity, /^a_[0-9a-f-]{36}$/)
    await heals(10_000)
    await sleep(500)
    const { text } = await replica.get('/metrics')
    const labels = `namespace="${dc.namespace}",datacenter="dc1"`
    for (const line of [
      `cass_sni_nodes{${labels},state="routed"} 3`,
      `cass_sni_nodes{${labels},state="pending"} 0`,
      `cass_sni_failing{${labels}} 0`,
      `cass_sni_syncs_total{${labels},result="changed"} 2`,
      'cass_sni_leader 1',
      'cass_sni_missed_events_total 0',
      'cass_sni_change_to_route_seconds_count 2',
    ])
      ok(text.includes(`${line}\n`), `${line} not in\n${text}`)
    equal(await replica.end('SIGTERM'), 0)
    deepEqual([(await holder()).holderIdentity, (await holder()).leaseDurationSeconds], ['', 1])
    equal(replica.stderr, '')
    doesNotMatch(replica.text.join('\n'), new RegExp(dc.password.replaceAll(/[^\w]/g, '.')))
  })

  it('takes over at once from a leader that ends, and within the lease time from one that is killed', async () => {
    const first = start('a')
    await first.line('elected as leader')
    const second = start('b')
    await second.line('started')
    await sleep(3000)
    equal(
      second.lines.some(({ message }) => message === 'elected as leader'),
      false,
    )
    await first.end('SIGTERM')
    await second.line('elected as leader', 6000)
    const third = start('c')
    await third.line('started')
    await sleep(3000)
    await second.end('SIGKILL')
    const killedAt = performance.now()
    await heals(25_000)
    const tookMs = performance.now() - killedAt
    ok(tookMs > 5000, `${tookMs} ms: the lease was not respected`)
    await third.line('elected as leader', 1)
  })

  it('ends with an error for missing or invalid settings, as one line', async () => {
    const invalid = start('a', { CASS_SNI_PORT: 'x' })
    equal((await invalid.line('ended')).code, 'CSNI101')
    equal(await invalid.end('SIGTERM'), 2)
    const missing = start('')
    equal((await missing.line('ended')).code, 'CSNI102')
    equal(missing.text.length, 1)
  })
})
