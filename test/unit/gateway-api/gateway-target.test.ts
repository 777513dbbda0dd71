/** Which Gateway serves the routes, and why another one does not. */
import { deepEqual, equal, throws } from 'node:assert/strict'
import { isManaged } from '../../../src/lib/changes/ownership.ts'
import type { KubeObject } from '../../../src/lib/cluster/kube.ts'
import type { CassSniError } from '../../../src/lib/errors.ts'
import type { Listener } from '../../../src/lib/gateway-api/gateway-objects.ts'
import { chooseTarget, type TargetRequest } from '../../../src/lib/gateway-api/gateway-target.ts'
import { servingListener } from '../../../src/lib/gateway-api/listener-choice.ts'
import { nextTexts } from '../../support/next-texts.ts'
import { apiGateway, gatewayClass, PASSTHROUGH } from './objects.ts'

const REQUEST: TargetRequest = { port: 9042, namespace: 'cass-operator', ownName: 'cass-sni-dc1', isManaged }

describe('the listener for the routes', () => {
  const allowed = (namespaces: object, kinds?: { kind: string; group?: string }[]): Listener => ({
    ...PASSTHROUGH,
    allowedRoutes: { namespaces, ...(kinds && { kinds }) },
  })
  const selector = { matchLabels: { team: 'db' } }
  const grid: [what: string, listener: Listener, fault: string | undefined, labels?: Record<string, string>][] = [
    ['passes TLS through to routes of all namespaces', allowed({ from: 'All' }), undefined],
    ['names TLSRoute', allowed({ from: 'All' }, [{ kind: 'TLSRoute' }]), undefined],
    ['selects the namespace by a label', allowed({ from: 'Selector', selector }), undefined, { team: 'db' }],
    // without permission to read the namespace, the status decides
    ['selects by labels that cannot be read', allowed({ from: 'Selector', selector }), undefined],
    [
      'selects other namespaces',
      allowed({ from: 'Selector', selector }),
      'does not allow routes from namespace cass-operator (allowedRoutes.namespaces.from: Selector)',
      { team: 'web' },
    ],
    [
      'is for its own namespace only, which is the default',
      { ...PASSTHROUGH, allowedRoutes: undefined },
      'does not allow routes from namespace cass-operator (allowedRoutes.namespaces.from: Same)',
    ],
    [
      'is for no routes',
      allowed({ from: 'None' }),
      'does not allow routes from namespace cass-operator (allowedRoutes.namespaces.from: None)',
    ],
    [
      'allows other kinds',
      allowed({ from: 'All' }, [{ kind: 'TCPRoute' }]),
      'does not allow TLSRoutes (allowedRoutes.kinds)',
    ],
    [
      'allows a TLSRoute of another group',
      allowed({ from: 'All' }, [{ kind: 'TLSRoute', group: 'example.com' }]),
      'does not allow TLSRoutes (allowedRoutes.kinds)',
    ],
    ['terminates TLS', { ...PASSTHROUGH, tls: { mode: 'Terminate' } }, 'terminates TLS (mode is not Passthrough)'],
    ['has another protocol', { ...PASSTHROUGH, protocol: 'TCP' }, 'has protocol TCP, not TLS'],
    [
      'is for a domain',
      { ...PASSTHROUGH, hostname: '*.example.com' },
      'serves only names that match *.example.com, not host IDs',
    ],
  ]
  for (const [what, listener, fault, namespaceLabels] of grid) {
    it(`${fault === undefined ? 'is one that' : 'is none that'} ${what}`, () => {
      const gateway = apiGateway('infra', 'shared', [listener])
      deepEqual(
        servingListener(gateway, { ...REQUEST, namespaceLabels }),
        fault === undefined ? { listener: 'tls' } : { fault: `listener tls ${fault}` },
      )
    })
  }

  it('is found among several on the port, and on no other', () => {
    const listeners = [
      { ...PASSTHROUGH, name: 'web', hostname: '*.example.com' },
      { ...PASSTHROUGH, name: 'other', port: 443 },
      { ...PASSTHROUGH, name: 'cql' },
    ]
    const gateway = apiGateway('infra', 'shared', listeners)
    deepEqual(servingListener(gateway, REQUEST), { listener: 'cql' })
    deepEqual(servingListener(gateway, { ...REQUEST, port: 9142 }), { fault: 'has no listener on port 9142' })
  })
})

