/** The request of drivers to the metadata service, against a server that answers as it should, and in every other way. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { createServer, type Server } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
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
