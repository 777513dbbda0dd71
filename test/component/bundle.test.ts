/** Bundles against a real API server; gateway, nodes and metadata service are TLS ports of this machine. */
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { get } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { connect, createSecureContext, createServer, type Server, type TLSSocket } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { readBundle } from '../../src/lib/clients/read-bundle.ts'
import { SECRET, SERVICE } from '../../src/lib/cluster/resources.ts'
import { apiServer, pathOf, type Stored, type TestServer } from '../support/api-server.ts'
import { createDatacenter, type TestDatacenter } from '../support/cluster-state.ts'
import { runCommand } from '../support/command.ts'
import { createMesh, removeRoutes, type TestMesh } from '../support/mesh-state.ts'
import { assertMatchesSchema } from '../support/schema.ts'
import { openTerminal } from '../support/terminal.ts'
import { type TestAuthority, testAuthority } from '../unit/connection/certificates.ts'

const PROGRAM = fileURLToPath(new URL('../../bin/dev.js', import.meta.url))
const NAME = 'cassandra.example.com'
const YEAR_MS = 365 * 24 * 60 * 60 * 1000

interface Finding {
  check: string
  status: string
  message: string
  next?: string[]
}

describe('bundles', function () {
  this.timeout(60_000)
  let server: TestServer
  let mesh: TestMesh
  let dc: TestDatacenter
  let authority: TestAuthority
  let gateway: Gateway
  let directory: string

  before(async () => {
    server = await apiServer()
  })
  beforeEach(async () => {
    const istio = await server.namespace('istio')
    mesh = await createMesh(server, { namespace: istio, gateway: { addresses: ['127.0.0.1'] } })
    dc = await createDatacenter(server, { namespace: await server.namespace('cass'), racks: { default: 1 } })
    authority = await testAuthority('dc1', { notAfter: new Date(Date.now() + YEAR_MS) })
    await trust(authority)
    gateway = await listening()
    directory = await mkdtemp(join(tmpdir(), 'cass-sni-bundle-'))
    await serve(authority, [hostId(), NAME])
    equal((await run('routes', 'sync', '--port', String(gateway.port))).exitCode, 0)
  })
  afterEach(async () => {
    gateway.close()
    await Promise.all([mesh.remove(), dc.remove(), rm(directory, { recursive: true })])
    await removeRoutes(server)
  })

  const hostId = () => dc.nodes[0]?.hostId ?? ''
  const file = () => join(directory, 'app.zip')
  const run = (...words: string[]) => runCommand([...words, '--kubeconfig', server.kubeconfig, '-n', dc.namespace])
  const create = (...words: string[]) => run('bundle', 'create', '--public-name', NAME, '--out', file(), ...words)
  const trust = ({ pem }: TestAuthority) =>
    server.client.send('PATCH', pathOf(SECRET, dc.namespace, 'dc1-ca-keystore'), {
      data: { cert: Buffer.from(pem).toString('base64') },
    })
  /** What the nodes serve. */
  const serve = async (by: TestAuthority, names: string[], validity: { notBefore?: Date; notAfter?: Date } = {}) => {
    gateway.identity = await by.issue({ names, ...validity })
  }
  const inspect = async (...words: string[]) => {
    const outcome = await run('bundle', 'inspect', file(), '-o', 'json', ...words)
    const json = outcome.json()
    if (json.error === undefined) assertMatchesSchema('BundleInspect', json)
    const findings: Finding[] = json.result?.findings ?? []
    return { ...outcome, findings, of: (check: string) => findings.find((each) => each.check === check) }
  }
  /** A proposed command, for this cluster. */
  const proposed = (id: string, flags: string) =>
    `kubectl cass-sni ${id} --kubeconfig ${server.kubeconfig} -n ${dc.namespace} -d dc1${flags}`
  const recreate = () => proposed('bundle create', ` --public-name ${NAME} --out ${file()}`)

  it('propose the command that fixes what is wrong', async () => {
    const created = await create()
    equal(created.exitCode, 0, created.stderr)
    const right = await inspect()
    for (const check of ['files', 'ca', 'client-certificate', 'keystores', 'datacenter', 'gateway', 'names'])
      deepEqual([right.of(check)?.status, right.of(check)?.next], ['ok', undefined], check)

    const other = await testAuthority('another')
    await serve(other, [hostId(), NAME])
    const foreign = await inspect()
    match(foreign.of('names')?.message ?? '', /certificate not issued by the CA in the bundle/)
    // the datacenter has the CA of the bundle: the node's certificate is wrong
    deepEqual(foreign.of('names')?.next, [proposed('certs', '')])

    await trust(other)
    deepEqual((await inspect()).of('names')?.next, [recreate()])
    equal((await create()).exitCode, 0)
    equal((await inspect()).of('names')?.status, 'ok')

    await serve(other, [hostId()])
    const nameless = await inspect()
    match(nameless.of('names')?.message ?? '', /lacks the public name/)
    deepEqual(nameless.of('names')?.next, [proposed('certs', ` --public-name ${NAME}`)])
    const text = await run('bundle', 'inspect', file())
    match(text.stdout, new RegExp(`\\nTry: kubectl cass-sni certs .*--public-name ${NAME}\\n`))

    const past = { notBefore: new Date('2026-01-01'), notAfter: new Date('2026-02-03') }
    await serve(other, [hostId(), NAME], past)
    const expired = await inspect()
    match(expired.of('names')?.message ?? '', /certificate expired on 2026-02-03/)
    deepEqual(expired.of('names')?.next, [proposed('certs', '')])
    const refused = await create()
    deepEqual([refused.exitCode, await readdir(directory)], [1, ['app.zip']])
    match(refused.stderr, /certificate expired on 2026-02-03 \[CSNI602\]/)
    // nothing is sent to such a node, by any way to it
    let sent = 0
    gateway.met = (socket) => socket.on('data', () => sent++)
    const address = `127.0.0.1:${gateway.port}`
    const expiry = /certificate (has )?expired( on 2026-02-03)?/
    const shell = await run('cqlsh-sni', '--address', address, '-e', 'SELECT 1')
    deepEqual([shell.exitCode, /CSNI602/.test(shell.stderr)], [1, true], shell.stderr)
    match(shell.stderr, expiry)
    const client = "require('net').connect(process.env.CASSANDRA_PORT, '127.0.0.1', function () { this.write('x') })"
    const forward = ['port-forward', '--kubeconfig', server.kubeconfig, '-n', dc.namespace, '--port', '0']
    const words = ['--sni', 'any', '--gateway-address', address, '--', process.execPath, '-e', client]
    match((await runCommand([...forward, ...words])).stderr, new RegExp(`connection 1 failed: .*${expiry.source}`))
    deepEqual(sent, 0)
  })

  it('for another gateway port propose a new bundle', async () => {
    equal((await create()).exitCode, 0)
    const moved = await listening()
    try {
      equal((await run('routes', 'sync', '--port', String(moved.port))).exitCode, 0)
      const { of } = await inspect()
      match(of('gateway')?.message ?? '', new RegExp(`gateway port ${gateway.port}, but the routes use ${moved.port}`))
      deepEqual(of('gateway')?.next, [recreate()])
    } finally {
      moved.close()
    }
  })

  it('have the public port of a gateway whose port is mapped, also after a second run', async () => {
    const asked: string[] = []
    const metadata = createHttpServer((request, response) => {
      asked.push(String(request.headers.host))
      const { host = '' } = request.headers
      const info = { contact_points: [hostId()], local_dc: 'dc1', sni_proxy_address: host }
      response.end(JSON.stringify({ contact_info: info }))
    })
    gateway.met = (socket) => metadata.emit('connection', socket)
    const created = await create('--public-port', '30942', '-o', 'json')
    equal(created.exitCode, 0, created.stderr)
    deepEqual([created.json().result.port, created.json().result.metadata], [30942, true])
    // the metadata service sends drivers to the port of their request
    deepEqual(asked, [`${NAME}:30942`])
    const before = await readFile(file())
    match((await create()).stdout, /app\.zip unchanged\n {2}Gateway: cassandra\.example\.com:30942\n/)
    deepEqual(await readFile(file()), before)
    const { of } = await inspect()
    deepEqual(
      [of('gateway')?.status, of('gateway')?.message, of('metadata')?.status],
      ['ok', `${NAME}:30942, mapped to port ${gateway.port} of the gateway`, 'ok'],
    )
    const plain = await create('--public-port', String(gateway.port), '-o', 'json')
    equal(plain.json().result.port, gateway.port)
    equal((await inspect()).of('gateway')?.message, `${NAME}:${gateway.port}`)
  })

  it('are created through an address, and report the node port of a gateway without one', async () => {
    const { namespace = '', service = '' } = mesh.gateway ?? {}
    await server.status(SERVICE, service, namespace, { loadBalancer: { ingress: [] } })
    const address = ['--address', `127.0.0.1:${gateway.port}`]
    const { exitCode, stderr, json } = await create(...address, '-o', 'json')
    equal(exitCode, 0, stderr)
    const { spec } = await server.client.get<Stored>(pathOf(SERVICE, namespace, service))
    const { ports } = spec as { ports: { port: number; nodePort: number }[] }
    const nodePort = ports.find(({ port }) => port === gateway.port)?.nodePort
    const [warning] = json().warnings.filter(({ message }: { message: string }) => message.includes('node port'))
    match(
      warning?.message ?? '',
      new RegExp(`no load balancer address; clients reach port ${gateway.port} at node port ${nodePort}$`),
    )
    match(warning?.next[0] ?? '', new RegExp(`bundle create .*--public-port ${nodePort}$`))
    equal((await inspect(...address)).of('names')?.status, 'ok')
    const invalid = await create('--address', 'no host')
    deepEqual([invalid.exitCode, /CSNI101/.test(invalid.stderr)], [2, true])
  })

  it('are served on a local port until Ctrl-C, which deletes the file; without the port there is none', async () => {
    const received: string[] = []
    gateway.met = (socket) =>
      socket.on('data', (data: Buffer) => {
        received.push(`${String(socket.servername)} ${data.toString()}`)
        socket.write('from the node')
      })
    const serve = ['bundle', 'serve', '--kubeconfig', server.kubeconfig, '-n', dc.namespace, '--out', file()]
    const child = spawn(process.execPath, [PROGRAM, ...serve, '-o', 'json'], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
      const { result } = JSON.parse(line) as { result: { out: string; port: number; datacenter: string } }
      deepEqual([result.out, result.datacenter, (await stat(file())).mode & 0o777], [file(), 'dc1', 0o600])
      const { config, files } = await readBundle(await readFile(file()))
      deepEqual([config.host, config.port, config.localDatacenter], ['localhost', result.port, 'dc1'])
      const ca = files.get('ca.crt')?.toString() ?? ''
      const { contact_info: info } = await metadataOf(result.port, ca)
      deepEqual([info.contact_points, info.sni_proxy_address], [[hostId()], `127.0.0.1:${result.port}`])
      const driver = connect({ port: result.port, host: '127.0.0.1', servername: hostId(), ca })
      driver.on('error', () => undefined).write('a request')
      equal(String((await once(driver, 'data'))[0]), 'from the node')
      deepEqual(received, [`${hostId()} a request`])

      const taken = await run('bundle', 'serve', '--port', String(result.port), '--out', join(directory, 'second.zip'))
      deepEqual([taken.exitCode, /CSNI106/.test(taken.stderr)], [1, true], taken.stderr)
      deepEqual(await readdir(directory), ['app.zip'])
    } finally {
      child.kill('SIGINT')
    }
    deepEqual(await once(child, 'exit'), [130, null])
    deepEqual(await readdir(directory), [])
  })

  it('are deleted when the terminal is closed', async () => {
    const words = ['bundle', 'serve', '--kubeconfig', server.kubeconfig, '-n', dc.namespace, '--out', file()]
    const terminal = openTerminal(process.execPath, [PROGRAM, ...words], {})
    await terminal.see('Serving')
    deepEqual(await readdir(directory), ['app.zip'])
    process.kill(terminal.pid, 'SIGHUP')
    equal(await terminal.ended, 143)
    deepEqual(await readdir(directory), [])
  })

  it('are not replaced by those of bundle serve, which are deleted at the end', async () => {
    equal((await create()).exitCode, 0)
    const kept = await readFile(file())
    const refused = await run('bundle', 'serve', '--out', file(), '--yes')
    deepEqual([refused.exitCode, /bundle for other machines.*CSNI104/.test(refused.stderr)], [2, true], refused.stderr)
    ok(kept.equals(await readFile(file())))
  })

  it('report why they cannot be compared with the cluster, with a command', async () => {
    equal((await create()).exitCode, 0)
    const gone = await inspect('-d', 'dc9')
    deepEqual([gone.exitCode, gone.of('datacenter')?.status], [1, 'failed'])
    match(gone.of('datacenter')?.next?.join() ?? '', /^kubectl cass-sni bundle inspect .* --datacenter dc1$/)
    await removeRoutes(server)
    deepEqual((await inspect()).of('gateway')?.next, [proposed('routes sync', '')])
  })
})

