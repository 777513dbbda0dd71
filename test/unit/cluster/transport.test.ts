import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { connectKube } from '../../../src/lib/cluster/client.ts'
import { POD, SECRET } from '../../../src/lib/cluster/resources.ts'
import { Transport } from '../../../src/lib/cluster/transport.ts'
import { CassSniError } from '../../../src/lib/errors.ts'

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
      message: /more than it could hold/,
    })
  })

  it('does not follow pages without end, and quotes nothing of an answer that is no JSON', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pages-'))
    const kubeconfig = join(folder, 'config')
    writeFileSync(
      kubeconfig,
      JSON.stringify({
        clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` } }],
        contexts: [{ name: 'c', context: { cluster: 'c' } }],
        'current-context': 'c',
      }),
    )
    try {
      const kube = await connectKube({ kubeconfig, signal: new AbortController().signal })
      answer = (_request, response) => response.end(JSON.stringify({ items: [], metadata: { continue: 'more' } }))
      await assert.rejects(kube.list(POD), { code: 'CSNI208' })
      answer = (_request, response) => response.end('{"data": {"password": c2VjcmV0')
      await assert.rejects(kube.get(SECRET, 'x', 'n'), (error: Error) => !inspect(error).includes('c2Vj'))
    } finally {
      rmSync(folder, { recursive: true })
    }
  }).timeout(20_000)

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
    assert.deepEqual(warnings, ['the API server says: old'])
    assert.ok(Math.abs((client.clockSkewMs ?? 0) - 3_600_000) < 3000)
  })

  it('gives up when there is no answer in time', async () => {
    answer = () => undefined
    await assert.rejects(transport({ requestTimeoutMs: 50 }).send({ method: 'GET', path: '/x' }), {
      code: 'CSNI201',
      message: /no answer within 0.05 s/,
    })
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
