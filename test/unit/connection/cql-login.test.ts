import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { cqlHostId } from '../../../src/lib/connection/cql-login.ts'

describe('a login on one connection', () => {
  it('sends nothing over a connection that opens after its time', async () => {
    let sent = 0
    const late = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        sent += chunk.length
        done()
      },
    })
    const asked = cqlHostId({
      dial: async () => {
        await sleep(60)
        return late
      },
      serverName: 'x',
      credentials: { username: 'u', password: 'p' },
      ca: '',
      signal: new AbortController().signal,
      timeoutMs: 20,
    })
    await assert.rejects(asked, { code: 'CSNI601', message: /timed out after 20ms/ })
    await sleep(80)
    assert.equal(late.destroyed, true)
    assert.equal(sent, 0)
  })
})
