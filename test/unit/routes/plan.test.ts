import { deepEqual, equal, ok } from 'node:assert/strict'
import { datacenterFrom } from '../../../src/lib/cassandra/datacenter-from.ts'
import type { ChangeSet } from '../../../src/lib/changes/changeset.ts'
import type { KubeObject } from '../../../src/lib/cluster/kube.ts'
import { DESTINATION_RULE, ISTIO_GATEWAY, SERVICE, VIRTUAL_SERVICE } from '../../../src/lib/cluster/resources.ts'
import { NO_GATEWAY_API } from '../../../src/lib/gateway-api/observe-gateway-api.ts'
import type { IngressGateway } from '../../../src/lib/istio/mesh.ts'
import type { Observation } from '../../../src/lib/routes/observation.ts'
import { planRoutes, type RouteRequest } from '../../../src/lib/routes/route-plan.ts'
import { nextTexts } from '../../support/next-texts.ts'
import { cassandraDatacenter, PODS, statefulSet } from '../cassandra/objects.ts'

const DC = datacenterFrom({ cr: cassandraDatacenter(), statefulSets: [statefulSet()], pods: PODS })
const PORT = { name: 'tls-cql', port: 9042, targetPort: 9042, protocol: 'TCP' }
const PORT_FIELDS = {
  'f:spec': {
    'f:ports': { 'k:{"port":9042,"protocol":"TCP"}': { '.': {}, 'f:name': {}, 'f:port': {}, 'f:targetPort': {} } },
  },
}

/** A gateway whose port for CQL these field managers have applied. */
function gatewayHeldBy(...managers: string[]): IngressGateway {
  const object: KubeObject = {
    apiVersion: 'v1',
    kind: SERVICE.kind,
    metadata: {
      name: 'gw',
      namespace: 'gw',
      managedFields: managers.map((manager) => ({ manager, operation: 'Apply', fieldsV1: PORT_FIELDS })),
    },
    spec: { ports: [PORT] },
  }
  const selector = { istio: 'ingressgateway' }
  const ports = [PORT]
  return {
    namespace: 'gw',
    service: 'gw',
    serviceType: 'LoadBalancer',
    ports,
    addresses: [],
    selector,
    pods: [],
    object,
  }
}

function observed(over: Partial<Observation> = {}): Observation {
  return {
    datacenter: DC,
    mesh: { istiods: [], gateways: [], routers: [] },
    gateway: gatewayHeldBy(),
    types: { gateway: ISTIO_GATEWAY, virtualService: VIRTUAL_SERVICE },
    gateways: [],
    virtualServices: [],
    api: 'istio',
    gatewayApi: NO_GATEWAY_API,
    authorizationPolicies: [],
    services: [],
    backendObjects: [],
    ...over,
  }
}

/** What is there after the plan of the observation was carried out, but for the gateway's Service. */
function carriedOut(before: Observation, request: RouteRequest = { mode: 'sni' }): Observation {
  const objects = planRoutes(before, request)
    .routes.stages.flat()
    .map(({ object }) => object)
  const of = (kind: string) => objects.filter((each) => each.kind === kind && each.metadata.namespace === DC.namespace)
  const backendObjects = [{ type: DESTINATION_RULE, objects: of('DestinationRule') }]
  return {
    ...before,
    backendObjects,
    gateways: of('Gateway'),
    virtualServices: of('VirtualService'),
    services: of('Service'),
  }
}

