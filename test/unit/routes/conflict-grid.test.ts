/**
 * What conflicts with the routes and what does not: objects of others as `istioctl analyze` would get them, and the
 * code, the object and the first remedy that they lead to.
 */
import { deepEqual, doesNotMatch, match } from 'node:assert/strict'
import { datacenterFrom } from '../../../src/lib/cassandra/datacenter-from.ts'
import type { KubeObject } from '../../../src/lib/cluster/kube.ts'
import type { IngressGateway, Istiod } from '../../../src/lib/istio/mesh.ts'
import { backendOf } from '../../../src/lib/routes/backends/backend-of.ts'
import { type ConflictScope, findConflicts } from '../../../src/lib/routes/conflicts.ts'
import { TLS_ROUTE } from '../../../src/lib/cluster/resources.ts'
import { nextTexts } from '../../support/next-texts.ts'
import { cassandraDatacenter, HOST_IDS, PODS, statefulSet } from '../cassandra/objects.ts'
import { apiGateway, PASSTHROUGH, tlsRoute } from '../gateway-api/objects.ts'

const DC = datacenterFrom({ cr: cassandraDatacenter(), statefulSets: [statefulSet()], pods: PODS })
const [HOST_ID] = HOST_IDS
const DNS_NAME = 'dse-dc1-default-sts-0.dse-dc1-all-pods-service.cass-operator.svc.cluster.local'
const OURS = { 'app.kubernetes.io/managed-by': 'kubectl-cass-sni', 'cass-sni/datacenter': 'dc1' }
const OF_DC2 = { ...OURS, 'cass-sni/datacenter': 'dc2' }

const GATEWAY: IngressGateway = {
  namespace: 'istio-system',
  service: 'istio-ingressgateway',
  serviceType: 'LoadBalancer',
  ports: [{ name: 'tls-cql', port: 9042, targetPort: 9042 }],
  addresses: [],
  selector: { istio: 'ingressgateway' },
  pods: [
    {
      name: 'gw-0',
      namespace: 'istio-system',
      ready: true,
      terminating: false,
      labels: { istio: 'ingressgateway', 'istio.io/rev': 'stable' },
    },
  ],
}
/** A gateway that was created for the Gateway resource infra/shared. */
const RESOURCE: IngressGateway = {
  ...GATEWAY,
  namespace: 'infra',
  service: 'shared-istio',
  resource: 'infra/shared',
  pods: [
    {
      name: 'shared-0',
      namespace: 'infra',
      ready: true,
      terminating: false,
      labels: { 'gateway.networking.k8s.io/gateway-name': 'shared' },
    },
  ],
}
const istiod = (revision: string, over: Partial<Istiod> = {}): Istiod => ({
  namespace: 'istio-system',
  deployment: `istiod-${revision}`,
  revision,
  ready: true,
  ...over,
})
const SCOPE: ConflictScope = {
  datacenter: DC,
  mesh: { istiods: [istiod('stable'), istiod('canary')] },
  gateway: GATEWAY,
  backend: backendOf('sni'),
  port: 9042,
  serverNames: [DNS_NAME, HOST_ID],
  hosts: ['cass-operator/*'],
  gateways: [],
  virtualServices: [],
  gatewayApi: { gateways: [], tlsRoutes: [], listenerSets: [] },
  authorizationPolicies: [],
  services: [],
  complete: true,
  routed: false,
}

function istio(kind: string, name: string, spec: object, over: Partial<KubeObject['metadata']> = {}): KubeObject {
  const apiVersion = kind === 'AuthorizationPolicy' ? 'security.istio.io/v1' : 'networking.istio.io/v1'
  return { apiVersion, kind, metadata: { name, namespace: 'other', ...over }, spec }
}

interface Server {
  port?: number
  protocol?: string
  hosts: string[]
  mode?: string
}

function gateway(server: Server, over: Partial<KubeObject['metadata']> = {}): KubeObject {
  const { port = 9042, protocol = 'TLS', hosts, mode = 'PASSTHROUGH' } = server
  const selector = { istio: 'ingressgateway' }
  return istio(
    'Gateway',
    'gw',
    { selector, servers: [{ port: { number: port, protocol }, hosts, tls: { mode } }] },
    over,
  )
}

const bound = gateway({ hosts: ['other/*'] })

