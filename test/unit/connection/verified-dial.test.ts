import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, connect as connectTcp, type Server } from 'node:net'
import { Duplex } from 'node:stream'
import { createServer as createTlsServer } from 'node:tls'
import { dialVerified } from '../../../src/lib/connection/verified-dial.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { type TestAuthority, testAuthority } from './certificates.ts'

const NAME = 'dse-dc1-default-sts-0.dse-dc1-all-pods-service.cass-operator.svc.cluster.local'

describe('dialVerified', () => {
  let authority: TestAuthority
  let received = ''
  const servers: Server[] = []

  before(async () => {
    authority = await testAuthority('dc1 CA')
  })
  beforeEach(() => {
    received = ''
  })
  afterEach(() => {
    for (const server of servers.splice(0)) server.close()
  })

  async function listening(server: Server): Promise<() => Promise<Duplex>> {
    servers.push(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    return async () => {
      const socket = connectTcp(port, '127.0.0.1')
      await once(socket, 'connect')
      return socket
    }
  }
  /** Answers every byte with the SNI name that it was asked for. */
  async function node(names: string[]) {
    const server = createTlsServer(await authority.issue({ names }), (socket) => {
      socket.on('error', () => socket.destroy())
      socket.on('data', (bytes: Buffer) => {
        received += bytes.toString()
        socket.write(String(socket.servername))
      })
    })
    server.on('tlsClientError', () => undefined)
    return listening(server)
  }
  const asTunnel = (open: () => Promise<Duplex>) => async () => {
    const socket = await open()
    return Duplex.from({ readable: socket, writable: socket })
  }
  const codeOf = (promise: Promise<unknown>) =>
    promise.then(
      () => assert.fail('it should have failed'),
      (error: unknown) => (error instanceof CassSniError ? error.code : assert.fail(String(error))),
    )

  for (const way of ['address', 'tunnel'] as const) {
    const via = (open: () => Promise<Duplex>) => (way === 'tunnel' ? asTunnel(open) : open)

    it(`carries plain bytes as TLS with SNI (${way})`, async () => {
      const dial = via(await node([NAME]))
      const stream = await dialVerified(dial, { serverName: NAME, ca: authority.pem })
      stream.write('hello')
      const [answer] = (await once(stream, 'data')) as [Buffer]
      assert.equal(answer.toString(), NAME)
      stream.destroy()
    })

    it(`sends nothing to a node with another name or CA, and says which (${way})`, async () => {
      const dial = via(await node(['other.example.com']))
      assert.equal(await codeOf(dialVerified(dial, { serverName: NAME, ca: authority.pem })), 'CSNI602')
      const stranger = await testAuthority('another CA')
      assert.equal(await codeOf(dialVerified(dial, { serverName: 'other.example.com', ca: stranger.pem })), 'CSNI602')
      assert.equal(received, '')
    })

    it(`says that there is no route if the gateway closes at once (${way})`, async () => {
      const dial = via(await listening(createServer((socket) => socket.on('error', () => undefined).end())))
      assert.equal(await codeOf(dialVerified(dial, { serverName: NAME, ca: authority.pem })), 'CSNI603')
    })
  }

  it('says since when the certificate has expired', async () => {
    const validity = { notBefore: new Date('2026-01-01'), notAfter: new Date('2026-02-03') }
    const identity = await authority.issue({ names: [NAME], ...validity })
    const server = createTlsServer(identity, (socket) => socket.on('error', () => socket.destroy()))
    server.on('tlsClientError', () => undefined)
    const dial = await listening(server)
    await assert.rejects(dialVerified(dial, { serverName: NAME, ca: authority.pem }), {
      code: 'CSNI602',
      message: /^certificate verification failed for dse-dc1-default-sts-0\S+: certificate (has )?expired/,
    })
  })

  it('stops with the reason of the signal, also before it has begun', async () => {
    const dial = await listening(createServer(() => undefined))
    const abort = new AbortController()
    const waiting = dialVerified(dial, { serverName: NAME, ca: authority.pem }, abort.signal)
    const reason = new CassSniError('CSNI902', 'interrupted')
    setTimeout(() => abort.abort(reason), 20)
    await assert.rejects(waiting, reason)
    await assert.rejects(dialVerified(dial, { serverName: NAME, ca: authority.pem }, abort.signal), reason)
  })
})
