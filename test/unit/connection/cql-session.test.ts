import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { openCqlSession } from '../../../src/lib/connection/cql-session.ts'
import { addressDialer } from '../../../src/lib/connection/dialer.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { type ByteProxy, byteProxy, type ConnectionFault } from '../../support/fault-proxy.ts'
import { testAuthority } from './certificates.ts'
import { answerAsNode } from './fake-node.ts'

const NODES = ['c8617bd4-af31-45c5-9d12-01c0247c7f8b', '4f6a0c3e-6a0b-4d57-8a3c-0f1f3f2f7d11'].map((hostId) => ({
  hostId,
  dnsName: `${hostId}.example`,
}))
/** A frame of the native protocol without a body, as an answer on stream 0. */
const answer = (opcode: number, body = Buffer.alloc(0)) =>
  Buffer.concat([Buffer.from([0x84, 0, 0, 0, opcode, 0, 0, 0, body.length]), body])
const AUTHENTICATE = answer(0x03, Buffer.from('\0\x2forg.apache.cassandra.auth.PasswordAuthenticator'))

/** The node closes, resets or falls silent before the login is done: the driver itself does not notice. */
describe('opening a CQL session', () => {
  let ca: string
  let server: Server
  let proxy: ByteProxy
  let onRequest: (socket: TLSSocket, request: number) => void
  let onConnection: (socket: TLSSocket) => void = () => undefined
  const seen: string[] = []
  const streams: Duplex[] = []

  before(async () => {
    const authority = await testAuthority('dc1 CA')
    ca = authority.pem
    server = createServer(await authority.issue({ names: NODES.map(({ hostId }) => hostId) }), (socket) => {
      let requests = 0
      seen.push(String(socket.servername))
      onConnection(socket)
      socket.on('error', () => socket.destroy())
      socket.on('data', () => onRequest(socket, ++requests))
    })
    server.on('tlsClientError', () => undefined)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    proxy = await byteProxy({ host: '127.0.0.1', port: (server.address() as AddressInfo).port })
  })
  beforeEach(() => {
    seen.length = 0
    streams.length = 0
    onRequest = () => undefined
    onConnection = () => undefined
    proxy.fault = () => undefined
  })
  after(async () => {
    server.close()
    await proxy.stop()
  })

  const open = (more: { nodes?: typeof NODES; signal?: AbortSignal; connectTimeoutMs?: number } = {}) =>
    openCqlSession({
      dial: async (options) => {
        const stream = await addressDialer('127.0.0.1', proxy.port).dial(options)
        streams.push(stream)
        return stream
      },
      nodes: NODES.slice(0, 1),
      credentials: { username: 'u', password: 'p' },
      ca,
      localDatacenter: 'dc1',
      signal: new AbortController().signal,
      connectTimeoutMs: 500,
      ...more,
    })
  async function failure(more: Parameters<typeof open>[0] = {}): Promise<{ text: string; ms: number }> {
    const began = performance.now()
    const error = await open(more).then(
      () => assert.fail('it should have failed'),
      (reason: unknown) => reason,
    )
    assert.ok(error instanceof CassSniError, String(error))
    assert.doesNotMatch(error.message, /0\.0\.0\.0|127\.0\.0\.1|routines/, 'an address that nobody dials')
    return { text: `${error.code} ${error.message}`, ms: performance.now() - began }
  }

  const breaks: [string, (socket: TLSSocket, request: number) => void, RegExp][] = [
    ['closes at the first request', (socket) => socket.end(), /^CSNI601 .*closed by the remote end/],
    ['is cut at the first request', () => proxy.resetAll(), /^CSNI60[13] .*closed/],
    [
      'closes instead of answering the password',
      (socket, request) => void (request === 1 ? socket.write(AUTHENTICATE) : socket.end()),
      /^CSNI601 .*closed by the remote end/,
    ],
  ]
  for (const [what, react, expected] of breaks) {
    it(`notices at once that the node ${what}`, async () => {
      onRequest = react
      const { text, ms } = await failure({ connectTimeoutMs: 5_000 })
      assert.match(text, expected)
      assert.ok(ms < 2_000, `${ms} ms`)
    })
  }

  for (const [what, react] of [
    ['falls silent at the first request', () => undefined],
    ['falls silent at the password', (socket: TLSSocket, n: number) => void (n === 1 && socket.write(AUTHENTICATE))],
  ] as [string, typeof onRequest][]) {
    it(`gives up when the node ${what} for the time of --connect-timeout`, async () => {
      onRequest = react
      const { text, ms } = await failure()
      assert.match(text, /^CSNI601 .*timed out( after 0\.5s)?/)
      assert.ok(ms > 400 && ms < 2_000, `${ms} ms`)
    })
  }

  for (const how of ['close', 'reset', 'stall'] as const) {
    for (const afterBytes of [0, 5, 600]) {
      it(`ends in time on a connection that is broken (${how}) after ${afterBytes} bytes`, async () => {
        proxy.fault = (): ConnectionFault => ({ cut: { afterBytes, how } })
        const { text, ms } = await failure()
        assert.match(text, how === 'stall' ? /^CSNI601/ : afterBytes === 0 ? /^CSNI603/ : /^CSNI60[13]/)
        assert.ok(ms < 2_000, `${ms} ms`)
      })
    }
  }

  it('goes on to the next node, each for its own time', async () => {
    onRequest = () => undefined
    const { ms } = await failure({ nodes: NODES })
    assert.deepEqual([...seen].sort(), NODES.map(({ hostId }) => hostId).sort())
    assert.ok(ms > 900 && ms < 3_000, `${ms} ms`)
  })

  it('listens nowhere: nobody else on this machine can ride along', async () => {
    const listening = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap').length
    const before = listening()
    let during: number | undefined
    onRequest = (socket) => {
      during = listening()
      socket.end()
    }
    await failure()
    assert.equal(during, before)
  })

  it('ends with its signal, and leaves no connection', async () => {
    const stop = new AbortController()
    const opening = assert.rejects(open({ signal: stop.signal, connectTimeoutMs: 5_000 }), { code: 'CSNI902' })
    while (seen.length === 0) await sleep(5)
    stop.abort(new CassSniError('CSNI902', 'interrupted'))
    await opening
    for (let round = 0; round < 100 && !streams.every(({ destroyed }) => destroyed); round += 1) await sleep(10)
    assert.deepEqual(
      streams.map(({ destroyed }) => destroyed),
      [true],
    )
  })

  it('connects to one node, and to the others only when the session lasts', async () => {
    const nodes = NODES.map(({ hostId }, index) => ({ hostId, number: index + 1 }))
    onConnection = (socket) => {
      const self = nodes.find(({ hostId }) => hostId === socket.servername)
      assert.ok(self !== undefined)
      answerAsNode(
        socket,
        self,
        nodes.filter((node) => node !== self),
      )
    }
    // 0: no limit, for neither the connection nor its requests
    const session = await open({ nodes: NODES, connectTimeoutMs: 0 })
    try {
      await session.execute('SELECT host_id FROM system.local')
      await sleep(200)
      assert.equal(seen.length, 1)
      for (let round = 0; round < 60 && seen.length < 2; round += 1) await sleep(50)
      assert.deepEqual([...seen].sort(), NODES.map(({ hostId }) => hostId).sort())
    } finally {
      await session.close()
    }
  })
})
