import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { completeCql } from '../../../src/lib/shell/completion/cql-completion.ts'
import { LiveSchema } from '../../../src/lib/shell/completion/schema-names.ts'
import { schemaAnswer } from '../../support/fake-schema.ts'
import { FakeSession } from './fake-session.ts'

const TOPICS = ['CREATE TABLE', 'CREATE TYPE', 'PAGING', 'SELECT']

function schema(): { names: LiveSchema; session: FakeSession } {
  const session = new FakeSession((statement) => {
    const page = schemaAnswer(statement)
    if (page === undefined) throw new Error(`unexpected: ${statement}`)
    return page
  })
  return { names: new LiveSchema(() => session), session }
}

const { names } = schema()

/** What is offered at the bar in the text: the whole text for one candidate, else the labels. */
async function offered(text: string, keyspace: string | undefined = 'shop'): Promise<string | string[]> {
  const [before = '', after = ''] = text.split('|')
  const { typed, candidates } = await completeCql(before, after, { names, keyspace, topics: TOPICS })
  const [only] = candidates
  if (candidates.length === 1 && only !== undefined) return before.slice(0, before.length - typed) + only.text
  return candidates.map(({ label }) => label)
}

/** Each text with what is offered there. */
async function table(rows: [text: string, wanted: string | string[]][]): Promise<void> {
  for (const [text, wanted] of rows) assert.deepEqual(await offered(text), wanted, text)
}

async function includes(text: string, wanted: string[], unwanted: string[] = []): Promise<void> {
  const all = await offered(text)
  assert.ok(Array.isArray(all), `${text}: ${String(all)}`)
  for (const label of wanted) assert.ok(all.includes(label), `${text}: no ${label} in ${all.join(' ')}`)
  for (const label of unwanted) assert.ok(!all.includes(label), `${text}: ${label} in ${all.join(' ')}`)
}

