import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { authenticator } from '../../../src/lib/cluster/authentication.ts'
import type { ClusterEntry } from '../../../src/lib/cluster/kubeconfig-files.ts'
import { Transport } from '../../../src/lib/cluster/transport.ts'
import { openTunnel } from '../../../src/lib/cluster/pod-tunnel.ts'
import { readObjects } from '../../../src/lib/workflows/install/manifest-files.ts'
import { runCommand } from '../../support/command.ts'
import { testAuthority } from '../connection/certificates.ts'

describe('trust in the API server', () => {
  let server: Server
  let ca = ''
  let other = ''
  const { NODE_TLS_REJECT_UNAUTHORIZED: before } = process.env
  beforeEach(async () => {
    const authority = await testAuthority('own')
    ca = Buffer.from(authority.pem).toString('base64')
    other = Buffer.from((await testAuthority('other')).pem).toString('base64')
    server = createServer(await authority.issue({ names: ['api.example.com'] }), (_request, response) =>
      response.end('{}'),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })
  afterEach((done) => {
    if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
    else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before
    server.closeAllConnections()
    server.close(done)
  })

  async function transport(entry: Partial<ClusterEntry>) {
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
    const target = { context: 'c', cluster: 'k', user: 'u', server: url, namespace: 'n', namespaceGiven: false }
    const authenticate = await authenticator(
      { target, cluster: { ...entry, server: url }, user: { token: 't' } },
      { signal: new AbortController().signal, env: {} },
    )
    return new Transport({ target, authenticate, signal: new AbortController().signal, userAgent: 'test' })
  }
  const ask = async (entry: Partial<ClusterEntry>) => (await transport(entry)).send({ method: 'GET', path: '/' })

  it('is a matter of its authority and its name, which tls-server-name replaces', async () => {
    assert.equal((await ask({ 'certificate-authority-data': ca, 'tls-server-name': 'api.example.com' })).status, 200)
    await assert.rejects(ask({ 'certificate-authority-data': ca }), {
      code: 'CSNI201',
      message: /cannot verify the certificate/,
    })
    await assert.rejects(ask({ 'certificate-authority-data': ca, 'tls-server-name': 'else.example.com' }), {
      code: 'CSNI201',
      message: /cannot verify the certificate/,
    })
    await assert.rejects(ask({ 'certificate-authority-data': other, 'tls-server-name': 'api.example.com' }), {
      code: 'CSNI201',
      message: /cannot verify the certificate/,
    })
    assert.equal((await ask({ 'insecure-skip-tls-verify': true })).status, 200)
  })

  it('is not switched off for what a command fetches, either', async () => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    await runCommand(['__complete', 'certs', ''])
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/operator.yaml`
    await assert.rejects(readObjects(url, 'kubectl', new AbortController().signal), {
      code: 'CSNI104',
      message: /certificate/,
    })
  })

  it('is not switched off by the environment of Node', async () => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    await assert.rejects(ask({ 'certificate-authority-data': other }), {
      code: 'CSNI201',
      message: /cannot verify the certificate/,
    })
    await assert.rejects(
      openTunnel(await transport({ 'certificate-authority-data': other }), { name: 'p', namespace: 'n' }, 1),
      {
        code: 'CSNI201',
        message: /cannot verify the certificate/,
      },
    )
  })
})
