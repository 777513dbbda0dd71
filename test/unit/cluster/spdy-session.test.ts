import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { mock } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openTunnel } from '../../../src/lib/cluster/pod-tunnel.ts'
import { Transport } from '../../../src/lib/cluster/transport.ts'
import { type PortForwardServer, portForwardServer } from '../../support/port-forward-server.ts'

const pod = { name: 'p', namespace: 'n' }

describe('connections to a pod that share WebSockets', () => {
  let server: PortForwardServer
  let transport: Transport
  let stop: AbortController
  beforeEach(async () => {
    server = await portForwardServer()
    stop = new AbortController()
    const target = { context: 'c', cluster: 'c', user: 'u', server: server.url, namespace: 'n', namespaceGiven: false }
    transport = new Transport({
      target,
      authenticate: async () => ({ headers: {}, tls: {} }),
      signal: stop.signal,
      userAgent: 'test',
    })
  })
  afterEach(() => {
    stop.abort(new Error('the test is over'))
    server.stop()
  })

  const open = async (port = 9042) => {
    const tunnel = await openTunnel(transport, pod, port)
    const received: Buffer[] = []
    tunnel.on('data', (data: Buffer) => received.push(data)).on('error', () => undefined)
    return Object.assign(tunnel, { text: () => Buffer.concat(received).toString() })
  }
  const until = async (reached: () => boolean) => {
    for (let round = 0; round < 400 && !reached(); round += 1) await sleep(5)
    assert.ok(reached())
  }
  const asked = async (text = 'question', port = 9042) => {
    const tunnel = await open(port)
    tunnel.write(text)
    await until(() => tunnel.text() === text)
    return tunnel
  }
  const failed = async (tunnel: Duplex) => String((await once(tunnel, 'error'))[0])

  it('one after another: the next one takes the WebSocket of the one that has ended', async () => {
    for (const port of [9042, 9042, 15021]) {
      const tunnel = await asked('question', port)
      await sleep(15)
      tunnel.destroy()
    }
    assert.equal(server.sockets.length, 1)
    await until(() => server.requested.every(({ isReset }) => isReset))
    assert.deepEqual(
      server.requested.map(({ headers, isReset }) => [headers, isReset]),
      [
        [{ streamtype: 'data', port: '9042', requestid: '1' }, true],
        [{ streamtype: 'data', port: '9042', requestid: '5' }, true],
        [{ streamtype: 'data', port: '15021', requestid: '9' }, true],
      ],
    )
  })

  it('asks for a connection in one message', async () => {
    const first = await asked()
    await sleep(15)
    first.destroy()
    await until(() => server.requested[0]?.isReset === true)
    let messages = 0
    server.sockets[0]?.on('message', () => {
      messages += 1
    })
    await open()
    assert.deepEqual([messages, server.sockets.length], [1, 1])
  })

  it('sends what is written unchanged, in frames of 128 KiB at most', async () => {
    server.onData = () => undefined
    const tunnel = await open()
    const written = [1, 5000, 70_000, 300_000, 0, 4096, 20].map((size) => randomBytes(size))
    tunnel.cork()
    for (const bytes of written) tunnel.write(bytes)
    tunnel.uncork()
    const all = Buffer.concat(written)
    const received = () => server.requested[0]?.received ?? []
    await until(() => received().reduce((sum, { length }) => sum + length, 0) === all.length)
    assert.ok(Buffer.concat(received()).equals(all))
    assert.deepEqual(
      received().map(({ length }) => length),
      [128 * 1024, 128 * 1024, all.length - 256 * 1024],
    )
  })

  it('ends an open connection, and the wait for one, with the reason of the signal', async () => {
    const first = await asked()
    server.onRequest = () => undefined
    const waiting = openTunnel(transport, pod, 9042)
    await until(() => server.requested.length === 2)
    const errors = [failed(first), waiting.then(() => 'it is open', String)]
    stop.abort(new Error('enough'))
    assert.deepEqual(
      (await Promise.all(errors)).map((error) => error.replace(/^\w+: /, '')),
      ['enough', 'enough'],
    )
  })

  it('at the same time each has a WebSocket, so that a slow or lost one delays no other', async () => {
    const slow = await asked('slow')
    slow.pause()
    server.requested[0]?.send(Buffer.alloc(4_000_000))
    const [other, third] = await Promise.all([asked('other'), asked('third')])
    assert.equal(server.sockets.length, 3)
    server.sockets[1]?.terminate()
    assert.match(await failed(other), /connection to the API server lost/)
    third.write('!')
    await until(() => third.text() === 'third!')
    slow.resume()
    await until(() => slow.text().length === 4_000_004)
  })

  it('a client that has ended and awaits the remote end gets what is still sent, beside the next client', async () => {
    const first = await asked('first')
    first.end()
    await sleep(20)
    const second = await asked('second')
    server.requested[0]?.send(' and more')
    await until(() => first.text() === 'first and more')
    await once(first, 'close')
    second.write('!')
    await until(() => second.text() === 'second!')
    assert.equal(server.sockets.length, 1)
  })

  it('a client that has ended keeps its WebSocket to itself while it does not read', async () => {
    const first = await asked('first')
    first.end()
    first.pause()
    server.requested[0]?.send(Buffer.alloc(4_000_000))
    await sleep(30)
    await asked('second')
    assert.equal(server.sockets.length, 2)
    // longer than the remote end's silence would end it
    await sleep(1200)
    first.resume()
    await until(() => first.text().length === 4_000_005)
  })

  it('frames in pieces and many in one message', async () => {
    for (const chunk of [1, 7, 10_000]) {
      server.chunk = chunk
      const tunnel = await open()
      const text = 'abcdefg'.repeat(chunk * 3)
      for (let at = 0; at < text.length; at += 11) tunnel.write(text.slice(at, at + 11))
      await until(() => tunnel.text() === text)
      tunnel.destroy()
    }
  })

  it('an error of one ends this one only, and its WebSocket is not used again', async () => {
    const other = await asked('other')
    const tunnel = await asked('tunnel')
    const reason = 'error forwarding port 9042 to pod x, uid : read tcp4 127.0.0.1: connection reset by peer'
    const failure = failed(tunnel)
    server.requested[1]?.end(reason)
    assert.match(await failure, /port 9042 of pod p failed: connection reset by peer/)
    other.write('!')
    await until(() => other.text() === 'other!')
    await asked('third')
    assert.deepEqual(
      server.requested.map(({ socket }) => socket),
      [0, 1, 2],
    )
  })

  it('an error that comes with the acceptance is reported by the stream', async () => {
    server.onRequest = (connection) => {
      connection.accept()
      connection.end('dial tcp4 127.0.0.1:9042: connect: connection refused')
    }
    server.chunk = 1_000_000
    assert.match(await failed(await openTunnel(transport, pod, 9042)), /connection refused/)
  })

  it('the end of the remote side ends the stream; a cut does not', async () => {
    const tunnel = await asked()
    server.requested[0]?.end()
    await once(tunnel, 'end')
    assert.equal(tunnel.errored, null)
    await asked()
    assert.equal(server.sockets.length, 1)
    const cut = await asked()
    server.sockets[1]?.close(1000)
    assert.match(await failed(cut), /closed by the remote end/)
  })

  it('a WebSocket that is dead is noticed before a client gets it', async () => {
    const tunnel = await asked()
    await sleep(15)
    tunnel.destroy()
    server.onRequest = (connection) => {
      if (connection.socket > 0) connection.accept()
    }
    await asked()
    assert.equal(server.sockets.length, 2)
    assert.equal(server.requested.length, 3)
  })

  it('a client that leaves in the middle of data takes its WebSocket along', async () => {
    const tunnel = await asked()
    let closed = false
    server.sockets[0]?.once('close', () => {
      closed = true
    })
    const sending = setInterval(() => server.requested[0]?.send(Buffer.alloc(1000)), 1)
    await until(() => tunnel.text().length > 10_000)
    tunnel.destroy()
    await until(() => closed)
    clearInterval(sending)
    await asked()
    assert.equal(server.sockets.length, 2)
  })

  it('unused WebSockets are closed after half a minute, and all of them at the end', async () => {
    mock.timers.enable({ apis: ['setTimeout'] })
    try {
      const tunnel = await openTunnel(transport, pod, 9042)
      const [socket] = server.sockets
      assert.ok(socket)
      tunnel.destroy()
      const gone = once(socket, 'close')
      mock.timers.tick(30_000)
      await gone
      await openTunnel(transport, pod, 9042).then((each) => each.on('error', () => undefined))
      const last = server.sockets[1]
      assert.ok(last)
      const closed = once(last, 'close')
      stop.abort(new Error('over'))
      await closed
    } finally {
      mock.timers.reset()
    }
  })
})
