/** What breaks trust between client and node, made on the lab: `verify` names it, and its remedy mends it. */
import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { readKeystore, recoverKey } from '../../src/lib/certificates/keystore.ts'
import { kubectl, labEnvironment, must, NAMESPACE, object, pluginJson, run, until } from '../support/lab.ts'

const NODE = 'dse-dc1-default-sts-0'
const OBJECTS = [
  'destinationrule',
  'peerauthentication',
  'authorizationpolicy',
  'networkpolicy',
  'virtualservice',
  'gateways.networking.istio.io',
]

interface Found {
  code: string
  result: string
  reason?: string
  next?: string[]
}

async function verify(...words: string[]): Promise<Found[]> {
  const { result } = await pluginJson<{ checks: Found[] }>(['verify', '-n', NAMESPACE, '--node', '0', ...words])
  return result?.checks ?? []
}

/** The result of a check, once it is as expected. */
function found(code: string, result: string): Promise<Found> {
  return until(
    `${code} is ${result}`,
    async () => (await verify()).find((each) => each.code === code && each.result === result),
    20_000,
    500,
  )
}

function apply(apiVersion: string, kind: string, spec: object): Promise<string> {
  const metadata = { name: 'traffic-test', namespace: NAMESPACE }
  return kubectl(['apply', '-f', '-'], { stdin: JSON.stringify({ apiVersion, kind, metadata, spec }) })
}

/** Key and certificates of the nodes, as PEM. */
async function servedPair(): Promise<{ key: string; cert: string }> {
  const secret = await object<{ data: Record<string, string> }>('secret', 'dc1-keystore')
  const bytes = Buffer.from(secret?.data['node-keystore.jks'] ?? '', 'base64')
  // cass-operator's password is the name of the datacenter
  const entry = readKeystore(bytes, 'dc1', 'secret/dc1-keystore').find((each) => each.kind === 'key')
  assert.ok(entry)
  const pkcs8 = recoverKey(entry.protectedKey, 'dc1')
  assert.ok(pkcs8)
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  return {
    key: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: entry.chain.map((der) => new X509Certificate(der).toString()).join(''),
  }
}

