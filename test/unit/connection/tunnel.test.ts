import { nextTexts } from '../../support/next-texts.ts'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { serveTunnel, type TunnelEvent, type TunnelOptions } from '../../../src/lib/connection/local-listener.ts'
import { CassSniError } from '../../../src/lib/errors.ts'

describe('serveTunnel', () => {
  const stops: AbortController[] = []
  const servers: Server[] = []
  afterEach(() => {
    for (const stop of stops.splice(0)) stop.abort(new CassSniError('CSNI902', 'interrupted'))
    for (const server of servers.splice(0)) server.close()
  })

  async function upstream(accept: (socket: Socket) => void): Promise<() => Promise<Socket>> {
    const server = createServer({ allowHalfOpen: true }, (socket) => accept(socket.on('error', () => {})))
    servers.push(server)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    return async () => {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
      await once(socket, 'connect')
      return socket
    }
  }

  async function tunnel(dial: TunnelOptions['dial'], more: Partial<TunnelOptions> = {}) {
    const stop = new AbortController()
    stops.push(stop)
    const events: TunnelEvent[] = []
    const serving = await serveTunnel({
      listen: { addresses: ['127.0.0.1'], port: 0 },
      dial,
      signal: stop.signal,
      onEvent: (event) => events.push(event),
      ...more,
    })
    const port = serving.listening[0]?.port ?? 0
    const client = async () => {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
      await once(socket, 'connect')
      return socket
    }
    return { serving, client, events, port, stop: () => stop.abort(new CassSniError('CSNI902', 'interrupted')) }
  }

  async function received(socket: Socket): Promise<string> {
    const chunks: Buffer[] = []
    for await (const chunk of socket) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks).toString()
  }

  it('gives each client a connection of its own and counts them', async () => {
    let opened = 0
    const open = await upstream((socket) => {
      opened += 1
      socket.write(`${opened}:`)
      socket.pipe(socket)
    })
    const { client, serving, events } = await tunnel(open)
    const answers = []
    for (const text of ['a', 'b', 'c']) {
      const socket = await client()
      socket.end(text)
      answers.push(await received(socket))
    }
    assert.deepEqual(answers, ['1:a', '2:b', '3:c'])
    await sleep(20)
    assert.deepEqual(serving.figures(), { total: 3, active: 0, refused: 0, sent: 3, received: 9 })
    assert.deepEqual(
      events.map((event) => event.type),
      ['opened', 'closed', 'opened', 'closed', 'opened', 'closed'],
    )
  })

  it('carries half-close both ways', async () => {
    const open = await upstream((socket) => {
      // Says its word only after the client has ended, and reads on after it has ended itself.
      received(socket).then((text) => socket.end(`got ${text}`))
    })
    const { client } = await tunnel(open)
    const socket = await client()
    socket.end('question')
    assert.equal(await received(socket), 'got question')

    const talker = await upstream((far) => {
      far.end('bye')
      received(far).then((text) => heard(text))
    })
    let heard: (text: string) => void = () => {}
    const last = new Promise<string>((resolve) => {
      heard = resolve
    })
    const second = await (await tunnel(talker)).client()
    assert.equal(await received(second), 'bye')
    second.end('still here')
    assert.equal(await last, 'still here')
  })

  it('does not read on for a client that does not read', async () => {
    const chunk = Buffer.alloc(64 * 1024)
    let produced = 0
    const { client } = await tunnel(
      async () =>
        new Duplex({
          read() {
            produced += chunk.length
            // Asynchronous as a network is, else the loop would never yield.
            setImmediate(() => this.push(chunk))
          },
          write: (_chunk, _encoding, done) => done(),
        }),
    )
    const socket = await client()
    socket.pause()
    await sleep(150)
    const before = produced
    await sleep(150)
    assert.equal(produced, before, 'it went on reading')
    // What the kernel buffers for two sockets of the loopback, no more.
    assert.ok(produced < 32 * 1024 * 1024, `${produced} bytes were taken for a client that reads nothing`)
    socket.destroy()
  })

  it('does not read on from a client whose far end does not', async () => {
    let taken = 0
    const { client } = await tunnel(
      async () =>
        new Duplex({
          read() {},
          write(chunk: Buffer) {
            taken += chunk.length
            // Never done: the far end takes no more.
          },
        }),
    )
    const socket = await client()
    const chunk = Buffer.alloc(64 * 1024)
    // More than the kernel's buffers of the loopback hold.
    for (let round = 0; round < 1000; round += 1) socket.write(chunk)
    await sleep(100)
    assert.ok(socket.writableLength > 0, 'everything was swallowed')
    assert.ok(taken <= 128 * 1024)
    socket.destroy()
  })

  it('passes bytes unchanged, many at once', async () => {
    const open = await upstream((socket) => socket.pipe(socket))
    const { client } = await tunnel(open)
    const text = 'kubectl cass-sni '.repeat(100_000)
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        const socket = await client()
        socket.end(text)
        assert.ok((await received(socket)) === text)
      }),
    )
  })

  it('waits for a far end that comes back', async () => {
    const real = await upstream((socket) => socket.end('there'))
    let attempts = 0
    const { client, serving } = await tunnel(async () => {
      attempts += 1
      if (attempts < 3) throw new CassSniError('CSNI601', 'no gateway pod is ready')
      return real()
    })
    assert.equal(await received(await client()), 'there')
    assert.equal(attempts, 3)
    assert.equal(serving.figures().refused, 0)
  })

  it('closes the client with one event when the far end stays away, and goes on serving', async () => {
    const real = await upstream((socket) => socket.end('there'))
    let away = true
    const { client, events } = await tunnel(
      async () => {
        if (away) throw new CassSniError('CSNI601', 'no gateway pod is ready')
        return real()
      },
      { waitMs: 150 },
    )
    assert.equal(await received(await client()), '')
    assert.deepEqual(
      events.map((event) => (event.type === 'refused' ? event.error.message : event.type)),
      ['no gateway pod is ready'],
    )
    away = false
    assert.equal(await received(await client()), 'there')
  })

  it('ends its attempts when the time is over, or the client is gone', async () => {
    const signals: (AbortSignal | undefined)[] = []
    const hangs: TunnelOptions['dial'] = ({ signal } = {}) => {
      signals.push(signal)
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    }
    const { client, events } = await tunnel(hangs, { waitMs: 80 })
    const began = Date.now()
    assert.equal(await received(await client()), '')
    assert.ok(Date.now() - began < 1_000)
    assert.equal(signals[0]?.aborted, true)
    assert.deepEqual(
      events.map((event) => (event.type === 'refused' ? event.error.message : event.type)),
      ['connection timed out after 80ms'],
    )
    const gone = await tunnel(hangs)
    const socket = await gone.client()
    while (signals.length < 2) await sleep(5)
    socket.resetAndDestroy()
    for (let round = 0; round < 100 && signals[1]?.aborted !== true; round += 1) await sleep(5)
    assert.equal(signals[1]?.aborted, true)
    assert.equal(gone.serving.figures().refused, 0)
  })

  it('reports why the far end was not reached also if the client gives up sooner', async () => {
    let attempts = 0
    const { client, events } = await tunnel(async () => {
      attempts += 1
      throw new CassSniError('CSNI601', 'no route to host')
    })
    const socket = await client()
    while (attempts === 0) await sleep(5)
    socket.resetAndDestroy()
    for (let round = 0; round < 200 && events.length === 0; round += 1) await sleep(5)
    assert.deepEqual(
      events.map((event) => (event.type === 'refused' ? event.error.message : event.type)),
      ['no route to host'],
    )
  })

  it('listens once on an address that is given twice', async () => {
    const addresses = ['127.0.0.1', 'localhost', '127.0.0.1', '::1', '0:0::1']
    const { serving } = await tunnel(async () => new Duplex({ read() {} }), { listen: { addresses, port: 0 } })
    const hosts = serving.listening.map(({ host }) => host)
    assert.deepEqual(hosts, [...new Set(hosts)])
    assert.ok(hosts.includes('127.0.0.1'))
  })

  it('does not wait where waiting does not help', async () => {
    let attempts = 0
    const { client, events } = await tunnel(async () => {
      attempts += 1
      throw new CassSniError('CSNI203', 'no right')
    })
    assert.equal(await received(await client()), '')
    assert.equal(attempts, 1)
    assert.equal(events.length, 1)
  })

  it('breaks the client when the far end breaks, and the other way round', async () => {
    const far = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
    const first = await tunnel(async () => far)
    const socket = await first.client()
    socket.on('error', () => {})
    while (first.events.length === 0) await sleep(5)
    far.destroy(new CassSniError('CSNI601', 'the pod went away'))
    await once(socket.resume(), 'end')
    socket.destroy()
    await sleep(10)
    assert.deepEqual(first.events.at(-1), {
      type: 'closed',
      id: 1,
      sent: 0,
      received: 0,
      broken: { by: 'remote end', reason: 'the pod went away' },
    })

    // as a node that rejects a client certificate without an alert
    const closing = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
    const rejected = await tunnel(async () => closing)
    const waiting = await rejected.client()
    waiting.on('error', () => {})
    while (rejected.events.length === 0) await sleep(5)
    closing.destroy()
    await once(waiting.resume(), 'end')
    waiting.destroy()
    for (let round = 0; round < 100 && rejected.events.length < 2; round += 1) await sleep(5)
    const last = rejected.events.at(-1)
    assert.deepEqual(last?.type === 'closed' && last.broken, { by: 'remote end', reason: 'unexpected end' })

    const other = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
    const second = await tunnel(async () => other)
    const client = await second.client()
    while (second.events.length === 0) await sleep(5)
    client.resetAndDestroy()
    for (let round = 0; round < 100 && !other.destroyed; round += 1) await sleep(5)
    assert.ok(other.destroyed)
  })

  it('leaves nothing when it is stopped, also in the middle of opening', async () => {
    const far: Duplex[] = []
    const open = await upstream((socket) => socket.write('hello'))
    let slow: ((stream: Duplex) => void) | undefined
    const { client, serving, stop, port } = await tunnel(async () => {
      const socket = await open()
      far.push(socket)
      if (far.length === 1) return socket
      return new Promise((resolve) => {
        slow = resolve
      })
    })
    const first = await client()
    const second = await client()
    for (const socket of [first, second]) socket.on('error', () => {}).resume()
    while (slow === undefined) await sleep(5)
    const began = Date.now()
    stop()
    await serving.done
    assert.ok(Date.now() - began < 500)
    slow(far[1] as Duplex)
    await sleep(20)
    assert.deepEqual(
      far.map((socket) => socket.destroyed),
      [true, true],
    )
    await assert.rejects(once(connect(port, '127.0.0.1'), 'connect'), { code: 'ECONNREFUSED' })
  })

  it('listens on both addresses of localhost under one port', async () => {
    const open = await upstream((socket) => socket.end('there'))
    const { serving } = await tunnel(open, { listen: { addresses: ['localhost'], port: 0 } })
    const ports = new Set(serving.listening.map(({ port }) => port))
    assert.equal(ports.size, 1)
    assert.equal(serving.listening[0]?.host, '127.0.0.1')
  })

  it('says CSNI106 when the port is taken, and leaves no listener', async () => {
    const open = await upstream(() => {})
    const { port } = await tunnel(open)
    await assert.rejects(
      () => tunnel(open, { listen: { addresses: ['127.0.0.1'], port } }),
      (error: unknown) =>
        error instanceof CassSniError &&
        error.code === 'CSNI106' &&
        error.message.includes(`${port}`) &&
        /--port 0/.test(nextTexts(error.next)[0] ?? ''),
    )
    await assert.rejects(() => tunnel(open, { listen: { addresses: ['203.0.113.1'], port: 0 } }), { code: 'CSNI106' })
    await assert.rejects(() => tunnel(open, { listen: { addresses: ['example.com'], port: 0 } }), { code: 'CSNI101' })
  })
})
