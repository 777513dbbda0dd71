import assert from 'node:assert/strict'
import type { Desired } from '../../../src/lib/changes/changeset.ts'
import { compare } from '../../../src/lib/changes/compare.ts'
import { ownedLabels } from '../../../src/lib/changes/ownership.ts'
import type { KubeObject, ManagedFields, ResourceType } from '../../../src/lib/cluster/kube.ts'
import { apiVersionOf, DEPLOYMENT, SECRET, SERVICE, VIRTUAL_SERVICE } from '../../../src/lib/cluster/resources.ts'

type Rest = Record<string, unknown>

const object = (type: ResourceType, rest: Rest, labels: Record<string, string> = ownedLabels('dc1')): KubeObject => ({
  apiVersion: apiVersionOf(type),
  kind: type.kind,
  metadata: { name: 'x', namespace: 'ns', labels },
  ...rest,
})
const own = (type: ResourceType, rest: Rest): Desired => ({ type, ownership: 'own', object: object(type, rest) })
const share = (type: ResourceType, rest: Rest, more: Partial<Desired> = {}): Desired => ({
  type,
  ownership: 'share',
  object: { ...object(type, rest), metadata: { name: 'x', namespace: 'ns' } },
  ...more,
})
const live = (
  type: ResourceType,
  rest: Rest,
  managedFields: ManagedFields[] = [],
  labels?: Record<string, string>,
): KubeObject => {
  const it = object(type, rest, labels)
  return { ...it, metadata: { ...it.metadata, uid: 'u', managedFields } }
}
const by = (manager: string, fieldsV1: Record<string, unknown>, operation = 'Update'): ManagedFields => ({
  manager,
  operation,
  fieldsV1,
})
const paths = (desired: Desired, there: KubeObject) => {
  const { action, fields } = compare(desired, there)
  return `${action} ${fields.map((field) => field.path).join(' ')}`.trim()
}

