import { nextTexts } from '../../support/next-texts.ts'
import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict'
import { readCredentials } from '../../../src/lib/cassandra/credentials.ts'
import type { Datacenter } from '../../../src/lib/cassandra/datacenter.ts'
import { datacenterFrom } from '../../../src/lib/cassandra/datacenter-from.ts'
import { findNode } from '../../../src/lib/cassandra/node.ts'
import { findDatacenter, observeDatacenter } from '../../../src/lib/cassandra/observe-datacenter.ts'
import { observeOperator, operatorFrom } from '../../../src/lib/cassandra/operator.ts'
import type { Kube, KubeObject, ListOptions, ResourceType } from '../../../src/lib/cluster/kube.ts'
import type { Deployment } from '../../../src/lib/cluster/workloads.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { httpAnswer } from '../../support/pod-answers.ts'
import { cassandraDatacenter, HOST_IDS, labels, pod, PODS, statefulSet } from './objects.ts'

const FRESH = '00000000-0000-4000-8000-00000000000a'

interface FakeOptions {
  objects?: KubeObject[]
  /** Kinds, or "Kind in all namespaces", that may not be listed. */
  forbidden?: string[]
  missingKinds?: string[]
  /** The body of the management API's answer; undefined: the tunnel is refused. */
  endpoints?: string
}

function fakeKube({ objects = [], forbidden = [], missingKinds = [], endpoints }: FakeOptions): Kube {
  const check = (type: ResourceType, namespace: string | undefined) => {
    if (missingKinds.includes(type.kind)) throw new CassSniError('CSNI205', 'not served')
    if (
      forbidden.includes(type.kind) ||
      (namespace === undefined && forbidden.includes(`${type.kind} in all namespaces`))
    )
      throw new CassSniError('CSNI203', 'forbidden')
  }
  const fake = {
    target: { namespace: 'cass-operator' },
    async get(type: ResourceType, name: string, namespace?: string) {
      if (forbidden.includes(`get ${type.kind}`)) throw new CassSniError('CSNI203', 'forbidden')
      return objects.find(
        (each) => each.kind === type.kind && each.metadata.name === name && each.metadata.namespace === namespace,
      )
    },
    async list(type: ResourceType, options: ListOptions = {}) {
      check(type, options.namespace)
      return objects.filter(
        (each) =>
          each.kind === type.kind && (options.namespace === undefined || each.metadata.namespace === options.namespace),
      )
    },
    async connect() {
      if (endpoints === undefined) throw new CassSniError('CSNI203', 'forbidden')
      return httpAnswer(endpoints)
    },
  }
  return fake as unknown as Kube
}

const code =
  (expected: string, ...words: string[]) =>
  (error: unknown) =>
    error instanceof CassSniError &&
    error.code === expected &&
    words.every((word) => `${error.message} ${nextTexts(error.next).join(' ')}`.includes(word))

