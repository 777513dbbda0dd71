import assert from 'node:assert/strict'
import { type AddressInfo, createConnection } from 'node:net'
import { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { createServer } from 'node:tls'
import { cqlHostId } from '../../../src/lib/connection/cql-login.ts'
import { testAuthority } from './certificates.ts'
import { answerAsNode } from './fake-node.ts'

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

  it('presents a certificate, and explains that a node requires one', async () => {
    const ca = await testAuthority('nodes')
    const clients = await testAuthority('clients')
    const server = createServer(
      { ...(await ca.issue({ names: ['x'] })), ca: clients.pem, requestCert: true, rejectUnauthorized: true },
      (socket) => answerAsNode(socket, { hostId: '00000000-0000-0000-0000-000000000001', number: 1 }, []),
    )
    // Like Cassandra, which resets the connection.
    server.on('tlsClientError', (_error, socket) => socket.destroy())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const login = (identity?: { cert: string; key: string }) =>
      cqlHostId({
        dial: async () => createConnection(port, '127.0.0.1'),
        serverName: 'x',
        credentials: { username: 'u', password: 'p' },
        ca: ca.pem,
        identity,
        signal: new AbortController().signal,
      })
    try {
      // Its answers have more columns than the one that was asked for.
      await assert.rejects(login(await clients.issue({ names: [] })), { message: /unexpected CQL response/ })
      await assert.rejects(login(), { code: 'CSNI610', message: /client certificate/ })
      await assert.rejects(login(await ca.issue({ names: [] })), { code: 'CSNI610', message: /client certificate/ })
    } finally {
      server.close()
    }
  })
})
