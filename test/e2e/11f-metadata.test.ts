/** Stock drivers with a secure connect bundle, through the metadata service of the routes controller. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { provideControllerImage } from '../../lab/node.ts'
import { CQLSH_COMMAND, CQLSH_ENVIRONMENT, installCqlsh } from '../support/apache-cqlsh.ts'
import { type BundleDriver, startBundleDrivers } from '../support/bundle-drivers.ts'
import { withPythonDriver } from '../support/churn.ts'
import { cqlProxy, javaLibraries } from '../support/driver-builds.ts'
import {
  CHECKOUT,
  GATEWAY_ADDRESS,
  kubectl,
  must,
  NAMESPACE,
  object,
  plugin,
  pluginJson,
  run,
  startPlugin,
  until,
  writesNothing,
} from '../support/lab.ts'
import { type NameServer, nameServer } from '../support/name-server.ts'

const NAME = 'cassandra.example.com'
const SERVICE = 'cass-sni-dc1-metadata'
const KEYSPACE = 'bundle'
const SELECTOR = 'app.kubernetes.io/name=cass-sni-metadata'

interface Checks {
  checks: { code: string; result: string; reason?: string }[]
}

describe('the metadata service on the lab', function () {
  this.timeout(120_000)
  let folder = ''
  let bundle = ''
  let ca = ''
  let names: NameServer
  let hostIds: string[] = []
  let login = { username: '', password: '' }
  let install: string[] = []

  before(async function () {
    this.timeout(180_000)
    folder = await mkdtemp(join(tmpdir(), 'cass-sni-bundle-'))
    bundle = join(folder, 'bundle.zip')
    ca = join(folder, 'ca.pem')
    names = await nameServer({ [NAME]: GATEWAY_ADDRESS })
    const controller = ['routes', 'controller', 'install', '-n', NAMESPACE, '--image', await provideControllerImage()]
    install = [...controller, '--metadata-name', NAME]
    const installed = await must(plugin([...install, '--yes', '--timeout', '120s']))
    assert.match(installed.stdout, /Metadata service of datacenter dc1: cassandra\.example\.com\./)
    await must(plugin(['certs', '-n', NAMESPACE]))
    await must(plugin(['certs', 'ca', '-n', NAMESPACE, '--out', ca]))
    await must(plugin(['bundle', 'create', '-n', NAMESPACE, '--public-name', NAME, '--out', bundle]))
    // the status of the CassandraDatacenter may be old
    const asked = 'SELECT host_id FROM system.local; SELECT host_id FROM system.peers'
    const { stdout } = await must(plugin(['cqlsh-sni', '-n', NAMESPACE, '-e', asked]))
    hostIds = (stdout.match(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g) ?? []).sort()
    const secret = await object<{ data: { username: string; password: string } }>('secret', 'dse-superuser')
    const plain = (text = '') => Buffer.from(text, 'base64').toString('utf8')
    login = { username: plain(secret?.data.username), password: plain(secret?.data.password) }
    const created = [1, 3].map((replicas) => {
      const keyspace = `${KEYSPACE}_${replicas === 1 ? 'one' : 'all'}`
      const replication = `{'class': 'NetworkTopologyStrategy', 'dc1': ${replicas}}`
      return (
        `CREATE KEYSPACE IF NOT EXISTS ${keyspace} WITH replication = ${replication}; ` +
        `CREATE TABLE IF NOT EXISTS ${keyspace}.t (k int PRIMARY KEY, v text);`
      )
    })
    await must(plugin(['cqlsh-sni', '-n', NAMESPACE, '-e', created.join(' ')]))
  })
  after(async () => {
    const dropped = `DROP KEYSPACE IF EXISTS ${KEYSPACE}_one; DROP KEYSPACE IF EXISTS ${KEYSPACE}_all`
    await must(plugin(['cqlsh-sni', '-n', NAMESPACE, '-e', dropped]))
    await must(plugin(['routes', 'controller', 'uninstall', '--yes']))
    await names.close()
    await rm(folder, { recursive: true, force: true })
  })

  const request = async (path = '/metadata', name = NAME) => {
    const to = ['--connect-to', `${name}:9042:${GATEWAY_ADDRESS}:9042`]
    return run('curl', ['--silent', '--fail', '--max-time', '10', '--cacert', ca, ...to, `https://${name}:9042${path}`])
  }
  const checks = async () => {
    const { result } = await pluginJson<Checks>(['verify', '-n', NAMESPACE])
    return Object.fromEntries(
      (result as Checks).checks
        .filter(({ code }) => code.startsWith('CSNI87'))
        .map(({ code, result: verdict }) => [code, verdict]),
    )
  }

  const readEverywhere = async (drivers: BundleDriver[]) => {
    try {
      const rounds = await Promise.all(drivers.map(async (driver) => [driver.name, await driver.round()] as const))
      for (const [name, round] of rounds) assert.deepEqual(round, { nodes: hostIds, astray: 0, errors: [] }, name)
    } finally {
      await Promise.all(drivers.map((driver) => driver.end()))
    }
  }

  it('is installed once', () => writesNothing(install))

  it('answers with the host IDs, and with nothing else', async () => {
    const { stdout } = await must(request())
    const { contact_info: info } = JSON.parse(stdout) as { contact_info: Record<string, unknown> }
    assert.deepEqual((info['contact_points'] as string[]).sort(), hostIds)
    assert.equal(info['sni_proxy_address'], `${NAME}:9042`)
    assert.notEqual((await request('/')).exitCode, 0)
    assert.notEqual((await request('/metadata', 'other.example.com')).exitCode, 0)
  })

  it('lets stock Python, Node.js and Java read from every node, token-aware, and write at LOCAL_QUORUM', async () => {
    const drivers = await startBundleDrivers(names, { bundle, ca, keyspace: KEYSPACE, login })
    await readEverywhere(drivers)
  })

  it('docs/clients.md: the programs with a bundle, as written there', async () => {
    const text = await readFile(join(CHECKOUT, 'docs/clients.md'), 'utf8')
    const { username, password } = login
    const section = text.slice(text.indexOf('### Drivers with a bundle'), text.indexOf('### In a Secret'))
    const program = async (language: string, file: string) => {
      const written = new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(section)?.[1] ?? ''
      const filled = written
        .replaceAll('secure-connect-dc1.zip', bundle)
        .replace(/(['"])app\1, \1…\1|username: 'app', password: '…'/, (pair) =>
          pair.replace('app', username).replace('…', password),
        )
      assert.ok(filled.includes(password), `no login in the ${language} program`)
      await writeFile(join(folder, file), filled)
      return join(folder, file)
    }
    const java = ['java', '-XX:TieredStopAtLevel=1', '-cp', await javaLibraries()]
    const env = { ...process.env, ...(await withPythonDriver()), NODE_PATH: join(CHECKOUT, 'node_modules') }
    const commands = [
      ['python3', await program('python', 'first_row.py')],
      [...java, await program('java', 'FirstRow.java')],
      [process.execPath, await program('js', 'first-row.cjs')],
    ]
    for (const command of commands) {
      const [name = '', ...args] = names.using(command)
      const { stdout } = await must(run(name, args, { env, timeoutMs: 60_000 }))
      const [id = ''] = /[0-9a-f-]{36}(?= 5\.0)/.exec(stdout) ?? []
      assert.ok(hostIds.includes(id), stdout)
    }
  })

  it('lets stock cqlsh read and write through cql-proxy', async function () {
    this.timeout(400_000)
    await installCqlsh()
    const port = await freePort()
    const flags = ['--astra-bundle', bundle, '--bind', `127.0.0.1:${port}`, '--http-bind', '127.0.0.1:0']
    const [program = '', ...args] = names.using([await cqlProxy(), ...flags])
    // as variables: other users can read arguments
    const env = { ...process.env, USERNAME: login.username, PASSWORD: login.password }
    const proxy = spawn(program, args, { env, stdio: 'ignore' })
    try {
      await until('cql-proxy listens', () => accepts(port), 30_000)
      const write = `CONSISTENCY LOCAL_QUORUM; INSERT INTO ${KEYSPACE}_all.t (k, v) VALUES (1000, 'cql-proxy');`
      const read = `SELECT v FROM ${KEYSPACE}_all.t WHERE k = 1000;`
      // a virtual table of the node that answers
      const which = `SELECT value FROM system_views.settings WHERE name = 'listen_address';`.repeat(9)
      const statements = `${write}${read}${which}`.replaceAll(';', ';\n')
      const cqlsh = [...CQLSH_COMMAND.slice(1), '-u', 'any', '-p', 'any', '127.0.0.1', String(port)]
      const { stdout } = await must(run('python3', cqlsh, { env: CQLSH_ENVIRONMENT, stdin: statements }))
      assert.match(stdout, /^ cql-proxy$/m)
      assert.equal(new Set(stdout.match(/^ +\d+(\.\d+){3}$/gm)).size, hostIds.length, stdout)
    } finally {
      proxy.kill()
      await once(proxy, 'close')
    }
  })

  it('is not needed on the own machine: bundle serve lets the same drivers connect', async () => {
    const local = join(folder, 'local.zip')
    const serving = await startPlugin(['bundle', 'serve', '-n', NAMESPACE, '--out', local])
    try {
      await until('it serves', () => serving.stdout().includes('Serving '), 30_000)
      const localCa = join(folder, 'local.pem')
      const unzip = `import sys, zipfile; sys.stdout.write(zipfile.ZipFile(sys.argv[1]).read('ca.crt').decode())`
      await writeFile(localCa, (await must(run('python3', ['-c', unzip, local]))).stdout)
      const drivers = await startBundleDrivers(names, { bundle: local, ca: localCa, keyspace: KEYSPACE, login })
      await readEverywhere(drivers)
    } finally {
      serving.child.kill('SIGINT')
    }
    assert.equal(await serving.ended, 130)
    await assert.rejects(access(local))
  })

  it('is verified, and missed', async () => {
    assert.deepEqual(await checks(), { CSNI871: 'pass', CSNI872: 'pass', CSNI873: 'pass' })
    const scale = (replicas: number) =>
      kubectl(['scale', 'deployment', SERVICE, '-n', NAMESPACE, `--replicas=${replicas}`])
    await scale(0)
    await until('no replica answers', async () => (await request()).exitCode !== 0, 30_000)
    assert.equal((await checks())['CSNI871'], 'fail')
    await scale(2)
    await until('it answers again', async () => (await request()).exitCode === 0, 30_000)
  })

  it('answers under STRICT mutual TLS in a namespace with injection, without a sidecar', async () => {
    const policy = {
      apiVersion: 'security.istio.io/v1',
      kind: 'PeerAuthentication',
      metadata: { name: 'strict-metadata', namespace: NAMESPACE },
      spec: { selector: { matchLabels: { 'app.kubernetes.io/name': 'cass-sni-metadata' } }, mtls: { mode: 'STRICT' } },
    }
    const label = async () => {
      const { metadata } = JSON.parse(await kubectl(['get', 'namespace', NAMESPACE, '-o', 'json'])) as {
        metadata: { labels?: Record<string, string> }
      }
      return metadata.labels?.['istio-injection']
    }
    const before = await label()
    try {
      await kubectl(['apply', '-f', '-'], { stdin: JSON.stringify(policy) })
      await kubectl(['label', 'namespace', NAMESPACE, 'istio-injection=enabled', '--overwrite'])
      await kubectl(['rollout', 'restart', 'deployment', SERVICE, '-n', NAMESPACE])
      await kubectl(['rollout', 'status', 'deployment', SERVICE, '-n', NAMESPACE, '--timeout=60s'])
      const containers = await kubectl([
        ...['get', 'pods', '-n', NAMESPACE, '-l', SELECTOR],
        ...['-o', 'jsonpath={.items[*].spec.containers[*].name}'],
      ])
      assert.deepEqual([...new Set(containers.split(' '))], ['controller'])
      await until('it answers', async () => (await request()).exitCode === 0, 30_000)
    } finally {
      const restored = before === undefined ? 'istio-injection-' : `istio-injection=${before}`
      await kubectl(['label', 'namespace', NAMESPACE, restored, '--overwrite'])
      await kubectl(['delete', 'peerauthentication', 'strict-metadata', '-n', NAMESPACE, '--ignore-not-found'])
    }
  })
})

function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  return new Promise<boolean>((done) => {
    socket.once('connect', () => done(true)).once('error', () => done(false))
  }).finally(() => socket.destroy())
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