describe('completion', () => {
  it('keywords by their place, in capitals, with the words that must follow', async () => {
    await table([
      ['sel|', 'SELECT '],
      ['I|', 'INSERT INTO '],
      ['exi|', 'EXIT '],
      ['TRUN|', 'TRUNCATE '],
      ['DROP MAT|', 'DROP MATERIALIZED VIEW '],
      ['SELECT * FROM orders WHERE id = 1 AL|', 'SELECT * FROM orders WHERE id = 1 ALLOW FILTERING '],
      ['SELECT * FROM orders ORD|', 'SELECT * FROM orders ORDER BY '],
      ['BEGIN UN|', 'BEGIN UNLOGGED BATCH '],
      ['SELECT 1; DELETE FROM orders WH|', 'SELECT 1; DELETE FROM orders WHERE '],
      ['nonsense |', []],
      ['SELECT * FORM |', []],
      ['SELECT -- wh|', []],
    ])
    await includes('|', ['SELECT', 'INSERT', 'DESCRIBE', 'CONSISTENCY', 'EXIT', 'BEGIN', 'LIST', 'COPY', 'USE'])
    await includes('CREATE |', ['KEYSPACE', 'TABLE', 'INDEX', 'CUSTOM', 'MATERIALIZED', 'ROLE', 'OR'])
    await includes('SELECT * FROM orders |', ['WHERE', 'LIMIT', 'PER', 'ORDER', 'GROUP', 'ALLOW', ';'])
    await includes('SELECT * FROM orders WHERE id |', ['=', 'IN', 'CONTAINS', '<='], ['WHERE'])
  })

  it('keyspaces, tables and views; mixed case and reserved words in quotes', async () => {
    await table([
      ['USE sh|', 'USE shop '],
      ['USE mi|', 'USE "Mixed" '],
      ['USE "Mi|', 'USE "Mixed" '],
      ['SELECT * FROM cust|', 'SELECT * FROM customers '],
      ['SELECT * FROM orders_b|', 'SELECT * FROM orders_by_day '],
      ['INSERT INTO orders_b|', []],
      ['SELECT * FROM t1|', 'SELECT * FROM "T1_Mixed" '],
      ['SELECT * FROM sel|', 'SELECT * FROM "select" '],
      ['SELECT * FROM "Mixed".|', 'SELECT * FROM "Mixed".one '],
      ['SELECT * FROM "Mixed"|', 'SELECT * FROM "Mixed".'],
      ['SELECT * FROM system_views.c|', 'SELECT * FROM system_views.clients '],
      ['SELECT * FROM system_v|', 'SELECT * FROM system_views.'],
      ['DROP TABLE IF EXISTS shop.order_|', 'DROP TABLE IF EXISTS shop.order_lines '],
      ['DROP MATERIALIZED VIEW o|', 'DROP MATERIALIZED VIEW orders_by_day '],
      ['CREATE TABLE sh|', 'CREATE TABLE shop.'],
    ])
    assert.deepEqual(await offered('SELECT * FROM ord|'), ['order_lines', 'orders', 'orders_by_day'])
    await includes('TRUNCATE |', ['TABLE', 'orders', '"select"', 'shop.', '"Mixed".'])
    assert.equal(await offered('SELECT * FROM sh|', ''), 'SELECT * FROM shop.')
  })

  it('columns of the table, also when it is named only behind the cursor', async () => {
    await table([
      ['SELECT cus| FROM orders', 'SELECT customer '],
      ['SELECT cus|', []],
      ['SELECT id, not| FROM shop.orders', 'SELECT id, "Note" '],
      ['INSERT INTO orders (id, pa|', 'INSERT INTO orders (id, paid_at '],
      ['UPDATE orders SET pa|', 'UPDATE orders SET paid_at '],
      ['DELETE FROM system_views.clients WHERE po|', 'DELETE FROM system_views.clients WHERE port '],
      ['ALTER TABLE orders DROP pa|', 'ALTER TABLE orders DROP paid_at '],
      ['CREATE INDEX ON orders (pa|', 'CREATE INDEX ON orders (paid_at '],
      [
        'BEGIN BATCH INSERT INTO customers (a) VALUES (1); UPDATE orders SET pa|',
        'BEGIN BATCH INSERT INTO customers (a) VALUES (1); UPDATE orders SET paid_at ',
      ],
      [
        'CREATE TABLE t (first int, "Second" text, PRIMARY KEY (fi|',
        'CREATE TABLE t (first int, "Second" text, PRIMARY KEY (first ',
      ],
      ['ALTER TYPE address RENAME st|', 'ALTER TYPE address RENAME street '],
      ['COPY orders (cu|', 'COPY orders (customer '],
    ])
    await includes('SELECT * FROM orders WHERE |', ['"Note"', 'customer', 'id', 'TOKEN', '('], ['WHERE', 'shop.'])
  })

  it('types, functions, roles, replication and options', async () => {
    await table([
      ['CREATE TABLE t (a big|', 'CREATE TABLE t (a bigint '],
      ['CREATE TABLE t (a adr|', []],
      ['CREATE TABLE t (a list<mixed_|', 'CREATE TABLE t (a list<"Mixed_Type" '],
      ['SELECT va| FROM orders', 'SELECT vat('],
      ['SELECT to_u| FROM orders', 'SELECT to_unix_timestamp('],
      ['SELECT writ| FROM orders', 'SELECT WRITETIME('],
      ['GRANT SELECT ON TABLE orders TO app|', ['"App-2"', 'app']],
      ['DROP ROLE cas|', 'DROP ROLE cassandra '],
      ['ALTER ROLE app WITH PASS|', 'ALTER ROLE app WITH PASSWORD = '],
      ['CREATE KEYSPACE k WITH rep|', "CREATE KEYSPACE k WITH replication = {'class': "],
      [
        "CREATE KEYSPACE k WITH replication = {'class': 'Net|",
        "CREATE KEYSPACE k WITH replication = {'class': 'NetworkTopologyStrategy' ",
      ],
      ["CREATE KEYSPACE k WITH replication = {'class': 'NetworkTopologyStrategy', 'dc|", ["'dc1'", "'dc2'"]],
      [
        "ALTER TABLE orders WITH compaction = {'class': 'Lev|",
        "ALTER TABLE orders WITH compaction = {'class': 'LeveledCompactionStrategy' ",
      ],
      ['ALTER TABLE orders WITH gc|', 'ALTER TABLE orders WITH gc_grace_seconds = '],
      ['ALTER TABLE orders WITH CLU|', 'ALTER TABLE orders WITH CLUSTERING ORDER BY ('],
    ])
  })

  it('commands of the shell and their arguments', async () => {
    await table([
      ['CONSISTENCY LOCAL_Q|', 'CONSISTENCY LOCAL_QUORUM '],
      ['consistency each|', 'consistency EACH_QUORUM '],
      ['SERIAL |', 'SERIAL CONSISTENCY '],
      ['TRACING |', ['OFF', 'ON']],
      ['SHOW V|', 'SHOW VERSION '],
      ['DESC TABLE cu|', 'DESC TABLE customers '],
      ['DESCRIBE KEYSPACE sh|', 'DESCRIBE KEYSPACE shop '],
      ['DESCRIBE INDEX o|', 'DESCRIBE INDEX orders_customer_idx '],
      ['DESCRIBE TYPE ad|', 'DESCRIBE TYPE address '],
      ['HELP CREATE T|', ['TABLE', 'TYPE']],
      ['HELP PA|', 'HELP PAGING '],
      ['LOGIN ap|', ['"App-2"', 'app']],
      ["COPY orders FROM 'x.csv' WITH HEADER = t|", "COPY orders FROM 'x.csv' WITH HEADER = TRUE "],
    ])
  })

  it('files after SOURCE, CAPTURE and COPY, with their quotes', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'cass-sni-files-'))
    try {
      await mkdir(join(directory, 'data'))
      await writeFile(join(directory, "it's.cql"), '')
      await writeFile(join(directory, 'data', 'rows.csv'), '')
      await writeFile(join(directory, '.hidden'), '')
      await table([
        [`SOURCE '${directory}/it|`, `SOURCE '${directory}/it''s.cql' `],
        [`SOURCE '${directory}/da|`, `SOURCE '${directory}/data/`],
        [`COPY orders FROM '${directory}/data/|`, `COPY orders FROM '${directory}/data/rows.csv' `],
        [`CAPTURE '${directory}/.h|`, `CAPTURE '${directory}/.hidden' `],
        [`SOURCE '${directory}/none/|`, []],
        [`SELECT '${directory}/|`, []],
      ])
      assert.deepEqual(await offered(`SOURCE '${directory}/|`), [`${directory}/data/`, `${directory}/it's.cql`])
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  it('a blank comes between what ends at the cursor and the next word', async () => {
    await table([
      ['SELECT * FROM orders LIMIT 10|', ['ALLOW', ';']],
      ["SELECT * FROM orders WHERE id = 'a' AL|", "SELECT * FROM orders WHERE id = 'a' ALLOW FILTERING "],
      ['SELECT * FROM orders WHERE customer IS|', []],
    ])
    const { candidates } = await completeCql('SELECT * FROM orders LIMIT 10', '', {
      names,
      keyspace: 'shop',
      topics: [],
    })
    assert.deepEqual(
      candidates.map(({ text }) => text),
      [' ALLOW ', ';'],
    )
  })

  it('asks the schema once, again after a change, and offers nothing when it cannot be read', async () => {
    const { names: live, session } = schema()
    const context = { names: live, keyspace: 'shop', topics: [] }
    for (let tries = 0; tries < 3; tries += 1) await completeCql('SELECT * FROM ord', '', context)
    const asked = session.asked.length
    await completeCql('SELECT * FROM ord', '', context)
    assert.equal(session.asked.length, asked)
    live.changed()
    await completeCql('SELECT * FROM ord', '', context)
    assert.ok(session.asked.length > asked)
    const broken = new FakeSession(() => Promise.reject(new Error('no connection')))
    const without = { names: new LiveSchema(() => broken), keyspace: 'shop', topics: [] }
    assert.deepEqual((await completeCql('SELECT * FROM ord', '', without)).candidates, [])
    assert.equal((await completeCql('SELECT * FROM orders WH', '', without)).candidates.length, 1)
  })

  it('shows old names at once while it reads new ones', async () => {
    let now = 0
    const waiting: (() => void)[] = []
    let tables = ['old']
    const session = new FakeSession(async (statement) => {
      if (now > 0) await new Promise<void>((resolve) => waiting.push(resolve))
      return { rows: statement.includes('system_schema.tables') ? tables.map((name) => [name]) : [], warnings: [] }
    })
    const live = new LiveSchema(
      () => session,
      () => now,
    )
    assert.deepEqual(await live.of('table', 'shop'), ['old'])
    now = 60_000
    tables = ['new']
    assert.deepEqual(await live.of('table', 'shop'), ['old'])
    for (let tries = 0; tries < 5; tries += 1) {
      for (const resolve of waiting.splice(0)) resolve()
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.deepEqual(await live.of('table', 'shop'), ['new'])
  })
})
