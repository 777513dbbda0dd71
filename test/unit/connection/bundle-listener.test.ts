/** The local port of `bundle serve`: metadata for the first request of drivers, then CQL to the node of the SNI name. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:https'
import { type AddressInfo, createServer } from 'node:net'
import { Duplex } from 'node:stream'
import { connect, type TLSSocket } from 'node:tls'
import { listenForBundle } from '../../../src/lib/connection/bundle-listener.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { type TestAuthority, testAuthority } from './certificates.ts'

const HOST_ID = '11111111-1111-4111-8111-111111111111'
const END = new CassSniError('CSNI902', 'ended')

describe('the local port of a bundle', () => {
  let authority: TestAuthority
  let end: AbortController
  let failures: CassSniError[]
  let dialed: string[]
  let node: Duplex | undefined

  before(async () => {
    authority = await testAuthority('run CA')
  })
  beforeEach(() => {
    end = new AbortController()
    failures = []
    dialed = []
    node = undefined
  })
  afterEach(() => end.abort(END))

  /** A node that sends back what it gets. */
  const echo = () =>
    new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        this.push(chunk)
        done()
      },
      final(done) {
        this.push(null)
        done()
      },
    })
  const open = (dial = async (): Promise<Duplex> => echo(), port = 0) =>
    listenForBundle({
      port,
      metadata: { path: '/metadata', name: 'localhost', document: (address) => ({ address }) },
      certificateFor: (name) => authority.issue({ names: [name] }),
      dial: async (hostId) => {
        dialed.push(hostId)
        node = await dial()
        return node
      },
      signal: end.signal,
      onFailure: (error) => failures.push(error),
    })
  const client = async (port: number, servername: string): Promise<TLSSocket> => {
    const socket = connect({ port, host: '127.0.0.1', servername, ca: authority.pem })
    socket.on('error', () => undefined)
    await once(socket, 'secureConnect')
    return socket
  }
  const ask = (port: number, path: string, options: object = { servername: 'localhost' }): Promise<[number, string]> =>
    new Promise((resolve, reject) => {
      const headers = { host: `localhost:${port}` }
      const sent = request({ host: '127.0.0.1', port, path, ca: authority.pem, headers, agent: false, ...options })
      sent.on('error', reject).on('response', (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part
        })
        response.on('end', () => resolve([response.statusCode ?? 0, text]))
      })
      sent.end()
    })

  it('answers the metadata request with its own address, and nothing else', async () => {
    const { port } = await open()
    assert.deepEqual(await ask(port, '/metadata'), [200, JSON.stringify({ address: `localhost:${port}` })])
    assert.equal((await ask(port, '/other'))[0], 404)
    // Java sends no server name without a dot; the certificate is for localhost nevertheless
    const withoutName = { servername: '', checkServerIdentity: () => undefined }
    assert.equal((await ask(port, '/metadata', withoutName))[0], 200)
    assert.deepEqual(dialed, [])
  })

  it('forwards to the node of the server name, in both directions, and passes on the end', async () => {
    const { port } = await open()
    const socket = await client(port, HOST_ID)
    assert.equal(socket.getPeerX509Certificate()?.subjectAltName, `DNS:${HOST_ID}`)
    const bytes = Buffer.alloc(1 << 20, 'x')
    let received = 0
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    socket.end(bytes)
    await once(socket, 'close')
    assert.equal(received, bytes.length)
    assert.deepEqual([dialed, failures], [[HOST_ID], []])
  })

  it('closes the client of a node that cannot be reached, reports why, and serves the next', async () => {
    const unreachable = new CassSniError('CSNI603', 'no route')
    let isDown = true
    const { port } = await open(async () => {
      if (isDown) throw unreachable
      return echo()
    })
    const first = await client(port, HOST_ID)
    await once(first.resume(), 'close')
    assert.deepEqual(failures, [unreachable])
    isDown = false
    const next = await client(port, HOST_ID)
    next.write('x')
    assert.equal(String((await once(next, 'data'))[0]), 'x')
  })

  it('closes the client when the connection to the node breaks, and the node when the client goes', async () => {
    const { port } = await open()
    const first = await client(port, HOST_ID)
    first.write('x')
    await once(first, 'data')
    node?.destroy(new Error('reset'))
    await once(first, 'close')
    const second = await client(port, HOST_ID)
    second.write('x')
    await once(second, 'data')
    const behind = node as Duplex
    second.destroy()
    if (!behind.destroyed) await once(behind, 'close')
  })

  it('ends with its signal: the port, open connections, and what is being dialed without a report', async () => {
    const { port, done } = await open()
    const socket = await client(port, HOST_ID)
    socket.write('x')
    await once(socket, 'data')
    end.abort(END)
    await Promise.all([done, once(socket, 'close')])
    const [error] = (await once(connect({ port, host: '127.0.0.1' }), 'error')) as [NodeJS.ErrnoException]
    assert.equal(error.code, 'ECONNREFUSED')
    assert.deepEqual(failures, [])
    await assert.rejects(open(), END)
  })

  it('is refused if the port is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    await assert.rejects(open(undefined, port), { code: 'CSNI106', message: new RegExp(`\\b${port}\\b`) })
    other.close()
  })
})
