/** Routes of the Kubernetes Gateway API: on a separate Gateway and on a shared one, and back to those of Istio. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { connect } from 'node:tls'
import {
  CHECKOUT,
  GATEWAY_ADDRESS,
  kubeconfigOf,
  kubectl,
  labEnvironment,
  must,
  NAMESPACE,
  object,
  plugin,
  pluginJson,
  run,
  writesNothing,
} from '../support/lab.ts'
import { about, event, Watching } from '../support/watching.ts'

const IN = ['-n', NAMESPACE]
const TLS_ROUTES = 'tlsroutes.gateway.networking.k8s.io'
const API_GATEWAYS = 'gateways.gateway.networking.k8s.io'
const NODES = ['0', '1', '2']
const SHARED = 'infra'
const ACCOUNT = 'gateway-api-user'

interface Synced {
  api: string
  gateway: string
  loaded: { pods: number; confirmed: number }
  nodes: { pod: string; hostId: string; state: string }[]
}

async function sync(...flags: string[]): Promise<Synced> {
  const { result, error, exitCode } = await pluginJson<Synced>(['routes', 'sync', ...IN, '--yes', ...flags])
  assert.equal(exitCode, 0, JSON.stringify(error))
  assert.ok(result)
  return result
}

async function names(kind: string, namespace = NAMESPACE): Promise<string[]> {
  const found = await kubectl(['get', kind, '-n', namespace, '-o', 'jsonpath={.items[*].metadata.name}'])
  return found.split(' ').filter((name) => name !== '')
}

/** Each node is reached by its own host ID, through the gateway of the routes. */
async function reachesEveryNode({ nodes }: Synced): Promise<void> {
  for (const node of NODES) {
    const select = ['-e', 'SELECT host_id FROM system.local']
    const { result } = await pluginJson<{ statements: { rows: { host_id: string }[] }[] }>([
      ...['cqlsh-sni', ...IN, '--node', node],
      ...select,
    ])
    const wanted = nodes.find(({ pod }) => pod.endsWith(`-${node}`))?.hostId
    assert.equal(result?.statements[0]?.rows[0]?.host_id, wanted)
  }
}

