import { nextTexts } from '../../support/next-texts.ts'
import { deepEqual, equal, throws } from 'node:assert/strict'
import { CassSniError } from '../../../src/lib/errors.ts'
import {
  chooseGateway,
  gatewayPod as routerPod,
  gatewaysFrom,
  selects,
  selectsExactly,
  otherSelectedPods,
} from '../../../src/lib/istio/gateways.ts'
import { injectionLabels } from '../../../src/lib/istio/injection.ts'
import { listeningPort } from '../../../src/lib/istio/loaded.ts'
import type { IngressGateway, Mesh } from '../../../src/lib/istio/mesh.ts'
import { gatewayPod, gatewayService } from './objects.ts'

const INGRESS = { app: 'istio-ingressgateway', istio: 'ingressgateway' }
const names = (gateways: IngressGateway[]) => gateways.map((each) => `${each.namespace}/${each.service}`)
const code =
  (expected: string, ...words: string[]) =>
  (error: unknown) =>
    error instanceof CassSniError &&
    error.code === expected &&
    words.every((word) => `${error.message} ${nextTexts(error.next).join(' ')}`.includes(word))

describe('ingress gateways', () => {
  it('are found as istioctl makes them', () => {
    const [gateway] = gatewaysFrom(
      [gatewayService('istio-ingressgateway', 'istio-system', INGRESS, { ip: '10.200.1.10' })],
      [
        gatewayPod('gw-b', 'istio-system', INGRESS, { ready: false }),
        gatewayPod('gw-a', 'istio-system', INGRESS),
        gatewayPod('gw-a', 'elsewhere', INGRESS),
      ],
    )
    deepEqual(gateway?.selector, { istio: 'ingressgateway' })
    deepEqual(gateway?.addresses, ['10.200.1.10'])
    deepEqual(
      gateway?.pods.map((pod) => [pod.name, pod.ready]),
      [
        ['gw-a', true],
        ['gw-b', false],
      ],
    )
  })

  it('are reached by external IPs as well', () => {
    const service = gatewayService('gw', 'x', INGRESS, { ip: '10.200.1.10' })
    const spec = { ...service.spec, externalIPs: ['192.0.2.7'] }
    deepEqual(gatewaysFrom([{ ...service, spec }], [])[0]?.addresses, ['10.200.1.10', '192.0.2.7'])
  })

  it('are found as the gateway chart makes them, under any name, of any type', () => {
    const labels = { app: 'edge', istio: 'edge' }
    deepEqual(
      names(
        gatewaysFrom([gatewayService('edge', 'edge', labels, { type: 'NodePort' })], [gatewayPod('e', 'edge', labels)]),
      ),
      ['edge/edge'],
    )
  })

  it('are found without the istio label: then the Service tells the selector', () => {
    const labels = { app: 'own' }
    deepEqual(gatewaysFrom([gatewayService('own', 'x', labels)], [gatewayPod('o', 'x', labels)])[0]?.selector, labels)
  })

  it('count while they have no pods, by their own labels; istiod does not', () => {
    deepEqual(
      names(
        gatewaysFrom(
          [
            gatewayService('gw', 'x', INGRESS),
            gatewayService('istiod', 'x', { istio: 'pilot' }),
            gatewayService('app', 'x', { app: 'x' }),
          ],
          [],
        ),
      ),
      ['x/gw'],
    )
  })

  it('are not sidecars, waypoints, egress or east-west gateways', () => {
    const cases = [
      [
        gatewayService('app', 'x', { app: 'app' }),
        gatewayPod('p', 'x', { app: 'app' }, { args: ['proxy', 'sidecar'] }),
      ],
      [
        gatewayService('way', 'x', { app: 'way' }),
        gatewayPod('p', 'x', { app: 'way' }, { args: ['proxy', 'waypoint'] }),
      ],
      [
        gatewayService('istio-egressgateway', 'x', { istio: 'egressgateway' }),
        gatewayPod('p', 'x', { istio: 'egressgateway' }),
      ],
      [gatewayService('mine', 'x', { istio: 'eastwestgateway' }), gatewayPod('p', 'x', { istio: 'eastwestgateway' })],
      [
        gatewayService('net', 'x', { istio: 'net' }),
        gatewayPod('p', 'x', { istio: 'net' }, { env: [{ name: 'ISTIO_META_REQUESTED_NETWORK_VIEW', value: 'n1' }] }),
      ],
    ] as const
    for (const [service, pod] of cases) deepEqual(gatewaysFrom([service], [pod]), [], service.metadata.name)
  })

  it('are selected by the labels of their pods', () => {
    const [gateway] = gatewaysFrom([gatewayService('gw', 'x', INGRESS)], [gatewayPod('p', 'x', INGRESS)])
    if (gateway === undefined) throw new Error('no gateway')
    for (const selector of [{}, { istio: 'ingressgateway' }, { app: 'istio-ingressgateway' }])
      equal(selects(selector, gateway), true)
    for (const selector of [{ istio: 'other' }, { istio: 'ingressgateway', x: 'y' }])
      equal(selects(selector, gateway), false)
  })
})

