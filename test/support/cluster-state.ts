/**
 * A Cassandra datacenter as cass-operator 1.30 leaves it in the API, without a node that runs anything.
 * Names and labels were copied from the lab; see also facts on k8ssandra/cass-operator pkg/reconciliation/construct_*.go.
 */
import { randomUUID } from 'node:crypto'
import { CASSANDRA_DATACENTER, POD, SECRET, SERVICE, STATEFUL_SET } from '../../src/lib/cluster/resources.ts'
import type { Stored, TestServer } from './fixture-server.ts'
import { makeAuthority, makeKeystore, makeLeaf } from './operator-certificates.ts'

export interface DatacenterShape {
  namespace: string
  /** metadata.name; default dc1. */
  name?: string
  /** Default dse. Need not be a name of Kubernetes: "My Cluster_2". */
  clusterName?: string
  /** The name inside Cassandra, where it is another one. */
  datacenterName?: string
  /** Added to spec.config.cassandra-yaml: { native_transport_port_ssl: 9142 }. */
  cassandraYaml?: Record<string, unknown>
  /** Nodes per rack by the rack's name; default {default: 3}. */
  racks?: Record<string, number>
  /** Nodes of this many, counted from the last, are not started yet and have no host id. */
  pending?: number
  /** Pods carry a sidecar. */
  sidecar?: boolean
  /** Default: expires in a year. Milliseconds since the epoch. */
  caNotAfter?: number
  /** The CA may sign names in this domain only. */
  caDomain?: string
  superuserPassword?: string
  /** Added to spec. */
  spec?: Record<string, unknown>
}

export interface TestNode {
  pod: string
  rack: string
  /** Undefined for a node that is not started. */
  hostId?: string
  ip: string
  statefulSet: string
}

export interface TestDatacenter {
  namespace: string
  name: string
  nodes: TestNode[]
  caPem: string
  username: string
  password: string
  /** The operator has replaced a node: same pod name, another pod, address and host id. Returns the new node. */
  replaceNode(pod: string): Promise<TestNode>
  /** The node starts: label, readiness, host id in the status. */
  startNode(pod: string): Promise<TestNode>
  /** Scaled down: the last pod of the rack and its status are gone. */
  removeNode(pod: string): Promise<void>
  /** Removes all objects of the datacenter. */
  remove(): Promise<void>
}

let addresses = 0

