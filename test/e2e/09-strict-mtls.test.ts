/** Istio's mutual TLS is never switched off: under STRICT everything works as before. */
import assert from 'node:assert/strict'
import { kubectl, NAMESPACE, plugin, pluginJson, until, writesNothing } from '../support/lab.ts'

const STRICT = JSON.stringify({
  apiVersion: 'security.istio.io/v1',
  kind: 'PeerAuthentication',
  metadata: { name: 'default', namespace: NAMESPACE },
  spec: { mtls: { mode: 'STRICT' } },
})

describe('a namespace under STRICT mutual TLS', () => {
  after(async function () {
    this.timeout(20_000)
    await kubectl(['delete', 'peerauthentication', 'default', '-n', NAMESPACE, '--ignore-not-found'])
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
})
