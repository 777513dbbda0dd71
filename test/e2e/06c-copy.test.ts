import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { labEnvironment, must, NAMESPACE, plugin, pluginJson, startPlugin, until } from '../support/lab.ts'
import { KEY, openTerminal } from '../support/terminal.ts'

const IN = ['cqlsh-sni', '-n', NAMESPACE]
const KEYSPACE = 'e2e_copy'
const COLUMNS = `id int, ck text, a ascii, b bigint, c blob, d boolean, e date, f decimal, g double, h duration, i float,
  j inet, k smallint, l text, m time, n timestamp, o timeuuid, p tinyint, q uuid, r varint, s list<int>, t set<text>,
  u map<text, int>, v tuple<int, text>, w frozen<addr>, x vector<float, 3>, y map<text, frozen<list<frozen<addr>>>>,
  PRIMARY KEY (id, ck)`
const SCRIPT = `
  CREATE KEYSPACE IF NOT EXISTS ${KEYSPACE} WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 1};
  USE ${KEYSPACE};
  CREATE TYPE IF NOT EXISTS addr (street text, number int, since timestamp);
  CREATE TABLE IF NOT EXISTS every (${COLUMNS});
  CREATE TABLE IF NOT EXISTS again (${COLUMNS});
  CREATE TABLE IF NOT EXISTS many (id int PRIMARY KEY, t text, d double);
  CREATE TABLE IF NOT EXISTS hits (page text PRIMARY KEY, n counter);
  INSERT INTO every (id, ck, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y) VALUES (
    1, 'c,k', 'ascii', 9223372036854775807, 0xcafe, true, '2026-11-23', 12.50, 0.1, 1mo2d3h, 2.5, '10.0.0.1', 7,
    'it''s; "quoted", with comma', '12:34:56.789', '2026-11-23T12:34:56.789Z', 50554d6e-29bb-11e5-b345-feff819cdc9f, 1,
    123e4567-e89b-12d3-a456-426614174000, 123456789012345678901234567890, [1, 2], {'x', 'y, z', 'it''s'},
    {'k': 1, 'a:b': 2}, (1, 'two'), {street: 'Main, 1', number: 5, since: '2020-01-01T00:00:00Z'}, [1.0, 2.0, 3.0],
    {'home': [{street: 'A', number: 1, since: '2020-01-01T00:00:00Z'}], 'none': []});
  INSERT INTO every (id, ck) VALUES (2, 'nulls');
  INSERT INTO every (id, ck, d, e, g, i, l, n, t, v, w) VALUES (3, 'odd', false, '0001-01-01', 1e300, -0.0,
    'back\\slash and ünïcödé 😀', '1969-12-31T23:59:59.001Z', {}, (null, ''), {street: null, number: null});
  INSERT INTO every (id, ck, g, i, n, l) VALUES (4, 'extreme', NaN, Infinity, 253402300800000, '');
  INSERT INTO every (id, ck, l) VALUES (5, 'lines', 'first
second	tab');`

/** As cqlsh 6.2 writes the first row and the third: with CRLF, and None for null in a tuple. */
const CQLSH = [
  '1,"c,k",ascii,9223372036854775807,0xcafe,True,2026-11-23,12.50,0.1,1mo2d3h,2.5,10.0.0.1,7,' +
    '"it\'s; \\"quoted\\", with comma",12:34:56.789000000,2026-11-23 12:34:56.789+0000,' +
    '50554d6e-29bb-11e5-b345-feff819cdc9f,1,123e4567-e89b-12d3-a456-426614174000,123456789012345678901234567890,' +
    `"[1, 2]","{'it''s', 'x', 'y, z'}","{'a:b': 2, 'k': 1}","(1, 'two')",` +
    `"{street: 'Main, 1', number: 5, since: '2020-01-01 00:00:00.000+0000'}","[1, 2, 3]",` +
    `"{'home': [{street: 'A', number: 1, since: '2020-01-01 00:00:00.000+0000'}], 'none': []}"`,
  `3,odd,,,,False,0001-01-01,,1e+300,,-0,,,back\\\\slash and ünïcödé 😀,,1969-12-31 23:59:59.001+0000,,,,,,,,"(None, '')",` +
    '"{street: , number: , since: }",,',
]

interface CqlResult {
  statements: { rows: Record<string, unknown>[] }[]
}

async function rows(statement: string): Promise<Record<string, unknown>[]> {
  const { result } = await pluginJson<CqlResult>([...IN, '-k', KEYSPACE, '-e', statement])
  return result?.statements.at(-1)?.rows ?? []
}

