import { nextTexts } from '../../support/next-texts.ts'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Kube, KubeObject, ListOptions, ResourceType } from '../../../src/lib/cluster/kube.ts'
import { givenAddressDialer, hostPort, parseAddress, podDialer } from '../../../src/lib/connection/dialer.ts'
import { gatewayDialer } from '../../../src/lib/connection/gateway-dialer.ts'
import { tunnelDialer } from '../../../src/lib/connection/gateway-tunnel.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import type { IngressGateway } from '../../../src/lib/istio/mesh.ts'

interface FakePod {
  name: string
  ready?: boolean
  deleted?: boolean
  ports?: { name: string; containerPort: number }[]
}

/** A cluster of one gateway Service and its pods, which the test may change. */
function fakeKube(pods: FakePod[], options: { mayTunnel?: boolean; refuse?: string[] } = {}) {
  const dialled: string[] = []
  let lists = 0
  const kube = {
    target: { namespace: 'cass-operator' },
    async get(type: ResourceType) {
      return {
        apiVersion: 'v1',
        kind: type.kind,
        metadata: { name: 'gw' },
        spec: { selector: { app: 'gw', istio: 'ingressgateway' } },
      } as KubeObject
    },
    async list(_type: ResourceType, { labelSelector }: ListOptions = {}) {
      lists += 1
      assert.equal(labelSelector, 'app=gw,istio=ingressgateway')
      return pods.map(({ name, ready = true, deleted = false, ports = [] }) => ({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name,
          namespace: 'istio-system',
          ...(deleted ? { deletionTimestamp: '2026-11-23T00:00:00Z' } : {}),
        },
        spec: { containers: [{ ports }] },
        status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
      }))
    },
    async can() {
      return options.mayTunnel !== false
    },
    async connect({ name }: { name: string }, port: number) {
      dialled.push(`${name}:${port}`)
      if (options.refuse?.includes(name)) throw new CassSniError('CSNI204', `there is no pod ${name}`)
      return new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
    },
  } as unknown as Kube
  return { kube, dialled, lists: () => lists }
}

const gateway = (more: Partial<IngressGateway> = {}): IngressGateway => ({
  namespace: 'istio-system',
  service: 'gw',
  serviceType: 'LoadBalancer',
  ports: [{ port: 9042, targetPort: 9042 }],
  addresses: [],
  selector: { istio: 'ingressgateway' },
  pods: [],
  ...more,
})

