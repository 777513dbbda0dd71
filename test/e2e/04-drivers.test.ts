/** Drivers that were not written here, each with the host name checked: the proof. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { withPythonDriver } from '../support/churn.ts'
import { goDriver, javaDriver } from '../support/driver-builds.ts'
import { CHECKOUT, GATEWAY_ADDRESS, labEnvironment, must, NAMESPACE, object, plugin, run } from '../support/lab.ts'

const PUBLIC_NAME = 'cassandra.example.com'
const FOREIGN_NAME = 'another.example.com'

describe('drivers through the gateway, with the certificate and the host name checked', () => {
  let hostIds: string[]
  let pods: string[]
  let login: { username: string; password: string }
  const podName = (index: number) => `${pods[index]}.dse-dc1-all-pods-service.${NAMESPACE}.svc.cluster.local`
  const trusted = async (file: string) => join((await labEnvironment())['HOME'] ?? '', 'trusted', file)

  before(async function () {
    this.timeout(120_000)
    const datacenter = await object<{ status: { nodeStatuses: Record<string, { hostID: string }> } }>(
      'cassandradatacenter',
      'dc1',
    )
    const nodes = Object.entries(datacenter?.status.nodeStatuses ?? {})
    pods = nodes.map(([pod]) => pod)
    hostIds = nodes.map(([, { hostID }]) => hostID)
    const secret = await object<{ data: { username: string; password: string } }>('secret', 'dse-superuser')
    const plain = (text = ''): string => Buffer.from(text, 'base64').toString('utf8')
    login = { username: plain(secret?.data.username), password: plain(secret?.data.password) }
    const out = (await trusted('')).replace(/\/$/, '')
    await must(plugin(['certs', '-n', NAMESPACE, '--public-name', PUBLIC_NAME]))
    await must(plugin(['certs', 'export', '-n', NAMESPACE, '--format', 'pem', '--format', 'pkcs12', '--out', out]))
  })

  /**
   * One session each that verifies the host ID, the name of the pod and the public name, and one that must not open: it
   * verifies a name that the certificates lack. SNI is the host ID, for Python and pods the name of the pod.
   */
  const asksEachNode = async (command: string, before: string[], options: { ca?: string; stdin?: string } = {}) => {
    const { ca = 'ca.crt', stdin = JSON.stringify(login) } = options
    const env = await withPythonDriver()
    const names = (kind: string, name: (index: number) => string) =>
      hostIds.map((hostId, index) => `${kind}/${hostId}/${name(index)}`)
    const words = [
      ...names('host', (index) => hostIds[index] ?? ''),
      ...names('pod', podName),
      ...names('public', () => PUBLIC_NAME),
      ...names('foreign', () => FOREIGN_NAME),
    ]
    const args = [...before, GATEWAY_ADDRESS, '9042', await trusted(ca), ...words]
    const { stdout } = await must(run(command, args, { stdin, env, timeoutMs: 120_000 }))
    const answers = JSON.parse(stdout) as { kind: string; asked: string; answered: string; error?: string }[]
    for (const kind of ['host', 'pod', 'public']) {
      const those = answers.filter((answer) => answer.kind === kind)
      assert.deepEqual(those.map(({ asked }) => asked).sort(), [...hostIds].sort(), `${kind}: ${stdout}`)
      for (const { asked, answered } of those) assert.equal(answered, asked)
    }
    const [refused, ...others] = answers.filter(({ kind }) => kind === 'foreign')
    assert.match(refused?.error ?? '', new RegExp(`${FOREIGN_NAME}|ERR_TLS_CERT_ALTNAME_INVALID`))
    assert.deepEqual(others, [])
  }
  const source = (name: string) => join(CHECKOUT, 'test/e2e/drivers', name)

  it('Python', async function () {
    this.timeout(660_000)
    await withPythonDriver()
    await asksEachNode('python3', [source('driver.py')])
  })

  it('Node.js', async function () {
    this.timeout(60_000)
    await asksEachNode(process.execPath, [source('driver.cjs')])
  })

  it('Go', async function () {
    this.timeout(330_000)
    await asksEachNode(await goDriver(), [])
  })

  it('Java, with a truststore of certs export', async function () {
    this.timeout(480_000)
    const stdin = `${login.username}\n${login.password}`
    await asksEachNode('java', await javaDriver(), { ca: 'truststore.p12', stdin })
  })

  it('openssl, by host ID, name of the pod and public name of each node, and by no other name', async function () {
    this.timeout(120_000)
    const ca = await trusted('ca.crt')
    const verified = async (hostId: string, name: string) => {
      const connect = ['s_client', '-connect', `${GATEWAY_ADDRESS}:9042`, '-servername', hostId]
      const verify = ['-CAfile', ca, '-verify_return_error', '-verify_hostname', name, '-brief']
      return (await run('openssl', [...connect, ...verify])).exitCode === 0
    }
    for (const [index, hostId] of hostIds.entries()) {
      for (const name of [hostId, podName(index), PUBLIC_NAME])
        assert.ok(await verified(hostId, name), `${hostId}: ${name}`)
    }
    assert.equal(await verified(hostIds[0] ?? '', FOREIGN_NAME), false)
  })
})
