/** The programs of `clients show`, each run as a user of that driver would. */
import assert from 'node:assert/strict'
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { driverPrograms } from '../../src/lib/clients/driver-programs.ts'
import { withPythonDriver } from '../support/churn.ts'
import { runProgram } from '../support/client-programs.ts'
import { CHECKOUT, labEnvironment, must, NAMESPACE, object, plugin, run, startPlugin, until } from '../support/lab.ts'

/** In place of "app" in the docs. */
const ROLE = 'e2e_first_row'

describe('programs for drivers', () => {
  let folder = ''
  let hostIds: string[] = []
  let env: Record<string, string> = {}

  before(async function () {
    this.timeout(60_000)
    folder = await mkdtemp(join(tmpdir(), 'cass-sni-drivers-'))
    await must(plugin(['certs', 'ca', '-n', NAMESPACE, '--out', join(folder, 'dc1-ca.pem')]))
    const foreign = join(folder, 'foreign.pem')
    const subject = ['-subj', '/CN=foreign', '-keyout', '/dev/null', '-out', foreign]
    await must(run('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject]))
    const datacenter = await object<{ status: { nodeStatuses: Record<string, { hostID: string }> } }>(
      'cassandradatacenter',
      'dc1',
    )
    hostIds = Object.values(datacenter?.status.nodeStatuses ?? {}).map(({ hostID }) => hostID.toLowerCase())
    assert.equal(hostIds.length, 3)
    const secret = await object<{ data: { username: string; password: string } }>('secret', 'dse-superuser')
    const plain = (text = '') => Buffer.from(text, 'base64').toString('utf8')
    env = { CQL_USER: plain(secret?.data.username), CQL_PASSWORD: plain(secret?.data.password) }
  })
  after(() => rm(folder, { recursive: true, force: true }))

  for (const driver of ['python', 'java', 'node', 'go'] as const) {
    it(`${driver}: reaches every node as printed, and none with another CA`, async function () {
      this.timeout(240_000)
      const runs = ['dc1-ca.pem', 'foreign.pem'].map(async (ca) => {
        const own = join(folder, `${driver}-${ca}`)
        await mkdir(own)
        await copyFile(join(folder, ca), join(own, 'ca.pem'))
        const file = join(own, driverPrograms[driver].file)
        await must(plugin(['clients', 'show', '-n', NAMESPACE, '--driver', driver, '--ca', 'ca.pem', '--out', file]))
        return runProgram(driver, own, env)
      })
      const [trusted, foreign] = await Promise.all(runs)
      assert.equal(trusted?.exitCode, 0, `${trusted?.stdout}${trusted?.stderr}`)
      const reached = trusted?.stdout.match(/^[0-9a-f-]{36}(?= 5\.0)/gm)
      assert.deepEqual(reached?.sort(), [...hostIds].sort(), trusted?.stdout)
      assert.notEqual(foreign?.exitCode, 0, 'it trusted a CA that it was not given')
      assert.doesNotMatch(foreign?.stdout ?? '', /^[0-9a-f-]{36} /m)
    })
  }

  it('spring reaches every node as printed; jdbc, the file of quarkus and cqlsh do through a local port', async function () {
    this.timeout(240_000)
    const shown = async (driver: 'spring' | 'jdbc' | 'quarkus' | 'cqlsh') => {
      const own = join(folder, driver)
      await mkdir(own)
      await copyFile(join(folder, 'dc1-ca.pem'), join(own, 'dc1-ca.pem'))
      const file = join(own, driverPrograms[driver].file)
      await must(plugin(['clients', 'show', '-n', NAMESPACE, '--driver', driver, '--out', file]))
      return readFile(file, 'utf8')
    }
    const texts = await Promise.all([shown('jdbc'), shown('cqlsh'), shown('quarkus'), shown('spring')])
    const [line = '', ...same] = texts.map((text) => /Local port: kubectl cass-sni (.*)/.exec(text)?.[1])
    assert.deepEqual(same, [line, line, undefined])
    const forward = await startPlugin(line.split(' '))
    try {
      await until('the port is open', () => forward.stdout().includes('Forwarding from'), 20_000)
      const outcomes = (['spring', 'jdbc', 'quarkus', 'cqlsh'] as const).map((driver) =>
        runProgram(driver, join(folder, driver), env),
      )
      const [spring, jdbc, quarkus, cqlsh] = await Promise.all(outcomes)
      for (const each of [spring, jdbc, quarkus]) {
        const reached = new Set(each?.stdout.match(/^[0-9a-f-]{36}(?= 5\.0)/gm))
        assert.deepEqual([...reached].sort(), [...hostIds].sort(), `${each?.stdout}${each?.stderr}`)
      }
      const [one = ''] = /[0-9a-f-]{36}(?= +\| +5\.0)/.exec(cqlsh?.stdout ?? '') ?? []
      assert.ok(hostIds.includes(one), `${cqlsh?.stdout}${cqlsh?.stderr}`)
    } finally {
      forward.child.kill('SIGKILL')
    }
  })

  it('docs/clients.md: the environment file and a local port, as written there', async function () {
    this.timeout(60_000)
    const text = await readFile(join(CHECKOUT, 'docs/clients.md'), 'utf8')
    const block = (heading: string) =>
      (/```sh\n([\s\S]*?)```/.exec(text.slice(text.indexOf(heading)))?.[1] ?? '').replaceAll(
        '-n cassandra',
        `-n ${NAMESPACE}`,
      )
    const own = join(folder, 'environment')
    await mkdir(own)
    const start = { cwd: own, env: await labEnvironment(), timeoutMs: 30_000 }
    const show = 'echo "$CQLSH_PORT $CASS_SNI_LOCAL_DATACENTER $CASS_SNI_HOST_IDS"; test -s "$SSL_CERTFILE"'
    const { stdout } = await must(run('sh', ['-euc', `${block('## What a client needs')}${show}`], start))
    const [port, local, ids = ''] = stdout.trim().split(' ')
    assert.deepEqual([port, local, ids.split(',').sort()], ['9042', 'dc1', [...hostIds].sort()])
    // the first of the three, with another program than cqlsh, which would prompt
    const [forward = ''] = block('### Programs that cannot send SNI').match(/^kubectl .*--sni any.*$/m) ?? []
    const program = forward.replace('cqlsh -u app', 'echo reached')
    assert.notEqual(program, forward)
    const { stdout: reached } = await must(run('sh', ['-euc', program], start))
    assert.match(reached, /^reached 127\.0\.0\.1 \d+\n/m)
  })

  it('docs/clients.md: the first row, as written there', async function () {
    this.timeout(120_000)
    const text = await readFile(join(CHECKOUT, 'docs/clients.md'), 'utf8')
    const section = text.slice(text.indexOf('## The first row'), text.indexOf('## What a client needs'))
    const block = (language: string) => new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(section)?.[1] ?? ''
    const own = join(folder, 'docs')
    await mkdir(own)
    const filled = (lines: string) =>
      lines
        .replaceAll('-n cassandra', `-n ${NAMESPACE}`)
        .replaceAll(/\bapp\b/g, ROLE)
        .replaceAll('…', 'first-row-7')
    await must(plugin(['cqlsh-sni', '-n', NAMESPACE, '-e', filled(block('cql'))]))
    try {
      const script = filled(block('sh'))
      const environment = { ...(await labEnvironment()), ...(await withPythonDriver()) }
      const { stdout } = await must(run('sh', ['-euc', script], { cwd: own, env: environment, timeoutMs: 60_000 }))
      assert.deepEqual(stdout.match(/^[0-9a-f-]{36}(?= 5\.0)/gm)?.sort(), [...hostIds].sort(), stdout)
    } finally {
      await must(plugin(['cqlsh-sni', '-n', NAMESPACE, '-e', `DROP ROLE ${ROLE}`]))
    }
  })
})
