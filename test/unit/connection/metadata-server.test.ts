import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Server } from 'node:https'
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { createTlsMetadataServer, replaceCertificate } from '../../../src/lib/connection/metadata-server.ts'
import { testAuthority, type TestAuthority } from './certificates.ts'

const NAME = 'cassandra.example.com'

describe('the metadata server', function () {
  this.timeout(20_000)
  let authority: TestAuthority
  let server: Server
  let port: number
  let ready = true
  const statuses: number[] = []

  before(async () => {
    authority = await testAuthority('dc1 CA')
    server = createTlsMetadataServer(
      {
        path: '/metadata',
        name: NAME,
        document: (address) => (ready ? { address } : undefined),
        onResponse: (status) => statuses.push(status),
        requestMs: 600,
      },
      await authority.issue({ names: [NAME] }),
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    ;({ port } = server.address() as AddressInfo)
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  beforeEach(() => {
    ready = true
  })

  const open = async (): Promise<TLSSocket> => {
    const socket = connect({ host: '127.0.0.1', port, servername: NAME, ca: authority.pem })
    socket.on('error', () => undefined)
    await once(socket, 'secureConnect')
    return socket
  }
  const toEnd = async (socket: TLSSocket): Promise<string> => {
    let text = ''
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
    await once(socket, 'close')
    return text
  }
  const answer = async (request: string) => {
    const socket = await open()
    socket.write(request)
    return toEnd(socket)
  }
  const get = (path: string, host = `${NAME}:9042`, method = 'GET') =>
    answer(`${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)

  it('answers with the address that the client has connected to', async () => {
    const text = await get('/metadata')
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n/)
    assert.match(text, /\r\ncontent-type: application\/json\r\n/)
    assert.match(text, /\r\n\r\n\{"address":"cassandra\.example\.com:9042"\}$/)
    assert.match(await get('/metadata', NAME.toUpperCase()), /\{"address":"cassandra\.example\.com:443"\}$/)
  })

  it('answers nothing else', async () => {
    for (const path of ['/', '/metadata/', '/metadata?x=1', '/healthz', `https://${NAME}/metadata`])
      assert.match(await get(path), /^HTTP\/1\.1 404 /, path)
    for (const method of ['HEAD', 'POST', 'OPTIONS']) {
      const text = await get('/metadata', undefined, method)
      assert.match(text, /^HTTP\/1\.1 405 /, method)
      assert.match(text, /\r\nallow: GET\r\n/)
    }
    for (const host of ['evil.example.com', `${NAME}:0`, `${NAME}:70000`, `${NAME}:9042:1`, '[::1]:9042'])
      assert.match(await get('/metadata', host), /^HTTP\/1\.1 421 /, host)
  })

  it('answers 503 while no node is ready', async () => {
    ready = false
    assert.match(await get('/metadata'), /^HTTP\/1\.1 503 /)
    assert.equal(statuses.at(-1), 503)
  })

  it('limits the size and the time of a request', async () => {
    const large = `GET /metadata HTTP/1.1\r\nHost: ${NAME}\r\nX-Filler: ${'x'.repeat(9_000)}\r\n\r\n`
    assert.match(await answer(large), /^HTTP\/1\.1 431 /)
    const started = performance.now()
    const slow = await answer('GET /metadata HTTP/1.1\r\nHost: ')
    assert.match(slow, /^HTTP\/1\.1 408 /)
    assert.ok(performance.now() - started < 3_000)
  })

  it('closes connections on which no request or no handshake follows', async () => {
    const tcp = connectTcp(port, '127.0.0.1')
    tcp.on('error', () => undefined).resume()
    const idle = await open()
    idle.resume()
    const answered = await open()
    answered.resume()
    answered.write(`GET /metadata HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`)
    const started = performance.now()
    const within = async (socket: Socket, ms: number) => {
      await new Promise<void>((closed) => socket.once('close', () => closed()))
      assert.ok(performance.now() - started < ms)
    }
    await Promise.all([within(tcp, 3_000), within(idle, 3_000), within(answered, 4_000)])
  })

  it('uses a replaced certificate for new connections', async () => {
    const before = (await open()).getPeerCertificate().fingerprint256
    replaceCertificate(server, await authority.issue({ names: [NAME] }))
    assert.notEqual((await open()).getPeerCertificate().fingerprint256, before)
  })
})