describe('comparing desired with live', () => {
  it('creates what is not there', () => assert.equal(compare(own(SERVICE, {}), undefined).action, 'created'))

  it('does not mind what the server or others have added', () => {
    const there = live(SERVICE, {
      spec: {
        clusterIP: '10.0.0.1',
        type: 'ClusterIP',
        selector: { a: 'b' },
        ports: [
          { port: 9042, protocol: 'TCP', targetPort: 9042, nodePort: 3 },
          { port: 1, protocol: 'TCP' },
        ],
      },
      status: {},
    })
    assert.equal(paths(own(SERVICE, { spec: { selector: { a: 'b' }, ports: [{ port: 9042 }] } }), there), 'unchanged')
  })

  it('names each field that differs', () => {
    const there = live(SERVICE, {
      spec: { type: 'ClusterIP', ports: [{ name: 'cql', port: 9042, protocol: 'TCP', targetPort: 1 }] },
    })
    const desired = own(SERVICE, {
      spec: {
        type: 'LoadBalancer',
        ports: [
          { name: 'cql', port: 9042, targetPort: 9042 },
          { name: 'q', port: 9142 },
        ],
      },
    })
    assert.equal(paths(desired, there), 'configured spec.type spec.ports[port=9042].targetPort spec.ports[port=9142]')
    assert.deepEqual(compare(desired, there).fields[0], {
      path: 'spec.type',
      before: 'ClusterIP',
      after: 'LoadBalancer',
    })
  })

  it('tells ports of one number by their protocol', () => {
    const there = live(SERVICE, { spec: { ports: [{ port: 53, protocol: 'TCP', name: 't' }] } })
    assert.equal(
      paths(
        own(SERVICE, {
          spec: {
            ports: [
              { port: 53, protocol: 'TCP', name: 't' },
              { port: 53, protocol: 'UDP', name: 'u' },
            ],
          },
        }),
        there,
      ),
      'configured spec.ports[port=53,protocol=UDP]',
    )
  })

  it('compares quantities and ports by value', () => {
    const spec = (cpu: string | number, memory: string, port: string | number) => ({
      spec: {
        template: {
          spec: {
            containers: [
              {
                name: 'c',
                resources: { requests: { cpu, memory } },
                ports: [{ containerPort: 80 }],
                readinessProbe: { tcpSocket: { port } },
              },
            ],
          },
        },
      },
    })
    assert.equal(
      paths(own(DEPLOYMENT, spec('1000m', '1024Mi', '80')), live(DEPLOYMENT, spec(1, '1Gi', 80))),
      'unchanged',
    )
    assert.equal(
      paths(own(DEPLOYMENT, spec('1001m', '1Gi', 80)), live(DEPLOYMENT, spec(1, '1Gi', 80))),
      'configured spec.template.spec.containers[name=c].resources.requests.cpu',
    )
  })

  it('takes a selector as a whole', () => {
    assert.equal(
      paths(
        own(SERVICE, { spec: { selector: { a: 'b' } } }),
        live(SERVICE, { spec: { selector: { a: 'b', c: 'd' } } }),
      ),
      'configured spec.selector.c',
    )
  })

  it('takes lists of custom resources as a whole', () => {
    const route = (extra: object) => ({ spec: { tls: [{ match: [{ port: 9042, sniHosts: ['a'], ...extra }] }] } })
    assert.equal(paths(own(VIRTUAL_SERVICE, route({})), live(VIRTUAL_SERVICE, route({}))), 'unchanged')
    assert.equal(
      paths(own(VIRTUAL_SERVICE, route({})), live(VIRTUAL_SERVICE, route({ gateways: ['g'] }))),
      'configured spec.tls[0].match[0].gateways',
    )
    assert.equal(
      paths(own(VIRTUAL_SERVICE, route({ sniHosts: ['a', 'b'] })), live(VIRTUAL_SERVICE, route({}))),
      'configured spec.tls[0].match[0].sniHosts',
    )
  })

  it('learns the keys of a list from who owns its items', () => {
    const type: ResourceType = {
      group: 'gateway.networking.k8s.io',
      version: 'v1',
      kind: 'Gateway',
      plural: 'gateways',
      namespaced: true,
    }
    const set = by(
      'kubectl-cass-sni',
      { 'f:spec': { 'f:listeners': { 'k:{"name":"cql"}': { '.': {}, 'f:name': {}, 'f:port': {} } } } },
      'Apply',
    )
    const there = live(
      type,
      {
        spec: {
          listeners: [
            { name: 'other', port: 1 },
            { name: 'cql', port: 9042, allowedRoutes: {} },
          ],
        },
      },
      [set],
    )
    assert.equal(paths(own(type, { spec: { listeners: [{ name: 'cql', port: 9042 }] } }), there), 'unchanged')
  })

  it('takes back what we applied once and do not want any more', () => {
    const set = by(
      'kubectl-cass-sni',
      {
        'f:metadata': {
          'f:labels': { 'f:app.kubernetes.io/managed-by': {}, 'f:old': {} },
          'f:annotations': { 'f:gone': {} },
        },
        'f:spec': {
          'f:ports': {
            'k:{"port":1,"protocol":"TCP"}': { '.': {}, 'f:port': {} },
            'k:{"port":2,"protocol":"TCP"}': { '.': {}, 'f:name': {} },
          },
        },
      },
      'Apply',
    )
    const there = live(
      SERVICE,
      {
        spec: {
          ports: [
            { port: 1, protocol: 'TCP' },
            { port: 2, protocol: 'TCP', name: 'n' },
          ],
        },
      },
      [set],
      { ...ownedLabels('dc1'), old: '1' },
    )
    assert.equal(
      paths(own(SERVICE, { spec: { ports: [{ port: 2 }] } }), there),
      'configured metadata.labels.old spec.ports[port=1] spec.ports[port=2].name',
    )
  })

  it('shows no value of a Secret', () => {
    const change = compare(
      own(SECRET, { stringData: { password: 'new geheim' } }),
      live(SECRET, { data: { password: 'b2xkIGdlaGVpbQ==' } }),
    )
    assert.deepEqual(change.fields, [{ path: 'data.password', before: '(secret)', after: '(secret)' }])
    assert.equal(
      paths(
        own(SECRET, { stringData: { password: 'old geheim' } }),
        live(SECRET, { data: { password: 'b2xkIGdlaGVpbQ==' } }),
      ),
      'unchanged',
    )
  })

  it('shows no password of a configuration or an environment', () => {
    const configured = (password: string) =>
      own(DEPLOYMENT, {
        spec: {
          template: {
            spec: {
              containers: [{ name: 'c', env: [{ name: 'DB_PASSWORD', value: password }] }],
              volumes: [{ name: 'v', secret: { secretName: 'open' } }],
            },
          },
          config: { 'cassandra-yaml': { client_encryption_options: { keystore_password: password } } },
        },
      })
    const { fields } = compare(configured('new geheim'), live(DEPLOYMENT, { spec: { config: 'old' } }))
    assert.equal(JSON.stringify(fields).includes('geheim'), false)
    assert.ok(JSON.stringify(fields).includes('"secretName":"open"'))
    const before = configured('old geheim').object as Rest
    const changed = compare(configured('new geheim'), live(DEPLOYMENT, { spec: before['spec'] }))
    assert.deepEqual(changed.fields, [
      {
        path: 'spec.template.spec.containers[name=c].env[name=DB_PASSWORD].value',
        before: '(secret)',
        after: '(secret)',
      },
      {
        path: 'spec.config.cassandra-yaml.client_encryption_options.keystore_password',
        before: '(secret)',
        after: '(secret)',
      },
    ])
  })

  describe('what this program does not manage', () => {
    it('an object without our label', () => {
      const { action, reason } = compare(
        own(SERVICE, {}),
        live(SERVICE, {}, [by('Go-http-client', { 'f:spec': {} })], { 'app.kubernetes.io/managed-by': 'Helm' }),
      )
      assert.deepEqual([action, reason], ['conflict', 'already exists and is managed by Helm'])
      assert.match(
        compare(own(SERVICE, {}), live(SERVICE, {}, [by('kubectl-create', { 'f:spec': {} })], {})).reason ?? '',
        /managed by kubectl-create/,
      )
    })
    it('an object of another datacenter', () => {
      const { action, reason } = compare(own(SERVICE, {}), live(SERVICE, {}, [], ownedLabels('dc2')))
      assert.deepEqual([action, reason], ['conflict', 'belongs to datacenter "dc2", not to "dc1"'])
    })
    const edited = by('kubectl-edit', {
      'f:spec': { 'f:type': {}, 'f:ports': { '.': {}, 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {} } } },
    })
    const there = live(SERVICE, { spec: { type: 'NodePort', ports: [{ port: 80, protocol: 'TCP' }] } }, [edited], {})
    it('a field that another manager set to another value', () => {
      const { action, reason } = compare(share(SERVICE, { spec: { type: 'LoadBalancer' } }), there)
      assert.deepEqual([action, reason], ['conflict', 'field manager "kubectl-edit" owns spec.type'])
    })
    it('unless it is forced, has the value already, or is new', () => {
      assert.equal(
        paths(share(SERVICE, { spec: { type: 'LoadBalancer' } }, { force: true }), there),
        'configured spec.type',
      )
      assert.equal(paths(share(SERVICE, { spec: { type: 'NodePort' } }), there), 'unchanged')
      assert.equal(
        paths(share(SERVICE, { spec: { ports: [{ port: 9042 }] } }), there),
        'configured spec.ports[port=9042]',
      )
    })
    it('an atomic list that another manager wrote', () => {
      const wrote = by('argocd', { 'f:spec': { 'f:hosts': {} } })
      assert.equal(
        compare(
          share(VIRTUAL_SERVICE, { spec: { hosts: ['a', 'b'] } }),
          live(VIRTUAL_SERVICE, { spec: { hosts: ['a'] } }, [wrote], {}),
        ).action,
        'conflict',
      )
    })
  })
})