describe('the selector of a gateway', () => {
  const labels = (app: string, more: Record<string, string> = {}) => ({ app, istio: 'ingressgateway', ...more })
  const selectorOf = (own: Record<string, string>, ...others: Record<string, string>[]) =>
    gatewaysFrom(
      [gatewayService('gw', 'x', { istio: 'ingressgateway' })],
      [gatewayPod('p', 'x', own), ...others.map((each, n) => gatewayPod(`o${n}`, 'y', each))],
    )[0]?.selector

  it('is `istio` alone where that is enough, else as narrow as it must be', () => {
    deepEqual(selectorOf(labels('a')), { istio: 'ingressgateway' })
    deepEqual(selectorOf(labels('a'), labels('b')), { istio: 'ingressgateway', app: 'a' })
    deepEqual(
      selectorOf(labels('a', { zone: '1', 'pod-template-hash': 'h' }), labels('a'), labels('b', { zone: '1' })),
      {
        istio: 'ingressgateway',
        zone: '1',
        app: 'a',
      },
    )
  })

  it('is `istio` again when nothing tells the pods apart, and whom else it takes in is known', () => {
    const pods = [gatewayPod('p', 'x', labels('a')), gatewayPod('o', 'y', labels('a'))]
    const [gateway] = gatewaysFrom([gatewayService('gw', 'x', { istio: 'ingressgateway' })], pods)
    if (gateway === undefined) throw new Error('no gateway')
    deepEqual(gateway.selector, { istio: 'ingressgateway' })
    const routers = pods.map(routerPod)
    deepEqual(
      otherSelectedPods(gateway.selector, gateway, routers).map(({ namespace }) => namespace),
      ['y'],
    )
    equal(selectsExactly({ istio: 'ingressgateway' }, gateway, routers), false)
    equal(selectsExactly({ istio: 'ingressgateway' }, gateway, routers.slice(0, 1)), true)
  })
})

describe('the port that Envoy listens on', () => {
  const gateway = (targetPort?: number | string) => {
    const [found] = gatewaysFrom([gatewayService('gw', 'x', INGRESS)], [gatewayPod('p', 'x', INGRESS)])
    if (found === undefined) throw new Error('no gateway')
    const pods = found.pods.map((pod) => ({ ...pod, namedPorts: { cql: 19042 } }))
    return {
      ...found,
      pods,
      ports: [
        { port: 9042, protocol: 'UDP', targetPort: 1 },
        { port: 9042, targetPort },
      ],
    }
  }
  it('is the number, the named port of the container, or the port itself', () => {
    equal(listeningPort(gateway(19043), 9042), 19043)
    equal(listeningPort(gateway('cql'), 9042), 19042)
    equal(listeningPort(gateway('other'), 9042), 9042)
    equal(listeningPort(gateway(), 9042), 9042)
    equal(listeningPort(gateway(1), 443), 443)
  })
})

describe('choosing a gateway', () => {
  const gateway = (namespace: string, service: string, managed = false): IngressGateway => ({
    namespace,
    service,
    serviceType: 'LoadBalancer',
    ports: [],
    addresses: [],
    selector: {},
    pods: [],
    ...(managed ? { managed } : {}),
  })
  const mesh = (...gateways: IngressGateway[]): Mesh => ({ istiods: [], gateways })

  it('takes the only one, or the named one', () => {
    equal(chooseGateway(mesh(gateway('a', 'x'))).service, 'x')
    equal(chooseGateway(mesh(gateway('a', 'x'), gateway('b', 'y')), 'y').namespace, 'b')
    equal(chooseGateway(mesh(gateway('a', 'x'), gateway('b', 'x')), 'b/x').namespace, 'b')
  })

  it('takes one that the Gateway API made only when there is no other, or it is named', () => {
    equal(chooseGateway(mesh(gateway('a', 'x'), gateway('b', 'auto', true))).service, 'x')
    equal(chooseGateway(mesh(gateway('a', 'x'), gateway('b', 'auto', true)), 'auto').service, 'auto')
    equal(chooseGateway(mesh(gateway('b', 'auto', true))).service, 'auto')
  })

  it('lists the candidates, and says when there is none', () => {
    throws(
      () => chooseGateway(mesh(gateway('a', 'x'), gateway('b', 'x'))),
      code('CSNI105', '--gateway a/x', '--gateway b/x'),
    )
    throws(() => chooseGateway(mesh(gateway('a', 'x'), gateway('b', 'x')), 'x'), code('CSNI105'))
    throws(() => chooseGateway(mesh(gateway('a', 'x')), 'c/x'), code('CSNI502', 'c/x', '--gateway a/x'))
    throws(() => chooseGateway(mesh()), code('CSNI502', 'kubectl cass-sni install'))
  })
})

describe('injection labels', () => {
  const mesh = (revisions: string[], tags: string[] = []): Mesh => ({
    istiods: revisions.map((revision) => ({
      namespace: 'istio-system',
      deployment: `istiod-${revision}`,
      revision,
      ready: true,
    })),
    gateways: [],
    revisionTags: tags.map((tag) => ({ tag, revision: revisions[0] ?? '' })),
  })

  it('follow the revision', () => {
    deepEqual(injectionLabels(mesh(['default'])), { 'istio-injection': 'enabled' })
    deepEqual(injectionLabels(mesh(['1-30'])), { 'istio.io/rev': '1-30' })
    deepEqual(injectionLabels(mesh(['1-30'], ['default'])), { 'istio-injection': 'enabled' })
    deepEqual(injectionLabels(mesh(['1-29', '1-30'], ['prod']), 'prod'), { 'istio.io/rev': 'prod' })
    deepEqual(injectionLabels(mesh([])), { 'istio-injection': 'enabled' })
    throws(() => injectionLabels(mesh(['1-29', '1-30'])), code('CSNI105', '--istio-revision 1-29'))
    throws(() => injectionLabels(mesh(['1-29']), '1-30'), code('CSNI501', '1-29'))
  })
})
