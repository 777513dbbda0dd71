/** `routes list` and `routes diff` against a real API server: what they say is what `routes sync` does. */
import { deepEqual, equal, match } from 'node:assert/strict'
import { SERVICE, VIRTUAL_SERVICE } from '../../src/lib/cluster/resources.ts'
import { apiServer, pathOf, type TestServer } from '../support/api-server.ts'
import { OUR_AGENT, writesBy } from '../support/audit.ts'
import { createDatacenter, type TestDatacenter } from '../support/cluster-state.ts'
import { type CommandOutcome, runCommand } from '../support/command.ts'
import { createMesh, removeRoutes, type TestMesh } from '../support/mesh-state.ts'
import { assertMatchesSchema } from '../support/schema.ts'

describe('routes list and routes diff', function () {
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
  const listed = async () => {
    const outcome = await routes('list', '-o', 'json')
    const json = outcome.json()
    assertMatchesSchema('RoutesList', json)
    return { exitCode: outcome.exitCode, ...json.result }
  }
  const differing = async () => {
    const outcome = await routes('diff', '-o', 'json')
    const json = outcome.json()
    assertMatchesSchema('RoutesDiff', json)
    const changes: { object: string; action: string }[] = json.changes ?? []
    return { exitCode: outcome.exitCode, changes: changes.map(({ object, action }) => `${object} ${action}`) }
  }

  it('agree before the first sync, after it, and when somebody has edited a route; neither writes', async () => {
    const since = Date.now()
    const none = await listed()
    equal(none.exitCode, 1)
    deepEqual(
      none.routes.map(({ state }: { state: string }) => state),
      ['outOfSync', 'outOfSync', 'outOfSync'],
    )
    match((await routes('list')).stdout, /\nCannot check which routes pod istio-ingressgateway-\S+ has loaded: /)
    const before = await differing()
    equal(before.exitCode, 1)
    equal(before.changes.length, 6, before.changes.join())
    deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])

    equal((await routes('sync')).exitCode, 0)
    const after = await listed()
    deepEqual(
      after.routes.map(({ pod, hostId, state }: { pod: string; hostId: string; state: string }) => [
        pod,
        hostId,
        state,
      ]),
      dc.nodes.map(({ pod, hostId }) => [pod, hostId, 'inSync']),
    )
    deepEqual(after.routes[0].serverNames, [dc.nodes[0]?.hostId, after.routes[0].serverNames[1]])
    equal(after.routes[0].upstream, `dse-dc1-default-sts-0-cql.${dc.namespace}.svc.cluster.local:9042`)
    deepEqual(await differing(), { exitCode: 0, changes: [] })
    match((await routes('diff')).stdout, /^All routes in sync\.\n$/)

    await server.client.send('PATCH', pathOf(SERVICE, dc.namespace, 'dse-dc1-default-sts-1-cql'), {
      metadata: { annotations: { 'networking.istio.io/exportTo': '*' } },
    })
    const edited = await listed()
    equal(edited.exitCode, 1)
    deepEqual(
      edited.routes.map(({ state }: { state: string }) => state),
      ['inSync', 'outOfSync', 'inSync'],
    )
    match(edited.routes[1].reasons.join(), /exportTo/)
    const diff = await routes('diff')
    equal(diff.exitCode, 1)
    match(diff.stdout, /^service\/dse-dc1-default-sts-1-cql configured \(dry run\)\n +metadata.*exportTo.*: \* → /)
  })

  it('show a node without a host ID as pending, and wide lines with server names', async () => {
    await dc.remove()
    dc = await createDatacenter(server, { namespace: await server.namespace('cass'), pending: 1 })
    const { pod = '' } = dc.nodes[2] ?? {}
    equal((await routes('sync')).exitCode, 0)
    const { routes: all } = await listed()
    equal(all.find((route: { pod: string }) => route.pod === pod).state, 'pending')
    const wide = await routes('list', '--wide')
    match(wide.stdout, /NODE +HOST ID +ROUTE +LOADED +RACK +SERVICE +SERVER NAMES +REASON/)
    match(wide.stdout, new RegExp(`${pod}.* pending `))
  })

  it('list is not green while an object of others has the name or the port, and names it', async () => {
    equal((await routes('sync')).exitCode, 0)
    const rival = {
      apiVersion: 'networking.istio.io/v1beta1',
      kind: 'VirtualService',
      metadata: { name: 'rival', namespace: dc.namespace },
      spec: {
        hosts: ['*'],
        gateways: ['cass-sni-dc1'],
        tls: [
          {
            match: [{ port: 9042, sniHosts: [dc.nodes[0]?.hostId] }],
            route: [{ destination: { host: 'elsewhere', port: { number: 9042 } } }],
          },
        ],
      },
    }
    await server.create(VIRTUAL_SERVICE, rival)
    const list = await routes('list')
    equal(list.exitCode, 1)
    match(list.stdout, /^Conflict: .*rival.* \[CSNI504\]$/m)
  })

  it('say that no node can be routed: list fails, diff has nothing to change', async () => {
    const empty = await createDatacenter(server, { namespace: await server.namespace('empty'), pending: 3 })
    try {
      const of = (verb: string) =>
        runCommand(['routes', verb, '--kubeconfig', server.kubeconfig, '-n', empty.namespace])
      const [list, diff] = [await of('list'), await of('diff')]
      deepEqual([list.exitCode, diff.exitCode], [1, 0], list.stderr + diff.stderr)
      for (const { stderr } of [list, diff]) match(stderr, /no routable nodes \(no host IDs known yet\).*CSNI303/)
    } finally {
      await empty.remove()
    }
  })

  it('exit with 2 when diff cannot compare, and with 1 when list cannot', async () => {
    const words = ['--datacenter', 'nowhere']
    equal((await routes('diff', ...words)).exitCode, 2)
    equal((await routes('list', ...words)).exitCode, 1)
  })
})