describe('the Gateway for the routes', () => {
  const shared = apiGateway('infra', 'shared', [PASSTHROUGH])
  const web = apiGateway('infra', 'web', [{ ...PASSTHROUGH, port: 443 }])
  const own = apiGateway('cass-operator', 'cass-sni-dc1', [{ ...PASSTHROUGH, name: 'tls-cql' }], {
    'app.kubernetes.io/managed-by': 'kubectl-cass-sni',
  })
  const classes = [gatewayClass('istio'), gatewayClass('rejected', 'False')]
  const choose = (
    gateways: KubeObject[],
    over: Partial<TargetRequest> = {},
    listed: KubeObject[] | undefined = classes,
  ) => chooseTarget(gateways, listed, { ...REQUEST, ...over })
  const refused = (code: string, message: RegExp, next: string[], work: () => unknown) =>
    throws(work, (error: CassSniError) => {
      equal(error.code, code)
      equal(message.test(error.message), true, error.message)
      deepEqual(nextTexts(error.next), next)
      return true
    })

  it('is the only shared one that accepts them', () => {
    deepEqual(choose([web, shared]), { namespace: 'infra', name: 'shared', listener: 'tls', live: shared })
  })

  it('is the one named, with or without its namespace', () => {
    for (const gateway of ['infra/shared', 'shared']) equal(choose([web, shared], { gateway }).name, 'shared')
  })

  it('is our own with a class, also before it exists or after it was deleted', () => {
    const target = { namespace: 'cass-operator', name: 'cass-sni-dc1', listener: 'tls-cql', className: 'istio' }
    deepEqual(choose([shared], { className: 'istio' }), { ...target, live: undefined })
    deepEqual(choose([shared, own]), { ...target, live: own })
    const gateway = 'cass-operator/cass-sni-dc1'
    deepEqual(choose([shared], { className: 'istio', gateway }), { ...target, live: undefined })
  })

  it('must be named if none or several fit; those that fit are suggested', () => {
    refused(
      'CSNI105',
      /^no Gateway passes TLS through on port 9042; specify/,
      ['kubectl cass-sni verify --gateway-class istio'],
      () => choose([web]),
    )
    refused(
      'CSNI105',
      /^2 Gateways .*: infra\/shared, infra\/more;/,
      [
        'kubectl cass-sni verify --gateway infra/shared',
        'kubectl cass-sni verify --gateway infra/more',
        'kubectl cass-sni verify --gateway-class istio',
      ],
      () => choose([shared, apiGateway('infra', 'more', [PASSTHROUGH])]),
    )
    // that of another datacenter is not shared
    refused('CSNI105', /^no Gateway/, ['kubectl cass-sni verify --gateway-class istio'], () =>
      choose([own], { ownName: 'cass-sni-dc2' }),
    )
  })

  it('is refused if it or its class does not exist or does not fit', () => {
    refused(
      'CSNI502',
      /^--gateway infra\/x: Gateway not found \(available: infra\/web, infra\/shared\)$/,
      ['kubectl cass-sni verify --gateway infra/shared', 'kubectl get gateways.gateway.networking.k8s.io -A'],
      () => choose([web, shared], { gateway: 'infra/x' }),
    )
    throws(() => choose([web], { gateway: 'infra/web' }), {
      code: 'CSNI510',
      message: 'gateway.gateway.networking.k8s.io/web in namespace infra: has no listener on port 9042',
    })
    for (const [className, why] of [
      ['rejected', 'not accepted by a controller'],
      ['absent', 'not found'],
    ] as const)
      throws(() => choose([], { className }), { code: 'CSNI510', message: `gatewayclass/${className}: ${why}` })
    // without permission to list GatewayClasses, the status of the Gateway decides
    equal(chooseTarget([], undefined, { ...REQUEST, className: 'absent' }).className, 'absent')
  })
})
