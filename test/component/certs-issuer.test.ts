/** Certificates from cert-manager, on a real API server with its definitions. The test itself is cert-manager. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { readCertificate } from '../../src/lib/certificates/certificate.ts'
import { issuerPem } from '../../src/lib/certificates/issuer-reference.ts'
import { readKeystore } from '../../src/lib/certificates/keystore.ts'
import { CERTIFICATE, CLUSTER_ISSUER, ISSUER, SECRET } from '../../src/lib/cluster/resources.ts'
import { apiServer, pathOf, type TestServer } from '../support/api-server.ts'
import { OUR_AGENT, writesBy } from '../support/audit.ts'
import { createDatacenter, type TestDatacenter } from '../support/cluster-state.ts'
import { runCommand } from '../support/command.ts'
import { addDefinitions } from '../support/fixture-server.ts'
import { makeAuthority, makeLeaf, type MadeCertificate } from '../support/operator-certificates.ts'
import { createMesh } from '../support/mesh-state.ts'
import { assertMatchesSchema } from '../support/schema.ts'

interface Certificate {
  metadata: { name: string; generation: number }
  spec: { secretName: string; dnsNames: string[]; ipAddresses?: string[]; issuerRef: object }
  status?: { conditions?: { type: string; status: string; observedGeneration?: number }[] }
}

const READY = [{ type: 'Ready', status: 'True', reason: 'KeyPairVerified' }]

describe('certificates from cert-manager', function () {
  this.timeout(120_000)
  let server: TestServer
  let dc: TestDatacenter
  const ca = makeAuthority({ dc: 'company' })
  const encoded = (text: string) => Buffer.from(text).toString('base64')

  before(async () => {
    server = await apiServer()
  })
  beforeEach(async () => {
    dc = await createDatacenter(server, { namespace: await server.namespace('issuer') })
  })

  const run = (...words: string[]) =>
    runCommand(['certs', ...words, '-n', dc.namespace, '--kubeconfig', server.kubeconfig])
  const refused = async (code: string, text: RegExp, ...words: string[]) => {
    const since = Date.now()
    const outcome = await run(...words)
    assert.notEqual(outcome.exitCode, 0, outcome.stdout)
    assert.match(outcome.stderr, new RegExp(code), outcome.stderr)
    assert.match(outcome.stderr.replace(/\s+/g, ' '), text)
    assert.deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
  }
  const issuer = (name: string, spec: object, conditions: object[] = READY) =>
    server.create(ISSUER, { metadata: { name, namespace: dc.namespace }, spec, status: { conditions } })
  const certificatePath = () => pathOf(CERTIFICATE, dc.namespace, 'cass-sni-dc1')
  const texts = async () => {
    const { data } = (await server.client.get(pathOf(SECRET, dc.namespace, 'dc1-ca-keystore'))) as {
      data: Record<string, string>
    }
    return Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
    )
  }
  /** The CA Secret names the issuer, as after a rotation. */
  const signedByIssuer = () =>
    server.client.send('PATCH', pathOf(SECRET, dc.namespace, 'dc1-ca-keystore'), {
      data: {
        cert: encoded(ca.pem),
        key: encoded(issuerPem({ group: 'cert-manager.io', kind: 'Issuer', name: 'company' })),
      },
    })
  const served = async () => {
    const { data } = (await server.client.get(pathOf(SECRET, dc.namespace, 'dc1-keystore'))) as {
      data: Record<string, string>
    }
    const entries = readKeystore(Buffer.from(data['node-keystore.jks'] ?? '', 'base64'), 'dc1', 'test')
    const own = entries.find((entry) => entry.kind === 'key')
    return readCertificate(own?.kind === 'key' ? (own.chain[0] ?? '') : '')
  }
  /** Stores what cert-manager would. */
  const store = async ({ spec }: Certificate, signer: MadeCertificate, authority = signer.pem) => {
    const leaf = makeLeaf(signer, { names: [...spec.dnsNames, ...(spec.ipAddresses ?? [])], clientAuth: true })
    const data = { 'tls.crt': leaf.pem, 'tls.key': leaf.keyPem, 'ca.crt': authority }
    await server.remove(SECRET, spec.secretName, dc.namespace)
    await server.create(SECRET, {
      metadata: { name: spec.secretName, namespace: dc.namespace },
      type: 'kubernetes.io/tls',
      data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, encoded(value)])),
    })
    return leaf
  }
  /** Issues like cert-manager while a command runs. */
  const whileIssuing = async <T>(work: () => Promise<T>, signer = ca, authority = signer.pem): Promise<T> => {
    let ended = false
    const loop = (async () => {
      while (!ended) {
        const found = (await server.client.get(certificatePath()).catch(() => undefined)) as Certificate | undefined
        const conditions = found?.status?.conditions ?? []
        const isReady = conditions.some(({ observedGeneration }) => observedGeneration === found?.metadata.generation)
        if (found !== undefined && (!isReady || conditions.some(({ type }) => type === 'Issuing'))) {
          await store(found, signer, authority)
          const { generation } = found.metadata
          const status = { conditions: [{ ...READY[0], observedGeneration: generation }] }
          await server.status(CERTIFICATE, 'cass-sni-dc1', dc.namespace, status)
        }
        await sleep(100)
      }
    })()
    try {
      return await work()
    } finally {
      ended = true
      await loop
    }
  }

  it('need cert-manager, and an issuer that exists, is ready, and signs with a CA for private names', async () => {
    await refused('CSNI205', /cert-manager is not installed/, 'rotate-ca', '--issuer', 'company')
    await addDefinitions(server, 'cert-manager')
    await refused('CSNI204', /issuer\.cert-manager\.io\/none in namespace issuer-\d+ not found/, '--issuer', 'none')
    await issuer('acme', { acme: { server: 'https://acme.example', privateKeySecretRef: { name: 'account' } } })
    await refused('CSNI406', /ACME issuers sign public DNS names only/, 'rotate-ca', '--issuer', 'acme')
    await issuer('own', { selfSigned: {} })
    await refused('CSNI406', /self-signed certificates have no CA/, 'rotate-ca', '--issuer', 'own')
    await issuer('late', { ca: { secretName: 'none' } }, [
      { type: 'Ready', status: 'False', reason: 'ErrGetKeyPair', message: 'secret "none" not found' },
    ])
    const late = ['rotate-ca', '--issuer', 'late']
    await refused(
      'CSNI406',
      /not ready \(ErrGetKeyPair: secret "none" not found\) .*kubectl .* describe issuers/,
      ...late,
    )
    const cluster = ['--issuer-kind', 'ClusterIssuer']
    await refused(
      'CSNI204',
      /clusterissuer\.cert-manager\.io\/own not found/,
      'rotate-ca',
      '--issuer',
      'own',
      ...cluster,
    )
    await server.create(CLUSTER_ISSUER, { metadata: { name: 'own' }, spec: { selfSigned: {} } })
    await refused('CSNI406', /clusterissuer\.cert-manager\.io\/own: self/, 'rotate-ca', '--issuer', 'own', ...cluster)
    await server.remove(CLUSTER_ISSUER, 'own')
  })

  it('are refused before nodes and clients trust the CA of the issuer', async () => {
    await issuer('company', { ca: { secretName: 'company' } })
    const text =
      /its own CA .* signs the certificates, not issuer\.cert-manager\.io\/company .*rotate-ca .*--issuer company/
    await refused('CSNI101', text, '--issuer', 'company')
    await refused('CSNI101', /mutually exclusive/, 'rotate-ca', '--issuer', 'company', '--ca-secret', 'x')
    await refused('CSNI101', /--ca-key-file, --issuer/, 'rotate-ca', '--ca-file', 'x')
  })

  it('begin with a rotation to the CA of the issuer, which a second run resumes', async () => {
    await issuer('company', { ca: { secretName: 'company' } })
    const dry = await run('rotate-ca', '--issuer', 'company', '--dry-run')
    assert.match(dry.stdout, /certificate\.cert-manager\.io\/cass-sni-dc1 created \(dry run\)/)
    const first = await whileIssuing(() => run('rotate-ca', '--issuer', 'company'))
    assert.match(first.stderr, /CSNI404/)
    const { spec } = (await server.client.get(certificatePath())) as Certificate
    assert.deepEqual(spec.issuerRef, { group: 'cert-manager.io', kind: 'Issuer', name: 'company' })
    for (const { hostId = '' } of dc.nodes) assert.ok(spec.dnsNames.includes(hostId))
    const stored = await texts()
    assert.equal(stored['next-cert'], ca.pem)
    assert.match(stored['next-key'] ?? '', /BEGIN ISSUER REFERENCE/)
    assert.equal((await run('ca')).stdout, dc.caPem + ca.pem)

    await run('rotate-ca', '--issuer', 'company')
    assert.deepEqual(await texts(), stored)
    await issuer('other', { ca: { secretName: 'other' } })
    await refused('CSNI101', /a rotation to another CA is in progress/, 'rotate-ca', '--issuer', 'other')
    await run('rotate-ca', '--abort')
    assert.equal((await texts())['next-key'], undefined)
  })

  it('come from an issuer that publishes its CA, or with --ca-file', async () => {
    await issuer('company', { vault: { server: 'https://vault.example', path: 'pki', auth: {} } })
    const outcome = await whileIssuing(() => run('rotate-ca', '--issuer', 'company'), ca, '')
    assert.match(outcome.stderr, /CSNI406/)
    assert.match(outcome.stderr.replace(/\s+/g, ' '), /does not publish its CA .*--ca-file ca\.pem/)
    assert.equal((await texts())['next-cert'], undefined)
  })

  it('are copied to the keystore, and again when cert-manager has renewed', async () => {
    await issuer('company', { ca: { secretName: 'company' } })
    await signedByIssuer()
    const first = await whileIssuing(() => run('-o', 'json'))
    const { result } = first.json()
    assertMatchesSchema('Certs', first.json())
    assert.equal(result.authority.issuer, 'issuer.cert-manager.io/company')
    assert.equal(result.leaf.issued, true)
    assert.equal((await served()).fingerprint256, result.leaf.fingerprint256)

    const since = Date.now()
    assert.deepEqual((await run('--issuer', 'company', '-o', 'json')).json().result.leaf.reasonCodes, [])
    assert.deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])

    const renewed = await store((await server.client.get(certificatePath())) as Certificate, ca)
    const second = (await run('-o', 'json')).json().result
    assert.deepEqual(second.leaf.reasonCodes, ['Reissued'])
    assert.ok((await served()).der.equals(renewed.der))

    const third = (await whileIssuing(() => run('--renew', '-o', 'json'))).json().result
    assert.deepEqual(third.leaf.reasonCodes, ['Requested'])
    assert.ok(!(await served()).der.equals(renewed.der))

    const status = (await run('status', '-o', 'json')).json()
    assertMatchesSchema('CertsStatus', status)
    assert.equal(status.result.issuer, 'issuer.cert-manager.io/company')
    await refused(
      'CSNI401',
      /no private key: issuer\.cert-manager\.io\/company signs/,
      'issue-client',
      'x',
      '--secret',
      'x',
    )
    const mesh = await createMesh(server, { namespace: await server.namespace('istio') })
    const beforeInstall = Date.now()
    const install = ['routes', 'controller', 'install', '--image', 'i:1', '--metadata-name', 'c.example.com', '--yes']
    const controller = [...install, '--gateway-namespace', 'default', '--kubeconfig', server.kubeconfig]
    const metadata = await runCommand([...controller, '-n', dc.namespace, '--controller-namespace', 'issuer-test'])
    assert.match(
      metadata.stderr,
      /metadata service of datacenter dc1: not supported while issuer\.cert-manager\.io\/company signs/,
    )
    assert.match(metadata.stderr, /Hint: clients show and bundle serve require no metadata service/)
    assert.deepEqual(await writesBy(server.auditLog, OUR_AGENT, beforeInstall), [])
    await mesh.remove()
  })

  it('are not written to the keystore if the issuer has another CA by now', async () => {
    await issuer('company', { ca: { secretName: 'company' } })
    await signedByIssuer()
    const before = await served()
    const outcome = await whileIssuing(() => run(), makeAuthority({ dc: 'another' }))
    assert.match(outcome.stderr, /CSNI407/)
    assert.match(
      outcome.stderr.replace(/\s+/g, ' '),
      /signs with another CA than before .*restore the CA of the issuer/,
    )
    assert.ok((await served()).der.equals(before.der))
  })

  it("name cert-manager's reason if they are not issued", async () => {
    await issuer('company', { ca: { secretName: 'company' } })
    await signedByIssuer()
    const running = run()
    const failing = (async () => {
      for (;;) {
        const found = (await server.client.get(certificatePath()).catch(() => undefined)) as Certificate | undefined
        if (found !== undefined) return found
        await sleep(50)
      }
    })()
    await failing
    const message = 'The certificate request has failed to complete: denied by policy'
    await server.status(CERTIFICATE, 'cass-sni-dc1', dc.namespace, {
      conditions: [
        { type: 'Issuing', status: 'False', reason: 'Denied', message, lastTransitionTime: '2026-11-26T12:00:00Z' },
      ],
    })
    const { stderr } = await running
    assert.match(stderr, /CSNI407/)
    assert.match(
      stderr.replace(/\s+/g, ' '),
      /cass-sni-dc1 in namespace \S+: not issued by issuer\.cert-manager\.io\/company: Denied: .* denied by policy/,
    )
  })
})
