import { deepEqual, doesNotMatch, equal, match, ok } from 'node:assert/strict'
import {
  CASSANDRA_DATACENTER,
  CONFIG_MAP,
  DEPLOYMENT,
  ISTIO_GATEWAY,
  NAMESPACE,
  POD,
  SERVICE,
  STATEFUL_SET,
  VIRTUAL_SERVICE,
} from '../../src/lib/cluster/resources.ts'
import type { ResourceType } from '../../src/lib/cluster/kube.ts'
import { apiServer, type Manifest, pathOf, type TestServer } from '../support/api-server.ts'
import { OUR_AGENT, writesBy } from '../support/audit.ts'
import { createDatacenter, type DatacenterShape, type TestDatacenter } from '../support/cluster-state.ts'
import { type CommandOutcome, runCommand } from '../support/command.ts'
import { createMesh, removeRoutes, type TestMesh } from '../support/mesh-state.ts'

interface Routes {
  spec: { hosts: string[]; tls?: { match: { sniHosts: string[] }[] }[]; tcp?: unknown[] }
}

describe('routes sync', function () {
  this.timeout(60_000)
  let server: TestServer
  let mesh: TestMesh
  let dc: TestDatacenter

  before(async () => {
    server = await apiServer()
  })

  beforeEach(async () => {
    mesh = await createMesh(server, { namespace: await server.namespace('istio') })
  })

  afterEach(async () => {
    await Promise.all([mesh.remove(), dc?.remove()])
    await removeRoutes(server)
  })

  const datacenter = async (shape: Omit<DatacenterShape, 'namespace'> = {}) => {
    dc = await createDatacenter(server, { namespace: await server.namespace('cass'), ...shape })
    return dc
  }
  const sync = (...words: string[]): Promise<CommandOutcome> =>
    runCommand(['routes', 'sync', '--kubeconfig', server.kubeconfig, '-n', dc.namespace, ...words])
  const synced = async (...words: string[]) => {
    const outcome = await sync(...words, '-o', 'json')
    equal(outcome.exitCode, 0, outcome.stdout + outcome.stderr)
    return outcome.json()
  }
  const live = <T>(type: ResourceType, name: string, namespace = dc.namespace) =>
    server.client.get<T>(pathOf(type, namespace, name))
  const routes = () => live<Routes>(VIRTUAL_SERVICE, 'cass-sni-dc1')
  const sniHosts = async () => (await routes()).spec.tls?.map((each) => each.match[0]?.sniHosts ?? [])
  const cqlServices = async () => {
    const { items } = await server.client.get<{ items: Manifest[] }>(
      `${pathOf(SERVICE, dc.namespace)}?labelSelector=${encodeURIComponent('cass-sni/pod')}`,
    )
    return items.map((item) => item.metadata.name).sort()
  }
  const changes = (result: { changes: { action: string; object: string }[] }) =>
    result.changes.filter((each) => each.action !== 'unchanged').map((each) => `${each.object} ${each.action}`)
  const scale = (replicas: number) =>
    server.client.send('PATCH', pathOf(STATEFUL_SET, dc.namespace, 'dse-dc1-default-sts'), { spec: { replicas } })

  it('makes the routes of three nodes, and then has nothing to do', async () => {
    await datacenter()
    const first = await synced()
    deepEqual(changes(first), [
      'service/dse-dc1-default-sts-0-cql created',
      'service/dse-dc1-default-sts-1-cql created',
      'service/dse-dc1-default-sts-2-cql created',
      'service/istio-ingressgateway configured',
      'gateway.networking.istio.io/cass-sni-dc1 created',
      'virtualservice.networking.istio.io/cass-sni-dc1 created',
    ])
    deepEqual(
      first.result.nodes.map((node: { hostId: string; state: string }) => [node.hostId, node.state]),
      dc.nodes.map((node) => [node.hostId, 'routed']),
    )
    equal(first.result.gateway, `${mesh.namespace}/istio-ingressgateway`)
    deepEqual(
      await sniHosts(),
      dc.nodes.map((node) => [`${node.pod}.dse-dc1-all-pods-service.${dc.namespace}.svc.cluster.local`, node.hostId]),
    )
    const service = await live<{ spec: { ports: { port: number; name: string }[] } }>(
      SERVICE,
      'istio-ingressgateway',
      mesh.namespace,
    )
    deepEqual(service.spec.ports.map((each) => each.port).sort(), [15021, 443, 80, 9042].sort())
    const since = Date.now()
    const again = await synced()
    deepEqual(changes(again), [])
    equal(again.result.summary.unchanged, 6)
    deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
    match((await sync()).stdout, /All routes in sync/)
  })

  it('writes nothing in a dry run, and says what it would do', async () => {
    await datacenter()
    const since = Date.now()
    const outcome = await sync('--dry-run')
    equal(outcome.exitCode, 0, outcome.stderr)
    match(outcome.stdout, /service\/dse-dc1-default-sts-0-cql created \(dry run\)/)
    deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
    deepEqual(await cqlServices(), [])
  })

  it('follows a node that is added, one that is replaced and one that is removed, and changes nothing else', async () => {
    await datacenter({ pending: 1 })
    const first = await synced()
    deepEqual(
      first.result.nodes.map((node: { state: string }) => node.state),
      ['routed', 'routed', 'pending'],
    )
    match(
      first.warnings.map((each: { message: string }) => each.message).join('\n'),
      /sts-2: no route yet \(starting and joining the ring\)/,
    )
    deepEqual(await cqlServices(), ['dse-dc1-default-sts-0-cql', 'dse-dc1-default-sts-1-cql'])

    await dc.startNode('dse-dc1-default-sts-2')
    deepEqual(changes(await synced()), [
      'service/dse-dc1-default-sts-2-cql created',
      'virtualservice.networking.istio.io/cass-sni-dc1 configured',
    ])

    const before = await sniHosts()
    await server.status(CASSANDRA_DATACENTER, 'dc1', dc.namespace, { nodeReplacements: ['dse-dc1-default-sts-1'] })
    const during = await synced()
    deepEqual(changes(during), [])
    equal(during.result.nodes[1].state, 'kept')
    await server.status(CASSANDRA_DATACENTER, 'dc1', dc.namespace, { nodeReplacements: null })
    const fresh = await dc.replaceNode('dse-dc1-default-sts-1')
    deepEqual(changes(await synced()), ['virtualservice.networking.istio.io/cass-sni-dc1 configured'])
    const after = await sniHosts()
    deepEqual([after?.[0], after?.[2]], [before?.[0], before?.[2]])
    equal(after?.[1]?.[1], fresh.hostId)

    await scale(2)
    await dc.removeNode('dse-dc1-default-sts-2')
    deepEqual(changes(await synced()), [
      'virtualservice.networking.istio.io/cass-sni-dc1 configured',
      'service/dse-dc1-default-sts-2-cql pruned',
    ])
    equal((await sniHosts())?.length, 2)
  })

  it('does not take a pod that is being made anew for a vanished node', async () => {
    await datacenter()
    await synced()
    await server.remove(POD, 'dse-dc1-default-sts-1', dc.namespace)
    const gap = await synced()
    deepEqual(changes(gap), [])
    equal(gap.result.nodes[1].state, 'kept')
  })

  it('does not call a node routed that only shares the one route of plain TCP', async () => {
    await datacenter()
    const { stdout } = await sync('--mode', 'tcp', '--dry-run')
    match(stdout, /dse-dc1-default-sts-0 +\S* +shared, plain TCP/)
  })

  it('turns plain TCP into SNI in place, and back', async () => {
    await datacenter()
    deepEqual(changes(await synced('--mode', 'tcp')), [
      'service/istio-ingressgateway configured',
      'gateway.networking.istio.io/cass-sni-dc1 created',
      'virtualservice.networking.istio.io/cass-sni-dc1 created',
    ])
    // remembered
    deepEqual(changes(await synced()), [])
    await synced('--mode', 'sni')
    const { spec } = await routes()
    equal(spec.tcp, undefined)
    equal(spec.tls?.length, 3)
    const since = Date.now()
    deepEqual(changes(await synced()), [])
    deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
    await synced('--mode', 'tcp')
    deepEqual(await cqlServices(), [])
    equal((await routes()).spec.tls, undefined)
    deepEqual(changes(await synced('--mode', 'tcp')), [])
  })

  it('changes nothing while no node can be routed, and says so', async () => {
    await datacenter({ pending: 3 })
    const outcome = await sync('-o', 'json')
    equal(outcome.exitCode, 1)
    equal(outcome.json().result.ok, false)
    deepEqual(outcome.json().result.summary, {
      routed: 0,
      kept: 0,
      pending: 3,
      created: 0,
      configured: 0,
      unchanged: 0,
      pruned: 0,
    })
    ok(outcome.json().warnings.some((each: { code?: string }) => each.code === 'CSNI303'))
    deepEqual(await cqlServices(), [])
  })

  it("refuses to stand beside the blog's objects, names them, and writes nothing", async () => {
    await datacenter()
    const blog = {
      selector: { istio: 'ingressgateway' },
      servers: [{ port: { number: 9042, name: 'tcp-cassandra', protocol: 'TCP' }, hosts: ['*'] }],
    }
    await server.create(ISTIO_GATEWAY, {
      metadata: { name: 'cassandra-tcp-gateway', namespace: dc.namespace },
      spec: blog,
    })
    await server.create(VIRTUAL_SERVICE, {
      metadata: { name: 'tcp-echo-vs-from-gw', namespace: dc.namespace },
      spec: {
        hosts: ['*'],
        gateways: ['cassandra-tcp-gateway'],
        tcp: [{ match: [{ port: 9042 }], route: [{ destination: { host: 'x' } }] }],
      },
    })
    const since = Date.now()
    const outcome = await sync('-o', 'json')
    equal(outcome.exitCode, 1)
    const { error } = outcome.json()
    equal(error.code, 'CSNI503')
    equal(
      error.next.at(-1),
      `kubectl --kubeconfig ${server.kubeconfig} delete -n ${dc.namespace} gateway.networking.istio.io/cassandra-tcp-gateway virtualservice.networking.istio.io/tcp-echo-vs-from-gw`,
    )
    deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
  })

  it('refuses a server name that another VirtualService has on the port', async () => {
    await datacenter()
    const hostId = dc.nodes[0]?.hostId ?? ''
    await server.create(ISTIO_GATEWAY, {
      metadata: { name: 'theirs', namespace: mesh.namespace },
      spec: {
        selector: { istio: 'ingressgateway' },
        servers: [{ port: { number: 9042, name: 'tls', protocol: 'TLS' }, hosts: ['*'], tls: { mode: 'PASSTHROUGH' } }],
      },
    })
    await server.create(VIRTUAL_SERVICE, {
      metadata: { name: 'theirs', namespace: mesh.namespace },
      spec: {
        hosts: [hostId],
        gateways: ['theirs'],
        tls: [{ match: [{ sniHosts: [hostId] }], route: [{ destination: { host: 'x' } }] }],
      },
    })
    const outcome = await sync()
    equal(outcome.exitCode, 1)
    match(outcome.stderr, /CSNI504/)
    // it may hold more than that
    doesNotMatch(outcome.stderr, /delete/)
    match(
      outcome.stderr,
      new RegExp(`--port 9043[\\s\\S]*kubectl --kubeconfig \\S+ edit -n ${mesh.namespace} virtualservice`),
    )
  })

  it('lets two datacenters share a namespace, a gateway and a port', async () => {
    await datacenter()
    const other = await createDatacenter(server, { namespace: dc.namespace, name: 'dc2', clusterName: 'other' })
    const unnamed = await sync()
    equal(unnamed.exitCode, 2)
    match(unnamed.stderr, /CSNI105[\s\S]*--datacenter dc2/)
    for (const name of ['dc1', 'dc2', 'dc1', 'dc2']) await synced('-d', name)
    const hosts = async (name: string) =>
      (await live<{ spec: { servers: { hosts: string[] }[] } }>(ISTIO_GATEWAY, name)).spec.servers[0]?.hosts
    deepEqual(await hosts('cass-sni-dc1'), [`${dc.namespace}/*`])
    deepEqual(await hosts('cass-sni-dc2'), [
      `${dc.namespace}/*.other-dc2-all-pods-service.${dc.namespace}.svc.cluster.local`,
    ])
    deepEqual(changes(await synced('-d', 'dc1')), [])
    deepEqual(changes(await synced('-d', 'dc2')), [])
    await other.remove()
  })

  it('leaves the port of another datacenter on the same gateway open, and closes its own when it moves', async () => {
    await datacenter()
    const other = await createDatacenter(server, { namespace: await server.namespace('cass'), clusterName: 'other' })
    const elsewhere = (...words: string[]) =>
      runCommand(['routes', 'sync', '--kubeconfig', server.kubeconfig, '-n', other.namespace, '-o', 'json', ...words])
    const open = async () => {
      const service = await live<{ spec: { ports: { port: number }[] } }>(
        SERVICE,
        'istio-ingressgateway',
        mesh.namespace,
      )
      return service.spec.ports.map((each) => each.port).filter((port) => port > 9000 && port < 15000)
    }
    await synced('--port', '9042')
    equal((await elsewhere('--port', '9043')).exitCode, 0)
    deepEqual(await open(), [9042, 9043])
    deepEqual(changes(await synced('--port', '9042')), [])
    // both on one port: it stays until both have left it
    equal((await elsewhere('--port', '9042')).exitCode, 0)
    deepEqual(await open(), [9042])
    await synced('--port', '9044')
    deepEqual(await open(), [9042, 9044])
    equal((await elsewhere('--port', '9045')).exitCode, 0)
    deepEqual(await open(), [9044, 9045])
    await other.remove()
  })

  describe('what was chosen', () => {
    interface LiveGateway {
      metadata: { annotations: Record<string, string> }
      spec: { selector: Record<string, string>; servers: { port: { number: number } }[] }
    }
    const gateway = () => live<LiveGateway>(ISTIO_GATEWAY, 'cass-sni-dc1')
    const messages = (json: { warnings: { message: string }[] }) => json.warnings.map((each) => each.message).join('\n')
    const portsOf = async ({ gateway: there }: TestMesh) => {
      if (there === undefined) throw new Error('no gateway')
      const { spec } = await live<{ spec: { ports: { port: number }[] } }>(SERVICE, there.service, there.namespace)
      return spec.ports.map((each) => each.port)
    }

    it('stays: another gateway of anybody does not matter, and a change is told and takes its port along', async () => {
      await datacenter()
      await synced()
      const other = await createMesh(server, {
        namespace: await server.namespace('istio'),
        revision: 'other',
        gateway: { service: 'internal' },
      })
      try {
        const narrowed = await synced()
        equal(narrowed.result.gateway, `${mesh.namespace}/istio-ingressgateway`)
        deepEqual((await gateway()).spec.selector, { app: 'istio-ingressgateway', istio: 'ingressgateway' })
        deepEqual(changes(await synced()), [])
        const to = `${other.namespace}/internal`
        const moved = await synced('--gateway', to)
        match(messages(moved), new RegExp(`gateway ${mesh.namespace}/istio-ingressgateway → ${to}`))
        ok(!(await portsOf(mesh)).includes(9042))
        ok((await portsOf(other)).includes(9042))
        deepEqual(changes(await synced()), [])
        for (const words of [['verify'], ['cqlsh-sni', '--print-env']]) {
          const outcome = await runCommand([...words, '--kubeconfig', server.kubeconfig, '-n', dc.namespace])
          doesNotMatch(outcome.stderr + outcome.stdout, /CSNI105/, words.join(' '))
        }
      } finally {
        await other.remove()
      }
    })

    it('is known by the selector where version 0.1 made the routes', async () => {
      await datacenter()
      await synced()
      await server.client.send('PATCH', pathOf(ISTIO_GATEWAY, dc.namespace, 'cass-sni-dc1'), {
        metadata: { annotations: null },
      })
      const other = await createMesh(server, {
        namespace: await server.namespace('istio'),
        revision: 'other',
        gateway: { service: 'internal' },
      })
      try {
        // the selector of before fits both by now
        await server.client.send('PATCH', pathOf(ISTIO_GATEWAY, dc.namespace, 'cass-sni-dc1'), {
          spec: { selector: { app: 'istio-ingressgateway' } },
        })
        const again = await synced()
        equal(again.result.gateway, `${mesh.namespace}/istio-ingressgateway`)
        equal((await gateway()).metadata.annotations['cass-sni/gateway'], `${mesh.namespace}/istio-ingressgateway`)
      } finally {
        await other.remove()
      }
    })

    it("is the port and the cluster's domain as well", async () => {
      await datacenter()
      await synced('--port', '9050', '--cluster-domain', 'example.org')
      const idle = await synced()
      deepEqual(changes(idle), [])
      equal(idle.result.port, 9050)
      match((await sniHosts())?.[0]?.[0] ?? '', /\.svc\.example\.org$/)
      // and without the annotation
      await server.client.send('PATCH', pathOf(ISTIO_GATEWAY, dc.namespace, 'cass-sni-dc1'), {
        metadata: { annotations: null },
      })
      await synced()
      match((await sniHosts())?.[0]?.[0] ?? '', /\.svc\.example\.org$/)
      const moved = await synced('--port', '9042', '--cluster-domain', 'cluster.local')
      match(messages(moved), /port 9050 → 9042[\s\S]*cluster domain example\.org → cluster\.local/)
      equal((await gateway()).spec.servers[0]?.port.number, 9042)
    })

    it('selects the pods of the named gateway alone, and reads a Service that is named whatever its labels', async () => {
      await datacenter()
      const other = await createMesh(server, {
        namespace: await server.namespace('istio'),
        revision: 'other',
        gateway: { service: 'internal' },
      })
      const bare = { app: 'bare' }
      await server.create(SERVICE, {
        metadata: { name: 'bare', namespace: other.namespace },
        spec: { selector: bare, ports: [{ name: 'https', port: 443 }] },
      })
      await server.create(POD, {
        metadata: { name: 'bare', namespace: other.namespace, labels: bare },
        spec: { nodeName: 'x', containers: [{ name: 'istio-proxy', image: 'x', args: ['proxy', 'router'] }] },
      })
      try {
        await synced('--gateway', `${other.namespace}/internal`)
        deepEqual((await gateway()).spec.selector, { app: 'internal', istio: 'ingressgateway' })
        await synced('--gateway', `${other.namespace}/bare`)
        deepEqual((await gateway()).spec.selector, bare)
        deepEqual(changes(await synced()), [])
      } finally {
        await server.remove(POD, 'bare', other.namespace)
        await server.remove(SERVICE, 'bare', other.namespace)
        await other.remove()
      }
    })
  })

  it('refuses a gateway at which Istio would ignore the routes, and says why', async () => {
    await datacenter()
    const refused = async (reason: RegExp) => {
      const outcome = await sync()
      equal(outcome.exitCode, 1)
      match(outcome.stderr, /CSNI506/)
      match(outcome.stderr, reason)
    }
    const where = mesh.gateway?.namespace ?? ''
    const service = pathOf(SERVICE, where, 'istio-ingressgateway')
    const label = (value: string | null) =>
      server.client.send('PATCH', service, {
        metadata: { labels: { 'gateway.networking.k8s.io/gateway-name': value } },
      })
    await label('edge')
    await refused(/created for the Kubernetes Gateway API/)
    await label(null)

    await server.create(CONFIG_MAP, {
      metadata: { name: 'istio', namespace: mesh.namespace },
      data: { mesh: 'discoverySelectors:\n- matchLabels: {istio-discovery: enabled}\n' },
    })
    await refused(/discoverySelectors exclude namespace/)
    await server.client.send('PATCH', pathOf(NAMESPACE, undefined, dc.namespace), {
      metadata: { labels: { 'istio-discovery': 'enabled' } },
    })
    await synced('--dry-run')

    await server.client.send('PATCH', pathOf(DEPLOYMENT, mesh.namespace, 'istiod'), {
      spec: {
        template: {
          spec: {
            containers: [
              {
                name: 'discovery',
                image: 'docker.io/istio/pilot:1.31.0',
                env: [{ name: 'PILOT_SCOPE_GATEWAY_TO_NAMESPACE', value: 'true' }],
              },
            ],
          },
        },
      },
    })
    await refused(/PILOT_SCOPE_GATEWAY_TO_NAMESPACE/)
    deepEqual(await cqlServices(), [])
  })

  it('warns of a younger Gateway on its port, and goes on', async () => {
    await datacenter()
    await synced()
    // Istio goes by whole seconds
    await new Promise((wake) => setTimeout(wake, 1100))
    await server.create(ISTIO_GATEWAY, {
      metadata: { name: 'younger', namespace: mesh.namespace },
      spec: {
        selector: { istio: 'ingressgateway' },
        servers: [{ port: { number: 9042, name: 'tcp', protocol: 'TCP' }, hosts: ['*'] }],
      },
    })
    const idle = await synced()
    deepEqual(changes(idle), [])
    match(
      idle.warnings.map((each: { message: string }) => each.message).join('\n'),
      /Gateway younger .* ignores the other/,
    )
    // a port that it does not serve yet is another matter
    await server.client.send('PATCH', pathOf(ISTIO_GATEWAY, mesh.namespace, 'younger'), {
      spec: { servers: [{ port: { number: 9060, name: 'tcp', protocol: 'TCP' }, hosts: ['*'] }] },
    })
    match((await sync('--port', '9060')).stderr, /CSNI503/)
  })

  it('keeps the route of a pod that it cannot see for want of permission', async () => {
    await datacenter()
    await synced()
    const rules = [
      { apiGroups: [''], resources: ['pods', 'services', 'namespaces'], verbs: ['*'] },
      { apiGroups: ['cassandra.datastax.com', 'networking.istio.io'], resources: ['*'], verbs: ['*'] },
      { apiGroups: ['apps'], resources: ['deployments'], verbs: ['list'] },
    ]
    const authorization = '/apis/rbac.authorization.k8s.io/v1'
    await server.client.send('POST', `${authorization}/clusterroles`, { metadata: { name: 'no-sets' }, rules })
    await server.client.send('POST', `${authorization}/clusterrolebindings`, {
      metadata: { name: 'no-sets' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'no-sets' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'no-sets' }],
    })
    await server.client.send('PATCH', `${pathOf(CASSANDRA_DATACENTER, dc.namespace, 'dc1')}/status`, {
      status: { nodeStatuses: { 'dse-dc1-default-sts-1': null } },
    })
    await server.remove(POD, 'dse-dc1-default-sts-1', dc.namespace)
    const before = await sniHosts()
    const outcome = await runCommand([
      'routes',
      'sync',
      '--kubeconfig',
      await server.kubeconfigFor({ user: 'no-sets' }),
      '-n',
      dc.namespace,
      '-o',
      'json',
    ])
    equal(outcome.exitCode, 0, outcome.stdout)
    deepEqual(changes(outcome.json()), [])
    equal(outcome.json().result.summary.kept, 1)
    deepEqual(await sniHosts(), before)
    equal((await cqlServices()).length, 3)
  })

  it('leaves an object of the same name that is not ours alone', async () => {
    await datacenter()
    await server.create(SERVICE, {
      metadata: { name: 'dse-dc1-default-sts-0-cql', namespace: dc.namespace },
      spec: { ports: [{ port: 1 }] },
    })
    const outcome = await sync()
    equal(outcome.exitCode, 1)
    match(outcome.stderr, /CSNI210/)
    await server.remove(SERVICE, 'dse-dc1-default-sts-0-cql', dc.namespace)
  })

  it('says one clear sentence when something is missing', async () => {
    await datacenter()
    const cases: [string[], number, RegExp][] = [
      [['-n', 'nowhere'], 1, /nowhere[\s\S]*CSNI204/],
      [['-n', 'default'], 1, new RegExp(`${dc.namespace}/dc1[\\s\\S]*CSNI301`)],
      [['-d', 'dc9'], 1, /dc9[\s\S]*dc1[\s\S]*CSNI301/],
      [['--gateway', 'x/y'], 1, /x\/y[\s\S]*istio-ingressgateway[\s\S]*CSNI502/],
      [['--context', 'none'], 2, /CSNI103/],
      [['--mode', 'http'], 2, /CSNI101/],
    ]
    const since = Date.now()
    for (const [words, exitCode, text] of cases) {
      const namespace = words[0] === '-n' ? [] : ['-n', dc.namespace]
      const outcome = await runCommand(['routes', 'sync', '--kubeconfig', server.kubeconfig, ...namespace, ...words])
      equal(outcome.exitCode, exitCode, `${words.join(' ')}: ${outcome.stderr}`)
      match(outcome.stderr, text)
    }
    deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
  })

  it('says which right is missing, and writes nothing', async () => {
    await datacenter()
    const nobody = await server.kubeconfigFor({ user: 'nobody' })
    const outcome = await runCommand(['routes', 'sync', '--kubeconfig', nobody, '-n', dc.namespace])
    equal(outcome.exitCode, 1)
    match(outcome.stderr, /CSNI203/)
    deepEqual(await cqlServices(), [])
  })

  it('says that there is no gateway', async () => {
    await datacenter()
    await mesh.remove()
    const outcome = await sync()
    equal(outcome.exitCode, 1)
    match(outcome.stderr, /CSNI502[\s\S]*kubectl cass-sni install/)
  })
})