/** Creates the CassandraDatacenter with its status, StatefulSets, Services, Secrets and pods. */
export async function createDatacenter(server: TestServer, shape: DatacenterShape): Promise<TestDatacenter> {
  const {
    namespace,
    name = 'dc1',
    clusterName = 'dse',
    racks = { default: 3 },
    pending = 0,
    superuserPassword = '-p\'a"ss$',
  } = shape
  const cluster = cleaned(clusterName)
  const username = `${cluster}-superuser`
  const labels = {
    'app.kubernetes.io/created-by': 'cass-operator',
    'app.kubernetes.io/instance': `cassandra-${labelValue(clusterName)}`,
    'app.kubernetes.io/managed-by': 'cass-operator',
    'app.kubernetes.io/name': 'cassandra',
    'app.kubernetes.io/version': '5.0.6',
    'cassandra.datastax.com/cluster': labelValue(clusterName),
    'cassandra.datastax.com/datacenter': name,
  }
  const nodes = Object.entries(racks).flatMap(([rack, size]) =>
    Array.from({ length: size }, (_, ordinal): TestNode => {
      const statefulSet = `${cluster}-${name}-${cleaned(rack)}-sts`
      return { pod: `${statefulSet}-${ordinal}`, rack, hostId: randomUUID(), ip: nextAddress(), statefulSet }
    }),
  )
  for (const node of nodes.slice(nodes.length - pending)) delete node.hostId
  const datacenter = await server.create(CASSANDRA_DATACENTER, {
    metadata: { name, namespace },
    spec: specOf(shape, clusterName, name, racks),
    status: statusOf(nodes),
  })
  const owner = ownerOf('cassandra.datastax.com/v1beta1', 'CassandraDatacenter', datacenter)
  const authority = makeAuthority({
    dc: name,
    namespace,
    ...(shape.caNotAfter === undefined ? {} : { notAfter: shape.caNotAfter, notBefore: shape.caNotAfter - 1e10 }),
    permittedDomain: shape.caDomain,
  })
  const keystore = makeKeystore(authority, makeLeaf(authority, { dc: name, namespace }), { dc: name, namespace })
  const base64 = (value: string | Buffer) => Buffer.from(value).toString('base64')
  const secret = (secretName: string, data: Record<string, string>) =>
    server.create(SECRET, { metadata: { name: secretName, namespace, labels }, data })
  await Promise.all([
    secret(`${name}-ca-keystore`, { cert: base64(authority.pem), key: base64(authority.keyPem) }),
    secret(`${name}-keystore`, { 'node-keystore.jks': base64(keystore) }),
    secret(username, { username: base64(username), password: base64(superuserPassword) }),
    ...services(cluster, name, labels).map(([service, selector]) =>
      server.create(SERVICE, {
        metadata: { name: service, namespace, labels, ownerReferences: [owner] },
        spec: {
          clusterIP: 'None',
          publishNotReadyAddresses: service.endsWith('all-pods-service'),
          selector,
          ports: [{ name: 'native', port: 9042 }],
        },
      }),
    ),
  ])
  const sets = new Map<string, Stored>()
  for (const [rack, size] of Object.entries(racks)) {
    const set = statefulSet(
      `${cluster}-${name}-${cleaned(rack)}-sts`,
      namespace,
      { ...labels, 'cassandra.datastax.com/rack': labelValue(rack) },
      size,
      `${cluster}-${name}-all-pods-service`,
      name,
    )
    sets.set(
      rack,
      await server.create(STATEFUL_SET, { ...set, metadata: { ...set.metadata, ownerReferences: [owner] } }),
    )
  }
  const createPod = async (node: TestNode) => {
    const set = sets.get(node.rack) as Stored
    await server.create(
      POD,
      podOf(node, namespace, labels, ownerOf('apps/v1', 'StatefulSet', set), shape.sidecar === true),
    )
  }
  await Promise.all(nodes.map(createPod))
  const find = (pod: string) => {
    const node = nodes.find((one) => one.pod === pod)
    if (node === undefined) throw new Error(`there is no node ${pod} in the fixture`)
    return node
  }
  const report = () =>
    server
      .status(CASSANDRA_DATACENTER, name, namespace, { nodeStatuses: null })
      .then(() => server.status(CASSANDRA_DATACENTER, name, namespace, statusOf(nodes)))
  const renew = async (pod: string) => {
    const node = Object.assign(find(pod), { hostId: randomUUID(), ip: nextAddress() })
    await server.remove(POD, pod, namespace)
    await createPod(node)
    await report()
    return node
  }
  return {
    namespace,
    name,
    nodes,
    caPem: authority.pem,
    username,
    password: superuserPassword,
    replaceNode: renew,
    startNode: renew,
    async removeNode(pod) {
      nodes.splice(nodes.indexOf(find(pod)), 1)
      await server.remove(POD, pod, namespace)
      await report()
    },
    async remove() {
      await Promise.all([
        server.remove(CASSANDRA_DATACENTER, name, namespace),
        ...nodes.map((node) => server.remove(POD, node.pod, namespace)),
        ...[...sets.values()].map((set) => server.remove(STATEFUL_SET, set.metadata.name, namespace)),
        ...services(cluster, name, labels).map(([service]) => server.remove(SERVICE, service, namespace)),
        ...[`${name}-ca-keystore`, `${name}-keystore`, username].map((one) => server.remove(SECRET, one, namespace)),
      ])
    },
  }
}

function nextAddress(): string {
  addresses++
  return `10.244.${addresses >> 8}.${addresses & 255}`
}

function services(
  cluster: string,
  name: string,
  labels: Record<string, string>,
): [string, Record<string, string | undefined>][] {
  const keys = ['cassandra.datastax.com/cluster', 'cassandra.datastax.com/datacenter']
  const selector = Object.fromEntries(keys.map((key) => [key, labels[key]]))
  return [
    [`${cluster}-${name}-service`, selector],
    [`${cluster}-${name}-all-pods-service`, selector],
  ]
}

/** As CleanupForKubernetes and CleanupSubdomain do (k8ssandra/cass-operator apis/cassandra/v1beta1/cassandradatacenter_types.go). */
const cleaned = (name: string) => name.toLowerCase().replaceAll('_', '-').replaceAll(' ', '')
/** As CleanLabelValue does, same place. */
const labelValue = (name: string) => name.replaceAll(' ', '')

function ownerOf(apiVersion: string, kind: string, { metadata }: Stored): object {
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true, blockOwnerDeletion: true }
}

