import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { mock } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type WebSocket, WebSocketServer } from 'ws'
import { execInPod } from '../../../src/lib/cluster/exec.ts'
import { Transport, type TransportOptions } from '../../../src/lib/cluster/transport.ts'
import { openTunnel } from '../../../src/lib/cluster/pod-tunnel.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { nextTexts } from '../../support/next-texts.ts'

const PORT_BYTES = Buffer.from([0x52, 0x23])
const framed = (channel: number, data: Buffer | string) => Buffer.concat([Buffer.from([channel]), Buffer.from(data)])
const pod = { name: 'p', namespace: 'n' }

describe('streams into a pod', () => {
  let http: Server
  let sockets: WebSocketServer
  let transport: Transport
  let refusal: [number, string] | undefined
  let onSocket: (socket: WebSocket) => void
  let url = ''
  let authenticate: TransportOptions['authenticate']
  beforeEach(async () => {
    refusal = undefined
    authenticate = async () => ({ headers: {}, tls: {} })
    http = createServer()
    sockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => [...offered][0] ?? false })
    http.on('upgrade', (request, socket, head) => {
      url = request.url ?? ''
      // as a kubelet: of what is offered it takes what it knows
      const { 'sec-websocket-protocol': offered = '' } = request.headers
      request.headers['sec-websocket-protocol'] = offered.replace('SPDY/3.1+portforward.k8s.io, ', '')
      if (refusal === undefined) sockets.handleUpgrade(request, socket, head, (ws) => onSocket(ws))
      else
        socket.end(
          `HTTP/1.1 ${refusal[0]} x\r\nContent-Length: ${refusal[1].length}\r\nConnection: close\r\n\r\n${refusal[1]}`,
        )
    })
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    transport = new Transport({
      target: {
        context: 'c',
        cluster: 'c',
        user: 'u',
        server: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
        namespace: 'n',
        namespaceGiven: false,
      },
      authenticate: (refused) => authenticate(refused),
      signal: new AbortController().signal,
      userAgent: 'test',
    })
  })
  afterEach(() => {
    for (const socket of sockets.clients) socket.terminate()
    http.closeAllConnections()
    http.close()
  })

  /** As kubelet does: the port on both channels first, in the same breath as the handshake. */
  const greet = (socket: WebSocket) => {
    socket.send(framed(0, PORT_BYTES))
    socket.send(framed(1, PORT_BYTES))
  }
  const ended = (stream: Duplex) =>
    new Promise<Error | undefined>((resolve) =>
      stream
        .once('error', resolve)
        .once('close', () => resolve(undefined))
        .resume(),
    )

  it('carries bytes both ways, without the port header and whole', async () => {
    onSocket = (socket) => {
      greet(socket)
      socket.on('message', (message: Buffer) => socket.send(framed(0, message.subarray(1))))
    }
    const tunnel = await openTunnel(transport, pod, 9042)
    assert.equal(url, '/api/v1/namespaces/n/pods/p/portforward?ports=9042')
    const sent = Buffer.alloc(3_000_000, 'abcdefg')
    const received: Buffer[] = []
    tunnel.on('data', (data: Buffer) => received.push(data))
    for (let at = 0; at < sent.length; at += 10_007) tunnel.write(sent.subarray(at, at + 10_007))
    while (Buffer.concat(received).length < sent.length) await sleep(10)
    assert.deepEqual(Buffer.concat(received), sent)
    tunnel.destroy()
  })

  it('does not read a refusal without end, nor a message that no kubelet sends', async () => {
    http.removeAllListeners('upgrade')
    http.once('upgrade', (_request, socket) => {
      socket.on('error', () => undefined)
      socket.write('HTTP/1.1 500 x\r\n\r\n')
      const timer = setInterval(() => socket.write(Buffer.alloc(32 * 1024, 'x')), 1)
      socket.on('close', () => clearInterval(timer))
    })
    await assert.rejects(openTunnel(transport, pod, 9042), (error: Error) => error.message.length < 1000)
    // which refuses a protocol whose name is none: then without it
    http.on('upgrade', (request, socket, head) => sockets.handleUpgrade(request, socket, head, (ws) => onSocket(ws)))
    onSocket = (socket) => {
      socket.on('error', () => undefined)
      greet(socket)
      socket.send(framed(0, Buffer.alloc(16 * 1024 * 1024)))
    }
    const tunnel = await openTunnel(transport, pod, 9042)
    assert.match(String(await ended(tunnel)), /message too large/)
  })

  it('stops reading when nobody takes the data', async () => {
    let sent = 0
    onSocket = (socket) => {
      greet(socket)
      const pump = () =>
        socket.send(framed(0, Buffer.alloc(65536)), () => {
          sent += 65536
          if (sent < 200 * 1024 * 1024) pump()
        })
      pump()
    }
    const tunnel = await openTunnel(transport, pod, 9042)
    await sleep(300)
    const stuck = sent
    await sleep(200)
    assert.equal(sent, stuck)
    assert.ok(sent < 50 * 1024 * 1024, `${sent} bytes were read though nobody wanted them`)
    tunnel.destroy()
  })

  it('makes a writer wait when the far end does not read', async () => {
    onSocket = (socket) => {
      greet(socket)
      socket.pause()
    }
    const tunnel = await openTunnel(transport, pod, 9042)
    let written = 0
    while (tunnel.write(Buffer.alloc(65536)) && written < 200 * 1024 * 1024) {
      written += 65536
      await sleep(0)
    }
    assert.ok(written < 50 * 1024 * 1024)
    tunnel.destroy()
  })

  it('fails with the reason of the error channel', async () => {
    onSocket = (socket) => {
      greet(socket)
      socket.send(
        framed(1, 'error forwarding port 9042 to pod x, uid : dial tcp4 127.0.0.1:9042: connect: connection refused'),
      )
    }
    const error = await ended(await openTunnel(transport, pod, 9042))
    assert.match(String(error), /port 9042 of pod p failed: connection refused/)
    assert.equal((error as { code?: string }).code, 'CSNI601')
  })

  it('ends when the far end closes, and fails when the connection is cut', async () => {
    onSocket = (socket) => {
      greet(socket)
      socket.send(framed(0, 'bye'))
      socket.close(1000)
    }
    assert.equal(await ended(await openTunnel(transport, pod, 9042)), undefined)
    onSocket = (socket) => socket.terminate()
    assert.match(String(await ended(await openTunnel(transport, pod, 9042))), /connection to the API server lost/)
  })

  it('waits for the far end after our own end', async () => {
    onSocket = (socket) => {
      greet(socket)
      socket.on('message', () => setTimeout(() => socket.send(framed(0, 'late')), 200))
    }
    const tunnel = await openTunnel(transport, pod, 9042)
    tunnel.end('question')
    const parts: Buffer[] = []
    tunnel.on('data', (data: Buffer) => parts.push(data))
    await new Promise((resolve) => tunnel.once('close', resolve))
    assert.equal(Buffer.concat(parts).toString(), 'late')
  })

  it('waits longer for the answer to a question that our side ended with', async () => {
    onSocket = (socket) => {
      greet(socket)
      socket.on('message', () => setTimeout(() => socket.send(framed(0, 'at last')), 3000))
    }
    const tunnel = await openTunnel(transport, pod, 9042)
    tunnel.end('question')
    const parts: Buffer[] = []
    tunnel.on('data', (data: Buffer) => parts.push(data))
    await new Promise((resolve) => tunnel.once('close', resolve))
    assert.equal(Buffer.concat(parts).toString(), 'at last')
  }).timeout(10_000)

  it('takes only the codes 1000 and 1005 for an end', async () => {
    const closing = async (code?: number, reason?: string) => {
      onSocket = (socket) => {
        greet(socket)
        socket.close(code, reason)
      }
      return String(await ended(await openTunnel(transport, pod, 9042)))
    }
    assert.equal(await closing(1000), 'undefined')
    assert.equal(await closing(), 'undefined')
    assert.match(await closing(1001), /port 9042 of pod p failed: remote end is going away/)
    assert.match(await closing(1011, 'no memory'), /internal error at the remote end: no memory/)
    assert.match(await closing(4999), /closed with code 4999/)
    onSocket = (socket) => socket.close(1011)
    await assert.rejects(execInPod(transport, pod, 'c', ['a']), { code: 'CSNI209', message: /internal error/ })
  })

  it('ends a connection whose peer does not answer a ping within ten seconds', async () => {
    mock.timers.enable({ apis: ['setInterval'] })
    try {
      const connections: Socket[] = []
      http.on('connection', (socket) => connections.push(socket))
      onSocket = (socket) => greet(socket)
      const tunnel = await openTunnel(transport, pod, 9042)
      const end = ended(tunnel)
      const running = execInPod(transport, pod, 'c', ['a'])
      const failed = assert.rejects(running, { code: 'CSNI209', message: /no response from the API server for 10s/ })
      const tenSeconds = async () => {
        mock.timers.tick(10_000)
        for (let round = 0; round < 20; round += 1) await new Promise((resolve) => setImmediate(resolve))
        await sleep(20)
      }
      for (let round = 0; round < 10; round += 1) await tenSeconds()
      assert.equal(tunnel.destroyed, false)
      // as a machine that is gone: nothing is read, nothing is closed
      for (const connection of connections) connection.pause()
      // a ping is due after twenty seconds of silence
      for (let round = 0; round < 3; round += 1) await tenSeconds()
      assert.match(String(await end), /port 9042 of pod p failed: no response from the API server for 10s/)
      await failed
    } finally {
      mock.timers.reset()
    }
  })

  it('gives a peer more time that has much to take: kubelet reads no ping while the pod reads nothing', async () => {
    mock.timers.enable({ apis: ['setInterval'] })
    try {
      const connections: Socket[] = []
      http.on('connection', (socket) => connections.push(socket))
      onSocket = (socket) => greet(socket)
      const tunnel = await openTunnel(transport, pod, 9042)
      const end = ended(tunnel)
      await sleep(20)
      for (const connection of connections) connection.pause()
      tunnel.write(Buffer.alloc(200 * 1024))
      for (let round = 0; round < 31; round += 1) mock.timers.tick(10_000)
      await sleep(20)
      assert.equal(tunnel.destroyed, false)
      mock.timers.tick(10_000)
      assert.match(String(await end), /no response from the API server for 300s/)
    } finally {
      mock.timers.reset()
    }
  })

  it('does not take a peer for dead while nobody reads what it sends', async () => {
    mock.timers.enable({ apis: ['setInterval'] })
    try {
      onSocket = (socket) => {
        greet(socket)
        socket.send(framed(0, Buffer.alloc(4 * 1024 * 1024)))
      }
      const tunnel = await openTunnel(transport, pod, 9042)
      await sleep(50)
      for (let round = 0; round < 6; round += 1) {
        mock.timers.tick(20_000)
        await sleep(5)
      }
      assert.equal(tunnel.destroyed, false)
      tunnel.destroy()
    } finally {
      mock.timers.reset()
    }
  })

  it('gives up opening when its signal says so, and leaves nothing behind', async () => {
    http.removeAllListeners('upgrade')
    let [arrived, closed] = [0, 0]
    http.on('upgrade', (_request, socket) => {
      arrived += 1
      socket.on('error', () => undefined)
      socket.once('end', () => {
        closed += 1
        socket.end()
      })
      socket.resume()
    })
    const stop = new AbortController()
    const opening = openTunnel(transport, pod, 9042, { signal: stop.signal })
    const refused = assert.rejects(opening, { code: 'CSNI601', message: 'enough' })
    while (arrived === 0) await sleep(5)
    stop.abort(new CassSniError('CSNI601', 'enough'))
    await refused
    for (let round = 0; round < 50 && closed === 0; round += 1) await sleep(5)
    assert.equal(closed, 1)
    await assert.rejects(openTunnel(transport, pod, 9042, { signal: stop.signal }), { message: 'enough' })
  })

  it('names a proxy that refuses WebSockets', async () => {
    const html = '<html><body>Forbidden</body></html>'
    const required = JSON.stringify({ kind: 'Status', reason: 'BadRequest', message: 'Upgrade request required' })
    for (const answer of [
      [403, html],
      [426, ''],
      [200, 'ok'],
      [400, required],
    ] satisfies [number, string][]) {
      refusal = answer
      await assert.rejects(
        openTunnel(transport, pod, 9042),
        (error: CassSniError) => {
          assert.equal(error.code, 'CSNI607')
          assert.match(error.message, /a proxy in front of the API server .* rejects WebSockets/)
          assert.match(nextTexts(error.next).join(), /SPDY upgrades.* not supported/)
          return true
        },
        String(answer),
      )
      await assert.rejects(execInPod(transport, pod, 'c', ['a']), { code: 'CSNI607' })
    }
    // a proxy that has no server to ask just now, and a kubelet's own refusal
    refusal = [502, html]
    await assert.rejects(openTunnel(transport, pod, 9042), { code: 'CSNI601' })
    refusal = [400, 'unable to upgrade: container not found ("c")']
    await assert.rejects(execInPod(transport, pod, 'c', ['a']), { code: 'CSNI209', message: /container not found/ })
  })

  it('asks an API server again that has too much to do', async () => {
    onSocket = greet
    refusal = [429, JSON.stringify({ kind: 'Status', reason: 'TooManyRequests', message: 'busy' })]
    let asked = 0
    http.on('upgrade', () => {
      if (++asked === 2) refusal = undefined
    })
    const tunnel = await openTunnel(transport, pod, 15000)
    tunnel.destroy()
    assert.equal(asked, 3)
  })

  it('asks for new credentials once after a 401', async () => {
    onSocket = greet
    const tls = {}
    const asked: (string | undefined)[] = []
    let fresh = 'new'
    authenticate = async (refused) => ({
      headers: { Authorization: refused?.headers.Authorization === 'old' ? fresh : 'old' },
      tls,
    })
    http.prependListener('upgrade', ({ headers }) => {
      asked.push(headers.authorization)
      refusal = headers.authorization === 'new' ? undefined : [401, '{"kind":"Status","reason":"Unauthorized"}']
    })
    const tunnel = await openTunnel(transport, pod, 9042)
    tunnel.destroy()
    assert.deepEqual(asked, ['old', 'new'])
    // no others, and others that are refused as well
    fresh = 'old'
    await assert.rejects(openTunnel(transport, pod, 9042), { code: 'CSNI202' })
    fresh = 'other'
    await assert.rejects(execInPod(transport, pod, 'c', ['a']), { code: 'CSNI202' })
    assert.deepEqual(asked.slice(2), ['old', 'old', 'other'])
  })

  it('translates a refused handshake', async () => {
    refusal = [
      403,
      JSON.stringify({
        kind: 'Status',
        reason: 'Forbidden',
        message: 'pods "p" is forbidden: User "jane" cannot create resource "pods/portforward"',
      }),
    ]
    await assert.rejects(openTunnel(transport, pod, 9042), {
      code: 'CSNI203',
      message: 'user "jane" cannot create pods/portforward "p" in namespace n',
    })
    refusal = [500, 'kubelet is away']
    await assert.rejects(openTunnel(transport, pod, 9042), { code: 'CSNI601', message: /kubelet is away/ })
  })

  it('runs a command: input, outputs, exit code', async () => {
    onSocket = (socket) => {
      const input: Buffer[] = []
      socket.on('message', (message: Buffer) => {
        if (message[0] === 0) input.push(message.subarray(1))
        if (message[0] !== 255) return
        socket.send(framed(1, Buffer.concat(input)))
        socket.send(framed(2, 'err'))
        socket.send(
          framed(
            3,
            JSON.stringify({
              status: 'Failure',
              reason: 'NonZeroExitCode',
              details: { causes: [{ reason: 'ExitCode', message: '4' }] },
            }),
          ),
        )
        socket.close(1000)
      })
    }
    const result = await execInPod(transport, pod, 'c', ['a', 'b c'], { stdin: 'in' })
    assert.deepEqual(result, { stdout: 'in', stderr: 'err', exitCode: 4 })
    assert.match(url, /container=c&stdout=true&stderr=true&command=a&command=b\+c&stdin=true/)
  })

  it('does not take a cut connection for the end of a command', async () => {
    onSocket = (socket) => socket.close(1000)
    await assert.rejects(execInPod(transport, pod, 'c', ['a']), {
      code: 'CSNI209',
      message: /closed before the command finished/,
    })
    onSocket = () => undefined
    await assert.rejects(execInPod(transport, pod, 'c', ['a'], { timeoutMs: 50 }), {
      code: 'CSNI209',
      message: /timed out after 50ms/,
    })
  })
})
