/** A driver that was not written here, with the host name checked: the proof. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { withPythonDriver } from '../support/churn.ts'
import { CHECKOUT, GATEWAY_ADDRESS, NAMESPACE, plugin, run, labEnvironment, object } from '../support/lab.ts'

describe('a Python driver', () => {
  it('reads from all three nodes through the gateway, each by its host id, with the certificate and the host name checked', async function () {
    this.timeout(660_000)
    const env = await withPythonDriver()
    const environment = await labEnvironment()
    const ca = join(environment['HOME'] ?? '', 'ca.pem')
    assert.equal((await plugin(['certs', 'ca', '-n', NAMESPACE, '--out', ca])).exitCode, 0)
    const datacenter = await object<{ status: { nodeStatuses: Record<string, { hostID: string }> } }>(
      'cassandradatacenter',
      'dc1',
    )
    const ids = Object.values(datacenter?.status.nodeStatuses ?? {}).map((status) => status.hostID)
    const secret = await object<{ data: { username: string; password: string } }>('secret', 'dse-superuser')
    const plain = (text = ''): string => Buffer.from(text, 'base64').toString('utf8')
    const outcome = await run('python3', [join(CHECKOUT, 'test/e2e/driver.py'), GATEWAY_ADDRESS, '9042', ca, ...ids], {
      stdin: JSON.stringify({ username: plain(secret?.data.username), password: plain(secret?.data.password) }),
      env,
      timeoutMs: 120_000,
    })
    assert.equal(outcome.exitCode, 0, outcome.stderr)
    const answers = JSON.parse(outcome.stdout) as { asked: string; answered: string }[]
    assert.equal(answers.length, 3)
    for (const { asked, answered } of answers) assert.equal(answered, asked)
  })
})
