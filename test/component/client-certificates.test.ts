/** `certs export` and `certs issue-client` against a real API server. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CASSANDRA_DATACENTER, SECRET } from '../../src/lib/cluster/resources.ts'
import { apiServer, pathOf, type TestServer } from '../support/api-server.ts'
import { OUR_AGENT, writesBy } from '../support/audit.ts'
import { createDatacenter, type TestDatacenter } from '../support/cluster-state.ts'
import { runCommand } from '../support/command.ts'
import { makeAuthority } from '../support/operator-certificates.ts'
import { assertMatchesSchema } from '../support/schema.ts'

interface Stored {
  type: string
  data: Record<string, string>
  metadata: { labels: Record<string, string> }
}

describe('certificates for clients', function () {
  this.timeout(120_000)
  let server: TestServer
  let dc: TestDatacenter
  let directory: string

  before(async () => {
    server = await apiServer()
    dc = await createDatacenter(server, { namespace: await server.namespace('clients') })
  })
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'client-certificates-'))
  })
  afterEach(() => rm(directory, { recursive: true }))

  const run = (...words: string[]) => runCommand([...words, '-n', dc.namespace, '--kubeconfig', server.kubeconfig])
  const secret = async (name: string) => (await server.client.get(pathOf(SECRET, dc.namespace, name))) as Stored
  const text = (encoded = '') => Buffer.from(encoded, 'base64').toString('utf8')
  const at = (...path: string[]) => join(directory, ...path)
  const refused = async (code: string, message: RegExp, ...words: string[]) => {
    const since = Date.now()
    const outcome = await run(...words)
    assert.notEqual(outcome.exitCode, 0, outcome.stdout)
    assert.match(outcome.stderr, new RegExp(code))
    assert.match(outcome.stderr.replace(/\s+/g, ' '), message)
    assert.deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
  }

  describe('certs export', () => {
    const formats = ['--format', 'pem', '--format', 'pkcs12', '--format', 'jks']

    it('writes what clients trust, once, for the owner only', async () => {
      const outcome = await run('certs', 'export', ...formats, '--out', at('ca'))
      assert.equal(outcome.exitCode, 0, outcome.stderr)
      assert.match(outcome.stdout, /truststore\.p12 +written +CA, PKCS#12: Java/)
      assert.match(outcome.stdout, /password: changeit/)
      assert.deepEqual((await readdir(at('ca'))).sort(), ['ca.crt', 'truststore.jks', 'truststore.p12'])
      assert.equal(await readFile(at('ca', 'ca.crt'), 'utf8'), dc.caPem)
      assert.equal((await stat(at('ca', 'ca.crt'))).mode & 0o777, 0o600)
      const again = await run('certs', 'export', ...formats, '--out', at('ca'), '-o', 'json')
      assertMatchesSchema('CertsExport', again.json())
      assert.deepEqual(
        new Set(again.json().result.files.map(({ action }: { action: string }) => action)),
        new Set(['unchanged']),
      )
    })

    it('writes a Secret, once', async () => {
      const words = ['certs', 'export', ...formats, '--secret', 'trust']
      assert.match((await run(...words)).stdout, /secret\/trust created/)
      const { data, type } = await secret('trust')
      assert.deepEqual(Object.keys(data).sort(), ['ca.crt', 'truststore.jks', 'truststore.p12'])
      assert.equal(type, 'Opaque')
      const since = Date.now()
      assert.match((await run(...words)).stdout, /secret\/trust unchanged/)
      assert.deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
    })

    it('never overwrites what is not its own', async () => {
      await writeFile(at('ca.crt'), 'of the user')
      await refused('CSNI104', /ca\.crt already exists with different/, 'certs', 'export', '--out', directory)
      for (const name of ['dc1-ca-keystore', 'dc1-keystore'])
        await refused('CSNI101', /has the keys of the nodes.*-clients/, 'certs', 'export', '--secret', name)
      await refused(
        'CSNI101',
        /has the keys of the nodes/,
        ...['certs', 'issue-client', 'orders', '--secret', 'dc1-keystore', '--yes'],
      )
    })

    it('refuses a missing place, two places, and names that no Secret can have', async () => {
      await refused('CSNI102', /either a directory/, 'certs', 'export')
      await refused('CSNI101', /--secret/, 'certs', 'export', '--out', 'a', '--secret', 'b')
      await refused('CSNI101', /invalid Secret name "A_b"/, 'certs', 'export', '--secret', 'A_b')
      await refused('CSNI101', /pem, pkcs12, jks/, 'certs', 'export', '--out', 'a', '--format', 'der')
    })

    it('with --dry-run writes nothing', async () => {
      const since = Date.now()
      assert.equal((await run('certs', 'export', '--secret', 'dry', '--dry-run')).exitCode, 0)
      assert.match((await run('certs', 'export', '--out', at('dry'), '--dry-run')).stdout, /would be exported/)
      assert.deepEqual(await readdir(directory), [])
      assert.deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
    })
  })

  describe('certs issue-client', () => {
    const issue = (...words: string[]) => run('certs', 'issue-client', 'orders', ...words)

    it('writes a certificate, its key and the CA, and keeps them', async () => {
      const outcome = await issue('--out', at('c'), '--format', 'pkcs12', '-v', '9')
      assert.equal(outcome.exitCode, 0, outcome.stderr)
      const files = Object.fromEntries(
        await Promise.all(
          (await readdir(at('c'))).map(async (name) => [name, await readFile(at('c', name), 'latin1')]),
        ),
      ) as Record<string, string>
      assert.deepEqual(Object.keys(files).sort(), [
        ...['ca.crt', 'keystore.p12', 'password', 'tls.crt', 'tls.key', 'truststore.p12'],
      ])
      const certificate = new X509Certificate(files['tls.crt'] ?? '')
      assert.equal(certificate.subject, 'CN=orders')
      assert.ok(certificate.verify(new X509Certificate(dc.caPem).publicKey))
      assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2'], 'for clients only')
      const shown = outcome.stdout + outcome.stderr
      for (const hidden of [files['password'], files['tls.key']?.split('\n')[1]])
        assert.ok(hidden !== undefined && hidden !== '' && !shown.includes(hidden))
      const again = await issue('--out', at('c'), '-o', 'json')
      assertMatchesSchema('CertsIssueClient', again.json())
      assert.equal(again.json().result.issued, false)
      for (const [name, content] of Object.entries(files))
        assert.equal(await readFile(at('c', name), 'latin1'), content, name)
    })

    it('writes a Secret with a label, renews it when asked, and keeps its password', async () => {
      const words = ['--secret', 'orders', '--format', 'jks', '--days', '90']
      const first = await issue(...words)
      assert.equal(first.exitCode, 0, first.stderr)
      const before = await secret('orders')
      assert.equal(before.type, 'kubernetes.io/tls')
      assert.equal(before.metadata.labels['cass-sni/client'], 'orders')
      const { validFrom, validTo } = new X509Certificate(text(before.data['tls.crt']))
      assert.equal(Math.round((Date.parse(validTo) - Date.parse(validFrom)) / 86_400_000), 90)
      const since = Date.now()
      assert.match((await issue('--secret', 'orders')).stdout, /unchanged/)
      assert.deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
      const dry = await issue('--secret', 'orders', '--renew', '--dry-run')
      assert.match(dry.stdout, /would be issued[\s\S]*Reason: requested with --renew/)
      assert.match((await issue('--secret', 'orders', '--renew')).stdout, /orders issued/)
      const after = await secret('orders')
      assert.notEqual(after.data['tls.key'], before.data['tls.key'])
      assert.equal(after.data['password'], before.data['password'])
      assert.ok('keystore.jks' in after.data, 'formats are kept')
    })

    it('signs with a CA from files, whose key may be encrypted', async () => {
      const ca = makeAuthority({ dc: 'clients' })
      await writeFile(at('ca.pem'), ca.pem)
      await writeFile(
        at('ca.key'),
        ca.key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'pw' }),
      )
      await writeFile(at('password'), 'pw\n')
      const files = ['--ca-file', at('ca.pem'), '--ca-key-file', at('ca.key')]
      const outcome = await issue('--out', at('own'), ...files, '--ca-key-password-file', at('password'))
      assert.equal(outcome.exitCode, 0, outcome.stderr)
      const certificate = new X509Certificate(await readFile(at('own', 'tls.crt')))
      assert.ok(certificate.verify(new X509Certificate(ca.pem).publicKey))
      assert.equal(await readFile(at('own', 'ca.crt'), 'utf8'), dc.caPem, 'nodes are verified with theirs')
    })

    it('refuses bad names, half a CA, a key of another CA, and the directory of another client', async () => {
      const bad = ['certs', 'issue-client']
      await refused('CSNI101', /64 characters/, ...bad, 'a'.repeat(64), '--out', at('x'))
      await refused('CSNI101', /invalid client name "a,CN=b"/, ...bad, 'a,CN=b', '--out', at('x'))
      await writeFile(at('ca.pem'), makeAuthority().pem)
      await refused('CSNI102', /requires both/, ...bad, 'a', '--out', at('x'), '--ca-file', at('ca.pem'))
      await writeFile(at('ca.key'), makeAuthority().keyPem)
      const files = ['--ca-file', at('ca.pem'), '--ca-key-file', at('ca.key')]
      await refused('CSNI401', /ca\.key: key mismatch.*openssl pkey -in/, ...bad, 'a', '--out', at('x'), ...files)
      const expired = makeAuthority({ notBefore: 0, notAfter: Date.now() - 86_400_000 })
      await writeFile(at('ca.pem'), expired.pem)
      await writeFile(at('ca.key'), expired.keyPem)
      await refused('CSNI402', /ca\.pem: expired on .*openssl x509 -in/, ...bad, 'a', '--out', at('x'), ...files)
      await writeFile(at('ca.pem'), new X509Certificate(makeAuthority().pem).raw)
      await refused('CSNI107', /ca\.pem: binary file, expected PEM/, ...bad, 'a', '--out', at('x'), ...files)
      assert.equal((await issue('--out', at('c'))).exitCode, 0)
      await refused('CSNI104', /has the certificate of orders/, ...bad, 'other', '--out', at('c'))
      assert.equal((await run(...bad, 'other', '--out', at('c'), '--yes')).exitCode, 0)
    })

    it('refuses a password that Java does not accept, without showing it', async () => {
      process.env['CASS_SNI_STORE_PASSWORD'] = 'kurz'
      try {
        const outcome = await issue('--out', at('x'), '--format', 'jks')
        assert.match(outcome.stderr, /CSNI101/)
        assert.doesNotMatch(outcome.stdout + outcome.stderr, /kurz/)
      } finally {
        delete process.env['CASS_SNI_STORE_PASSWORD']
      }
    })
  })

  describe('certs require-client', () => {
    const requireClient = (...words: string[]) => ['certs', 'require-client', '--yes', ...words]
    const settings = async (name = 'dc1', namespace = dc.namespace) => {
      const found = (await server.client.get(pathOf(CASSANDRA_DATACENTER, namespace, name))) as {
        spec: { config: { 'cassandra-yaml': { client_encryption_options: Record<string, unknown> } } }
      }
      return found.spec.config['cassandra-yaml'].client_encryption_options
    }

    it('refuses to lock this program out', async () => {
      const other = await createDatacenter(server, { namespace: await server.namespace('locked') })
      const outcome = await runCommand([
        ...requireClient('--on', '-n', other.namespace, '--kubeconfig', server.kubeconfig, '-o', 'json'),
      ])
      assert.equal(outcome.json().error.code, 'CSNI610')
      assert.match(outcome.json().error.next[0], /certs issue-client .*cass-sni-client/)
      const before = await settings('dc1', other.namespace)
      assert.equal(before['require_client_auth'], undefined)
      const ca = makeAuthority({ dc: 'clients' })
      await writeFile(at('ca.pem'), ca.pem)
      await writeFile(at('ca.key'), ca.keyPem)
      const own = ['--ca-file', at('ca.pem'), '--ca-key-file', at('ca.key')]
      assert.equal((await run('certs', 'issue-client', 'foreign', '--out', at('f'), ...own)).exitCode, 0)
      const files = ['--client-cert', at('f', 'tls.crt'), '--client-key', at('f', 'tls.key')]
      await refused('CSNI610', /do not trust its CA/, ...requireClient('--on', ...files))
      await refused('CSNI102', /requires its key/, ...requireClient('--on', ...files.slice(0, 2)))
      await refused('CSNI107', /not a PEM certificate/, ...requireClient('--on', ...files.slice(0, 3), at('ca.key')))
    })

    it('names the missing permission to list Secrets, in which its certificate may be', async () => {
      const user = await server.kubeconfigFor({ user: 'requirer', groups: [] })
      const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${dc.namespace}`
      const names = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'requirer' } }
      await server.client.send('POST', `${path}/roles`, {
        ...names,
        kind: 'Role',
        rules: [
          { apiGroups: ['cassandra.datastax.com'], resources: ['cassandradatacenters'], verbs: ['get', 'list'] },
          { apiGroups: ['apps', ''], resources: ['statefulsets', 'pods'], verbs: ['get', 'list'] },
        ],
      })
      await server.client.send('POST', `${path}/rolebindings`, {
        ...names,
        kind: 'RoleBinding',
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'requirer' },
        subjects: [{ kind: 'User', name: 'requirer' }],
      })
      const outcome = await runCommand([...requireClient('--on', '-n', dc.namespace, '--kubeconfig', user)])
      assert.match(outcome.stderr, /cannot list secrets in namespace .*\[CSNI203\]/)
    })

    it('refuses options that contradict each other or that Cassandra does not know', async () => {
      await refused('CSNI102', /--on or --off/, ...requireClient())
      await refused('CSNI101', /--off/, ...requireClient('--on', '--off'))
      await refused('CSNI101', /--on/, ...requireClient('--off', '--optional'))
      await refused('CSNI101', /no optional client certificates/, ...requireClient('--on', '--optional'))
    })

    it('sets the option and a truststore, and waits for the restart', async () => {
      assert.equal((await run('certs', 'issue-client', 'cass-sni', '--secret', 'cass-sni')).exitCode, 0)
      const dry = await run(...requireClient('--on', '--dry-run'))
      assert.match(dry.stdout, /would be required/)
      assert.match((await run(...requireClient('--off'))).stdout, /client certificates are not required$/m)
      assert.equal((await settings())['require_client_auth'], undefined)
      // Nothing restarts nodes here.
      const outcome = await run(...requireClient('--on', '--timeout', '6s'))
      assert.match(outcome.stderr, /CSNI901/)
      assert.match(outcome.stderr.replace(/\s+/g, ' '), /0 of 3 nodes restarted/)
      const { keystore } = await settings()
      const { require_client_auth: required, truststore } = await settings()
      assert.deepEqual([required, truststore], [true, keystore])
      const again = await run(...requireClient('--on', '-o', 'json'))
      assertMatchesSchema('CertsRequireClient', again.json())
      assert.equal(again.json().result.changed, false)
      await run(...requireClient('--off', '--timeout', '3s'))
      assert.equal((await settings())['require_client_auth'], false)
    })
  })
})
