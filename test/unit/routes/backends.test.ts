import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import type { Datacenter } from '../../../src/lib/cassandra/datacenter.ts'
import { datacenterFrom } from '../../../src/lib/cassandra/datacenter-from.ts'
import type { KubeObject } from '../../../src/lib/cluster/kube.ts'
import { ISTIO_GATEWAY, VIRTUAL_SERVICE } from '../../../src/lib/cluster/resources.ts'
import type { IngressGateway } from '../../../src/lib/istio/mesh.ts'
import { backendOf, backendThatMade } from '../../../src/lib/routes/backends/backend-of.ts'
import { ROUTE_BACKENDS, type RouteBackend, type RouteInput } from '../../../src/lib/routes/backends/backend.ts'
import { choicesFrom } from '../../../src/lib/routes/choices.ts'
import { envoyCluster } from '../../../src/lib/routes/sni-names.ts'
import { cassandraDatacenter, HOST_IDS, PODS, statefulSet } from '../cassandra/objects.ts'

const DC = datacenterFrom({ cr: cassandraDatacenter(), statefulSets: [statefulSet()], pods: PODS })
const POD = 'dse-dc1-default-sts-1'
const GATEWAY: IngressGateway = {
  namespace: 'istio-system',
  service: 'istio-ingressgateway',
  serviceType: 'LoadBalancer',
  ports: [],
  addresses: [],
  selector: { istio: 'ingressgateway' },
  pods: [],
}
const INPUT: RouteInput = {
  datacenter: DC,
  gateway: GATEWAY,
  types: { gateway: ISTIO_GATEWAY, virtualService: { ...VIRTUAL_SERVICE, version: 'v1' } },
  port: 9042,
  live: [],
}

const desired = (backend: RouteBackend, input: Partial<RouteInput> = {}) =>
  backendOf('sni', 'istio', backend).desired({ ...INPUT, ...input })
const objects = (backend: RouteBackend, input: Partial<RouteInput> = {}) =>
  desired(backend, input)
    .stages.flat()
    .map(({ object }) => object)
const names = (backend: RouteBackend, input: Partial<RouteInput> = {}) =>
  objects(backend, input).map(({ kind, metadata }) => `${kind}/${metadata.name}`)
const found = (backend: RouteBackend, kind: string, input: Partial<RouteInput> = {}): KubeObject => {
  const object = objects(backend, input).find((each) => each.kind === kind)
  if (object === undefined) throw new Error(`no ${kind}`)
  return object
}
const without = (sidecar: boolean, over: Partial<Datacenter> = {}): Datacenter => ({
  ...DC,
  ...over,
  nodes: DC.nodes.map((node) => ({ ...node, sidecar })),
})

