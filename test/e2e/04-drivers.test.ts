/** A driver that was not written here, with the host name checked: the proof. */
import assert from 'node:assert/strict'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { CHECKOUT, GATEWAY_ADDRESS, must, NAMESPACE, plugin, run, labEnvironment, object } from '../support/lab.ts'

const VENV = '/var/cache/cass-sni-lab/venv-driver'
const DRIVER = 'cassandra-driver==3.30.0'

/** Python's own driver, in a virtual environment of the lab's cache. */
async function python(): Promise<string> {
  const interpreter = join(VENV, 'bin/python')
  const works = await run(interpreter, ['-c', 'import cassandra.cluster']).catch(() => ({ exitCode: 1 }))
  if (works.exitCode !== 0) {
    await must(run('python3', ['-m', 'venv', '--clear', VENV]))
    await must(
      run(join(VENV, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', DRIVER], { timeoutMs: 600_000, env: { CASS_DRIVER_NO_CYTHON: '1' } }),
    )
  }
  await access(interpreter)
  return interpreter
}

describe('a Python driver', () => {
  it('reads from all three nodes through the gateway, each by its host id, with the certificate and the host name checked', async function () {
    this.timeout(660_000)
    const interpreter = await python()
    const environment = await labEnvironment()
    const ca = join(environment['HOME'] ?? '', 'ca.pem')
    assert.equal((await plugin(['certs', 'ca', '-n', NAMESPACE, '--out', ca])).exitCode, 0)
    const datacenter = await object<{ status: { nodeStatuses: Record<string, { hostID: string }> } }>('cassandradatacenter', 'dc1')
    const ids = Object.values(datacenter?.status.nodeStatuses ?? {}).map((status) => status.hostID)
    const secret = await object<{ data: { username: string; password: string } }>('secret', 'dse-superuser')
    const plain = (text = ''): string => Buffer.from(text, 'base64').toString('utf8')
    const outcome = await run(interpreter, [join(CHECKOUT, 'test/e2e/driver.py'), GATEWAY_ADDRESS, '9042', ca, ...ids], {
      stdin: JSON.stringify({ username: plain(secret?.data.username), password: plain(secret?.data.password) }),
      timeoutMs: 120_000,
    })
    assert.equal(outcome.exitCode, 0, outcome.stderr)
    const answers = JSON.parse(outcome.stdout) as { asked: string; answered: string }[]
    assert.equal(answers.length, 3)
    for (const { asked, answered } of answers) assert.equal(answered, asked)
  })
})
