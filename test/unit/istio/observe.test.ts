import { deepEqual, equal, rejects } from 'node:assert/strict'
import type { Kube, KubeObject, ListOptions, ResourceType } from '../../../src/lib/cluster/kube.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { findGateway } from '../../../src/lib/istio/find-gateway.ts'
import { listenerFrom, listeningPort } from '../../../src/lib/istio/loaded.ts'
import { istiodFrom, observeMesh } from '../../../src/lib/istio/observe-mesh.ts'
import { gatewayPod, gatewayService, istiod } from './objects.ts'

const INGRESS = { app: 'istio-ingressgateway', istio: 'ingressgateway' }

function fakeKube(objects: KubeObject[], versions: string[], onlyNamespaced = false): Kube {
  const fits = (object: KubeObject, selector: string) =>
    selector.split(',').every((term) => {
      const [key = '', value] = term.replace(/^!/, '').split('=')
      const has = object.metadata.labels?.[key]
      return term.startsWith('!') ? has === undefined : value === undefined ? has !== undefined : has === value
    })
  const fake = {
    target: { namespace: 'cass-operator' },
    async list(type: ResourceType, { namespace, labelSelector = '' }: ListOptions = {}) {
      if (onlyNamespaced && (namespace === undefined || !type.namespaced))
        throw new CassSniError('CSNI203', 'forbidden')
      return objects.filter(
        (each) =>
          each.kind === type.kind &&
          (namespace === undefined || each.metadata.namespace === namespace) &&
          (labelSelector === '' || fits(each, labelSelector)),
      )
    },
    async servedVersions() {
      return versions
    },
  }
  return fake as unknown as Kube
}

describe('observing Istio without permissions', () => {
  const denied = (allowed: string[], asked: string[] = []) =>
    ({
      target: { namespace: 'cass' },
      async list({ plural }: ResourceType, { namespace = '' }: ListOptions = {}) {
        asked.push(plural)
        if (allowed.includes(namespace)) return []
        throw new CassSniError('CSNI203', `cannot list ${plural} in ${namespace === '' ? 'cluster' : namespace}`)
      },
      async get({ plural }: ResourceType, name: string, namespace: string) {
        throw new CassSniError('CSNI203', `cannot get ${plural} ${name} in ${namespace}`)
      },
      servedVersions: async () => [],
    }) as unknown as Kube

  it("names the permission in the gateway's namespace", async () => {
    const usual = await observeMesh(denied([]))
    equal(usual.refused?.message, 'cannot list pods in istio-system')
    const named = await observeMesh(denied([]), { gateway: 'edge/ingress' })
    equal(named.refused?.message, 'cannot list pods in edge')
    const elsewhere = await observeMesh(denied(['istio-system']))
    equal(elsewhere.refused?.message, 'cannot list pods in cluster')
  })

  it('names the Service of the gateway, requested or of the routes', async () => {
    const kube = denied([])
    const mesh = await observeMesh(kube)
    const message = 'cannot get services ingress in edge'
    await rejects(findGateway(kube, mesh, { wanted: 'edge/ingress' }), { message })
    await rejects(findGateway(kube, mesh, { remembered: { gateway: 'edge/ingress' } }), { message })
  })

  it('reads no Deployments for a gateway alone', async () => {
    const asked: string[] = []
    await observeMesh(denied([], asked), { controlPlanes: false })
    deepEqual([...new Set(asked)].sort(), ['pods', 'services'])
  })
})

