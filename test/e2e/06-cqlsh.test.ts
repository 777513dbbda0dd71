import assert from 'node:assert/strict'
import { stat, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { kubectl, labEnvironment, NAMESPACE, object, plugin, pluginJson } from '../support/lab.ts'
import { KEY, openTerminal } from '../support/terminal.ts'

const IN = ['-n', NAMESPACE]

interface CqlResult {
  statements: { columns: { name: string }[]; rows: Record<string, unknown>[] }[]
}

async function password(): Promise<string> {
  const secret = await object<{ data: { password: string } }>('secret', 'dse-superuser')
  return Buffer.from(secret?.data.password ?? '', 'base64').toString('utf8')
}

describe('cqlsh-sni', () => {
  it('reads a row from each node, by the node that was asked', async function () {
    this.timeout(60_000)
    const datacenter = await object<{ status: { nodeStatuses: Record<string, { hostID: string }> } }>(
      'cassandradatacenter',
      'dc1',
    )
    for (const node of [0, 1, 2]) {
      const { result, error } = await pluginJson<CqlResult>([
        'cqlsh-sni',
        ...IN,
        '--node',
        String(node),
        '-e',
        'SELECT host_id FROM system.local',
      ])
      assert.equal(error, undefined, JSON.stringify(error))
      assert.equal(
        result?.statements[0]?.rows[0]?.['host_id'],
        datacenter?.status.nodeStatuses[`dse-dc1-default-sts-${node}`]?.hostID,
      )
    }
  })

  it('runs a script from a pipe with every type, and reads it back as csv', async function () {
    this.timeout(90_000)
    const script = `
      -- one of everything
      CREATE KEYSPACE IF NOT EXISTS e2e WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 3};
      USE e2e;
      CREATE TYPE IF NOT EXISTS address (street text, number int);
      CREATE TABLE IF NOT EXISTS every (
        id int PRIMARY KEY, a ascii, b bigint, c blob, d boolean, e date, f decimal, g double, h duration, i float, j inet, k smallint,
        l text, m time, n timestamp, o timeuuid, p tinyint, q uuid, r varint, s list<int>, t set<text>, u map<text, int>, v tuple<int, text>,
        w frozen<address>, x vector<float, 3>);
      CONSISTENCY QUORUM
      INSERT INTO every (id, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x) VALUES (
        1, 'ascii', 9223372036854775807, 0xcafe, true, '2026-11-23', 12.50, 1.5, 1mo2d3h, 2.5, '10.0.0.1', 7,
        'it''s; -- not a comment', '12:34:56.789', '2026-11-23T12:34:56.789Z', 50554d6e-29bb-11e5-b345-feff819cdc9f, 1, 123e4567-e89b-12d3-a456-426614174000, 123456789012345678901234567890,
        [1, 2], {'x', 'y'}, {'k': 1}, (1, 'two'), {street: 'Main', number: 5}, [1.0, 2.0, 3.0]);
      SELECT l, b, c, r, n, v, w FROM every;`
    const outcome = await plugin(['cqlsh-sni', ...IN, '-o', 'csv'], { stdin: script })
    assert.equal(outcome.exitCode, 0, outcome.stderr)
    assert.match(
      outcome.stdout,
      /"?it's; -- not a comment"?,9223372036854775807,0xcafe,123456789012345678901234567890,/,
    )
    assert.match(outcome.stdout, /street/)
  })

  it('DESCRIBE shows the table, and a wrong statement is told with its position', async function () {
    this.timeout(60_000)
    const described = await plugin(['cqlsh-sni', ...IN, '--keyspace', 'e2e', '-e', 'DESCRIBE TABLE every'])
    assert.equal(described.exitCode, 0, described.stderr)
    assert.match(described.stdout, /CREATE TABLE e2e\.every/)
    const wrong = await plugin(['cqlsh-sni', ...IN], { stdin: 'SELECT host_id FROM system.local;\nSELEC 1;\n' })
    assert.equal(wrong.exitCode, 1)
    assert.match(wrong.stderr, /2:\d+.*CSNI605/s)
  })

  it('takes a password that begins with - and holds quotes, and shows it nowhere', async function () {
    this.timeout(60_000)
    const odd = `-p'a"s$ w`
    const role = `CREATE ROLE IF NOT EXISTS odd WITH PASSWORD = '${odd.replaceAll("'", "''")}' AND LOGIN = true;`
    assert.equal((await plugin(['cqlsh-sni', ...IN], { stdin: role })).exitCode, 0)
    const outcome = await plugin(
      ['cqlsh-sni', ...IN, '--username', 'odd', '-v', '9', '-e', 'SELECT host_id FROM system.local'],
      {
        env: { CASS_SNI_PASSWORD: odd },
      },
    )
    assert.equal(outcome.exitCode, 0, outcome.stderr)
    assert.ok(!(outcome.stdout + outcome.stderr).includes(odd))
    const refused = await plugin(['cqlsh-sni', ...IN, '--username', 'odd', '-e', 'SELECT host_id FROM system.local'], {
      env: { CASS_SNI_PASSWORD: 'wrong' },
    })
    assert.equal(refused.exitCode, 1)
    assert.match(refused.stderr, /CSNI604/)
  })

  it('writes files for other clients, 0600 and without the password unless it is asked for', async function () {
    this.timeout(60_000)
    const home = (await labEnvironment())['HOME'] ?? ''
    const secret = await password()
    for (const [flag, name] of [
      ['--print-env', 'dse-client.env'],
      ['--print-cqlshrc', 'cqlshrc'],
    ] as const) {
      const file = join(home, name)
      const outcome = await plugin(['cqlsh-sni', ...IN, flag, '--out', file, '--yes'])
      assert.equal(outcome.exitCode, 0, outcome.stderr)
      assert.equal((await stat(file)).mode & 0o777, 0o600)
      assert.ok(!(await readFile(file, 'utf8')).includes(secret))
      const shown = await plugin(['cqlsh-sni', ...IN, flag, '--with-password'])
      assert.ok(shown.stdout.includes(secret) || shown.stdout.includes(secret.replaceAll("'", `'\\''`)))
    }
  })

  it('goes through its own tunnel when the gateway has no address that answers', async function () {
    this.timeout(60_000)
    const outcome = await plugin(['cqlsh-sni', ...IN, '--tunnel', '-e', 'SELECT cluster_name FROM system.local'])
    assert.equal(outcome.exitCode, 0, outcome.stderr)
    assert.match(outcome.stdout, /dse/)
  })

  it('at a terminal: a statement over several lines, history, Ctrl-C that only drops the line, Ctrl-D that leaves', async function () {
    this.timeout(90_000)
    const terminal = openTerminal('kubectl', ['cass-sni', 'cqlsh-sni', ...IN], await labEnvironment())
    try {
      await terminal.see(/cqlsh[^>]*>/, 30_000)
      terminal.type(`SELECT data_center${KEY.enter}`)
      await terminal.see(/\.\.\./)
      terminal.type(`FROM system.local;${KEY.enter}`)
      await terminal.see(/dc1[\s\S]*\(1 rows?\)[\s\S]*cqlsh[^>]*>/)
      terminal.type(`SELECT nonsense${KEY.ctrlC}`)
      await terminal.see(/cqlsh[^>]*> ?$/)
      terminal.type(`SHOW VERSION${KEY.enter}`)
      await terminal.see(/5\.0[\s\S]*cqlsh[^>]*>/)
      terminal.type(KEY.up)
      await terminal.see(/SHOW VERSION/)
      terminal.type(`${KEY.ctrlC}${KEY.ctrlD}`)
      assert.equal(await terminal.ended, 0)
    } finally {
      terminal.kill()
    }
  })

  it('leaves nothing behind in the cluster', async () => {
    assert.doesNotMatch(await kubectl(['get', 'pods', ...IN, '-o', 'name']), /cqlsh/)
  })
})
