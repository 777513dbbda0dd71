/**
 * Nodes that require client certificates: the second datacenter, which the tests before have raised and which none after
 * this one uses, so it stays as it is.
 */
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { CHECKOUT, kubectl, labEnvironment, must, plugin, pluginJson, run, until } from '../support/lab.ts'

const IN = ['-n', 'second']
const SECOND = [...IN, '--gateway', 'istio-system/second-ingressgateway']

interface Verify {
  ok: boolean
  checks: { code: string; result: string; reason?: string }[]
}

describe('nodes that require client certificates', () => {
  before(async function () {
    this.timeout(300_000)
    const components = ['--with', 'second-gateway', '--with', 'second-datacenter']
    await must(run(process.execPath, [join(CHECKOUT, 'lab/main.ts'), 'up', ...components], { timeoutMs: 280_000 }))
    await must(plugin(['certs', ...IN]))
    await must(plugin(['routes', 'sync', '--yes', ...SECOND]))
  })

  it('are not set up before this program has a certificate itself', async function () {
    this.timeout(30_000)
    const { error } = await pluginJson(['certs', 'require-client', ...IN, '--on', '--yes'])
    assert.equal(error?.code, 'CSNI610')
    assert.match(error?.next[0] ?? '', /certs issue-client -n second cass-sni --secret|certs issue-client cass-sni/)
  })

  it('are restarted one after the other, and go on to work with cass-operator', async function () {
    this.timeout(180_000)
    await must(plugin(['certs', 'issue-client', 'cass-sni', ...IN, '--secret', 'cass-sni-client']))
    const outcome = await must(plugin(['certs', 'require-client', ...IN, '--on', '--yes', '--timeout', '150s']))
    assert.match(outcome.stdout, /client certificates are now required/)
    // The operator has created the roles and reads the host IDs by the management API.
    const progress = ['get', 'cassdc', 'dc2', ...IN, '-o', 'jsonpath={.status.cassandraOperatorProgress}']
    assert.equal(await kubectl(progress), 'Ready')
    const again = await plugin(['certs', 'require-client', ...IN, '--on', '--yes'])
    assert.match(again.stdout, /are already required/)
  })

  it('accept cqlsh-sni with the certificate in the Secret or in files, and nobody without', async function () {
    this.timeout(60_000)
    await must(plugin(['routes', 'sync', '--yes', ...SECOND]))
    const home = join((await labEnvironment())['HOME'] ?? '', 'client-certificates')
    await mkdir(home)
    const ask = ['cqlsh-sni', ...IN, '-o', 'csv', '-e', 'SELECT cluster_name FROM system.local']
    await until('cqlsh-sni connects', async () => /My Cluster_2/.test((await plugin(ask)).stdout), 30_000)
    await must(plugin(['certs', 'issue-client', 'app', ...IN, '--out', join(home, 'app')]))
    const files = (name: string) => [
      ...['--client-cert', join(home, name, 'tls.crt'), '--client-key', join(home, name, 'tls.key')],
    ]
    await must(plugin([...ask, ...files('app')]))
    await must(
      run('openssl', [
        ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=another CA'],
        ...['-keyout', join(home, 'ca.key'), '-out', join(home, 'ca.crt')],
      ]),
    )
    const another = ['--ca-file', join(home, 'ca.crt'), '--ca-key-file', join(home, 'ca.key')]
    await must(plugin(['certs', 'issue-client', 'app', ...IN, '--out', join(home, 'foreign'), ...another]))
    const refused = await plugin([...ask, ...files('foreign')])
    assert.notEqual(refused.exitCode, 0)
    assert.match(refused.stderr, /client certificate.*\[CSNI610\]/s)
  })

  it('are proved by verify to reject clients without one', async function () {
    this.timeout(60_000)
    const result = await until(
      'verify passes',
      async () => {
        const { result: found } = await pluginJson<Verify>(['verify', ...SECOND])
        return found?.ok === true ? found : undefined
      },
      50_000,
    )
    const outcomes = new Map(result.checks.map(({ code, result: outcome }) => [code, outcome]))
    for (const code of ['CSNI842', 'CSNI844', 'CSNI845']) assert.equal(outcomes.get(code), 'pass', code)
  })
})