describe('observing a datacenter', () => {
  const whole = [cassandraDatacenter(), statefulSet(), ...PODS]

  it('finds the only one, by its name, and by its name inside Cassandra', async () => {
    equal((await observeDatacenter(fakeKube({ objects: whole }), { namespace: 'cass-operator' })).nodes.length, 3)
    equal(
      (await observeDatacenter(fakeKube({ objects: whole }), { namespace: 'cass-operator', name: 'dc1' })).name,
      'dc1',
    )
    const named = fakeKube({ objects: [cassandraDatacenter({ spec: { datacenterName: 'Paris' } })] })
    equal((await observeDatacenter(named, { namespace: 'cass-operator', name: 'Paris' })).name, 'dc1')
  })

  it('lists datacenters in other namespaces if this one has none', async () => {
    const kube = fakeKube({
      objects: [...whole, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } }],
    })
    await rejects(
      observeDatacenter(kube, { namespace: 'default' }),
      code('CSNI301', 'cass-operator/dc1', '-n cass-operator'),
    )
    await rejects(observeDatacenter(kube, { namespace: 'nowhere' }), code('CSNI204', 'namespace/nowhere not found'))
    await rejects(
      observeDatacenter(kube, { namespace: 'cass-operator', name: 'dc9' }),
      code('CSNI301', 'dc9', '--datacenter dc1'),
    )
    equal(await findDatacenter(kube, { namespace: 'default' }), undefined)
    const shy = fakeKube({ objects: whole, forbidden: ['CassandraDatacenter in all namespaces', 'get Namespace'] })
    await rejects(
      observeDatacenter(shy, { namespace: 'default' }),
      code('CSNI301', 'kubectl cass-sni install -n default'),
    )
  })

  it('asks for a name when there are several', async () => {
    const kube = fakeKube({ objects: [cassandraDatacenter(), cassandraDatacenter({ name: 'dc2' })] })
    await rejects(observeDatacenter(kube, { namespace: 'cass-operator' }), code('CSNI105', '--datacenter dc2'))
  })

  it('tells a missing operator from a missing datacenter', async () => {
    await rejects(
      observeDatacenter(fakeKube({ missingKinds: ['CassandraDatacenter'] }), { namespace: 'cass-operator' }),
      code('CSNI305', 'kubectl cass-sni install'),
    )
  })

  it('works where only the named datacenter may be read, and no StatefulSets', async () => {
    const kube = fakeKube({ objects: whole, forbidden: ['CassandraDatacenter', 'StatefulSet'] })
    equal((await observeDatacenter(kube, { namespace: 'cass-operator', name: 'dc1' })).nodes.length, 3)
    await rejects(observeDatacenter(kube, { namespace: 'cass-operator' }), code('CSNI203'))
  })

  it('asks the node itself when the status is in doubt', async () => {
    const objects = [cassandraDatacenter(), statefulSet(), pod(0, { status: { podIP: '10.244.0.99' } }), pod(1), pod(2)]
    const endpoints = JSON.stringify({
      entity: [
        { IS_LOCAL: 'false', HOST_ID: HOST_IDS[1] },
        { IS_LOCAL: 'true', HOST_ID: FRESH },
      ],
    })
    equal(
      (await observeDatacenter(fakeKube({ objects, endpoints }), { namespace: 'cass-operator' })).nodes[0]?.hostId,
      FRESH,
    )
    const refused = await observeDatacenter(fakeKube({ objects }), { namespace: 'cass-operator' })
    equal(refused.nodes[0]?.hostId, undefined)
    ok(refused.nodes[0]?.hostIdProblem)
    equal(
      (await observeDatacenter(fakeKube({ objects, endpoints: 'garbage' }), { namespace: 'cass-operator' })).nodes[0]
        ?.hostId,
      undefined,
    )
  })

  it('reads the configuration from a Secret, if it may', async () => {
    const cr = cassandraDatacenter({ spec: { configSecret: 'conf' } })
    const config = Buffer.from(
      JSON.stringify({ 'cassandra-yaml': { client_encryption_options: { enabled: true } } }),
    ).toString('base64')
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'conf', namespace: 'cass-operator' },
      data: { config },
    }
    equal(
      (await observeDatacenter(fakeKube({ objects: [cr, secret] }), { namespace: 'cass-operator' })).clientEncryption
        .enabled,
      true,
    )
    const unseen = await observeDatacenter(fakeKube({ objects: [cr, secret], forbidden: ['get Secret'] }), {
      namespace: 'cass-operator',
    })
    equal(unseen.configurationHidden?.code, 'CSNI203')
    const missing = await observeDatacenter(fakeKube({ objects: [cr] }), { namespace: 'cass-operator' })
    equal(missing.configurationHidden?.code, 'CSNI204')
    ok(missing.configurationHidden?.message.includes('secret/conf in namespace cass-operator not found'))
  })

  it('queries eight doubtful nodes concurrently, and none that requires a client certificate', async () => {
    const doubtful = Array.from({ length: 20 }, (_, n) => pod(n))
    const kube = fakeKube({ objects: [] })
    let [now, most, asked] = [0, 0, 0]
    const counting = (cr: KubeObject): Kube => {
      const { list, ...rest } = fakeKube({ objects: [cr, ...doubtful] })
      return {
        ...kube,
        ...rest,
        list,
        connect: async () => {
          most = Math.max(most, ++now)
          asked += 1
          await new Promise((resolve) => setTimeout(resolve, 5))
          now -= 1
          throw new CassSniError('CSNI601', 'no answer')
        },
      }
    }
    await observeDatacenter(counting(cassandraDatacenter({ status: { nodeStatuses: {} } })), {
      namespace: 'cass-operator',
    })
    deepEqual([most, asked], [8, 20])
    const manual = cassandraDatacenter({ spec: { managementApiAuth: { manual: {} } }, status: { nodeStatuses: {} } })
    const dc = await observeDatacenter(counting(manual), { namespace: 'cass-operator' })
    equal(asked, 20)
    ok(dc.nodes[0]?.hostIdProblem?.includes('requires a client certificate'))
  })

  it('is not complete without permission to list StatefulSets', async () => {
    const kube = fakeKube({ objects: whole, forbidden: ['StatefulSet'] })
    equal((await observeDatacenter(kube, { namespace: 'cass-operator' })).complete, false)
    equal((await observeDatacenter(fakeKube({ objects: whole }), { namespace: 'cass-operator' })).complete, true)
  })
})

describe('--node', () => {
  const dc = datacenterFrom({ cr: cassandraDatacenter(), statefulSets: [statefulSet()], pods: PODS })

  it('accepts a pod name, a host ID, an ordinal', () => {
    for (const text of ['dse-dc1-default-sts-1', HOST_IDS[1], HOST_IDS[1].toUpperCase(), '1', ' 1 '])
      equal(findNode(dc, text).pod, 'dse-dc1-default-sts-1', text)
  })

  it('lists the available nodes', () => {
    throws(() => findNode(dc, '7'), code('CSNI302', '7', 'dse-dc1-default-sts-0', '--node dse-dc1-default-sts-0'))
    throws(() => findNode(dc, 'dse-dc1-default-sts-22'), code('CSNI302', '--node dse-dc1-default-sts-2'))
    throws(() => findNode({ ...dc, staleHostIds: [FRESH] }, FRESH), code('CSNI302', 'replaced or removed node'))
  })

  it('lists the candidates of an ambiguous ordinal', () => {
    const racks: Datacenter = { ...dc, nodes: dc.nodes.map((node) => ({ ...node, ordinal: 0 })) }
    throws(() => findNode(racks, '0'), code('CSNI105', '--node dse-dc1-default-sts-1'))
  })
})

