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
import { createMesh, type TestMesh } from '../support/mesh-state.ts'

const PROGRAM = fileURLToPath(new URL('../../bin/dev.js', import.meta.url))

/** There is no kubelet behind this API server: what goes through the tunnels is proven in the lab. */
describe('port-forward', function () {
  this.timeout(60_000)
  let server: TestServer
  let mesh: TestMesh
  let dc: TestDatacenter
  const children: ChildProcess[] = []

  before(async () => {
    server = await apiServer()
    mesh = await createMesh(server, { namespace: await server.namespace('istio') })
    dc = await createDatacenter(server, { namespace: await server.namespace('cass') })
  })
  after(() => Promise.all([mesh.remove(), dc.remove()]))
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
  })

  const words = (...more: string[]) => [
    'port-forward',
    '--kubeconfig',
    server.kubeconfig,
    ...(more.includes('-n') ? [] : ['-n', dc.namespace]),
    ...more,
  ]
  /** Runs it as a program of its own, for its signals. Resolves with its first line. */
  async function start(...more: string[]) {
    const child = spawn(process.execPath, [PROGRAM, ...words(...more)], { stdio: ['ignore', 'pipe', 'pipe'] })
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
    match(stderr(), /has no port 9042/)
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
    match(stderr(), /^connection 1 closed: .*\[CSNI\d+\]\n$/)
    const next = connect(port, '127.0.0.1')
    await once(next, 'connect')
    next.destroy()
  })

  it('says CSNI106 when the port is taken', async () => {
    const other = createServer()
    await once(other.listen(0, '127.0.0.1'), 'listening')
    const { port } = other.address() as AddressInfo
    const { exitCode, stderr } = await runCommand(words('--port', String(port)))
    other.close()
    equal(exitCode, 1)
    match(stderr, new RegExp(`port ${port}: another program listens there already.*CSNI106`))
    match(stderr, /--port 0/)
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