describe('COPY', function () {
  this.timeout(180_000)
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cass-sni-copy-'))
    await must(plugin(IN, { stdin: SCRIPT }))
  })
  after(async () => {
    await rm(folder, { recursive: true })
    await must(plugin([...IN, '-e', `DROP KEYSPACE ${KEYSPACE}`]))
  })

  const copy = (...statements: string[]) => plugin([...IN, '-k', KEYSPACE, '-e', statements.join('; ')])

  it('reads back what it wrote, for every type', async () => {
    const file = join(folder, 'every.csv')
    const options = "WITH HEADER=true AND NULL='<null>'"
    const written = await must(copy(`COPY every TO '${file}' ${options}`))
    assert.match(written.stdout, /^5 rows exported to 1 file in /m)
    const read = await must(copy('TRUNCATE again', `COPY again FROM '${file}' ${options}`))
    assert.match(read.stdout, /^5 rows imported from 1 file in \S+ s \(0 skipped\)/m)
    const byId = (a: Record<string, unknown>, b: Record<string, unknown>) => Number(a['id']) - Number(b['id'])
    const before = (await rows('SELECT * FROM every')).toSorted(byId)
    assert.equal(before.length, 5)
    assert.deepEqual((await rows('SELECT * FROM again')).toSorted(byId), before)
  })

  it('reads what cqlsh writes', async () => {
    const file = join(folder, 'cqlsh.csv')
    await writeFile(file, `${CQLSH.join('\r\n')}\r\n`)
    await must(copy('TRUNCATE again', `COPY again FROM '${file}' WITH ERRFILE='${file}.err'`))
    const [first, third] = ['1', '3'].map((id) => `SELECT * FROM every WHERE id = ${id}`)
    assert.deepEqual(await rows('SELECT * FROM again WHERE id = 1'), await rows(first ?? ''))
    // cqlsh doubles a backslash twice
    const again = await rows('SELECT * FROM again WHERE id = 3')
    const slashes = again.map((row) => ({ ...row, l: String(row['l']).replace('\\\\', '\\') }))
    assert.deepEqual(slashes, await rows(third ?? ''))
  })

  it('goes from stdin to stdout', async () => {
    const imported = await plugin([...IN, '-k', KEYSPACE, '-e', 'COPY hits (page, n) FROM STDIN'], {
      stdin: 'home,3\n"a, b",4\n',
    })
    assert.equal(imported.exitCode, 0, imported.stderr)
    const exported = await must(copy('COPY hits TO STDOUT'))
    assert.deepEqual(exported.stdout.trimEnd().split('\n').toSorted(), ['"a, b",4', 'home,3'])
  })

  it('keeps rows that fail in a file, imports the others and ends with exit code 1', async () => {
    const file = join(folder, 'bad.csv')
    await writeFile(file, '1,one,1.5\ntwo,two,2\n3,three\n4,four,4\n')
    const outcome = await copy('TRUNCATE many', `COPY many (id, t, d) FROM '${file}' WITH ERRFILE='${file}.err'`)
    assert.equal(outcome.exitCode, 1)
    assert.match(outcome.stderr, /2 of \d+ rows not imported: see .*bad\.csv\.err.*CSNI609/s)
    assert.equal(await readFile(`${file}.err`, 'utf8'), 'two,two,2\n3,three\n')
    assert.deepEqual((await rows('SELECT id FROM many')).map(({ id }) => id).toSorted(), [1, 4])
  })

  const MANY = 30_000
  const manyRows = (): string => {
    let text = ''
    for (let id = 0; id < MANY; id += 1) text += `${id},row ${id},${id / 4}\n`
    return text
  }
  const count = async (): Promise<number> => (await rows('SELECT id FROM many')).length

  it('interrupted by SIGINT, resumes where it says, and no row is lost', async () => {
    const file = join(folder, 'many.csv')
    await writeFile(file, manyRows())
    await must(copy('TRUNCATE many'))
    const statement = `COPY many (id, t, d) FROM '${file}' WITH INGESTRATE=5000`
    const running = await startPlugin([...IN, '-k', KEYSPACE, '-e', `${statement} AND REPORTFREQUENCY=0.1`])
    await until('rows are imported', () => /^\d{4,} rows imported,/m.test(running.stderr()), 60_000, 20)
    running.child.kill('SIGINT')
    assert.equal(await running.ended, 130, running.stderr())
    const resume = Number(/SKIPROWS=(\d+)/.exec(running.stderr())?.[1])
    assert.ok(resume > 0 && resume < MANY, running.stderr())
    const before = await count()
    assert.ok(before >= resume && before < MANY, `${before} rows, resume at ${resume}`)
    await must(copy(`COPY many (id, t, d) FROM '${file}' WITH SKIPROWS=${resume}`))
    assert.equal(await count(), MANY)
  })

  it('at a terminal shows progress; Ctrl-C ends it with its numbers, and the session stays', async () => {
    const file = join(folder, 'many.csv')
    await writeFile(file, manyRows())
    const terminal = openTerminal('kubectl', ['cass-sni', ...IN, '-k', KEYSPACE], await labEnvironment())
    try {
      await terminal.see('> ', 60_000)
      terminal.type(`COPY many (id, t, d) FROM '${file}' WITH INGESTRATE=2000;${KEY.enter}`)
      await terminal.see(/\d{4,} rows imported, \d+ rows\/s/, 60_000)
      terminal.type(KEY.ctrlC)
      await terminal.see(/COPY stopped after row \d+/)
      terminal.type(`SELECT count(*) FROM hits;${KEY.enter}`)
      await terminal.see(/\(1 row\)/)
      terminal.type(KEY.ctrlD)
      assert.equal(await terminal.ended, 0)
    } finally {
      terminal.kill()
    }
  })
})
