import { NO_FLAGS, nextTexts } from '../../support/next-texts.ts'
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { CassandraNode, Datacenter } from '../../../src/lib/cassandra/datacenter.ts'
import { datacenterFrom } from '../../../src/lib/cassandra/datacenter-from.ts'
import type { KubeObject } from '../../../src/lib/cluster/kube.ts'
import { ISTIO_GATEWAY, VIRTUAL_SERVICE } from '../../../src/lib/cluster/resources.ts'
import type { IngressGateway } from '../../../src/lib/istio/mesh.ts'
import { NO_GATEWAY_API } from '../../../src/lib/gateway-api/observe-gateway-api.ts'
import { findConflicts, needsNarrowHosts, type ConflictScope } from '../../../src/lib/routes/conflicts.ts'
import { stepTexts } from '../../../src/lib/cli/next-steps.ts'
import { backendOf } from '../../../src/lib/routes/backends/backend-of.ts'
import type { RouteInput, RouteMode } from '../../../src/lib/routes/backends/backend.ts'
import { nodeServiceName, routeNames } from '../../../src/lib/routes/sni-names.ts'
import { desiredPeerAuthentication } from '../../../src/lib/routes/peer-authentication.ts'
import { cassandraDatacenter, HOST_IDS, PODS, statefulSet } from '../cassandra/objects.ts'

const DC = datacenterFrom({ cr: cassandraDatacenter(), statefulSets: [statefulSet()], pods: PODS })
const GATEWAY: IngressGateway = {
  namespace: 'istio-system',
  service: 'istio-ingressgateway',
  serviceType: 'LoadBalancer',
  ports: [{ name: 'https', port: 443, targetPort: 8443 }],
  addresses: [],
  selector: { istio: 'ingressgateway' },
  pods: [
    {
      name: 'gw',
      namespace: 'istio-system',
      ready: true,
      terminating: false,
      labels: { app: 'istio-ingressgateway', istio: 'ingressgateway' },
    },
  ],
}
/** With the way to route, which a backend does not ask for. */
type Input = RouteInput & { mode: RouteMode }
const INPUT: Input = {
  datacenter: DC,
  gateway: GATEWAY,
  types: { gateway: ISTIO_GATEWAY, virtualService: VIRTUAL_SERVICE },
  mode: 'sni',
  port: 9042,
  live: [],
}

const desiredRoutes = ({ mode, ...input }: Input) => backendOf(mode).desired(input)

/** The datacenter with its nth node changed. */
const withNode = (n: number, change: (node: CassandraNode) => CassandraNode): Datacenter => ({
  ...DC,
  nodes: DC.nodes.map((node, index) => (index === n ? change(node) : node)),
})
const withoutId = ({ hostId: _, ...node }: CassandraNode): CassandraNode => ({
  ...node,
  state: 'Starting',
  waiting: 'starting and joining the ring',
})
const object = (input: Input, kind: string): KubeObject => {
  const found = desiredRoutes(input)
    .stages.flat()
    .find((one) => one.object.kind === kind && one.ownership === 'own')
  if (found === undefined) throw new Error(`no ${kind}`)
  return found.object
}
const names = (input: Input) =>
  desiredRoutes(input)
    .stages.flat()
    .map((one) => `${one.object.kind}/${one.object.metadata.name}`)

