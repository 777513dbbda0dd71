/** The proxies for tests before the real API server: what they let through, and what they break. */
import assert from 'node:assert/strict'
import { connectKube } from '../../src/lib/cluster/client.ts'
import { NAMESPACE, SERVICE } from '../../src/lib/cluster/resources.ts'
import { apiServer, type TestServer } from '../support/api-server.ts'
import { createDatacenter } from '../support/cluster-state.ts'
import { runCommand } from '../support/command.ts'
import { everyNth } from '../support/fault-proxy.ts'
import { onReuse } from '../support/fault-requests.ts'
import { bytesBefore, requestsBefore } from '../support/fault-server.ts'
import { createMesh } from '../support/mesh-state.ts'

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

  it('is read and written by connections that are reset as soon as they are used again', async () => {
    const proxy = await requestsBefore(server)
    const namespace = await server.namespace('reset')
    try {
      const kube = await connectKube({ kubeconfig: proxy.kubeconfig, signal: new AbortController().signal })
      // a pool full of connections, all of them dead
      await Promise.all(Array.from({ length: 16 }, () => kube.list(NAMESPACE)))
      proxy.fault = onReuse({ reset: true })
      const startedAt = performance.now()
      const lists = await Promise.all(Array.from({ length: 16 }, () => kube.list(NAMESPACE)))
      assert.ok(lists.every((list) => list.length > 0))
      const service = {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 's', namespace },
        spec: { ports: [{ port: 1 }] },
      }
      for (let times = 5; times > 0; times--) await kube.apply(SERVICE, service)
      // each is sent again at once: pauses would be seconds
      assert.ok(performance.now() - startedAt < 5000)
    } finally {
      await proxy.stop()
    }
  })

  describe('with a datacenter', () => {
    let namespace: string
    let remove: () => Promise<unknown>
    before(async () => {
      namespace = await server.namespace('faults')
      const mesh = await createMesh(server, { namespace: await server.namespace('istio') })
      const datacenter = await createDatacenter(server, { namespace })
      remove = () => Promise.all([mesh.remove(), datacenter.remove()])
    })
    after(() => remove())
    const sync = (kubeconfig: string) =>
      runCommand(['routes', 'sync', '--kubeconfig', kubeconfig, '-n', namespace, '-o', 'json'])

    it('lets routes sync through when it answers every second request with 429', async () => {
      const proxy = await requestsBefore(server, everyNth(2, { answer: { status: 429, retryAfter: 0 } }))
      try {
        const outcome = await sync(proxy.kubeconfig)
        assert.equal(outcome.exitCode, 0, outcome.stdout + outcome.stderr)
        assert.equal(outcome.json().result.nodes.length, 3)
      } finally {
        await proxy.stop()
      }
    }).timeout(60_000)

    it('may be restarted while routes sync runs', async () => {
      let restarting: Promise<void> | undefined
      const proxy = await requestsBefore(server, ({ nth }) => {
        if (nth === 6) restarting = server.restart()
        return undefined
      })
      try {
        const outcome = await sync(proxy.kubeconfig)
        assert.ok(restarting)
        assert.equal(outcome.exitCode, 0, outcome.stdout + outcome.stderr)
        await restarting
      } finally {
        await proxy.stop()
      }
    }).timeout(120_000)
  })

  it('may be restarted while it is asked', async () => {
    const kube = await connectKube({ kubeconfig: server.kubeconfig, signal: new AbortController().signal })
    const before = await kube.list(NAMESPACE)
    const restarting = server.restart()
    const during = Promise.all([kube.list(NAMESPACE), kube.list(SERVICE), kube.get(NAMESPACE, 'default')])
    const [namespaces, , one] = await during
    assert.equal(namespaces.length, before.length)
    assert.equal(one?.metadata.name, 'default')
    await restarting
  }).timeout(120_000)
})
