/** Istio's mutual TLS is never switched off: under STRICT everything works as before. */
import assert from 'node:assert/strict'
import { kubectl, must, NAMESPACE, plugin, pluginJson, until, writesNothing } from '../support/lab.ts'

const PLAIN = JSON.stringify({
  apiVersion: 'networking.istio.io/v1',
  kind: 'DestinationRule',
  metadata: { name: 'plain', namespace: NAMESPACE },
  spec: { host: 'dse-dc1-default-sts-2-cql', trafficPolicy: { tls: { mode: 'DISABLE' } } },
})
const STRICT = JSON.stringify({
  apiVersion: 'security.istio.io/v1',
  kind: 'PeerAuthentication',
  metadata: { name: 'default', namespace: NAMESPACE },
  spec: { mtls: { mode: 'STRICT' } },
})

interface Checks {
  checks: { code: string; result: string; note?: string; reason?: string; next?: string[] }[]
}

describe('a namespace under STRICT mutual TLS', () => {
  after(async function () {
    this.timeout(20_000)
    for (const policy of ['peerauthentication/default', 'destinationrule/plain'])
      await kubectl(['delete', policy, '-n', NAMESPACE, '--ignore-not-found'])
  })

  it('needs no change: every node is reached and verified', async function () {
    this.timeout(90_000)
    await kubectl(['apply', '-f', '-'], { stdin: STRICT })
    await new Promise((next) => setTimeout(next, 3000)) // until the sidecars have heard of it
    await writesNothing(['routes', 'sync', '-n', NAMESPACE])
    await until('verify passes', async () => (await plugin(['verify', '-n', NAMESPACE])).exitCode === 0, 30_000, 1000)
    const { result } = await pluginJson<{ statements: { rows: unknown[] }[] }>([
      'cqlsh-sni',
      '-n',
      NAMESPACE,
      '--node',
      '2',
      '-e',
      'SELECT host_id FROM system.local',
    ])
    assert.equal(result?.statements[0]?.rows.length, 1)
  })

  it('needs no change with --backend serviceentry either, for which only the CQL port accepts plain connections', async function () {
    this.timeout(120_000)
    const sync = (backend: string) => must(plugin(['routes', 'sync', '-n', NAMESPACE, '--backend', backend, '--yes']))
    await sync('serviceentry')
    try {
      const passing = await until(
        'verify passes',
        async () => {
          const { exitCode, result } = await pluginJson<Checks>(['verify', '-n', NAMESPACE])
          return exitCode === 0 && result
        },
        30_000,
        500,
      )
      const mode = passing.checks.find(({ code }) => code === 'CSNI862')
      assert.match(mode?.note ?? '', /^PERMISSIVE by peerauthentication\/cass-sni-dc1\S* in namespace /)
    } finally {
      await sync('service')
    }
  })

  it('with a DestinationRule against it: verify names both, and leads neither to certs nor to routes sync', async function () {
    this.timeout(30_000)
    await kubectl(['apply', '-f', '-'], { stdin: PLAIN })
    const failed = await until(
      'verify fails',
      async () => {
        const { result } = await pluginJson<Checks>(['verify', '-n', NAMESPACE, '--node', '2'])
        const bad = (result?.checks ?? []).filter((check) => check.result === 'fail')
        return bad.some(({ code }) => code === 'CSNI835') && bad
      },
      15_000,
    )
    assert.deepEqual(
      failed.map(({ code }) => code),
      ['CSNI835'],
    )
    assert.match(failed[0]?.reason ?? '', /sidecar .*destinationrule\S*\/plain .*peerauthentication\S*\/default /)
    assert.doesNotMatch((failed[0]?.next ?? []).join('\n'), /cass-sni/)
  })
})
