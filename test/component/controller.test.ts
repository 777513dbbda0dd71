/** The loop of the controller over several datacenters, against a real API server. */
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectKube } from '../../src/lib/cluster/client.ts'
import { CASSANDRA_DATACENTER, EVENT, ISTIO_GATEWAY, VIRTUAL_SERVICE } from '../../src/lib/cluster/resources.ts'
import { CassSniError } from '../../src/lib/errors.ts'
import { DatacenterLoop, type Scope } from '../../src/lib/reconcile/follow-datacenters.ts'
import { FollowedDatacenter } from '../../src/lib/reconcile/followed-datacenter.ts'
import type { FollowedEvent } from '../../src/lib/reconcile/followed.ts'
import { type SyncRecord, syncRecordOf } from '../../src/lib/reconcile/sync-record.ts'
import { apiServer, pathOf, type Stored, type TestServer } from '../support/api-server.ts'
import { OUR_AGENT, writesBy } from '../support/audit.ts'
import { createDatacenter, type TestDatacenter } from '../support/cluster-state.ts'
import { runCommand } from '../support/command.ts'
import { createMesh, removeRoutes, type TestMesh } from '../support/mesh-state.ts'
import { until } from '../support/until.ts'

describe('the controller', function () {
  this.timeout(90_000)
  let server: TestServer
  let mesh: TestMesh
  let one: TestDatacenter
  let other: TestDatacenter
  let running: { stop: () => Promise<void> }[]

  before(async () => {
    server = await apiServer()
  })
  beforeEach(async () => {
    running = []
    mesh = await createMesh(server, { namespace: await server.namespace('istio') })
    one = await createDatacenter(server, { namespace: await server.namespace('cass') })
    other = await createDatacenter(server, { namespace: await server.namespace('cass'), clusterName: 'other' })
  })
  afterEach(async () => {
    for (const { stop } of running) await stop()
    await Promise.all([mesh.remove(), one.remove(), other.remove()])
    await removeRoutes(server)
  })

  /** Starts a replica; as leader, unless it is a standby. */
  const start = async ({ standby = false, ...scope }: Scope & { standby?: boolean } = {}) => {
    const end = new AbortController()
    const term = new AbortController()
    const kube = await connectKube({ kubeconfig: server.kubeconfig, signal: end.signal })
    const events: (FollowedEvent & { datacenter?: string })[] = []
    const delays: number[] = []
    const loop = new DatacenterLoop(
      {
        kube,
        signal: end.signal,
        report: (event) => events.push(event),
        follow: (parts, key) =>
          new FollowedDatacenter(
            {
              ...parts,
              live: kube,
              identity: 'replica-a',
              signal: end.signal,
              report: (event) => events.push({ ...event, datacenter: key.namespace }),
              now: Date.now,
            },
            key,
          ),
        onRun: ({ seconds }) => (seconds === undefined ? 0 : delays.push(seconds)),
      },
      { namespaces: [one.namespace, other.namespace], ...scope },
    )
    const run = loop.run()
    run.catch(() => undefined)
    const stop = async () => {
      term.abort(new CassSniError('CSNI902', 'over'))
      end.abort(new CassSniError('CSNI902', 'stopped'))
      await rejects(run, /stopped/)
    }
    running.push({ stop })
    if (!standby) loop.lead(term.signal).catch(() => undefined)
    return { loop, events, delays, term, stop }
  }
  const soon = <T>(what: string, look: () => Promise<T | undefined | false>) => until(what, look, 30_000, 20)
  const read = async (type: typeof EVENT, namespace: string, name: string) => {
    const { items } = await server.client.get<{ items: Stored[] }>(pathOf(type, namespace))
    return items.find(({ metadata }) => metadata.name === name)
  }
  const routesOf = (namespace: string) => read(VIRTUAL_SERVICE, namespace, 'cass-sni-dc1')
  const routed = (namespace: string) => soon(`routes in ${namespace}`, () => routesOf(namespace))
  const recordOf = async (namespace: string): Promise<SyncRecord | undefined> =>
    syncRecordOf((await read(ISTIO_GATEWAY, namespace, 'cass-sni-dc1')) as Parameters<typeof syncRecordOf>[0])
  const eventsOf = async (namespace: string) => {
    const { items } = await server.client.get<{
      items: { reason: string; type: string; message: string; involvedObject: { name: string; kind: string } }[]
    }>(pathOf(EVENT, namespace))
    return items
  }
  const settled = () => sleep(1000)
  const writes = async (since: number) =>
    (await writesBy(server.auditLog, OUR_AGENT, since)).map(({ verb, resource, name }) => `${verb} ${resource}/${name}`)

  it('routes every datacenter in its scope, and heals what is deleted or edited', async () => {
    const { loop, delays } = await start()
    await Promise.all([routed(one.namespace), routed(other.namespace)])
    await soon('both synced', async () => loop.datacenters.length === 2 && loop.synced)
    await settled()
    await server.remove(VIRTUAL_SERVICE, 'cass-sni-dc1', other.namespace)
    await routed(other.namespace)
    const path = pathOf(VIRTUAL_SERVICE, one.namespace, 'cass-sni-dc1')
    await server.client.send('PATCH', path, { spec: { hosts: ['example.com'] } })
    await soon('the edit is healed', async () => {
      const { spec } = (await routesOf(one.namespace)) as unknown as { spec: { hosts: string[] } }
      return !spec.hosts.includes('example.com')
    })
    await soon('the delays', async () => delays.length >= 4)
    ok(
      delays.every((seconds) => seconds > 0 && seconds < 20),
      delays.join(),
    )
    equal(
      loop.datacenters.every(({ routed: nodes, pending }) => nodes === 3 && pending === 0),
      true,
    )
  })

  it('writes nothing when all is in sync, after the command, nor does the command after it', async () => {
    await start()
    await Promise.all([routed(one.namespace), routed(other.namespace)])
    await soon('recorded', async () => (await recordOf(one.namespace)) && (await recordOf(other.namespace)))
    await settled()
    const since = Date.now()
    for (const { namespace } of [one, other])
      equal((await runCommand(['routes', 'sync', '-n', namespace, '--kubeconfig', server.kubeconfig])).exitCode, 0)
    await settled()
    const { stop } = await start()
    await settled()
    await stop()
    deepEqual(await writes(since), [])
  })

  it('keeps the choices that were made with the command', async () => {
    const sync = (...words: string[]) =>
      runCommand(['routes', 'sync', '-n', one.namespace, '--kubeconfig', server.kubeconfig, '--yes', ...words])
    equal((await sync('--mode', 'tcp', '--port', '9443')).exitCode, 0)
    await start()
    await routed(other.namespace)
    await soon('recorded', () => recordOf(one.namespace))
    await settled()
    const { spec } = (await routesOf(one.namespace)) as unknown as { spec: { tcp?: unknown; tls?: unknown } }
    equal(spec.tls, undefined)
    match(JSON.stringify(spec.tcp), /9443/)
  })

  it('follows a datacenter that is added, and leaves one that is annotated alone', async () => {
    const disabled = (value: string | null) =>
      server.client.send('PATCH', pathOf(CASSANDRA_DATACENTER, one.namespace, 'dc1'), {
        metadata: { annotations: { 'cass-sni/routes': value } },
      })
    await disabled('disabled')
    const { loop } = await start()
    await routed(other.namespace)
    deepEqual(
      loop.datacenters.map(({ key }) => key.namespace),
      [other.namespace],
    )
    equal(await routesOf(one.namespace), undefined)
    await disabled(null)
    await routed(one.namespace)
    await disabled('disabled')
    await soon('forgotten', async () => loop.datacenters.length === 1)
    await server.remove(VIRTUAL_SERVICE, 'cass-sni-dc1', one.namespace)
    await settled()
    equal(await routesOf(one.namespace), undefined)
  })

  it('holds no datacenter up by one with a conflict, which it reports, records and recovers from', async () => {
    const servers = (port: number) => [{ port: { number: port, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }]
    await server.create(ISTIO_GATEWAY, {
      metadata: { name: 'rival', namespace: one.namespace },
      spec: { selector: { app: 'istio-ingressgateway', istio: 'ingressgateway' }, servers: servers(9043) },
    })
    // Istio uses the older one; times are in seconds
    await sleep(1100)
    await start()
    await Promise.all([routed(one.namespace), routed(other.namespace)])
    await soon('recorded', async () => (await recordOf(one.namespace))?.result === 'synced')
    await server.client.send('PATCH', pathOf(ISTIO_GATEWAY, one.namespace, 'rival'), {
      spec: { servers: servers(9042) },
    })
    const failing = await soon('failing', async () => {
      const record = await recordOf(one.namespace)
      return record?.result === 'failing' && record
    })
    equal(failing.code, 'CSNI503', JSON.stringify(failing))
    equal(failing.by, 'replica-a')
    const event = await soon('the event', async () =>
      (await eventsOf(one.namespace)).find(({ reason }) => reason === 'RoutesFailing'),
    )
    match(event.message, /^CSNI503: .*rival/)
    equal(event.type, 'Warning')
    deepEqual([event.involvedObject.kind, event.involvedObject.name], ['CassandraDatacenter', 'dc1'])
    await server.remove(ISTIO_GATEWAY, 'rival', one.namespace)
    await soon('recovered', async () => (await recordOf(one.namespace))?.result === 'synced')
    await soon('the event', async () =>
      (await eventsOf(one.namespace)).some(({ reason }) => reason === 'RoutesRecovered'),
    )
    ok((await eventsOf(one.namespace)).some(({ reason }) => reason === 'RoutesChanged'))
  })

  it('writes nothing as a standby, and everything at once when it becomes the leader', async () => {
    const since = Date.now()
    const { loop, term } = await start({ standby: true })
    await soon('synced', async () => loop.synced && loop.datacenters.length === 2)
    await settled()
    deepEqual(await writes(since), [])
    const leading = loop.lead(term.signal)
    await Promise.all([routed(one.namespace), routed(other.namespace)])
    await settled()
    term.abort(new CassSniError('CSNI902', 'over'))
    await leading
    await server.remove(VIRTUAL_SERVICE, 'cass-sni-dc1', one.namespace)
    await settled()
    equal(await routesOf(one.namespace), undefined)
  })

  it('follows one datacenter by its name', async () => {
    const second = await createDatacenter(server, { namespace: one.namespace, name: 'dc2', clusterName: 'second' })
    try {
      const { loop } = await start({ namespaces: [one.namespace], datacenter: 'dc2' })
      await soon('routed', () => read(VIRTUAL_SERVICE, one.namespace, 'cass-sni-dc2'))
      deepEqual(
        loop.datacenters.map(({ key }) => key),
        [{ namespace: one.namespace, name: 'dc2' }],
      )
      equal(await routesOf(one.namespace), undefined)
    } finally {
      await second.remove()
    }
  })

  it('follows all namespaces', async () => {
    const { loop } = await start({ namespaces: undefined })
    await Promise.all([routed(one.namespace), routed(other.namespace)])
    const names = loop.datacenters.map(({ key }) => key.namespace)
    ok([one.namespace, other.namespace].every((namespace) => names.includes(namespace)))
  })
})
