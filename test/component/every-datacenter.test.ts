/** The route commands with -A against a real API server: two namespaces on one gateway and one port. */
import { deepEqual, equal, match } from 'node:assert/strict'
import { CASSANDRA_DATACENTER } from '../../src/lib/cluster/resources.ts'
import { apiServer, type Manifest, pathOf, type TestServer } from '../support/api-server.ts'
import { OUR_AGENT, writesBy } from '../support/audit.ts'
import { createDatacenter, type TestDatacenter } from '../support/cluster-state.ts'
import { runCommand } from '../support/command.ts'
import { createMesh, removeRoutes, type TestMesh } from '../support/mesh-state.ts'
import { assertMatchesSchema } from '../support/schema.ts'

describe('route commands for every datacenter', function () {
  this.timeout(60_000)
  let server: TestServer
  let mesh: TestMesh
  let datacenters: TestDatacenter[]

  before(async () => {
    server = await apiServer()
  })
  beforeEach(async () => {
    mesh = await createMesh(server, { namespace: await server.namespace('istio') })
    datacenters = []
    // of other files
    const { items } = await server.client.get<{ items: Manifest[] }>(pathOf(CASSANDRA_DATACENTER))
    for (const { metadata } of items) await server.remove(CASSANDRA_DATACENTER, metadata.name, metadata.namespace)
    const [one, other] = [await server.namespace('every'), await server.namespace('every')]
    datacenters.push(await createDatacenter(server, { namespace: one }))
    datacenters.push(await createDatacenter(server, { namespace: one, name: 'dc2', clusterName: 'Second' }))
    datacenters.push(await createDatacenter(server, { namespace: other, clusterName: 'My Cluster_2' }))
  })
  afterEach(async () => {
    await Promise.all([mesh.remove(), ...datacenters.map((dc) => dc.remove())])
    await removeRoutes(server)
  })

  const run = (...words: string[]) => runCommand(['routes', ...words, '--kubeconfig', server.kubeconfig])
  const json = async (kind: string, ...words: string[]) => {
    const outcome = await run(...words, '-A', '-o', 'json')
    const parsed = outcome.json()
    assertMatchesSchema(kind, parsed)
    return { exitCode: outcome.exitCode, ...parsed }
  }
  const named = (results: { namespace: string; datacenter: string }[]) =>
    results.map(({ namespace, datacenter }) => `${namespace}/${datacenter}`)
  const all = () => datacenters.map(({ namespace, name }) => `${namespace}/${name}`).sort()

  it('sync each on the same port, and write nothing the second time', async () => {
    const first = await json('RoutesSync', 'sync')
    equal(first.exitCode, 0, JSON.stringify(first))
    deepEqual(named(first.result.datacenters), all())
    deepEqual(
      first.result.datacenters.map(({ port, summary }: { port: number; summary: { routed: number } }) => [
        port,
        summary.routed,
      ]),
      all().map(() => [9042, 3]),
    )
    const since = Date.now()
    const again = await run('sync', '-A')
    equal(again.exitCode, 0, again.stderr)
    for (const name of all()) match(again.stdout, new RegExp(`^${name}\nNODE `, 'm'))
    deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
    equal((await run('diff', '-A')).exitCode, 0)
    // no Envoy runs here
    const listed = await json('RoutesList', 'list')
    deepEqual(named(listed.result.datacenters), all())
  })

  it('go on after a failure, leave out what is disabled, and fail in the end', async () => {
    const [one, , third] = datacenters as [TestDatacenter, TestDatacenter, TestDatacenter]
    await server.client.send('PATCH', pathOf(CASSANDRA_DATACENTER, third.namespace, third.name), {
      metadata: { annotations: { 'cass-sni/routes': 'disabled' } },
    })
    equal((await run('sync', '-n', one.namespace, '-d', 'dc1', '--port', '9043')).exitCode, 0)
    // the port of the second one is taken by another protocol of somebody else
    const gateway = {
      apiVersion: 'networking.istio.io/v1beta1',
      kind: 'Gateway',
      metadata: { name: 'other', namespace: mesh.namespace },
      spec: {
        selector: { istio: 'ingressgateway' },
        servers: [{ port: { number: 9042, name: 'tcp', protocol: 'TCP' }, hosts: ['*'] }],
      },
    }
    await server.create(
      { group: 'networking.istio.io', version: 'v1beta1', kind: 'Gateway', plural: 'gateways', namespaced: true },
      gateway,
    )
    const result = await json('RoutesSync', 'sync')
    equal(result.exitCode, 1, JSON.stringify(result))
    deepEqual(named(result.result.datacenters), [`${one.namespace}/dc1`])
    deepEqual(named(result.result.failed), [`${one.namespace}/dc2`])
    equal(result.result.failed[0].code, 'CSNI503')
    deepEqual(result.result.disabled, [`${third.namespace}/dc1`])
    const text = await run('sync', '-A')
    equal(text.exitCode, 1)
    match(text.stderr, new RegExp(`warning: ${one.namespace}/dc2: .*CSNI503`))
    match(text.stdout, new RegExp(`${third.namespace}/dc1: skipped \\(annotation cass-sni/routes\\)`))
  })

  it('refuse what makes no sense together', async () => {
    for (const words of [
      ['sync', '-A', '-d', 'dc1'],
      ['sync', '-A', '--watch'],
      ['list', '-A', '-d', 'dc1'],
    ]) {
      const outcome = await run(...words)
      equal(outcome.exitCode, 2, words.join(' '))
      match(outcome.stderr, /--all-namespaces|--datacenter/)
    }
  })
})
