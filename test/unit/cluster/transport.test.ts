import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { gzipSync } from 'node:zlib'
import { connectKube } from '../../../src/lib/cluster/client.ts'
import type { Kube } from '../../../src/lib/cluster/kube.ts'
import { POD, SECRET } from '../../../src/lib/cluster/resources.ts'
import { Transport, type TransportOptions } from '../../../src/lib/cluster/transport.ts'
import { CassSniError } from '../../../src/lib/errors.ts'

const NO_TLS = {}

describe('requests', () => {
  let server: Server
  let answer: (request: IncomingMessage, response: ServerResponse, count: number) => void
  let count = 0
  beforeEach((done) => {
    count = 0
    server = createServer((request, response) => answer(request, response, ++count)).listen(0, '127.0.0.1', done)
  })
  afterEach((done) => {
    server.closeAllConnections()
    server.close(done)
  })

  const transport = (
    options: {
      signal?: AbortSignal
      requestTimeoutMs?: number
      log?: (line: string) => void
      warn?: (message: string) => void
      path?: string
      largestAnswer?: number
      compression?: boolean
      authenticate?: TransportOptions['authenticate']
    } = {},
  ) => {
    const { path = '', ...rest } = options
    return new Transport({
      target: {
        context: 'c',
        cluster: 'c',
        user: 'u',
        server: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
        namespace: 'default',
        namespaceGiven: false,
      },
      authenticate: async () => ({
        headers: { Authorization: 'Bearer secret', 'Impersonate-Group': ['a', 'b'] },
        tls: {},
      }),
      signal: new AbortController().signal,
      userAgent: 'test',
      ...rest,
    })
  }

  it('keeps the path of the server and sends each group as a header of its own', async () => {
    answer = (request, response) => response.end(JSON.stringify({ url: request.url, raw: request.rawHeaders }))
    const { body } = await transport({ path: '/k8s/c-1/' }).send({
      method: 'GET',
      path: '/api/v1/pods',
      query: { a: 'x y', b: undefined },
    })
    const { url, raw } = JSON.parse(body)
    assert.equal(url, '/k8s/c-1/api/v1/pods?a=x+y')
    assert.equal(raw.filter((each: string) => each === 'Impersonate-Group').length, 2)
  })

  it('waits as 429 asks and tries again', async () => {
    answer = (_request, response, nth) =>
      nth < 3 ? response.writeHead(429, { 'retry-after': '0' }).end('busy') : response.end('{}')
    assert.equal((await transport().send({ method: 'PATCH', path: '/x', body: {} })).status, 200)
    assert.equal(count, 3)
  })

  it('holds back all requests while one of them was asked to wait', async () => {
    const at: number[] = []
    answer = (_request, response, nth) => {
      at.push(performance.now())
      if (nth === 1) response.writeHead(429, { 'retry-after': '1' }).end('busy')
      else response.end('{}')
    }
    const one = transport()
    const first = one.send({ method: 'PATCH', path: '/x', body: {} })
    while (at.length === 0) await new Promise((wake) => setTimeout(wake, 5))
    await new Promise((wake) => setTimeout(wake, 50))
    await Promise.all([first, ...['/y', '/z'].map((path) => one.send({ method: 'GET', path }))])
    const [busy = 0, ...others] = at
    assert.equal(others.length, 3)
    for (const each of others) assert.ok(each - busy >= 990, `${each - busy} ms`)
  })

  it('reads again after a cut connection, and does not write again', async () => {
    answer = (request, response, nth) => (nth === 1 ? request.socket.destroy() : response.end('{}'))
    assert.equal((await transport().send({ method: 'GET', path: '/x' })).status, 200)
    count = 0
    await assert.rejects(transport().send({ method: 'POST', path: '/x', body: {} }), {
      code: 'CSNI201',
      message: /connection reset by peer/,
    })
    assert.equal(count, 1)
  })

  it('does not read an answer without end', async () => {
    answer = (_request, response) => {
      const timer = setInterval(() => response.write(Buffer.alloc(64 * 1024)), 1)
      response.on('close', () => clearInterval(timer))
    }
    await assert.rejects(transport({ largestAnswer: 1_000_000 }).send({ method: 'GET', path: '/x' }), {
      code: 'CSNI208',
      message: /too large/,
    })
  })

  describe('whose answers no API server gives', () => {
    let folder = ''
    let kube: Kube
    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'answers-'))
      const kubeconfig = join(folder, 'config')
      const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      writeFileSync(
        kubeconfig,
        JSON.stringify({
          clusters: [{ name: 'c', cluster: { server: address } }],
          contexts: [{ name: 'c', context: { cluster: 'c' } }],
          'current-context': 'c',
        }),
      )
      kube = await connectKube({ kubeconfig, signal: new AbortController().signal })
    })
    afterEach(() => rmSync(folder, { recursive: true }))

    it('does not follow pages without end', async () => {
      answer = (_request, response) => response.end(JSON.stringify({ items: [], metadata: { continue: 'more' } }))
      await assert.rejects(kube.list(POD), { code: 'CSNI208' })
    }).timeout(20_000)

    it('quotes nothing of an answer that is no JSON', async () => {
      answer = (_request, response) => response.end('{"data": {"password": c2VjcmV0')
      await assert.rejects(kube.get(SECRET, 'x', 'n'), (error: Error) => !inspect(error).includes('c2Vj'))
    })

    for (const body of ['null', '[]', '7', '"x"', '{"items":{}}', '{"items":7}', '{"items":[null]}', '{"items":["x"]}'])
      it(`is no list: ${body}`, async () => {
        answer = (_request, response) => response.end(body)
        await assert.rejects(kube.list(POD), { code: 'CSNI208', message: /is this a Kubernetes API server\?/ })
      })

    it('takes null for a list that is empty, as Go writes it', async () => {
      answer = (_request, response) => response.end('{"items":null}')
      assert.deepEqual(await kube.list(POD), [])
    })

    it('is no object, no API group, no kinds, no version', async () => {
      answer = (_request, response) => response.end('null')
      await assert.rejects(kube.get(SECRET, 'x', 'n'), { code: 'CSNI208' })
      await assert.rejects(kube.serverVersion(), { code: 'CSNI208' })
      answer = (_request, response) => response.end('{"versions":{"a":1},"resources":"x"}')
      await assert.rejects(kube.servedVersions('apps'), { code: 'CSNI208' })
      await assert.rejects(kube.resourceType('apps/v1', 'Deployment'), { code: 'CSNI208' })
      answer = (_request, response) => response.end('{"major":"1","minor":"34+"}')
      assert.deepEqual(await kube.serverVersion(), { major: 1, minor: 34 })
      assert.deepEqual(await kube.serverVersion(), { major: 1, minor: 34 })
      assert.equal(count, 5)
    })
  })

  it('hands on each warning once, and knows how far the clock of the server is ahead', async () => {
    answer = (_request, response) => {
      response.writeHead(200, {
        warning: '299 - "old"',
        date: new Date(Date.now() + 3_600_000).toUTCString(),
      })
      response.end('{}')
    }
    const warnings: string[] = []
    const client = transport({ warn: (message) => warnings.push(message) })
    assert.equal(client.clockSkewMs, undefined)
    await client.send({ method: 'GET', path: '/x' })
    await client.send({ method: 'GET', path: '/x' })
    assert.deepEqual(warnings, ['API server: old'])
    assert.ok(Math.abs((client.clockSkewMs ?? 0) - 3_600_000) < 3000)
  })

  it('gives up when there is no answer in time', async () => {
    answer = () => undefined
    await assert.rejects(transport({ requestTimeoutMs: 50 }).send({ method: 'GET', path: '/x' }), {
      code: 'CSNI201',
      message: /did not respond within 50ms/,
    })
  })

  it('waits without limit when the limit is 0', async () => {
    // longer than any timer of Node: one that was set to 0 would have fired
    answer = (_request, response) => void setTimeout(() => response.end('{}'), 300)
    assert.equal((await transport({ requestTimeoutMs: 0 }).send({ method: 'GET', path: '/x' })).status, 200)
  })

  it('counts no time while a request waits for its turn', async () => {
    let [open, most] = [0, 0]
    answer = (_request, response) => {
      most = Math.max(most, ++open)
      setTimeout(() => (open--, response.end('{}')), 250)
    }
    const client = transport({ requestTimeoutMs: 1000 })
    const all = Array.from({ length: 96 }, () => client.send({ method: 'GET', path: '/x' }))
    // six rounds of 16 take longer than one request may
    const startedAt = performance.now()
    assert.ok((await Promise.all(all)).every(({ status }) => status === 200))
    assert.ok(performance.now() - startedAt > 1000)
    assert.equal(most, 16)
  }).timeout(20_000)

  it('asks for new credentials once after a 401', async () => {
    const tokens = ['old', 'new']
    const asked: (string | undefined)[] = []
    const refused: unknown[] = []
    const authenticate: TransportOptions['authenticate'] = async (before) => {
      if (before !== undefined) refused.push(before.headers.Authorization)
      const token = before === undefined ? tokens[0] : tokens[1]
      return { headers: { Authorization: `Bearer ${token}` }, tls: NO_TLS }
    }
    answer = (request, response) => {
      asked.push(request.headers.authorization)
      response.writeHead(request.headers.authorization === 'Bearer new' ? 201 : 401).end('{}')
    }
    assert.equal((await transport({ authenticate }).send({ method: 'POST', path: '/x', body: {} })).status, 201)
    assert.deepEqual(asked, ['Bearer old', 'Bearer new'])
    assert.ok(refused.every((each) => each === 'Bearer old'))
    // credentials that do not change, and new ones that are refused as well
    tokens[1] = 'old'
    assert.equal((await transport({ authenticate }).send({ method: 'GET', path: '/x' })).status, 401)
    tokens[1] = 'other'
    assert.equal((await transport({ authenticate }).send({ method: 'GET', path: '/x' })).status, 401)
    assert.deepEqual(asked.slice(2), ['Bearer old', 'Bearer old', 'Bearer other'])
  })

  it('reads compressed answers, and asks for none when the kubeconfig wants none', async () => {
    const long = JSON.stringify({ text: 'x'.repeat(100_000) })
    let plain = 0
    answer = (request, response) => {
      if (request.headers['accept-encoding'] !== 'gzip') {
        plain++
        return response.end(long)
      }
      return response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(long))
    }
    const ask = { method: 'GET', path: '/x' } as const
    assert.equal((await transport().send(ask)).body, long)
    assert.equal(plain, 0)
    assert.equal((await transport({ compression: false }).send(ask)).body, long)
    assert.equal(plain, 1)
    // what counts is the answer, not how small it was on the way
    await assert.rejects(transport({ largestAnswer: 50_000 }).send(ask), { code: 'CSNI208' })
    answer = (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('no gzip')
    await assert.rejects(transport().send(ask), { code: 'CSNI201' })
  })

  it('ends with the reason of an abort', async () => {
    answer = () => undefined
    const controller = new AbortController()
    const sending = transport({ signal: controller.signal }).send({ method: 'GET', path: '/x' })
    setTimeout(() => controller.abort(new CassSniError('CSNI902', 'interrupted')), 20)
    await assert.rejects(sending, { code: 'CSNI902' })
  })

  it('logs one line without headers or bodies', async () => {
    answer = (_request, response) => response.writeHead(201).end('{"data":"secret"}')
    const lines: string[] = []
    await transport({ log: (line) => lines.push(line) }).send({ method: 'POST', path: '/x', body: { data: 'secret' } })
    assert.equal(lines.length, 1)
    assert.match(lines[0] ?? '', /^POST \/x 201 in \d+ ms$/)
  })
})
