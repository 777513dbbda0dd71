import { deepEqual, equal, ok } from 'node:assert/strict'
import { datacenterFrom } from '../../../src/lib/cassandra/datacenter-from.ts'
import { cassandraDatacenter, HOST_IDS, labels, pod, PODS, statefulSet } from './objects.ts'

const byPod = (nodes: { pod: string }[]) => nodes.map((node) => node.pod)

describe('a Datacenter from Kubernetes objects', () => {
  it('reads nodes, host ids and names', () => {
    const dc = datacenterFrom({
      cr: cassandraDatacenter(),
      statefulSets: [statefulSet()],
      pods: [pod(2), pod(0), pod(1)],
    })
    deepEqual(byPod(dc.nodes), ['dse-dc1-default-sts-0', 'dse-dc1-default-sts-1', 'dse-dc1-default-sts-2'])
    deepEqual(
      dc.nodes.map((node) => node.hostId),
      [...HOST_IDS],
    )
    equal(dc.nodes[0]?.dnsName, 'dse-dc1-default-sts-0.dse-dc1-all-pods-service.cass-operator.svc.cluster.local')
    deepEqual(dc.nodes[0]?.containers, ['cassandra', 'server-system-logger', 'istio-proxy'])
    ok(dc.nodes.every((node) => node.ready && node.sidecar && node.waiting === undefined))
    equal(dc.service, 'dse-dc1-service')
    equal(dc.superuserSecret, 'dse-superuser')
    deepEqual(dc.keystores, {
      caSecret: 'dc1-ca-keystore',
      keystoreSecret: 'dc1-keystore',
      keystoreKey: 'node-keystore.jks',
      otherSecret: undefined,
    })
    deepEqual(dc.staleHostIds, [])
  })

  it('reads the governing Service: old clusters keep theirs', () => {
    const old = datacenterFrom({
      cr: cassandraDatacenter(),
      statefulSets: [statefulSet({ serviceName: 'dse-dc1-service' })],
      pods: PODS,
      clusterDomain: 'k8s.example',
    })
    equal(old.nodes[1]?.dnsName, 'dse-dc1-default-sts-1.dse-dc1-service.cass-operator.svc.k8s.example')
  })

  it('takes the pod subdomain where StatefulSets may not be listed', () => {
    const one = pod(0)
    const dc = datacenterFrom({
      cr: cassandraDatacenter(),
      statefulSets: [],
      pods: [{ ...one, spec: { containers: [], subdomain: 'sub' } }],
    })
    equal(dc.nodes[0]?.dnsName, 'dse-dc1-default-sts-0.sub.cass-operator.svc.cluster.local')
  })

  it('gives no host id to a node that is not Started, is replaced, is going, or has none that is a UUID', () => {
    const cr = cassandraDatacenter({
      status: {
        nodeReplacements: ['dse-dc1-default-sts-1'],
        nodeStatuses: {
          'dse-dc1-default-sts-0': { hostID: HOST_IDS[0] },
          'dse-dc1-default-sts-1': { hostID: HOST_IDS[1] },
          'dse-dc1-default-sts-2': { hostID: 'nonsense' },
        },
      },
    })
    const dc = datacenterFrom({
      cr,
      statefulSets: [statefulSet()],
      pods: [pod(0, { state: 'Starting' }), pod(1), pod(2)],
    })
    deepEqual(
      dc.nodes.map((node) => node.hostId),
      [undefined, undefined, undefined],
    )
    equal(dc.nodes[1]?.replacing, true)
    equal(dc.nodes[2]?.hostIdProblem, 'cass-operator has not recorded a host ID yet')
    deepEqual(dc.staleHostIds, [HOST_IDS[1]])
    equal(
      datacenterFrom({ cr: cassandraDatacenter(), statefulSets: [], pods: [pod(0, { deleting: true })] }).nodes[0]
        ?.hostId,
      undefined,
    )
  })

  it('doubts an id that was recorded for another address, or for two pods', () => {
    const moved = datacenterFrom({
      cr: cassandraDatacenter(),
      statefulSets: [statefulSet()],
      pods: [pod(0, { status: { podIP: '10.244.0.99' } }), pod(1), pod(2)],
    })
    equal(moved.nodes[0]?.hostId, undefined)
    ok(moved.nodes[0]?.hostIdProblem?.includes('10.244.0.99'))
    const twice = cassandraDatacenter({
      status: {
        nodeStatuses: {
          'dse-dc1-default-sts-0': { hostID: HOST_IDS[0] },
          'dse-dc1-default-sts-1': { hostID: HOST_IDS[0].toUpperCase() },
        },
      },
    })
    deepEqual(
      datacenterFrom({ cr: twice, statefulSets: [], pods: [pod(0), pod(1)] }).nodes.map((node) => node.hostId),
      [undefined, undefined],
    )
  })

  it("takes an id recorded for the host's address: so it is with a node port between nodes", () => {
    const hosts = cassandraDatacenter({
      spec: { networking: { nodePort: { internode: 30700 } } },
      status: {
        nodeStatuses: Object.fromEntries(
          HOST_IDS.map((hostID, n) => [`dse-dc1-default-sts-${n}`, { hostID, ip: `192.0.2.${n}` }]),
        ),
      },
    })
    const on = (n: number) => pod(n, { status: { podIP: `10.244.0.${10 + n}`, hostIP: `192.0.2.${n}` } })
    const dc = datacenterFrom({ cr: hosts, statefulSets: [statefulSet()], pods: [on(0), on(1), on(2)] })
    deepEqual(
      dc.nodes.map((node) => node.hostId),
      [...HOST_IDS],
    )
    deepEqual(dc.staleHostIds, [])
  })

  it('keeps a node whose pod is being made anew where StatefulSets may not be listed, and is not complete', () => {
    const dc = datacenterFrom({ cr: cassandraDatacenter(), statefulSets: undefined, pods: [pod(0), pod(2)] })
    deepEqual(byPod(dc.nodes), ['dse-dc1-default-sts-0', 'dse-dc1-default-sts-1', 'dse-dc1-default-sts-2'])
    equal(dc.nodes[1]?.waiting, 'pod not created yet')
    equal(dc.complete, false)
    equal(datacenterFrom({ cr: cassandraDatacenter(), statefulSets: [], pods: PODS }).complete, true)
  })

  it('has the ports of the configuration', () => {
    const tls = { client_encryption_options: { enabled: true }, native_transport_port_ssl: 9142 }
    const cr = cassandraDatacenter({ spec: { config: { 'cassandra-yaml': tls } } })
    const dc = datacenterFrom({ cr, statefulSets: [], pods: [] })
    deepEqual([dc.nativePort, dc.plaintextPort], [9142, 9042])
  })

  it('observes 5,000 nodes in less than a second of CPU', () => {
    const count = 5000
    const hostId = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
    const address = (n: number) => `10.${n >> 8}.${n & 255}.7`
    const cr = cassandraDatacenter({
      spec: { size: count, racks: ['r1', 'r2', 'r3', 'r4', 'r5'].map((name) => ({ name })) },
      status: {
        nodeStatuses: Object.fromEntries(
          Array.from({ length: count }, (_, n) => [
            `dse-dc1-r${1 + (n % 5)}-sts-${Math.floor(n / 5)}`,
            { hostID: hostId(n), ip: address(n) },
          ]),
        ),
        nodeReplacements: Array.from({ length: 50 }, (_, n) => `dse-dc1-r1-sts-${n}`),
      },
    })
    const pods = Array.from({ length: count }, (_, n) => {
      const rack = `r${1 + (n % 5)}`
      return pod(n, {
        name: `dse-dc1-${rack}-sts-${Math.floor(n / 5)}`,
        labels: labels('dse', 'dc1', rack),
        status: { podIP: address(n) },
      })
    })
    const statefulSets = [1, 2, 3, 4, 5].map((rack) =>
      statefulSet({ name: `dse-dc1-r${rack}-sts`, replicas: count / 5, labels: labels('dse', 'dc1', `r${rack}`) }),
    )
    const before = process.cpuUsage()
    const dc = datacenterFrom({ cr, statefulSets, pods })
    const { user, system } = process.cpuUsage(before)
    equal(dc.nodes.length, count)
    equal(dc.nodes.filter((node) => node.hostId !== undefined).length, count - 50)
    ok(user + system < 1_000_000, `${(user + system) / 1000} ms`)
  })

  it("believes the node's own answer before the status, and calls the id of the status stale then", () => {
    const fresh = '00000000-0000-4000-8000-00000000000a'
    const dc = datacenterFrom({
      cr: cassandraDatacenter(),
      statefulSets: [statefulSet()],
      pods: [pod(0, { status: { podIP: '10.244.0.99' } }), pod(1), pod(2)],
      answers: new Map([['dse-dc1-default-sts-0', fresh]]),
    })
    equal(dc.nodes[0]?.hostId, fresh)
    equal(dc.nodes[0]?.hostIdProblem, undefined)
    deepEqual(dc.staleHostIds, [HOST_IDS[0]])
  })

  it('keeps a node whose pod is just being made anew, and all nodes of a stopped datacenter', () => {
    const gap = datacenterFrom({ cr: cassandraDatacenter(), statefulSets: [statefulSet()], pods: [pod(0), pod(2)] })
    equal(gap.nodes[1]?.podUid, '')
    equal(gap.nodes[1]?.waiting, 'pod not created yet')
    const stopped = datacenterFrom({
      cr: cassandraDatacenter({ spec: { stopped: true } }),
      statefulSets: [statefulSet({ replicas: 0 })],
      pods: [],
    })
    equal(stopped.nodes.length, 3)
    equal(stopped.nodes[0]?.waiting, 'datacenter stopped')
  })

  it('counts the host ids of vanished pods as stale', () => {
    const dc = datacenterFrom({
      cr: cassandraDatacenter({ spec: { size: 2 } }),
      statefulSets: [statefulSet({ replicas: 2 })],
      pods: [pod(0), pod(1)],
    })
    deepEqual(dc.staleHostIds, [HOST_IDS[2]])
  })

  it('orders racks as the specification does and tells those of other datacenters apart', () => {
    const cr = cassandraDatacenter({ spec: { racks: [{ name: 'r2' }, { name: 'r1' }] }, status: { nodeStatuses: {} } })
    const pods = [
      pod(0, { name: 'dse-dc1-r1-sts-0', labels: labels('dse', 'dc1', 'r1') }),
      pod(0, { name: 'dse-dc1-r2-sts-0', labels: labels('dse', 'dc1', 'r2') }),
      pod(0, { name: 'dse-dc2-r2-sts-0', labels: labels('dse', 'dc2', 'r2') }),
      pod(0, { name: 'other-dc1-r2-sts-0', labels: labels('other', 'dc1', 'r2') }),
    ]
    deepEqual(byPod(datacenterFrom({ cr, statefulSets: [], pods }).nodes), ['dse-dc1-r2-sts-0', 'dse-dc1-r1-sts-0'])
  })

  it('finds nodes by label values, which differ from names', () => {
    const cr = cassandraDatacenter({
      name: 'My_DC',
      spec: { clusterName: 'My Cluster', datacenterName: 'Paris' },
      status: { nodeStatuses: {} },
    })
    const dc = datacenterFrom({
      cr,
      statefulSets: [],
      pods: [pod(0, { name: 'mycluster-my-dc-default-sts-0', labels: labels('MyCluster', 'My_DC') })],
    })
    equal(dc.nodes.length, 1)
    equal(dc.service, 'mycluster-my-dc-service')
    equal(dc.superuserSecret, 'mycluster-superuser')
    equal(dc.cassandraName, 'Paris')
  })

  it('keeps the name override of old clusters, in names and (before metadataVersion 1) in labels', () => {
    const cr = cassandraDatacenter({
      spec: { datacenterName: 'over' },
      status: { datacenterName: 'over', metadataVersion: 0, nodeStatuses: {} },
    })
    const dc = datacenterFrom({
      cr,
      statefulSets: [],
      pods: [pod(0, { name: 'dse-over-default-sts-0', labels: labels('dse', 'over') })],
    })
    equal(dc.service, 'dse-over-service')
    equal(dc.nodes.length, 1)
  })

  it('passes over pods that are not of a StatefulSet', () => {
    equal(
      datacenterFrom({
        cr: cassandraDatacenter(),
        statefulSets: [],
        pods: [pod(0, { name: 'dse-backup-1', owner: 'Job' })],
      }).nodes.length,
      0,
    )
  })

  it('reads the mounted keystore Secret', () => {
    const volumes = [{ name: 'encryption-cred-storage', secret: { secretName: 'my-dc-keystore' } }]
    equal(
      datacenterFrom({ cr: cassandraDatacenter(), statefulSets: [statefulSet({ volumes })], pods: [] }).keystores
        .keystoreSecret,
      'my-dc-keystore',
    )
  })

  it('reads the TLS settings, from an object or from text', () => {
    const config = {
      'cassandra-yaml': {
        client_encryption_options: {
          enabled: true,
          optional: 'true',
          keystore: '/etc/encryption/node-keystore.jks',
          keystore_password: 'dc1',
          truststore: ' /mnt/truststore.jks',
          require_client_auth: true,
        },
        server_encryption_options: { internode_encryption: 'all', keystore_password: 1234 },
      },
    }
    for (const each of [config, JSON.stringify(config)]) {
      const dc = datacenterFrom({ cr: cassandraDatacenter({ spec: { config: each } }), statefulSets: [], pods: [] })
      deepEqual(dc.clientEncryption, {
        enabled: true,
        optional: true,
        requireClientAuth: true,
        optionalClientAuth: false,
        keystorePath: '/etc/encryption/node-keystore.jks',
        truststorePath: '/mnt/truststore.jks',
        keystorePassword: 'dc1',
      })
      deepEqual(dc.serverEncryption, {
        enabled: true,
        optional: false,
        requireClientAuth: false,
        optionalClientAuth: false,
        keystorePath: undefined,
        truststorePath: undefined,
        keystorePassword: '1234',
      })
    }
    const optional = { 'cassandra-yaml': { client_encryption_options: { require_client_auth: ' Optional' } } }
    const { requireClientAuth, optionalClientAuth } = datacenterFrom({
      cr: cassandraDatacenter({ spec: { config: optional } }),
      statefulSets: [],
      pods: [],
    }).clientEncryption
    deepEqual([requireClientAuth, optionalClientAuth], [false, true])
    for (const odd of [undefined, 'not json', { 'cassandra-yaml': 7 }, { 'dse-yaml': {} }]) {
      equal(
        datacenterFrom({ cr: cassandraDatacenter({ spec: { config: odd } }), statefulSets: [], pods: [] })
          .clientEncryption.enabled,
        false,
      )
    }
  })
})