describe('gatewayDialer', () => {
  let server: Server
  let port: number
  before(async () => {
    server = createServer((socket) => socket.on('error', () => {}).end('hi'))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    port = (server.address() as AddressInfo).port
  })
  after(() => {
    server.close()
  })

  it('takes the load balancer address that answers', async () => {
    const { kube, dialled } = fakeKube([{ name: 'a' }])
    const path = await gatewayDialer(kube, gateway({ addresses: ['127.0.0.2', '127.0.0.1'] }), { port })
    assert.deepEqual(path.address, { host: '127.0.0.1', port })
    assert.equal(path.describe, `127.0.0.1:${port}`)
    const stream = await path.dial()
    assert.equal(String((await once(stream, 'data'))[0]), 'hi')
    assert.deepEqual(dialled, [])
  })

  it('takes a tunnel where no address answers, or when told to', async () => {
    const { kube, dialled } = fakeKube([{ name: 'a' }])
    const path = await gatewayDialer(kube, gateway({ addresses: ['127.0.0.2'] }), { port })
    assert.equal(path.address, undefined)
    assert.equal(path.describe, `tunnel to service/gw in namespace istio-system, port ${port}`)
    await path.dial()
    await (await gatewayDialer(kube, gateway({ addresses: ['127.0.0.1'] }), { port, tunnel: 'always' })).dial()
    assert.deepEqual(dialled, [`a:${port}`, `a:${port}`])
  })

  it('does not take an address that leaves a TLS client without an answer, and says so', async () => {
    const silent = createServer((socket) => socket.on('error', () => {}).resume())
    await once(silent.listen(0, '127.0.0.1'), 'listening')
    const silentPort = (silent.address() as AddressInfo).port
    const { kube } = fakeKube([{ name: 'a' }])
    const to = gateway({ addresses: ['127.0.0.1'] })
    const way = await gatewayDialer(kube, to, { port: silentPort, serverName: 'host-id' })
    assert.equal(way.address, undefined)
    assert.equal(way.fallback, `127.0.0.1:${silentPort}: no response to a TLS ClientHello within 3s`)
    await assert.rejects(gatewayDialer(kube, to, { port: silentPort, tunnel: 'never' }), {
      code: 'CSNI606',
      message: /no response to a TLS ClientHello/,
    })
    silent.close()
  }).timeout(10_000)

  it('hints at the node port where the gateway has no address', async () => {
    const { kube } = fakeKube([{ name: 'a' }], { mayTunnel: false })
    const udp = { port: 9042, protocol: 'UDP', targetPort: 1, nodePort: 31233 }
    const ports = [udp, { port: 9042, targetPort: 9042, nodePort: 31234 }]
    await assert.rejects(gatewayDialer(kube, gateway({ serviceType: 'NodePort', ports }), { port: 9042 }), (error) => {
      assert.match(nextTexts((error as CassSniError).next).join('\n'), /--address HOST:31234/)
      return true
    })
  })

  it('takes a given address as it is, and says when nobody answers there', async () => {
    const path = givenAddressDialer(`127.0.0.2:${port}`, 9042)
    assert.deepEqual(path.address, { host: '127.0.0.2', port })
    await assert.rejects(path.dial(), {
      code: 'CSNI601',
      message: `cannot connect to 127.0.0.2:${port}: connection refused`,
    })
  })

  it('says CSNI606 without an address and without the right to a tunnel', async () => {
    const { kube } = fakeKube([{ name: 'a' }], { mayTunnel: false })
    await assert.rejects(gatewayDialer(kube, gateway(), { port }), {
      code: 'CSNI606',
      message: /no load balancer address, and no permission to get pods\/portforward/,
    })
    await assert.rejects(gatewayDialer(kube, gateway({ addresses: ['127.0.0.2'] }), { port, tunnel: 'never' }), {
      code: 'CSNI606',
      message: /is unreachable \(127\.0\.0\.2/,
    })
  })
})

describe('tunnelDialer', () => {
  it('spreads connections over the pods that are ready, and lists them once for a burst', async () => {
    const { kube, dialled, lists } = fakeKube([
      { name: 'a' },
      { name: 'b' },
      { name: 'c', ready: false },
      { name: 'd', deleted: true },
    ])
    const path = tunnelDialer(kube, gateway(), 9042)
    for (let time = 0; time < 4; time += 1) await path.dial()
    assert.deepEqual(dialled.sort(), ['a:9042', 'a:9042', 'b:9042', 'b:9042'])
    assert.equal(lists(), 1)
  })

  it('goes on to another pod, and looks again, when one is gone', async () => {
    const pods: FakePod[] = [{ name: 'a' }]
    const { kube, dialled } = fakeKube(pods, { refuse: ['a'] })
    const path = tunnelDialer(kube, gateway(), 9042)
    await assert.rejects(path.dial(), { code: 'CSNI204' })
    pods.splice(0, 1, { name: 'b' })
    dialled.length = 0
    // the pause after a list that led nowhere
    await sleep(250)
    await path.dial()
    assert.equal(dialled.at(-1), 'b:9042')
  })

  it('reads the pods for all who wait, and less and less often while that leads nowhere', async () => {
    const { kube, lists } = fakeKube([{ name: 'a', ready: false }])
    const { dial } = tunnelDialer(kube, gateway(), 9042)
    const until = Date.now() + 1_500
    while (Date.now() < until) {
      await Promise.all(Array.from({ length: 50 }, () => assert.rejects(dial(), { code: 'CSNI601' })))
      await sleep(20)
    }
    assert.ok(lists() >= 2 && lists() <= 8, `${lists()} lists`)
  })

  it('gives up with its signal, wherever it is', async () => {
    const { kube } = fakeKube([{ name: 'a' }])
    const stop = new AbortController()
    kube.connect = (_pod, _port, { signal } = {}) =>
      new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    const dialing = assert.rejects(tunnelDialer(kube, gateway(), 9042).dial({ signal: stop.signal }), {
      message: 'late',
    })
    const listing = assert.rejects(
      tunnelDialer({ ...kube, list: () => new Promise(() => undefined) }, gateway(), 9042).dial({
        signal: stop.signal,
      }),
      { message: 'late' },
    )
    await sleep(10)
    stop.abort(new CassSniError('CSNI601', 'late'))
    await Promise.all([dialing, listing])
  })

  it('says which pods to look at when none is ready', async () => {
    const { kube } = fakeKube([{ name: 'a', ready: false }])
    await assert.rejects(tunnelDialer(kube, gateway(), 9042).dial(), (error: unknown) => {
      assert.ok(error instanceof CassSniError)
      assert.equal(error.code, 'CSNI601')
      assert.deepEqual(nextTexts(error.next), ['kubectl -n istio-system get pods -l istio=ingressgateway'])
      return true
    })
  })

  it('dials the port behind the Service, by number or by name, and that for TCP where UDP shares it', async () => {
    const { kube, dialled } = fakeKube([{ name: 'a', ports: [{ name: 'cql', containerPort: 19042 }] }])
    await tunnelDialer(kube, gateway({ ports: [{ port: 9042, targetPort: 29042 }] }), 9042).dial()
    await tunnelDialer(kube, gateway({ ports: [{ port: 9042, targetPort: 'cql' }] }), 9042).dial()
    const shared = [
      { port: 9042, protocol: 'UDP', targetPort: 1 },
      { port: 9042, protocol: 'TCP', targetPort: 39042 },
    ]
    await tunnelDialer(kube, gateway({ ports: shared }), 9042).dial()
    await podDialer(kube, { name: 'dse-0', namespace: 'cass-operator' }, 9042).dial()
    assert.deepEqual(dialled, ['a:29042', 'a:19042', 'a:39042', 'dse-0:9042'])
    await assert.rejects(tunnelDialer(kube, gateway({ ports: [{ port: 9042, targetPort: 'other' }] }), 9042).dial(), {
      code: 'CSNI601',
      message: /no container port named other/,
    })
  })
})

describe('parseAddress', () => {
  it('reads names and addresses, with and without a port', () => {
    const read = ['a.example', 'a.example:1', '10.0.0.1:2', '[::1]:3', '[::1]', '::1'].map((text) => {
      const { host, port } = parseAddress(text, 9042)
      return hostPort(host, port)
    })
    assert.deepEqual(read, ['a.example:9042', 'a.example:1', '10.0.0.1:2', '[::1]:3', '[::1]:9042', '[::1]:9042'])
  })

  it('refuses anything else', () => {
    for (const text of ['', 'a:b', 'a:0', 'a:70000', 'http://a', 'user@a', 'a b', 'a:1:2'])
      assert.throws(() => parseAddress(text, 9042), { code: 'CSNI101' }, text)
  })
})
