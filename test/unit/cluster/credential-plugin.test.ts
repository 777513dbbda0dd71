import { hint } from '../../../src/lib/errors.ts'
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { authenticator } from '../../../src/lib/cluster/authentication.ts'
import type { ClusterEntry, ExecEntry } from '../../../src/lib/cluster/kubeconfig-files.ts'
import { CassSniError } from '../../../src/lib/errors.ts'

const API = 'client.authentication.k8s.io/v1'

describe('a credential plugin', () => {
  let directory = ''
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'cass-sni-plugin-'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  /** A plugin that is a shell script. */
  const plugin = (
    script: string,
    {
      cluster,
      exec,
      ...options
    }: { cluster?: ClusterEntry; exec?: ExecEntry; signal?: AbortSignal; requestTimeoutMs?: number } = {},
  ) =>
    authenticator(
      {
        target: { context: 'c', cluster: 'k', user: 'u', server: 'https://x', namespace: 'n', namespaceGiven: false },
        cluster: { ...cluster, server: 'https://x' },
        user: {
          exec: {
            apiVersion: API,
            command: 'sh',
            args: ['-c', script],
            interactiveMode: 'Never',
            ...exec,
          },
        },
      },
      { signal: new AbortController().signal, env: { PATH: process.env.PATH }, ...options },
    )
  const answer = (status: object) => `echo '${JSON.stringify({ apiVersion: API, kind: 'ExecCredential', status })}'`
  const inDirectory = (script: string) => `cd ${directory}; ${script}`
  /** Each run adds a line to the file `runs` in the test's directory. */
  const runs = () => readFileSync(join(directory, 'runs'), 'utf8').length
  const counted = (script: string, more: Parameters<typeof plugin>[1] = {}) =>
    plugin('', { ...more, exec: { args: ['-c', inDirectory(`echo >> runs; ${script}`)], ...more.exec } })

  it('is run once for all who ask at once, and not again', async () => {
    const authenticate = await counted(`sleep 0.1; ${answer({ token: 't' })}`)
    const asked = await Promise.all([authenticate(), authenticate(), authenticate()])
    assert.deepEqual(
      asked.map(({ headers }) => headers.Authorization),
      ['Bearer t', 'Bearer t', 'Bearer t'],
    )
    await authenticate()
    assert.equal(runs(), 1)
  })

  it('is run again when its credentials have expired, and once when they were refused', async () => {
    const expired = await counted(answer({ token: 't', expirationTimestamp: '2020-01-01T00:00:00Z' }))
    await expired()
    await expired()
    assert.equal(runs(), 2)
    rmSync(join(directory, 'runs'))
    const refused = await counted(answer({ token: 't', expirationTimestamp: '2120-01-01T00:00:00Z' }))
    const first = await refused()
    await Promise.all([refused(first), refused(first)])
    await refused(first)
    assert.equal(runs(), 2)
  })

  it('is told all of the cluster, with the authority that came from a file, and its own settings', async () => {
    const ca = join(directory, 'ca.pem')
    writeFileSync(ca, 'PEM')
    const authenticate = await counted(
      `echo "$KUBERNETES_EXEC_INFO" > info; echo "$WHO" > who; ${answer({ token: 't' })}`,
      {
        cluster: {
          'certificate-authority': ca,
          'proxy-url': 'http://p:3128',
          'tls-server-name': 'n',
          extensions: [{ name: 'client.authentication.k8s.io/exec', extension: { audience: 'a' } }],
        },
        exec: { provideClusterInfo: true, env: [{ name: 'WHO', value: 'me' }] },
      },
    ).catch((error: unknown) => error)
    // the settings are read with the authority, which is no certificate: only the plugin's part is looked at
    await (authenticate as () => Promise<unknown>)()
    assert.deepEqual(JSON.parse(readFileSync(join(directory, 'info'), 'utf8')), {
      apiVersion: API,
      kind: 'ExecCredential',
      spec: {
        interactive: false,
        cluster: {
          server: 'https://x',
          'tls-server-name': 'n',
          'certificate-authority-data': Buffer.from('PEM').toString('base64'),
          'proxy-url': 'http://p:3128',
          config: { audience: 'a' },
        },
      },
    })
    assert.equal(readFileSync(join(directory, 'who'), 'utf8'), 'me\n')
  })

  it('that reads its input finds the end of it', async () => {
    const authenticate = await counted(`cat; ${answer({ token: 't' })}`)
    assert.equal((await authenticate()).headers.Authorization, 'Bearer t')
  }).timeout(10_000)

  it('is ended with the run, and by --request-timeout', async () => {
    const controller = new AbortController()
    const hanging = await counted('sleep 60', { signal: controller.signal })
    setTimeout(() => controller.abort(new CassSniError('CSNI902', 'interrupted')), 100)
    await assert.rejects(hanging(), { code: 'CSNI902' })
    const slow = await counted('sleep 60', { requestTimeoutMs: 100 })
    await assert.rejects(slow(), { code: 'CSNI202', message: /timed out after 100ms/ })
  }).timeout(10_000)

  it('that fails or is missing is named, with its hint', async () => {
    await assert.rejects((await plugin('exit 3'))(), {
      code: 'CSNI202',
      message: /plugin sh for user "u": exit code 3/,
    })
    const missing = await plugin('', { exec: { command: 'no-such-plugin', installHint: 'Get it at example.com' } })
    await assert.rejects(missing(), { code: 'CSNI202', next: [hint('Get it at example.com')] })
    const always = await plugin(answer({ token: 't' }), { exec: { interactiveMode: 'Always' } })
    if (!process.stdin.isTTY)
      await assert.rejects(always(), { code: 'CSNI202', message: /requires an interactive terminal/ })
  })

  for (const [what, text, why] of [
    ['no JSON', 's3cret-token', /invalid ExecCredential: not JSON/],
    ['null', 'null', /unexpected kind/],
    ['of another API', '{"apiVersion":"v0","kind":"ExecCredential","status":{"token":"s3cret"}}', /apiVersion is not/],
    ['without credentials', `{"apiVersion":"${API}","kind":"ExecCredential"}`, /neither a token nor a certificate/],
    [
      'with half a certificate',
      `{"apiVersion":"${API}","kind":"ExecCredential","status":{"clientKeyData":"s3cret"}}`,
      /key without certificate/,
    ],
  ] as const) {
    it(`whose answer is ${what} is refused, and nothing of it is quoted`, async () => {
      const error: unknown = await (await plugin(`echo '${text}'`))().catch((thrown: unknown) => thrown)
      assert.match((error as Error).message, why)
      assert.doesNotMatch(inspect(error, { depth: 9 }), /s3cret/)
    })
  }
})
