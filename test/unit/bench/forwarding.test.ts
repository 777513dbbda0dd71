import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { Broken, Connection, type Failure } from '../../../bench/connection.ts'
import { Forwarder } from '../../../bench/forwarder.ts'
import { attempt, side } from '../../../bench/port-forward.ts'
import { isMet, ratioOf } from '../../../bench/rounds.ts'
import { byteProxy, type ConnectionFault } from '../../support/fault-proxy.ts'

describe('a connection of the benchmark', () => {
  const faults: [string, ConnectionFault, Failure][] = [
    ['that is closed', { closeAtOnce: true }, 'closed'],
    ['that is reset', { cut: { afterBytes: 2, how: 'reset' } }, 'closed'],
    ['that sends nothing', { silent: true }, 'stalled'],
    ['that stalls', { cut: { afterBytes: 2, how: 'stall' } }, 'stalled'],
  ]
  for (const [what, fault, failure] of faults)
    it(`${what} is reported as ${failure}, in time`, async () => {
      const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const proxy = await byteProxy({ host: '127.0.0.1', port: (server.address() as AddressInfo).port }, () => fault)
      const use = async () => {
        const connection = await Connection.open(proxy.port, 200)
        await connection.send('hello')
        await connection.receive(5)
      }
      await assert.rejects(use(), (error) => error instanceof Broken && error.failure === failure)
      await proxy.stop()
      server.close()
    })

  it('is refused if nothing listens', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    await assert.rejects(Connection.open(port), { failure: 'refused' })
  })
})

describe('a forwarder of the benchmark', () => {
  /** Reports that it listens, and exits on the first connection. */
  const mortal = `
    const server = require('node:net').createServer(() => { console.error('lost'); process.exit(3) })
    server.listen(0, '127.0.0.1', () => console.log('Forwarding from 127.0.0.1:' + server.address().port + ' -> x'))`

  it('that exits is restarted, and its exit is recorded', async () => {
    const forwarder = new Forwarder([process.execPath, '-e', mortal])
    try {
      const first = await forwarder.port()
      const connection = await Connection.open(first)
      await assert.rejects(connection.receive(1), { failure: 'closed' })
      while (forwarder.exits.length === 0) await new Promise((wake) => setTimeout(wake, 5))
      assert.notEqual(await forwarder.port(), first)
      assert.match(forwarder.exits[0] ?? '', /ended with 3: lost/)
    } finally {
      forwarder.stop()
    }
  })

  it('that never listens is an error', async () => {
    const forwarder = new Forwarder([process.execPath, '-e', 'console.error("no such pod"); process.exit(1)'])
    await assert.rejects(forwarder.port(), /before it listened, .*no such pod/)
  })

  it('costs a figure only when it breaks every time, and every time is counted', async () => {
    const each = side([process.execPath, '-e', mortal])
    try {
      let times = 0
      const figure = await attempt(each, async () => {
        times++
        if (times < 3) throw new Broken('stalled')
        return 7
      })
      assert.equal(figure, 7)
      const broken = await attempt(each, async () => {
        throw new Broken('closed')
      })
      assert.equal(broken, undefined)
      assert.deepEqual(each.failures, { refused: 0, closed: 3, stalled: 2 })
      assert.ok(each.forwarder.peakMemory > 0)
    } finally {
      each.forwarder.stop()
    }
  })
})

describe('a row of the benchmark', () => {
  it('has a ratio if it has a baseline, and meets its goal or not', () => {
    const row = { name: 'x', value: 13, unit: 'ms', better: 'lower' } as const
    assert.equal(ratioOf({ ...row, baseline: 10 }), 1.3)
    assert.equal(ratioOf(row), undefined)
    assert.equal(ratioOf({ ...row, baseline: 0 }), undefined)
    assert.equal(isMet(row), undefined)
    assert.equal(isMet({ ...row, baseline: 10, goal: { of: 'ratio', limit: 1.3 } }), true)
    assert.equal(isMet({ ...row, goal: { of: 'value', limit: 12 } }), false)
    assert.equal(isMet({ ...row, value: Number.NaN, goal: { of: 'value', limit: 12 } }), false)
  })
})