describe('routing backends', () => {
  it('have the same Gateway and VirtualService in place, behind their own objects', () => {
    const shared = ['Service/istio-ingressgateway', 'Gateway/cass-sni-dc1', 'VirtualService/cass-sni-dc1']
    const each = (kind: string) => DC.nodes.map(({ pod }) => `${kind}/${pod}-cql`)
    deepEqual(names('service'), [...each('Service'), ...shared])
    deepEqual(names('subset'), ['Service/cass-sni-dc1', 'DestinationRule/cass-sni-dc1', ...shared])
    const datacenter = without(false)
    deepEqual(names('serviceentry', { datacenter }), [...each('ServiceEntry'), ...shared])
  })

  it('are recognized by their VirtualService and recorded in the Gateway', () => {
    for (const backend of ROUTE_BACKENDS) {
      const [virtualService, gateway] = [found(backend, 'VirtualService'), found(backend, 'Gateway')]
      equal(backendThatMade(virtualService).backend, backend)
      const choices = choicesFrom({ gateway, virtualServices: [virtualService] })
      equal(choices.backend, backend === 'service' ? undefined : backend)
      equal(choices.clusterDomain, 'cluster.local')
    }
  })

  it('send each node by a cluster of its own, and miss it in an Envoy with those of another backend', () => {
    const clusters = ROUTE_BACKENDS.map((backend) => envoyCluster(backendOf('sni', 'istio', backend).upstream(POD, DC)))
    deepEqual(clusters, [
      `outbound|9042||${POD}-cql.cass-operator.svc.cluster.local`,
      `outbound|9042|${POD}|cass-sni-dc1.cass-operator.svc.cluster.local`,
      `outbound|9042||${POD}-cql.cass-operator.cass-sni.internal`,
    ])
    for (const one of ROUTE_BACKENDS) {
      const loaded = DC.nodes.map(({ pod, dnsName, hostId = '' }) => ({
        serverNames: [dnsName, hostId],
        cluster: envoyCluster(backendOf('sni', 'istio', one).upstream(pod, DC)),
      }))
      for (const other of ROUTE_BACKENDS) {
        const lacked = backendOf('sni', 'istio', other).lacks(desired(other), DC, loaded)
        equal(lacked.length, one === other ? 0 : 6, `${one} ${other}`)
      }
    }
  })

  it('subset: choose the node by the label of its pod, for the gateway only', () => {
    const rule = found('subset', 'DestinationRule')
    equal(rule.apiVersion, 'networking.istio.io/v1')
    deepEqual(rule.spec, {
      host: 'cass-sni-dc1.cass-operator.svc.cluster.local',
      exportTo: ['istio-system'],
      subsets: DC.nodes.map(({ pod }) => ({ name: pod, labels: { 'statefulset.kubernetes.io/pod-name': pod } })),
    })
    const service = found('subset', 'Service')
    equal(service.metadata.annotations?.['networking.istio.io/exportTo'], 'istio-system')
    deepEqual((service.spec as { selector: object }).selector, { 'cassandra.datastax.com/datacenter': 'dc1' })
  })

  it('serviceentry: resolve the DNS name of the pod, under a host that nothing else has', () => {
    const entry = objects('serviceentry').find(({ metadata }) => metadata.name === `${POD}-cql`)
    deepEqual(entry?.spec, {
      hosts: [`${POD}-cql.cass-operator.cass-sni.internal`],
      exportTo: ['istio-system'],
      location: 'MESH_INTERNAL',
      resolution: 'DNS',
      ports: [{ number: 9042, name: 'tls-cql', protocol: 'TLS' }],
      endpoints: [
        {
          address: `${POD}.dse-dc1-all-pods-service.cass-operator.svc.cluster.local`,
          ports: { 'tls-cql': 9042 },
        },
      ],
    })
    equal(entry?.metadata.labels?.['networking.istio.io/enable-autoallocate-ip'], 'false')
  })

  it('serviceentry: open the port for plain TLS only where nodes have sidecars', () => {
    equal(names('serviceentry', { datacenter: without(false) }).includes('PeerAuthentication/cass-sni-dc1-cql'), false)
    const policy = found('serviceentry', 'PeerAuthentication', {
      datacenter: without(true, { nativePort: 9999 }),
    })
    equal(policy.metadata.name, 'cass-sni-dc1-cql')
    deepEqual(policy.spec, {
      selector: { matchLabels: { 'cassandra.datastax.com/datacenter': 'dc1' } },
      portLevelMtls: { '9999': { mode: 'PERMISSIVE' } },
    })
    // the one of `install --mtls port` has another name and no such label, so it is never pruned
    equal(policy.metadata.labels?.['cass-sni/backend'], 'serviceentry')
  })

  it('keep the host ID of a node that is not known just now, whichever backend routes it', () => {
    const unknown: Datacenter = {
      ...DC,
      nodes: DC.nodes.map((node, n) => (n === 1 ? { ...node, hostId: undefined } : node)),
    }
    for (const before of ROUTE_BACKENDS)
      for (const after of ROUTE_BACKENDS) {
        const live = [found(before, 'VirtualService')]
        const { nodes } = desired(after, { datacenter: unknown, live })
        deepEqual([nodes[1]?.state, nodes[1]?.hostId], ['kept', HOST_IDS[1]], `${before} ${after}`)
      }
  })

  it('keep the route of a pod that cannot be seen, by the objects of its backend', () => {
    const fewer: Datacenter = { ...DC, complete: false, nodes: DC.nodes.slice(0, 2) }
    for (const backend of ROUTE_BACKENDS) {
      const live = [found(backend, 'VirtualService')]
      const all = objects(backend)
      const kinds = (kind: string) =>
        all.filter((each) => each.kind === kind && each.metadata.namespace !== 'istio-system')
      const { nodes } = desired(backend, {
        datacenter: fewer,
        live,
        services: kinds('Service'),
        backendObjects: [...kinds('DestinationRule'), ...kinds('ServiceEntry')],
      })
      deepEqual(
        nodes.map(({ state, hostId }) => [state, hostId]),
        [
          ['routed', HOST_IDS[0]],
          ['routed', HOST_IDS[1]],
          ['kept', HOST_IDS[2]],
        ],
        backend,
      )
    }
  })

  it('are not available in tcp mode or with the Gateway API, which have one each', () => {
    throws(() => backendOf('tcp', 'istio', 'subset'), {
      code: 'CSNI101',
      message: '--backend subset is not available with --mode tcp',
    })
    throws(() => backendOf('sni', 'gateway', 'serviceentry'), {
      code: 'CSNI101',
      message: '--backend serviceentry is not available with --api gateway',
    })
    throws(() => backendOf('tcp', 'gateway'), { message: '--mode tcp is not available with --api gateway' })
    ok(backendOf('tcp'))
  })
})
