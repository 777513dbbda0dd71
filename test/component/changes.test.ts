/** Comparing and applying against the real server-side apply. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { applyChanges, retryOvertaken } from '../../src/lib/changes/apply.ts'
import type { Desired } from '../../src/lib/changes/changeset.ts'
import { ownedLabels, ownedSelector } from '../../src/lib/changes/ownership.ts'
import { planChanges, type Prune } from '../../src/lib/changes/change-plan.ts'
import { connectKube } from '../../src/lib/cluster/client.ts'
import type { Kube, KubeObject, ResourceType } from '../../src/lib/cluster/kube.ts'
import {
  apiVersionOf,
  DEPLOYMENT,
  ISTIO_GATEWAY,
  MUTATING_WEBHOOK,
  PEER_AUTHENTICATION,
  SECRET,
  SERVICE,
  VIRTUAL_SERVICE,
} from '../../src/lib/cluster/resources.ts'
import { apiServer, pathOf, type TestServer } from '../support/api-server.ts'
import { OUR_AGENT, writesBy } from '../support/audit.ts'

interface ServiceObject extends KubeObject {
  spec: { ports: { name?: string; port: number }[]; type: string }
}

describe('changes', () => {
  let server: TestServer
  let kube: Kube
  let namespace: string
  before(async function () {
    this.timeout(120_000)
    server = await apiServer()
    kube = await connectKube({ kubeconfig: server.kubeconfig, signal: new AbortController().signal })
  })
  beforeEach(async () => {
    namespace = await server.namespace('changes')
  })

  const own = (type: ResourceType, name: string, rest: object): Desired => ({
    type,
    ownership: 'own',
    object: {
      apiVersion: apiVersionOf(type),
      kind: type.kind,
      metadata: { name, namespace, labels: ownedLabels('dc1') },
      ...rest,
    },
  })
  const port = (number: number, managerSuffix = 'a'): Desired => ({
    type: SERVICE,
    ownership: 'share',
    managerSuffix,
    mustExist: true,
    object: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'gateway', namespace },
      spec: { ports: [{ name: `tcp-${number}`, port: number, targetPort: number }] },
    },
  })
  const nothing = (managerSuffix: string): Desired => {
    const one = port(1, managerSuffix)
    return { ...one, object: { apiVersion: 'v1', kind: 'Service', metadata: one.object.metadata } }
  }
  const gateway = () =>
    server.create(SERVICE, {
      metadata: { name: 'gateway', namespace },
      spec: { selector: { app: 'gw' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
    })
  const ports = async () =>
    (await kube.get<ServiceObject>(SERVICE, 'gateway', namespace))?.spec.ports
      .map((each) => each.port)
      .sort((a, b) => a - b)
  const context = () => ({ kube, signal: new AbortController().signal, emit: () => undefined, dryRun: false })
  /** "action object fields", one per object, and the write requests that it took. */
  const run = async (desired: Desired[], prune?: Prune, dryRun = false) => {
    const since = Date.now()
    const set = await planChanges(kube, desired, prune)
    const records = await applyChanges({ ...context(), dryRun }, set)
    return {
      told: records.map((one) => `${one.action} ${one.object} ${one.fields ?? ''}`.trim()),
      writes: await writesBy(server.auditLog, OUR_AGENT, since),
    }
  }

  it('has nothing to do on what kustomize makes of a webhook: base64 in lines, rules without their scope', async () => {
    const lines = (text: string) => Buffer.from(text).toString('base64').replace(/.{70}/g, '$&\n')
    const authority = await readFile(join(dirname(server.kubeconfig), 'pki/ca.crt'), 'utf8')
    const webhook = own(MUTATING_WEBHOOK, `hook-${namespace}`, {
      webhooks: [
        {
          name: 'hook.example.com',
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          failurePolicy: 'Ignore',
          clientConfig: { caBundle: lines(authority), service: { name: 'hook', namespace, path: '/' } },
          rules: [{ apiGroups: ['x.example.com'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['xs'] }],
        },
      ],
    })
    Reflect.deleteProperty(webhook.object.metadata, 'namespace')
    const secret = own(SECRET, 'webhook-server-cert', { data: { 'tls.crt': lines(authority) } })
    assert.equal((await run([secret, webhook])).writes.length, 2)
    const again = await run([secret, webhook])
    assert.deepEqual(again.writes, [])
    assert.equal(
      (await run([own(SECRET, 'webhook-server-cert', { data: { 'tls.crt': lines('other') } })])).writes.length,
      1,
    )
    await server.remove(MUTATING_WEBHOOK, webhook.object.metadata.name)
  })

  it('is idempotent for every kind of object that is written', async () => {
    const desired = [
      own(SERVICE, 'svc', {
        spec: {
          selector: { a: 'b' },
          ports: [{ name: 'tcp-cql', port: 9042, targetPort: 9042 }],
          publishNotReadyAddresses: false,
        },
      }),
      own(SECRET, 'sec', { stringData: { password: 'geheim' } }),
      own(DEPLOYMENT, 'dep', {
        spec: {
          replicas: 1,
          selector: { matchLabels: { a: 'b' } },
          template: {
            metadata: { labels: { a: 'b' } },
            spec: {
              tolerations: [{ key: 'k', operator: 'Exists' }],
              volumes: [
                { name: 'v', emptyDir: {} },
                { name: 's', secret: { secretName: 'sec' } },
              ],
              containers: [
                {
                  name: 'c',
                  image: 'x',
                  args: ['a', 'b'],
                  ports: [{ containerPort: 80 }],
                  env: [{ name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
                  resources: { requests: { cpu: '1000m', memory: '1024Mi' } },
                  volumeMounts: [{ name: 'v', mountPath: '/v' }],
                },
              ],
            },
          },
        },
      }),
      own(ISTIO_GATEWAY, 'gw', {
        spec: {
          selector: { istio: 'ingressgateway' },
          servers: [
            {
              port: { number: 9042, name: 'tls-cql', protocol: 'TLS' },
              tls: { mode: 'PASSTHROUGH' },
              hosts: [`${namespace}/*`],
            },
          ],
        },
      }),
      own(VIRTUAL_SERVICE, 'vs', {
        spec: {
          hosts: ['a.example'],
          gateways: ['gw'],
          tls: [
            {
              match: [{ port: 9042, sniHosts: ['a.example'] }],
              route: [{ destination: { host: 'svc', port: { number: 9042 } } }],
            },
          ],
        },
      }),
      own(PEER_AUTHENTICATION, 'pa', {
        spec: {
          selector: { matchLabels: { a: 'b' } },
          mtls: { mode: 'STRICT' },
          portLevelMtls: { 9042: { mode: 'DISABLE' } },
        },
      }),
    ]
    const first = await run(desired)
    assert.ok(first.told.every((line) => line.startsWith('created ')))
    assert.equal(first.writes.length, desired.length)
    const second = await run(desired)
    assert.ok(
      second.told.every((line) => line.startsWith('unchanged ')),
      second.told.join('\n'),
    )
    assert.deepEqual(second.writes, [])
  })

  it('writes nothing in a dry run', async () => {
    const { told, writes } = await run([own(SERVICE, 'svc', { spec: { ports: [{ port: 1 }] } })], undefined, true)
    assert.deepEqual(told, ['created service/svc'])
    assert.deepEqual(writes, [])
    assert.equal(await kube.get(SERVICE, 'svc', namespace), undefined)
  })

  it('adds and takes back fields of its own', async () => {
    const service = (...numbers: number[]) =>
      own(SERVICE, 'svc', {
        spec: { selector: { a: 'b' }, ports: numbers.map((number) => ({ name: `p-${number}`, port: number })) },
      })
    await run([service(1, 2)])
    assert.deepEqual((await run([service(2, 3)])).told, [
      'configured service/svc spec.ports[port=3],spec.ports[port=1]',
    ])
    assert.deepEqual(
      (await kube.get<ServiceObject>(SERVICE, 'svc', namespace))?.spec.ports.map((each) => each.port),
      [2, 3],
    )
    assert.deepEqual((await run([service(2, 3)])).writes, [])
  })

  it('takes a field back that somebody edited in an object that is ours', async () => {
    const desired = own(VIRTUAL_SERVICE, 'vs', {
      spec: { hosts: ['a.example'], tcp: [{ route: [{ destination: { host: 'svc' } }] }] },
    })
    await run([desired])
    await server.client.send('PATCH', `${pathOf(VIRTUAL_SERVICE, namespace, 'vs')}?fieldManager=kubectl-edit`, {
      spec: { hosts: ['b.example'] },
    })
    assert.deepEqual((await run([desired])).told, ['configured virtualservice.networking.istio.io/vs spec.hosts[0]'])
    assert.deepEqual((await run([desired])).writes, [])
  })

  it('prunes what is ours and not desired, and nothing else', async () => {
    const prune: Prune = {
      types: [SERVICE, VIRTUAL_SERVICE, { ...SERVICE, group: 'not.served' }],
      namespace,
      labelSelector: ownedSelector('dc1'),
    }
    const service = (name: string) => own(SERVICE, name, { spec: { ports: [{ port: 1 }] } })
    const other = own(SERVICE, 'dc2', { spec: { ports: [{ port: 1 }] } })
    other.object.metadata.labels = ownedLabels('dc2')
    await run([service('a'), service('b'), other, own(VIRTUAL_SERVICE, 'v', { spec: { hosts: ['x'] } })])
    await server.create(SERVICE, { metadata: { name: 'theirs', namespace }, spec: { ports: [{ port: 1 }] } })
    const { told, writes } = await run([service('a')], prune)
    assert.deepEqual(told, ['unchanged service/a', 'pruned virtualservice.networking.istio.io/v', 'pruned service/b'])
    assert.deepEqual(
      writes.map((one) => `${one.verb} ${one.resource} ${one.name} ${one.status}`),
      ['delete virtualservices v 200', 'delete services b 200'],
    )
    assert.deepEqual((await kube.list(SERVICE, { namespace })).map((one) => one.metadata.name).sort(), [
      'a',
      'dc2',
      'theirs',
    ])
  })

  it("adds a port to another's Service and leaves the others alone", async () => {
    await server.create(SERVICE, {
      metadata: { name: 'gateway', namespace, labels: { 'app.kubernetes.io/managed-by': 'Helm' } },
      spec: { type: 'LoadBalancer', selector: { app: 'gw' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
    })
    assert.deepEqual((await run([port(9042)])).told, ['configured service/gateway spec.ports[port=9042]'])
    const spec = (await kube.get<ServiceObject>(SERVICE, 'gateway', namespace))?.spec
    assert.deepEqual(
      [spec?.type, spec?.ports.map((each) => [each.name, each.port])],
      [
        'LoadBalancer',
        [
          ['http', 80],
          ['tcp-9042', 9042],
        ],
      ],
    )
    assert.deepEqual((await run([port(9042)])).writes, [])
    assert.deepEqual((await run([port(9043, 'b')])).told, ['configured service/gateway spec.ports[port=9043]'])
    assert.deepEqual(await ports(), [80, 9042, 9043])
    // another port for the same suffix: its previous one is removed, and no other
    assert.deepEqual((await run([port(9044)])).told, [
      'configured service/gateway spec.ports[port=9044],spec.ports[port=9042]',
    ])
    assert.deepEqual(await ports(), [80, 9043, 9044])
  })

  describe('what several share', () => {
    it('stays until the last one lets go', async () => {
      await gateway()
      await run([port(9042, 'a')])
      const second = await run([port(9042, 'b')])
      assert.deepEqual(second.told, ['configured service/gateway'])
      assert.deepEqual((await run([port(9042, 'a')])).writes, [])
      assert.deepEqual((await run([port(9042, 'b')])).writes, [])
      assert.deepEqual((await run([nothing('a')])).told, ['configured service/gateway'])
      assert.deepEqual(await ports(), [80, 9042])
      assert.deepEqual((await run([nothing('a')])).writes, [])
      assert.deepEqual((await run([nothing('b')])).told, ['configured service/gateway spec.ports[port=9042]'])
      assert.deepEqual(await ports(), [80])
    })

    it('keeps everything when all write at the same moment', async () => {
      await gateway()
      const suffixes = ['a', 'b', 'c', 'd', 'e', 'f']
      const desired = suffixes.flatMap((suffix, index) => [port(9042, suffix), port(9050 + index, `${suffix}.own`)])
      await Promise.all(
        desired.map((one) =>
          retryOvertaken(context().signal, async () => applyChanges(context(), await planChanges(kube, [one]))),
        ),
      )
      assert.deepEqual(await ports(), [80, 9042, 9050, 9051, 9052, 9053, 9054, 9055])
      for (const one of desired) assert.deepEqual((await run([one])).writes, [])
    })

    it('survives an upgrade of the chart, and comes back after one that replaced the list', async () => {
      await gateway()
      await run([port(9042)])
      const helm = (list: object[]) =>
        server.client.send('PATCH', `${pathOf(SERVICE, namespace, 'gateway')}?fieldManager=helm`, {
          metadata: { labels: { 'app.kubernetes.io/managed-by': 'Helm' } },
          spec: { ports: list },
        })
      const http = { name: 'http', port: 80, targetPort: 8081 }
      await helm([http, { name: 'tcp-9042', port: 9042, targetPort: 9042 }])
      assert.deepEqual((await run([port(9042)])).writes, [])
      await helm([http])
      assert.deepEqual((await run([port(9042)])).told, ['configured service/gateway spec.ports[port=9042]'])
      assert.deepEqual(await ports(), [80, 9042])
    })

    it('takes over what version 0.1 put there, and lets it go with the last one who wants it', async () => {
      const old = (number: number): Desired => ({ ...port(number), managerSuffix: undefined })
      await gateway()
      await run([old(9042)])
      const managers = async () =>
        (await kube.get(SERVICE, 'gateway', namespace))?.metadata.managedFields?.map((each) => each.manager).sort()
      // another datacenter that has not been synced yet may need it
      assert.deepEqual((await run([{ ...port(9042), former: 'keep' }])).told, ['configured service/gateway'])
      assert.deepEqual(await managers(), ['cass-sni-fixtures', 'kubectl-cass-sni', 'kubectl-cass-sni/a'])
      assert.deepEqual((await run([{ ...port(9042), former: 'keep' }])).writes, [])
      assert.deepEqual((await run([{ ...port(9043, 'b'), former: 'keep' }])).told, [
        'configured service/gateway spec.ports[port=9043]',
      ])
      assert.deepEqual((await run([port(9042)])).told, ['configured service/gateway'])
      assert.deepEqual(await managers(), ['cass-sni-fixtures', 'kubectl-cass-sni/a', 'kubectl-cass-sni/b'])
      assert.deepEqual(await ports(), [80, 9042, 9043])
      await run([nothing('a')])
      assert.deepEqual(await ports(), [80, 9043])
    })

    it('does not take over what another suffix set to another value', async () => {
      await gateway()
      await run([port(9042)])
      const other = port(9042, 'b')
      other.object['spec'] = { ports: [{ name: 'tcp-9042', port: 9042, targetPort: 1 }] }
      await assert.rejects(run([other]), {
        code: 'CSNI207',
        message: /"kubectl-cass-sni\/a" owns spec\.ports\[port=9042\]/,
      })
    })
  })

  it('writes nothing over what somebody else wrote between plan and apply', async () => {
    const annotate = (value: string) =>
      server.client.send('PATCH', `${pathOf(SERVICE, namespace, 'svc')}?fieldManager=kubectl-edit`, {
        spec: { type: value },
      })
    await run([own(SERVICE, 'svc', { spec: { ports: [{ port: 1 }] } })])
    const type = (basedOn?: Desired['basedOn']): Desired => ({
      type: SERVICE,
      ownership: 'share',
      managerSuffix: 'x',
      basedOn,
      object: {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'svc', namespace, labels: { x: '1' } },
        spec: { type: 'ClusterIP' },
      },
    })
    const set = await planChanges(kube, [type()])
    const live = await kube.get(SERVICE, 'svc', namespace)
    await annotate('NodePort')
    // what depends on nothing that is live is compared again, and then it is a conflict
    await assert.rejects(applyChanges(context(), set), { code: 'CSNI207' })
    // what was decided on that read is not
    await assert.rejects(applyChanges(context(), await planChanges(kube, [type({ live })])), { code: 'CSNI211' })
  })

  it('does not create a Service of others that vanished between plan and apply', async () => {
    await gateway()
    const set = await planChanges(kube, [port(9042)])
    await server.remove(SERVICE, 'gateway', namespace)
    await assert.rejects(applyChanges(context(), set), { code: 'CSNI204' })
    assert.equal(await kube.get(SERVICE, 'gateway', namespace), undefined)
  })

  it('removes nothing that was changed since it was found to be ours', async () => {
    await run([own(SERVICE, 'svc', { spec: { ports: [{ port: 1 }] } })])
    const set = await planChanges(kube, [], { types: [SERVICE], namespace, labelSelector: ownedSelector('dc1') })
    await server.client.send('PATCH', `${pathOf(SERVICE, namespace, 'svc')}?fieldManager=kubectl-label`, {
      metadata: { labels: { 'app.kubernetes.io/managed-by': 'Helm' } },
    })
    const records = await applyChanges(context(), set)
    assert.deepEqual(
      records.map((one) => one.action),
      ['unchanged'],
    )
    assert.ok(await kube.get(SERVICE, 'svc', namespace))
  })

  it('makes anew what is being deleted, once it is gone', async () => {
    const desired = own(SERVICE, 'svc', { spec: { ports: [{ port: 1 }] } })
    await run([desired])
    const path = pathOf(SERVICE, namespace, 'svc')
    await server.client.send('PATCH', path, { metadata: { finalizers: ['example.com/hold'] } })
    await server.remove(SERVICE, 'svc', namespace)
    const uid = (await kube.get(SERVICE, 'svc', namespace))?.metadata.uid
    const running = run([desired])
    await new Promise((wake) => setTimeout(wake, 300))
    await server.client.send('PATCH', path, { metadata: { finalizers: null } })
    assert.deepEqual((await running).told, ['created service/svc'])
    assert.notEqual((await kube.get(SERVICE, 'svc', namespace))?.metadata.uid, uid)
  })

  it('does not fight with another field manager', async () => {
    await server.create(SERVICE, {
      metadata: { name: 'gateway', namespace },
      spec: { ports: [{ name: 'x', port: 9042, targetPort: 1 }] },
    })
    await server.client.send('PATCH', `${pathOf(SERVICE, namespace, 'gateway')}?fieldManager=kubectl-edit`, {
      spec: { type: 'NodePort' },
    })
    const type = {
      ...port(1),
      object: {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'gateway', namespace },
        spec: { type: 'ClusterIP' },
      },
    }
    const since = Date.now()
    await assert.rejects(run([type]), {
      code: 'CSNI207',
      message: /^service\/gateway in namespace \S+: field manager "kubectl-edit" owns spec\.type$/,
    })
    assert.deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
    // what the plan did not see, the server tells in the same words
    await assert.rejects(kube.apply(SERVICE, type.object), {
      code: 'CSNI207',
      message: /service\/gateway.*\.spec\.type is managed by "kubectl-edit"/,
    })
    assert.deepEqual((await run([{ ...type, force: true }])).told, ['configured service/gateway spec.type'])
  })

  it('does not take over an object that has its name', async () => {
    await server.create(SERVICE, {
      metadata: { name: 'svc', namespace, labels: { 'app.kubernetes.io/managed-by': 'Helm' } },
      spec: { ports: [{ port: 1 }] },
    })
    await assert.rejects(
      run([
        own(SERVICE, 'new', { spec: { ports: [{ port: 1 }] } }),
        own(SERVICE, 'svc', { spec: { ports: [{ port: 1 }] } }),
      ]),
      {
        code: 'CSNI210',
        message: /^service\/svc in namespace \S+: already exists and is managed by Helm$/,
      },
    )
    assert.equal(await kube.get(SERVICE, 'new', namespace), undefined)
  })

  it('goes on after its own patches', async () => {
    const desired = own(SERVICE, 'svc', {
      metadata: { name: 'svc', namespace, labels: ownedLabels('dc1'), annotations: { 'cass-sni/x': '2' } },
      spec: { ports: [{ port: 1 }] },
    })
    await server.create(SERVICE, { metadata: { name: 'svc', namespace }, spec: { ports: [{ port: 1 }] } })
    await kube.mergePatch(SERVICE, 'svc', namespace, { metadata: { annotations: { 'cass-sni/x': '1' } } })
    assert.deepEqual(
      (
        await run([
          {
            ...desired,
            ownership: 'share',
            object: { ...desired.object, metadata: { name: 'svc', namespace, annotations: { 'cass-sni/x': '2' } } },
          },
        ])
      ).told,
      ['configured service/svc metadata.annotations["cass-sni/x"]'],
    )
  })

  it('notices that an object was made anew meanwhile', async () => {
    const desired = own(SERVICE, 'svc', { spec: { ports: [{ name: 'p', port: 2 }] } })
    await run([own(SERVICE, 'svc', { spec: { ports: [{ name: 'p', port: 1 }] } })])
    const set = await planChanges(kube, [desired])
    await server.remove(SERVICE, 'svc', namespace)
    await server.create(SERVICE, {
      metadata: { name: 'svc', namespace, labels: { 'app.kubernetes.io/managed-by': 'Helm' } },
      spec: { ports: [{ port: 7 }] },
    })
    await assert.rejects(
      applyChanges({ kube, signal: new AbortController().signal, emit: () => undefined, dryRun: false }, set),
      { code: 'CSNI210' },
    )
  })
})
