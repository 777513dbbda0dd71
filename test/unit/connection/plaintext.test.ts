import { equal, match, ok, rejects } from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { answersPlaintext } from '../../../src/lib/connection/plaintext.ts'
import { CassSniError } from '../../../src/lib/errors.ts'

describe('CQL without TLS', () => {
  const forever = new AbortController().signal
  const servers: Server[] = []
  const sockets: Socket[] = []
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy()
    for (const server of servers.splice(0)) server.close()
  })
  async function listening(onData: (socket: Socket, data: Buffer) => void): Promise<number> {
    const server = createServer((socket) => {
      sockets.push(socket)
      socket.on('error', () => undefined).on('data', (data) => onData(socket, data))
    })
    servers.push(server)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return (server.address() as AddressInfo).port
  }
  const asked = (port: number, timeoutMs?: number) =>
    answersPlaintext({ dial: async () => connect(port, '127.0.0.1'), signal: forever, timeoutMs })

  it('is answered by a port that speaks it: the request is OPTIONS and carries nothing', async () => {
    let request: Buffer = Buffer.alloc(0)
    const port = await listening((socket, data) => {
      request = data
      socket.write(Buffer.from([0x84, 0, 0, 0, 0x06, 0, 0, 0, 0]))
    })
    equal(await asked(port), true)
    // repeated on a busy machine
    match(request.toString('hex'), /^(040000000500000000)+$/)
  })

  it('is refused by a TLS alert, a closed or reset connection, or a port on which nobody listens', async () => {
    equal(await asked(await listening((socket) => socket.end(Buffer.from('15030300020246', 'hex')))), false)
    equal(await asked(await listening((socket) => socket.end())), false)
    equal(await asked(await listening((socket) => socket.resetAndDestroy())), false)
    const port = await listening(() => undefined)
    await new Promise((done) => servers.pop()?.close(done))
    equal(await asked(port), false)
    const cut = new CassSniError('CSNI601', 'the far end cut it', {
      cause: Object.assign(new Error(), { code: 'ECONNRESET' }),
    })
    equal(await answersPlaintext({ dial: () => Promise.reject(cut), signal: forever }), false)
  })

  it('is refused as soon as a tunnel fails to pass on another request: of the end itself it tells a second late', async () => {
    const cut = Object.assign(new Error('write: broken pipe'), { code: 'ECONNRESET' })
    let requests = 0
    const tunnel = new Duplex({
      read: () => undefined,
      write(_chunk, _encoding, done) {
        requests += 1
        done(
          requests < 3 ? null : new CassSniError('CSNI601', 'connection to port 9042 of pod p failed', { cause: cut }),
        )
      },
    })
    const before = Date.now()
    equal(await answersPlaintext({ dial: async () => tunnel, signal: forever }), false)
    equal(requests, 3)
    ok(Date.now() - before < 800)
    equal(tunnel.destroyed, true)
  })

  it('is not known when nothing comes in time, or when there is no way to the port', async () => {
    const before = Date.now()
    await rejects(async () => asked(await listening(() => undefined), 50), { code: 'CSNI601' })
    ok(Date.now() - before < 2_000)
    const forbidden = new CassSniError('CSNI203', 'you may not')
    await rejects(() => answersPlaintext({ dial: () => Promise.reject(forbidden), signal: forever }), forbidden)
    const stop = new AbortController()
    stop.abort(new CassSniError('CSNI902', 'interrupted'))
    await rejects(() => answersPlaintext({ dial: () => Promise.reject(forbidden), signal: stop.signal }), {
      code: 'CSNI902',
    })
  })
})
