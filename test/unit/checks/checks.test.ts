import { nextTexts } from '../../support/next-texts.ts'
import assert from 'node:assert/strict'
import type { Datacenter } from '../../../src/lib/cassandra/datacenter.ts'
import { readCertificate } from '../../../src/lib/certificates/certificate.ts'
import type { Current } from '../../../src/lib/certificates/policies.ts'
import { type CheckResult, CATEGORIES } from '../../../src/lib/checks/check.ts'
import type { Probes } from '../../../src/lib/checks/probes.ts'
import { CHECKS, RETIRED } from '../../../src/lib/checks/registry.ts'
import { runChecks } from '../../../src/lib/checks/run-checks.ts'
import { NETWORK_POLICY, PEER_AUTHENTICATION } from '../../../src/lib/cluster/resources.ts'
import { again, CassSniError, command } from '../../../src/lib/errors.ts'
import { testAuthority } from '../connection/certificates.ts'
import type { KubeObject } from '../../../src/lib/cluster/kube.ts'
import type { TrafficPolicies } from '../../../src/lib/istio/traffic-policies.ts'
import { datacenter, node } from '../../support/observed-datacenter.ts'
import { makeAuthority } from '../../support/operator-certificates.ts'
import { NOW, probes, served } from './fixtures.ts'