describe('desired routes by SNI', () => {
  it('are a Service per node, the port, the Gateway and the VirtualService, in that order', () => {
    deepEqual(names(INPUT), [
      'Service/dse-dc1-default-sts-0-cql',
      'Service/dse-dc1-default-sts-1-cql',
      'Service/dse-dc1-default-sts-2-cql',
      'Service/istio-ingressgateway',
      'Gateway/cass-sni-dc1',
      'VirtualService/cass-sni-dc1',
    ])
  })

  it('make each Service for one pod, seen by the gateway, gone with the datacenter', () => {
    deepEqual(desiredRoutes(INPUT).stages.flat()[0]?.object, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {
        name: 'dse-dc1-default-sts-0-cql',
        namespace: 'cass-operator',
        labels: {
          'app.kubernetes.io/managed-by': 'kubectl-cass-sni',
          'cass-sni/datacenter': 'dc1',
          'cass-sni/pod': 'dse-dc1-default-sts-0',
        },
        annotations: { 'networking.istio.io/exportTo': 'istio-system' },
        ownerReferences: [
          { apiVersion: 'cassandra.datastax.com/v1beta1', kind: 'CassandraDatacenter', name: 'dc1', uid: 'dc-uid' },
        ],
      },
      spec: {
        type: 'ClusterIP',
        selector: { 'statefulset.kubernetes.io/pod-name': 'dse-dc1-default-sts-0' },
        ports: [{ name: 'tcp-cql', port: 9042, targetPort: 9042, protocol: 'TCP' }],
      },
    })
  })

  it('pass TLS through and match both names of a node at once', () => {
    deepEqual(object(INPUT, 'Gateway').spec, {
      selector: { istio: 'ingressgateway' },
      servers: [
        {
          port: { number: 9042, name: 'tls-cql', protocol: 'TLS' },
          hosts: ['cass-operator/*'],
          tls: { mode: 'PASSTHROUGH' },
        },
      ],
    })
    const spec = object(INPUT, 'VirtualService').spec as {
      hosts: string[]
      tls: unknown[]
      gateways: string[]
      exportTo: string[]
    }
    const dns = 'dse-dc1-default-sts-0.dse-dc1-all-pods-service.cass-operator.svc.cluster.local'
    deepEqual(spec.gateways, ['cass-operator/cass-sni-dc1'])
    deepEqual(spec.exportTo, ['.', 'istio-system'])
    deepEqual(spec.hosts.slice(0, 2), [dns, HOST_IDS[0]])
    equal(spec.hosts.length, 6)
    deepEqual(spec.tls[0], {
      match: [{ port: 9042, sniHosts: [dns, HOST_IDS[0]] }],
      route: [
        { destination: { host: 'dse-dc1-default-sts-0-cql.cass-operator.svc.cluster.local', port: { number: 9042 } } },
      ],
    })
  })

  it('ask for the port of the gateway as it is there, else under a name that is free', () => {
    const port = (ports: IngressGateway['ports'], number = 9042) =>
      desiredRoutes({ ...INPUT, port: number, gateway: { ...GATEWAY, ports } })
        .stages.flat()
        .find((one) => one.ownership === 'share')
    deepEqual(port([{ name: 'whatever', port: 443, targetPort: 8443 }], 443)?.object.spec, {
      ports: [{ name: 'whatever', port: 443, targetPort: 8443, protocol: 'TCP' }],
    })
    const share = port([{ name: 'tls-cql', port: 9042 }], 9043)
    deepEqual(share?.object.spec, { ports: [{ name: 'tls-cql-9043', port: 9043, targetPort: 9043, protocol: 'TCP' }] })
    equal(share?.mustExist, true)
    equal(share?.managerSuffix, 'routes.cass-operator.dc1')
    equal(share?.force, undefined)
  })

  it('leave out a node without a host id, and say why', () => {
    const routes = desiredRoutes({ ...INPUT, datacenter: withNode(1, withoutId) })
    deepEqual(routes.pending, [{ pod: 'dse-dc1-default-sts-1', reason: 'starting and joining the ring' }])
    equal(
      routes.stages.flat().some((one) => one.object.metadata.name === 'dse-dc1-default-sts-1-cql'),
      false,
    )
    equal(routes.serverNames.length, 4)
    equal(
      desiredRoutes({
        ...INPUT,
        datacenter: withNode(1, (node) => ({ ...withoutId(node), replacing: true })),
      }).pending[0]?.reason.startsWith('being replaced'),
      true,
    )
  })

  it('keep the live route of a node whose id is not known just now', () => {
    const live = [object(INPUT, 'VirtualService')]
    const datacenter = withNode(1, withoutId)
    const routes = desiredRoutes({ ...INPUT, datacenter, live })
    deepEqual(
      routes.nodes.map((node) => node.state),
      ['routed', 'kept', 'routed'],
    )
    equal(routes.nodes[1]?.hostId, HOST_IDS[1])
    deepEqual([object({ ...INPUT, datacenter, live }, 'VirtualService')], live)
    deepEqual(routes.pending, [])
  })

  it('drop an id that was lost, but not the DNS name of the pod, until the new one is known', () => {
    const datacenter = withNode(1, (node) => ({ ...withoutId(node), formerIdLost: true }))
    const dns = DC.nodes[1]?.dnsName
    let live = [object(INPUT, 'VirtualService')]
    // the second time, the lost id is in no route any more
    for (let round = 0; round < 2; round++) {
      const routes = desiredRoutes({ ...INPUT, datacenter, live })
      deepEqual(
        routes.nodes.map(({ state, hostId }) => [state, hostId]),
        [
          ['routed', HOST_IDS[0]],
          ['kept', undefined],
          ['routed', HOST_IDS[2]],
        ],
      )
      ok(routes.serverNames.includes(dns ?? ''))
      ok(!routes.serverNames.includes(HOST_IDS[1]))
      live = [object({ ...INPUT, datacenter, live }, 'VirtualService')]
    }
    // the reason for the loss may be forgotten by then
    const forgotten = desiredRoutes({ ...INPUT, datacenter: withNode(1, withoutId), live })
    deepEqual([forgotten.nodes[1]?.state, forgotten.nodes[1]?.hostId], ['kept', undefined])
    equal(desiredRoutes({ ...INPUT, live }).nodes[1]?.hostId, HOST_IDS[1])
  })

  it('do not keep an id that another node has by now', () => {
    const live = [object(INPUT, 'VirtualService')]
    const moved = withNode(1, withoutId)
    const datacenter = {
      ...moved,
      nodes: moved.nodes.map((node, n) => (n === 2 ? { ...node, hostId: HOST_IDS[1] } : node)),
    }
    deepEqual(
      desiredRoutes({ ...INPUT, datacenter, live }).nodes.map((node) => node.state),
      ['routed', 'pending', 'routed'],
    )
  })

  it('change one match when a node was replaced', () => {
    const fresh = '00000000-0000-4000-8000-00000000000a'
    const live = object(INPUT, 'VirtualService')
    const next = object(
      { ...INPUT, live: [live], datacenter: withNode(1, (node) => ({ ...node, hostId: fresh })) },
      'VirtualService',
    )
    const tls = (each: KubeObject) => (each.spec as { tls: unknown[] }).tls
    deepEqual(
      [0, 2].map((n) => tls(next)[n]),
      [0, 2].map((n) => tls(live)[n]),
    )
    ok(JSON.stringify(tls(next)[1]).includes(fresh))
    equal(JSON.stringify(next).includes(HOST_IDS[1]), false)
  })

  it('are nothing at all while no node can be routed', () => {
    const datacenter = { ...DC, nodes: DC.nodes.map(withoutId) }
    deepEqual(desiredRoutes({ ...INPUT, datacenter }).stages.flat(), [])
    equal(desiredRoutes({ ...INPUT, datacenter }).pending.length, 3)
    deepEqual(
      desiredRoutes({
        ...INPUT,
        datacenter,
        live: [{ apiVersion: 'x', kind: 'VirtualService', metadata: { name: 'cass-sni-dc1' }, spec: { tls: 'odd' } }],
      }).stages.flat(),
      [],
    )
  })

  it('do not list a namespace twice when gateway and datacenter share it', () => {
    deepEqual(
      (
        object({ ...INPUT, gateway: { ...GATEWAY, namespace: 'cass-operator' } }, 'VirtualService').spec as {
          exportTo: string[]
        }
      ).exportTo,
      ['.'],
    )
  })
})