describe('routes sync --api gateway', () => {
  before(async function () {
    this.timeout(120_000)
    await must(run(process.execPath, [join(CHECKOUT, 'lab/main.ts'), 'up', '--with', 'gateway-api']))
  })

  after(async function () {
    this.timeout(120_000)
    await must(plugin(['routes', 'sync', ...IN, '--api', 'istio', '--yes']))
    await kubectl(['delete', 'namespace', SHARED, '--ignore-not-found', '--wait=false'])
    await kubectl(['delete', API_GATEWAYS, 'bound', '-n', 'istio-system', '--ignore-not-found'])
    await kubectl(['delete', 'clusterrolebinding', ACCOUNT, '--ignore-not-found'])
    await kubectl(['delete', 'rolebinding', ACCOUNT, ...IN, '--ignore-not-found'])
    await kubectl(['delete', 'serviceaccount', ACCOUNT, '-n', 'default', '--ignore-not-found'])
  })

  it('suggests what fits if no Gateway is named', async function () {
    this.timeout(30_000)
    const { error } = await pluginJson(['routes', 'sync', ...IN, '--api', 'gateway', '--dry-run'])
    assert.equal(error?.code, 'CSNI105')
    assert.match(error?.next.join('\n') ?? '', /--gateway-class istio$/m)
  })

  it('creates a Gateway and a TLSRoute per node, waits until they are served, then removes the routes of Istio', async function () {
    this.timeout(120_000)
    const synced = await sync('--api', 'gateway', '--gateway-class', 'istio')
    assert.deepEqual([synced.api, synced.gateway], ['gateway', `${NAMESPACE}/cass-sni-dc1`])
    // its pod was ready and its Envoy had loaded the routes
    assert.deepEqual(synced.loaded, { pods: 1, confirmed: 1 })
    assert.equal((await names(TLS_ROUTES)).length, 3)
    assert.deepEqual(await names('virtualservices.networking.istio.io'), [])
    assert.deepEqual(await names('gateways.networking.istio.io'), [])
    const service = await object<{ spec: { ports: { port: number }[] } }>(
      'service',
      'istio-ingressgateway',
      'istio-system',
    )
    assert.equal(
      service?.spec.ports.some(({ port }) => port === 9042),
      false,
    )
    await reachesEveryNode(synced)
  })

  it('is remembered: without flags it writes nothing, and verify passes', async function () {
    this.timeout(90_000)
    await writesNothing(['routes', 'sync', ...IN])
    await must(plugin(['verify', ...IN, '--wait', '30s']))
  })

  it('needs no more than the documented permissions, also through a tunnel', async function () {
    this.timeout(90_000)
    const file = await kubeconfigOf(ACCOUNT)
    const user = `--user=system:serviceaccount:default:${ACCOUNT}`
    await kubectl(['apply', '-f', join(CHECKOUT, 'docs/permissions.yaml')])
    await kubectl(['create', 'clusterrolebinding', ACCOUNT, '--clusterrole=cass-sni-mesh', user])
    await kubectl(['create', 'rolebinding', ACCOUNT, ...IN, '--clusterrole=cass-sni-datacenter', user])
    const [route = ''] = await names(TLS_ROUTES)
    await kubectl(['delete', TLS_ROUTES, route, ...IN])
    const tunnel = ['cqlsh-sni', '--tunnel', '-e', 'SELECT key FROM system.local']
    for (const args of [['routes', 'sync'], ['routes', 'list'], tunnel, ['verify', '--wait', '30s']]) {
      const { exitCode, stdout, stderr } = await plugin([...args, ...IN, '--kubeconfig', file])
      assert.equal(exitCode, 0, `${args.join(' ')}: ${stdout}${stderr}`)
      assert.doesNotMatch(stderr, /permission/)
    }
  })

  it('reports a deleted route, and --watch brings it back', async function () {
    this.timeout(90_000)
    const [route = ''] = await names(TLS_ROUTES)
    await kubectl(['delete', TLS_ROUTES, route, ...IN])
    const { result } = await pluginJson<{ checks: { code: string; result: string }[] }>(['verify', ...IN])
    const failed = (result?.checks ?? []).filter((check) => check.result === 'fail').map(({ code }) => code)
    assert.ok(failed.includes('CSNI824'), failed.join())
    const watch = ['cass-sni', 'routes', 'sync', '--watch', '-o', 'json', ...IN]
    const lines = new Watching('kubectl', watch, await labEnvironment())
    try {
      await lines.line(event('synced'), 60_000)
      assert.equal((await names(TLS_ROUTES)).length, 3)
      await kubectl(['delete', TLS_ROUTES, route, ...IN])
      await lines.line(about(route, 'created'), 10_000)
      await lines.line(event('loaded'), 30_000)
    } finally {
      await lines.stop()
    }
  })

  it('refuses a shared Gateway that does not allow the namespace, and uses it once it does', async function () {
    this.timeout(120_000)
    const selector = { matchLabels: { 'cass-sni-test/routes': 'allowed' } }
    const listener = {
      name: 'cql',
      port: 9042,
      protocol: 'TLS',
      tls: { mode: 'Passthrough' },
      allowedRoutes: { namespaces: { from: 'Selector', selector } },
    }
    const objects = [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: SHARED } },
      {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'Gateway',
        metadata: { name: 'shared', namespace: SHARED },
        spec: { gatewayClassName: 'istio', listeners: [listener] },
      },
    ]
    const stdin = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })
    await kubectl(['apply', '-f', '-'], { stdin })
    const shared = ['--gateway', `${SHARED}/shared`]
    const refused = await pluginJson(['routes', 'sync', ...IN, '--yes', ...shared])
    assert.equal(refused.error?.code, 'CSNI510')
    assert.match(refused.error?.message ?? '', /listener cql does not allow routes from namespace cass-operator/)
    const label = ['label', 'namespace', NAMESPACE]
    await kubectl([...label, 'cass-sni-test/routes=allowed'])
    try {
      const synced = await sync(...shared)
      assert.equal(synced.gateway, `${SHARED}/shared`)
      // the separate one is no longer needed
      assert.deepEqual(await names(API_GATEWAYS), [])
      await reachesEveryNode(synced)
      await writesNothing(['routes', 'sync', ...IN])
    } finally {
      await kubectl([...label, 'cass-sni-test/routes-'])
    }
  })

  it('gives way to the routes of Istio again', async function () {
    this.timeout(90_000)
    const synced = await sync('--api', 'istio')
    assert.deepEqual([synced.api, synced.gateway], ['istio', 'istio-system/istio-ingressgateway'])
    assert.deepEqual(await names(TLS_ROUTES), [])
    await writesNothing(['routes', 'sync', ...IN])
    await reachesEveryNode(synced)
  })

  it('changes the API at the same gateway pods, and back, without a failed handshake', async function () {
    this.timeout(120_000)
    const address = { type: 'Hostname', value: 'istio-ingressgateway.istio-system.svc.cluster.local' }
    const listener = { name: 'cql', port: 9042, protocol: 'TLS', tls: { mode: 'Passthrough' } }
    const bound = {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'Gateway',
      // Istio binds it to a Service of the same namespace only
      metadata: { name: 'bound', namespace: 'istio-system' },
      spec: {
        gatewayClassName: 'istio',
        addresses: [address],
        listeners: [{ ...listener, allowedRoutes: { namespaces: { from: 'All' } } }],
      },
    }
    await kubectl(['apply', '-f', '-'], { stdin: JSON.stringify(bound) })
    await kubectl(['wait', API_GATEWAYS, 'bound', '-n', 'istio-system', '--for=condition=Programmed', '--timeout=30s'])
    const { nodes } = await sync('--api', 'istio')
    const handshakes = new Handshakes(nodes.map(({ hostId }) => hostId))
    try {
      const there = await sync('--api', 'gateway', '--gateway', 'istio-system/bound')
      assert.deepEqual([there.api, there.loaded], ['gateway', { pods: 1, confirmed: 1 }])
      assert.deepEqual(await names('virtualservices.networking.istio.io'), [])
      await writesNothing(['routes', 'sync', ...IN])
      await sync('--api', 'istio')
    } finally {
      await handshakes.stop()
    }
    assert.ok(handshakes.succeeded > 50, `${handshakes.succeeded} handshakes`)
    assert.deepEqual(handshakes.failures, [])
  })
})

/** TLS handshakes by each host ID, one after the other, until stopped. */
class Handshakes {
  readonly failures: string[] = []
  succeeded = 0
  #stopped = false
  readonly #running: Promise<void>

  constructor(hostIds: string[]) {
    this.#running = this.#run(hostIds)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  async #run(hostIds: string[]): Promise<void> {
    while (!this.#stopped) {
      for (const servername of hostIds) {
        const failure = await handshake(servername)
        if (failure === undefined) this.succeeded++
        else this.failures.push(`${servername} at ${new Date().toISOString()}: ${failure}`)
      }
      await new Promise((next) => setTimeout(next, 20))
    }
  }
}

function handshake(servername: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: GATEWAY_ADDRESS, port: 9042, servername, rejectUnauthorized: false })
    const end = (failure?: string) => {
      socket.destroy()
      resolve(failure)
    }
    socket.on('secureConnect', () => end())
    socket.on('error', ({ message }) => end(message))
    socket.on('close', () => end('closed'))
    socket.setTimeout(5000, () => end('timed out'))
  })
}
