/** Following objects of a real API server, through a proxy that breaks what a watch may meet. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { CachedKube } from '../../src/lib/cluster/cached-kube.ts'
import { connectKube } from '../../src/lib/cluster/client.ts'
import type { Follower, Kube, KubeObject } from '../../src/lib/cluster/kube.ts'
import { CONFIG_MAP, DEPLOYMENT, NAMESPACE, SECRET } from '../../src/lib/cluster/resources.ts'
import { apiServer, type TestServer } from '../support/api-server.ts'
import { requestsBefore } from '../support/fault-server.ts'
import type { RequestFault, RequestProxy, SeenRequest } from '../support/fault-requests.ts'

/** Short pauses, so that a test takes no longer than the server. */
const TIMING = { firstMs: 10, longestMs: 50, resetMs: 1000, pollMs: 100, shortestMs: 100 }

const map = (namespace: string, name: string, value: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
  data: { value },
})

describe('a client that follows the API server', () => {
  let server: TestServer
  let proxy: RequestProxy & { kubeconfig: string }
  /** Past the proxy. */
  let direct: Kube
  let through: Kube & Follower
  let namespace: string
  let stop: AbortController
  let cached: CachedKube
  let failures: (string | undefined)[]
  let changes: (string | undefined)[]
  let nth = 0

  before(async function () {
    this.timeout(120_000)
    server = await apiServer()
    direct = await connectKube({ kubeconfig: server.kubeconfig, signal: new AbortController().signal })
  })
  beforeEach(async () => {
    proxy = await requestsBefore(server)
    namespace = `follow-${++nth}`
    await direct.apply(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
    stop = new AbortController()
    failures = []
    changes = []
    through = await connectKube({ kubeconfig: proxy.kubeconfig, signal: stop.signal })
    cached = new CachedKube(through, {
      signal: stop.signal,
      onChange: (_type, object) => changes.push(object?.metadata.name),
      onFailure: (_type, error) => failures.push(error?.code),
      timing: TIMING,
    })
  })
  afterEach(async () => {
    stop.abort()
    await cached.ended()
    await proxy.stop()
  })

  const write = (name: string, value: string) => direct.apply(CONFIG_MAP, map(namespace, name, value))
  const values = async () => {
    const maps = await cached.list(CONFIG_MAP, { namespace })
    const own = maps.filter(({ metadata }) => metadata.name !== 'kube-root-ca.crt')
    return Object.fromEntries(own.map(({ metadata, data }) => [metadata.name, (data as { value: string }).value]))
  }
  /** What the cache holds in the end; the API server's own word is the measure. */
  const holds = async (expected: Record<string, string>) => {
    const end = performance.now() + 10_000
    while (JSON.stringify(sorted(await values())) !== JSON.stringify(sorted(expected)) && performance.now() < end)
      await sleep(10)
    assert.deepEqual(await values(), expected)
  }
  const sorted = (all: Record<string, string>) => Object.entries(all).sort()
  const watches = () => proxy.requests.filter(({ url }) => url.includes('watch=true'))
  const versionOf = ({ url }: SeenRequest) => new URL(url, 'https://x').searchParams.get('resourceVersion')
  /** The fault of the nth watch; lists pass. */
  const nthWatch = (faults: Record<number, RequestFault>) => {
    let seen = 0
    proxy.fault = ({ url }) => (url.includes('watch=true') ? faults[++seen] : undefined)
  }

  it('sees what is created, changed and deleted, with one list', async () => {
    await write('a', '1')
    await holds({ a: '1' })
    await write('b', '1')
    await write('a', '2')
    await holds({ a: '2', b: '1' })
    await direct.delete(CONFIG_MAP, 'a', namespace)
    await holds({ b: '1' })
    assert.deepEqual([cached.counts.lists, cached.counts.watches, cached.counts.failures], [1, 1, 0])
  })

  for (const [what, fault, failed] of [
    ['is reset', { reset: true }, true],
    ['is answered 429', { answer: { status: 429, retryAfter: 1 } }, true],
    ['is answered 500', { answer: { status: 500 } }, true],
    ['is cut off in the middle of an event', { cut: { afterBytes: 100, how: 'reset' } }, true],
    ['ends at once', { answer: { status: 200, body: '' } }, true],
  ] as [string, RequestFault, boolean][])
    it(`resumes a watch that ${what} from the same version, without a list`, async () => {
      nthWatch({ 1: fault, 2: fault })
      await write('a', '1')
      await holds({ a: '1' })
      await write('a', '2')
      await holds({ a: '2' })
      const [first, second, third] = watches()
      assert.ok(first && second && third, `${watches().length} watches`)
      assert.equal(cached.counts.lists, 1)
      assert.ok(Number(versionOf(third)) >= Number(versionOf(first)))
      if (fault.cut === undefined) assert.equal(versionOf(third), versionOf(first))
      assert.equal(cached.counts.failures > 0, failed)
      // told once when it fails, and once when it works again
      assert.equal(failures.at(-1), undefined)
    })

  for (const [what, fault] of [
    ['an answer', { answer: { status: 410, body: JSON.stringify(status(410, 'Expired')) } }],
    ['an event', { answer: { status: 200, body: `${JSON.stringify(error(status(410, 'Expired')))}\n` } }],
    ['a version from the future', { answer: { status: 504, body: JSON.stringify(future()) } }],
  ] as [string, RequestFault][])
    it(`lists again when the version is too old: ${what}`, async () => {
      await write('a', '1')
      await write('gone', '1')
      nthWatch({ 1: fault })
      await holds({ a: '1', gone: '1' })
      await direct.delete(CONFIG_MAP, 'gone', namespace)
      await write('a', '2')
      await holds({ a: '2' })
      assert.equal(cached.counts.lists, 2)
    })

  it('goes on from a bookmark', async () => {
    await write('a', '1')
    const { metadata } = await write('b', '1')
    const bookmark = { type: 'BOOKMARK', object: { ...map('', '', ''), metadata: { resourceVersion: '' } } }
    bookmark.object.metadata.resourceVersion = metadata.resourceVersion ?? ''
    nthWatch({ 1: { answer: { status: 200, body: `${JSON.stringify(bookmark)}\n` } } })
    await holds({ a: '1', b: '1' })
    await write('a', '2')
    await holds({ a: '2', b: '1' })
    assert.equal(versionOf(watches()[1] as SeenRequest), metadata.resourceVersion)
    assert.equal(cached.counts.lists, 1)
  })

  it('takes rubbish in place of an event for a failure, and goes on', async () => {
    nthWatch({
      1: { answer: { status: 200, body: 'no JSON\n' } },
      2: { answer: { status: 200, body: '{"type":"MODIFIED","object":null}\n' } },
      3: { answer: { status: 200, body: '{"type":"MODIFIED","object":{}}\n' } },
      4: { answer: { status: 200, body: '{"type":"DANCED","object":{"metadata":{"name":"a"}}}\n' } },
    })
    await write('a', '1')
    await holds({ a: '1' })
    await write('a', '2')
    await holds({ a: '2' })
    assert.ok(failures.includes('CSNI208'), failures.join())
  })

  it('lists now and then where a watch is not allowed', async () => {
    proxy.fault = ({ url }) =>
      url.includes('watch=true')
        ? { answer: { status: 403, body: JSON.stringify(status(403, 'Forbidden')) } }
        : undefined
    await write('a', '1')
    await holds({ a: '1' })
    await write('a', '2')
    await holds({ a: '2' })
    assert.ok(cached.counts.lists > 1)
  })

  it('throws what a plain list throws, and recovers when the list is allowed', async () => {
    let allowed = false
    proxy.fault = ({ url }) =>
      allowed || url.includes('watch=true')
        ? undefined
        : { answer: { status: 403, body: JSON.stringify(status(403, 'Forbidden')) } }
    await write('a', '1')
    await assert.rejects(values(), { code: 'CSNI203' })
    allowed = true
    const end = performance.now() + 5000
    while (performance.now() < end && (await values().catch(() => undefined)) === undefined) await sleep(10)
    await holds({ a: '1' })
  })

  it('shows an own write at once, and nothing older after it', async () => {
    await holds({})
    for (let value = 1; value <= 20; value++) {
      await cached.apply(CONFIG_MAP, map(namespace, 'own', String(value)))
      assert.deepEqual(await values(), { own: String(value) })
    }
  })

  it('gets one object from a watch of its own, or from that of its whole kind', async () => {
    await write('a', '1')
    assert.deepEqual((await cached.get(CONFIG_MAP, 'a', namespace))?.data, { value: '1' })
    assert.equal(await cached.get(CONFIG_MAP, 'b', namespace), undefined)
    const one = proxy.requests.filter(({ url }) => url.includes('fieldSelector=metadata.name%3Da'))
    assert.equal(one.length >= 1, true)
    await values()
    await write('c', '1')
    await holds({ a: '1', c: '1' })
    const before = proxy.requests.length
    assert.deepEqual((await cached.get(CONFIG_MAP, 'c', namespace))?.data, { value: '1' })
    assert.equal(proxy.requests.slice(before).filter(({ url }) => !url.includes('watch=true')).length, 0)
  })

  it('polls one object that it is not permitted to list, without a failure', async () => {
    proxy.fault = ({ url }) =>
      url.includes('configmaps?')
        ? { answer: { status: 403, body: JSON.stringify(status(403, 'Forbidden')) } }
        : undefined
    const value = async () => (await cached.get(CONFIG_MAP, 'a', namespace))?.data
    assert.equal(await value(), undefined)
    for (const each of ['1', '2']) {
      await write('a', each)
      const end = performance.now() + 5000
      while (performance.now() < end && JSON.stringify(await value()) !== JSON.stringify({ value: each }))
        await sleep(10)
      assert.deepEqual(await value(), { value: each })
    }
    // the refused list of the whole kind is the reader's affair
    await assert.rejects(values(), { code: 'CSNI203' })
    assert.deepEqual(await value(), { value: '2' })
    assert.deepEqual(failures, [])
  })

  it('reports that the permission to list was revoked, and that it is back', async () => {
    await write('a', '1')
    await holds({ a: '1' })
    const before = changes.length
    proxy.fault = () => ({ answer: { status: 403, body: JSON.stringify(status(403, 'Forbidden')) } })
    proxy.resetAll()
    const reported = async () => {
      const end = performance.now() + 5000
      while (performance.now() < end && changes.slice(before).filter((each) => each === undefined).length === 0)
        await sleep(10)
      assert.deepEqual(changes.splice(before), [undefined])
    }
    await reported()
    await assert.rejects(values(), { code: 'CSNI203' })
    proxy.fault = () => undefined
    await reported()
    await holds({ a: '1' })
  })

  it('keeps no Secret', async () => {
    await direct.apply(SECRET, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's', namespace },
      data: { key: 'c2VjcmV0' },
    })
    for (const _ of [1, 2]) assert.equal((await cached.list(SECRET, { namespace })).length, 1)
    assert.equal((await cached.get(SECRET, 's', namespace))?.metadata.name, 's')
    assert.equal(proxy.requests.filter(({ url }) => url.includes('/secrets')).length, 3)
    assert.equal(watches().length, 0)
  })

  it('misses no event among two thousand, over broken watches, and stays small', async function () {
    this.timeout(60_000)
    // each watch is reset after some fifty events
    proxy.fault = ({ url }) => (url.includes('watch=true') ? { cut: { afterBytes: 30_000, how: 'reset' } } : undefined)
    await holds({})
    const expected: Record<string, string> = {}
    for (let round = 0; round < 100; round++)
      await Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          const name = `map-${index}`
          expected[name] = String(round)
          await write(name, String(round))
        }),
      )
    await holds(expected)
    assert.equal(cached.counts.lists, 1, 'no list had to make up for a missed event')
    assert.ok(cached.counts.events >= 2000, String(cached.counts.events))
    assert.ok(cached.counts.watches > 5, String(cached.counts.watches))
  })

  it('ends all watches when it is stopped', async () => {
    await holds({})
    stop.abort()
    await cached.ended()
    const before = proxy.requests.length
    await sleep(200)
    assert.equal(proxy.requests.length, before)
  })

  it('reads a namespace from the copy of all namespaces, without another list', async () => {
    await write('a', '1')
    await cached.list(CONFIG_MAP)
    const before = proxy.requests.length
    await holds({ a: '1' })
    assert.equal(proxy.requests.length, before)
  })

  it('keeps no managedFields of kinds that are only read, after a list and after an event', async () => {
    const deployment = (name: string, replicas: number): KubeObject => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace },
      spec: {
        replicas,
        selector: { matchLabels: { app: name } },
        template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      },
    })
    const all = () => cached.list(DEPLOYMENT, { namespace })
    await direct.apply(DEPLOYMENT, deployment('listed', 1))
    await all()
    await direct.apply(DEPLOYMENT, deployment('watched', 1))
    while ((await all()).length < 2) await sleep(10)
    assert.deepEqual(
      (await all()).map(({ metadata }) => metadata.managedFields),
      [undefined, undefined],
    )
    await write('a', '1')
    const [map] = (await cached.list(CONFIG_MAP, { namespace })).filter(({ metadata }) => metadata.name === 'a')
    assert.notEqual(map?.metadata.managedFields, undefined)
  })
})

function status(code: number, reason: string) {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', message: reason, reason, code }
}

function future() {
  return { ...status(504, 'Timeout'), details: { causes: [{ reason: 'ResourceVersionTooLarge' }] } }
}

function error(object: object) {
  return { type: 'ERROR', object }
}
