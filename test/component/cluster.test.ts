/** The cluster layer against a real API server. */
import { nextTexts } from '../support/next-texts.ts'
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type AddressInfo, connect as dial } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectKube } from '../../src/lib/cluster/client.ts'
import type { Kube, KubeOptions } from '../../src/lib/cluster/kube.ts'
import { missingPortForwardVerb } from '../../src/lib/cluster/port-forward-permission.ts'
import { CASSANDRA_DATACENTER, CONFIG_MAP, NAMESPACE, SECRET, SERVICE } from '../../src/lib/cluster/resources.ts'
import type { CassSniError } from '../../src/lib/errors.ts'
import { apiServer, type TestServer } from '../support/api-server.ts'
import { runCommand } from '../support/command.ts'
import { testAuthority } from '../unit/connection/certificates.ts'

describe('a client of the API server', () => {
  let server: TestServer
  let folder: string
  let kube: Kube
  before(async function () {
    this.timeout(120_000)
    server = await apiServer()
    folder = await mkdtemp(join(tmpdir(), 'cass-sni-client-'))
    kube = await connect({ kubeconfig: server.kubeconfig })
  })
  after(() => rm(folder, { recursive: true }))

  const connect = (options: Omit<KubeOptions, 'signal'>) =>
    connectKube({ signal: new AbortController().signal, ...options })
  const fails = async (run: Promise<unknown>, code: string, message: RegExp): Promise<CassSniError> => {
    const error = await run.then(
      () => assert.fail(`no ${code}`),
      (reason: CassSniError) => reason,
    )
    assert.equal(error.code, code, error.message)
    assert.match(error.message, message)
    return error
  }
  const write = async (name: string, text: string) => {
    await writeFile(join(folder, name), text)
    return join(folder, name)
  }

  it('merges several kubeconfigs as kubectl does', async () => {
    const text = await readFile(server.kubeconfig, 'utf8')
    // the context in one file, cluster and user in the next, and wrong ones of the same names in a third
    const first = await write(
      'first',
      'contexts:\n- {name: mine, context: {cluster: lab, user: admin, namespace: kube-system}}\ncurrent-context: mine\n',
    )
    const third = await write('third', 'clusters:\n- {name: lab, cluster: {server: "https://127.0.0.1:1"}}\n')
    const before = process.env.KUBECONFIG
    process.env.KUBECONFIG = [first, join(folder, 'missing'), await write('second', text), third].join(':')
    try {
      const merged = await connect({})
      assert.deepEqual(
        [merged.target.context, merged.target.namespace, merged.target.server],
        ['mine', 'kube-system', server.url],
      )
      assert.ok((await merged.list(NAMESPACE)).some((one) => one.metadata.name === 'kube-system'))
    } finally {
      if (before === undefined) delete process.env.KUBECONFIG
      else process.env.KUBECONFIG = before
    }
  })

  it('says what a user may not do, and how to find out more', async () => {
    const jane = await connect({ kubeconfig: await server.kubeconfigFor({ user: 'jane', groups: ['dev'] }) })
    const error = await fails(
      jane.list(SECRET, { namespace: 'default' }),
      'CSNI203',
      /^user "jane" cannot list secrets in namespace default$/,
    )
    assert.equal(nextTexts(error.next)[0], 'kubectl auth can-i list secrets -n default')
    assert.match(nextTexts(error.next)[1] ?? '', /docs\/permissions\.yaml/)
    assert.equal(await jane.can('list', SECRET, 'default'), false)
    const exec = await fails(
      jane.exec({ name: 'p', namespace: 'default' }, 'c', ['x']),
      'CSNI203',
      /cannot \S+ pods\/exec "p" in namespace default/,
    )
    assert.match(nextTexts(exec.next)[0] ?? '', /^kubectl auth can-i \S+ pods\/p --subresource exec -n default$/)
  })

  it('needs create on pods/portforward only where the server asks for it', async () => {
    const namespace = await server.namespace('forward')
    const roles = '/apis/rbac.authorization.k8s.io/v1'
    const user = (verb: string) => `forwards-by-${verb}`
    for (const verb of ['get', 'create']) {
      const metadata = { name: verb, namespace }
      const rules = [{ apiGroups: [''], resources: ['pods/portforward'], verbs: [verb] }]
      await server.client.send('POST', `${roles}/namespaces/${namespace}/roles`, { metadata, rules })
      await server.client.send('POST', `${roles}/namespaces/${namespace}/rolebindings`, {
        metadata,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: verb },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user(verb) }],
      })
    }
    const { major, minor } = await kube.serverVersion()
    assert.deepEqual([major, minor >= 34], [1, true])
    const tried = async (verb: string) => {
      const client = await connect({ kubeconfig: await server.kubeconfigFor({ user: user(verb) }) })
      const lacking = await missingPortForwardVerb(client, namespace)
      // what the server makes of it: without permission it does not say that the pod is missing
      await fails(client.connect({ name: 'no-pod', namespace }, 1), lacking ? 'CSNI203' : 'CSNI204', /./)
      return lacking
    }
    assert.equal(await tried('get'), minor >= 35 ? 'create' : undefined)
    assert.equal(await tried('create'), 'get')
  })

  it('acts as another user in several groups', async () => {
    const as = await connect({
      kubeconfig: server.kubeconfig,
      as: 'jane',
      asGroups: ['dev', 'system:masters'],
      asUid: '7',
    })
    assert.equal(await as.can('delete', SECRET, 'default'), true)
    // WebSockets carry the groups as well: the pod is missing, not the right
    await fails(as.connect({ name: 'no-pod', namespace: 'default' }, 1), 'CSNI204', /^pod\/no-pod/)
    const without = await connect({ kubeconfig: server.kubeconfig, as: 'jane', asGroups: ['dev'] })
    await fails(without.get(SECRET, 's', 'default'), 'CSNI203', /user "jane" cannot get secrets "s"/)
  })

  it('tells one missing thing from another', async () => {
    assert.equal(await kube.get(SERVICE, 'nope', 'default'), undefined)
    assert.equal(await kube.get(SERVICE, 'nope', 'no-namespace'), undefined)
    await fails(
      kube.list({ ...CASSANDRA_DATACENTER, version: 'v9' }),
      'CSNI205',
      /does not serve CassandraDatacenter \(cassandra.datastax.com\/v9\)/,
    )
    await fails(
      kube.apply(CONFIG_MAP, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'x', namespace: 'no-namespace' },
      }),
      'CSNI204',
      /^namespace "no-namespace" not found$/,
    )
    await fails(
      kube.connect({ name: 'no-pod', namespace: 'default' }, 1),
      'CSNI204',
      /^pod\/no-pod in namespace default not found$/,
    )
    assert.equal(await kube.delete(SERVICE, 'nope', 'default'), false)
  })

  it('knows what is served', async () => {
    assert.ok((await kube.servedVersions('networking.istio.io')).includes('v1'))
    assert.deepEqual(await kube.servedVersions('not.served'), [])
    assert.deepEqual(
      await kube.resourceType('cassandra.datastax.com/v1beta1', 'CassandraDatacenter'),
      CASSANDRA_DATACENTER,
    )
    const about = [
      {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: 'x' },
        spec: { group: 'g.x', scope: 'Cluster', names: { kind: 'Thing', plural: 'things' } },
      },
    ]
    assert.deepEqual(await kube.resourceType('g.x/v1', 'Thing', about), {
      group: 'g.x',
      version: 'v1',
      kind: 'Thing',
      plural: 'things',
      namespaced: false,
    })
    await fails(kube.resourceType('g.x/v1', 'Thing'), 'CSNI205', /does not serve Thing/)
  })

  it('follows the pages of a long list', async function () {
    this.timeout(60_000)
    const namespace = await server.namespace('pages')
    await Promise.all(
      Array.from({ length: 510 }, (_, index) =>
        server.create(CONFIG_MAP, { metadata: { name: `c-${index}`, namespace } }),
      ),
    )
    const all = await kube.list(CONFIG_MAP, { namespace })
    assert.equal(new Set(all.map((one) => one.metadata.name)).size, 510)
    assert.deepEqual([all[0]?.kind, all[0]?.apiVersion], ['ConfigMap', 'v1'])
  })

  it('refuses a field that no schema knows, and hides what a Secret holds', async () => {
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'strict', namespace: 'default' },
      spec: { ports: [{ port: 1 }], bogus: 1 },
    }
    await fails(kube.apply(SERVICE, service), 'CSNI206', /spec\.bogus/)
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'no_name', namespace: 'default' },
      stringData: { geheim: 'geheim' },
    }
    const error = await fails(kube.apply(SECRET, secret), 'CSNI206', /metadata\.name/)
    assert.doesNotMatch(error.message, /geheim/)
  })

  it('does not trust another authority, and reads no broken key', async () => {
    const text = await readFile(server.kubeconfig, 'utf8')
    const other = Buffer.from((await testAuthority('other')).pem)
    const untrusted = await write(
      'untrusted',
      text.replace(/certificate-authority-data: .*/, `certificate-authority-data: ${other.toString('base64')}`),
    )
    await fails((await connect({ kubeconfig: untrusted })).list(NAMESPACE), 'CSNI201', /cannot verify the certificate/)
    const broken = await write(
      'broken',
      text.replace(/client-key-data: .*/, `client-key-data: ${Buffer.from('nonsense').toString('base64')}`),
    )
    await fails((await connect({ kubeconfig: broken })).list(NAMESPACE), 'CSNI103', /of user "admin" in the kubeconfig/)
    const token = await write(
      'token',
      text.replace(/client-certificate-data: .*\n.*client-key-data: .*/, 'token: wrong'),
    )
    await fails((await connect({ kubeconfig: token })).list(NAMESPACE), 'CSNI202', /rejected the credentials/)
  })

  it('authenticates by a credential plugin', async () => {
    const text = await readFile(server.kubeconfig, 'utf8')
    const data = (field: string) =>
      Buffer.from(new RegExp(`${field}: (.*)`).exec(text)?.[1] ?? '', 'base64').toString('utf8')
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { clientCertificateData: data('client-certificate-data'), clientKeyData: data('client-key-data') },
    }
    await write('credential.json', JSON.stringify(credential))
    await writeFile(join(folder, 'plugin'), '#!/bin/sh\ncat "$1"\n', { mode: 0o755 })
    const exec =
      'exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, args: [FILE], interactiveMode: Never}'.replace(
        'FILE',
        join(folder, 'credential.json'),
      )
    const config = await write('with-plugin', text.replace(/client-certificate-data: .*\n.*client-key-data: .*/, exec))
    const plugged = await connect({ kubeconfig: config })
    assert.equal(await plugged.can('delete', SECRET, 'default'), true)
    await Promise.all(Array.from({ length: 5 }, () => plugged.list(NAMESPACE)))
    await fails(plugged.connect({ name: 'no-pod', namespace: 'default' }, 1), 'CSNI204', /^pod\/no-pod/)
  })

  it('goes through a proxy, with requests and WebSockets', async () => {
    const asked: string[] = []
    const proxy = createServer().on('connect', (request, client, head) => {
      asked.push(request.url ?? '')
      const { hostname, port } = new URL(`http://${request.url}`)
      const far = dial(Number(port), hostname, () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n')
        far.write(head)
        far.pipe(client).pipe(far)
      })
      for (const end of [far, client]) end.on('error', () => undefined)
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    try {
      const text = await readFile(server.kubeconfig, 'utf8')
      const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
      const through = await connect({
        kubeconfig: await write('proxied', text.replace(/( +)server: .*/, `$&\n$1proxy-url: ${url}`)),
      })
      assert.ok((await through.list(NAMESPACE)).length > 0)
      assert.equal(asked.length, 1)
      await fails(through.connect({ name: 'no-pod', namespace: 'default' }, 1), 'CSNI204', /^pod\/no-pod/)
      assert.deepEqual(new Set(asked), new Set([new URL(server.url).host]))
    } finally {
      proxy.closeAllConnections()
      proxy.close()
    }
  })

  it('is told from the command line', async () => {
    const outcome = await runCommand(['certs', 'ca', '--context', 'nope'], { env: { KUBECONFIG: server.kubeconfig } })
    assert.equal(outcome.exitCode, 2)
    assert.match(outcome.stderr, /context "nope" not found.*lab[\s\S]*CSNI103[\s\S]*kubectl config get-contexts/)
    const away = await write(
      'away',
      (await readFile(server.kubeconfig, 'utf8')).replace(/server: .*/, 'server: https://127.0.0.1:1'),
    )
    const unreachable = await runCommand(['certs', 'ca', '--kubeconfig', away])
    assert.equal(unreachable.exitCode, 1)
    assert.match(
      unreachable.stderr,
      /https:\/\/127\.0\.0\.1:1 .*connection refused[\s\S]*CSNI201[\s\S]*kubectl --kubeconfig \S+ --context lab cluster-info/,
    )
  })
})