function virtualService(sniHosts: string[], spec: object = {}, over: Partial<KubeObject['metadata']> = {}): KubeObject {
  const tls = [{ match: [{ port: 9042, sniHosts }], route: [{ destination: { host: 'db' } }] }]
  return istio('VirtualService', 'vs', { gateways: ['other/gw'], hosts: sniHosts, tls, ...spec }, over)
}

function policy(spec: object, over: Partial<KubeObject['metadata']> = {}): KubeObject {
  return istio('AuthorizationPolicy', 'policy', spec, { namespace: 'istio-system', ...over })
}

const SHARED = apiGateway('infra', 'shared', [PASSTHROUGH])

/** On the Gateway resource infra/shared. */
function onShared(
  over: Partial<ConflictScope['gatewayApi']>,
  scope: Partial<ConflictScope> = {},
): Partial<ConflictScope> {
  const target = { namespace: 'infra', name: 'shared', listener: 'tls', type: TLS_ROUTE, live: SHARED }
  const gatewayApi = { gateways: [SHARED], tlsRoutes: [], listenerSets: [], ...over }
  return { gateway: RESOURCE, target, backend: backendOf('sni', 'gateway'), hosts: [], gatewayApi, ...scope }
}

function listenerSet(
  hostname: string | undefined,
  over: { kind?: string; gateway?: string; port?: number } = {},
): KubeObject {
  const { kind = 'ListenerSet', gateway: parent = 'shared', port = 9042 } = over
  const group = kind === 'ListenerSet' ? 'gateway.networking.k8s.io/v1' : 'gateway.networking.x-k8s.io/v1alpha1'
  return {
    apiVersion: group,
    kind,
    metadata: { name: 'set', namespace: 'other' },
    spec: {
      parentRef: { name: parent, namespace: 'infra' },
      listeners: [
        { name: 'extra', port, protocol: 'TLS', tls: { mode: 'Passthrough' }, ...(hostname && { hostname }) },
      ],
    },
  }
}

/** A TLSRoute to the ListenerSet other/set. */
function routeToSet(hostname: string): KubeObject {
  const route = tlsRoute('route', { namespace: 'other', gateway: 'infra/shared', hostnames: [hostname] })
  const parentRefs = [{ group: 'gateway.networking.k8s.io', kind: 'ListenerSet', name: 'set' }]
  return { ...route, spec: { ...(route.spec as object), parentRefs } }
}

const route = (
  name: string,
  hostnames: string[],
  over: { sectionName?: string; labels?: Record<string, string> } = {},
) => tlsRoute(name, { namespace: 'other', gateway: 'infra/shared', hostnames, ...over })
const older = (object: KubeObject, year: number): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, creationTimestamp: `${year}-01-01T00:00:00Z` },
})

type Row = [what: string, scope: Partial<ConflictScope>, expected: string[]]

