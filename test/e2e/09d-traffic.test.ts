/** What breaks trust between client and node, made on the lab: `verify` names it, and its remedy mends it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { kubectl, labEnvironment, must, NAMESPACE, pluginJson, run, until } from '../support/lab.ts'

const NODE = 'dse-dc1-default-sts-0'
const OBJECTS = ['destinationrule', 'authorizationpolicy', 'networkpolicy']

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
