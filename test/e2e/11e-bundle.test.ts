/** `bundle create` and `bundle inspect`, as somebody uses them who hands an application its bundle. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  kubeconfigOf,
  kubectl,
  must,
  NAMESPACE,
  object,
  plugin,
  pluginJson,
  run,
  until,
  writesNothing,
} from '../support/lab.ts'

const IN = ['-n', NAMESPACE, '--gateway', 'istio-system/istio-ingressgateway']
/** A name that every certificate of cass-operator has. */
const NAME = `dc1.${NAMESPACE}.cassdc`
const CREATE = ['bundle', 'create', ...IN, '--public-name', NAME]
const KEYSPACE = 'e2e_bundle'
const ROLE = 'e2e_bundle_app'
const GRANTS = ['--grant', `SELECT ON KEYSPACE ${KEYSPACE}`, '--grant', `MODIFY ON ${KEYSPACE}.t`]

interface Created {
  action: string
  username?: string
  role?: { action: string; granted: string[] }
  clientCertificate: { kind: string }
}

interface Inspected {
  ok: boolean
  username?: string
  findings: { check: string; status: string; message: string; next?: string[] }[]
}

describe('secure connect bundles', function () {
  this.timeout(60_000)
  let directory: string
  let file: string
  let password: string

  const cql = (statements: string, ...login: string[]) => plugin(['cqlsh-sni', ...IN, ...login, '-e', statements])
  const at = (name: string) => join(directory, name)
  const config = async (path: string) => {
    const script = 'import json, sys, zipfile; print(zipfile.ZipFile(sys.argv[1]).read("config.json").decode())'
    return JSON.parse((await must(run('python3', ['-c', script, path]))).stdout) as Record<string, unknown>
  }
  const statusOf = (result: Inspected | undefined, check: string) =>
    result?.findings.find((each) => each.check === check)?.status

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cass-sni-bundle-'))
    file = at('app.zip')
    const replication = "{'class': 'NetworkTopologyStrategy', 'dc1': 1}"
    await must(
      cql(
        `DROP ROLE IF EXISTS ${ROLE}; CREATE KEYSPACE IF NOT EXISTS ${KEYSPACE} WITH replication = ${replication}; ` +
          `CREATE TABLE IF NOT EXISTS ${KEYSPACE}.t (id int PRIMARY KEY)`,
      ),
    )
  })
  after(async () => {
    await cql(`DROP ROLE IF EXISTS ${ROLE}; DROP KEYSPACE IF EXISTS ${KEYSPACE}`)
    await kubectl(['delete', 'secret', 'e2e-bundle', '-n', NAMESPACE, '--ignore-not-found'])
    await kubectl(['delete', 'serviceaccount', 'e2e-bundle', '-n', 'default', '--ignore-not-found'])
    await rm(directory, { recursive: true })
  })

  it('are not created for a name that the nodes do not have, and leave nothing', async () => {
    const name = ['--public-name', 'not-there.example.com', '--create-role', ROLE, '--out', file]
    const { error, exitCode } = await pluginJson(['bundle', 'create', ...IN, ...name])
    assert.deepEqual([exitCode, error?.code], [1, 'CSNI602'])
    assert.match(error?.next[0] ?? '', /certs .*--public-name not-there\.example\.com/)
    await assert.rejects(stat(file))
    assert.doesNotMatch((await cql('LIST ROLES')).stdout, new RegExp(ROLE))
  })

  it('have a role of their own, or there is neither', async () => {
    const failing = await pluginJson([
      ...CREATE,
      '--create-role',
      ROLE,
      '--grant',
      'SELECT ON not_there.t',
      '--out',
      file,
    ])
    assert.equal(failing.error?.code, 'CSNI605')
    const unwritable = await pluginJson([...CREATE, '--create-role', ROLE, '--out', at('no/such/directory.zip')])
    assert.equal(unwritable.error?.code, 'CSNI104')
    assert.doesNotMatch((await cql('LIST ROLES')).stdout, new RegExp(ROLE))
    const { result, warnings } = await pluginJson<Created>([...CREATE, '--create-role', ROLE, ...GRANTS, '--out', file])
    assert.deepEqual(result?.role, {
      action: 'created',
      granted: [`SELECT on <keyspace ${KEYSPACE}>`, `MODIFY on <table ${KEYSPACE}.t>`],
    })
    assert.equal(result?.clientCertificate.kind, 'self-signed')
    assert.ok(warnings.some(({ message }) => message.includes(NAME)))
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    const { username, ...rest } = await config(file)
    password = String(rest['password'])
    assert.deepEqual([username, rest['host'], rest['port'], rest['localDC']], [ROLE, NAME, 9042, 'dc1'])
    const login = ['--username', ROLE]
    const env = { CASS_SNI_PASSWORD: password }
    const insert = [`INSERT INTO ${KEYSPACE}.t (id) VALUES (1)`, ...login] as const
    await must(plugin(['cqlsh-sni', ...IN, ...insert.slice(1), '-e', insert[0]], { env }))
  })

  it('are not written with a wrong password, nor does any other command accept it', async () => {
    const env = { CASS_SNI_PASSWORD: 'wrong' }
    const out = ['--out', at('wrong.zip')]
    const login = ['--username', ROLE]
    for (const words of [
      ['cqlsh-sni', ...IN, ...login, '-e', 'SELECT host_id FROM system.local'],
      [...CREATE, ...login, '--with-password', ...out],
      [...CREATE, ...login, '--create-role', `${ROLE}_2`, ...out],
      ['bundle', 'serve', ...IN, ...login, '--with-password', ...out],
    ]) {
      const { exitCode, stdout, stderr } = await plugin(words, { env })
      assert.deepEqual([exitCode, stdout], [1, ''], `${words.join(' ')}: ${stderr}`)
      assert.match(stderr, /Cassandra rejected the login: .*\[CSNI604\]/, words.join(' '))
      await assert.rejects(stat(at('wrong.zip')))
    }
    const verified = await plugin(['verify', ...IN, ...login, '--node', '0'], { env })
    assert.deepEqual([verified.exitCode, /rejected the login/.test(verified.stdout)], [1, true], verified.stdout)
  })

  it('are unchanged by a second run, and overwrite nothing else', async () => {
    const before = await readFile(file)
    const { stdout } = await writesNothing([...CREATE, '--create-role', ROLE, ...GRANTS, '--out', file])
    assert.match(stdout, /app\.zip unchanged/)
    assert.deepEqual(await readFile(file), before)
    await writeFile(at('mine.txt'), 'mine')
    const { error } = await pluginJson([...CREATE, '--out', at('mine.txt')])
    assert.deepEqual([error?.code, await readFile(at('mine.txt'), 'utf8')], ['CSNI104', 'mine'])
    const another = await pluginJson([...CREATE, '--create-role', ROLE, '--out', at('another.zip')])
    assert.match(another.error?.message ?? '', /role e2e_bundle_app already exists/)
  })

  it('are compared with the cluster', async () => {
    const { result } = await pluginJson<Inspected>(['bundle', 'inspect', file, ...IN])
    for (const check of ['files', 'ca', 'keystores', 'datacenter', 'gateway', 'names', 'login'])
      assert.equal(statusOf(result, check), 'ok', JSON.stringify(result?.findings))
    await must(plugin(['bundle', 'inspect', file, '--offline']))
    await must(cql(`ALTER ROLE ${ROLE} WITH PASSWORD = 'another'`))
    // nodes cache credentials for two seconds
    await until(
      'the login is refused',
      async () =>
        statusOf((await pluginJson<Inspected>(['bundle', 'inspect', file, ...IN])).result, 'login') === 'failed',
      20_000,
    )
    const { result: differing } = await pluginJson<Inspected>(['bundle', 'inspect', file, ...IN])
    const [update = ''] = differing?.findings.find(({ check }) => check === 'login')?.next ?? []
    assert.match(update, new RegExp(`^kubectl cass-sni bundle create .* --with-password --username ${ROLE}$`))
    const { error } = await pluginJson([...CREATE, '--create-role', ROLE, '--out', file])
    assert.match(error?.message ?? '', /its password differs in/)
    // as printed, with the password that the role has now
    const words = update.split(' ').slice(2)
    await must(plugin(words, { env: { CASS_SNI_PASSWORD: 'another' } }))
    assert.equal(statusOf((await pluginJson<Inspected>(['bundle', 'inspect', file, ...IN])).result, 'login'), 'ok')
  })

  it('are in a Secret, once', async () => {
    const words = [...CREATE, '--out', 'Secret/e2e-bundle']
    await must(plugin(words))
    assert.match((await writesNothing(words)).stdout, /unchanged/)
    const secret = await object<{ data: Record<string, string> }>('secret', 'e2e-bundle')
    assert.deepEqual(Object.keys(secret?.data ?? {}), ['secure-connect-dc1.zip'])
    const { result } = await pluginJson<Inspected>(['bundle', 'inspect', 'secret/e2e-bundle', ...IN])
    assert.equal(statusOf(result, 'names'), 'ok')
    const own = await pluginJson([...CREATE, '--out', 'Secret/dc1-keystore'])
    assert.equal(own.error?.code, 'CSNI101')
    const { error } = await pluginJson([...CREATE, '--out', 'Secret/dse-superuser'])
    assert.equal(error?.code, 'CSNI210')
  })

  it('need permissions that are named', async () => {
    const env = { KUBECONFIG: await kubeconfigOf('e2e-bundle') }
    const { error } = await pluginJson([...CREATE, '--out', at('denied.zip')], { env })
    assert.equal(error?.code, 'CSNI203')
    await assert.rejects(stat(at('denied.zip')))
    const inspected = await pluginJson<Inspected>(['bundle', 'inspect', file, ...IN], { env })
    assert.deepEqual([inspected.exitCode, statusOf(inspected.result, 'datacenter')], [1, 'unknown'])
  })

  it('have a certificate of the CA if the nodes require one', async () => {
    // 11b has left it so
    const second = ['-n', 'second']
    const out = ['--out', at('second.zip')]
    const { result, error } = await pluginJson<Created>([
      'bundle',
      'create',
      ...second,
      '--public-name',
      'dc2.second.cassdc',
      ...out,
    ])
    assert.equal(result?.clientCertificate.kind, 'issued', error?.message)
    const inspected = await pluginJson<Inspected>(['bundle', 'inspect', at('second.zip'), ...second])
    assert.deepEqual(
      ['names', 'login'].map((check) => statusOf(inspected.result, check)),
      ['ok', 'skipped'],
    )
  })
})
