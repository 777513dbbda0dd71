/** What counts as served, by the status of the Gateway and its routes. */
import { deepEqual } from 'node:assert/strict'
import type { KubeObject } from '../../../src/lib/cluster/kube.ts'
import { acceptanceOf, type Awaited } from '../../../src/lib/gateway-api/acceptance.ts'
import { accepted, apiGateway, condition, PASSTHROUGH, programmed, tlsRoute } from './objects.ts'

const GATEWAY = apiGateway('infra', 'shared', [PASSTHROUGH])
const ROUTES = ['a', 'b'].map((name) =>
  tlsRoute(name, { gateway: 'infra/shared', hostnames: [name], sectionName: 'tls' }),
)
const AWAITED: Awaited = {
  gateway: { namespace: 'infra', name: 'shared' },
  listener: 'tls',
  namespace: 'cass-operator',
  routes: ['a', 'b'],
}
const NAMED = 'gateway.gateway.networking.k8s.io/shared in namespace infra'

function faults(gateway: KubeObject | undefined, routes: KubeObject[]): string[] {
  const found = acceptanceOf(AWAITED, gateway, routes)
  return [...found.gateway, ...found.routes.values()]
}

describe('routes of the Gateway API', () => {
  const served = ROUTES.map((route) => accepted(route))
  const [first] = ROUTES as [KubeObject]
  const withFirst = (route: KubeObject) => [route, ...served.slice(1)]

  it('are served if Gateway, listener and routes state it', () => {
    deepEqual(faults(programmed(GATEWAY, 2), served), [])
    // others may be attached as well
    deepEqual(faults(programmed(GATEWAY, 7), served), [])
  })

  it('are not served while fewer than ours are attached, though each is accepted', () => {
    deepEqual(faults(programmed(GATEWAY, 0), served), [`${NAMED}: listener tls: 0 of 2 routes are attached`])
    deepEqual(faults(programmed(GATEWAY, 1), served), [`${NAMED}: listener tls: 1 of 2 routes are attached`])
  })

  const routes: [what: string, route: KubeObject, fault: string][] = [
    ['no controller has seen', first, 'tlsroute.gateway.networking.k8s.io/a: not accepted by Gateway infra/shared yet'],
    [
      'is not allowed',
      accepted(first, [condition('Accepted', 'False', 'NotAllowedByListeners', 'no listener allows it')]),
      'tlsroute.gateway.networking.k8s.io/a: Accepted is False (NotAllowedByListeners: no listener allows it)',
    ],
    [
      'has no backend',
      accepted(first, [condition('Accepted'), condition('ResolvedRefs', 'False', 'BackendNotFound')]),
      'tlsroute.gateway.networking.k8s.io/a: ResolvedRefs is False (BackendNotFound)',
    ],
    [
      'was changed since',
      accepted({ ...first, metadata: { ...first.metadata, generation: 2 } }),
      'tlsroute.gateway.networking.k8s.io/a: Accepted is not reported yet',
    ],
    [
      'is accepted by another Gateway only',
      { ...first, status: accepted(tlsRoute('a', { gateway: 'infra/other', hostnames: [] })).status },
      'tlsroute.gateway.networking.k8s.io/a: not accepted by Gateway infra/shared yet',
    ],
  ]
  for (const [what, route, fault] of routes)
    it(`are not served if one ${what}`, () => deepEqual(faults(programmed(GATEWAY, 2), withFirst(route)), [fault]))

  it('are served if one of several controllers serves them', () => {
    const { parents } = accepted(first).status as { parents: object[] }
    const other = accepted(first, [condition('Accepted', 'False')]).status as { parents: object[] }
    deepEqual(
      faults(programmed(GATEWAY, 2), withFirst({ ...first, status: { parents: [...other.parents, ...parents] } })),
      [],
    )
  })

  it('are not served by a Gateway that is missing or not programmed', () => {
    deepEqual(faults(undefined, served), [`${NAMED} not found`])
    deepEqual(faults(GATEWAY, served), [`${NAMED}: Accepted is not reported yet`])
    const gateway = (programmedCondition: ReturnType<typeof condition>) => ({
      ...programmed(GATEWAY, 2),
      status: {
        ...(programmed(GATEWAY, 2).status as object),
        conditions: [condition('Accepted'), programmedCondition],
      },
    })
    deepEqual(faults(gateway(condition('Programmed', 'False', 'Invalid', 'no such port')), served), [
      `${NAMED}: Programmed is False (Invalid: no such port)`,
    ])
    // a load balancer without an address serves clients in other ways
    deepEqual(faults(gateway(condition('Programmed', 'False', 'AddressNotAssigned')), served), [])
  })
})
