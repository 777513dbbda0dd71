/** `routes sync --watch` against a real API server: a process as a user starts it, and its lines. */
import { deepEqual, doesNotMatch, equal, match, ok } from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  CASSANDRA_DATACENTER,
  PERSISTENT_VOLUME_CLAIM,
  POD,
  SERVICE,
  VIRTUAL_SERVICE,
} from '../../src/lib/cluster/resources.ts'
import { apiServer, pathOf, type TestServer } from '../support/api-server.ts'
import { OUR_AGENT, writesBy } from '../support/audit.ts'
import { bindDocumentedRoles } from '../support/documented-roles.ts'
import { createDatacenter, type TestDatacenter } from '../support/cluster-state.ts'
import { runCommand } from '../support/command.ts'
import type { Stored } from '../support/fixture-server.ts'
import { requestsBefore } from '../support/fault-server.ts'
import { createMesh, removeRoutes, type TestMesh } from '../support/mesh-state.ts'
import { assertMatchesSchema } from '../support/schema.ts'
import { until } from '../support/until.ts'
import { about, event, Watching } from '../support/watching.ts'

const ROOT = join(import.meta.dirname, '../..')

/** The program of src/ with --watch. */
const watch = (words: string[]) =>
  new Watching(process.execPath, [join(ROOT, 'bin/dev.js'), 'routes', 'sync', '--watch', ...words])

/** The claim of a data volume, as cass-operator's StatefulSet has it. */
const claimOf = (pod: string, namespace: string) => ({
  metadata: {
    name: `server-data-${pod}`,
    namespace,
    labels: { 'cassandra.datastax.com/datacenter': 'dc1' },
  },
  spec: {
    // a name of its own: the test of uninstall deletes server-storage if no claim of the API server uses it
    storageClassName: 'volumes',
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '1Gi' } },
  },
})

