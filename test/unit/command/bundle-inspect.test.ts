/** `bundle inspect` as a user calls it, without a cluster. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zipSync } from 'fflate'
import { runCommand } from '../../support/command.ts'
import { assertMatchesSchema } from '../../support/schema.ts'

const text = (content: string) => new Uint8Array(Buffer.from(content))
const config = (fields: object) => ({
  'config.json': text(JSON.stringify({ port: 9042, password: 'hidden', ...fields })),
})

describe('bundle inspect without a cluster', () => {
  let directory: string
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'bundle-inspect-'))
  })
  after(() => rmSync(directory, { recursive: true }))

  const inspect = async (files: Parameters<typeof zipSync>[0], ...words: string[]) => {
    const file = join(directory, 'x.zip')
    writeFileSync(file, zipSync(files))
    const outcome = await runCommand(['bundle', 'inspect', file, ...words], { env: { KUBECONFIG: '/dev/null' } })
    assert.doesNotMatch(outcome.stdout + outcome.stderr, /hidden/)
    return outcome
  }

  it('shows a bundle of DataStax Astra as what it is', async () => {
    const astra = config({ host: 'x-us-east1.db.astra.datastax.com', username: 'token' })
    const online = await inspect(astra)
    assert.equal(online.exitCode, 1)
    assert.match(online.stdout, /datacenter +failed +a bundle of DataStax Astra/)
    assert.match((await inspect(astra, '--offline')).stdout, /datacenter +warning +a bundle of DataStax Astra/)
  })

  it('fails without a cluster, and still shows the contents', async () => {
    const { exitCode, stdout, json } = await inspect(config({ host: 'c.example.com', username: 'app' }), '-o', 'json')
    assert.equal(exitCode, 1)
    assertMatchesSchema('BundleInspect', json())
    const { result } = json()
    assert.deepEqual([result.ok, result.live, result.username, result.hasPassword], [false, false, 'app', true])
    assert.match(stdout, /not compared with the cluster: /)
  })

  it('prints nothing that a terminal would obey', async () => {
    const { stdout } = await inspect(
      {
        ...config({ host: 'c\u001b[31m.example.com', username: 'a\u202eb', localDC: 'x\ny' }),
        '\u001b]0;t\u0007': text(''),
      },
      '--offline',
    )
    assert.match(stdout, /c\.example\.com:9042/)
    assert.doesNotMatch(stdout, /[\u001b\u202e\u0007]/)
    assert.match(stdout, /Local datacenter: +x y/)
  })

  it('refuses what is not a bundle, with the code of a file', async () => {
    const path = (name: string) => join(directory, name)
    writeFileSync(path('ca.pem'), 'no zip')
    spawnSync('mkfifo', [path('pipe')])
    for (const [file, code, message] of [
      [path('ca.pem'), 'CSNI107', /ca\.pem: not a zip file/],
      [path('missing'), 'CSNI104', /missing: no such file/],
      [directory, 'CSNI104', /is a directory/],
      [path('pipe'), 'CSNI104', /not a regular file/],
      ['/dev/zero', 'CSNI104', /not a regular file/],
    ] as const) {
      const { exitCode, stderr } = await runCommand(['bundle', 'inspect', file])
      assert.equal(exitCode, 2, stderr)
      assert.match(stderr, new RegExp(code))
      assert.match(stderr.replaceAll(/\s+/g, ' '), message)
    }
    const { stderr } = await runCommand(['bundle', 'inspect', 'Secret/A_b'])
    assert.match(stderr, /invalid Secret name "A_b"/)
    assert.match(
      (await runCommand(['bundle', 'inspect', path('x.zip'), '--secret-namespace', 'a'])).stderr,
      /requires a Secret/,
    )
  })
})
