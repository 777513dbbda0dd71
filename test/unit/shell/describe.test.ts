import assert from 'node:assert/strict'
import { statementError } from '../../../src/lib/connection/cql-errors.ts'
import { columns, FakeSession, fakeShell } from './fake-session.ts'

const { signal } = new AbortController()

/** What DESCRIBE writes of an answer with these columns and rows. */
async function described(
  names: string[],
  rows: unknown[][],
  { keyspace, ...io }: { keyspace?: string; terminal?: boolean; columns?: () => number } = {},
): Promise<string> {
  const session = new FakeSession(() => ({ columns: columns(...names), rows, warnings: [] }))
  session.inUse = keyspace
  const { shell, written } = fakeShell(session, io)
  await shell.execute('DESCRIBE x', signal)
  return written()
}

const CREATED = ['keyspace_name', 'type', 'name', 'create_statement']
const LISTED = ['keyspace_name', 'type', 'name']
const HOSTILE = "CREATE FUNCTION ks.f() AS $$\treturn '\r\u001b[31m';\n$$;"

describe('DESCRIBE', () => {
  it('is a command of the shell that is sent as it is, but for its first word', async () => {
    const session = new FakeSession()
    await fakeShell(session).shell.execute('desc table ks."T"', signal)
    assert.equal(session.asked[0]?.statement, 'DESCRIBE table ks."T"')
  })

  it('writes statements as Cassandra sent them, to be executed again', async () => {
    const rows = [
      ['ks', 'function', 'f()', HOSTILE],
      ['ks', 'type', 't', 'CREATE TYPE ks.t (a int);'],
    ]
    assert.equal(await described(CREATED, rows), `\n${HOSTILE}\n\nCREATE TYPE ks.t (a int);\n`)
  })

  it('makes control characters visible on a terminal', async () => {
    const text = await described(CREATED, [['ks', 'function', 'f()', HOSTILE]], { terminal: true })
    assert.equal(text, "\nCREATE FUNCTION ks.f() AS $$\treturn '\\r\\x1b[31m';\n$$;\n")
  })

  it('lists names as Cassandra quotes them, by keyspace', async () => {
    const rows = [
      ['"T1_Mixed"', 'table', 'a'],
      ['"T1_Mixed"', 'table', '"B"'],
      ['ks', 'table', 'c'],
    ]
    assert.equal(
      await described(LISTED, rows),
      '\nKeyspace "T1_Mixed"\n-------------------\na\n"B"\n\nKeyspace ks\n-----------\nc\n\n',
    )
    assert.equal(await described(LISTED, rows.slice(2), { keyspace: 'ks' }), '\nc\n\n')
    assert.equal(await described(LISTED, []), '\n<empty>\n\n')
  })

  it('lists keyspaces, and names side by side on a terminal', async () => {
    const rows = ['a', 'bb', 'c', 'd', '"E"'].map((name) => [name, 'keyspace', name])
    assert.equal(await described(LISTED, rows), '\na\nbb\nc\nd\n"E"\n\n')
    assert.equal(await described(LISTED, rows, { columns: () => 12 }), '\na    d\nbb   "E"\nc\n\n')
  })

  it('lists 20,000 tables without delay', async () => {
    const rows = Array.from({ length: 20_000 }, (_, index) => ['ks', 'table', `table_${index}`])
    const before = performance.now()
    assert.equal((await described(LISTED, rows, { columns: () => 80 })).split('\n').length, 3_339)
    assert.ok(performance.now() - before < 500, `${performance.now() - before} ms`)
  })

  it('shows the ranges of the cluster', async () => {
    const names = ['cluster', 'partitioner', 'snitch']
    const row = ['My Cluster', 'Murmur3Partitioner', 'SimpleSnitch']
    const head = '\nCluster: My Cluster\nPartitioner: Murmur3Partitioner\nSnitch: SimpleSnitch\n\n'
    assert.equal(await described(names, [row]), head)
    const ranges = [
      ['-9', ['10.0.0.1', '10.0.0.2']],
      ['9187343239835811839', ['10.0.0.3']],
    ]
    assert.equal(
      await described([...names, 'range_ownership'], [[...row, ranges]]),
      `${head}Range ownership:\n${' '.repeat(38)}-9  [10.0.0.1, 10.0.0.2]\n` +
        `${' '.repeat(21)}9187343239835811839  [10.0.0.3]\n\n`,
    )
  })

  it('lists what there is on servers that do not know it', async () => {
    const old = new FakeSession((statement) => {
      if (statement.startsWith('DESCRIBE'))
        throw statementError(0x2000, "line 1:0 no viable alternative at input 'DESCRIBE'")
      if (statement.includes('release_version'))
        return { columns: columns('release_version'), rows: [['3.11.19']], warnings: [] }
      if (statement.includes('partitioner'))
        return { columns: columns('cluster', 'partitioner'), rows: [['My Cluster', 'Murmur3']], warnings: [] }
      const rows = [
        ['Ks', 'a'],
        ['Ks', 'B'],
      ]
      return { columns: columns('keyspace_name', 'name'), rows, warnings: [] }
    })
    const any = fakeShell(old)
    await any.shell.execute('DESCRIBE TABLES', signal)
    await any.shell.execute('DESCRIBE CLUSTER', signal)
    assert.equal(
      any.written(),
      '\nKeyspace "Ks"\n-------------\na\n"B"\n\n\nCluster: My Cluster\nPartitioner: Murmur3\n\n',
    )
    old.inUse = "k's"
    await any.shell.execute('DESCRIBE TABLES', signal)
    assert.match(old.asked.at(-1)?.statement ?? '', /WHERE keyspace_name = 'k''s'/)
    await assert.rejects(any.shell.execute('DESCRIBE TABLE t', signal), /3\.11\.19 does not support DESCRIBE TABLE T/)
  })
})