describe('routes sync --watch', function () {
  this.timeout(90_000)
  let server: TestServer
  let mesh: TestMesh
  let dc: TestDatacenter
  let watching: Watching | undefined

  before(async () => {
    server = await apiServer()
  })
  beforeEach(async () => {
    mesh = await createMesh(server, { namespace: await server.namespace('istio') })
    dc = await createDatacenter(server, { namespace: await server.namespace('cass') })
  })
  afterEach(async () => {
    await watching?.stop()
    watching = undefined
    await Promise.all([mesh.remove(), dc.remove()])
    await removeRoutes(server)
  })

  const start = (...words: string[]) => {
    watching = watch(['-n', dc.namespace, '--kubeconfig', server.kubeconfig, ...words])
    return watching
  }
  const sniHosts = async () => {
    const { spec } = await server.client.get<{ spec: { tls: { match: { sniHosts: string[] }[] }[] } }>(
      pathOf(VIRTUAL_SERVICE, dc.namespace, 'cass-sni-dc1'),
    )
    return spec.tls.flatMap(({ match: matches }) => matches.flatMap((each) => each.sniHosts))
  }

  it('syncs first, then follows a replaced node, and ends with Ctrl-C', async () => {
    const lines = start('-o', 'json')
    const first = await lines.line(event('synced'))
    equal(first.kind, 'RoutesWatch')
    assertMatchesSchema('RoutesWatch', first)
    deepEqual(
      first.result.nodes?.map(({ state }) => state),
      ['routed', 'routed', 'routed'],
    )
    ok(about('cass-sni-dc1', 'created')(first), JSON.stringify(first.changes))
    const { pod = '', hostId: before } = dc.nodes[0] ?? {}
    const { hostId = '' } = await dc.replaceNode(pod)
    ok(hostId !== before)
    const changed = await lines.line((line) => line.result.nodes?.some((node) => node.hostId === hostId) === true)
    assertMatchesSchema('RoutesWatch', changed)
    ok((await sniHosts()).includes(hostId))
    // pods and statuses come by watches of their own: this line need not be the last one
    const diff = ['routes', 'diff', '-n', dc.namespace, '--kubeconfig', server.kubeconfig]
    await until('nothing differs', async () => (await runCommand(diff)).exitCode === 0, 20_000)
    equal(await lines.stop(), 130)
    equal(lines.stderr.includes('error'), false, lines.stderr)
    equal(lines.stderr.split('Watching for changes until Ctrl-C\n').length, 2, lines.stderr)
    // what the watch has left is what a sync wants
    const since = Date.now()
    equal((await runCommand(['routes', 'sync', '-n', dc.namespace, '--kubeconfig', server.kubeconfig])).exitCode, 0)
    deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
  })

  it('brings back what is deleted or edited, within a second', async () => {
    const lines = start('-o', 'json')
    await lines.line(event('synced'))
    await sleep(1000)
    const before = await sniHosts()
    const started = performance.now()
    await server.remove(VIRTUAL_SERVICE, 'cass-sni-dc1', dc.namespace)
    await lines.line(about('cass-sni-dc1', 'created'))
    // the machine may be busy: the benchmark measures
    ok(performance.now() - started < 5000)
    deepEqual(await sniHosts(), before)
    const path = pathOf(VIRTUAL_SERVICE, dc.namespace, 'cass-sni-dc1')
    await server.client.send('PATCH', path, { spec: { hosts: ['example.com'] } })
    await lines.line(about('virtualservice.networking.istio.io/cass-sni-dc1', 'configured'))
    await server.remove(SERVICE, `${dc.nodes[1]?.pod}-cql`, dc.namespace)
    await lines.line(about(`${dc.nodes[1]?.pod}-cql`, 'created'))
  })

  it('makes one write of a burst', async () => {
    const lines = start('-o', 'json')
    await lines.line(event('synced'))
    await sleep(1000)
    const since = Date.now()
    const path = pathOf(CASSANDRA_DATACENTER, dc.namespace, 'dc1')
    for (let time = 0; time < 30; time++)
      await server.client.send('PATCH', path, { metadata: { annotations: { burst: String(time) } } })
    await server.remove(VIRTUAL_SERVICE, 'cass-sni-dc1', dc.namespace)
    await lines.line(about('cass-sni-dc1', 'created'))
    await sleep(1000)
    equal((await writesBy(server.auditLog, OUR_AGENT, since)).length, 1)
  })

  it('survives an API server that is away: reports it once, and catches up', async () => {
    const proxy = await requestsBefore(server)
    try {
      watching = watch(['-n', dc.namespace, '--kubeconfig', proxy.kubeconfig, '-o', 'json'])
      await watching.line(event('synced'))
      await sleep(1000)
      proxy.fault = () => ({ reset: true })
      proxy.resetAll()
      const failing = await watching.line(event('failing'))
      assertMatchesSchema('RoutesWatch', failing)
      equal(failing.error?.code, 'CSNI201', JSON.stringify(failing))
      await server.remove(VIRTUAL_SERVICE, 'cass-sni-dc1', dc.namespace)
      proxy.fault = () => undefined
      await watching.line(about('cass-sni-dc1', 'created'), 60_000)
      equal(watching.text.filter((line) => line.includes('"failing"')).length, 1, watching.text.join('\n'))
    } finally {
      await watching?.stop()
      await proxy.stop()
    }
  })

  it('survives a killed API server: reports it once and soon, and catches up', async () => {
    const lines = start('-o', 'json')
    await lines.line(event('synced'))
    await server.restart(async () => {
      await lines.line(event('failing'), 10_000)
    })
    await lines.line(event('recovered'), 60_000)
    await server.remove(VIRTUAL_SERVICE, 'cass-sni-dc1', dc.namespace)
    await lines.line(about('cass-sni-dc1', 'created'))
    equal(lines.text.filter((line) => line.includes('connection refused')).length, 1, lines.text.join('\n'))
  })

  describe('with the roles of docs/permissions.yaml', () => {
    const undo: (() => Promise<void>)[] = []

    afterEach(async () => {
      await watching?.stop()
      for (const each of undo.splice(0)) await each()
    })

    const bound = async (user: string, allowed?: (verb: string, resources: string[]) => boolean) => {
      const namespaces = { datacenter: dc.namespace, gateway: mesh.namespace }
      const roles = await bindDocumentedRoles(server, user, namespaces, allowed)
      undo.push(roles.remove)
      return roles.kubeconfig
    }
    const follow = async (kubeconfig: string) => {
      watching = watch(['-n', dc.namespace, '--kubeconfig', kubeconfig, '-o', 'json'])
      await watching.line(event('synced'))
      await sleep(1000)
      await server.remove(VIRTUAL_SERVICE, 'cass-sni-dc1', dc.namespace)
      await watching.line(about('cass-sni-dc1', 'created'), 45_000)
      const failing = watching.text.filter((line) => line.includes('"failing"'))
      deepEqual(failing, [])
    }

    it('syncs and follows changes', async () => follow(await bound('watching')))

    it('removes the host ID of a node that has lost its volume, as soon as its pod is gone', async () => {
      const [lost, recreated] = dc.nodes.map(({ pod, hostId = '' }) => ({ pod, hostId }))
      ok(lost !== undefined && recreated !== undefined)
      watching = watch(['-n', dc.namespace, '--kubeconfig', await bound('volumes'), '-o', 'json'])
      await watching.line(event('synced'))
      for (const { pod, hostId } of [lost, recreated]) {
        const claim = await server.create(PERSISTENT_VOLUME_CLAIM, claimOf(pod, dc.namespace))
        const { metadata } = await server.client.get<Stored>(pathOf(POD, dc.namespace, pod))
        // no node can confirm its host ID here
        const confirmed = [metadata.uid, hostId, claim.metadata.uid].join('/')
        const annotations = { 'cass-sni/confirmed': confirmed }
        await server.client.send('PATCH', pathOf(SERVICE, dc.namespace, `${pod}-cql`), { metadata: { annotations } })
      }
      await server.remove(POD, recreated.pod, dc.namespace)
      await server.remove(PERSISTENT_VOLUME_CLAIM, `server-data-${lost.pod}`, dc.namespace)
      await server.remove(POD, lost.pod, dc.namespace)
      await watching.line(
        (line) => line.result.nodes?.some(({ pod, hostId }) => pod === lost.pod && hostId === undefined) === true,
      )
      const names = await sniHosts()
      ok(!names.includes(lost.hostId), names.join())
      ok(names.includes(recreated.hostId), names.join())
      ok(
        names.some((name) => name.startsWith(`${lost.pod}.`)),
        names.join(),
      )
      deepEqual(
        watching.text.filter((line) => line.includes('"failing"')),
        [],
      )
    })

    it('polls without permission to watch', async () => follow(await bound('polling', (verb) => verb !== 'watch')))

    it('follows what it can without permission to list ConfigMaps', async () =>
      follow(await bound('getting', (verb, [resource]) => resource !== 'configmaps' || verb === 'get')))
  })

  it('prints a line for each change as text, the table first, and nothing of the progress on stdout', async () => {
    const lines = start()
    const end = performance.now() + 30_000
    while (lines.text.length < 10 && performance.now() < end) await sleep(20)
    await sleep(1000)
    await server.remove(SERVICE, `${dc.nodes[1]?.pod}-cql`, dc.namespace)
    while (!lines.text.join('\n').includes('cql created\n20') && lines.text.length < 11 && performance.now() < end)
      await sleep(20)
    const text = lines.text.join('\n')
    match(text, /NODE +HOST ID +ROUTE\n/)
    match(text, /\n\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ service\/dse-dc1-default-sts-1-cql created/)
    equal(await lines.stop('SIGTERM'), 143)
    doesNotMatch(lines.stderr, /error/)
  })

  it('is refused with --dry-run and with -o yaml', async () => {
    for (const words of [['--dry-run'], ['-o', 'yaml']]) {
      const { exitCode, stderr } = await runCommand([
        'routes',
        'sync',
        '-w',
        '--kubeconfig',
        server.kubeconfig,
        ...words,
      ])
      equal(exitCode, 2, stderr)
      match(stderr, /CSNI101/)
    }
  })
})
