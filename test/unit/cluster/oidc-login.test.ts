import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { inspect } from 'node:util'
import { authenticator } from '../../../src/lib/cluster/authentication.ts'
import { chooseConfig } from '../../../src/lib/cluster/kubeconfig.ts'
import { testAuthority } from '../connection/certificates.ts'

/** A token that says when it expires, and nothing else. */
const token = (name: string, seconds: number) =>
  `${name}.${Buffer.from(JSON.stringify({ exp: Math.floor(Date.now() / 1000) + seconds })).toString('base64url')}.sig`

describe('the login of auth provider oidc', () => {
  let directory = ''
  let provider: Server
  let ca = ''
  let asked: string[] = []
  let answer: { status: number; body: object }
  const fresh = token('fresh', 3600)
  const old = token('old', 5)

  before(async () => {
    const authority = await testAuthority('idp')
    ca = Buffer.from(authority.pem).toString('base64')
    provider = createServer(await authority.issue({ names: ['localhost'] }), async (request, response) => {
      const body = await text(request)
      if (request.url === '/.well-known/openid-configuration') {
        response.end(JSON.stringify({ token_endpoint: `${issuer()}/token` }))
        return
      }
      asked.push(`${request.headers.authorization ?? 'form'} ${body}`)
      response.writeHead(answer.status).end(JSON.stringify(answer.body))
    })
    await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve))
  })
  after(() => {
    provider.closeAllConnections()
    provider.close()
  })
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'cass-sni-oidc-'))
    asked = []
    answer = { status: 200, body: { id_token: fresh, refresh_token: 'r2' } }
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  const issuer = () => `https://localhost:${(provider.address() as AddressInfo).port}`
  const file = () => join(directory, 'config')
  const login = async (idToken: string, more: object = {}) => {
    const config = { 'idp-issuer-url': issuer(), 'client-id': 'me', 'client-secret': 's', 'refresh-token': 'r1' }
    const whole = { ...config, 'id-token': idToken, 'idp-certificate-authority-data': ca, ...more }
    writeFileSync(
      file(),
      `# mine, by hand
clusters: [{name: k, cluster: {server: "https://x"}}]
users:
- name: u
  user:
    auth-provider:
      name: oidc
      config: # of the company
${Object.entries(whole)
  .map(([key, value]) => `        ${key}: "${value}"\n`)
  .join('')}contexts: [{name: c, context: {cluster: k, user: u}}]
current-context: c
`,
    )
    return authenticator(await chooseConfig({ kubeconfig: file() }, {}), {
      signal: new AbortController().signal,
      env: {},
    })
  }
  const header = async (authenticate: Awaited<ReturnType<typeof login>>) => (await authenticate()).headers.Authorization

  it('is used as long as its token is good, without asking anybody', async () => {
    const good = token('good', 60)
    assert.equal(await header(await login(good)), `Bearer ${good}`)
    assert.deepEqual(asked, [])
  })

  it('is renewed once for all when it has expired, and what was rotated is written into the kubeconfig', async () => {
    const authenticate = await login(old)
    chmodSync(file(), 0o640)
    const headers = await Promise.all([header(authenticate), header(authenticate), header(authenticate)])
    assert.deepEqual(new Set(headers), new Set([`Bearer ${fresh}`]))
    await header(authenticate)
    assert.deepEqual(asked, [
      `Basic ${Buffer.from('me:s').toString('base64')} grant_type=refresh_token&refresh_token=r1`,
    ])
    const written = readFileSync(file(), 'utf8')
    assert.match(written, /^# mine, by hand\n/)
    assert.match(written, /# of the company/)
    assert.equal(statSync(file()).mode & 0o777, 0o640)
    const { user } = await chooseConfig({ kubeconfig: file() }, {})
    const { 'id-token': idToken, 'refresh-token': refreshToken } = user['auth-provider']?.config ?? {}
    assert.deepEqual([idToken, refreshToken], [fresh, 'r2'])
    assert.ok(!existsSync(`${file()}.lock`))
  })

  it('takes what another program has renewed meanwhile', async () => {
    const authenticate = await login(old)
    writeFileSync(file(), readFileSync(file(), 'utf8').replace(old, fresh))
    assert.equal(await header(authenticate), `Bearer ${fresh}`)
    assert.deepEqual(asked, [])
  })

  it('leaves a link to the kubeconfig a link', async () => {
    const authenticate = await login(old)
    const real = join(directory, 'real')
    writeFileSync(real, readFileSync(file()))
    rmSync(file())
    symlinkSync(real, file())
    await header(authenticate)
    assert.match(readFileSync(real, 'utf8'), /r2/)
    assert.equal(readFileSync(file(), 'utf8'), readFileSync(real, 'utf8'))
  })

  it('asks again with the secret in the form where the provider wants that', async () => {
    const authenticate = await login(old)
    answer = { status: 401, body: { error: 'invalid_client' } }
    await assert.rejects(authenticate(), { code: 'CSNI202', message: /HTTP 401 \(invalid_client\)/ })
    assert.match(asked[1] ?? '', /^form .*client_id=me&client_secret=s/)
  })

  for (const [what, more, body, why] of [
    ['without a refresh token', { 'refresh-token': '' }, {}, /no refresh-token/],
    ['when the answer holds no token', {}, { access_token: 's3cret' }, /returned no id_token/],
  ] as const) {
    it(`fails ${what}, and quotes no secret`, async () => {
      const authenticate = await login(old, more)
      answer = { status: 200, body }
      const error: unknown = await authenticate().catch((thrown: unknown) => thrown)
      assert.match((error as Error).message, why)
      assert.doesNotMatch(inspect(error, { depth: 9 }), /s3cret/)
    })
  }

  it('does not use up a refresh token that it could not write back', async () => {
    const authenticate = await login(old)
    writeFileSync(`${file()}.lock`, '')
    await assert.rejects(authenticate(), { code: 'CSNI202', message: /is locked by another process/ })
    assert.deepEqual(asked, [])
  }).timeout(10_000)
})