function specOf(shape: DatacenterShape, clusterName: string, name: string, racks: Record<string, number>): object {
  const tls = {
    keystore: '/etc/encryption/node-keystore.jks',
    keystore_password: name,
    truststore: '/etc/encryption/node-keystore.jks',
    truststore_password: name,
  }
  return {
    clusterName,
    datacenterName: shape.datacenterName,
    serverType: 'cassandra',
    serverVersion: '5.0.6',
    managementApiAuth: { insecure: {} },
    size: Object.values(racks).reduce((sum, size) => sum + size, 0),
    ...(Object.keys(racks).join() === 'default' ? {} : { racks: Object.keys(racks).map((rack) => ({ name: rack })) }),
    storageConfig: {
      cassandraDataVolumeClaimSpec: {
        storageClassName: 'server-storage',
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: '1Gi' } },
      },
    },
    config: {
      'cassandra-yaml': {
        authenticator: 'org.apache.cassandra.auth.PasswordAuthenticator',
        server_encryption_options: { internode_encryption: 'all', ...tls },
        client_encryption_options: { enabled: true, optional: false, ...tls },
        ...shape.cassandraYaml,
      },
    },
    ...shape.spec,
  }
}

function statusOf(nodes: TestNode[]): object {
  const now = '2026-11-23T15:00:00Z'
  const up = nodes.every((node) => node.hostId !== undefined)
  const condition = (type: string, status: boolean) => ({
    type,
    status: status ? 'True' : 'False',
    reason: '',
    message: '',
    lastTransitionTime: now,
  })
  return {
    cassandraOperatorProgress: up ? 'Ready' : 'Updating',
    conditions: [
      condition('Healthy', true),
      condition('Initialized', true),
      condition('Ready', up),
      condition('ScalingUp', !up),
    ],
    metadataVersion: 1,
    nodeStatuses: Object.fromEntries(
      nodes.flatMap(({ pod, hostId, ip, rack }) => (hostId === undefined ? [] : [[pod, { hostID: hostId, ip, rack }]])),
    ),
  }
}

const CONTAINERS = ['cassandra', 'server-system-logger']

function statefulSet(
  name: string,
  namespace: string,
  labels: Record<string, string>,
  replicas: number,
  serviceName: string,
  datacenter: string,
) {
  return {
    metadata: { name, namespace, labels },
    spec: {
      replicas,
      serviceName,
      podManagementPolicy: 'Parallel',
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          containers: CONTAINERS.map((container) => ({ name: container, image: `example/${container}` })),
          volumes: [{ name: 'encryption-cred-storage', secret: { secretName: `${datacenter}-keystore` } }],
        },
      },
    },
    status: { replicas, readyReplicas: replicas, currentReplicas: replicas, availableReplicas: replicas },
  }
}

function podOf(node: TestNode, namespace: string, labels: Record<string, string>, owner: object, sidecar: boolean) {
  const started = node.hostId !== undefined
  const at = '2026-11-23T15:00:00Z'
  const names = sidecar ? [...CONTAINERS, 'istio-proxy'] : CONTAINERS
  const condition = (type: string, status: boolean) => ({
    type,
    status: status ? 'True' : 'False',
    lastTransitionTime: at,
  })
  return {
    metadata: {
      name: node.pod,
      namespace,
      ownerReferences: [owner],
      labels: {
        ...labels,
        'cassandra.datastax.com/rack': labelValue(node.rack),
        'cassandra.datastax.com/node-state': started ? 'Started' : 'Starting',
        'statefulset.kubernetes.io/pod-name': node.pod,
      },
    },
    spec: {
      // bound, so that nobody waits for a scheduler
      nodeName: 'node-1',
      hostname: node.pod,
      subdomain: node.statefulSet.replace(new RegExp(`-${cleaned(node.rack)}-sts$`), '-all-pods-service'),
      containers: names.map((container) => ({
        name: container,
        image: `example/${container}`,
        ...(container === 'cassandra' ? { ports: [{ name: 'native', containerPort: 9042 }] } : {}),
      })),
    },
    status: {
      phase: 'Running',
      podIP: node.ip,
      podIPs: [{ ip: node.ip }],
      hostIP: '10.200.0.2',
      startTime: at,
      conditions: [
        condition('PodScheduled', true),
        condition('Initialized', true),
        condition('ContainersReady', started),
        condition('Ready', started),
      ],
      containerStatuses: names.map((container) => ({
        name: container,
        image: `example/${container}`,
        imageID: 'sha256:0',
        ready: started || container !== 'cassandra',
        restartCount: 0,
        started: true,
        state: { running: { startedAt: at } },
      })),
    },
  }
}