describe('credentials', () => {
  const dc = datacenterFrom({ cr: cassandraDatacenter(), statefulSets: [], pods: [] })
  const secret = (data: Record<string, string>) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'dse-superuser', namespace: 'cass-operator' },
    data,
  })
  const encode = (text: string) => Buffer.from(text).toString('base64')

  it('are taken as they are', async () => {
    const objects = [secret({ username: encode('dse-superuser'), password: encode(' -"x\'\n') })]
    deepEqual(await readCredentials(fakeKube({ objects }), dc), { username: 'dse-superuser', password: ' -"x\'\n' })
  })

  it('are reported as missing, incomplete or forbidden, without the other half', async () => {
    await rejects(readCredentials(fakeKube({}), dc), code('CSNI304', 'not found'))
    await rejects(
      readCredentials(fakeKube({ objects: [secret({ password: encode('geheim') })] }), dc),
      (error: CassSniError) =>
        code('CSNI304', 'missing key "username"')(error) && !JSON.stringify(error).includes('geheim'),
    )
    await rejects(
      readCredentials(fakeKube({ forbidden: ['get Secret'] }), dc),
      (error: CassSniError) =>
        code('CSNI304', 'no permission to read')(error) &&
        /--username.*CASS_SNI_PASSWORD[\s\S]*--ca/.test(nextTexts(error.next).join('\n')),
    )
  })
})

describe('cass-operator', () => {
  const deployment = (
    over: { name?: string; labels?: Record<string, string>; image?: string; env?: object[]; template?: object } = {},
  ): Deployment => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: over.name ?? 'cass-operator-controller-manager',
      namespace: 'cass-operator',
      labels: over.labels ?? { 'app.kubernetes.io/name': 'cass-operator' },
    },
    spec: {
      replicas: 1,
      template: {
        metadata: over.template ?? {},
        spec: {
          containers: [
            {
              name: 'manager',
              image: over.image ?? 'ghcr.io/k8ssandra/cass-operator:v1.30.0',
              env: (over.env ?? []) as { name: string }[],
            },
          ],
        },
      },
    },
    status: { readyReplicas: 1 },
  })

  it('tells version, readiness, what it watches, and whether Istio injects into it', () => {
    deepEqual(operatorFrom(deployment({ env: [{ name: 'WATCH_NAMESPACE', value: 'a, b' }] }), true), {
      namespace: 'cass-operator',
      deployment: 'cass-operator-controller-manager',
      ready: true,
      version: '1.30.0',
      watches: ['a', 'b'],
      injected: true,
    })
    equal(operatorFrom(deployment({ env: [{ name: 'WATCH_NAMESPACE' }] }), false).watches, 'all')
    deepEqual(operatorFrom(deployment({ env: [{ name: 'WATCH_NAMESPACE', valueFrom: {} }] }), false).watches, [
      'cass-operator',
    ])
    equal(
      operatorFrom(deployment({ template: { labels: { 'sidecar.istio.io/inject': 'false' } } }), true).injected,
      false,
    )
    equal(operatorFrom(deployment({ image: 'controller:latest' }), true).version, undefined)
  })

  it('is found by label, name or image, in a namespace that injects or not', async () => {
    const namespace = {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'cass-operator', labels: { 'istio-injection': 'enabled' } },
    }
    const other = deployment({ name: 'app', labels: {}, image: 'nginx:1.2.3' })
    const byImage = deployment({
      name: 'controller-manager',
      labels: {},
      image: 'registry/k8ssandra/cass-operator:v1.9.0',
    })
    const found = await observeOperator(fakeKube({ objects: [namespace, deployment(), other, byImage] }))
    deepEqual(
      found.map((each) => [each.deployment, each.injected]),
      [
        ['cass-operator-controller-manager', true],
        ['controller-manager', true],
      ],
    )
    equal(
      (
        await observeOperator(
          fakeKube({ objects: [deployment()], forbidden: ['Deployment in all namespaces', 'get Namespace'] }),
        )
      ).length,
      1,
    )
    // out of sight is not "not there"
    await rejects(observeOperator(fakeKube({ objects: [deployment()], forbidden: ['Deployment'] })), {
      code: 'CSNI203',
    })
  })
})

// The label helper is part of the builders; a namespace's other pods never count.
describe('pods of others', () => {
  it('are passed over', async () => {
    const kube = fakeKube({
      objects: [cassandraDatacenter(), statefulSet(), ...PODS, pod(9, { name: 'x-sts-0', labels: labels('other') })],
    })
    equal((await observeDatacenter(kube, { namespace: 'cass-operator' })).nodes.length, 3)
  })
})
