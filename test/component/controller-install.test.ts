/** `routes controller install | status | uninstall | manifest` against a real API server, which runs no pods. */
import { deepEqual, doesNotMatch, equal, match, ok } from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseAllDocuments } from 'yaml'
import type { KubeObject, ResourceType } from '../../src/lib/cluster/kube.ts'
import {
  CLUSTER_ROLE,
  CLUSTER_ROLE_BINDING,
  CONFIG_MAP,
  DEPLOYMENT,
  LEASE,
  NAMESPACE,
  POD,
  POD_DISRUPTION_BUDGET,
  ROLE,
  ROLE_BINDING,
  SERVICE_ACCOUNT,
} from '../../src/lib/cluster/resources.ts'
import { apiServer, pathOf, type Stored, type TestServer } from '../support/api-server.ts'
import { OUR_AGENT, writesBy } from '../support/audit.ts'
import { createDatacenter, type TestDatacenter } from '../support/cluster-state.ts'
import { type CommandOutcome, runCommand } from '../support/command.ts'
import { bindDocumentedRoles } from '../support/documented-roles.ts'
import { addGateway, createMesh, removeRoutes, type TestMesh } from '../support/mesh-state.ts'
import { assertMatchesSchema } from '../support/schema.ts'

const KINDS = [
  DEPLOYMENT,
  POD_DISRUPTION_BUDGET,
  ROLE_BINDING,
  ROLE,
  SERVICE_ACCOUNT,
  CLUSTER_ROLE_BINDING,
  CLUSTER_ROLE,
  LEASE,
]

