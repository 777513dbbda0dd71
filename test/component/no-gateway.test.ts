/** Commands that cannot reach the gateway: no pods, no address, or no permission for a tunnel. */
import { deepEqual, doesNotMatch, equal, match } from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { apiServer, type TestServer } from '../support/api-server.ts'
import { createDatacenter, type TestDatacenter } from '../support/cluster-state.ts'
import { runCommand } from '../support/command.ts'
import { bindDocumentedRoles } from '../support/documented-roles.ts'
import { createMesh, type GatewayShape, removeRoutes, type TestMesh } from '../support/mesh-state.ts'

const RUN = ['--', 'true']

describe('an unreachable gateway', function () {
  this.timeout(60_000)
  let server: TestServer
  let mesh: TestMesh
  let dc: TestDatacenter
  let directory: string
  let kubeconfig: string

  before(async () => {
    server = await apiServer()
  })
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cass-sni-no-gateway-'))
    kubeconfig = server.kubeconfig
  })
  afterEach(async () => {
    // nothing is half-written
    deepEqual(await readdir(directory), [])
    await Promise.all([mesh.remove(), dc.remove(), rm(directory, { recursive: true })])
    await removeRoutes(server)
  })

  const raise = async (gateway: GatewayShape) => {
    mesh = await createMesh(server, { namespace: await server.namespace('istio'), gateway })
    dc = await createDatacenter(server, { namespace: await server.namespace('cass'), racks: { default: 1 } })
  }
  const run = (words: string[], program: string[] = []) =>
    runCommand([...words, '--kubeconfig', kubeconfig, '-n', dc.namespace, ...program])
  const refused = async (code: string, message: RegExp, words: string[], program: string[] = []) => {
    const { exitCode, stdout, stderr } = await run(words, program)
    deepEqual([exitCode, stdout], [1, ''], `${words.join(' ')}: ${stderr}`)
    match(stderr, new RegExp(`\\[${code}\\]`), `${words.join(' ')}: ${stderr}`)
    match(stderr.replace(/\s+/g, ' '), message, words.join(' '))
    return stderr
  }
  const bundle = () => ['bundle', 'create', '--public-name', 'c.example.com', '--out', join(directory, 'c.zip')]
  const serve = () => ['bundle', 'serve', '--out', join(directory, 's.zip')]
  const forward = (...words: string[]) => ['port-forward', '--port', '0', ...words]

  it('without pods is reported with its Service and the command that lists them', async () => {
    await raise({ pods: 0, addresses: [] })
    equal((await run(['routes', 'sync'])).exitCode, 0)
    const pods = /no gateway pod is ready .*service\/istio-ingressgateway.* get pods -l istio=ingressgateway/
    await refused('CSNI208', pods, bundle())
    await refused('CSNI601', pods, ['cqlsh-sni', '-e', 'SELECT 1'])
  })

  it('without an address is reached through the local port of a tunnel', async () => {
    await raise({ addresses: [] })
    const { exitCode, stdout } = await run(['clients', 'show', '--driver', 'python'])
    equal(exitCode, 0)
    match(
      stdout,
      new RegExp(`Gateway without an address: kubectl cass-sni port-forward -n ${dc.namespace} --port 9042`),
    )
    match(stdout, /127\.0\.0\.1/)
    equal((await run(forward(), RUN)).exitCode, 0)
  })

  it('without permission for pods/portforward is reported with that permission, and --address instead', async () => {
    await raise({ addresses: [] })
    const reader = await bindDocumentedRoles(
      server,
      'no-tunnel',
      { datacenter: dc.namespace, gateway: mesh.namespace },
      (_verb, resources) => !resources.includes('pods/portforward'),
    )
    try {
      kubeconfig = reader.kubeconfig
      const permission = new RegExp(`pods/portforward in namespace ${mesh.namespace}`)
      const unreachable = [bundle(), serve(), ['cqlsh-sni', '-e', 'SELECT 1'], ['clients', 'show', '--driver', 'java']]
      for (const words of unreachable)
        match(await refused('CSNI606', permission, words), /Hint: set .* with --address HOST/)
      for (const words of [forward(), forward('--sni', 'any'), forward('--sni', 'all')])
        await refused('CSNI203', permission, words, RUN)
      // an address requires no tunnel, and no permission for one
      const direct = await run(forward('--sni', 'any', '--gateway-address', '127.0.0.1:1'), RUN)
      deepEqual([direct.exitCode, direct.stderr], [0, ''])
      const shown = await run(['clients', 'show', '--driver', 'java', '--address', 'c.example.com:30942'])
      match(shown.stdout, /c\.example\.com.*30942/s)
      doesNotMatch(shown.stdout, /9042(?<!30942)/)
    } finally {
      await reader.remove()
    }
  })
})