describe('desired routes by TCP', () => {
  const tcp: Input = { ...INPUT, mode: 'tcp' }

  it('are the same objects without Services per node', () => {
    deepEqual(names(tcp), ['Service/istio-ingressgateway', 'Gateway/cass-sni-dc1', 'VirtualService/cass-sni-dc1'])
    deepEqual((object(tcp, 'Gateway').spec as { servers: unknown[] }).servers, [
      { port: { number: 9042, name: 'tcp-cql', protocol: 'TCP' }, hosts: ['cass-operator/*'] },
    ])
    const { hosts, tcp: routes } = object(tcp, 'VirtualService').spec as { hosts: string[]; tcp: unknown[] }
    deepEqual(hosts, ['dse-dc1-service.cass-operator.svc.cluster.local'])
    deepEqual(routes, [
      {
        match: [{ port: 9042 }],
        route: [{ destination: { host: 'dse-dc1-service.cass-operator.svc.cluster.local', port: { number: 9042 } } }],
      },
    ])
  })

  it('need no host id', () =>
    equal(desiredRoutes({ ...tcp, datacenter: withNode(0, withoutId) }).stages.flat().length, 3))
})

describe('names of routes', () => {
  it('are DNS labels, different for different names', () => {
    const long = `dse-dc1-${'r'.repeat(50)}-sts-`
    const all = ['dse-dc1-r1.r2-sts-0', 'dse-dc1-r1-r2-sts-0', `${long}0`, `${long}1`].map(nodeServiceName)
    equal(new Set(all).size, 4)
    for (const name of [...all, routeNames('My.DC').gateway, routeNames('x'.repeat(80)).gateway])
      ok(/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(name) && name.length <= 63, name)
    equal(nodeServiceName('dse-dc1-default-sts-0'), 'dse-dc1-default-sts-0-cql')
  })
})

