/** `cqlsh-sni --exec`: Apache's own cqlsh, unchanged, through the gateway. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CQLSH_ENVIRONMENT, CQLSH_PROGRAM, installCqlsh } from '../support/apache-cqlsh.ts'
import { GATEWAY_ADDRESS, labEnvironment, must, NAMESPACE, plugin, run, until } from '../support/lab.ts'
import { KEY, openTerminal } from '../support/terminal.ts'

const EXEC = ['cqlsh-sni', '-n', NAMESPACE, '--exec']

describe("cqlsh-sni --exec: Apache's cqlsh through the gateway", function () {
  this.timeout(120_000)
  let folder = ''
  let env: Record<string, string> = {}

  before(async function () {
    this.timeout(660_000)
    await installCqlsh()
    folder = await mkdtemp(join(tmpdir(), 'cass-sni-exec-'))
    // a home with a cqlshrc for a cluster with TLS, as users have it
    await mkdir(join(folder, '.cassandra'))
    const cqlshrc = '[authentication]\nusername = other\n[connection]\nhostname = 192.0.2.1\nssl = true\n'
    await writeFile(join(folder, '.cassandra/cqlshrc'), `${cqlshrc}[ui]\ntime_format = year %Y\n`)
    const temporary = join(folder, 'tmp')
    await mkdir(temporary)
    const home = { HOME: folder, TMPDIR: temporary }
    env = { ...CQLSH_ENVIRONMENT, ...home, CASS_SNI_CQLSH: CQLSH_PROGRAM }
  })
  after(() => rm(folder, { recursive: true, force: true }))

  const left = () => readdir(join(folder, 'tmp'))

  it('reads a row with the login of the cluster, and leaves no file', async () => {
    const query = 'SELECT release_version, to_timestamp(now()) FROM system.local'
    const { exitCode, stdout, stderr } = await plugin([...EXEC, '--', '-e', query], { env })
    assert.equal(exitCode, 0, stderr)
    assert.match(stdout, /^\s+5\.0\.\d+ \|\s+year 20\d\d$/m)
    assert.doesNotMatch(stderr, /deprecated|MaxListeners/)
    assert.deepEqual(await left(), [])
  })

  it('ends with the exit code of cqlsh, with its message', async () => {
    const failed = await plugin([...EXEC, '--node', '1', '--', '-e', 'SELECT nothing FROM system.local'], { env })
    assert.equal(failed.exitCode, 2, failed.stderr)
    assert.match(failed.stderr, /Undefined column name nothing/)
    const login = { ...env, CASS_SNI_PASSWORD: 'wrong' }
    const wrong = await plugin([...EXEC, '--username', 'app', '--', '-e', 'SELECT 1'], { env: login })
    assert.equal(wrong.exitCode, 1)
    assert.match(wrong.stderr, /Provided username app and\/or password are incorrect/)
    assert.deepEqual(await left(), [])
  })

  it('reports an unknown node, another CA and a gateway that does not answer before cqlsh starts', async () => {
    const foreign = join(folder, 'foreign.pem')
    const subject = ['-subj', '/CN=foreign', '-keyout', '/dev/null', '-out', foreign]
    await must(run('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject]))
    const outcomes = await Promise.all(
      [
        ['--node', '9'],
        ['--ca', foreign],
        ['--address', `${GATEWAY_ADDRESS}:9555`],
      ].map((words) => plugin([...EXEC, ...words, '--timeout', '20s', '--', '--version'], { env })),
    )
    const [node, ca, address] = outcomes.map(({ stderr }) => stderr)
    assert.match(
      node ?? '',
      /node 9 not found .*\[CSNI302\][\s\S]*Try: .* --exec .*--node dse-dc1-default-sts-0 -- --version/,
    )
    assert.match(ca ?? '', /self-signed certificate in certificate chain \[CSNI602\]\n +Hint: compare \S+foreign\.pem/)
    assert.match(address ?? '', /cannot connect to [\d.]+:9555: .* \[CSNI601\]/)
    for (const { exitCode, stdout } of outcomes) assert.deepEqual([exitCode, stdout], [1, ''])
    assert.deepEqual(await left(), [])
  })

  it('without cqlsh, names the command that installs it', async () => {
    const absent = await plugin([...EXEC], { env: { ...env, CASS_SNI_CQLSH: '/nowhere/cqlsh' } })
    assert.equal(absent.exitCode, 1)
    assert.match(absent.stderr, /cannot run \/nowhere\/cqlsh: no such file or directory \[CSNI703\]/)
    assert.match(absent.stderr, /Try: pip install cqlsh\n/)
    assert.deepEqual(await left(), [])
  })

  it('at a terminal, Ctrl-C ends the statement and not the shell; SIGTERM ends both and removes the login', async () => {
    const me = openTerminal('kubectl', ['cass-sni', ...EXEC], { ...(await labEnvironment()), ...env })
    try {
      await me.see(/@cqlsh> $/, 60_000)
      assert.equal((await left()).length, 1)
      me.type(`SELECT 'a${KEY.ctrlC}`)
      await me.see(/@cqlsh> $/)
      me.type(`SELECT key FROM system.local;${KEY.enter}`)
      await me.see(/ local[\s\S]*\(1 rows\)[\s\S]*@cqlsh> $/)
      process.kill(me.pid, 'SIGTERM')
      assert.equal(await me.ended, 143)
      await until('the files are removed', async () => (await left()).length === 0, 10_000)
    } finally {
      me.kill()
    }
  })
})