describe('the plan of the routes', () => {
  const drift = (...managers: string[]) =>
    planRoutes(carriedOut(observed({ gateway: gatewayHeldBy(...managers) })), { mode: 'sni' }).drift

  it('finds no drift where the manager of these routes holds the port', () => {
    const { shared, vanished, differences } = drift('kubectl-cass-sni/routes.cass-operator.dc1')
    deepEqual([shared, vanished, [...differences]], [[], [], []])
  })

  it('names what drifted also where no value differs: the port that version 0.1 holds', () => {
    deepEqual(drift('kubectl-cass-sni').shared, [
      'service/gw in namespace gw has the desired values but unexpected field managers (kubectl-cass-sni)',
    ])
  })

  it('finds no drift where a pod was restarted: only the record of its host ID is old', () => {
    const withPods = (generation: string) => ({
      ...DC,
      nodes: DC.nodes.map((node) => ({ ...node, podUid: `${node.pod}-${generation}`, hostIdConfirmed: true })),
    })
    const gateway = gatewayHeldBy('kubectl-cass-sni/routes.cass-operator.dc1')
    const before = carriedOut(observed({ gateway, datacenter: withPods('first') }))
    const plan = planRoutes({ ...before, datacenter: withPods('second') }, { mode: 'sni' })
    const changed = plan.changes.stages.flat().filter(({ action }) => action !== 'unchanged')
    deepEqual(
      changed.map(({ type, fields }) => [type.kind, fields.map(({ path }) => path).join()]),
      PODS.map(() => ['Service', 'metadata.annotations["cass-sni/confirmed"]']),
    )
    deepEqual([[...plan.drift.differences], plan.drift.shared], [[], []])
  })

  it('changes the backend in two parts: its objects and the routes, and then what the old routes needed', () => {
    const before = carriedOut(observed())
    const plan = planRoutes(before, { backend: 'subset' })
    const actions = (set?: ChangeSet) =>
      (set?.stages ?? []).map((stage) => stage.map(({ action, type, name }) => `${type.kind} ${name} ${action}`).join())
    deepEqual(actions(plan.handover?.destinations), [
      'Service cass-sni-dc1 created',
      'DestinationRule cass-sni-dc1 created',
    ])
    equal(plan.handover?.clusters.length, 3)
    deepEqual(actions(plan.handover?.routes), [
      'Service gw unchanged',
      'Gateway cass-sni-dc1 configured',
      'VirtualService cass-sni-dc1 configured',
    ])
    deepEqual(actions(plan.handover?.then), [PODS.map(({ metadata }) => `Service ${metadata.name}-cql pruned`).join()])
    deepEqual(plan.turns, [{ what: 'backend', from: 'service', to: 'subset' }])
    // without the flag it stays, and nothing is left to do
    const subset = carriedOut(observed(), { backend: 'subset' })
    const again = planRoutes(subset, {})
    equal(again.backend.backend, 'subset')
    equal(again.handover, undefined)
    ok(again.changes.stages.flat().every(({ action }) => action === 'unchanged'))
    // an earlier change that was interrupted before it pruned
    const leftover = { ...subset, services: [...subset.services, ...before.services] }
    const pruned = planRoutes(leftover, {})
      .changes.stages.flat()
      .filter(({ action }) => action === 'pruned')
    equal(pruned.length, 3)
  })

  it("refuses tcp mode where the datacenter's Service has not the port on which the pods serve clients", () => {
    const service: KubeObject = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: DC.service, namespace: DC.namespace },
      spec: { clusterIP: 'None', ports: [9042, 9142, 8080].map((port) => ({ port, protocol: 'TCP' })) },
    }
    const conflicts = (mode: 'sni' | 'tcp', nativePort: number, services = [service]) =>
      planRoutes(observed({ datacenter: { ...DC, nativePort }, services }), { mode }).conflicts
    const [conflict, ...more] = conflicts('tcp', 9999)
    equal(conflict?.code, 'CSNI508')
    equal(conflict?.object, 'service/dse-dc1-service in namespace cass-operator')
    equal(
      conflict?.message,
      'service/dse-dc1-service does not have the CQL port 9999: cass-operator created it with 9042, 9142, 8080 only',
    )
    deepEqual(nextTexts(conflict?.next), [
      'use the default mode sni, which does not need that Service',
      "kubectl -n cass-operator get cassandradatacenter dc1 -o 'jsonpath={.spec.config}'",
    ])
    // A Service that is not to be seen speaks against nothing; a Service per node has its own port.
    deepEqual([more, conflicts('tcp', 9142), conflicts('tcp', 9999, []), conflicts('sni', 9999)], [[], [], [], []])
  })
})
