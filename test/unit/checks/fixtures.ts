/** A datacenter that is well, and probes with which all checks pass. */
import { Duplex } from 'node:stream'
import { readCertificate } from '../../../src/lib/certificates/certificate.ts'
import type { Probes } from '../../../src/lib/checks/probes.ts'
import type { HandshakeResult } from '../../../src/lib/connection/tls.ts'
import { backendOf } from '../../../src/lib/routes/backends/backend-of.ts'
import { envoyCluster } from '../../../src/lib/routes/sni-names.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { datacenter } from '../../support/observed-datacenter.ts'

export const NOW = Date.parse('2026-11-23T12:00:00Z')

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
  const upstream = ({ pod }: { pod: string }) => backendOf('sni').upstream(pod, dc)
  return {
    datacenter: dc,
    given: {},
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
    dialer: async () => ({
      describe: '10.200.1.10:9042',
      address: { host: '10.200.1.10', port: 9042 },
      dial: async () => new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() }),
    }),
    refuseIgnored: async () => undefined,
    routes: async () => ({
      madeBy: { mode: 'sni', byServerName: true },
      differences: new Map(),
      pending: new Map(),
      shared: [],
      vanished: [],
      nothing: false,
    }),
    conflicts: async () => [],
    loaded: async () => [
      {
        pod: 'gw-1',
        upstreams: new Map(
          dc.nodes.flatMap(({ pod, dnsName, hostId }) =>
            [dnsName, hostId ?? ''].map((name) => [name, envoyCluster(upstream({ pod }))] as const),
          ),
        ),
      },
    ],
    upstream,
    authority: async () => authority,
    // The authority stands for its leaf: it is signed by itself.
    keystore: async () => ({
      current: {
        leaf: { ...readCertificate(authority), fingerprint256: 'AA' },
        chain: [readCertificate(authority)],
        trusted: [readCertificate(authority)],
        keyMatches: true,
      },
      required: [],
    }),
    credentials: async () => ({ username: 'dse-superuser', password: '-it\'s "secret"' }),
    metadata: async () => ({
      contactPoints: dc.nodes.flatMap(({ hostId, ready, terminating }) =>
        hostId && ready && !terminating ? hostId : [],
      ),
      localDatacenter: dc.cassandraName,
      sniProxyAddress: 'cassandra.example.com:9042',
    }),
    handshake: async () => served(),
    hostIdBehind: async (each) => each.hostId ?? '',
    invalidLogin: () => Promise.reject(new CassSniError('CSNI604', 'Cassandra refused the login')),
    withoutCertificate: () => Promise.reject(new CassSniError('CSNI604', 'Cassandra refused the login')),
    servedFor: () => Promise.reject(new CassSniError('CSNI603', 'closed before anything was served')),
    plaintext: async () => false,
    policies: async () => [],
    traffic: async () => ({
      destinationRules: [],
      authorizationPolicies: [],
      peerAuthentications: [],
      networkPolicies: [],
      podLabels: new Map(),
      namespaceLabels: new Map(),
      roots: ['istio-system'],
    }),
    outdatedTls: async () => undefined,
    tunneled: async () => served(),
    isUnknownHost: async () => false,
    ...more,
  }
}
