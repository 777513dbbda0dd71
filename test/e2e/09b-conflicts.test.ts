/** Conflicts with objects of others, as the istiod of the lab decides them, and what the commands report. */
import assert from 'node:assert/strict'
import { connect } from 'node:tls'
import {
  GATEWAY_ADDRESS,
  kubectl,
  NAMESPACE,
  object,
  plugin,
  pluginJson,
  until,
  writesNothing,
} from '../support/lab.ts'

const IN = ['-n', NAMESPACE]
const OTHERS = 'conflict-test'
/** In the same match as one of our names, so that it shows whether Istio uses the match. */
const WITNESS = 'witness.example.com'

/** Whether a TLS handshake with this server name succeeds at the gateway. */
function isRouted(serverName: string): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { host: GATEWAY_ADDRESS, port: 9042, servername: serverName, rejectUnauthorized: false }
    const socket = connect(options)
    const end = (routed: boolean) => {
      socket.destroy()
      resolve(routed)
    }
    socket.on('secureConnect', () => end(true))
    socket.on('error', () => end(false))
    socket.on('close', () => end(false))
    socket.setTimeout(3000, () => end(false))
  })
}

async function firstHostId(): Promise<string> {
  const datacenter = await object<{ status: { nodeStatuses: Record<string, { hostID: string }> } }>(
    'cassandradatacenter',
    'dc1',
  )
  return datacenter?.status.nodeStatuses['dse-dc1-default-sts-0']?.hostID ?? ''
}

function apply(...objects: object[]): Promise<string> {
  return kubectl(['apply', '-f', '-'], { stdin: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }) })
}

function gateway(): object {
  const servers = [
    { port: { number: 9042, name: 'tls', protocol: 'TLS' }, hosts: [`${OTHERS}/*`], tls: { mode: 'PASSTHROUGH' } },
  ]
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Gateway',
    metadata: { name: 'others', namespace: OTHERS },
    spec: { selector: { istio: 'ingressgateway' }, servers },
  }
}

function virtualService(names: string[], exportTo: string[], labels: Record<string, string> = {}): object {
  const host = `dse-dc1-default-sts-0-cql.${NAMESPACE}.svc.cluster.local`
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'others', namespace: OTHERS, labels },
    spec: {
      exportTo,
      gateways: ['others'],
      hosts: [...names, WITNESS],
      tls: [
        { match: [{ port: 9042, sniHosts: [WITNESS] }], route: [{ destination: { host } }] },
        { match: [{ port: 9042, sniHosts: names }], route: [{ destination: { host } }] },
      ],
    },
  }
}

function policy(spec: object): object {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: 'conflict-test', namespace: 'istio-system' },
    spec: { selector: { matchLabels: { istio: 'ingressgateway' } }, ...spec },
  }
}

const diff = () => pluginJson<{ ok: boolean }>(['routes', 'diff', ...IN])

describe('conflicts on the lab', () => {
  before(async () => {
    await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: OTHERS } })
  })

  after(async function () {
    this.timeout(60_000)
    await kubectl(['delete', 'namespace', OTHERS, '--ignore-not-found', '--wait=false'])
    await kubectl(['delete', 'virtualservice,gateways.networking.istio.io', '--all', '-n', OTHERS])
    await kubectl(['delete', 'authorizationpolicy', 'conflict-test', '-n', 'istio-system', '--ignore-not-found'])
    const hostId = await firstHostId()
    await until('the gateway serves again', () => isRouted(hostId), 20_000)
  })

  it('a VirtualService that is not exported to the gateway is none: Istio does not use it', async function () {
    this.timeout(60_000)
    const names = [await firstHostId()]
    await apply(gateway(), virtualService(names, ['istio-system']))
    await until('Istio uses it while it is exported', () => isRouted(WITNESS), 20_000)
    const { error } = await diff()
    assert.equal(error?.code, 'CSNI504')
    assert.match(error?.message ?? '', /^VirtualService others in namespace conflict-test already routes/)

    await apply(virtualService(names, ['.']))
    await until('Istio does not use it', async () => !(await isRouted(WITNESS)), 20_000)
    assert.equal((await diff()).exitCode, 0)
  })

  it('a host ID that another datacenter routes is one, with a code of its own', async function () {
    this.timeout(60_000)
    const labels = { 'app.kubernetes.io/managed-by': 'kubectl-cass-sni', 'cass-sni/datacenter': 'dc9' }
    await apply(virtualService([await firstHostId()], ['istio-system'], labels))
    const { error } = await diff()
    assert.equal(error?.code, 'CSNI513')
    assert.match(error?.next.join('\n') ?? '', /routes sync -n conflict-test -d dc9/)
    await kubectl(['delete', 'virtualservice', 'others', '-n', OTHERS])
  })

  const policies: [what: string, spec: object][] = [
    ['allows HTTP only', { rules: [{ to: [{ operation: { methods: ['GET'] } }] }] }],
    ['allows another port', { rules: [{ to: [{ operation: { ports: ['443'] } }] }] }],
    ['denies a method of HTTP', { action: 'DENY', rules: [{ to: [{ operation: { methods: ['GET'] } }] }] }],
  ]
  for (const [what, spec] of policies) {
    it(`an AuthorizationPolicy that ${what} denies all clients: verify names it, and routes are still kept in sync`, async function () {
      this.timeout(90_000)
      const hostId = await firstHostId()
      await apply(policy(spec))
      await until('clients are denied', async () => !(await isRouted(hostId)), 20_000)
      const { result } = await pluginJson<{ checks: { code: string; result: string; reason?: string }[] }>([
        ...['verify', ...IN, '--node', '0'],
      ])
      const found = result?.checks.find(({ code }) => code === 'CSNI826')
      assert.equal(found?.result, 'fail')
      assert.match(found?.reason ?? '', /AuthorizationPolicy conflict-test in namespace istio-system denies all/)
      const { stderr } = await writesNothing(['routes', 'sync', ...IN])
      assert.match(stderr, /warning: AuthorizationPolicy conflict-test/)
    })
  }

  it('an AuthorizationPolicy that allows the port is none', async function () {
    this.timeout(60_000)
    const hostId = await firstHostId()
    await apply(policy({ action: 'ALLOW', rules: [{ to: [{ operation: { ports: ['9042'] } }] }] }))
    await until('clients are served', () => isRouted(hostId), 20_000)
    assert.equal((await plugin(['routes', 'diff', ...IN])).exitCode, 0)
    await kubectl(['delete', 'authorizationpolicy', 'conflict-test', '-n', 'istio-system'])
  })
})
