/** A datacenter that is well, and probes of a world in which all checks pass. */
import { Duplex } from 'node:stream'
import type { CassandraNode, Datacenter } from '../../../src/lib/cassandra/datacenter.ts'
import type { Probes } from '../../../src/lib/checks/probes.ts'
import type { HandshakeResult } from '../../../src/lib/connection/tls.ts'
import { envoyCluster, nodeServiceName, serviceHost } from '../../../src/lib/routes/names.ts'

export const NOW = Date.parse('2026-11-23T12:00:00Z')

export function node(ordinal: number, more: Partial<CassandraNode> = {}): CassandraNode {
  const pod = `dse-dc1-default-sts-${ordinal}`
  return {
    pod,
    podUid: `uid-${ordinal}`,
    statefulSet: 'dse-dc1-default-sts',
    ordinal,
    rack: 'default',
    state: 'Started',
    ready: true,
    terminating: false,
    replacing: false,
    hostId: `00000000-0000-4000-8000-${String(ordinal).padStart(12, '0')}`,
    address: `10.244.0.${10 + ordinal}`,
    dnsName: `${pod}.dse-dc1-all-pods-service.cass-operator.svc.cluster.local`,
    containers: ['cassandra'],
    sidecar: false,
    ...more,
  }
}

export function datacenter(more: Partial<Datacenter> = {}): Datacenter {
  return {
    namespace: 'cass-operator',
    name: 'dc1',
    uid: 'uid-dc1',
    clusterName: 'dse',
    cassandraName: 'dc1',
    serverType: 'cassandra',
    serverVersion: '5.0.6',
    size: 2,
    stopped: false,
    progress: 'Ready',
    conditions: [],
    nodes: [node(0), node(1)],
    staleHostIds: [],
    clientEncryption: { enabled: true, optional: false, requireClientAuth: false },
    serverEncryption: { enabled: true, optional: false, requireClientAuth: false },
    keystores: { caSecret: 'dc1-ca-keystore', keystoreSecret: 'dc1-keystore', keystoreKey: 'node-keystore.jks' },
    superuserSecret: 'dse-superuser',
    service: 'dse-dc1-service',
    clusterDomain: 'cluster.local',
    ...more,
  }
}

export function served(more: Partial<HandshakeResult> = {}, validTo = '2027-11-23T00:00:00.000Z'): HandshakeResult {
  const certificate = {
    subject: 'CN=node',
    issuer: 'CN=dc1',
    serialNumber: '01',
    fingerprint256: 'AA',
    validFrom: '2026-01-01T00:00:00.000Z',
    validTo,
    names: [],
  }
  return { authorized: true, protocol: 'TLSv1.3', certificate, ...more }
}

/** All is well, but for what is given. `authority` is a PEM that the test makes. */
export function probes(authority: string, more: Partial<Probes> = {}): Probes {
  const dc = more.datacenter ?? datacenter()
  return {
    datacenter: dc,
    port: 9042,
    now: NOW,
    gateway: async () => ({
      namespace: 'istio-system',
      service: 'istio-ingressgateway',
      serviceType: 'LoadBalancer',
      ports: [{ name: 'tls-cql', port: 9042, targetPort: 9042, protocol: 'TCP' }],
      addresses: ['10.200.1.10'],
      selector: { istio: 'ingressgateway' },
      pods: [{ name: 'gw-1', namespace: 'istio-system', ready: true, terminating: false }],
    }),
    path: async () => ({ describe: '10.200.1.10:9042', open: async () => new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() }) }),
    routes: async () => ({ differences: new Map(), pending: new Map(), shared: [], vanished: [], nothing: false }),
    conflicts: async () => [],
    loaded: async () => [
      {
        pod: 'gw-1',
        upstreams: new Map(
          dc.nodes.flatMap(({ pod, dnsName, hostId }) =>
            [dnsName, hostId ?? ''].map((name) => [name, envoyCluster(serviceHost(nodeServiceName(pod), dc.namespace, dc.clusterDomain))] as const),
          ),
        ),
      },
    ],
    authority: async () => authority,
    credentials: async () => ({ username: 'dse-superuser', password: '-it\'s "secret"' }),
    handshake: async () => served(),
    hostIdBehind: async (each) => each.hostId ?? '',
    ...more,
  }
}
