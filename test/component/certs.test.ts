/** `certs` and `certs ca` against a real API server. Nobody runs nodes there: what is live is the lab's business. */
import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readCertificate } from '../../src/lib/certificates/certificate.ts'
import { readKeystore } from '../../src/lib/certificates/keystore.ts'
import { connectKube } from '../../src/lib/cluster/client.ts'
import type { Kube } from '../../src/lib/cluster/kube.ts'
import { CASSANDRA_DATACENTER, POD, SECRET, STATEFUL_SET } from '../../src/lib/cluster/resources.ts'
import type { WorkflowEvent } from '../../src/lib/events.ts'
import { certs, type CertsOptions } from '../../src/lib/workflows/certs-workflow.ts'
import { apiServer, pathOf, type TestServer } from '../support/api-server.ts'
import { OUR_AGENT, writesBy } from '../support/audit.ts'
import { createDatacenter, type TestDatacenter } from '../support/cluster-state.ts'
import { type CommandOutcome, runCommand } from '../support/command.ts'
import { makeAuthority, makeLeaf, type MadeCertificate } from '../support/operator-certificates.ts'
import { assertMatchesSchema } from '../support/schema.ts'

const KEYSTORE = 'node-keystore.jks'

describe('certs', function () {
  this.timeout(120_000)
  let server: TestServer
  let dc: TestDatacenter

  before(async () => {
    server = await apiServer()
  })
  beforeEach(async () => {
    dc = await createDatacenter(server, { namespace: await server.namespace('certs') })
  })

  const run = (...words: string[]) => runCommand([...words, '-n', dc.namespace, '--kubeconfig', server.kubeconfig])
  const secret = async (name: string) =>
    (await server.client.get(pathOf(SECRET, dc.namespace, name))) as {
      data: Record<string, string>
      metadata: { annotations?: Record<string, string> }
    }
  const patchSecret = (name: string, change: object) =>
    server.client.send('PATCH', pathOf(SECRET, dc.namespace, name), change)
  const entries = async () =>
    readKeystore(Buffer.from((await secret('dc1-keystore')).data[KEYSTORE] ?? '', 'base64'), 'dc1', 'test')
  const leaf = async () => {
    const own = (await entries()).find((entry) => entry.kind === 'key')
    return readCertificate(own?.kind === 'key' ? (own.chain[0] ?? '') : '')
  }
  /** The run fails with this code and writes nothing. */
  const refused = async (code: string, text: RegExp, work: () => Promise<CommandOutcome>) => {
    const since = Date.now()
    const outcome = await work()
    assert.notEqual(outcome.exitCode, 0, outcome.stdout)
    assert.match(outcome.stderr, new RegExp(code), outcome.stderr)
    assert.match(outcome.stderr.replace(/\s+/g, ' '), text)
    assert.deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
    return outcome
  }

  /** A run during which others happen: `meanwhile` after (or before) its reads of the keystore, with their number. */
  const interrupted = async (
    options: CertsOptions,
    meanwhile: (read: number) => Promise<void>,
    { before = false, skewMs = undefined as number | undefined } = {},
  ) => {
    const signal = new AbortController().signal
    const kube = await connectKube({ kubeconfig: server.kubeconfig, namespace: dc.namespace, signal })
    let reads = 0
    const get = async (...[type, name, namespace]: Parameters<Kube['get']>) => {
      if (name !== 'dc1-keystore') return kube.get(type, name, namespace)
      reads += 1
      if (before) await meanwhile(reads)
      const found = await kube.get(type, name, namespace)
      if (!before) await meanwhile(reads)
      return found
    }
    const replaced = skewMs === undefined ? { get } : { get, clockSkewMs: () => skewMs }
    const slow = new Proxy(kube, {
      get(target, property) {
        const member = Reflect.get(property in replaced ? replaced : target, property)
        return typeof member === 'function' ? member.bind(target) : member
      },
    })
    const events: WorkflowEvent[] = []
    const emit = (event: WorkflowEvent) => events.push(event)
    const result = await certs({ kube: slow, signal, emit, dryRun: false, now: Date.now }, options)
    return { result, events, reads }
  }

  it('issues what the operator left out, then has nothing more to do', async () => {
    const first = await run(
      'certs',
      '--public-name',
      'Cassandra.example.com',
      '--public-name',
      '203.0.113.7',
      '-o',
      'json',
    )
    assert.equal(first.exitCode, 0, first.stderr)
    const { result, changes } = first.json()
    assert.equal(result.leaf.issued, true)
    const issued = await leaf()
    for (const node of dc.nodes) {
      assert.ok(issued.names.includes(node.hostId ?? 'missing'))
      assert.ok(issued.names.includes(`${node.pod}.dse-dc1-all-pods-service.${dc.namespace}.svc.cluster.local`))
    }
    assert.ok(issued.names.includes('cassandra.example.com') && issued.names.includes('203.0.113.7'))
    assert.ok(issued.x509.verify(readCertificate(dc.caPem).x509.publicKey))
    assert.equal(issued.fingerprint256, result.leaf.fingerprint256)
    assert.equal(changes[0].object, 'secret/dc1-keystore')
    assert.equal(changes[0].action, 'configured')
    assert.equal(
      (await secret('dc1-keystore')).metadata.annotations?.['cass-sni/public-names'],
      'cassandra.example.com,203.0.113.7',
    )
    assert.ok(!first.stdout.includes((await secret('dc1-keystore')).data[KEYSTORE] ?? ''))

    const since = Date.now()
    const second = await run('certs')
    assert.equal(second.exitCode, 0, second.stderr)
    assert.deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
    assert.match(second.stdout, /secret\/dc1-keystore unchanged/)
    assert.match(second.stdout, /certificate unchanged: /)
  })

  it('issues again for a replaced node, and keeps the public names; other public names replace them', async () => {
    await run('certs', '--public-name', 'a.example.com')
    const before = await leaf()
    const replaced = await dc.replaceNode('dse-dc1-default-sts-1')
    assert.equal((await run('certs')).exitCode, 0)
    const after = await leaf()
    assert.notEqual(after.fingerprint256, before.fingerprint256)
    assert.ok(after.names.includes(replaced.hostId ?? 'missing') && after.names.includes('a.example.com'))
    // One name less is no reason for another certificate.
    const forgetting = await run('certs', '--public-name', '')
    assert.equal(forgetting.exitCode, 0)
    assert.match(
      forgetting.stderr.replace(/\s+/g, ' '),
      /warning: name a\.example\.com removed from the saved names, but still in the certificate Try: kubectl cass-sni certs --kubeconfig \S+ -n \S+ --renew/,
    )
    assert.equal((await leaf()).fingerprint256, after.fingerprint256)
    assert.equal((await secret('dc1-keystore')).metadata.annotations?.['cass-sni/public-names'], '')
    const since = Date.now()
    assert.equal((await run('certs')).exitCode, 0)
    assert.deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
  })

  it('tells in a dry run what it would do, and does not', async () => {
    const since = Date.now()
    const outcome = await run('certs', '--dry-run')
    assert.equal(outcome.exitCode, 0, outcome.stderr)
    assert.match(outcome.stdout, /secret\/dc1-keystore configured \(dry run\)/)
    assert.match(outcome.stdout, /Reason: missing names: /)
    assert.deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
  })

  it('names a node that has no host id yet', async () => {
    const namespace = await server.namespace('certs')
    dc = await createDatacenter(server, { namespace, pending: 1 })
    const { result } = (await run('certs', '-o', 'json')).json()
    assert.deepEqual(
      result.pending.map(({ pod }: { pod: string }) => pod),
      ['dse-dc1-default-sts-2'],
    )
  })

  it('counts and names every node: one that is not ready is looked at, one that is starting is not', async () => {
    for (const [pod, state] of [
      ['dse-dc1-default-sts-1', 'Started-not-Ready'],
      ['dse-dc1-default-sts-2', 'Starting'],
    ])
      await server.client.send('PATCH', pathOf(POD, dc.namespace, pod), {
        metadata: { labels: { 'cassandra.datastax.com/node-state': state } },
      })
    const { stdout, stderr } = await run('certs', '-o', 'json')
    const { nodes } = JSON.parse(stdout).result
    assert.deepEqual(
      nodes.map(({ pod, live }: { pod: string; live: boolean }) => [pod, live]),
      ['0', '1', '2'].map((ordinal) => [`dse-dc1-default-sts-${ordinal}`, false]),
    )
    assert.match(nodes[1].note, /cannot read its certificate/)
    assert.match(nodes[2].note, /^skipped: /)
    assert.match(stderr, /read from 0 of 3 nodes, 1 not running/)
  })

  it('dates certificates by the clock of the API server, and says that this one is off', async () => {
    const ahead = 12 * 60_000
    const begun = Date.now()
    const { events } = await interrupted({}, async () => undefined, { skewMs: -ahead })
    const { notBefore } = await leaf()
    assert.ok(notBefore.getTime() <= begun - ahead - 4 * 60_000, notBefore.toISOString())
    assert.ok(
      events.some(
        (event) =>
          event.type === 'warning' &&
          /local clock \(\S+Z\) is 12 minutes ahead of the API server's \(\S+Z\)/.test(event.message),
      ),
    )
  })

  it('writes no data when only the public names change, and keeps what others wrote', async () => {
    await run('certs', '--public-name', 'a.example.com')
    await patchSecret('dc1-keystore', { metadata: { labels: { team: 'db' } }, data: { other: 'AAAA' } })
    const before = (await secret('dc1-keystore')).data
    const since = Date.now()
    assert.equal((await run('certs', '--public-name', '')).exitCode, 0)
    assert.deepEqual((await secret('dc1-keystore')).data, before)
    const writes = await writesBy(server.auditLog, OUR_AGENT, since)
    assert.equal(writes.length, 1)
    assert.ok(!JSON.stringify(writes).includes('node-keystore.jks'))
  })

  it('takes over a CA that was replaced by deleting its Secret, keeps the old one trusted until --renew', async () => {
    await run('certs', '--public-name', 'a.example.com')
    const made = makeAuthority({ namespace: dc.namespace, dc: 'new' })
    await server.remove(SECRET, 'dc1-ca-keystore', dc.namespace)
    await refused('CSNI204', /secret\/dc1-ca-keystore in namespace \S+ not found/, () => run('certs'))
    await server.client.send('POST', pathOf(SECRET, dc.namespace), {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'dc1-ca-keystore' },
      data: {
        cert: Buffer.from(made.pem).toString('base64'),
        key: Buffer.from(made.keyPem).toString('base64'),
      },
    })
    const { result } = (await run('certs', '-o', 'json')).json()
    assert.deepEqual(result.leaf.reasonCodes, ['AnotherAuthority', 'UntrustedAuthority'])
    const issued = await leaf()
    assert.ok(issued.names.includes('a.example.com'))
    assert.ok(issued.x509.verify(readCertificate(made.der).x509.publicKey))
    assert.deepEqual(
      (await entries()).filter(({ kind }) => kind === 'trusted').map(({ alias }) => alias),
      ['ca', 'ca-old-1'],
    )
    // No node was seen to serve the new certificate, so none may lose the old CA.
    assert.equal((await run('certs', '--renew')).exitCode, 0)
    assert.equal((await entries()).filter(({ kind }) => kind === 'trusted').length, 2)
    assert.equal((await run('certs', 'ca')).stdout, made.pem)
  })

  it('refuses an intermediate CA without its root, and prints the chain to the root when it is there', async () => {
    const root = makeAuthority({ dc: 'root' })
    const made = makeAuthority({ namespace: dc.namespace, issuer: root })
    const set = (cert: string) =>
      patchSecret('dc1-ca-keystore', {
        data: { cert: Buffer.from(cert).toString('base64'), key: Buffer.from(made.keyPem).toString('base64') },
      })
    await set(made.pem)
    await refused('CSNI401', /root certificate of the intermediate CA missing/, () => run('certs'))
    const alone = await run('certs', 'ca')
    assert.equal(alone.stdout, made.pem)
    assert.match(alone.stderr, /root certificate of the intermediate CA missing .*CSNI401/)
    await set(made.pem + root.pem)
    assert.equal((await run('certs')).exitCode, 0)
    assert.equal((await run('certs', 'ca')).stdout, made.pem + root.pem)
  })

  it('refuses a certificate that Java would not take, before anything is written', async () => {
    await refused('CSNI405', /is \d+ bytes; the limit is 28672/, () =>
      run(
        'certs',
        '--public-name',
        Array.from({ length: 1000 }, (_, n) => `a-long-public-name-${n}.example.com`).join(),
      ),
    )
  })

  it('refuses an expired authority, naming the day', async () => {
    dc = await createDatacenter(server, {
      namespace: await server.namespace('certs'),
      caNotAfter: Date.UTC(2026, 9, 1),
    })
    await refused('CSNI402', /expired on 2026-10-01/, () => run('certs'))
  })

  it('refuses an authority whose key is of another', async () => {
    await patchSecret('dc1-ca-keystore', { data: { key: Buffer.from(makeAuthority().keyPem).toString('base64') } })
    await refused('CSNI401', /key mismatch: the private key does not belong to the certificate/, () => run('certs'))
  })

  it('refuses a keystore under another password without showing any, and replaces it when told to', async () => {
    const config = {
      'cassandra-yaml': {
        client_encryption_options: {
          enabled: true,
          keystore: '/etc/encryption/node-keystore.jks',
          keystore_password: 'an0ther',
        },
      },
    }
    await server.client.send('PATCH', pathOf(CASSANDRA_DATACENTER, dc.namespace, 'dc1'), { spec: { config } })
    const outcome = await refused('CSNI403', /wrong keystore_password.*--replace-keystore/, () => run('certs'))
    assert.ok(!`${outcome.stdout}${outcome.stderr}`.includes('an0ther'))
    const replaced = await run('certs', '--replace-keystore')
    assert.equal(replaced.exitCode, 0, replaced.stderr)
    assert.equal(
      readKeystore(Buffer.from((await secret('dc1-keystore')).data[KEYSTORE] ?? '', 'base64'), 'an0ther', 'test')
        .length,
      2,
    )
  })

  it('names a Secret that is missing', async () => {
    await server.remove(SECRET, 'dc1-keystore', dc.namespace)
    await refused(
      'CSNI204',
      /secret\/dc1-keystore in namespace \S+ not found.*Try: kubectl .*annotate cassandradatacenter dc1 /,
      () => run('certs'),
    )
    await server.remove(SECRET, 'dc1-ca-keystore', dc.namespace)
    await refused('CSNI204', /secret\/dc1-ca-keystore in namespace \S+ not found/, () => run('certs', 'ca'))
  })

  it('refuses a datacenter without TLS, and one with a keystore of its own', async () => {
    const set = (options: object) =>
      server.client.send('PATCH', pathOf(CASSANDRA_DATACENTER, dc.namespace, 'dc1'), {
        spec: { config: { 'cassandra-yaml': { client_encryption_options: options } } },
      })
    await set({ enabled: true, keystore: '/mnt/client-keystore/keystore' })
    await refused('CSNI306', /unsupported keystore \/mnt\/client-keystore\/keystore/, () => run('certs'))
    await set({ enabled: false })
    await refused('CSNI306', /client TLS is disabled/, () => run('certs'))
  })

  describe('with a certificate from files', () => {
    let folder: string
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'given-'))
    })
    after(() => rm(folder, { recursive: true, force: true }))
    const authority = async () => {
      const { data } = await secret('dc1-ca-keystore')
      const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString('utf8')
      const [pem, keyPem] = [text('cert'), text('key')]
      return { pem, keyPem, key: createPrivateKey(keyPem), der: new X509Certificate(pem).raw }
    }
    const write = async (made: MadeCertificate) => {
      const [certificate, key] = [join(folder, 'node.pem'), join(folder, 'node.key')]
      await writeFile(certificate, made.pem)
      await writeFile(key, made.keyPem)
      return ['--cert-file', certificate, '--key-file', key]
    }
    const required = async (): Promise<string[]> =>
      (await run('certs', '--dry-run', '-o', 'json')).json().result.leaf.names

    it('uses it once all policies hold, keeps it, and writes nothing in a second run', async () => {
      const made = makeLeaf(await authority(), { names: await required(), clientAuth: true })
      const files = await write(made)
      const dry = await run('certs', ...files, '--dry-run', '-o', 'json')
      assert.equal(dry.json().result.leaf.reasons[0], 'another certificate was given')
      assert.ok(!(await leaf()).der.equals(made.der))
      assert.equal((await run('certs', ...files)).exitCode, 0)
      assert.ok((await leaf()).der.equals(made.der))
      const since = Date.now()
      for (const words of [files, []]) assert.equal((await run('certs', ...words)).exitCode, 0)
      assert.deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
    })

    it('names a file in DER as such, with the command that converts it', async () => {
      const made = makeLeaf(await authority())
      const words = await write(made)
      await writeFile(join(folder, 'node.pem'), made.der)
      await refused('CSNI107', /node\.pem: binary file, expected PEM .*openssl x509 -in .* -out .*\.pem/, () =>
        run('certs', ...words),
      )
    })

    it('refuses one that nodes could not serve, and missing names unless allowed', async () => {
      const names = await required()
      const signer = await authority()
      const cases: [RegExp, MadeCertificate][] = [
        [/signed by another CA/, makeLeaf(makeAuthority({ dc: 'other' }), { names, clientAuth: true })],
        [/lacks extended key usage clientAuth/, makeLeaf(signer, { names })],
        [/certificate of a CA/, makeAuthority({ issuer: signer })],
        [/expired on/, makeLeaf(signer, { names, clientAuth: true, notAfter: Date.UTC(2026, 0, 1), notBefore: 0 })],
        [/not valid before/, makeLeaf(signer, { names, clientAuth: true, notBefore: Date.now() + 3_600_000 })],
        [/key is weak: 1024-bit/, makeLeaf(signer, { names, clientAuth: true, bits: 1024 })],
        [/missing names: .*--allow-missing-names/, makeLeaf(signer, { names: names.slice(1), clientAuth: true })],
      ]
      for (const [text, made] of cases) {
        const files = await write(made)
        await refused('CSNI107', text, () => run('certs', ...files))
      }
      const files = await write(makeLeaf(signer, { names: names.slice(1), clientAuth: true }))
      const allowed = await run('certs', ...files, '--allow-missing-names')
      assert.match(allowed.stderr.replace(/\s+/g, ' '), /missing names: .*; clients that verify these names fail/)
      assert.equal(allowed.exitCode, 0)
    })

    it('is refused during a CA rotation', async () => {
      const files = await write(makeLeaf(await authority(), { names: await required(), clientAuth: true }))
      await run('certs', 'rotate-ca')
      await refused('CSNI101', /a CA rotation is in progress/, () => run('certs', ...files))
    })
  })

  describe('with a keystore elsewhere', () => {
    const PATH = '/mnt/client-keystore/keystore'
    const set = (spec: object, labels: Record<string, string> = {}) =>
      server.client.send('PATCH', pathOf(CASSANDRA_DATACENTER, dc.namespace, 'dc1'), { metadata: { labels }, spec })
    const config = (options: object) => ({ config: { 'cassandra-yaml': { client_encryption_options: options } } })
    /** As storageConfig.additionalVolumes and the pod template of k8ssandra-operator make it. */
    const mount = (secretName: string) => {
      const container = {
        name: 'cassandra',
        image: 'cassandra',
        volumeMounts: [{ name: 'client-keystore', mountPath: '/mnt/client-keystore' }],
      }
      const spec = { containers: [container], volumes: [{ name: 'client-keystore', secret: { secretName } }] }
      return server.client.send('PATCH', pathOf(STATEFUL_SET, dc.namespace, 'dse-dc1-default-sts'), {
        spec: { template: { spec } },
      })
    }

    for (const words of [['certs'], ['certs', 'rotate-ca']]) {
      it(`${words.join(' ')} names the Secret that pods mount (additionalVolumes)`, async () => {
        await set(config({ enabled: true, keystore: PATH, keystore_password: 'other' }))
        await mount('node-stores')
        const text = /unsupported keystore \/mnt\/client-keystore\/keystore from secret\/node-stores .*verify/
        await refused('CSNI306', text, () => run(...words))
      })
    }

    it('names the K8ssandraCluster (clientEncryptionStores)', async () => {
      await set(config({ enabled: true, keystore: PATH }), { 'k8ssandra.io/cluster-name': 'demo' })
      await mount('client-stores')
      const text =
        /from secret\/client-stores .*K8ssandraCluster demo \(clientEncryptionStores\): store one .* in secret\/client-stores/
      await refused('CSNI306', text, () => run('certs'))
    })

    it('reads the configuration from configSecret', async () => {
      const text = JSON.stringify(config({ enabled: true, keystore: '/opt/keystore.jks' }).config)
      await server.create(SECRET, {
        metadata: { name: 'conf', namespace: dc.namespace },
        data: { config: Buffer.from(text).toString('base64') },
      })
      await set({ config: null, configSecret: 'conf' })
      await refused('CSNI306', /unsupported keystore \/opt\/keystore\.jks \(.*get secret conf/, () => run('certs'))
      await server.remove(SECRET, 'conf', dc.namespace)
      await refused('CSNI204', /secret\/conf in namespace \S+ not found/, () => run('certs'))
    })

    it('uses the configured password of the operator keystore, and names one that is wrong', async () => {
      const options = { enabled: true, keystore: '/etc/encryption/node-keystore.jks', keystore_password: 'other' }
      await set(config(options))
      await refused('CSNI403', /wrong keystore_password, .*--replace-keystore/, () => run('certs'))
    })

    it('names a keystore that is not configured', async () => {
      await set(config({ enabled: true, keystore: null }))
      await refused('CSNI306', /client_encryption_options\.keystore is not set/, () => run('certs'))
    })
  })

  it('needs the right to read the Secrets', async () => {
    const user = await server.kubeconfigFor({ user: 'reader', groups: [] })
    const rules = [
      { apiGroups: ['cassandra.datastax.com'], resources: ['cassandradatacenters'], verbs: ['get', 'list'] },
      { apiGroups: ['apps', ''], resources: ['statefulsets', 'pods'], verbs: ['get', 'list'] },
    ]
    const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${dc.namespace}`
    await server.client.send('POST', `${path}/roles`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'reader' },
      rules,
    })
    await server.client.send('POST', `${path}/rolebindings`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'reader' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'reader' }],
    })
    for (const words of [['certs'], ['certs', 'ca']]) {
      await refused('CSNI203', /secrets? .*dc1-(ca-)?keystore/i, () =>
        runCommand([...words, '-n', dc.namespace, '--kubeconfig', user]),
      )
    }
    const seen = await runCommand(['certs', 'status', '-n', dc.namespace, '--kubeconfig', user])
    assert.equal(seen.exitCode, 1, 'a monitor without permissions does not report that all is well')
    assert.match(seen.stdout, /^Secret +skipped/m)
  })

  it('refuses a public name that is none', async () => {
    await refused('CSNI101', /expected a DNS name or IP address/, () => run('certs', '--public-name', 'not a name'))
  })

  it('shows CA, keystore and nodes, judges them as certs does, and writes nothing', async () => {
    const since = Date.now()
    const status = (...words: string[]) => run('certs', 'status', '--address', '127.0.0.1:1', ...words)
    const outcome = await status('-o', 'json')
    assert.equal(outcome.exitCode, 1)
    const envelope = outcome.json()
    assertMatchesSchema('CertsStatus', envelope)
    const { authorities, keystore, nodes, ok } = envelope.result
    assert.equal(ok, false)
    assert.deepEqual(authorities[0].findings, [])
    assert.equal(authorities[0].certificate.fingerprint256, readCertificate(dc.caPem).fingerprint256)
    assert.deepEqual(
      keystore.findings.map(({ code }: { code: string }) => code),
      ['MissingNames', 'NotForClients'],
    )
    for (const node of nodes) assert.equal(node.findings[0].code, 'CSNI601')
    const dry = (await run('certs', '--dry-run', '-o', 'json')).json()
    assert.deepEqual(
      dry.result.leaf.reasons,
      keystore.findings.map(({ message }: { message: string }) => message),
    )
    const wide = await status('-o', 'wide')
    assert.match(wide.stdout, /ISSUER +NAME LIST/)
    assert.match(wide.stdout, /^Secret +invalid +1 /m)
    assert.match(wide.stdout, new RegExp(`\n\nNext:\n  kubectl cass-sni certs .*-n ${dc.namespace}`))
    assert.deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
  })

  it('saves SANs and renewal for later runs, and refuses bad ones before anything is read', async () => {
    assert.equal((await run('certs', '--san', 'any.example.com', '--renew-before', '60d')).exitCode, 0)
    const { annotations } = (await secret('dc1-keystore')).metadata
    assert.deepEqual(
      [annotations?.['cass-sni/sans'], annotations?.['cass-sni/renew-before']],
      ['any.example.com', '60d'],
    )
    const since = Date.now()
    const again = await run('certs', '-o', 'json')
    assert.deepEqual([again.json().result.leaf.issued, again.json().result.leaf.sans], [false, ['any.example.com']])
    assert.ok((await leaf()).names.includes('any.example.com'))
    assert.deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
    assert.equal((await run('certs', '--san', '', '--renew-before', '')).exitCode, 0)
    const saved = Object.keys((await secret('dc1-keystore')).metadata.annotations ?? {})
    assert.ok(!saved.includes('cass-sni/sans') && !saved.includes('cass-sni/renew-before'), saved.join())
    await refused('CSNI101', /"x y" for --san/, () => run('certs', '--san', 'x y'))
    await refused('CSNI101', /for --renew-before: expected less than the validity/, () =>
      run('certs', '--renew-before', '400d'),
    )
    await refused('CSNI101', /for --renew-before: expected a duration of more than 0/, () =>
      run('certs', '--renew-before', '0d'),
    )
    await refused('CSNI101', /for --names/, () => run('certs', '--names', 'none'))
  })

  it('leaves host IDs out with --names public, and adds them again with --names all', async () => {
    const first = await run('certs', '--names', 'public', '--public-name', 'cass.example.com')
    assert.equal(first.exitCode, 0, first.stderr)
    assert.match(
      first.stderr.replace(/\s+/g, ' '),
      /no host IDs \(--names public\): drivers that verify host IDs reject it/,
    )
    const hostIds = dc.nodes.map(({ hostId }) => hostId ?? 'missing')
    const names = async () => (await leaf()).names
    assert.ok((await names()).includes('cass.example.com'))
    assert.ok(!(await names()).some((name) => hostIds.includes(name)))
    assert.equal((await run('certs', '-o', 'json')).json().result.leaf.issued, false)
    assert.equal((await run('certs', '--names', 'all')).exitCode, 0)
    for (const id of hostIds) assert.ok((await names()).includes(id))
    assert.match(
      (await run('certs', '--names', 'public', '--dry-run')).stderr,
      new RegExp(
        `warning: the certificate still has ${hostIds.length} host IDs\n {2}Try: .* -n ${dc.namespace} --renew`,
      ),
    )
    assert.equal((await secret('dc1-keystore')).metadata.annotations?.['cass-sni/names'], undefined)
  })

  describe('ca', () => {
    let folder: string
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'cass-sni-ca-'))
    })
    after(() => rm(folder, { recursive: true, force: true }))

    it('prints the certificate and nothing else, never the key', async () => {
      const outcome = await run('certs', 'ca')
      assert.equal(outcome.exitCode, 0, outcome.stderr)
      assert.equal(outcome.stdout, dc.caPem)
      const { result } = (await run('certs', 'ca', '-o', 'json')).json()
      assert.equal(result.pem, dc.caPem)
      assert.match(result.subject, /CN=dc1-ca-keystore/)
    })

    it('writes a file, and does not overwrite another without being told', async () => {
      const out = join(folder, 'ca.pem')
      assert.match((await run('certs', 'ca', '--out', out)).stderr, /ca\.pem written/)
      assert.equal(await readFile(out, 'utf8'), dc.caPem)
      assert.match((await run('certs', 'ca', '--out', out)).stderr, /ca\.pem unchanged/)
      await writeFile(out, 'something else')
      await refused('CSNI104', /already exists with different content/, () => run('certs', 'ca', '--out', out))
      assert.equal(await readFile(out, 'utf8'), 'something else')
      assert.equal((await run('certs', 'ca', '--out', out, '--yes')).exitCode, 0)
      assert.equal(await readFile(out, 'utf8'), dc.caPem)
      // "-" is stdout, as for other programs, and the status line never is in a file that is stdout.
      assert.equal((await run('certs', 'ca', '--out', '-')).stdout, dc.caPem)
      assert.equal(existsSync('-'), false)
      assert.equal((await run('certs', 'ca', '--out', '/dev/null')).stdout, '')
      await refused('CSNI104', /cannot write /, () =>
        run('certs', 'ca', '--out', join(folder, 'no', 'such', 'folder', 'ca.pem')),
      )
    })
  })
})
