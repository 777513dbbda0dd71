/** `uninstall` against a real API server: what the other commands have changed is reverted, and nothing else. */
import { deepEqual, equal, match } from 'node:assert/strict'
import { connectKube } from '../../src/lib/cluster/client.ts'
import type { Kube, ResourceType } from '../../src/lib/cluster/kube.ts'
import {
  apiVersionOf,
  CASSANDRA_DATACENTER,
  DEPLOYMENT,
  ISTIO_GATEWAY,
  NAMESPACE,
  PEER_AUTHENTICATION,
  POD,
  SERVICE,
  SERVICE_ACCOUNT,
  STORAGE_CLASS,
  VIRTUAL_SERVICE,
} from '../../src/lib/cluster/resources.ts'
import { desiredController } from '../../src/lib/workflows/controller/controller-objects.ts'
import { desiredPeerAuthentication, type MtlsMode } from '../../src/lib/routes/peer-authentication.ts'
import { apiServer, type Manifest, pathOf, type TestServer } from '../support/api-server.ts'
import { OUR_AGENT, writesBy } from '../support/audit.ts'
import { createDatacenter, type TestDatacenter } from '../support/cluster-state.ts'
import { type CommandOutcome, runCommand } from '../support/command.ts'
import { bindDocumentedRoles } from '../support/documented-roles.ts'
import { createMesh, removeRoutes, type TestMesh } from '../support/mesh-state.ts'
import { assertMatchesSchema } from '../support/schema.ts'

const KINDS = [SERVICE, ISTIO_GATEWAY, VIRTUAL_SERVICE, PEER_AUTHENTICATION, SERVICE_ACCOUNT, CASSANDRA_DATACENTER]
const MANAGED = { 'app.kubernetes.io/managed-by': 'kubectl-cass-sni' }