describe('the checks', () => {
  let authority: string
  let foreign: string
  before(async () => {
    foreign = (await testAuthority('foreign')).pem
    authority = (await testAuthority('dc1 CA', { notBefore: new Date('2026-01-01'), notAfter: new Date('2027-11-01') }))
      .pem
  })

  async function results(more: Partial<Probes> = {}): Promise<CheckResult[]> {
    const world = probes(authority, more)
    return (
      await runChecks({
        checks: CHECKS,
        probes: world,
        nodes: world.datacenter.nodes,
        signal: new AbortController().signal,
        emit: () => {},
      })
    ).checks
  }
  const dc = (more: Partial<Datacenter>) => ({ datacenter: datacenter(more) })
  const sidecars = () => dc({ nodes: [node(0, { sidecar: true }), node(1, { sidecar: true })] })
  const object = (spec: object, namespace: string) =>
    ({ apiVersion: 'x/v1', kind: 'X', metadata: { name: 'theirs', namespace }, spec }) as KubeObject
  const rule = (trafficPolicy: object) => object({ host: 'dse-dc1-default-sts-0-cql', trafficPolicy }, 'cass-operator')
  /** What applies to traffic, with these policies. */
  const traffic = (more: Partial<TrafficPolicies>): Partial<Probes> => ({
    traffic: async () => ({ ...(await probes('').traffic()), ...more }),
  })
  /** `certs --public-name`. */
  const publicNames = (...names: string[]): Partial<Probes> => ({
    keystore: async () => ({ ...(await probes(authority).keystore()), publicNames: names }),
  })
  const namedCertificate = (...names: string[]) => served({ certificate: { ...served().certificate, names } })
  const first = (more: Parameters<typeof node>[1]) => dc({ nodes: [node(0, more), node(1)] })

  it('pass in a world that is well', async () => {
    assert.deepEqual(
      (await results()).filter(({ result }) => result !== 'pass'),
      [],
    )
  })

  it('of public names pass without any, and with those that a wildcard covers', async () => {
    const codes = ['CSNI854', 'CSNI855', 'CSNI856']
    const notes = async (more: Partial<Probes>) =>
      (await results(more))
        .filter(({ code }) => codes.includes(code))
        .map(({ code, result, note }) => [code, result, note])
    const none = ['no public name', 'no public name', 'no public name']
    assert.deepEqual(
      (await notes({})).map(([, , note]) => note),
      ['1 pod, but no public name', ...none],
    )
    const two = async () => {
      const gateway = await probes('').gateway()
      return { ...gateway, pods: [...gateway.pods, { ...gateway.pods[0], name: 'gw-2' }] } as never
    }
    const covered = { gateway: two, handshake: async () => namedCertificate('*.example.com') }
    const found = await notes({ ...publicNames('a.example.com'), ...covered })
    assert.deepEqual(found[0], ['CSNI854', 'pass', '2 pods'])
    assert.deepEqual(found[1], ['CSNI855', 'pass', 'a.example.com'])
    const deeper = await notes({ ...publicNames('a.b.example.com'), ...covered })
    assert.deepEqual(deeper[1]?.slice(0, 2), ['CSNI855', 'warning'])
  })

  it('are in order, each code once, and need only what stands before them', () => {
    const codes = CHECKS.map(({ code }) => code)
    assert.deepEqual(codes, [...codes].sort())
    assert.equal(new Set([...codes, ...RETIRED]).size, codes.length + RETIRED.length)
    for (const [index, { category, code, needs, unless }] of CHECKS.entries()) {
      assert.equal(code.slice(0, 6), `CSNI8${CATEGORIES.indexOf(category) + 1}`, `${code} is of ${category}`)
      for (const each of [...needs, ...(unless ?? [])])
        assert.ok(codes.indexOf(each) !== -1 && codes.indexOf(each) < index, `${code} needs ${each}`)
    }
  })

  // What is wrong in the world: which check says so, with which words, and which command helps.
  const grid: [string, string, () => Partial<Probes>, RegExp, RegExp][] = [
    ['CSNI811', 'a stopped datacenter', () => dc({ stopped: true }), /stopped/, /patch cassandradatacenter dc1/],
    ['CSNI811', 'missing pods', () => dc({ size: 3 }), /2 of 3 pods exist/, /describe cassandradatacenter dc1/],
    [
      'CSNI812',
      'work in progress',
      () => dc({ progress: 'Updating', conditions: [{ type: 'ScalingUp', status: 'True' }] }),
      /"Updating" \(ScalingUp\)/,
      /describe/,
    ],
    [
      'CSNI813',
      'no TLS',
      () => dc({ clientEncryption: { enabled: false, optional: false, requireClientAuth: false } }),
      /SNI requires TLS/,
      /install/,
    ],
    [
      'CSNI814',
      'plaintext',
      () => ({
        ...dc({ clientEncryption: { enabled: true, optional: true, requireClientAuth: false } }),
        plaintext: async () => true,
      }),
      /port 9042 accepts CQL without TLS \(client_encryption_options.optional is true\)/,
      /edit cassandradatacenter/,
    ],
    [
      'CSNI815',
      'a node that waits',
      () => first({ state: 'Starting', ready: false, waiting: 'no CPU: 0/1 nodes are available' }),
      /no CPU/,
      /describe pod dse-dc1-default-sts-0/,
    ],
    ['CSNI815', 'a node that goes', () => first({ terminating: true }), /being deleted/, /get pod/],
    [
      'CSNI815',
      'a node that is replaced',
      () => first({ replacing: true }),
      /cass-operator is replacing pod\/dse-dc1-default-sts-0/,
      /nodeReplacements/,
    ],
    [
      'CSNI816',
      'a node without host id',
      () => {
        const { hostId: _, ...rest } = node(0)
        return dc({ nodes: [rest, node(1)] })
      },
      /no host ID for dse-dc1-default-sts-0/,
      /nodeStatuses/,
    ],
    [
      'CSNI821',
      'no Istio',
      () => ({
        gateway: () =>
          Promise.reject(
            new CassSniError('CSNI502', 'there is no ingress gateway', { next: [command`kubectl cass-sni install`] }),
          ),
      }),
      /no ingress gateway/,
      /install/,
    ],
    [
      'CSNI821',
      'a gateway without ready pods',
      () => ({
        gateway: async () => ({
          ...(await probes('').gateway()),
          pods: [{ name: 'gw-1', namespace: 'istio-system', ready: false, terminating: false }],
        }),
      }),
      /no ready pods for .*\(0\/1\)/,
      /get pods -l istio=ingressgateway/,
    ],
    [
      'CSNI822',
      'no port on the Service',
      () => ({ gateway: async () => ({ ...(await probes('').gateway()), ports: [] }) }),
      /has no port 9042/,
      /routes sync/,
    ],
    [
      'CSNI823',
      'a gateway at which Istio ignores the routes',
      () => ({
        refuseIgnored: () =>
          Promise.reject(
            new CassSniError('CSNI506', 'service/gw in namespace gw heeds only the Gateways of its own namespace', {
              next: [command`kubectl get services -A -l istio`],
            }),
          ),
      }),
      /heeds only the Gateways of its own namespace/,
      /get services -A -l istio/,
    ],
    [
      'CSNI823',
      'a missing Gateway',
      () => routes({ shared: ['gateway.networking.istio.io/cass-sni-dc1 does not exist'] }),
      /does not exist/,
      /routes sync/,
    ],
    [
      'CSNI824',
      'a route that differs',
      () => routes({ differences: new Map([[node(0).pod, ['service/x differs in spec.ports']]]) }),
      /spec\.ports/,
      /routes sync/,
    ],
    [
      'CSNI825',
      'a left-over route',
      () => routes({ vanished: ['service/dse-dc1-default-sts-7-cql'] }),
      /sts-7-cql/,
      /routes sync/,
    ],
    [
      'CSNI826',
      'a route of somebody else',
      () => ({
        conflicts: async () => [
          {
            code: 'CSNI504',
            message: 'VirtualService x routes the name already',
            object: 'x',
            next: [command`kubectl delete x`],
          },
        ],
      }),
      /already/,
      /delete x/,
    ],
    [
      'CSNI827',
      'an Envoy without the route',
      () => ({ loaded: async () => [{ pod: 'gw-1', upstreams: new Map(), error: 'duplicate matcher' }] }),
      /pod\/gw-1 has no route for .*duplicate matcher/,
      /proxy-config/,
    ],
    [
      'CSNI827',
      'an Envoy with another route',
      () => ({
        loaded: async () => [
          {
            pod: 'gw-1',
            upstreams: new Map(
              [node(0), node(1)].flatMap(({ dnsName, hostId }) =>
                [dnsName, hostId ?? ''].map((name) => [name, 'outbound|9042||other'] as const),
              ),
            ),
          },
        ],
      }),
      /routes .* to outbound\|9042\|\|other/,
      /proxy-config/,
    ],
    [
      'CSNI814',
      'a second port without TLS',
      () => ({ ...dc({ nativePort: 9142, plaintextPort: 9042 }), plaintext: async (_, port) => port === 9042 }),
      /port 9042 accepts CQL without TLS \(native_transport_port_ssl leaves port 9042 without TLS\)/,
      /edit cassandradatacenter/,
    ],
    [
      'CSNI814',
      'plaintext by the configuration, where pods may not be connected to',
      () => ({
        ...dc({ nativePort: 9142, plaintextPort: 9042 }),
        plaintext: () => Promise.reject(new CassSniError('CSNI203', 'you may not')),
      }),
      /^native_transport_port_ssl leaves port 9042 without TLS/,
      /edit cassandradatacenter/,
    ],
    [
      'CSNI822',
      'a port for UDP only',
      () => gatewayWith({ ports: [{ port: 9042, protocol: 'UDP' }] }),
      /is UDP, not TCP/,
      /edit service/,
    ],
    [
      'CSNI829',
      'a gateway that answers for any name',
      () => ({ servedFor: async () => 'AA:BB:CC:DD:EE:FF' }),
      /random server name is accepted \(certificate AA:BB:CC:DD\)/,
      /proxy-config/,
    ],
    [
      'CSNI828',
      'no way to the gateway',
      () => ({
        dialer: () =>
          Promise.reject(
            new CassSniError('CSNI606', 'the gateway has no load balancer address', { next: [again`--address HOST`] }),
          ),
      }),
      /no load balancer/,
      /--address/,
    ],
    ['CSNI833', 'no route by DNS name', () => byName(node(0).dnsName, closed), /closed/, /routes sync/],
    ['CSNI834', 'no route by host id', () => byName(node(0).hostId ?? '', closed), /closed/, /routes sync/],
    [
      'CSNI835',
      'a foreign certificate',
      () => byName(node(0).hostId ?? '', served({ authorized: false, chainReason: 'not issued by the CA' })),
      /not issued/,
      /certs/,
    ],
    [
      'CSNI835',
      "an Istio sidecar's certificate",
      () =>
        byName(
          node(0).hostId ?? '',
          served({
            authorized: false,
            chainReason: 'not issued',
            certificate: { ...served().certificate, fingerprint256: 'BB', spiffe: 'spiffe://cluster.local/ns/n/sa/s' },
          }),
        ),
      /sidecar \(spiffe:.*\) terminates TLS instead of Cassandra/,
      /get destinationrules,peerauthentications/,
    ],
    [
      'CSNI835',
      "an Istio sidecar's certificate, and the policy by name",
      () => ({
        ...byName(
          node(0).hostId ?? '',
          served({ authorized: false, certificate: { ...served().certificate, spiffe: 'spiffe://x' } }),
        ),
        policies: async () => [
          { type: NETWORK_POLICY, name: 'other', namespace: 'n' },
          { type: PEER_AUTHENTICATION, name: 'default', namespace: 'n' },
        ],
      }),
      /; check peerauthentication\.security\.istio\.io\/default in namespace n$/,
      /-n n get peerauthentications\.security\.istio\.io default -o yaml/,
    ],
    [
      'CSNI836',
      'a certificate without the name',
      () => byName(node(0).dnsName, served({ authorized: false, nameReason: 'does not name it' })),
      /does not name it/,
      /certs/,
    ],
    [
      'CSNI837',
      'a certificate that ends soon',
      () => byName(node(0).hostId ?? '', served({}, '2026-12-01T12:00:00Z')),
      /in 8 days/,
      /certs/,
    ],
    [
      'CSNI838',
      'a keystore that cannot be read',
      () => ({
        keystore: () =>
          Promise.reject(
            new CassSniError('CSNI403', 'it is not a Java keystore', {
              next: [command`kubectl cass-sni certs --replace-keystore`],
            }),
          ),
      }),
      /not a Java keystore/,
      /--replace-keystore/,
    ],
    [
      'CSNI838',
      'a keystore without a certificate',
      () => ({ keystore: async () => ({ current: undefined, required: [] }) }),
      /no certificate with a private key/,
      /certs/,
    ],
    ['CSNI838', 'a key of another certificate', () => keystore({ keyMatches: false }), /private key/, /certs/],
    [
      'CSNI838',
      'a leaf of another authority',
      () => keystore({ leaf: readCertificate(foreign) }),
      /signed by another CA: CN=foreign/,
      /certs/,
    ],
    [
      'CSNI839',
      'a node that serves another leaf',
      () =>
        byName(
          node(0).hostId ?? '',
          served({ certificate: { ...served().certificate, fingerprint256: 'BB:BB:BB:BB:BB' } }),
        ),
      /serves certificate BB:BB:BB:BB but secret\/dc1-keystore in namespace cass-operator holds AA/,
      /certs/,
    ],
    [
      'CSNI842',
      'a refused login of a role that was named',
      () => ({
        given: { username: 'app' },
        hostIdBehind: () =>
          Promise.reject(
            new CassSniError('CSNI604', 'Cassandra refused the login', { next: [command`kubectl get secret`] }),
          ),
      }),
      /refused/,
      /get secret/,
    ],
    [
      'CSNI843',
      'another node that answers',
      () => ({ hostIdBehind: async () => node(1).hostId ?? '' }),
      /expected host ID 0.*0, got 0.*1/,
      /get service -l cass-sni/,
    ],
    [
      'CSNI844',
      'an authenticator that allows any login',
      () => ({ invalidLogin: async () => node(0).hostId ?? '' }),
      /random role and password were accepted/,
      /get cassandradatacenter dc1/,
    ],
    [
      'CSNI851',
      'a gateway without an address',
      () => gatewayWith({ addresses: [], serviceType: 'ClusterIP' }),
      /\(type ClusterIP\) has no load balancer address/,
      /--address/,
    ],
    [
      'CSNI852',
      'an unreachable address',
      () => ({ dialer: async () => ({ ...(await probes('').dialer()), address: undefined }) }),
      /unreachable: port 9042 of 10\.200\.1\.10/,
      /--tunnel/,
    ],
    [
      'CSNI853',
      'a load balancer that accepts and then closes',
      () => ({
        handshake: async (name) => {
          if (name === node(0).hostId) throw new CassSniError('CSNI603', 'closed')
          return served()
        },
      }),
      /10\.200\.1\.10:9042 accepts connections and closes them, but the gateway answers through the API server/,
      /describe service istio-ingressgateway/,
    ],
    [
      'CSNI854',
      'one gateway pod behind a public name',
      () => publicNames('cassandra.example.com'),
      /^service\/istio-ingressgateway in namespace istio-system has one ready pod/,
      /replicas/,
    ],
    [
      'CSNI855',
      'a public name that the certificate lacks',
      () => ({
        ...publicNames('cassandra.example.com'),
        handshake: async () => namedCertificate('other.example.com', '*.other.example.com'),
      }),
      /^certificate lacks cassandra\.example\.com: /,
      /certs --public-name cassandra\.example\.com$/,
    ],
    [
      'CSNI855',
      'an address by a name that the certificate lacks',
      () => ({
        ...publicNames('cassandra.example.com'),
        given: { address: 'Db.example.com:9142' },
        handshake: async () => namedCertificate('cassandra.example.com'),
      }),
      /^certificate lacks db\.example\.com: /,
      /certs --public-name cassandra\.example\.com --public-name db\.example\.com$/,
    ],
    [
      'CSNI856',
      'a public name without a DNS record',
      () => ({ ...publicNames('cassandra.example.com'), isUnknownHost: async () => true }),
      /^unknown host from here: cassandra\.example\.com$/,
      /DNS records that point to 10\.200\.1\.10/,
    ],
    [
      'CSNI861',
      'a DestinationRule that encrypts again',
      () => traffic({ destinationRules: [rule({ tls: { mode: 'SIMPLE' } })] }),
      /^destinationrule\/theirs in namespace cass-operator makes the gateway encrypt .*mode SIMPLE/,
      /-n cass-operator patch destinationrules\S+ theirs --type merge -p .*"port":\{"number":9042\},"tls":\{"mode":"DISABLE"\}/,
    ],
    [
      'CSNI861',
      'mutual TLS to pods without a sidecar',
      () => traffic({ destinationRules: [rule({ tls: { mode: 'ISTIO_MUTUAL' } })] }),
      /requires Istio's mutual TLS, but pod\/dse-dc1-default-sts-0 has no sidecar/,
      /patch destinationrules/,
    ],
    [
      'CSNI862',
      'a sidecar that requires mutual TLS where a DestinationRule disables it',
      () => ({
        ...sidecars(),
        ...traffic({
          destinationRules: [rule({ tls: { mode: 'DISABLE' } })],
          peerAuthentications: [object({ mtls: { mode: 'STRICT' } }, 'istio-system')],
        }),
      }),
      /requires mutual TLS \(STRICT, by peerauthentication\/theirs in namespace istio-system\).*destinationrule\/theirs/,
      /"tls":\{"mode":"ISTIO_MUTUAL"\}/,
    ],
    [
      'CSNI862',
      'a sidecar without mutual TLS where a DestinationRule requires it',
      () => ({
        ...sidecars(),
        ...traffic({
          destinationRules: [rule({ portLevelSettings: [{ port: { number: 9042 }, tls: { mode: 'ISTIO_MUTUAL' } }] })],
          peerAuthentications: [object({ mtls: { mode: 'DISABLE' } }, 'cass-operator')],
        }),
      }),
      /the gateway uses mutual TLS .*, but the sidecar does not \(DISABLE, by peerauthentication\/theirs/,
      /edit destinationrules/,
    ],
    [
      'CSNI863',
      "an AuthorizationPolicy for other clients at the nodes' sidecars",
      () => ({
        ...sidecars(),
        ...traffic({
          authorizationPolicies: [
            object({ rules: [{ from: [{ source: { namespaces: ['apps'] } }] }] }, 'cass-operator'),
          ],
        }),
      }),
      /^authorizationpolicy\/theirs in namespace cass-operator denies the gateway port 9042 of pod\/dse-dc1-default-sts-0/,
      /edit authorizationpolicies\S+ theirs/,
    ],
    [
      'CSNI864',
      'a NetworkPolicy for other clients',
      () =>
        traffic({
          networkPolicies: [
            object(
              { podSelector: {}, ingress: [{ from: [{ podSelector: { matchLabels: { app: 'x' } } }] }] },
              'cass-operator',
            ),
          ],
        }),
      /does not admit connections from the gateway to port 9042 of pod\/dse-dc1-default-sts-0/,
      /describe networkpolicies/,
    ],
    [
      'CSNI865',
      'connections without a server name that are accepted',
      () => ({
        servedFor: (name) =>
          name === '' ? Promise.resolve('AA:BB:CC:DD:EE') : Promise.reject(new CassSniError('CSNI603', 'closed')),
      }),
      /a connection without SNI is accepted \(certificate AA:BB:CC:DD\)/,
      /istioctl proxy-config listeners/,
    ],
    [
      'CSNI866',
      'an outdated version of TLS',
      () => ({ outdatedTls: async () => 'TLSv1.1' }),
      /^TLSv1\.1 is accepted$/,
      /patch cassandradatacenter dc1 --type merge .*"accepted_protocols":\["TLSv1\.2","TLSv1\.3"\]/,
    ],
    [
      'CSNI871',
      'a metadata service without replicas',
      () => ({
        metadataName: 'cassandra.example.com',
        metadata: () => Promise.reject(new CassSniError('CSNI603', 'closed: no route for this name, or no ready node')),
      }),
      /^no ready replica, or its route is not loaded$/,
      /^kubectl cass-sni routes controller status$/,
    ],
    [
      'CSNI871',
      'no metadata service',
      () => ({
        metadataName: 'cassandra.example.com',
        metadata: () =>
          Promise.reject(
            new CassSniError('CSNI611', 'metadata service at x: HTTP status 503', {
              next: [command`kubectl cass-sni routes controller status`],
            }),
          ),
      }),
      /HTTP status 503/,
      /routes controller status/,
    ],
    [
      'CSNI872',
      'metadata of other nodes, another datacenter and another address',
      () => ({
        metadataName: 'cassandra.example.com',
        metadata: async () => ({
          contactPoints: [node(0).hostId ?? '', 'c8617bd4-af31-45c5-9d12-01c0247c7f8b'],
          localDatacenter: 'dc2',
          sniProxyAddress: 'cassandra.example.com:443',
        }),
      }),
      new RegExp(
        `^missing host ID: ${node(1).hostId}; stale host ID: c8617bd4-af31-45c5-9d12-01c0247c7f8b; ` +
          'local_dc: expected dc1, got dc2; ' +
          'sni_proxy_address: expected cassandra.example.com:9042, got cassandra.example.com:443$',
      ),
      /routes controller status/,
    ],
    [
      'CSNI873',
      'a metadata certificate that is due',
      () => ({
        metadataName: 'cassandra.example.com',
        handshake: async (name) =>
          name === 'cassandra.example.com' ? served({}, '2026-12-01T00:00:00.000Z') : served(),
      }),
      /^expires in 7 days, on 2026-12-01$/,
      /^kubectl cass-sni certs$/,
    ],
  ]
  const closed = new CassSniError('CSNI603', 'closed before anything was served', {
    next: [command`kubectl cass-sni routes sync`],
  })
  const keystore = (more: Partial<Current>): Partial<Probes> => ({
    keystore: async () => {
      const { current, required } = await probes(authority).keystore()
      return { current: { ...(current as Current), ...more }, required }
    },
  })
  const routes = (more: object): Partial<Probes> => ({
    routes: async () => ({ ...(await probes('').routes()), ...more }),
  })
  const gatewayWith = (more: object): Partial<Probes> => ({
    gateway: async () => ({ ...(await probes('').gateway()), ...more }),
  })
  const byName = (name: string, answer: ReturnType<typeof served> | CassSniError): Partial<Probes> => ({
    handshake: async (serverName) => {
      if (serverName !== name) return served()
      if (answer instanceof CassSniError) throw answer
      return answer
    },
  })

  for (const [code, what, world, reason, next] of grid) {
    it(`${code} finds ${what}`, async () => {
      const all = await results(world())
      const found = all.find((each) => each.code === code && (each.result === 'fail' || each.result === 'warning'))
      assert.ok(found, JSON.stringify(all.filter(({ result }) => result !== 'pass')))
      const severity = CHECKS.find((each) => each.code === code)?.severity
      assert.equal(found.result, severity === 'warning' ? 'warning' : 'fail')
      assert.match(found.reason ?? '', reason)
      assert.match(nextTexts(found.next).join('\n') ?? '', next)
      const others = all.filter((each) => each.code !== code && each.result === 'fail')
      assert.deepEqual(
        others.filter((each) => each.node === node(1).pod),
        [],
        'the other node is well',
      )
    })
  }

  it('do not advise new certificates where a CA was given that is not the one of the datacenter', async () => {
    const all = await results({
      given: { ca: 'mine.pem' },
      ...keystore({ leaf: readCertificate(foreign) }),
      handshake: async () => served({ authorized: false, chainReason: 'not issued by the CA' }),
    })
    for (const code of ['CSNI835', 'CSNI838']) {
      const found = all.find((each) => each.code === code)
      assert.equal(found?.result, 'fail', code)
      assert.deepEqual(nextTexts(found?.next ?? []), [
        'compare mine.pem (--ca) with the CA of the datacenter',
        'kubectl cass-sni certs ca',
      ])
    }
  })

  it('find an authority that has expired, or does so soon', async () => {
    const expired = (await results({ now: Date.parse('2027-12-01') })).find(({ code }) => code === 'CSNI831')
    assert.equal(expired?.result, 'fail')
    assert.match(expired?.reason ?? '', /expired on 2027-11-01/)
    assert.deepEqual(nextTexts(expired?.next), ['kubectl cass-sni certs rotate-ca --expired'])
    const soon = (
      await results({ now: Date.parse('2027-10-22T00:00:00Z'), handshake: async () => served({}, '2028-01-01') })
    ).find(({ code }) => code === 'CSNI832')
    assert.deepEqual([soon?.result, soon?.reason], ['warning', 'expires in 10 days, on 2027-11-01'])
    assert.deepEqual(nextTexts(soon?.next), ['kubectl cass-sni certs rotate-ca'])
  })

  it('lead from an authority that cannot sign to a new one', async () => {
    const authority = async () => makeAuthority({ bits: 1024, notBefore: NOW - 86_400_000 }).pem
    const weak = (await results({ authority })).find(({ code }) => code === 'CSNI831')
    assert.match(weak?.reason ?? '', /1024-bit RSA/)
    assert.deepEqual(nextTexts(weak?.next), ['kubectl cass-sni certs rotate-ca'])
  })

  it('skip certificates and logins, and say why, where Secrets may not be read', async () => {
    const forbidden = new CassSniError('CSNI203', 'you may not get secrets in namespace cass-operator')
    const all = await results({
      authority: () => Promise.reject(forbidden),
      credentials: () => Promise.reject(new CassSniError('CSNI304', 'no login', { cause: forbidden })),
    })
    assert.deepEqual(
      all.filter(({ result }) => result === 'fail' || result === 'warning'),
      [],
    )
    assert.equal(all.find(({ code }) => code === 'CSNI831')?.reason, forbidden.message)
    assert.ok(all.filter(({ category }) => category === 'cql').every(({ result }) => result === 'skipped'))
  })

  it('expect no Envoy of Istio behind a Gateway of another implementation', async () => {
    const gateway = async () => {
      const { object: _, ...rest } = await probes('').gateway()
      return { ...rest, resource: 'infra/shared', pods: [] }
    }
    const all = await results({ gateway, loaded: async () => [] })
    const of = (code: string) =>
      all.filter((each) => each.code === code).map(({ result, reason, note }) => [result, reason ?? note])
    assert.deepEqual(of('CSNI821'), [['pass', 'Gateway infra/shared, pods not visible']])
    assert.deepEqual(of('CSNI827')[0], ['skipped', 'the gateway is not an Envoy of Istio'])
    assert.deepEqual(
      all.filter(({ result }) => result === 'fail'),
      [],
    )
  })

  const unknownOf = (all: CheckResult[]) =>
    all.filter(({ result }) => result === 'unknown').map(({ code, reason }) => [code, reason])

  it('do not know what the API server would not tell, and send nobody to mend what is well', async () => {
    const busy = new CassSniError('CSNI208', 'the API server is overloaded')
    const all = await results({ gateway: () => Promise.reject(busy) })
    assert.deepEqual(unknownOf(all), [['CSNI821', 'the API server is overloaded']])
    assert.deepEqual(
      all.filter(({ result }) => result === 'fail'),
      [],
    )
    const envoy = await results({ loaded: () => Promise.reject(new CassSniError('CSNI601', 'port 15000: no answer')) })
    assert.deepEqual([...new Set(unknownOf(envoy).map(String))], ['CSNI827,port 15000: no answer'])
  })

  it('do not know a CA or a login that is not there, and say how to name another one', async () => {
    const missing = new CassSniError('CSNI204', 'there is no secret/dc1-ca-keystore')
    const noLogin = new CassSniError('CSNI304', 'there is no secret/dse-superuser')
    const all = await results({
      authority: () => Promise.reject(missing),
      credentials: () => Promise.reject(noLogin),
    })
    assert.deepEqual(unknownOf(all), [
      ['CSNI831', missing.message],
      ['CSNI841', noLogin.message],
    ])
    assert.match(nextTexts(all.find(({ code }) => code === 'CSNI831')?.next).join('\n'), /--ca FILE/)
    assert.match(nextTexts(all.find(({ code }) => code === 'CSNI841')?.next).join('\n'), /--username ROLE/)
    const named = await results({
      given: { ca: 'ca.pem', username: 'app' },
      credentials: () => Promise.reject(noLogin),
    })
    assert.deepEqual(
      named.filter(({ result }) => result !== 'pass'),
      [],
    )
  })

  it("do not know the login where the operator's own role is disabled, or a client certificate is required", async () => {
    const refused = new CassSniError('CSNI604', 'Cassandra refused the login: dse-superuser is not permitted to log in')
    const disabled = await results({ hostIdBehind: () => Promise.reject(refused) })
    assert.equal(unknownOf(disabled)[0]?.[0], 'CSNI842')
    assert.match(unknownOf(disabled)[0]?.[1] ?? '', /secret\/dse-superuser in namespace cass-operator cannot log in/)
    const mutual = await results(
      dc({ clientEncryption: { ...datacenter().clientEncryption, requireClientAuth: true } }),
    )
    assert.deepEqual([...new Set(unknownOf(mutual).map(([code]) => code))], ['CSNI842', 'CSNI844'])
    assert.match(unknownOf(mutual)[0]?.[1] ?? '', /require_client_auth/)
  })

  it('prove that a client without the required certificate is rejected', async () => {
    const required = dc({ clientEncryption: { ...datacenter().clientEncryption, requireClientAuth: true } })
    const given = { identity: true }
    const refused = new CassSniError('CSNI610', 'closed')
    const enforced = await results({ ...required, given, withoutCertificate: () => Promise.reject(refused) })
    assert.deepEqual(
      enforced.filter(({ result }) => result !== 'pass').map(({ code }) => code),
      [],
    )
    const open = await results({ ...required, given })
    const failed = open.filter(({ result }) => result === 'fail')
    assert.deepEqual([...new Set(failed.map(({ code }) => code))], ['CSNI845'])
    assert.match(failed[0]?.reason ?? '', /was not rejected/)
  })

  it('skip what a hidden configuration would say, and prove the rest by trying it', async () => {
    const hidden = dc({
      configurationHidden: new CassSniError('CSNI203', 'you may not get secret conf'),
      clientEncryption: { enabled: false, optional: false, requireClientAuth: false },
    })
    const all = await results(hidden)
    assert.deepEqual(
      [...new Set(all.filter(({ result }) => result !== 'pass').map(({ code, result }) => `${code} ${result}`))],
      ['CSNI813 skipped', 'CSNI838 skipped', 'CSNI839 skipped'],
    )
  })

  it('try no address with --tunnel, and take the one that is given', async () => {
    const tunnel = await results({
      given: { tunnel: true },
      dialer: async () => ({ ...(await probes('').dialer()), address: undefined }),
    })
    assert.deepEqual(
      tunnel.filter(({ result }) => result !== 'pass').map(({ code, result }) => [code, result]),
      [
        ['CSNI852', 'skipped'],
        ['CSNI853', 'skipped'],
      ],
    )
    const address = { address: 'cassandra.example.com' }
    const named = async () => namedCertificate('cassandra.example.com')
    const given = await results({ given: address, handshake: named, ...gatewayWith({ addresses: [] }) })
    assert.deepEqual(
      given.filter(({ result }) => result !== 'pass'),
      [],
    )
  })

  it('skip the keystore, and say why, where its Secret may not be read or the nodes serve another file', async () => {
    const forbidden = new CassSniError('CSNI203', 'you may not get secrets in namespace cass-operator')
    const closed = await results({ keystore: () => Promise.reject(forbidden) })
    assert.deepEqual(
      closed.filter(({ result }) => result !== 'pass').map(({ code, result, reason }) => [code, result, reason]),
      [
        ['CSNI838', 'skipped', forbidden.message],
        ['CSNI839', 'skipped', 'requires CSNI838 (keystore Secret is valid)'],
        ['CSNI839', 'skipped', 'requires CSNI838 (keystore Secret is valid)'],
      ],
    )
    const own = await results(
      dc({ clientEncryption: { enabled: true, optional: false, requireClientAuth: false, keystorePath: '/mine.jks' } }),
    )
    assert.match(own.find(({ code }) => code === 'CSNI838')?.reason ?? '', /nodes use \/mine\.jks/)
  })

  it('find a keystore that cannot be read also while no node can be reached', async () => {
    const bad = new CassSniError('CSNI403', 'it is not a Java keystore')
    const all = await results({
      keystore: () => Promise.reject(bad),
      dialer: () => Promise.reject(new CassSniError('CSNI606', 'no way')),
    })
    assert.equal(all.find(({ code }) => code === 'CSNI838')?.result, 'fail')
  })

  it('find the port for TCP where UDP has the same number, whichever the Service names first', async () => {
    const udp = { port: 9042, protocol: 'UDP' }
    for (const ports of [
      [udp, { port: 9042 }],
      [{ port: 9042, protocol: 'TCP' }, udp],
    ]) {
      const all = await results(gatewayWith({ ports }))
      assert.equal(all.find(({ code }) => code === 'CSNI822')?.result, 'pass')
    }
  })

  it("do not judge a sidecar's certificate by Cassandra's names", async () => {
    const sidecar = served({
      authorized: false,
      nameReason: 'certificate is not valid for x (valid for: no names)',
      certificate: { ...served().certificate, fingerprint256: 'BB', spiffe: 'spiffe://x' },
    })
    const all = await results(byName(node(0).hostId ?? '', sidecar))
    const of = (code: string) => all.find((each) => each.code === code && each.node === node(0).pod)
    for (const code of ['CSNI836', 'CSNI839'])
      assert.deepEqual(
        [of(code)?.result, of(code)?.reason],
        ['skipped', 'an Istio sidecar terminates TLS instead of Cassandra (CSNI835)'],
      )
  })

  it('say once that the routes are in tcp mode', async () => {
    const all = await results({
      ...routes({
        madeBy: { mode: 'tcp', byServerName: false },
        shared: ['gateway/x differs'],
        differences: new Map([[node(0).pod, ['service/x does not exist']]]),
      }),
      hostIdBehind: async () => node(0).hostId ?? '',
    })
    const failed = all.filter(({ result }) => result === 'fail')
    assert.deepEqual(
      failed.map(({ code, next }) => [code, next]),
      [['CSNI823', [command`kubectl cass-sni routes sync --mode sni`]]],
    )
    assert.match(failed[0]?.reason ?? '', /in tcp mode: every name reaches any node/)
  })

  it('never send a login where the certificate does not verify', async () => {
    let asked = 0
    await results({
      handshake: async () => served({ authorized: false, chainReason: 'not issued by the CA' }),
      hostIdBehind: async () => {
        asked += 1
        return ''
      },
    })
    assert.equal(asked, 0)
  })

  it('have nothing to compare while no node can be routed', async () => {
    const all = await results(routes({ nothing: true, pending: new Map([[node(0).pod, 'has no host id yet']]) }))
    assert.equal(all.find(({ code }) => code === 'CSNI823')?.result, 'skipped')
    assert.match(all.find(({ code, result }) => code === 'CSNI824' && result === 'fail')?.reason ?? '', /no host id/)
    assert.ok(NOW > 0)
  })

  it('of policies that may not be listed are skipped, each alone, and say so', async () => {
    const refusal = new CassSniError('CSNI203', 'user "x" cannot list networkpolicies')
    const all = await results({ ...sidecars(), ...traffic({ networkPolicies: refusal }) })
    const other = all.filter(({ result }) => result !== 'pass')
    assert.deepEqual(
      [...new Set(other.map(({ code, result, reason }) => `${code} ${result}: ${reason}`))],
      [`CSNI864 skipped: ${refusal.message}`],
    )
  })

  it('of traffic pass where policies fit', async () => {
    const all = await results({
      ...sidecars(),
      ...traffic({
        destinationRules: [
          rule({ tls: { mode: 'ISTIO_MUTUAL' } }),
          // of a namespace that the gateway does not use, not exported to it, and of a less specific host
          object({ host: '*', trafficPolicy: { tls: { mode: 'SIMPLE' } } }, 'cass-operator'),
          { ...rule({ tls: { mode: 'SIMPLE' } }), metadata: { name: 'elsewhere', namespace: 'apps' } },
        ],
        peerAuthentications: [object({ mtls: { mode: 'STRICT' } }, 'cass-operator')],
        authorizationPolicies: [
          object({ rules: [{ from: [{ source: { namespaces: ['istio-*'] } }] }] }, 'cass-operator'),
        ],
        networkPolicies: [
          object(
            { podSelector: {}, ingress: [{ from: [{ namespaceSelector: {} }], ports: [{ port: 9042 }] }] },
            'cass-operator',
          ),
          object({ podSelector: { matchLabels: { app: 'other' } }, policyTypes: ['Ingress'] }, 'cass-operator'),
        ],
      }),
    })
    const of = (code: string) => all.find((each) => each.code === code && each.node === node(0).pod)
    for (const code of ['CSNI861', 'CSNI862', 'CSNI863', 'CSNI864']) assert.equal(of(code)?.result, 'pass', code)
    assert.equal(of('CSNI862')?.note, 'STRICT by peerauthentication/theirs in namespace cass-operator')
    assert.equal(
      all.find(({ code, node: pod }) => code === 'CSNI861' && pod === node(1).pod)?.reason?.includes('SIMPLE'),
      true,
    )
  })

  it('of the load balancer are skipped where the gateway does not answer through the API server either', async () => {
    const closed = () => Promise.reject(new CassSniError('CSNI603', 'closed'))
    const all = await results({ handshake: closed, tunneled: closed })
    assert.equal(all.find(({ code }) => code === 'CSNI853')?.result, 'skipped')
    const hidden = () => Promise.reject(new CassSniError('CSNI203', 'you may not get secrets'))
    const withoutCa = await results({ handshake: hidden })
    assert.equal(withoutCa.find(({ code }) => code === 'CSNI853')?.result, 'skipped')
  })
})