describe('observing Istio', () => {
  const usual = [
    istiod(),
    gatewayService('istio-ingressgateway', 'istio-system', INGRESS),
    gatewayPod('gw', 'istio-system', INGRESS),
  ]

  it('finds control planes, gateways and versions', async () => {
    const mesh = await observeMesh(fakeKube(usual, ['v1', 'v1beta1', 'v1alpha3']))
    deepEqual(mesh.istiods, [
      {
        namespace: 'istio-system',
        deployment: 'istiod',
        revision: 'default',
        version: '1.30.1',
        ready: true,
        gatewaysScopedToNamespace: undefined,
        alphaGatewayApi: undefined,
      },
    ])
    equal(mesh.gateways.length, 1)
    equal(mesh.networkingVersion, 'v1')
    equal(mesh.revisionTags, undefined)
    equal((await observeMesh(fakeKube(usual, ['v1alpha3', 'v1beta1']))).networkingVersion, 'v1beta1')
  })

  it('is empty where there is nothing', async () =>
    deepEqual(await observeMesh(fakeKube([], [])), {
      istiods: [],
      gateways: [],
      routers: [],
      networkingVersion: undefined,
      securityVersion: undefined,
      revisionTags: undefined,
      refused: undefined,
    }))

  it('looks where it may', async () => {
    const far = [gatewayService('gw', 'edge', INGRESS), gatewayPod('p', 'edge', INGRESS)]
    equal((await observeMesh(fakeKube([...usual, ...far], ['v1'], true))).gateways.length, 1)
    equal((await observeMesh(fakeKube([...usual, ...far], ['v1'], true), { gateway: 'edge/gw' })).gateways.length, 2)
  })

  it('finds a gateway without the istio label, and its Service', async () => {
    const labels = { app: 'own', 'sidecar.istio.io/inject': 'true' }
    const mesh = await observeMesh(
      fakeKube([gatewayService('own', 'x', { app: 'own' }, { labels: {} }), gatewayPod('p', 'x', labels)], ['v1']),
    )
    deepEqual(mesh.gateways[0]?.selector, { app: 'own' })
  })

  it('finds what the Gateway API made', async () => {
    const labels = {
      'gateway.istio.io/managed': 'istio.io-gateway-controller',
      'gateway.networking.k8s.io/gateway-name': 'auto',
    }
    const auto = [
      gatewayService('auto-istio', 'x', { 'gateway.networking.k8s.io/gateway-name': 'auto' }),
      gatewayPod('p', 'x', labels),
    ]
    deepEqual(
      (await observeMesh(fakeKube(auto, ['v1']))).gateways.map((each) => [each.service, each.managed]),
      [['auto-istio', true]],
    )
    equal((await observeMesh(fakeKube([...usual, ...auto], ['v1']))).gateways.length, 2)
  })

  it('reads the tags of revisions when asked to', async () => {
    const webhook = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: 't', labels: { 'istio.io/tag': 'default', 'istio.io/rev': '1-30' } },
    }
    deepEqual((await observeMesh(fakeKube([...usual, webhook], ['v1']), { injection: true })).revisionTags, [
      { tag: 'default', revision: '1-30' },
    ])
    deepEqual((await observeMesh(fakeKube(usual, ['v1'], true), { injection: true })).revisionTags, [])
  })

  it('reads one control plane', () => {
    equal(istiodFrom(istiod({ image: 'gcr.io/x/pilot@sha256:abc' })).version, undefined)
    equal(
      istiodFrom(istiod({ image: 'x/pilot:latest', labels: { 'app.kubernetes.io/version': '1.31.0' } })).version,
      '1.31.0',
    )
    const development = { 'app.kubernetes.io/version': '1.0.0', 'operator.istio.io/version': '1.32-alpha.0a1b2c3d' }
    equal(istiodFrom(istiod({ image: 'x/pilot:latest', labels: development })).version, '1.32-alpha.0a1b2c3d')
    const chart = { 'app.kubernetes.io/version': '1.31.0', 'operator.istio.io/version': 'unknown' }
    equal(istiodFrom(istiod({ image: 'x/pilot:latest', labels: chart })).version, '1.31.0')
    equal(istiodFrom(istiod({ labels: { 'istio.io/rev': '1-30' } })).revision, '1-30')
    equal(istiodFrom(istiod({ ready: 0 })).ready, false)
    equal(
      istiodFrom(istiod({ env: [{ name: 'PILOT_SCOPE_GATEWAY_TO_NAMESPACE', value: 'true' }] }))
        .gatewaysScopedToNamespace,
      true,
    )
  })
})

describe("Envoy's listeners", () => {
  const chain = (names: string[] | undefined, config: object) => ({
    ...(names === undefined ? {} : { filter_chain_match: { server_names: names } }),
    filters: [{ name: 'envoy.filters.network.tcp_proxy', typed_config: config }],
  })
  const dump = (port: number, listener: object, more: object = {}) => ({
    configs: [
      {
        name: `0.0.0.0_${port}`,
        active_state: {
          listener: { address: { socket_address: { address: '0.0.0.0', port_value: port } }, ...listener },
        },
        ...more,
      },
    ],
  })

  it('give the server names and where they go', () => {
    const loaded = listenerFrom(
      dump(9042, {
        filter_chains: [
          chain(['a', 'b'], { cluster: 'c1' }),
          chain(undefined, { weighted_clusters: { clusters: [{ name: 'c2' }, { name: 'c3' }] } }),
        ],
      }),
      9042,
    )
    deepEqual(loaded, {
      routes: [
        { serverNames: ['a', 'b'], cluster: 'c1' },
        { serverNames: [], cluster: 'c2' },
        { serverNames: [], cluster: 'c3' },
      ],
      error: undefined,
    })
  })

  const NONE = { routes: [], error: undefined }

  it('of another port do not count; what Envoy refused is told', () => {
    deepEqual(listenerFrom(dump(443, { filter_chains: [chain(['a'], { cluster: 'c' })] }), 9042), NONE)
    equal(
      listenerFrom(dump(9042, {}, { error_state: { details: 'duplicate matcher' } }), 9042).error,
      'duplicate matcher',
    )
    for (const odd of [null, [], 'x', { configs: 7 }, { configs: [null, { name: '0.0.0.0_9042' }] }])
      deepEqual(listenerFrom(odd, 9042), NONE)
  })

  it("listen on the target port of the gateway's Service", () => {
    const gateway = {
      namespace: 'x',
      service: 'y',
      serviceType: 'LoadBalancer',
      addresses: [],
      selector: {},
      pods: [],
      ports: [
        { port: 443, targetPort: 8443 },
        { port: 9042, targetPort: 'cql' },
      ],
    }
    deepEqual(
      [443, 9042, 1].map((port) => listeningPort(gateway, port)),
      [8443, 9042, 1],
    )
  })
})
