import { nextTexts } from '../../support/next-texts.ts'
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { authenticator } from '../../../src/lib/cluster/authentication.ts'
import type { Connection } from '../../../src/lib/cluster/connection-flags.ts'
import { chooseConfig, type ChosenConfig } from '../../../src/lib/cluster/kubeconfig.ts'
import type { CassSniError } from '../../../src/lib/errors.ts'

const FIRST = `
current-context: a
clusters:
- {name: one, cluster: {server: "https://one:6443", certificate-authority: ca.pem}}
users:
- {name: red, user: {token: first}}
contexts:
- {name: a, context: {cluster: one, user: red, namespace: here}}
`
const SECOND = `
current-context: b
clusters:
- {name: one, cluster: {server: "https://wrong:6443"}}
- {name: two, cluster: {server: "https://two:6443/k8s/c-1"}}
users:
- {name: red, user: {token: second, client-key: key.pem}}
- {name: blue, user: {username: u, password: p}}
contexts:
- {name: b, context: {cluster: two, user: blue}}
- {name: broken, context: {cluster: gone, user: red}}
`

describe('kubeconfig', () => {
  let folder = ''
  let first = ''
  let second = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cass-sni-kubeconfig-'))
    first = join(folder, 'first')
    second = join(folder, 'second')
    writeFileSync(first, FIRST)
    writeFileSync(second, SECOND)
  })
  after(() => rmSync(folder, { recursive: true }))

  const both = () => ({ KUBECONFIG: `${first}:${join(folder, 'missing')}::${second}:${first}` })
  const fails = async (run: Promise<unknown>, code: string, ...parts: RegExp[]) => {
    await assert.rejects(run, (error: CassSniError) => {
      assert.equal(error.code, code)
      for (const part of parts) assert.match(`${error.message}\n${nextTexts(error.next).join('\n')}`, part)
      return true
    })
  }

  it('takes the first of two entries of one name, whole, and passes over missing files', async () => {
    const { target, cluster, user } = await chooseConfig({}, both())
    assert.deepEqual(target, {
      context: 'a',
      cluster: 'one',
      user: 'red',
      server: 'https://one:6443',
      namespace: 'here',
      namespaceGiven: true,
      insecure: undefined,
      contextNamespace: 'here',
    })
    assert.equal(cluster['certificate-authority'], join(folder, 'ca.pem'))
    assert.deepEqual(user, { token: 'first' })
  })

  it('obeys the flags one by one', async () => {
    const { target } = await chooseConfig({ context: 'b', cluster: 'one', user: 'red', namespace: 'n' }, both())
    assert.deepEqual([target.context, target.cluster, target.user, target.namespace], ['b', 'one', 'red', 'n'])
    const plain = await chooseConfig({ context: 'b' }, both())
    assert.deepEqual(
      [plain.target.namespace, plain.target.namespaceGiven, plain.target.server],
      ['default', false, 'https://two:6443/k8s/c-1'],
    )
  })

  it('prefers --kubeconfig to KUBECONFIG, and a relative path in it is relative to the file', async () => {
    const { target, cluster } = await chooseConfig({ kubeconfig: first, context: 'a' }, { KUBECONFIG: second })
    assert.equal(target.server, 'https://one:6443')
    assert.equal(cluster['certificate-authority'], join(folder, 'ca.pem'))
  })

  it('names what does not exist and what does', async () => {
    await fails(
      chooseConfig({ context: 'nope' }, both()),
      'CSNI103',
      /context "nope" not found.*a, b, broken/s,
      /kubectl config get-contexts/,
    )
    await fails(chooseConfig({ user: 'nope' }, both()), 'CSNI103', /user "nope" not found.*red, blue/s)
    await fails(chooseConfig({ context: 'broken' }, both()), 'CSNI103', /cluster "gone" not found.*one, two/s)
    await fails(chooseConfig({ kubeconfig: join(folder, 'missing') }, {}), 'CSNI103', /missing.*no such file/)
    await fails(chooseConfig({}, { KUBECONFIG: join(folder, 'missing') }), 'CSNI103', /no kubeconfig/, /--kubeconfig/)
    await fails(chooseConfig({ kubeconfig: folder }, {}), 'CSNI103', /cannot read kubeconfig/)
  })

  it('takes merge keys, repeated keys and yes for true, as kubectl does', async () => {
    const file = join(folder, 'yaml')
    writeFileSync(
      file,
      `base: &base {server: "https://x:6443", insecure-skip-tls-verify: yes}
clusters: [{name: k, cluster: {<<: *base}}]
contexts: [{name: c, context: {cluster: gone, cluster: k}}]
current-context: c
---
current-context: only the first document counts
`,
    )
    const { cluster } = await chooseConfig({ kubeconfig: file }, {})
    assert.deepEqual(cluster, { server: 'https://x:6443', 'insecure-skip-tls-verify': true })
  })

  it('does not quote a broken file', async () => {
    const broken = join(folder, 'broken')
    writeFileSync(broken, 'users: [{name: x, user: {token: "geheim}]\n')
    await assert.rejects(chooseConfig({ kubeconfig: broken }, {}), (error: CassSniError) => {
      assert.equal(error.code, 'CSNI103')
      assert.doesNotMatch(`${error.message}${error.stack}`, /geheim/)
      return true
    })
  })

  it('names a server without the login that its URL holds, and uses it', async () => {
    const config = (server: string, more: object = {}) => {
      const file = join(folder, 'login')
      writeFileSync(
        file,
        JSON.stringify({
          clusters: [{ name: 'k', cluster: { server, ...more } }],
          contexts: [{ name: 'c', context: { cluster: 'k' } }],
          'current-context': 'c',
        }),
      )
      return chooseConfig({ kubeconfig: file }, {})
    }
    const { target, cluster, login } = await config('https://jane:s3cret%21@x:6443/k8s')
    assert.deepEqual([target.server, cluster.server], ['https://x:6443/k8s', 'https://x:6443/k8s'])
    assert.deepEqual(login, { username: 'jane', password: 's3cret!' })
    await assert.rejects(config('ftp://jane:s3cret@x'), (error: Error) => !error.message.includes('s3cret'))
    assert.equal((await config('https://x')).target.insecure, undefined)
    assert.equal((await config('https://x', { 'insecure-skip-tls-verify': true })).target.insecure, true)
    await assert.rejects(
      config('https://x', { 'insecure-skip-tls-verify': true, 'certificate-authority-data': 'eA==' }),
      { code: 'CSNI103' },
    )
  })

  it('takes an empty flag for one that was not given', async () => {
    const empty = { context: '', cluster: '', user: '', namespace: '', server: '', token: '', as: '', asUid: '' }
    const { target, user } = await chooseConfig({ ...empty, kubeconfig: '' }, both())
    assert.deepEqual([target.context, target.namespace, user.token], ['a', 'here', 'first'])
  })

  const chosen = (user: object, cluster: object = {}, flags: Connection = {}, env: NodeJS.ProcessEnv = {}) => {
    const file = join(folder, 'one')
    const config = {
      clusters: [{ name: 'k', cluster: { server: 'https://x', ...cluster } }],
      users: [{ name: 'u', user }],
      contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
      'current-context': 'c',
    }
    writeFileSync(file, JSON.stringify(config))
    return chooseConfig({ kubeconfig: file, ...flags }, env)
  }

  it('puts the flags on top', async () => {
    const entry = { 'certificate-authority-data': 'eA==', 'tls-server-name': 'old' }
    const other = await chosen({ token: 't' }, entry, { server: 'https://y', token: 'n', certificateAuthority: '/ca' })
    assert.equal(other.target.server, 'https://y')
    assert.equal(other.user.token, 'n')
    const { 'certificate-authority': ca, 'certificate-authority-data': data, 'tls-server-name': name } = other.cluster
    assert.deepEqual([ca, data, name], ['/ca', undefined, undefined])
    const insecure = await chosen({}, entry, { insecureSkipTlsVerify: true })
    assert.deepEqual([insecure.target.insecure, insecure.cluster['certificate-authority-data']], [true, undefined])
    const nothing = await chooseConfig({ server: 'localhost:8080' }, { HOME: '/nowhere' })
    assert.equal(nothing.target.server, 'http://localhost:8080')
  })

  it('keeps the user to act as when --as is empty, and refuses groups, a uid or extras without one', async () => {
    const kept = await chosen({ as: 'jane', 'as-groups': ['a'] }, {}, { as: '' })
    assert.deepEqual([kept.user.as, kept.user['as-groups']], ['jane', ['a']])
    for (const user of [{ 'as-groups': ['a'] }, { 'as-uid': '7' }, { 'as-user-extra': { k: ['v'] } }])
      await fails(chosen({ token: 't', ...user }), 'CSNI103', /user "u": as-groups.* require as$/m)
    assert.equal((await chosen({ 'as-groups': ['a'] }, {}, { as: 'jane' })).user.as, 'jane')
  })

  for (const [what, user, why] of [
    ['a token and a name', { token: 't', username: 'n' }, /token and username\/password are mutually exclusive/],
    ['a certificate without its key', { 'client-certificate': '/c' }, /without a client-key/],
    ['a certificate twice', { 'client-certificate': '/c', 'client-certificate-data': 'eA==' }, /mutually exclusive/],
    ['exec without an API', { exec: { command: 'x' } }, /exec\.apiVersion is not set/],
    ['exec of another API', { exec: { command: 'x', apiVersion: 'v9' } }, /unsupported exec\.apiVersion v9/],
    ['a token that is a number', { token: 12345678 }, /users\[0\].user.token is not a string/],
    ['a certificate that is not base64', { 'client-certificate-data': 'x?' }, /is not base64/],
  ] as const) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(chosen(user), (error: CassSniError) => {
        assert.equal(error.code, 'CSNI103')
        assert.match(error.message, why)
        assert.doesNotMatch(error.message, /12345678/)
        return true
      })
    })
  }

  it('requires --as with --as-group', async () => {
    await fails(chooseConfig({ asGroups: ['dev'] }, both()), 'CSNI101', /--as/)
  })

  describe('in a pod', () => {
    let account = ''
    const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' }
    before(() => {
      account = mkdtempSync(join(folder, 'account-'))
      writeFileSync(join(account, 'token'), 't')
      writeFileSync(join(account, 'namespace'), 'own\n')
    })

    it('is its service account, in its own namespace or the one that POD_NAMESPACE names', async () => {
      const { target, cluster, user } = await chooseConfig({}, env, account)
      assert.deepEqual(
        [target.server, target.namespace, target.namespaceGiven, target.context],
        ['https://[fd00::1]:443', 'own', true, 'in-cluster'],
      )
      assert.deepEqual(
        [cluster['certificate-authority'], user.tokenFile],
        [join(account, 'ca.crt'), join(account, 'token')],
      )
      const told = await chooseConfig({}, { ...env, POD_NAMESPACE: 'told' }, account)
      assert.equal(told.target.namespace, 'told')
      assert.equal((await chooseConfig({ namespace: 'flag' }, env, account)).target.namespace, 'flag')
    })

    it('gives a kubeconfig its namespace, unless the context names one', async () => {
      const inside = { ...env, POD_NAMESPACE: 'told', KUBECONFIG: second }
      assert.deepEqual(
        [
          (await chooseConfig({}, inside, account)).target.server,
          (await chooseConfig({}, inside, account)).target.namespace,
        ],
        ['https://two:6443/k8s/c-1', 'told'],
      )
      assert.equal((await chooseConfig({}, { ...inside, KUBECONFIG: first }, account)).target.namespace, 'here')
    })

    it('is nothing without a token', async () => {
      await fails(chooseConfig({}, env, join(account, 'missing')), 'CSNI103', /./)
    })
  })
})

