/** The commands of the CQL shell and how it cuts statements, against Cassandra. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { byteProxy } from '../support/fault-proxy.ts'
import { kubectl, labEnvironment, NAMESPACE, plugin, until } from '../support/lab.ts'
import { KEY, openTerminal } from '../support/terminal.ts'

const SHELL = ['cqlsh-sni', '-n', NAMESPACE]

describe('the commands of cqlsh-sni', function () {
  this.timeout(120_000)
  let folder: string

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cqlsh-'))
  })
  after(async () => {
    await plugin(SHELL, { stdin: 'DROP KEYSPACE IF EXISTS e2e_core; DROP ROLE IF EXISTS e2e_core_app;' })
    await rm(folder, { recursive: true })
  })

  it('are cut as in cqlsh: by their line, without comments, also in the last line', async () => {
    const stdin = [
      'SELECT key FROM system.local -- one row',
      ';',
      'CONSISTENCY QUORUM -- for the writes',
      'PAGING OFF // all',
      'SHOW VERSION',
      'BEGIN BATCH -- nothing; at all',
      'APPLY BATCH /* ; */;',
      'DESCRIBE KEYSPACES',
    ].join('\n')
    const { exitCode, stdout, stderr } = await plugin(SHELL, { stdin })
    assert.equal(exitCode, 0, stderr)
    assert.match(
      stdout,
      /local\n\n\(1 row\)\nConsistency level set to QUORUM\.\nPAGING set to OFF\n\[cqlsh-sni \S+ \| Cassandra 5\.\S+ \| CQL spec \S+ \| Native protocol v4\]\n[\s\S]*system_schema\n/,
    )
    const single = await plugin([...SHELL, '-e', 'SELECT key FROM system.local -- one row'])
    assert.equal(single.exitCode, 0, single.stderr)
    assert.match(single.stdout, /\(1 row\)/)
  })

  it('refuse what is cut off or no text before Cassandra sees it', async () => {
    const open = await plugin(SHELL, { stdin: 'SELECT key FROM system.local;\n /* SELECT 2;\n' })
    assert.equal(open.exitCode, 2)
    assert.match(open.stderr, /stdin:2:2: unterminated comment \[CSNI107\]/)
    const file = join(folder, 'latin1.cql')
    const script = [
      "CREATE KEYSPACE e2e_core WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};",
      "INSERT INTO e2e_core.t (a) VALUES ('caf\xe9');",
    ].join('\n')
    await writeFile(file, Buffer.from(script, 'latin1'))
    const latin = await plugin([...SHELL, '-f', file])
    assert.equal(latin.exitCode, 2)
    assert.match(latin.stderr, /latin1\.cql:2: not valid UTF-8 \[CSNI107\]/)
    const keyspaces = await plugin([...SHELL, '-e', 'DESCRIBE KEYSPACES'])
    assert.doesNotMatch(keyspaces.stdout, /e2e_core/)
  })

  it('report where a statement ends too early, and go on after one that timed out', async () => {
    const early = await plugin([...SHELL, '-e', 'SELECT key FROM'])
    assert.equal(early.exitCode, 1)
    assert.match(early.stderr, /-e:1:16: syntax error: no viable alternative at input '<EOF>'/)
    const late = await plugin([...SHELL, '--statement-timeout', '1ms', '--continue-on-error'], {
      stdin: 'SELECT * FROM system_schema.columns;\nSHOW HOST',
    })
    assert.equal(late.exitCode, 1)
    assert.match(late.stderr, /stdin:1:1: statement timed out after 1ms; .*\[CSNI608\]/)
    assert.match(late.stdout, /Connected to dse/)
  })

  it('explain a failure by its own cause, and connect again soon', async () => {
    const gateway = ['service', 'istio-ingressgateway', '-n', 'istio-system']
    const host = await kubectl(['get', ...gateway, '-o', 'jsonpath={.status.loadBalancer.ingress[0].ip}'])
    const proxy = await byteProxy({ host, port: 9042 })
    let stopped: Promise<void> | undefined
    const address = ['--address', `127.0.0.1:${proxy.port}`]
    const terminal = openTerminal('kubectl', ['cass-sni', ...SHELL, ...address], await labEnvironment())
    const select = async (wanted: RegExp): Promise<void> => {
      const answers = async (): Promise<boolean> => {
        terminal.type(`SELECT key FROM system.local;${KEY.enter}`)
        return wanted.test(await terminal.see(/cqlsh> $/))
      }
      await until(`a SELECT answers ${String(wanted)}`, answers, 10_000)
    }
    try {
      await terminal.see(/cqlsh> /, 60_000)
      await select(/\(1 row\)/)
      proxy.fault = () => ({ closeAtOnce: true })
      proxy.resetAll()
      await select(/closed before the TLS handshake.*\[CSNI603\]/)
      proxy.fault = () => undefined
      await select(/\(1 row\)/)
      stopped = proxy.stop()
      await select(/connection refused.*\[CSNI601\]/)
    } finally {
      terminal.kill()
      await (stopped ?? proxy.stop())
    }
  })

  it('take their settings from a cqlshrc, and refuse a wrong one with its line', async () => {
    const cqlshrc = join(folder, 'cqlshrc')
    await writeFile(cqlshrc, '[connection]\nrequest_timeout = soon\n')
    const wrong = await plugin([...SHELL, '--cqlshrc', cqlshrc, '-e', 'SHOW HOST'])
    assert.equal(wrong.exitCode, 2)
    assert.match(wrong.stderr, /cqlshrc:2: invalid value "soon" of \[connection\] request_timeout: .*\[CSNI107\]/)
    const level = await plugin([...SHELL, '--consistency-level', 'local_quorum', '-e', 'CONSISTENCY'])
    assert.match(level.stdout, /LOCAL_QUORUM/)
  })

  it('at a terminal: LOGIN, SOURCE, CAPTURE and HISTORY, and no password anywhere', async () => {
    const source = join(folder, 'source.cql')
    const captured = join(folder, 'captured.txt')
    await writeFile(source, 'SELEC 1;\nSELECT cluster_name FROM system.local;\n')
    const env = { ...(await labEnvironment()), XDG_CACHE_HOME: folder }
    const terminal = openTerminal('kubectl', ['cass-sni', ...SHELL], env)
    const type = async (keys: string, wanted: RegExp): Promise<string> => {
      terminal.type(`${keys}${KEY.enter}`)
      return terminal.see(wanted)
    }
    try {
      await terminal.see(/superuser@cqlsh> /, 60_000)
      await type("CREATE ROLE e2e_core_app WITH PASSWORD = 'it''s' AND LOGIN = true;", /cqlsh> $/)
      await type('LOGIN e2e_core_app', /Password for e2e_core_app: $/)
      await type("it's", /e2e_core_app@cqlsh> $/)
      await type("LOGIN e2e_core_app 'it'", /\[CSNI604\]\s+e2e_core_app@cqlsh> $/)
      const sourced = await type(`SOURCE '${source}'`, /cqlsh> $/)
      assert.match(sourced, /source\.cql:1:1: syntax error[\s\S]*cluster_name[\s\S]*\(1 row\)/)
      await type(`CAPTURE '${captured}'`, /Now capturing/)
      assert.doesNotMatch(await type('SELECT key FROM system.local;', /cqlsh> $/), /\(1 row\)/)
      await type('CAPTURE OFF', /cqlsh> $/)
      const history = await type('HISTORY', /cqlsh> $/)
      assert.match(history, /LOGIN e2e_core_app '\*\*\*'/)
      terminal.type(KEY.ctrlD)
      assert.equal(await terminal.ended, 0)
      assert.doesNotMatch(
        terminal.shown().replace(/^.*CREATE ROLE.*'it''s'.*|LOGIN e2e_core_app 'it'$/gm, ''),
        /it'?'s/,
      )
      assert.doesNotMatch(await readFile(join(folder, 'kubectl-cass-sni', 'cqlsh_history'), 'utf8'), /it'/)
      assert.match(await readFile(captured, 'utf8'), /^\n key\n-+\n local\n\n\(1 row\)\n$/)
    } finally {
      terminal.kill()
    }
  })
})