/** Sends the first request of drivers. */
function metadataOf(port: number, ca: string) {
  return new Promise<{ contact_info: { contact_points: string[]; sni_proxy_address: string } }>((resolve, reject) => {
    const headers = { host: `localhost:${port}` }
    const options = { host: '127.0.0.1', port, path: '/metadata', servername: 'localhost', ca, headers, agent: false }
    const sent = get(options, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      response.on('end', () => resolve(JSON.parse(text)))
    })
    sent.on('error', reject)
  })
}

interface Gateway {
  port: number
  /** What it serves for every name. */
  identity: { cert: string; key: string }
  /** What becomes of a connection; by default it is closed at the first byte. */
  met: (socket: TLSSocket) => void
  close(): void
}

/** A TLS port that serves the identity of the moment. */
async function listening(): Promise<Gateway> {
  const open = new Set<TLSSocket>()
  const gateway: Gateway = {
    port: 0,
    identity: { cert: '', key: '' },
    met: (socket) => socket.once('data', () => socket.destroy()),
    close: () => {
      for (const socket of open) socket.destroy()
      listener.close()
    },
  }
  const listener: Server = createServer({
    SNICallback: (_name, done) => done(null, createSecureContext(gateway.identity)),
  })
  listener.on('tlsClientError', () => undefined)
  listener.on('secureConnection', (socket) => {
    open.add(socket)
    socket.on('error', () => undefined).once('close', () => open.delete(socket))
    gateway.met(socket)
  })
  await once(listener.listen(0, '127.0.0.1'), 'listening')
  gateway.port = (listener.address() as AddressInfo).port
  return gateway
}
