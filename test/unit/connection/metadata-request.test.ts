/** The request of drivers to the metadata service, against a server that answers as it should, and in every other way. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { createServer, type Server } from 'node:https'
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server as TcpServer,
  type Socket,
} from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { requestMetadata } from '../../../src/lib/connection/metadata-request.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { type TestAuthority, testAuthority } from './certificates.ts'

const NAME = 'cassandra.example.com'
const INFO = {
  type: 'sni_proxy',
  local_dc: 'dc1',
  contact_points: ['11111111-1111-4111-8111-111111111111'],
  sni_proxy_address: `${NAME}:9042`,
}

describe('requestMetadata', () => {
  let authority: TestAuthority
  let asked: string[] = []
  const servers: Server[] = []

  before(async () => {
    authority = await testAuthority('dc1 CA')
  })
  beforeEach(() => {
    asked = []
  })
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections()
      server.close()
    }
  })

  async function ask(listener: RequestListener, names = [NAME], signal = new AbortController().signal) {
    const server = createServer(await authority.issue({ names }), (request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers.host}`)
      listener(request, response)
    })
    servers.push(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const dial = async () => {
      const socket = connect(port, '127.0.0.1')
      await once(socket, 'connect')
      return socket
    }
    return requestMetadata({ dial, serverName: NAME, ca: authority.pem, port: 9042, signal })
  }
  const refused = (code: string, message: RegExp, asking: Promise<unknown>) =>
    assert.rejects(asking, (error: unknown) => {
      assert.ok(error instanceof CassSniError, String(error))
      assert.equal(error.code, code)
      assert.match(error.message, message)
      return true
    })

  it('returns what drivers need', async () => {
    const info = await ask((_request, response) => response.end(JSON.stringify({ version: 1, contact_info: INFO })))
    assert.deepEqual(info, {
      contactPoints: INFO.contact_points,
      localDatacenter: 'dc1',
      sniProxyAddress: `${NAME}:9042`,
    })
    assert.deepEqual(asked, [`GET /metadata ${NAME}:9042`])
  })

  it('refuses every other response, and reads no more than 1 MiB of it', async () => {
    const answers = (text: string) => ask((_request, response) => response.end(text))
    await refused(
      'CSNI611',
      /HTTP status 404/,
      ask((_request, response) => response.writeHead(404).end()),
    )
    await refused('CSNI611', /response is not JSON/, answers('<html>'))
    await refused('CSNI611', /without contact_info\.contact_points/, answers('null'))
    await refused(
      'CSNI611',
      /without contact_info\.contact_points/,
      answers('{"contact_info": {"contact_points": [1]}}'),
    )
    await refused('CSNI611', /sni_proxy_address/, answers('{"contact_info": {"contact_points": []}}'))
    await refused(
      'CSNI611',
      /response too large/,
      ask((_request, response) => {
        const more = () => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        }
        response.on('drain', more)
        more()
      }),
    )
    await refused(
      'CSNI611',
      /socket hang up/,
      ask((request) => request.socket.destroy()),
    )
  })

  it('asks nothing of a server whose certificate does not verify', async () => {
    await refused(
      'CSNI602',
      /certificate/,
      ask((_request, response) => response.end('{}'), ['another.example.com']),
    )
    assert.deepEqual(asked, [])
  })

  describe('to a service that', () => {
    const LIMIT_MS = 300
    const silent = /^metadata service at cassandra\.example\.com: no response within 300 ?ms$/

    /** Asks whatever listens there, and returns how long that took. */
    async function within(server: TcpServer): Promise<CassSniError> {
      const open = new Set<Socket>()
      server.on('connection', (socket: Socket) => open.add(socket.on('error', () => undefined)))
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const dial = async () => {
        const socket = connect(port, '127.0.0.1')
        await once(socket, 'connect')
        return socket
      }
      const began = performance.now()
      const { signal } = new AbortController()
      try {
        return await requestMetadata({
          dial,
          serverName: NAME,
          ca: authority.pem,
          port: 9042,
          signal,
          timeoutMs: LIMIT_MS,
        }).then(
          () => assert.fail('there was no response'),
          (error: unknown) => {
            assert.ok(error instanceof CassSniError, String(error))
            assert.equal(error.code, 'CSNI611', error.message)
            return error
          },
        )
      } finally {
        assert.ok(performance.now() - began < LIMIT_MS + 2_000)
        // the request leaves no connection
        assert.ok(await closed(open))
        server.close()
      }
    }
    const closed = async (open: Set<Socket>) => {
      await Promise.all([...open].map((socket) => (socket.destroyed ? undefined : once(socket.resume(), 'close'))))
      return true
    }
    const withTls = async (met: (socket: TLSSocket) => void) =>
      within(
        createTlsServer(await authority.issue({ names: [NAME] }), (socket) => met(socket.on('error', () => undefined))),
      )

    it('accepts the connection and never answers, with or without TLS, ends within the time limit', async () => {
      assert.match((await within(createTcpServer())).message, silent)
      assert.match((await withTls((socket) => socket.resume())).message, silent)
    })

    it('answers a byte now and then ends within the time limit', async () => {
      const slow = 'HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n'
      const error = await withTls((socket) => {
        let at = 0
        const timer = setInterval(() => socket.write(slow[at++] ?? ' '), 20)
        socket.once('close', () => clearInterval(timer))
      })
      assert.match(error.message, silent)
    })

    it('answers without an end, in the headers or the body, is refused before that', async () => {
      const endless = (start: string, more: string) => (socket: TLSSocket) => {
        socket.write(start)
        const fill = () => {
          while (!socket.destroyed && socket.write(more));
        }
        socket.on('drain', fill)
        fill()
      }
      const headers = await withTls(endless('HTTP/1.1 200 OK\r\n', `x: ${'y'.repeat(1_000)}\r\n`))
      assert.match(headers.message, /^metadata service at cassandra\.example\.com: .*header/i)
      const body = await withTls(endless('HTTP/1.1 200 OK\r\n\r\n', ' '.repeat(65_536)))
      assert.match(body.message, /response too large$/)
      const informed = await withTls(endless('', 'HTTP/1.1 102 Processing\r\n\r\n'))
      assert.match(informed.message, silent)
    })

    it('speaks another protocol is reported as such', async () => {
      assert.match(
        (await withTls((socket) => socket.resume().end('SSH-2.0-x\r\n'))).message,
        /: .*(parse error|expected http)/i,
      )
    })
  })

  it('is ended by its signal', async () => {
    const stop = new AbortController()
    const reason = new CassSniError('CSNI902', 'interrupted')
    await refused(
      'CSNI902',
      /interrupted/,
      ask(() => stop.abort(reason), [NAME], stop.signal),
    )
  })
})
