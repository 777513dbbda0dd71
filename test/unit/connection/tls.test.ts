import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, connect as connectTcp, type Server } from 'node:net'
import { Duplex } from 'node:stream'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { brokenTunnel } from '../../../src/lib/cluster/tunnel.ts'
import { handshake, handshakeError } from '../../../src/lib/connection/tls.ts'
import { alternativeNames, spiffeId } from '../../../src/lib/text/alternative-names.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { type TestAuthority, testAuthority } from './certificates.ts'

const HOST_ID = 'c8617bd4-af31-45c5-9d12-01c0247c7f8b'
const POD = 'dse-dc1-default-sts-0.dse-dc1-all-pods-service.cass-operator.svc.cluster.local'

describe('handshake', () => {
  let authority: TestAuthority
  const servers: Server[] = []
  const forever = new AbortController().signal

  before(async () => {
    authority = await testAuthority('dc1 CA')
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
  const serving = async (options: TlsOptions) => {
    const server = createTlsServer(options, (socket) => socket.on('error', () => socket.destroy()))
    server.on('tlsClientError', () => {})
    return listening(server)
  }
  /** As a tunnel is: a stream that is no socket of the system. */
  const asTunnel = (open: () => Promise<Duplex>) => async () => {
    const socket = await open()
    return Duplex.from({ readable: socket, writable: socket })
  }
  const failure = (promise: Promise<unknown>) =>
    promise.then(
      () => assert.fail('it should have failed'),
      (error: unknown) => {
        assert.ok(error instanceof CassSniError, String(error))
        return error
      },
    )

  for (const way of ['address', 'tunnel'] as const) {
    const via = (open: () => Promise<Duplex>) => (way === 'tunnel' ? asTunnel(open) : open)

    it(`verifies a good certificate by host id and by DNS name (${way})`, async () => {
      const seen: (string | false | null)[] = []
      const open = await serving({
        ...(await authority.issue({ names: [POD, HOST_ID] })),
        SNICallback: (name, done) => {
          seen.push(name)
          done(null)
        },
      })
      for (const serverName of [HOST_ID, POD]) {
        const result = await handshake({ dial: via(open), serverName, ca: authority.pem, signal: forever })
        assert.equal(result.authorized, true, result.reason)
        assert.equal(result.reason, undefined)
        assert.deepEqual(result.certificate.names, [POD, HOST_ID])
        assert.equal(result.certificate.subject, 'CN=node, O=test')
        assert.equal(result.protocol, 'TLSv1.3')
        assert.match(result.certificate.validTo, /^\d{4}-\d\d-\d\dT/)
      }
      assert.deepEqual(seen, [HOST_ID, POD])
    })

    it(`offers outdated versions only on request, and shows whether they are accepted (${way})`, async () => {
      const issued = await authority.issue({ names: [HOST_ID] })
      const options = { serverName: HOST_ID, ca: authority.pem, signal: forever, outdated: true }
      const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
      const accepting = await serving({ ...issued, ...old })
      assert.equal((await handshake({ dial: via(accepting), ...options })).protocol, 'TLSv1.1')
      const rejecting = await serving(issued)
      assert.equal((await failure(handshake({ dial: via(rejecting), ...options }))).code, 'CSNI602')
    })

    it(`says CSNI603 when the connection is closed on the ClientHello (${way})`, async () => {
      for (const close of ['end', 'resetAndDestroy', 'destroy'] as const) {
        const open = await listening(
          createServer((socket) => socket.once('data', () => socket[close]()).on('error', () => {})),
        )
        const error = await failure(
          handshake({ dial: via(open), serverName: HOST_ID, ca: authority.pem, signal: forever }),
        )
        assert.equal(error.code, 'CSNI603', `${close}: ${error.message}`)
        assert.match(error.message, new RegExp(HOST_ID))
      }
    })

    it(`tells a broken handshake from a missing route (${way})`, async () => {
      // The start of a ServerHello record, then nothing more.
      const open = await listening(
        createServer((socket) =>
          socket.once('data', () => socket.end(Buffer.from([22, 3, 3, 0, 90, 2]))).on('error', () => {}),
        ),
      )
      const error = await failure(
        handshake({ dial: via(open), serverName: HOST_ID, ca: authority.pem, signal: forever }),
      )
      assert.equal(error.code, 'CSNI601', error.message)
    })

    it(`names the alert that ended the handshake (${way})`, async () => {
      const open = await serving({
        ...(await authority.issue({ names: [HOST_ID] })),
        minVersion: 'TLSv1.2',
        maxVersion: 'TLSv1.2',
        ciphers: 'DHE-RSA-AES256-SHA256',
      })
      const error = await failure(
        handshake({ dial: via(open), serverName: HOST_ID, ca: authority.pem, signal: forever }),
      )
      assert.equal(error.code, 'CSNI602', error.message)
      assert.match(error.message, /alert "handshake failure"/)
    })

    it(`gives up after its time limit (${way})`, async () => {
      const open = await listening(createServer((socket) => socket.on('error', () => {})))
      const error = await failure(
        handshake({ dial: via(open), serverName: HOST_ID, ca: authority.pem, signal: forever, timeoutMs: 60 }),
      )
      assert.equal(error.code, 'CSNI601')
      assert.match(error.message, /timed out after 60ms/)
    })
  }

  it('says CSNI603 for a reset that the tunnel reports, whether by the TLS socket or by the stream', () => {
    const cause = Object.assign(new Error('connection reset by peer'), { code: 'ECONNRESET' })
    const broken = brokenTunnel({ name: 'gateway', namespace: 'istio-system' }, 9042, 'connection reset by peer', cause)
    for (const [error, streamError] of [
      [broken, undefined],
      [undefined, broken],
      [broken, broken],
    ])
      assert.equal(handshakeError(error, streamError, 0, 'name').code, 'CSNI603')
    assert.equal(handshakeError(broken, undefined, 100, 'name'), broken)
  })

  it('reports another name', async () => {
    const open = await serving(await authority.issue({ names: [POD] }))
    const result = await handshake({ dial: open, serverName: HOST_ID, ca: authority.pem, signal: forever })
    assert.equal(result.authorized, false)
    assert.equal(result.chainReason, undefined)
    assert.equal(result.nameReason, `certificate is not valid for ${HOST_ID} (valid for: ${POD})`)
    assert.equal(result.reason, result.nameReason)
  })

  it('reports another authority, also of the same name, and the name beside it', async () => {
    const other = await testAuthority('other CA')
    const twin = await testAuthority('dc1 CA')
    const open = await serving(await authority.issue({ names: [HOST_ID] }))
    const byOther = await handshake({ dial: open, serverName: HOST_ID, ca: other.pem, signal: forever })
    assert.match(byOther.chainReason ?? '', /not issued by the datacenter's CA/)
    assert.equal(byOther.nameReason, undefined)
    const byTwin = await handshake({ dial: open, serverName: POD, ca: twin.pem, signal: forever })
    assert.equal(byTwin.authorized, false)
    assert.notEqual(byTwin.chainReason, undefined)
    assert.notEqual(byTwin.nameReason, undefined)
  })

  it('does not call a certificate self-signed because the node also sends its root', async () => {
    const { cert, key } = await authority.issue({ names: [HOST_ID] })
    const open = await serving({ cert: `${String(cert)}\n${authority.pem}`, key })
    const ca = (await testAuthority('other CA')).pem
    const { chainReason } = await handshake({ dial: open, serverName: HOST_ID, ca, signal: forever })
    assert.equal(chainReason, "certificate not issued by the datacenter's CA")
  })

  it('reports an expired certificate with its day', async () => {
    const open = await serving(
      await authority.issue({ names: [HOST_ID], notBefore: new Date('2026-01-01'), notAfter: new Date('2026-02-03') }),
    )
    const result = await handshake({ dial: open, serverName: HOST_ID, ca: authority.pem, signal: forever })
    assert.equal(result.reason, 'certificate expired on 2026-02-03')
    assert.equal(result.certificate.validTo, '2026-02-03T00:00:00.000Z')
  })

  it('reports what does not speak TLS', async () => {
    const open = await listening(
      createServer((socket) =>
        socket.once('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')).on('error', () => {}),
      ),
    )
    const error = await failure(handshake({ dial: open, serverName: HOST_ID, ca: authority.pem, signal: forever }))
    assert.equal(error.code, 'CSNI602', error.message)
    assert.match(error.message, /not a TLS server/)
  })

  it('sends no byte but the handshake', async () => {
    const received: Buffer[] = []
    const server = createTlsServer(await authority.issue({ names: [HOST_ID] }), (socket) => {
      socket.on('data', (chunk: Buffer) => received.push(chunk)).on('error', () => {})
    })
    const closed = new Promise<void>((resolve) =>
      server.on('secureConnection', (socket) => socket.once('close', () => resolve())),
    )
    const open = await listening(server)
    await handshake({ dial: open, serverName: HOST_ID, ca: authority.pem, signal: forever })
    await closed
    assert.deepEqual(received, [])
  })

  it('passes on why a connection could not be opened, and closes one that opens too late', async () => {
    const refused = new CassSniError('CSNI203', 'no right')
    assert.equal(
      await failure(
        handshake({ dial: () => Promise.reject(refused), serverName: HOST_ID, ca: authority.pem, signal: forever }),
      ),
      refused,
    )
    const late = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
    const error = await failure(
      handshake({
        dial: () => new Promise((resolve) => setTimeout(() => resolve(late), 80)),
        serverName: HOST_ID,
        ca: authority.pem,
        signal: forever,
        timeoutMs: 30,
      }),
    )
    assert.equal(error.code, 'CSNI601')
    await once(late, 'close')
  })

  it('stops with the reason of the signal', async () => {
    const open = await listening(createServer((socket) => socket.on('error', () => {})))
    const stop = new AbortController()
    setTimeout(() => stop.abort(new CassSniError('CSNI902', 'interrupted')), 30)
    const error = await failure(handshake({ dial: open, serverName: HOST_ID, ca: authority.pem, signal: stop.signal }))
    assert.equal(error.code, 'CSNI902')
  })
})

describe('alternativeNames', () => {
  it('reads names, addresses and quoted values', () => {
    assert.deepEqual(alternativeNames('DNS:a.b, IP Address:10.0.0.1, DNS:"x, DNS:y"'), ['a.b', '10.0.0.1', 'x, DNS:y'])
    assert.deepEqual(alternativeNames(undefined), [])
  })

  it('tells the certificate of an Istio sidecar by its SPIFFE id', () => {
    assert.equal(spiffeId('URI:spiffe://cluster.local/ns/a/sa/b'), 'spiffe://cluster.local/ns/a/sa/b')
    assert.equal(spiffeId('DNS:a, URI:spiffe://x/y, DNS:b'), 'spiffe://x/y')
    assert.equal(spiffeId('DNS:a, URI:https://x'), undefined)
    assert.equal(spiffeId(undefined), undefined)
  })
})