describe('conflicts', () => {
  const gateway = (
    name: string,
    spec: object,
    namespace = 'cass-operator',
    labels: Record<string, string> = {},
  ): KubeObject => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'Gateway',
    metadata: { name, namespace, labels },
    spec: { selector: { istio: 'ingressgateway' }, ...spec },
  })
  const server = (protocol: string, hosts: string[], number = 9042) => ({
    servers: [{ port: { number, name: 'x', protocol }, hosts }],
  })
  const virtualService = (name: string, spec: object, namespace = 'cass-operator'): KubeObject => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name, namespace },
    spec,
  })
  const around = (
    gateways: KubeObject[],
    virtualServices: KubeObject[] = [],
    over: Partial<ConflictScope> = {},
  ): ConflictScope => ({
    datacenter: DC,
    gateway: GATEWAY,
    backend: backendOf('sni'),
    port: 9042,
    serverNames: [HOST_IDS[0], 'pod.example'],
    mesh: { istiods: [] },
    hosts: ['cass-operator/*'],
    gatewayApi: NO_GATEWAY_API,
    authorizationPolicies: [],
    routed: false,
    gateways,
    virtualServices,
    services: [],
    complete: true,
    ...over,
  })
  const codes = (surroundings: ConflictScope) => findConflicts(surroundings).map((conflict) => conflict.code)

  it("find the blog's TCP route, and say how to delete it only after the harmless ways", () => {
    const [conflict] = findConflicts(
      around(
        [gateway('cassandra-tcp-gateway', server('TCP', ['*']))],
        [
          virtualService('tcp-echo-vs-from-gw', {
            hosts: ['*'],
            gateways: ['cassandra-tcp-gateway'],
            tcp: [{ match: [{ port: 9042 }] }],
          }),
        ],
      ),
    )
    equal(conflict?.code, 'CSNI503')
    deepEqual(nextTexts(conflict?.next), [
      'kubectl cass-sni verify --port 9043',
      'or change its port 9042:',
      'kubectl edit -n cass-operator gateway.networking.istio.io/cassandra-tcp-gateway',
      'or, if it is no longer needed:',
      'kubectl delete -n cass-operator gateway.networking.istio.io/cassandra-tcp-gateway virtualservice.networking.istio.io/tcp-echo-vs-from-gw',
    ])
  })

  it('in several namespaces are deleted by a command each, which --context can lead', () => {
    const far = virtualService('far', {
      hosts: ['*'],
      gateways: ['cass-operator/cassandra-tcp-gateway'],
      tcp: [{ match: [{ port: 9042 }] }],
    })
    far.metadata.namespace = 'else where'
    const [conflict] = findConflicts(around([gateway('cassandra-tcp-gateway', server('TCP', ['*']))], [far]))
    const next = stepTexts(conflict?.next ?? [], { ...NO_FLAGS, flags: [{ name: 'context', value: 'c' }] })
    deepEqual(next.slice(-2), [
      'kubectl --context c delete -n cass-operator gateway.networking.istio.io/cassandra-tcp-gateway',
      "kubectl --context c delete -n 'else where' virtualservice.networking.istio.io/far",
    ])
  })

  it('are the ports of Istio itself', () => {
    deepEqual(codes(around([], [], { port: 15021 })), ['CSNI503'])
    const http = {
      ...GATEWAY,
      ports: [
        { name: 'http2', port: 80, targetPort: 8080 },
        { name: 'https', port: 443 },
      ],
    }
    deepEqual(codes(around([], [], { port: 80, gateway: http })), ['CSNI503'])
    deepEqual(codes(around([], [], { port: 443, gateway: http })), [])
    deepEqual(codes(around([], [], { port: 15443 })), [])
  })

  it("find the blog's SNI routes", () => {
    const [conflict, more] = findConflicts(
      around(
        [gateway('cassandra-tcp-gateway', server('TLS', ['*']))],
        [
          virtualService('vs-0', {
            gateways: ['cassandra-tcp-gateway'],
            hosts: ['pod.example'],
            tls: [{ match: [{ port: 9042, sniHosts: ['pod.example', HOST_IDS[0]] }] }],
          }),
        ],
      ),
    )
    equal(conflict?.code, 'CSNI504')
    ok(conflict?.message.includes('pod.example and 1 more'))
    equal(conflict?.object, 'virtualservice.networking.istio.io/vs-0 in namespace cass-operator')
    equal(more, undefined)
  })

  it('are only what meets the same pods of a gateway on the same port', () => {
    deepEqual(
      codes(
        around([
          gateway('a', server('TCP', ['*'], 9999)),
          gateway('b', { ...server('TCP', ['*']), selector: { istio: 'other' } }),
          gateway('c', server('TLS', ['other/*']), 'other'),
        ]),
      ),
      [],
    )
    deepEqual(codes(around([gateway('a', server('TCP', ['*']), 'other')])), ['CSNI503'])
    deepEqual(codes(around([gateway('a', server('TLS', ['./*']))])), ['CSNI503'])
    deepEqual(codes(around([gateway('a', server('TLS', ['*']))], [], { backend: backendOf('tcp') })), ['CSNI503'])
    deepEqual(codes(around([gateway('cass-sni-dc1', server('TCP', ['*']))])), [])
  })

  it('count names bound to a Gateway that cannot be seen, but not to one that does not exist, nor to the mesh', () => {
    const tls = [{ match: [{ sniHosts: [HOST_IDS[0]] }] }]
    const hidden = virtualService('v', { gateways: ['far/gw'], tls }, 'x')
    deepEqual(codes(around([], [hidden], { complete: false })), ['CSNI504'])
    deepEqual(codes(around([], [hidden])), [])
    deepEqual(
      codes(
        around(
          [],
          [
            virtualService('v', { gateways: ['mesh'], tls }),
            virtualService('w', { tls: 'odd' }),
            virtualService('cass-sni-dc1', { gateways: ['far/gw'], tls }),
          ],
          { complete: false },
        ),
      ),
      [],
    )
    deepEqual(
      codes(
        around(
          [],
          [virtualService('v', { gateways: ['far/gw'], tls: [{ match: [{ port: 443, sniHosts: [HOST_IDS[0]] }] }] })],
          { complete: false },
        ),
      ),
      [],
    )
  })

  it('between two datacenters of a namespace are solved by narrower hosts', () => {
    const sibling = gateway('cass-sni-dc2', server('TLS', ['cass-operator/*']), 'cass-operator', {
      'app.kubernetes.io/managed-by': 'kubectl-cass-sni',
      'cass-sni/datacenter': 'dc2',
    })
    const narrow = 'cass-operator/*.dse-dc1-all-pods-service.cass-operator.svc.cluster.local'
    deepEqual(codes(around([sibling], [], { hosts: [narrow] })), [])
    equal(needsNarrowHosts(around([sibling])), true)
    equal(needsNarrowHosts(around([])), false)
    deepEqual(
      (object({ ...INPUT, narrowHosts: true }, 'Gateway').spec as { servers: { hosts: string[] }[] }).servers[0]?.hosts,
      [narrow],
    )
    deepEqual(codes(around([sibling], [], { backend: backendOf('tcp') })), ['CSNI503'])
  })
})

describe('PeerAuthentication', () => {
  const scope = { namespace: 'cass-operator', datacenter: 'dc1', rootNamespace: 'istio-system', securityVersion: 'v1' }

  it('is none, for one port, for the namespace, for the mesh', () => {
    deepEqual(desiredPeerAuthentication('keep', scope), [])
    const [port] = desiredPeerAuthentication('port', scope)
    deepEqual(port?.object.spec, {
      selector: { matchLabels: { 'cassandra.datastax.com/datacenter': 'dc1' } },
      portLevelMtls: { '9042': { mode: 'DISABLE' } },
    })
    equal(port?.object.apiVersion, 'security.istio.io/v1')
    deepEqual(
      (['namespace', 'mesh'] as const)
        .map((mode) => desiredPeerAuthentication(mode, scope)[0]?.object)
        .map((each) => [each?.metadata.namespace, each?.metadata.name, each?.spec]),
      [
        ['cass-operator', 'default', { mtls: { mode: 'DISABLE' } }],
        ['istio-system', 'default', { mtls: { mode: 'DISABLE' } }],
      ],
    )
  })
})
