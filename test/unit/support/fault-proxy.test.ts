import assert from 'node:assert/strict'
import { once } from 'node:events'
import * as http from 'node:http'
import * as https from 'node:https'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { WebSocket, WebSocketServer } from 'ws'
import { byteProxy, type ConnectionFault, everyNth } from '../../support/fault-proxy.ts'
import { onReuse, type RequestFault, type RequestProxy, requestProxy } from '../../support/fault-requests.ts'
import { testAuthority } from '../connection/certificates.ts'

describe('the proxy of bytes for tests', () => {
  const ends: (() => unknown)[] = []
  afterEach(async () => {
    for (const end of ends.splice(0)) await end()
  })

  /** Through a proxy to a server that echoes. */
  async function through(fault: ConnectionFault): Promise<Socket> {
    const echo = createServer((socket) => socket.on('error', () => socket.destroy()).pipe(socket))
    const proxy = await byteProxy(await listening(echo), () => fault)
    ends.push(
      () => proxy.stop(),
      () => echo.close(),
    )
    const client = connect(proxy.port, proxy.host)
    client.on('error', () => undefined)
    await once(client, 'connect')
    return client
  }

  it('passes bytes both ways, and both ends of a connection', async () => {
    const client = await through({})
    client.end('x'.repeat(1_000_000))
    assert.equal((await read(client)).bytes, 1_000_000)
  })

  it('accepts and says nothing', async () => {
    const client = await through({ silent: true })
    client.write('hello')
    assert.deepEqual(await read(client, 100), { bytes: 0, ended: 'not' })
  })

  it('closes at once', async () => {
    assert.deepEqual(await read(await through({ closeAtOnce: true })), { bytes: 0, ended: 'end' })
  })

  it('resets in the handshake', async () => {
    const client = await through({ resetInHandshake: true })
    client.write('hello')
    assert.deepEqual(await read(client), { bytes: 0, ended: 'ECONNRESET' })
  })

  for (const [how, ended] of [
    ['reset', 'ECONNRESET'],
    ['close', 'end'],
    ['stall', 'not'],
  ] as const)
    it(`breaks after so many bytes: ${how}`, async () => {
      const client = await through({ cut: { afterBytes: 3, how } })
      client.write('hello')
      assert.deepEqual(await read(client, 200), { bytes: 3, ended })
    })

  it('resets a connection that is used again after a pause', async () => {
    const client = await through({ resetAfterIdleMs: 50 })
    client.write('hello')
    await once(client, 'data')
    client.write('again')
    await once(client, 'data')
    await pause(70)
    client.write('after the pause')
    assert.deepEqual(await read(client), { bytes: 0, ended: 'ECONNRESET' })
  })

  it('dials later, and resets what is open', async () => {
    const client = await through({ delayMs: 50 })
    const started = Date.now()
    client.write('hello')
    await once(client, 'data')
    assert.ok(Date.now() - started >= 45)
    const far = createServer()
    const proxy = await byteProxy(await listening(far))
    const other = connect(proxy.port, proxy.host)
    await once(other, 'connect')
    while (proxy.open === 0) await pause(1)
    proxy.resetAll()
    assert.deepEqual(await read(other), { bytes: 0, ended: 'ECONNRESET' })
    await proxy.stop()
    far.close()
  })
})