describe('what breaks trust', () => {
  afterEach(async function () {
    this.timeout(30_000)
    for (const kind of OBJECTS) await kubectl(['delete', kind, 'traffic-test', '-n', NAMESPACE, '--ignore-not-found'])
  })

  it('a DestinationRule that encrypts again: the proposed command mends it', async function () {
    this.timeout(90_000)
    const spec = { host: `${NODE}-cql`, trafficPolicy: { tls: { mode: 'SIMPLE' } } }
    await apply('networking.istio.io/v1', 'DestinationRule', spec)
    const added = await found('CSNI861', 'warning')
    assert.match(added.reason ?? '', /^destinationrule\/traffic-test .*encrypt the clients' TLS again \(mode SIMPLE\)/)
    await until(
      'it breaks the handshake',
      async () => (await verify()).some(({ code, result }) => /^CSNI83[3-5]$/.test(code) && result === 'fail'),
      20_000,
      500,
    )
    await must(run('sh', ['-c', added.next?.[0] ?? 'false'], { env: await labEnvironment() }))
    await found('CSNI861', 'pass')
    await until(
      'every check passes',
      async () => (await verify()).every(({ result }) => result !== 'fail' && result !== 'unknown'),
      20_000,
      500,
    )
  })

  it("an AuthorizationPolicy at the nodes' sidecars, and a NetworkPolicy, that admit other clients only", async function () {
    this.timeout(60_000)
    await apply('security.istio.io/v1', 'AuthorizationPolicy', {
      rules: [
        { from: [{ source: { namespaces: ['apps'] } }], to: [{ operation: { ports: ['9042'] } }] },
        { to: [{ operation: { notPorts: ['9042'] } }] },
      ],
    })
    const policy = await found('CSNI863', 'warning')
    assert.match(policy.reason ?? '', /^authorizationpolicy\/traffic-test .*denies the gateway port 9042/)
    await until(
      'clients are denied',
      async () => (await verify()).some(({ code, result }) => /^CSNI83[34]$/.test(code) && result === 'fail'),
      20_000,
      500,
    )
    await kubectl(['delete', 'authorizationpolicy', 'traffic-test', '-n', NAMESPACE])
    await apply('networking.k8s.io/v1', 'NetworkPolicy', {
      podSelector: { matchLabels: { 'statefulset.kubernetes.io/pod-name': NODE } },
      ingress: [{ from: [{ podSelector: {} }] }],
    })
    const network = await found('CSNI864', 'warning')
    assert.match(network.reason ?? '', /traffic-test .*does not admit connections from the gateway to port 9042/)
  })

  it('a DestinationRule without mutual TLS where the sidecars require it', async function () {
    this.timeout(60_000)
    await apply('security.istio.io/v1', 'PeerAuthentication', { mtls: { mode: 'STRICT' } })
    const spec = { host: `${NODE}-cql`, trafficPolicy: { tls: { mode: 'DISABLE' } } }
    await apply('networking.istio.io/v1', 'DestinationRule', spec)
    const differs = await found('CSNI862', 'warning')
    assert.match(differs.reason ?? '', /requires mutual TLS \(STRICT, by peerauthentication\/traffic-test/)
    await until(
      "the sidecar answers in Cassandra's place",
      async () => (await verify()).some(({ code, result }) => code === 'CSNI835' && result === 'fail'),
      20_000,
      500,
    )
    await must(run('sh', ['-c', differs.next?.[0] ?? 'false'], { env: await labEnvironment() }))
    await found('CSNI862', 'pass')
  })

  it('a route for every server name, which accepts connections without one', async function () {
    this.timeout(60_000)
    const port = { number: 9042, name: 'tls-cql', protocol: 'TLS' }
    await apply('networking.istio.io/v1', 'Gateway', {
      selector: { istio: 'ingressgateway' },
      servers: [{ port, hosts: ['*'], tls: { mode: 'PASSTHROUGH' } }],
    })
    const destination = { host: `${NODE}-cql.${NAMESPACE}.svc.cluster.local`, port: { number: 9042 } }
    await apply('networking.istio.io/v1', 'VirtualService', {
      hosts: ['*'],
      gateways: ['traffic-test'],
      tls: [{ match: [{ port: 9042, sniHosts: ['*'] }], route: [{ destination }] }],
    })
    const accepted = await found('CSNI865', 'warning')
    assert.match(accepted.reason ?? '', /^a connection without SNI is accepted/)
    await must(run('sh', ['-c', `${accepted.next?.[0] ?? 'false'} -o json`], { env: await labEnvironment() }))
  })

  it('a proxy with the certificate of the nodes that accepts TLS 1.1', async function () {
    this.timeout(30_000)
    const served = await servedPair()
    const options = { ...served, minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
    const proxy = createTlsServer(options, (socket) => socket.on('error', () => undefined).end())
    proxy.on('tlsClientError', () => undefined)
    await once(proxy.listen(0, '127.0.0.1'), 'listening')
    try {
      const { port } = proxy.address() as AddressInfo
      const outdated = (await verify('--address', `127.0.0.1:${port}`)).find(({ code }) => code === 'CSNI866')
      assert.deepEqual([outdated?.result, outdated?.reason], ['warning', 'TLSv1.1 is accepted'])
    } finally {
      proxy.close()
    }
  })

  it('a load balancer that accepts and then closes', async function () {
    this.timeout(30_000)
    const balancer = createServer((socket) => socket.once('data', () => socket.destroy()).on('error', () => undefined))
    await once(balancer.listen(0, '127.0.0.1'), 'listening')
    try {
      const { port } = balancer.address() as AddressInfo
      const failed = await until(
        'the load balancer is found',
        async () => {
          const checks = await verify('--address', `127.0.0.1:${port}`)
          return checks.find(({ code, result }) => code === 'CSNI853' && result === 'fail')
        },
        20_000,
        500,
      )
      assert.match(failed.reason ?? '', /accepts connections and closes them, but the gateway answers/)
    } finally {
      balancer.close()
    }
  })

  it('and a cluster that is well has none of it', async function () {
    this.timeout(30_000)
    await until(
      'every check of traffic passes',
      async () => {
        const traffic = (await verify()).filter(({ code }) => /^CSNI(86|853)/.test(code))
        return traffic.length === 7 && traffic.every(({ result }) => result === 'pass')
      },
      20_000,
      500,
    )
  })
})
