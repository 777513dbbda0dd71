import { deepEqual, equal } from 'node:assert/strict'
import { datacenterFrom } from '../../../src/lib/cassandra/datacenter-from.ts'
import type { KubeObject } from '../../../src/lib/cluster/kube.ts'
import { ISTIO_GATEWAY, SERVICE, VIRTUAL_SERVICE } from '../../../src/lib/cluster/resources.ts'
import { NO_GATEWAY_API } from '../../../src/lib/gateway-api/observe-gateway-api.ts'
import type { IngressGateway } from '../../../src/lib/istio/mesh.ts'
import type { Observation } from '../../../src/lib/routes/observation.ts'
import { planRoutes } from '../../../src/lib/routes/route-plan.ts'
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
    ...over,
  }
}

/** What is there after the plan of the observation was carried out, but for the gateway's Service. */
function carriedOut(before: Observation): Observation {
  const objects = planRoutes(before, { mode: 'sni' })
    .routes.stages.flat()
    .map(({ object }) => object)
  const of = (kind: string) => objects.filter((each) => each.kind === kind && each.metadata.namespace === DC.namespace)
  return { ...before, gateways: of('Gateway'), virtualServices: of('VirtualService'), services: of('Service') }
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
