/** `routes delete` against a real API server: what `routes sync` made is gone, and nothing else. */
import { deepEqual, equal, match } from 'node:assert/strict'
import { CASSANDRA_DATACENTER, ISTIO_GATEWAY, SERVICE, VIRTUAL_SERVICE } from '../../src/lib/cluster/resources.ts'
import { apiServer, type Manifest, pathOf, type TestServer } from '../support/api-server.ts'
import { OUR_AGENT, writesBy } from '../support/audit.ts'
import { createDatacenter, type TestDatacenter } from '../support/cluster-state.ts'
import { type CommandOutcome, runCommand } from '../support/command.ts'
import { bindDocumentedRoles } from '../support/documented-roles.ts'
import { createMesh, removeRoutes, type TestMesh } from '../support/mesh-state.ts'
import { assertMatchesSchema } from '../support/schema.ts'

describe('routes delete', function () {
  this.timeout(60_000)
  let server: TestServer
  let mesh: TestMesh
  let dc: TestDatacenter

  before(async () => {
    server = await apiServer()
  })
  beforeEach(async () => {
    mesh = await createMesh(server, { namespace: await server.namespace('istio') })
    dc = await createDatacenter(server, { namespace: await server.namespace('cass') })
  })
  afterEach(async () => {
    await Promise.all([mesh.remove(), dc.remove()])
    await removeRoutes(server)
  })

  const routes = (verb: string, ...words: string[]): Promise<CommandOutcome> =>
    runCommand(['routes', verb, '--kubeconfig', server.kubeconfig, '-n', dc.namespace, ...words])
  const deleted = async (...words: string[]) => {
    const outcome = await routes('delete', '-o', 'json', ...words)
    equal(outcome.exitCode, 0, outcome.stderr)
    const json = outcome.json()
    assertMatchesSchema('RoutesDelete', json)
    const changes: { object: string; action: string }[] = json.changes ?? []
    return { ...json.result, changes: changes.map(({ object, action }) => `${object} ${action}`) }
  }
  /** Everything that the routes are made of, as the server has it now. */
  const state = async () => {
    const names = async (type: Parameters<typeof pathOf>[0]) => {
      const { items } = await server.client.get<{ items: Manifest[] }>(pathOf(type, dc.namespace))
      return items.map(({ metadata }) => `${type.kind}/${metadata.name}`)
    }
    const objects = await Promise.all([SERVICE, ISTIO_GATEWAY, VIRTUAL_SERVICE].map(names))
    const [gateway] = (await server.client.get<{ items: GatewayService[] }>(pathOf(SERVICE, mesh.namespace))).items
    return { objects: objects.flat().sort(), ports: gateway?.spec.ports.map(({ port }) => port) }
  }
  interface GatewayService extends Manifest {
    spec: { ports: { port: number }[] }
  }

  it('takes back what routes sync made, and leaves what was there before; a second run writes nothing', async () => {
    const before = await state()
    equal((await routes('sync')).exitCode, 0)
    const synced = await state()
    equal(synced.objects.length, before.objects.length + 5)

    const started = Date.now()
    const planned = await deleted('--dry-run')
    equal(planned.deleted, 5)
    deepEqual(await writesBy(server.auditLog, OUR_AGENT, started), [])
    deepEqual(await state(), synced)

    const result = await deleted()
    deepEqual([result.datacenter, result.deleted, result.closed.length], ['dc1', 5, 1])
    deepEqual(result.changes, planned.changes)
    deepEqual(await state(), before)

    const since = Date.now()
    const again = await routes('delete')
    equal(again.exitCode, 0)
    match(again.stdout, /^No routes found in namespace /)
    deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
  })

  it('keeps the port and the routes of another datacenter', async () => {
    const second = await createDatacenter(server, { namespace: dc.namespace, name: 'dc2', clusterName: 'Second' })
    try {
      equal((await routes('sync', '-d', 'dc1')).exitCode, 0)
      const before = await state()
      equal((await routes('sync', '-d', 'dc2')).exitCode, 0)
      const ambiguous = await routes('delete')
      equal(ambiguous.exitCode, 2)
      match(ambiguous.stderr, /2 datacenters have routes: dc1, dc2.*CSNI105[\s\S]*--datacenter dc1/)

      await deleted('-d', 'dc2')
      deepEqual(await state(), before)
      const mistyped = await routes('delete', '-d', 'cd1')
      equal(mistyped.exitCode, 0)
      match(mistyped.stderr, /warning: datacenter cd1 has no routes; datacenters with routes: dc1/)
      deepEqual(await state(), before)
      match((await routes('diff', '-d', 'dc1')).stdout, /^All routes in sync\.\n$/)
    } finally {
      await second.remove()
    }
  })

  it('closes the port that stayed when the objects were deleted with the CassandraDatacenter', async () => {
    const before = await state()
    equal((await routes('sync')).exitCode, 0)
    // as the garbage collector does, which does not run here
    for (const type of [VIRTUAL_SERVICE, ISTIO_GATEWAY]) await server.remove(type, 'cass-sni-dc1', dc.namespace)
    for (const { pod } of dc.nodes) await server.remove(SERVICE, `${pod}-cql`, dc.namespace)
    equal((await state()).ports?.includes(9042), true)
    const result = await deleted()
    deepEqual([result.datacenter, result.deleted, result.closed.length], ['dc1', 0, 1])
    deepEqual(await state(), before)
  })

  it('warns where the port stays open because the gateway may not be read, and closes it later', async () => {
    const before = await state()
    equal((await routes('sync')).exitCode, 0)
    const namespaces = { datacenter: dc.namespace, gateway: dc.namespace }
    const roles = await bindDocumentedRoles(server, 'inside', namespaces, () => true, ['-datacenter'])
    try {
      const outcome = await runCommand(['routes', 'delete', '--kubeconfig', roles.kubeconfig, '-n', dc.namespace])
      equal(outcome.exitCode, 0, outcome.stderr)
      match(outcome.stderr, /warning: the port of datacenter dc1 on gateway istio-\d+\/istio-ingressgateway stays open/)
    } finally {
      await roles.remove()
    }
    equal((await state()).ports?.includes(9042), true)
    equal((await deleted()).closed.length, 1)
    deepEqual(await state(), before)
  })

  it('works after the CassandraDatacenter is gone', async () => {
    const before = await state()
    equal((await routes('sync')).exitCode, 0)
    await server.remove(CASSANDRA_DATACENTER, 'dc1', dc.namespace)
    equal((await deleted()).datacenter, 'dc1')
    deepEqual(await state(), before)
  })
})
