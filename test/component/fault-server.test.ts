/** The proxies for tests before the real API server: what they let through, and what they break. */
import assert from 'node:assert/strict'
import { connectKube } from '../../src/lib/cluster/client.ts'
import { NAMESPACE } from '../../src/lib/cluster/resources.ts'
import { apiServer, type TestServer } from '../support/api-server.ts'
import { everyNth } from '../support/fault-proxy.ts'
import { onReuse } from '../support/fault-requests.ts'
import { bytesBefore, requestsBefore } from '../support/fault-server.ts'

describe('an API server behind a network with faults', () => {
  let server: TestServer
  before(async function () {
    this.timeout(120_000)
    server = await apiServer()
  })
  const namespaces = async (kubeconfig: string) =>
    (await (await connectKube({ kubeconfig, signal: new AbortController().signal })).list(NAMESPACE)).length

  it('is the same through a proxy of bytes, whose resets before the handshake are survived', async () => {
    const proxy = await bytesBefore(server)
    try {
      assert.ok((await namespaces(proxy.kubeconfig)) > 0)
      proxy.fault = ({ nth }) => ({ resetInHandshake: nth === 2 })
      assert.ok((await namespaces(proxy.kubeconfig)) > 0)
      assert.equal(proxy.connections, 3)
    } finally {
      await proxy.stop()
    }
  })

  it('is the same through a proxy of requests, whose 429 and resets are survived', async () => {
    const proxy = await requestsBefore(server, everyNth(2, { answer: { status: 429, retryAfter: 0 } }))
    try {
      assert.ok((await namespaces(proxy.kubeconfig)) > 0)
      assert.ok((await namespaces(proxy.kubeconfig)) > 0)
      assert.equal(proxy.requests.length, 3)
      proxy.fault = onReuse({ reset: true })
      const kube = await connectKube({ kubeconfig: proxy.kubeconfig, signal: new AbortController().signal })
      for (let times = 3; times > 0; times--) assert.ok((await kube.list(NAMESPACE)).length > 0)
    } finally {
      await proxy.stop()
    }
  })
})