describe('uninstall', function () {
  this.timeout(60_000)
  let server: TestServer
  let mesh: TestMesh
  let dc: TestDatacenter
  let kube: Kube

  before(async () => {
    server = await apiServer()
    kube = await connectKube({ kubeconfig: server.kubeconfig, signal: new AbortController().signal })
  })
  beforeEach(async () => {
    mesh = await createMesh(server, { namespace: await server.namespace('istio') })
    dc = await createDatacenter(server, { namespace: await server.namespace('cass') })
  })
  afterEach(async () => {
    await Promise.all([mesh.remove(), dc.remove()])
    await removeRoutes(server)
    for (const type of [PEER_AUTHENTICATION, STORAGE_CLASS])
      for (const { metadata } of await kube.list(type)) await server.remove(type, metadata.name, metadata.namespace)
  })

  const run = (...words: string[]): Promise<CommandOutcome> =>
    runCommand([...words, '--kubeconfig', server.kubeconfig, '-n', dc.namespace])
  const uninstalled = async (...words: string[]) => {
    const scope = words.includes('--all') ? [] : ['-n', dc.namespace]
    const argv = ['uninstall', '-o', 'json', ...words, '--kubeconfig', server.kubeconfig, ...scope]
    const outcome = await runCommand(argv)
    equal(outcome.exitCode, 0, outcome.stderr)
    const json = outcome.json()
    assertMatchesSchema('Uninstall', json)
    const changes: { object: string; action: string }[] = json.changes ?? []
    return { ...json.result, changes: changes.map(({ object, action }) => `${object} ${action}`) }
  }
  /** All that commands may have changed, as the server has it now. */
  const state = async () => {
    const lists = await Promise.all(KINDS.map((type) => kube.list(type, { namespace: dc.namespace })))
    const [gateway, namespace, pods] = await Promise.all([
      server.client.get<{ items: (Manifest & { spec: { ports: { port: number }[] } })[] }>(
        pathOf(SERVICE, mesh.namespace),
      ),
      kube.get(NAMESPACE, dc.namespace),
      kube.list(POD, { namespace: dc.namespace }),
    ])
    return {
      objects: lists.flat().map(({ kind, metadata }) => `${kind}/${metadata.name}`),
      ports: gateway.items[0]?.spec.ports.map(({ port }) => port),
      labels: namespace?.metadata.labels,
      annotations: pods.map(({ metadata }) => metadata.annotations),
    }
  }
  /** Sets fields of an object of others, as a command does. */
  const share = async (type: ResourceType, suffix: string, metadata: Manifest['metadata'], rest: object = {}) =>
    kube.apply(
      type,
      { apiVersion: apiVersionOf(type), kind: type.kind, metadata, ...rest },
      { manager: `kubectl-cass-sni/${suffix}`, force: true },
    )
  const relax = async (mode: MtlsMode, datacenter = 'dc1') => {
    const scope = { namespace: dc.namespace, datacenter, rootNamespace: mesh.namespace, securityVersion: 'v1beta1' }
    for (const { type, object } of desiredPeerAuthentication(mode, scope)) await kube.apply(type, object)
  }
  /** What routes sync, certs and install leave in a namespace. */
  const changed = async () => {
    equal((await run('routes', 'sync')).exitCode, 0)
    await relax('port')
    await relax('namespace')
    const [pod] = dc.nodes
    await share(POD, 'certs', {
      name: pod?.pod ?? '',
      namespace: dc.namespace,
      annotations: { 'cass-sni/keystore': '12' },
    })
    await share(NAMESPACE, 'injection', { name: dc.namespace, labels: { 'istio-injection': 'enabled' } })
  }

  it('reverts everything in the namespace but the data; a second run writes nothing', async () => {
    const before = await state()
    await changed()
    const after = await state()
    equal(after.objects.length, before.objects.length + 7)

    const started = Date.now()
    const planned = await uninstalled('--dry-run')
    deepEqual([planned.deleted, planned.released], [7, 3])
    deepEqual(await writesBy(server.auditLog, OUR_AGENT, started), [])
    deepEqual(await state(), after)

    const result = await uninstalled()
    deepEqual(result.changes, planned.changes)
    deepEqual(await state(), before)
    deepEqual(
      result.left.map(({ object }: { object: string }) => object),
      ['cassandradatacenter/dc1'],
    )

    const since = Date.now()
    const again = await run('uninstall')
    equal(again.exitCode, 0)
    match(again.stdout, /^Nothing to revert in namespace .*\.\nKept:\n {2}cassandradatacenter\/dc1 in namespace /)
    deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
  })

  it('refuses a namespace that does not exist, as routes delete does', async () => {
    for (const words of [['uninstall'], ['routes', 'delete']]) {
      const outcome = await runCommand([...words, '--kubeconfig', server.kubeconfig, '-n', 'casandra'])
      equal(outcome.exitCode, 1)
      match(outcome.stderr, /namespace\/casandra not found.*CSNI204/)
    }
  })

  it('refuses what would widen its scope by mistake, and warns of a datacenter that does not exist', async () => {
    const since = Date.now()
    for (const words of [
      ['-d', ''],
      ['--delete-data', ''],
      ['--all', '-n', dc.namespace],
    ]) {
      const outcome = await runCommand(['uninstall', '--kubeconfig', server.kubeconfig, ...words])
      equal(outcome.exitCode, 2, `${words.join(' ')}: ${outcome.stderr}`)
    }
    equal((await run('routes', 'delete', '-d', '')).exitCode, 2)
    const mistyped = await run('uninstall', '-d', 'dc9')
    equal(mistyped.exitCode, 0, mistyped.stderr)
    match(mistyped.stderr, /warning: cassandradatacenter\/dc9 not found in namespace .* \(existing: dc1\)/)
    deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
  })

  it('keeps what another datacenter needs', async () => {
    const second = await createDatacenter(server, { namespace: dc.namespace, name: 'dc2', clusterName: 'Second' })
    try {
      equal((await run('routes', 'sync', '-d', 'dc2')).exitCode, 0)
      await relax('port', 'dc2')
      await share(NAMESPACE, 'injection', { name: dc.namespace, labels: { 'istio-injection': 'enabled' } })
      const before = await state()
      equal((await run('routes', 'sync', '-d', 'dc1')).exitCode, 0)
      await relax('port')
      await uninstalled('-d', 'dc1')
      deepEqual(await state(), before)
    } finally {
      await second.remove()
    }
  })

  it('keeps values that somebody else has set too', async () => {
    await changed()
    const labels = { 'istio-injection': 'enabled' }
    const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: dc.namespace, labels } }
    await kube.apply(NAMESPACE, object, { manager: 'somebody' })
    await uninstalled()
    equal((await state()).labels?.['istio-injection'], 'enabled')
  })

  it('with the roles of docs/permissions.yaml reverts routes and annotations, and says what it cannot check', async () => {
    equal((await run('routes', 'sync')).exitCode, 0)
    const [pod] = dc.nodes
    const metadata = { name: pod?.pod ?? '', namespace: dc.namespace, annotations: { 'cass-sni/keystore': '12' } }
    await share(POD, 'certs', metadata)
    const roles = await bindDocumentedRoles(server, 'reverting', { datacenter: dc.namespace, gateway: mesh.namespace })
    try {
      const outcome = await runCommand(['uninstall', '--kubeconfig', roles.kubeconfig, '-n', dc.namespace])
      equal(outcome.exitCode, 0, outcome.stderr)
      match(outcome.stderr, /warning: CassandraDatacenters: not checked \(.*serviceaccounts.*\)/)
      const { objects, annotations } = await state()
      equal(
        objects.some((object) => object.endsWith('-cql')),
        false,
      )
      equal(
        annotations.some((each) => each?.['cass-sni/keystore'] !== undefined),
        false,
      )
    } finally {
      await roles.remove()
    }
  })

  it('refuses, as routes delete does, while a controller would create the routes again; --all deletes it first', async () => {
    equal((await run('routes', 'sync')).exitCode, 0)
    const controller = await server.namespace('controller')
    const settings = { namespace: controller, image: 'x', namespaces: [dc.namespace], gatewayNamespaces: [] }
    for (const { type, object } of desiredController(settings, true)) await kube.apply(type, object)
    const since = Date.now()
    for (const words of [['uninstall'], ['routes', 'delete']]) {
      const outcome = await run(...words)
      equal(outcome.exitCode, 1, outcome.stderr)
      match(
        outcome.stderr.replace(/\s+/g, ' '),
        /the routes controller in namespace controller-\d+ would create .*CSNI514/,
      )
      match(outcome.stderr, /annotate cassandradatacenter dc1 -n \S+ cass-sni\/routes=disabled/)
      match(outcome.stderr, /kubectl cass-sni routes controller uninstall .*--controller-namespace controller-\d+/)
    }
    deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
    await server.client.send('PATCH', pathOf(CASSANDRA_DATACENTER, dc.namespace, 'dc1'), {
      metadata: { annotations: { 'cass-sni/routes': 'disabled' } },
    })
    equal((await run('routes', 'delete')).exitCode, 0)
    await server.client.send('PATCH', pathOf(CASSANDRA_DATACENTER, dc.namespace, 'dc1'), {
      metadata: { annotations: { 'cass-sni/routes': null } },
    })
    equal((await run('routes', 'sync')).exitCode, 0)
    const result = await uninstalled('--all')
    equal(result.changes[0], 'deployment.apps/cass-sni-controller pruned', result.changes.join('\n'))
    deepEqual(await kube.list(DEPLOYMENT, { namespace: controller }), [])
    deepEqual((await uninstalled('--all', '--dry-run')).deleted, 0)
  })

  it('deletes data only where it is named and created by install', async () => {
    const since = Date.now()
    const refused = async (code: string, text: RegExp, ...words: string[]) => {
      const outcome = await run('uninstall', ...words)
      equal(outcome.exitCode, code === 'CSNI101' ? 2 : 1, outcome.stderr)
      match(outcome.stderr, new RegExp(code))
      match(outcome.stderr.replace(/\s+/g, ' '), text)
    }
    await refused('CSNI210', /cassandradatacenter\/dc1 in namespace .*: not managed by/, '--delete-data', 'dc1')
    await refused('CSNI301', /cassandradatacenter\/dc9 not found in namespace/, '--delete-data', 'dc9')
    await refused('CSNI101', /--delete-data dc1 conflicts with --datacenter dc2/, '-d', 'dc2', '--delete-data', 'dc1')
    deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])

    await server.client.send('PATCH', pathOf(CASSANDRA_DATACENTER, dc.namespace, 'dc1'), {
      metadata: { labels: { ...MANAGED, 'cass-sni/datacenter': 'dc1' } },
    })
    const account = {
      name: 'dc1-account',
      namespace: dc.namespace,
      labels: { ...MANAGED, 'cass-sni/datacenter': 'dc1' },
    }
    await server.create(SERVICE_ACCOUNT, { metadata: account })
    equal((await uninstalled()).left.length, 1)
    equal((await state()).objects.includes('ServiceAccount/dc1-account'), true)
    const result = await uninstalled('--delete-data', 'dc1')
    deepEqual(result.left, [])
    const { objects } = await state()
    equal(objects.includes('CassandraDatacenter/dc1'), false)
    equal(objects.includes('ServiceAccount/dc1-account'), false)
  })

  it('with --all reverts the cluster-wide changes too, and keeps a StorageClass in use', async () => {
    await uninstalled('--all')
    const other = await createDatacenter(server, { namespace: await server.namespace('cass') })
    try {
      for (const namespace of [dc.namespace, other.namespace])
        equal((await runCommand(['routes', 'sync', '--kubeconfig', server.kubeconfig, '-n', namespace])).exitCode, 0)
      await relax('mesh')
      const inject = { 'sidecar.istio.io/inject': 'false' }
      const operator = { name: 'cass-operator', namespace: dc.namespace }
      const containers = [{ name: 'manager', image: 'cass-operator:v1.30.0' }]
      await server.create(DEPLOYMENT, {
        metadata: operator,
        spec: {
          selector: { matchLabels: { a: 'b' } },
          template: { metadata: { labels: { a: 'b' } }, spec: { containers } },
        },
      })
      await share(DEPLOYMENT, 'no-sidecar', operator, { spec: { template: { metadata: { labels: inject } } } })
      for (const name of ['server-storage', 'used'])
        await server.create(STORAGE_CLASS, { metadata: { name, labels: MANAGED }, provisioner: 'lab.example.com' })
      const claim: ResourceType = { ...POD, kind: 'PersistentVolumeClaim', plural: 'persistentvolumeclaims' }
      await server.create(claim, {
        metadata: { name: 'data', namespace: dc.namespace },
        spec: {
          storageClassName: 'used',
          accessModes: ['ReadWriteOnce'],
          resources: { requests: { storage: '1Gi' } },
        },
      })
      const local = await uninstalled('--dry-run')
      equal(local.deleted, 5)
      const result = await uninstalled('--all')
      deepEqual([result.deleted, result.released, result.namespace], [12, 2, undefined], result.changes.join('\n'))
      // other files leave something in the cluster
      const ours = ({ object, namespace }: { object: string; namespace?: string }) =>
        object === 'storageclass/used' || [dc.namespace, other.namespace].includes(namespace ?? '')
      deepEqual(
        result.left
          .filter(ours)
          .map(({ object, reason }: { object: string; reason: string }) => `${object}: ${reason}`)
          .sort(),
        [
          'cassandradatacenter/dc1: not created by install; delete it with kubectl',
          'cassandradatacenter/dc1: not created by install; delete it with kubectl',
          'deployment/cass-operator: removing it also removes its CRDs, and with them every CassandraDatacenter',
          'storageclass/used: still used by 1 claim or volume',
        ],
      )
      deepEqual(await kube.list(PEER_AUTHENTICATION), [])
      deepEqual(
        (await kube.list(STORAGE_CLASS)).map(({ metadata }) => metadata.name),
        ['used'],
      )
      const ambiguous = await runCommand([
        ...['uninstall', '--all', '--delete-data', 'dc1'],
        ...['--kubeconfig', server.kubeconfig],
      ])
      equal(ambiguous.exitCode, 2, ambiguous.stderr)
      match(ambiguous.stderr, /CSNI105[\s\S]*kubectl cass-sni uninstall .*-n \S+ --delete-data dc1/)
    } finally {
      await other.remove()
      await server.remove(DEPLOYMENT, 'cass-operator', dc.namespace)
    }
  })
})
