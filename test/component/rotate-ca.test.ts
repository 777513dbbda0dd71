/** `certs rotate-ca` against a real API server. No node runs there, so a rotation never leaves the phase it is in. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readCertificate } from '../../src/lib/certificates/certificate.ts'
import { SECRET } from '../../src/lib/cluster/resources.ts'
import { apiServer, pathOf, type TestServer } from '../support/api-server.ts'
import { OUR_AGENT, writesBy } from '../support/audit.ts'
import { createDatacenter, type TestDatacenter } from '../support/cluster-state.ts'
import { runCommand } from '../support/command.ts'
import { makeAuthority, makeKeystore, makeLeaf } from '../support/operator-certificates.ts'
import { assertMatchesSchema } from '../support/schema.ts'

const DAY = 24 * 60 * 60 * 1000

describe('certs rotate-ca', function () {
  this.timeout(120_000)
  let server: TestServer
  let dc: TestDatacenter
  let folder: string

  before(async () => {
    server = await apiServer()
    folder = await mkdtemp(join(tmpdir(), 'rotate-ca-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))
  beforeEach(async () => {
    dc = await createDatacenter(server, { namespace: await server.namespace('rotate') })
  })

  const run = (...words: string[]) =>
    runCommand(['certs', ...words, '-n', dc.namespace, '--kubeconfig', server.kubeconfig])
  const authoritySecret = async () => {
    const { data, metadata } = (await server.client.get(pathOf(SECRET, dc.namespace, 'dc1-ca-keystore'))) as {
      data: Record<string, string>
      metadata: { annotations?: Record<string, string> }
    }
    const texts = Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
    )
    return { texts, phase: metadata.annotations?.['cass-sni/ca-rotation'] }
  }
  const files = async (made: { pem: string; keyPem: string }) => {
    const [ca, key] = [join(folder, 'ca.pem'), join(folder, 'ca.key')]
    await writeFile(ca, made.pem)
    await writeFile(key, made.keyPem)
    return ['--ca-file', ca, '--ca-key-file', key]
  }
  const refused = async (code: string, text: RegExp, ...words: string[]) => {
    const since = Date.now()
    const outcome = await run('rotate-ca', ...words)
    assert.notEqual(outcome.exitCode, 0, outcome.stdout)
    assert.match(outcome.stderr, new RegExp(code), outcome.stderr)
    assert.match(outcome.stderr.replace(/\s+/g, ' '), text)
    assert.deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
    return outcome
  }

  it('stores the new CA beside the current one, waits for the nodes, and resumes with the same CA', async () => {
    const first = await run('rotate-ca')
    assert.match(first.stderr, /CSNI404/)
    assert.match(first.stderr.replace(/\s+/g, ' '), /CA rotation waits for dse-dc1-default-sts-0/)
    const { texts, phase } = await authoritySecret()
    assert.equal(phase, 'trust')
    assert.equal(texts['cert'], dc.caPem)
    const next = readCertificate(texts['next-cert'] ?? '')
    assert.ok(next.x509.ca && next.x509.publicKey.asymmetricKeyType === 'rsa')
    assert.equal(Math.round((next.notAfter.getTime() - Date.now()) / DAY), 3650)
    assert.match(texts['next-key'] ?? '', /BEGIN PRIVATE KEY/)
    assert.ok(!`${first.stdout}${first.stderr}`.includes((texts['next-key'] ?? '').split('\n')[1] ?? 'none'))
    assert.match((await run('status')).stdout, /^CA +valid .*\nOther CA +valid /m)
    assert.match((await run('ca', '--out', join(folder, 'both.pem'))).stderr, /both\.pem written: .*; also CN=dc1\./)
    assert.match((await run('export', '--out', join(folder, 'both'))).stdout, /^Also contains CN=dc1\./m)

    assert.equal((await run('ca')).stdout, dc.caPem + (texts['next-cert'] ?? ''))
    await run('rotate-ca', '--finish')
    assert.deepEqual(await authoritySecret(), { texts, phase })
    const plain = (await run('-o', 'json')).json()
    assert.equal(plain.result.rotation.phase, 'trust')
    assert.deepEqual(plain.result.leaf.reasonCodes, [])
  })

  it('aborts before the new CA signs', async () => {
    await run('rotate-ca')
    const aborted = await run('rotate-ca', '--abort')
    assert.match(aborted.stderr, /CSNI404/)
    const { texts, phase } = await authoritySecret()
    assert.equal(phase, 'abort')
    assert.equal(texts['next-key'], undefined)
    assert.equal((await run('ca')).stdout, dc.caPem)
    assert.deepEqual((await run('-o', 'json')).json().result.leaf.reasonCodes, [])
  })

  it('replaces an expired CA at once, and refuses --expired for any other', async () => {
    await refused('CSNI101', /CA has not expired \(valid until /, '--expired')
    dc = await createDatacenter(server, {
      namespace: await server.namespace('rotate'),
      caNotAfter: Date.UTC(2026, 9, 1),
    })
    await refused('CSNI402', /CA expired on 2026-10-01 .*rotate-ca .*--expired/)
    const finish = await run('rotate-ca', '--finish')
    assert.equal(finish.exitCode, 0)
    const certs = await run()
    assert.match(certs.stderr.replace(/\s+/g, ' '), /rotate-ca .*--expired/)
    const dry = await run('rotate-ca', '--expired', '--dry-run')
    assert.match(dry.stdout, /secret\/dc1-ca-keystore configured \(dry run\)/)
    const keystore = pathOf(SECRET, dc.namespace, 'dc1-keystore')
    const { data } = (await server.client.get(keystore)) as { data: Record<string, string> }
    await server.remove(SECRET, 'dc1-keystore', dc.namespace)
    await refused('CSNI204', /secret\/dc1-keystore/, '--expired')
    await server.create(SECRET, { metadata: { name: 'dc1-keystore', namespace: dc.namespace }, data })
    await run('rotate-ca', '--expired')
    const { texts, phase } = await authoritySecret()
    assert.equal(phase, 'sign')
    assert.equal(texts['previous-cert'], dc.caPem)
    await refused('CSNI101', /cannot abort: .* already signs/, '--abort')
  })

  it('replaces a CA that cannot sign the certificate', async () => {
    dc = await createDatacenter(server, { namespace: await server.namespace('rotate'), caDomain: 'example.com' })
    const certs = await run('--dry-run')
    assert.equal(certs.exitCode, 1)
    const advice = certs.stderr.replace(/\s+/g, ' ')
    assert.match(advice, /do not permit .*\[CSNI401\] Try: kubectl cass-sni certs rotate-ca --kubeconfig /)
    const status = await run('status')
    assert.match(status.stdout + status.stderr, /name constraints of .* do not permit/)
    assert.match(status.stdout, /\nNext:\n {2}kubectl cass-sni certs rotate-ca /)
    assert.equal((await run('rotate-ca', '--dry-run')).exitCode, 0)
    // the nodes do not run: that every node trusts both is what it waits for
    const outcome = await run('rotate-ca')
    assert.match(outcome.stderr, /CSNI404/)
    const { texts, phase } = await authoritySecret()
    assert.equal(phase, 'trust')
    assert.equal(texts['cert'], dc.caPem)
    const again = await run('-o', 'json')
    assert.deepEqual(again.json().result.leaf.reasonCodes, [])
  })

  it('takes a CA from files, encrypted too, and stores it as cass-operator reads it', async () => {
    const made = makeAuthority({ dc: 'mine' })
    const [, ca = '', , key = ''] = await files(made)
    await writeFile(key, made.key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'pw' }))
    await refused('CSNI401', /encrypted private key: password required/, '--ca-file', ca, '--ca-key-file', key)
    const corporate = await files(makeAuthority({ dc: 'corporate', permittedDomain: 'example.com' }))
    const constrained = /name constraints of .*corporate.* do not permit .* Hint: use a CA without name constraints/
    await refused('CSNI401', constrained, ...corporate)
    await refused('CSNI401', constrained, ...corporate, '--dry-run')
    await files(made)
    await writeFile(key, made.key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'pw' }))
    const password = join(folder, 'password')
    await writeFile(password, 'pw\n')
    const given = ['--ca-file', ca, '--ca-key-file', key, '--ca-key-password-file', password]
    const dry = await run('rotate-ca', ...given, '--dry-run', '-o', 'json')
    assert.equal(dry.exitCode, 0, dry.stderr)
    assert.equal(dry.json().result.outcome, 'planned')
    assertMatchesSchema('CertsRotateCa', dry.json())
    await run('rotate-ca', ...given)
    const { texts } = await authoritySecret()
    assert.equal(texts['next-cert'], made.pem)
    assert.equal(texts['next-key'], made.keyPem)
    await refused(
      'CSNI101',
      /a rotation to another CA is in progress/,
      ...(await files(makeAuthority({ dc: 'other' }))),
    )
  })

  it('takes a CA from a Secret, with the root that cert-manager stores in ca.crt', async () => {
    const root = makeAuthority({ dc: 'root' })
    const made = makeAuthority({ dc: 'mine', issuer: root })
    const base64 = (text: string) => Buffer.from(text).toString('base64')
    const data = { 'tls.crt': base64(made.pem), 'tls.key': base64(made.keyPem), 'ca.crt': base64(root.pem) }
    await server.create(SECRET, { metadata: { name: 'mine', namespace: dc.namespace }, data })
    await server.create(SECRET, { metadata: { name: 'empty', namespace: dc.namespace }, data: {} })
    await refused('CSNI204', /secret\/missing in namespace \S+ not found/, '--ca-secret', 'missing')
    await refused('CSNI204', /secret\/empty in namespace \S+: no certificate and private key/, '--ca-secret', 'empty')
    await refused('CSNI101', /invalid value "other\/mine" for --ca-secret: must be in/, '--ca-secret', 'other/mine')
    await refused('CSNI101', /--ca-secret/, '--ca-secret', 'mine', '--ca-file', 'x', '--ca-key-file', 'y')
    await run('rotate-ca', '--ca-secret', 'mine')
    const { texts } = await authoritySecret()
    assert.equal(texts['next-cert'], made.pem + root.pem)
    assert.equal(texts['next-key'], made.keyPem)
  })

  describe('refuses, and changes nothing', () => {
    const rows: [string, string, RegExp, () => { pem: string; keyPem: string }][] = [
      [
        'a key of another CA',
        'CSNI401',
        /key mismatch/,
        () => ({ ...makeAuthority(), keyPem: makeAuthority().keyPem }),
      ],
      ['an EC CA', 'CSNI401', /cass-operator supports only RSA/, () => makeAuthority({ curve: 'prime256v1' })],
      ['an expired CA', 'CSNI402', /expired on/, () => makeAuthority({ notBefore: 0, notAfter: DAY })],
      ['a CA of tomorrow', 'CSNI402', /not valid before/, () => makeAuthority({ notBefore: Date.now() + DAY })],
      ['a leaf', 'CSNI401', /not a CA certificate/, () => makeLeaf(makeAuthority())],
      ['the key alone', 'CSNI401', /private key found/, () => ({ pem: makeAuthority().keyPem, keyPem: '' })],
      [
        'an intermediate CA without its root',
        'CSNI401',
        /root/,
        () => makeAuthority({ issuer: makeAuthority({ dc: 'r' }) }),
      ],
      [
        'a chain in the wrong order',
        'CSNI401',
        /wrong order/,
        () => {
          const root = makeAuthority({ dc: 'root' })
          const made = makeAuthority({ issuer: root })
          return { pem: root.pem + made.pem, keyPem: made.keyPem }
        },
      ],
    ]
    for (const [what, code, text, make] of rows)
      it(what, async () => {
        await refused(code, text, ...(await files(make())))
      })

    it('the current CA', async () => {
      const { texts } = await authoritySecret()
      const given = await files({ pem: texts['cert'] ?? '', keyPem: texts['key'] ?? '' })
      await refused('CSNI101', /already has this CA/, ...given)
    })

    it('--ca-file alone, and --finish with --abort', async () => {
      await refused('CSNI10[12]', /--ca-key-file/, '--ca-file', 'x')
      await refused('CSNI101', /--abort/, '--finish', '--abort')
    })
  })

  it('is not finished before the other datacenters of the cluster trust the new CA', async () => {
    await run('rotate-ca')
    const keystore = '/etc/encryption/node-keystore.jks'
    const encryption = { keystore, keystore_password: 'dc1', truststore: keystore }
    const cassandraYaml = {
      server_encryption_options: { internode_encryption: 'all', ...encryption },
      client_encryption_options: { enabled: true, ...encryption },
    }
    // One of another cluster with the same name has another CA, and does not matter.
    await createDatacenter(server, { namespace: await server.namespace('rotate'), name: 'dc3', cassandraYaml })
    const peer = await createDatacenter(server, {
      namespace: await server.namespace('rotate'),
      name: 'dc2',
      cassandraYaml,
    })
    const { data } = (await server.client.get(pathOf(SECRET, dc.namespace, 'dc1-keystore'))) as unknown as {
      data: Record<string, string>
    }
    const old = makeAuthority({ dc: 'other' })
    const before = makeKeystore(old, makeLeaf(old), {
      dc: 'dc1',
      extra: [{ kind: 'trusted', alias: 'dc1', created: 0, certificate: readCertificate(dc.caPem).der }],
    })
    const store = (bytes: string) =>
      server.client.send('PATCH', pathOf(SECRET, peer.namespace, 'dc2-keystore'), {
        data: { 'node-keystore.jks': bytes },
      })
    await store(before.toString('base64'))
    const text = new RegExp(`dc2 in namespace ${peer.namespace}, of the same cluster: .* does not trust the new CA`)
    await refused('CSNI404', text, '--finish')
    await store(data['node-keystore.jks'] ?? '')
    const outcome = await run('rotate-ca', '--finish')
    assert.match(outcome.stderr.replace(/\s+/g, ' '), /CA rotation waits for dse-dc1-default-sts-0/)
  })

  it('needs permission to change the Secrets, and says so before anything is changed', async () => {
    const user = await server.kubeconfigFor({ user: 'rotator', groups: [] })
    const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${dc.namespace}`
    await server.client.send('POST', `${path}/roles`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'rotator' },
      rules: [
        { apiGroups: ['cassandra.datastax.com'], resources: ['cassandradatacenters'], verbs: ['get', 'list'] },
        { apiGroups: ['apps', ''], resources: ['statefulsets', 'pods', 'secrets'], verbs: ['get', 'list'] },
      ],
    })
    await server.client.send('POST', `${path}/rolebindings`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'rotator' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'rotator' },
      subjects: [{ kind: 'User', name: 'rotator' }],
    })
    const outcome = await runCommand(['certs', 'rotate-ca', '-n', dc.namespace, '--kubeconfig', user])
    assert.match(outcome.stderr, /CSNI203/)
    assert.match(outcome.stderr.replace(/\s+/g, ' '), /cannot patch secrets/)
    assert.equal((await authoritySecret()).phase, undefined)
  })

  it('has nothing to finish or abort without a rotation', async () => {
    for (const flag of ['--finish', '--abort']) {
      const since = Date.now()
      const outcome = await run('rotate-ca', flag)
      assert.equal(outcome.exitCode, 0, outcome.stderr)
      assert.match(outcome.stdout, /No CA rotation in progress/)
      assert.deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
    }
  })
})
