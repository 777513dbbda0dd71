import { fileURLToPath } from 'node:url'
import { deepEqual, doesNotMatch, equal, match, ok } from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { apiServer, type TestServer } from '../support/api-server.ts'
import { createDatacenter, type TestDatacenter } from '../support/cluster-state.ts'
import { runCommand } from '../support/command.ts'
import type { RequestProxy } from '../support/fault-requests.ts'
import { requestsBefore } from '../support/fault-server.ts'
import { createMesh, type TestMesh } from '../support/mesh-state.ts'

const PROGRAM = fileURLToPath(new URL('../../bin/dev.js', import.meta.url))

/** There is no kubelet behind this API server: what goes through the tunnels is proven in the lab. */
describe('port-forward', function () {
  this.timeout(60_000)
  let server: TestServer
  let mesh: TestMesh
  let dc: TestDatacenter
  const children: ChildProcess[] = []
  const proxies: RequestProxy[] = []

  before(async () => {
    server = await apiServer()
    mesh = await createMesh(server, { namespace: await server.namespace('istio'), gateway: { pods: 2 } })
    dc = await createDatacenter(server, { namespace: await server.namespace('cass') })
  })
  after(() => Promise.all([mesh.remove(), dc.remove()]))
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
    for (const proxy of proxies.splice(0)) await proxy.stop()
  })

  const words = (...more: string[]) => [
    'port-forward',
    '--kubeconfig',
    server.kubeconfig,
    ...(more.includes('-n') ? [] : ['-n', dc.namespace]),
    ...more,
  ]
  const start = (...more: string[]) => startWith(words(...more))
  /** Runs it as a program of its own, for its signals. Resolves with its first line. */
  async function startWith(args: string[]) {
    const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    children.push(child)
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
    })
    const lines: string[] = []
    const reader = createInterface(child.stdout).on('line', (line) => lines.push(line))
    const exit = once(child, 'exit') as Promise<[number | null]>
    await Promise.race([once(reader, 'line'), exit])
    return { child, lines, exit, stderr: () => stderr }
  }

  it('prints the chosen port, refuses what it cannot carry, and ends with 130 on Ctrl-C', async () => {
    const { child, lines, exit, stderr } = await start('--port', '0')
    match(
      lines[0] ?? '',
      new RegExp(
        `^Forwarding from 127\\.0\\.0\\.1:\\d+ -> service/istio-ingressgateway in namespace ${mesh.namespace}, port 9042$`,
      ),
    )
    const port = Number(/:(\d+) ->/.exec(lines[0] ?? '')?.[1])
    // routes sync has not been here.
    for (let round = 0; round < 40 && stderr() === ''; round += 1) await sleep(50)
    match(stderr(), /has no port 9042 \[CSNI822\]\n *Try: kubectl cass-sni routes sync .*-n \S+/)
    const began = Date.now()
    child.kill('SIGINT')
    deepEqual(await exit, [130, null])
    ok(Date.now() - began < 2_000)
    // Ctrl-C is how it ends, and no error.
    doesNotMatch(stderr(), /error|CSNI902/)
    const again = connect(port, '127.0.0.1')
    const [error] = (await once(again, 'error')) as [NodeJS.ErrnoException]
    equal(error.code, 'ECONNREFUSED')
  })

  it('refuses a namespace without a datacenter, and a datacenter that does not exist', async () => {
    const empty = await server.namespace('empty')
    for (const [more, code] of [
      [['-n', empty], 'CSNI301'],
      [['-n', `${empty}-typo`], 'CSNI204'],
      [['-d', 'nope'], 'CSNI301'],
    ] as const) {
      const { exit, stderr, lines } = await start('--port', '0', ...more)
      deepEqual(await exit, [1, null], stderr())
      match(stderr(), new RegExp(code))
      deepEqual(lines, [])
    }
    // the context's own namespace, which has none either
    const ownNamespace = ['port-forward', '--kubeconfig', server.kubeconfig, '--port', '0']
    const { exitCode, stdout, stderr } = await runCommand(ownNamespace)
    deepEqual([exitCode, stdout], [1, ''], stderr)
    match(stderr, /CSNI301/)
  })

  it('tells a program in one line of JSON', async () => {
    const { lines } = await start('--port', '0', '-o', 'json', '--node', '1', '--address', '127.0.0.1')
    const { apiVersion, kind, result, warnings } = JSON.parse(lines[0] ?? '')
    deepEqual([apiVersion, kind, warnings], ['cass-sni/v1', 'PortForward', []])
    equal(result.target, `pod/dse-dc1-default-sts-1 in namespace ${dc.namespace}, port 9042`)
    equal(result.listening.length, 1)
    ok(result.listening[0].port > 0)
  })

  it('closes a client that cannot be served, says why, and goes on', async () => {
    const { lines, stderr } = await start('--port', '0', '--node', '0')
    const port = Number(/:(\d+) ->/.exec(lines[0] ?? '')?.[1])
    await once(
      connect(port, '127.0.0.1')
        .on('error', () => {})
        .resume(),
      'close',
    )
    for (let round = 0; round < 40 && stderr() === ''; round += 1) await sleep(50)
    match(stderr(), /^connection 1 failed: .*\[CSNI\d+\]\n$/)
    const next = connect(port, '127.0.0.1')
    await once(next, 'connect')
    next.destroy()
  })

  async function told(stderr: () => string, text: RegExp) {
    for (let round = 0; round < 40 && !text.test(stderr()); round += 1) await sleep(50)
    match(stderr(), text)
  }
  /** To a gateway of two pods, through a proxy before the API server. */
  async function throughProxy(fault: RequestProxy['fault']) {
    const proxy = await requestsBefore(server, fault)
    proxies.push(proxy)
    const { lines, stderr } = await startWith([...words('--port', '0'), '--kubeconfig', proxy.kubeconfig])
    const port = Number(/:(\d+) ->/.exec(lines[0] ?? '')?.[1])
    /** Resolves when the client is closed, with how long that took. */
    const client = async (): Promise<number> => {
      const began = performance.now()
      const socket = connect(port, '127.0.0.1').on('error', () => undefined)
      await once(socket.resume(), 'close')
      return performance.now() - began
    }
    return { proxy, client, stderr }
  }

  it('gives up after 10 s however many pods of the gateway do not answer, and leaves no attempt', async () => {
    const { proxy, client, stderr } = await throughProxy(({ upgrade }) => (upgrade ? { hang: true } : undefined))
    // kept-alive connections of requests
    const before = proxy.open
    const ms = await client()
    ok(ms > 8_000 && ms < 12_000, `${ms} ms`)
    await told(stderr, /connection 1 failed: connection timed out after 10s.*CSNI601/)
    const tried = proxy.requests.filter(({ upgrade }) => upgrade).map(({ url }) => url)
    equal(new Set(tried).size, 2, tried.join())
    for (let round = 0; round < 40 && proxy.open > before; round += 1) await sleep(50)
    ok(proxy.open <= before, `${proxy.open} connections are open, ${before} before`)
  })

  it('asks for Service and pods once for all clients while the gateway is down', async () => {
    const { proxy, client } = await throughProxy(({ upgrade }) => (upgrade ? { answer: { status: 503 } } : undefined))
    const before = proxy.requests.length
    await Promise.all(Array.from({ length: 30 }, client))
    const reads = proxy.requests.slice(before).filter(({ upgrade }) => !upgrade)
    ok(reads.length <= 30, `${reads.length} reads for 30 clients in 10 s`)
  })

  it('names a proxy that refuses WebSockets at once', async () => {
    const { client, stderr } = await throughProxy(({ upgrade }) => (upgrade ? { answer: { status: 403 } } : undefined))
    ok((await client()) < 3_000)
    await told(stderr, /a proxy in front of the API server .* rejects WebSockets: 403.*CSNI607/)
  })

  it('says CSNI106 when the port is taken', async () => {
    const other = createServer()
    await once(other.listen(0, '127.0.0.1'), 'listening')
    const { port } = other.address() as AddressInfo
    const { exitCode, stderr } = await runCommand(words('--port', String(port)))
    other.close()
    equal(exitCode, 1)
    match(stderr, new RegExp(`port ${port}: address already in use.*CSNI106`))
    match(stderr, /Try: kubectl cass-sni port-forward .*-n \S+ .*--port 0\n/)
  })

  it('ends with 124 when its time is up', async () => {
    const { exitCode, stdout } = await runCommand(words('--port', '0', '--timeout', '500ms'))
    equal(exitCode, 124)
    match(stdout, /^Forwarding from /)
  })

  it('says at once what is wrong', async () => {
    const cases: [string[], number, RegExp][] = [
      [['--node', '7'], 1, /CSNI302/],
      [['--target', 'node'], 2, /CSNI105[\s\S]*--node dse-dc1-default-sts-0/],
      [['--target', 'gateway', '--node', '1'], 2, /CSNI101/],
      [['--address', 'example.com'], 2, /CSNI101/],
      [['--port', '70000'], 2, /CSNI101/],
      [['--gateway', 'nowhere/none'], 1, /CSNI502/],
      [['-n', 'nowhere', '--node', '1'], 1, /CSNI204/],
      [['--as', 'nobody', '--node', '1'], 1, /CSNI203/],
    ]
    for (const [more, code, text] of cases) {
      const { exitCode, stderr, stdout } = await runCommand(words(...more))
      equal(exitCode, code, `${more.join(' ')}: ${stderr}`)
      match(stderr, text)
      equal(stdout, '')
    }
  })
})
