/** Istio as `istioctl install` 1.31 leaves it in the API, without anything that runs. Labels were copied from the lab. */
import {
  DEPLOYMENT,
  ISTIO_GATEWAY,
  MUTATING_WEBHOOK,
  NAMESPACE,
  POD,
  SERVICE,
  VIRTUAL_SERVICE,
} from '../../src/lib/cluster/resources.ts'
import { type Manifest, pathOf, type Stored, type TestServer } from './fixture-server.ts'

export interface MeshShape {
  /** Of istiod; default istio-system. */
  namespace?: string
  /** Default "default". */
  revision?: string
  /** Without a gateway: false. */
  gateway?: false | GatewayShape
}

export interface GatewayShape {
  /** Default: that of istiod. */
  namespace?: string
  /** Default istio-ingressgateway. */
  service?: string
  /** The load balancer's addresses; default one. */
  addresses?: string[]
  pods?: number
}

export interface TestMesh {
  namespace: string
  gateway: { namespace: string; service: string; pods: string[] } | undefined
  /** Removes all objects of the mesh, not its namespaces. */
  remove(): Promise<void>
}

/** Creates istiod's Deployment, the injection webhook, and an ingress gateway: Service, Deployment, ready pods. */
export async function createMesh(server: TestServer, shape: MeshShape = {}): Promise<TestMesh> {
  const { namespace = 'istio-system', revision = 'default', gateway = {} } = shape
  const { create, remove } = recorder(server)
  await ensureNamespace(server, namespace)
  const suffix = revision === 'default' ? '' : `-${revision}`
  const labels = {
    app: 'istiod',
    istio: 'pilot',
    'istio.io/rev': revision,
    'operator.istio.io/component': 'Pilot',
    release: 'istio',
  }
  await create(DEPLOYMENT, {
    metadata: { name: `istiod${suffix}`, namespace, labels },
    spec: {
      replicas: 1,
      selector: { matchLabels: { istio: 'pilot' } },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: 'discovery', image: 'docker.io/istio/pilot:1.31.0' }] },
      },
    },
    status: { replicas: 1, readyReplicas: 1, availableReplicas: 1, updatedReplicas: 1, observedGeneration: 1 },
  })
  await create(MUTATING_WEBHOOK, {
    metadata: {
      name: `istio-sidecar-injector${suffix}`,
      labels: { app: 'sidecar-injector', 'istio.io/rev': revision },
    },
    webhooks: [],
  })
  if (gateway === false) return { namespace, gateway: undefined, remove }
  const where = gateway.namespace ?? namespace
  await ensureNamespace(server, where)
  const service = gateway.service ?? 'istio-ingressgateway'
  const pods = await createGateway(create, server, where, service, gateway)
  return { namespace, gateway: { namespace: where, service, pods }, remove }
}

/**
 * Another ingress gateway beside that of a mesh: the same label `istio`, another `app`, as those have that keep an
 * internal and a public one.
 */
export async function addGateway(
  server: TestServer,
  shape: GatewayShape & { namespace: string; service: string },
): Promise<NonNullable<TestMesh['gateway']> & Pick<TestMesh, 'remove'>> {
  const { create, remove } = recorder(server)
  const { namespace, service } = shape
  await ensureNamespace(server, namespace)
  const pods = await createGateway(create, server, namespace, service, { addresses: ['10.200.1.11'], ...shape })
  return { namespace, service, pods, remove }
}

/** Creates objects, and removes all of them again. */
function recorder(server: TestServer): { create: TestServer['create']; remove: () => Promise<void> } {
  const undo: (() => Promise<void>)[] = []
  return {
    async create(type, object) {
      const stored = await server.create(type, object)
      undo.push(() => server.remove(type, object.metadata.name, object.metadata.namespace))
      return stored
    },
    async remove() {
      await Promise.all(undo.splice(0).map((each) => each()))
    },
  }
}

async function ensureNamespace(server: TestServer, name: string): Promise<void> {
  const { items } = await server.client.get<{ items: Stored[] }>('/api/v1/namespaces')
  if (!items.some((item) => item.metadata.name === name)) await server.create(NAMESPACE, { metadata: { name } })
}

async function createGateway(
  create: TestServer['create'],
  server: TestServer,
  namespace: string,
  service: string,
  shape: GatewayShape,
): Promise<string[]> {
  const selector = { app: service, istio: 'ingressgateway' }
  const labels = {
    ...selector,
    'istio.io/rev': 'default',
    'operator.istio.io/component': 'IngressGateways',
    release: 'istio',
    'app.kubernetes.io/managed-by': 'Helm',
  }
  const template = {
    metadata: { labels },
    spec: { containers: [{ name: 'istio-proxy', image: 'docker.io/istio/proxyv2:1.31.0', args: ['proxy', 'router'] }] },
  }
  const ports = [
    { name: 'status-port', port: 15021, targetPort: 15021 },
    { name: 'http2', port: 80, targetPort: 8080 },
    { name: 'https', port: 443, targetPort: 8443 },
  ]
  await create(SERVICE, {
    metadata: { name: service, namespace, labels },
    spec: { type: 'LoadBalancer', selector, ports },
  })
  await server.status(SERVICE, service, namespace, {
    loadBalancer: { ingress: (shape.addresses ?? ['10.200.1.10']).map((ip) => ({ ip })) },
  })
  await create(DEPLOYMENT, {
    metadata: { name: service, namespace, labels },
    spec: { replicas: shape.pods ?? 1, selector: { matchLabels: selector }, template },
    status: { replicas: 1, readyReplicas: 1, availableReplicas: 1 },
  })
  const names = Array.from(
    { length: shape.pods ?? 1 },
    (_, index) => `${service}-7854dddb6-${String.fromCharCode(97 + index)}zxg7`,
  )
  for (const [index, name] of names.entries()) {
    const at = '2026-11-23T15:00:00Z'
    await create(POD, {
      metadata: { name, namespace, labels },
      spec: { ...template.spec, nodeName: 'node-1' },
      status: {
        phase: 'Running',
        podIP: `10.244.250.${index + 1}`,
        conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({
          type,
          status: 'True',
          lastTransitionTime: at,
        })),
        containerStatuses: [
          {
            name: 'istio-proxy',
            image: 'x',
            imageID: 'sha256:0',
            ready: true,
            restartCount: 0,
            started: true,
            state: { running: { startedAt: at } },
          },
        ],
      },
    })
  }
  return names
}

/** Removes all routes: nobody collects garbage here, and what one test leaves would meet the next one's. */
export async function removeRoutes(server: TestServer): Promise<void> {
  for (const type of [VIRTUAL_SERVICE, ISTIO_GATEWAY]) {
    const { items } = await server.client.get<{ items: Manifest[] }>(pathOf(type))
    await Promise.all(items.map((item) => server.remove(type, item.metadata.name, item.metadata.namespace)))
  }
}