const GRID: Record<string, Row[]> = {
  'Gateways of Istio': [
    [
      'the same hosts',
      { gateways: [gateway({ hosts: ['cass-operator/*'] })] },
      ['CSNI503 gateway.networking.istio.io/gw'],
    ],
    ['hosts that contain ours', { gateways: [gateway({ hosts: ['*'] })] }, []],
    ['hosts within ours', { gateways: [gateway({ hosts: ['cass-operator/*.cluster.local'] })] }, []],
    [
      'the same narrow hosts',
      { gateways: [gateway({ hosts: ['cass-operator/*.cluster.local'] })], hosts: ['cass-operator/*.cluster.local'] },
      ['CSNI503 gateway.networking.istio.io/gw'],
    ],
    [
      'one of our names, where TLS is terminated',
      { gateways: [gateway({ hosts: [`other/${DNS_NAME}`], mode: 'SIMPLE' })] },
      ['CSNI503 gateway.networking.istio.io/gw'],
    ],
    [
      'a wildcard for our names, where TLS is terminated',
      { gateways: [gateway({ hosts: ['*.cluster.local'], mode: 'SIMPLE' })] },
      [],
    ],
    [
      'another protocol',
      { gateways: [gateway({ hosts: ['x.y'], protocol: 'TCP' })] },
      ['CSNI503 gateway.networking.istio.io/gw'],
    ],
    ['another port', { gateways: [gateway({ hosts: ['cass-operator/*'], port: 443 })] }, []],
    [
      'the same hosts, for the revision of the gateway',
      { gateways: [gateway({ hosts: ['cass-operator/*'] }, { labels: { 'istio.io/rev': 'stable' } })] },
      ['CSNI503 gateway.networking.istio.io/gw'],
    ],
    [
      'the same hosts, for another revision',
      { gateways: [gateway({ hosts: ['cass-operator/*'] }, { labels: { 'istio.io/rev': 'canary' } })] },
      [],
    ],
    [
      'the same hosts, for what may be a tag of the revision',
      { gateways: [gateway({ hosts: ['cass-operator/*'] }, { labels: { 'istio.io/rev': 'prod' } })] },
      ['CSNI503 gateway.networking.istio.io/gw'],
    ],
    [
      'the same hosts in a namespace that PILOT_SCOPE_GATEWAY_TO_NAMESPACE excludes',
      {
        gateways: [gateway({ hosts: ['cass-operator/*'] })],
        mesh: { istiods: [istiod('stable', { gatewaysScopedToNamespace: true })] },
      },
      [],
    ],
  ],
  VirtualServices: [
    [
      'a host ID of ours',
      { gateways: [bound], virtualServices: [virtualService([HOST_ID])] },
      ['CSNI504 virtualservice.networking.istio.io/vs'],
    ],
    [
      'a host ID of ours in capitals',
      { gateways: [bound], virtualServices: [virtualService([HOST_ID.toUpperCase()])] },
      ['CSNI504 virtualservice.networking.istio.io/vs'],
    ],
    ['a wildcard for our names', { gateways: [bound], virtualServices: [virtualService(['*.cluster.local'])] }, []],
    ['another name', { gateways: [bound], virtualServices: [virtualService(['db.example.com'])] }, []],
    [
      'our name, not exported',
      { gateways: [bound], virtualServices: [virtualService([HOST_ID], { exportTo: ['.'] })] },
      [],
    ],
    [
      'our name, exported to the gateway',
      { gateways: [bound], virtualServices: [virtualService([HOST_ID], { exportTo: ['.', 'istio-system'] })] },
      ['CSNI504 virtualservice.networking.istio.io/vs'],
    ],
    [
      'our name, not exported by the default of the mesh',
      { gateways: [bound], virtualServices: [virtualService([HOST_ID])], defaultExportTo: ['.'] },
      [],
    ],
    [
      'our name, exported in spite of the default of the mesh',
      { gateways: [bound], virtualServices: [virtualService([HOST_ID], { exportTo: ['*'] })], defaultExportTo: ['.'] },
      ['CSNI504 virtualservice.networking.istio.io/vs'],
    ],
    [
      'our name, for another revision',
      { gateways: [bound], virtualServices: [virtualService([HOST_ID], {}, { labels: { 'istio.io/rev': 'canary' } })] },
      [],
    ],
    [
      'our name at a Gateway for another revision',
      {
        gateways: [gateway({ hosts: ['other/*'] }, { labels: { 'istio.io/rev': 'canary' } })],
        virtualServices: [virtualService([HOST_ID])],
      },
      [],
    ],
    [
      'the host ID, for another datacenter',
      { gateways: [bound], virtualServices: [virtualService([HOST_ID], {}, { labels: OF_DC2 })] },
      ['CSNI513 virtualservice.networking.istio.io/vs'],
    ],
  ],
  TLSRoutes: [
    [
      'our name',
      onShared({ tlsRoutes: [route('theirs', [HOST_ID])] }),
      ['CSNI504 tlsroute.gateway.networking.k8s.io/theirs'],
    ],
    ['another name', onShared({ tlsRoutes: [route('theirs', ['db.example.com'])] }), []],
    [
      'our name at another Gateway',
      onShared({ tlsRoutes: [tlsRoute('theirs', { namespace: 'other', gateway: 'infra/web', hostnames: [HOST_ID] })] }),
      [],
    ],
    [
      'our name at a listener of another port',
      onShared({ tlsRoutes: [route('theirs', [HOST_ID], { sectionName: 'web' })] }),
      [],
    ],
    [
      'the host ID, for another datacenter',
      onShared({ tlsRoutes: [route('theirs', [HOST_ID], { labels: OF_DC2 })] }),
      ['CSNI513 tlsroute.gateway.networking.k8s.io/theirs'],
    ],
    [
      'our name, younger than our route',
      onShared({
        tlsRoutes: [
          older(tlsRoute('ours', { gateway: 'infra/shared', hostnames: [HOST_ID], labels: OURS }), 2025),
          older(route('theirs', [HOST_ID]), 2026),
        ],
      }),
      ['CSNI504 tlsroute.gateway.networking.k8s.io/theirs (harmless)'],
    ],
    [
      'our name at a Gateway that is bound to the Service of our Istio gateway',
      {
        gatewayApi: {
          gateways: [
            {
              ...SHARED,
              spec: {
                ...(SHARED.spec as object),
                addresses: [{ type: 'Hostname', value: 'istio-ingressgateway.istio-system.svc.cluster.local' }],
              },
            },
          ],
          tlsRoutes: [route('theirs', [HOST_ID])],
          listenerSets: [],
        },
      },
      ['CSNI504 tlsroute.gateway.networking.k8s.io/theirs'],
    ],
    [
      'our name at a Gateway with pods that we do not use',
      { gatewayApi: { gateways: [SHARED], tlsRoutes: [route('theirs', [HOST_ID])], listenerSets: [] } },
      [],
    ],
  ],
  'Listeners and ListenerSets': [
    [
      'our host ID',
      onShared({ listenerSets: [listenerSet(HOST_ID)] }),
      ['CSNI504 listenerset.gateway.networking.k8s.io/set'],
    ],
    [
      'a wildcard for our DNS names',
      onShared({ listenerSets: [listenerSet('*.svc.cluster.local')] }),
      ['CSNI504 listenerset.gateway.networking.k8s.io/set'],
    ],
    [
      'our host ID, in the experimental kind',
      onShared({ listenerSets: [listenerSet(HOST_ID, { kind: 'XListenerSet' })] }),
      ['CSNI504 xlistenerset.gateway.networking.x-k8s.io/set'],
    ],
    ['another domain', onShared({ listenerSets: [listenerSet('*.example.com')] }), []],
    // that of the Gateway itself precedes it
    ['no hostname', onShared({ listenerSets: [listenerSet(undefined)] }), []],
    ['our host ID on another port', onShared({ listenerSets: [listenerSet(HOST_ID, { port: 443 })] }), []],
    ['our host ID at another Gateway', onShared({ listenerSets: [listenerSet(HOST_ID, { gateway: 'web' })] }), []],
    [
      'a route for our name through a ListenerSet',
      onShared({ listenerSets: [listenerSet('*.example.com')], tlsRoutes: [routeToSet(HOST_ID)] }),
      ['CSNI504 tlsroute.gateway.networking.k8s.io/route'],
    ],
    [
      'another protocol on the port',
      onShared({
        gateways: [apiGateway('infra', 'shared', [PASSTHROUGH, { name: 'raw', port: 9042, protocol: 'TCP' }])],
      }),
      ['CSNI503 gateway.gateway.networking.k8s.io/shared'],
    ],
    [
      'UDP on the port',
      onShared({
        gateways: [apiGateway('infra', 'shared', [PASSTHROUGH, { name: 'udp', port: 9042, protocol: 'UDP' }])],
      }),
      [],
    ],
    [
      'a wildcard listener of the Gateway itself',
      onShared({
        gateways: [
          apiGateway('infra', 'shared', [PASSTHROUGH, { ...PASSTHROUGH, name: 'local', hostname: '*.cluster.local' }]),
        ],
      }),
      ['CSNI504 gateway.gateway.networking.k8s.io/shared'],
    ],
  ],
  AuthorizationPolicies: [
    [
      'that allow nothing',
      { authorizationPolicies: [policy({})] },
      ['CSNI512 authorizationpolicy.security.istio.io/policy'],
    ],
    [
      'that allow HTTP only',
      { authorizationPolicies: [policy({ rules: [{ to: [{ operation: { methods: ['GET'] } }] }] })] },
      ['CSNI512 authorizationpolicy.security.istio.io/policy'],
    ],
    [
      'that allow other ports',
      { authorizationPolicies: [policy({ rules: [{ to: [{ operation: { ports: ['443'] } }] }] })] },
      ['CSNI512 authorizationpolicy.security.istio.io/policy'],
    ],
    [
      'that allow the port',
      { authorizationPolicies: [policy({ rules: [{ to: [{ operation: { ports: ['9042'] } }] }] })] },
      [],
    ],
    [
      'of which one allows the port',
      {
        authorizationPolicies: [
          policy({}),
          policy({ rules: [{ to: [{ operation: { ports: ['9042'] } }] }] }, { name: 'cql' }),
        ],
      },
      [],
    ],
    [
      'that allow some sources',
      { authorizationPolicies: [policy({ rules: [{ from: [{ source: { remoteIpBlocks: ['10.0.0.0/8'] } }] }] })] },
      [],
    ],
    [
      'that allow some server names',
      { authorizationPolicies: [policy({ rules: [{ when: [{ key: 'connection.sni', values: ['x'] }] }] })] },
      [],
    ],
    ['that deny nothing', { authorizationPolicies: [policy({ action: 'DENY' })] }, []],
    [
      'that deny everything',
      { authorizationPolicies: [policy({ action: 'DENY', rules: [{}] })] },
      ['CSNI512 authorizationpolicy.security.istio.io/policy'],
    ],
    [
      // attributes of HTTP are ignored in a DENY rule
      'that deny a method on all ports',
      { authorizationPolicies: [policy({ action: 'DENY', rules: [{ to: [{ operation: { methods: ['GET'] } }] }] })] },
      ['CSNI512 authorizationpolicy.security.istio.io/policy'],
    ],
    [
      'that deny other ports',
      { authorizationPolicies: [policy({ action: 'DENY', rules: [{ to: [{ operation: { notPorts: ['9042'] } }] }] })] },
      [],
    ],
    ['that audit', { authorizationPolicies: [policy({ action: 'AUDIT', rules: [{}] })] }, []],
    ['for other pods', { authorizationPolicies: [policy({ selector: { matchLabels: { app: 'web' } } })] }, []],
    ['of another namespace', { authorizationPolicies: [policy({}, { namespace: 'web' })] }, []],
    [
      'for the Gateway resource',
      onShared(
        {},
        {
          authorizationPolicies: [
            policy({ targetRefs: [{ kind: 'Gateway', name: 'shared' }] }, { namespace: 'infra' }),
          ],
        },
      ),
      ['CSNI512 authorizationpolicy.security.istio.io/policy'],
    ],
    [
      'for a waypoint',
      onShared(
        {},
        { authorizationPolicies: [policy({ targetRefs: [{ kind: 'Service', name: 'web' }] }, { namespace: 'infra' })] },
      ),
      [],
    ],
    [
      'that came after the routes',
      { authorizationPolicies: [policy({})], routed: true },
      ['CSNI512 authorizationpolicy.security.istio.io/policy (harmless)'],
    ],
  ],
}