for (const tls of [false, true])
  describe(`the proxy of requests for tests, ${tls ? 'ending TLS' : 'in plain'}`, () => {
    const ends: (() => unknown)[] = []
    let terms: { ca: string; cert: string; key: string }
    before(async () => {
      const authority = await testAuthority('proxy CA')
      const { cert, key } = await authority.issue({ names: ['localhost'] })
      terms = { ca: authority.pem, cert, key }
    })
    afterEach(async () => {
      for (const end of ends.splice(0)) await end()
    })

    /** Through a proxy to a server that answers with what it was asked, and echoes on WebSockets. */
    async function through(fault?: RequestProxy['fault']) {
      const server = tls ? https.createServer(terms) : http.createServer()
      server.on('request', (request, response) => {
        let body = ''
        request.setEncoding('utf8').on('data', (text) => {
          body += text
        })
        if (request.url === '/dies') {
          response.writeHead(200, { 'x-test': 'yes', 'content-length': 9 }).write('part')
          return void setTimeout(() => request.socket.destroy(), 20)
        }
        request.on('end', () => response.setHeader('x-test', 'yes').end(`${request.method} ${request.url} ${body}`))
      })
      const sockets = new WebSocketServer({ server })
      sockets.on('connection', (socket) => socket.on('message', (text) => socket.send(text.toString())))
      const proxy = await requestProxy(await listening(server), {
        tls: tls ? { serve: terms, ask: { ...terms, servername: 'localhost' } } : undefined,
        fault,
      })
      const agent = new (tls ? https : http).Agent({
        keepAlive: true,
        maxSockets: 1,
        ca: terms.ca,
        servername: 'localhost',
      } as object)
      ends.push(
        () => agent.destroy(),
        () => proxy.stop(),
        () => sockets.close(),
        () => server.closeAllConnections(),
        () => server.close(),
      )
      const ask = (path: string, body = '', waitMs = 2000) =>
        new Promise<string>((resolve) => {
          let text = ''
          const request = (tls ? https : http).request(`${proxy.url}${path}`, { method: 'POST', agent }, (response) => {
            text = `${response.statusCode} ${response.headers['retry-after'] ?? response.headers['x-test']} `
            response.setEncoding('utf8').on('data', (part) => {
              text += part
            })
            response.on('end', () => resolve(text))
            response.on('error', () => undefined) // the request's error says it
          })
          request.on('error', (error: NodeJS.ErrnoException) => resolve(`${text}${error.code}`))
          setTimeout(() => request.destroy(Object.assign(new Error(), { code: 'late' })), waitMs).unref()
          request.end(body)
        })
      const trust = { ca: terms.ca, servername: 'localhost' }
      const socket = () => new WebSocket(proxy.url.replace('http', 'ws'), trust)
      return { proxy, ask, socket }
    }

    it('passes requests and answers on, on connections that are kept', async () => {
      const { proxy, ask } = await through()
      assert.equal(await ask('/a?b=c', 'one'), '200 yes POST /a?b=c one')
      assert.equal(await ask('/d', 'two'), '200 yes POST /d two')
      assert.equal(proxy.connections, 1)
      assert.deepEqual(
        proxy.requests.map(({ method, url, nth, nthOfConnection }) => [method, url, nth, nthOfConnection]),
        [
          ['POST', '/a?b=c', 1, 1],
          ['POST', '/d', 2, 2],
        ],
      )
    })

    it('passes WebSockets on, and cuts them', async () => {
      const { proxy, socket } = await through()
      const whole = socket()
      await once(whole, 'open')
      whole.send('hello')
      assert.equal(String((await once(whole, 'message'))[0]), 'hello')
      proxy.fault = () => ({ cut: { afterBytes: 4, how: 'reset' } })
      const cut = socket()
      await once(cut, 'open')
      cut.send('hello')
      // abnormal closure: no close frame came
      assert.equal((await once(cut, 'close'))[0], 1006)
      proxy.fault = () => ({ answer: { status: 429, retryAfter: 1 } })
      const [refused] = await once(socket(), 'error')
      assert.match(refused.message, /429/)
      whole.terminate()
    })

    it('resets the connection when the server ends in the middle of its answer', async () => {
      const { ask } = await through()
      assert.equal(await ask('/dies'), '200 yes partECONNRESET')
    })

    it('answers by itself on every n-th request', async () => {
      const { proxy, ask } = await through(everyNth(2, { answer: { status: 429, retryAfter: 3, body: 'busy' } }))
      assert.match(await ask('/1'), /^200 yes/)
      assert.equal(await ask('/2'), '429 3 busy')
      assert.match(await ask('/3'), /^200 yes/)
      assert.equal(proxy.connections, 1)
    })

    it('resets a kept connection when it is used again', async () => {
      const { proxy, ask } = await through(onReuse({ reset: true }))
      assert.match(await ask('/1'), /^200 yes/)
      assert.equal(await ask('/2'), 'ECONNRESET')
      assert.match(await ask('/3'), /^200 yes/)
      assert.equal(proxy.connections, 2)
    })

    const faults: [string, RequestFault, string][] = [
      ['hangs', { hang: true }, 'late'],
      ['cuts an answer', { cut: { afterBytes: 6, how: 'reset' } }, '200 yes POST /ECONNRESET'],
      ['lets an answer stall', { cut: { afterBytes: 6, how: 'stall' } }, '200 yes POST /late'],
      ['passes on late', { delayMs: 30 }, '200 yes POST /x '],
    ]
    for (const [what, fault, outcome] of faults)
      it(what, async () => {
        const { ask } = await through(() => fault)
        const started = Date.now()
        assert.equal(await ask('/x', '', outcome.endsWith('late') ? 150 : 2000), outcome)
        assert.ok(Date.now() - started >= (fault.delayMs ?? 1) - 1)
      })
  })

async function listening(server: Server): Promise<{ host: string; port: number }> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
}

/** Reads to the end, or as long as is said. */
async function read(socket: Socket, waitMs = 2000): Promise<{ bytes: number; ended: string }> {
  let bytes = 0
  const ended = await new Promise<string>((resolve) => {
    socket.on('data', (part: Buffer) => {
      bytes += part.length
    })
    socket.on('end', () => resolve('end'))
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)))
    setTimeout(() => resolve('not'), waitMs).unref()
  })
  socket.destroy()
  return { bytes, ended }
}
