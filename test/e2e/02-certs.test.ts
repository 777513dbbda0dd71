import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { kubectl, must, NAMESPACE, object, plugin, pluginJson, pluginWrites, writesNothing } from '../support/lab.ts'
import { makeAuthority } from '../support/operator-certificates.ts'

interface CertsResult {
  ok: boolean
  leaf: { names: string[]; issued: boolean; fingerprint256: string }
  nodes: {
    pod: string
    live: boolean
    before?: { fingerprint256: string }
    after?: { fingerprint256: string; names: string[] }
  }[]
}

interface CertsStatus {
  ok: boolean
  keystore: { certificate: { fingerprint256: string } }
  nodes: {
    pod: string
    current?: boolean
    servedSince?: string
    certificate: { fingerprint256: string; names: string[] }
    findings: { severity: string }[]
  }[]
}

const IN = ['-n', NAMESPACE]

describe('certs', () => {
  it('prints the authority, and never its key', async function () {
    this.timeout(20_000)
    const outcome = await plugin(['certs', 'ca', ...IN])
    assert.equal(outcome.exitCode, 0, outcome.stderr)
    assert.ok(new X509Certificate(outcome.stdout).ca)
    assert.doesNotMatch(outcome.stdout, /PRIVATE KEY/)
  })

  it('with --dry-run says what it would issue and writes nothing', async function () {
    this.timeout(30_000)
    const since = Date.now()
    const { result, exitCode } = await pluginJson<CertsResult>(['certs', ...IN, '--dry-run'])
    assert.equal(exitCode, 0)
    assert.ok(result?.leaf.names.some((name) => name.startsWith('dse-dc1-default-sts-0.')))
    assert.deepEqual(await pluginWrites(since), [])
  })

  it('makes a certificate with every host id and DNS name live on all nodes within 10 s, without a restart', async function () {
    this.timeout(60_000)
    const restarts = async () =>
      kubectl([
        'get',
        'pods',
        ...IN,
        '-l',
        'cassandra.datastax.com/datacenter=dc1',
        '-o',
        'jsonpath={.items[*].metadata.uid} {.items[*].status.containerStatuses[*].restartCount}',
      ])
    const before = await restarts()
    const { result, error, exitCode } = await pluginJson<CertsResult>([
      'certs',
      ...IN,
      '--public-name',
      'cassandra.example.com',
      '--san',
      'any.example.com',
    ])
    assert.equal(exitCode, 0, JSON.stringify(error))
    assert.ok(result?.leaf.issued)
    assert.equal(result.nodes.length, 3)
    for (const node of result.nodes) {
      assert.ok(node.live, `${node.pod} does not serve it`)
      assert.notEqual(node.before?.fingerprint256, node.after?.fingerprint256)
      assert.ok(node.after?.names.includes('cassandra.example.com'))
      assert.ok(node.after?.names.some((name) => name.startsWith(`${node.pod}.`)))
    }
    const status = await object<{ status: { nodeStatuses: Record<string, { hostID: string }> } }>(
      'cassandradatacenter',
      'dc1',
    )
    for (const { hostID } of Object.values(status?.status.nodeStatuses ?? {}))
      assert.ok(result.leaf.names.includes(hostID.toLowerCase()), `${hostID} is missing`)
    assert.equal(await restarts(), before)
  })

  it('again writes nothing and keeps the public name', async function () {
    this.timeout(30_000)
    await writesNothing(['certs', ...IN])
    const { result } = await pluginJson<CertsResult>(['certs', ...IN])
    assert.equal(result?.leaf.names.includes('cassandra.example.com'), true)
    assert.equal(result?.leaf.issued, false)
  })

  it('shows what CA, Secret and nodes have, and since when, as verify does', async function () {
    this.timeout(30_000)
    const { result, exitCode } = await pluginJson<CertsStatus>(['certs', 'status', ...IN])
    assert.deepEqual([exitCode, result?.ok], [0, true], JSON.stringify(result))
    const fingerprint = result?.keystore.certificate.fingerprint256
    assert.equal(result?.nodes.length, 3)
    for (const { pod, current, certificate, servedSince } of result.nodes) {
      assert.deepEqual([current, certificate.fingerprint256], [true, fingerprint], pod)
      assert.ok(certificate.names.includes('any.example.com'))
      assert.ok(Date.now() - Date.parse(servedSince ?? '') < 3_600_000, `${pod}: ${servedSince}`)
    }
    const due = await plugin(['certs', 'status', ...IN, '--warn-days', '36000'])
    assert.equal(due.exitCode, 1, due.stderr)
    assert.match(due.stdout, /^CA +expires soon/m)
  })

  it('shows every datacenter with -A, and judges by another CA with --ca', async function () {
    this.timeout(30_000)
    const every = await pluginJson<{ datacenters: (CertsStatus & { namespace: string })[] }>(['certs', 'status', '-A'])
    assert.deepEqual([every.exitCode, every.result?.datacenters.map(({ namespace }) => namespace)], [0, [NAMESPACE]])
    const directory = await mkdtemp(join(tmpdir(), 'cass-sni-status-'))
    try {
      const own = join(directory, 'own.pem')
      await must(plugin(['certs', 'ca', ...IN, '--out', own]))
      assert.equal((await plugin(['certs', 'status', ...IN, '--ca', own])).exitCode, 0)
      const foreign = join(directory, 'foreign.pem')
      await writeFile(foreign, new X509Certificate(makeAuthority().der).toString())
      const { exitCode, result } = await pluginJson<CertsStatus>(['certs', 'status', ...IN, '--ca', foreign])
      assert.equal(exitCode, 1)
      for (const { pod, findings } of result?.nodes ?? [])
        assert.ok(
          findings.some(({ severity }) => severity === 'error'),
          pod,
        )
      const missing = await plugin(['certs', 'status', ...IN, '--ca', join(directory, 'none.pem')])
      assert.deepEqual([missing.exitCode, missing.stdout], [2, ''])
      assert.match(missing.stderr, /CSNI104/)
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  })

  it('is live within 10 s', async function () {
    this.timeout(60_000)
    const outcome = await plugin(['certs', ...IN, '--renew'])
    assert.equal(outcome.exitCode, 0, outcome.stderr)
    assert.ok(outcome.took < 10_000, `it took ${outcome.took} ms`)
  })

  it('tells no secret, whatever is asked for', async function () {
    this.timeout(30_000)
    const outcome = await plugin(['certs', ...IN, '-v', '9', '-o', 'yaml'])
    assert.equal(outcome.exitCode, 0, outcome.stderr)
    const key = Buffer.from(
      (await object<{ data: { key: string } }>('secret', 'dc1-ca-keystore'))?.data.key ?? '',
      'base64',
    ).toString('utf8')
    assert.match(key, /PRIVATE KEY/)
    const line = key.split('\n')[1] ?? 'no key'
    assert.ok(!(outcome.stdout + outcome.stderr).includes(line))
  })
})