for (const [kind, rows] of Object.entries(GRID)) {
  describe(`conflicts with ${kind}`, () => {
    for (const [what, scope, expected] of rows) {
      it(`${expected.length === 0 ? 'none: ' : ''}${what}`, () => {
        const found = findConflicts({ ...SCOPE, ...scope })
        deepEqual(
          found.map(({ code, object, harmless }) => `${code} ${object.split(' ')[0]}${harmless ? ' (harmless)' : ''}`),
          expected,
        )
        for (const { message, object, next } of found) {
          // the other object is named, and no remedy comes before those that harm nobody
          match(message, new RegExp(object.replace(/^[^/]+\/(\S+).*$/, '$1')))
          const steps = nextTexts(next)
          doesNotMatch(steps[0] ?? '', /delete/)
        }
      })
    }
  })
}

describe('the remedies', () => {
  const next = (scope: Partial<ConflictScope>) => nextTexts(findConflicts({ ...SCOPE, ...scope })[0]?.next)

  it('of a shared host ID: the routes of the other datacenter, then another port', () => {
    deepEqual(next({ gateways: [bound], virtualServices: [virtualService([HOST_ID], {}, { labels: OF_DC2 })] }), [
      'if the node is no longer part of that datacenter, update its routes:',
      'kubectl cass-sni routes sync -n other -d dc2',
      'otherwise, route one of the datacenters on another port:',
      'kubectl cass-sni verify --port 9043',
    ])
  })

  it('of a denied port: the rule that allows it', () => {
    deepEqual(next({ authorizationPolicies: [policy({})] }), [
      'to allow the port, change its rules:',
      'kubectl edit -n istio-system authorizationpolicy.security.istio.io/policy',
      'an ALLOW rule for the port: to: [{operation: {ports: ["9042"]}}]',
    ])
  })
})
