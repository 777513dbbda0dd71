/** cert-manager signs the certificates of a datacenter: `npm test -- cert-manager`. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { CHECKOUT, kubectl, must, plugin, pluginJson, run, until, writesNothing } from '../support/lab.ts'

const NAMESPACE = 'second'
const CERTIFICATE = 'cass-sni-dc2'
const IN = ['-n', NAMESPACE]

interface Status {
  issuer?: string
  authorities: { certificate: { subject: string } }[]
  nodes: { certificate: { issuer: string; names: string[]; fingerprint256: string }; current: boolean }[]
}

/** An issuer that signs with its own CA. cass-operator requires an RSA key, cert-manager does not. */
const issuer = (name: string, algorithm: 'RSA' | 'ECDSA') => [
  {
    apiVersion: 'cert-manager.io/v1',
    kind: 'Certificate',
    metadata: { name, namespace: NAMESPACE },
    spec: {
      isCA: true,
      commonName: `CA ${name}`,
      secretName: name,
      duration: '87600h',
      privateKey: { algorithm, size: algorithm === 'RSA' ? 2048 : 256 },
      issuerRef: { name: 'own', kind: 'Issuer', group: 'cert-manager.io' },
    },
  },
  {
    apiVersion: 'cert-manager.io/v1',
    kind: 'Issuer',
    metadata: { name, namespace: NAMESPACE },
    spec: { ca: { secretName: name } },
  },
]

describe('certificates from cert-manager', function () {
  this.timeout(300_000)

  before(async function () {
    this.timeout(900_000)
    const components = ['second-datacenter', 'cert-manager'].flatMap((each) => ['--with', each])
    await must(run(process.execPath, [join(CHECKOUT, 'lab/main.ts'), 'up', ...components], { timeoutMs: 880_000 }))
    const own = {
      apiVersion: 'cert-manager.io/v1',
      kind: 'Issuer',
      metadata: { name: 'own', namespace: NAMESPACE },
      spec: { selfSigned: {} },
    }
    const items = [own, ...issuer('company', 'ECDSA'), ...issuer('other', 'RSA')]
    await kubectl(['apply', '-f', '-'], { stdin: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) })
    for (const name of ['company', 'other'])
      await kubectl(['wait', '--for=condition=Ready', `issuer/${name}`, ...IN, '--timeout=60s'])
    await must(plugin(['certs', ...IN]))
  })
  after(async () => {
    await plugin(['certs', 'rotate-ca', ...IN, '--yes'])
    await plugin(['certs', 'rotate-ca', ...IN, '--finish'])
    await kubectl(['delete', 'issuer,certificate', '--all', ...IN])
    await kubectl(['delete', 'secret', ...IN, '--ignore-not-found', 'company', 'other', `${CERTIFICATE}-tls`])
  })

  const rotateTo = async (...words: string[]) => {
    await must(plugin(['certs', 'rotate-ca', ...IN, ...words, '--yes']))
    await must(plugin(['certs', 'rotate-ca', ...IN, '--finish']))
  }
  const status = async () => {
    const { result, error } = await pluginJson<Status>(['certs', 'status', ...IN])
    assert.equal(error, undefined, JSON.stringify(error))
    assert.ok(result !== undefined)
    for (const node of result.nodes) assert.equal(node.current, true)
    return result
  }

  it('replace those of the operator without a restart, and a second run writes nothing', async () => {
    const restarts = () =>
      kubectl(['get', 'pods', ...IN, '-o', 'jsonpath={.items[*].status.containerStatuses[*].restartCount}'])
    const before = await restarts()
    await rotateTo('--issuer', 'company')
    const { issuer, authorities, nodes } = await status()
    assert.equal(issuer, 'issuer.cert-manager.io/company')
    assert.deepEqual(
      authorities.map(({ certificate }) => certificate.subject),
      ['CN=CA company'],
    )
    for (const { certificate } of nodes) assert.match(certificate.issuer, /CN=CA company/)
    assert.equal(await restarts(), before)
    await writesNothing(['certs', ...IN])
    await writesNothing(['certs', ...IN, '--issuer', 'company'])
  })

  it('get a new name when it is needed', async () => {
    await must(plugin(['certs', ...IN, '--public-name', 'cassandra.example.com', '--public-name', '203.0.113.7']))
    for (const { certificate } of (await status()).nodes)
      for (const name of ['cassandra.example.com', '203.0.113.7']) assert.ok(certificate.names.includes(name))
    await writesNothing(['certs', ...IN])
  })

  it('are copied when cert-manager has issued another one', async () => {
    const before = (await status()).nodes.map(({ certificate }) => certificate.fingerprint256)
    const secret = ['secret', `${CERTIFICATE}-tls`, ...IN]
    await kubectl(['delete', ...secret])
    const exists = async () => (await kubectl(['get', ...secret, '--ignore-not-found'])) !== ''
    await until('cert-manager has issued another certificate', exists, 60_000)
    const { result } = await pluginJson<{ leaf: { reasonCodes: string[] } }>(['certs', ...IN])
    assert.deepEqual(result?.leaf.reasonCodes, ['Reissued'])
    assert.notDeepEqual(
      (await status()).nodes.map(({ certificate }) => certificate.fingerprint256),
      before,
    )
  })

  it('are signed by another issuer after another rotation', async () => {
    await rotateTo('--issuer', 'other')
    assert.equal((await status()).issuer, 'issuer.cert-manager.io/other')
    await writesNothing(['certs', ...IN])
  })

  it('are signed by a CA of the datacenter again, without the Certificate, or by an issuer with the same CA', async () => {
    await rotateTo()
    assert.equal((await status()).issuer, undefined)
    assert.equal(await kubectl(['get', 'certificate', CERTIFICATE, ...IN, '--ignore-not-found']), '')
    await writesNothing(['certs', ...IN])

    await rotateTo('--ca-secret', 'other')
    await must(plugin(['certs', 'rotate-ca', ...IN, '--issuer', 'other', '--yes']))
    assert.equal((await status()).issuer, 'issuer.cert-manager.io/other')
    await writesNothing(['certs', ...IN])
  })
})