describe('routes controller', function () {
  this.timeout(90_000)
  let server: TestServer
  let mesh: TestMesh
  let dc: TestDatacenter
  let own: string
  let nth = 0

  before(async () => {
    server = await apiServer()
  })
  beforeEach(async () => {
    mesh = await createMesh(server, { namespace: await server.namespace('istio') })
    dc = await createDatacenter(server, { namespace: await server.namespace('cass') })
    own = `controller-of-${++nth}`
  })
  afterEach(async () => {
    await controller('uninstall', '--yes')
    await Promise.all([mesh.remove(), dc.remove()])
    await removeRoutes(server)
  })

  const controller = (...words: string[]) =>
    runCommand(['routes', 'controller', ...words, '--controller-namespace', own, '--kubeconfig', server.kubeconfig])
  /** Reports the replicas as ready, as the controllers of Kubernetes would. */
  const becomeReady = async (expected: number) => {
    for (let left = 150; left > 0; left--) {
      const deployments = (await objects(DEPLOYMENT)).filter(({ metadata }) => metadata.namespace === own)
      for (const { metadata } of deployments) {
        const replicas = metadata.name === 'cass-sni-controller' ? 2 : 1
        const counts = { replicas, readyReplicas: replicas, updatedReplicas: replicas, observedGeneration: 99 }
        await server.status(DEPLOYMENT, metadata.name, own, counts)
      }
      if (deployments.length >= expected) return
      await sleep(20)
    }
  }
  const install = async (...words: string[]): Promise<CommandOutcome> => {
    const ready = becomeReady(words.includes('--renew-certs') ? 2 : 1)
    const outcome = await controller('install', '-n', dc.namespace, '--image', 'lab/controller:1', ...words)
    await ready
    return outcome
  }
  const objects = async (type: ResourceType): Promise<Stored[]> => {
    const { items } = await server.client.get<{ items: Stored[] }>(pathOf(type))
    return items.filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/instance'] === own)
  }
  const installed = async () => {
    const found = await Promise.all(
      KINDS.map(async (type) => (await objects(type)).map(({ metadata }) => `${type.kind} ${metadata.name}`)),
    )
    return found.flat().sort()
  }
  const writes = async (since: number) => (await writesBy(server.auditLog, OUR_AGENT, since)).map(({ verb }) => verb)

  it('installs everything, writes nothing the second time, and uninstalls without a trace', async () => {
    const first = await install('-o', 'json')
    equal(first.exitCode, 0, first.stderr)
    assertMatchesSchema('RoutesControllerInstall', first.json())
    const { result } = first.json()
    deepEqual([result.namespaces, result.gatewayNamespaces, result.ready], [[dc.namespace], [mesh.namespace], 2])
    const names = await installed()
    equal(names.length, result.created - 1, 'and the namespace')
    const since = Date.now()
    const again = await install()
    equal(again.exitCode, 0, again.stderr)
    match(again.stdout, /2 replicas ready, following cass-\d+\.\n/)
    deepEqual(await writes(since), [])
    const { metadata } = await server.client.get<Stored>(pathOf(NAMESPACE, undefined, own))
    equal(metadata.labels?.['pod-security.kubernetes.io/enforce'], 'restricted')

    const planned = await controller('uninstall', '--dry-run')
    equal(planned.exitCode, 0, planned.stderr)
    match(planned.stderr, new RegExp(`${result.created} objects to be deleted`))
    deepEqual(await installed(), names)
    const gone = await controller('uninstall', '-o', 'json')
    equal(gone.exitCode, 0, gone.stderr)
    assertMatchesSchema('RoutesControllerUninstall', gone.json())
    equal(gone.json().result.deleted, result.created)
    deepEqual(await installed(), [])
    const { status } = await server.client.get<Stored>(pathOf(NAMESPACE, undefined, own))
    equal((status as { phase: string }).phase, 'Terminating')
    const later = Date.now()
    match((await controller('uninstall')).stdout, /No routes controller found/)
    deepEqual(await writes(later), [])
  })

  it('shows changes without writing, and prints the same objects as a manifest', async () => {
    const since = Date.now()
    const planned = await controller('install', '-n', dc.namespace, '--image', 'i:1', '--dry-run', '-o', 'json')
    equal(planned.exitCode, 0, planned.stderr)
    const printed = await controller('manifest', '-n', dc.namespace, '--image', 'i:1')
    equal(printed.exitCode, 0, printed.stderr)
    equal(printed.stderr, '')
    deepEqual(await writes(since), [])
    const manifest = parseAllDocuments(printed.stdout).map((document) => document.toJS() as KubeObject)
    const nameOf = ({ kind, metadata }: KubeObject) => `${kind.toLowerCase()}/${metadata.name}`
    deepEqual(
      planned.json().changes.map(({ object }: { object: string }) => object.replace(/^(\w+)[^/]*/, '$1')),
      manifest.map(nameOf),
    )
    doesNotMatch(printed.stdout, /secrets|exec|'\*'/)
    for (const { metadata } of manifest) equal(metadata.labels?.['app.kubernetes.io/managed-by'], 'kubectl-cass-sni')
  })

  it('follows another scope after another install, with no permissions of the first one left', async () => {
    equal((await install()).exitCode, 0)
    const bindings = async () => (await objects(ROLE_BINDING)).map(({ metadata }) => metadata.namespace).sort()
    deepEqual(await bindings(), [dc.namespace, mesh.namespace, own].sort())
    const outcome = await install('-A', '--yes', '-o', 'json')
    equal(outcome.exitCode, 0, outcome.stderr)
    deepEqual(await bindings(), [mesh.namespace, own].sort())
    equal((await objects(CLUSTER_ROLE_BINDING)).length, 2)
    equal(outcome.json().result.namespaces, undefined)
    // the image is remembered
    const status = await controller('status', '-o', 'json')
    assertMatchesSchema('RoutesControllerStatus', status.json())
    equal(status.json().result.image, 'lab/controller:1')
    equal((await controller('install', '-A', '--dry-run')).exitCode, 0)
  })

  it('does not take what it has no permission to read as absent', async () => {
    equal((await install()).exitCode, 0)
    const names = await installed()
    for (const words of [['uninstall'], ['install', '--image', 'i:1'], ['manifest', '--image', 'i:1'], ['status']]) {
      const { exitCode, stdout, stderr } = await controller(...words, '--as', 'nobody')
      equal(exitCode, 1, words[0])
      equal(stdout, '')
      match(stderr, /user "nobody" cannot [\s\S]*\[CSNI203\]/, words[0])
      doesNotMatch(stderr, /not installed/)
      // the ClusterRoles of docs/permissions.yaml are enough for the others only
      const isAdministrators = words[0] === 'install' || words[0] === 'uninstall'
      match(
        stderr,
        isAdministrators
          ? new RegExp(`Hint: routes controller ${words[0]} requires cluster-admin: run it as an administrator\\n`)
          : /Hint: an administrator can grant it: /,
      )
      equal(isAdministrators && stderr.includes('create clusterrolebinding'), false, stderr)
    }
    const everything = await runCommand(['uninstall', '--all', '--kubeconfig', server.kubeconfig, '--as', 'nobody'])
    match(everything.stderr, /user "nobody" cannot list [\s\S]*\[CSNI203\]/)
    deepEqual(await installed(), names)
  })

  it('warns about a controller that follows the same datacenters, and names both before routes are deleted', async () => {
    const first = own
    equal((await install('-d', 'dc1')).exitCode, 0)
    own = `controller-of-${++nth}`
    const uninstall = (namespace: string) =>
      `kubectl cass-sni routes controller uninstall .*--controller-namespace ${namespace}`
    // the command carries the connection flags
    const warning = (namespace: string) =>
      new RegExp(
        `warning: the routes controller in namespace ${namespace} also follows cassandradatacenter/dc1 in namespace ` +
          `${dc.namespace}\n  Try: ${uninstall(namespace).replace('.*', `--kubeconfig ${server.kubeconfig} .*`)}\n`,
      )
    const planned = await controller('install', '-A', '--image', 'i:1', '--dry-run')
    equal(planned.exitCode, 0, planned.stderr)
    match(planned.stderr, warning(first))
    match((await install('-A', '--yes')).stderr, warning(first))
    match((await controller('status')).stderr, warning(first))
    const routes = (...words: string[]) =>
      runCommand(['routes', ...words, '-n', dc.namespace, '--kubeconfig', server.kubeconfig])
    equal((await routes('sync')).exitCode, 0)
    const refused = await routes('delete', '--yes')
    match(refused.stderr, new RegExp(`the routes controllers in namespaces ${first}, ${own} would create .*CSNI514`))
    for (const namespace of [first, own]) match(refused.stderr, new RegExp(`Try: ${uninstall(namespace)}`))
    const second = own
    own = first
    match((await controller('status')).stderr, warning(second))
    equal((await controller('uninstall', '--yes')).exitCode, 0)
    own = second
    doesNotMatch((await controller('status')).stderr, /also follows/)
  })

  it('states why a status is unknown, and how to install a controller if none exists', async () => {
    const status = (...words: string[]) =>
      runCommand(['routes', 'status', '-n', dc.namespace, '--kubeconfig', server.kubeconfig, ...words])
    const missing = `no routes controller found\n  Try: kubectl cass-sni routes controller install --kubeconfig ${server.kubeconfig}`
    const without = await status()
    equal(without.exitCode, 1)
    match(without.stdout, /REASON\ncass-\d+ +dc1 +unknown +never synced by a controller\n/)
    match(without.stderr, new RegExp(`${missing} -n ${dc.namespace}\n`))
    match((await status('-A')).stderr, new RegExp(`${missing} -A\n`))
    const json = (await status('-o', 'json')).json()
    assertMatchesSchema('RoutesStatus', json)
    equal(json.result.datacenters[0].message, 'never synced by a controller')
    deepEqual(json.warnings, [
      {
        message: 'no routes controller found',
        next: [`kubectl cass-sni routes controller install --kubeconfig ${server.kubeconfig} -n ${dc.namespace}`],
      },
    ])

    equal((await install()).exitCode, 0)
    const after = await status()
    match(after.stdout, /unknown +never synced by a controller\n/)
    doesNotMatch(after.stderr, /no routes controller found/)
  })

  it('with the roles of docs/permissions.yaml shows the status without the leader, and uninstalls nothing', async () => {
    equal((await install()).exitCode, 0)
    const names = await installed()
    const namespaces = { datacenter: dc.namespace, gateway: mesh.namespace }
    const lists = (verb: string, kinds: string[]) => verb !== 'list' || !kinds.includes('gateways')
    const documented = await bindDocumentedRoles(server, 'documented', namespaces)
    const partial = await bindDocumentedRoles(server, 'partial', namespaces, lists)
    const as = (user: { kubeconfig: string }, ...words: string[]) =>
      runCommand(['routes', ...words, '--kubeconfig', user.kubeconfig])
    try {
      const status = await as(documented, 'controller', 'status', '--controller-namespace', own)
      match(status.stdout, /\nLeader: +unknown \(no permission to read its Lease\)\n/)
      const uninstall = await as(documented, 'controller', 'uninstall', '--controller-namespace', own, '--yes')
      match(uninstall.stderr, /user "documented" cannot list .*\[CSNI203\]/)
      deepEqual(await installed(), names)
      match((await as(documented, 'status', '-n', dc.namespace)).stdout, /never synced by a controller/)
      // the record may exist
      const unread = await as(partial, 'status', '-n', dc.namespace)
      match(unread.stderr, /user "partial" cannot list gateways.* \[CSNI203\]/)
      equal(unread.stdout, '')
    } finally {
      await Promise.all([documented.remove(), partial.remove()])
    }
  })

  it('leaves a namespace that another client has created, or that contains other objects', async () => {
    await server.create(NAMESPACE, { metadata: { name: own } })
    equal((await install()).exitCode, 0)
    equal((await controller('uninstall')).exitCode, 0)
    const { status } = await server.client.get<Stored>(pathOf(NAMESPACE, undefined, own))
    equal((status as { phase: string }).phase, 'Active')
    deepEqual(await installed(), [])

    own = `controller-of-${++nth}`
    equal((await install()).exitCode, 0)
    await server.create(CONFIG_MAP, { metadata: { name: 'other', namespace: own } })
    match((await controller('uninstall')).stdout, new RegExp(`Namespace ${own} contains other objects and is kept`))
  })

  it('refuses to take over an object of another program', async () => {
    await server.create(NAMESPACE, { metadata: { name: own } })
    await server.create(SERVICE_ACCOUNT, { metadata: { name: 'cass-sni-controller', namespace: own } })
    const { exitCode, stderr } = await install()
    equal(exitCode, 1)
    match(stderr, /CSNI210/)
    await server.remove(SERVICE_ACCOUNT, 'cass-sni-controller', own)
  })

  it('renews certificates with --renew-certs only, with access to the Secrets concerned, until --no-renew-certs', async () => {
    const first = await install('--renew-certs', '-o', 'json')
    equal(first.exitCode, 0, first.stderr)
    equal(first.json().result.renewsCertificates, true)
    const rolesOf = async (account: string) => {
      const bindings = [...(await objects(ROLE_BINDING)), ...(await objects(CLUSTER_ROLE_BINDING))] as unknown as {
        roleRef: { name: string }
        subjects: { name: string }[]
      }[]
      const names = bindings.filter(({ subjects }) => subjects[0]?.name === account).map(({ roleRef }) => roleRef.name)
      const roles = [...(await objects(ROLE)), ...(await objects(CLUSTER_ROLE))] as unknown as (Stored & {
        rules: { resources: string[]; resourceNames?: string[]; verbs: string[] }[]
      })[]
      return roles.filter(({ metadata }) => names.includes(metadata.name)).flatMap(({ rules }) => rules)
    }
    const secrets = (await rolesOf('cass-sni-certificates')).filter(({ resources }) => resources.includes('secrets'))
    deepEqual(
      secrets.map(({ resourceNames, verbs }) => [resourceNames, verbs]),
      [
        [
          ['cass-sni-dc1-tls', 'dc1-ca-keystore', 'dc1-keystore'],
          ['get', 'patch'],
        ],
      ],
    )
    ok(!(await rolesOf('cass-sni-controller')).some(({ resources }) => resources.includes('secrets')))
    const pods = await rolesOf('cass-sni-certificates')
    ok(!pods.some(({ verbs, resources }) => resources.includes('virtualservices') && verbs.includes('patch')))
    // as installed
    const again = await install('-o', 'json')
    deepEqual([again.json().result.renewsCertificates, again.json().result.configured], [true, 0])
    const status = await controller('status', '-o', 'json')
    deepEqual(status.json().result.renewal, { wanted: 1, ready: 1 })
    const without = await install('--no-renew-certs', '--yes', '-o', 'json')
    equal(without.json().result.renewsCertificates, false)
    ok(without.json().result.pruned > 4)
    deepEqual(
      (await objects(DEPLOYMENT)).map(({ metadata }) => metadata.name),
      ['cass-sni-controller'],
    )
  })

  it('grants nothing in a namespace that is being deleted, where a grant would be refused', async () => {
    const gone = await server.namespace('gone')
    const other = await addGateway(server, { namespace: gone, service: 'going' })
    await server.remove(NAMESPACE, gone)
    const { stdout, exitCode } = await controller('manifest', '-n', dc.namespace, '--image', 'i:1')
    equal(exitCode, 0)
    ok(!stdout.includes(`namespace: ${gone}`))
    ok(stdout.includes(`namespace: ${mesh.namespace}`))
    await other.remove()
  })

  it('needs an image once, and an ingress gateway', async () => {
    const outcome = await controller('install', '-n', dc.namespace)
    equal(outcome.exitCode, 2)
    match(outcome.stderr, /no controller image specified; use --image \[CSNI102\]/)
    await mesh.remove()
    const without = await controller('manifest', '-n', dc.namespace, '--image', 'i:1')
    match(
      without.stderr,
      /cannot find an Istio ingress gateway; specify its namespace with --gateway-namespace \[CSNI502\]/,
    )
    match(without.stderr, /--gateway-namespace NAMESPACE/)
    equal((await controller('manifest', '-n', dc.namespace, '--image', 'i:1', '--gateway-namespace', 'x')).exitCode, 0)
  })

  it('checks names, namespaces and the datacenter before the first write, also in a dry run', async () => {
    const since = Date.now()
    const cases: [words: string[], exitCode: number, text: RegExp][] = [
      [['--controller-namespace', 'Nope!'], 2, /invalid value "Nope!" for --controller-namespace: .*\[CSNI101\]/],
      [['--image', 'a b'], 2, /invalid value "a b" for --image: .*\[CSNI101\]/],
      [['-n', 'nope'], 1, /namespace\/nope not found \[CSNI204\]/],
      [
        ['--watch-namespace', 'nope', '--watch-namespace', dc.namespace, '--gateway-namespace', 'absent'],
        1,
        /namespaces absent, nope not found \[CSNI204\]/,
      ],
      [
        ['-d', 'dc9'],
        1,
        /cassandradatacenter\/dc9 not found in namespace cass-\d+ \(available: dc1\) \[CSNI301\][\s\S]*--datacenter dc1/,
      ],
    ]
    for (const [words, exitCode, text] of cases) {
      for (const run of [['--dry-run'], []]) {
        const base = ['routes', 'controller', 'install', '--kubeconfig', server.kubeconfig, ...run]
        const target = words[0] === '-n' ? [] : ['-n', dc.namespace]
        const rest = [
          ...(words[0] === '--image' ? [] : ['--image', 'i:1']),
          ...(words[0] === '--controller-namespace' ? [] : ['--controller-namespace', own]),
        ]
        const outcome = await runCommand([...base, ...target, ...rest, ...words])
        equal(outcome.exitCode, exitCode, `${words.join(' ')}: ${outcome.stderr}`)
        match(outcome.stderr, text)
      }
    }
    deepEqual(await writes(since), [])
  })

  it('reports why a rollout does not complete', async () => {
    await server.create(NAMESPACE, { metadata: { name: own } })
    const pod = 'cass-sni-controller-1'
    const labels = { 'app.kubernetes.io/name': 'cass-sni-controller', 'app.kubernetes.io/instance': own }
    await server.create(POD, {
      metadata: { name: pod, namespace: own, labels },
      spec: { containers: [{ name: 'controller', image: 'i:1' }] },
    })
    const waiting = { reason: 'ErrImagePull', message: 'no such host' }
    const container = { name: 'controller', image: 'i:1', imageID: '', ready: false, restartCount: 0 }
    await server.status(POD, pod, own, { containerStatuses: [{ ...container, state: { waiting } }] })
    const { exitCode, stderr } = await controller('install', '-n', dc.namespace, '--image', 'i:1', '--timeout', '6s')
    equal(exitCode, 124)
    const reason = `${pod}: image for controller: ErrImagePull: no such host`
    match(stderr, new RegExp(`timed out waiting for deployment.* in namespace ${own}: ${reason} \\[CSNI901\\]`))
    match(stderr, /Try: .*kubectl cass-sni routes controller install .*--image i:1 --timeout 6s/)
    match(stderr, new RegExp(`kubectl .*get events -n ${own} --sort-by`))
    match(
      stderr,
      new RegExp(`kubectl cass-sni routes controller uninstall .*--kubeconfig .*--controller-namespace ${own}`),
    )
    const status = await controller('status')
    equal(status.exitCode, 1)
    match(
      status.stdout,
      new RegExp(`Replicas: +0 of 2 ready\n +${reason}\nLeader: +none\nFollows: +cass-\\d+\n\nNAMESPACE +DATACENTER`),
    )
    assertMatchesSchema('RoutesControllerStatus', (await controller('status', '-o', 'json')).json())
    await server.remove(POD, pod, own)
    match(status.stdout, /dc1 +unknown/)
    own = 'nowhere'
    match((await controller('status')).stdout, /No routes controller found in namespace nowhere/)
  })
})