describe('authentication', () => {
  const { signal } = new AbortController()
  const chosen = (user: ChosenConfig['user'], cluster: Partial<ChosenConfig['cluster']> = {}): ChosenConfig => ({
    target: { context: 'c', cluster: 'k', user: 'u', server: 'https://x', namespace: 'default', namespaceGiven: false },
    cluster: { server: 'https://x', ...cluster },
    user,
  })

  it('sends one header per group, the uid and extras', async () => {
    const { headers } = await (
      await authenticator(
        chosen({ token: 't', as: 'jane', 'as-groups': ['a', 'b'], 'as-uid': '7', 'as-user-extra': { 'k/x': ['v'] } }),
        { signal, env: {} },
      )
    )()
    assert.deepEqual(headers, {
      Authorization: 'Bearer t',
      'Impersonate-User': 'jane',
      'Impersonate-Group': ['a', 'b'],
      'Impersonate-Uid': '7',
      'Impersonate-Extra-k%2Fx': ['v'],
    })
  })

  it('sends no credentials over plain HTTP, and acts as another user there, as kubectl', async () => {
    const plain = chosen({ token: 't', as: 'jane' }, { server: 'http://x' })
    assert.deepEqual((await (await authenticator(plain, { signal, env: {} }))()).headers, {
      'Impersonate-User': 'jane',
    })
  })

  it('reads a token from a file without its final newline, and goes on with it while the file is gone', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'cass-sni-token-'))
    const file = join(directory, 'token')
    writeFileSync(file, 'abc\n')
    const authenticate = await authenticator(chosen({ tokenFile: file, token: 'other' }), { signal, env: {} })
    assert.equal((await authenticate()).headers.Authorization, 'Bearer abc')
    rmSync(directory, { recursive: true })
    assert.equal((await authenticate()).headers.Authorization, 'Bearer abc')
  })

  it('names a certificate file that is not there', async () => {
    await assert.rejects(
      authenticator(chosen({ token: 't' }, { 'certificate-authority': '/no/ca.pem' }), { signal, env: {} }),
      {
        code: 'CSNI103',
        message: /\/no\/ca.pem/,
      },
    )
  })
})
