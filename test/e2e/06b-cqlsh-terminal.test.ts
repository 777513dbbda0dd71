import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { labEnvironment, NAMESPACE, plugin, pluginJson } from '../support/lab.ts'
import { bracketed, KEY, openTerminal, type Terminal } from '../support/terminal.ts'

const IN = ['-n', NAMESPACE]
const KEYSPACE = 'e2e_terminal'

interface CqlResult {
  statements: { rows: Record<string, unknown>[] }[]
}

describe('cqlsh-sni at a terminal', function () {
  this.timeout(120_000)
  let me: Terminal | undefined

  before(async () => {
    const schema =
      `CREATE KEYSPACE IF NOT EXISTS ${KEYSPACE} ` +
      "WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 3}; " +
      `CREATE TYPE IF NOT EXISTS ${KEYSPACE}."Shape" (width int, height int); ` +
      `CREATE TABLE IF NOT EXISTS ${KEYSPACE}.texts (k int PRIMARY KEY, "Value" text); ` +
      `CREATE TABLE IF NOT EXISTS ${KEYSPACE}."Mixed_Case" (k int PRIMARY KEY)`
    const made = await plugin(['cqlsh-sni', ...IN, '-e', schema])
    assert.equal(made.exitCode, 0, made.stderr)
  })
  afterEach(() => {
    me?.kill()
    me = undefined
  })
  after(async () => {
    const dropped = await plugin(['cqlsh-sni', ...IN, '-e', `DROP KEYSPACE IF EXISTS ${KEYSPACE}`])
    assert.equal(dropped.exitCode, 0, dropped.stderr)
  })

  async function shell(size: Parameters<typeof openTerminal>[3] = {}): Promise<Terminal> {
    const args = ['cass-sni', 'cqlsh-sni', ...IN, '-k', KEYSPACE]
    me = openTerminal('kubectl', args, { ...(await labEnvironment()), INPUTRC: '/dev/null' }, size)
    await me.see(/@cqlsh:e2e_terminal> $/, 60_000)
    return me
  }

  async function rows(query: string): Promise<Record<string, unknown>[]> {
    const { result, error } = await pluginJson<CqlResult>(['cqlsh-sni', ...IN, '-e', query])
    assert.equal(error, undefined, JSON.stringify(error))
    return result?.statements[0]?.rows ?? []
  }

  /** 11 KB with quotes, what looks like statements and comments, and characters of all widths. */
  const large = `${"it's; -- no comment /* nor here */ $$ \\n \\ ".repeat(300)}é 漢字 👩‍👩‍👧 end`
  const insert = (key: number, value: string): string =>
    `INSERT INTO texts (k, "Value") VALUES (${key}, '${value.replaceAll("'", "''")}');`

  for (const marked of [false, true]) {
    it(`stores a paste of 200 INSERTs and an 11 KB literal byte for byte, ${marked ? 'with' : 'without'} marks`, async () => {
      assert.ok(Buffer.byteLength(large) > 11_000)
      const my = await shell()
      const first = marked ? 1_000 : 0
      const lines = Array.from({ length: 200 }, (_, index) => insert(first + index, `value ${index}`))
      lines.push(insert(first + 200, large), 'SELECT count(*) FROM system.local;')
      if (marked) my.type(`${bracketed(lines.join('\n'))}${KEY.enter}`)
      else my.type(lines.map((line) => `${line}\r`).join(''))
      await my.see(/count[\s\S]*\(1 rows?\)[\s\S]*@cqlsh:e2e_terminal> $/, 90_000)
      my.type(KEY.ctrlD)
      assert.equal(await my.ended, 0)
      const stored = new Map(
        (await rows(`SELECT k, "Value" FROM ${KEYSPACE}.texts`)).map((row) => [row['k'], row['Value']]),
      )
      assert.equal(stored.get(first + 200), large)
      for (let index = 0; index < 200; index += 1) assert.equal(stored.get(first + index), `value ${index}`)
    })
  }

  it('completes keywords, names of the live schema and those made since, from the second Tab on with a list', async () => {
    const my = await shell()
    my.type('sel\t')
    await my.seeOnScreen(/> SELECT$/)
    my.type('* FROM tex\t')
    await my.seeOnScreen(/> SELECT \* FROM texts$/)
    my.type('WH\t')
    await my.seeOnScreen(/FROM texts WHERE$/)
    my.type('val\t')
    await my.seeOnScreen(/> SELECT \* FROM texts WHERE "Value"$/)
    my.type(`${KEY.ctrlC}SELECT * FROM mixed\t`)
    await my.seeOnScreen(/FROM "Mixed_Case"$/)
    my.type(`${KEY.ctrlC}SELECT * FROM system_views.cl\t`)
    await my.seeOnScreen(/FROM system_views.clients$/)
    my.type(`${KEY.ctrlC}SELECT * FROM system_v\t`)
    await my.seeOnScreen(/FROM system_vi$/)
    my.type('\t')
    await my.seeOnScreen(/system_views\. +system_virtual_schema\.\n.*FROM system_vi$/)
    my.type(`${KEY.ctrlC}CREATE TABLE made_just_now (k int PRIMARY KEY);\r`)
    await my.see(/@cqlsh:e2e_terminal> $/, 60_000)
    my.type('INSERT INTO made\t')
    await my.seeOnScreen(/INTO made_just_now$/)
    my.type(`${KEY.ctrlC}DROP ROLE cass\t`)
    await my.seeOnScreen(/DROP ROLE cassandra$/)
    my.type(`${KEY.ctrlC}CONSISTENCY local_q\t\r`)
    await my.see(/LOCAL_QUORUM/)
    my.type(`${KEY.ctrlD}`)
    assert.equal(await my.ended, 0)
  })

  it('Ctrl-C while it connects ends it with 130, and the terminal echoes again', async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    try {
      await once(silent, 'listening')
      const { port } = silent.address() as AddressInfo
      const command = `kubectl cass-sni cqlsh-sni -n ${NAMESPACE} --address 127.0.0.1:${port}; echo "code $?"; stty -a`
      me = openTerminal('bash', ['-c', command], await labEnvironment())
      const [connection] = (await once(silent, 'connection')) as [Socket]
      connection.on('error', () => undefined)
      me.type(KEY.ctrlC)
      const text = await me.see(/code \d+[\s\S]* echo /, 30_000)
      assert.match(text, /code 130/)
      assert.match(text, / icanon/)
    } finally {
      silent.close()
    }
  })

  it('writes neither prompt nor escape sequence into a file', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'cass-sni-e2e-'))
    try {
      const file = join(directory, 'rows.csv')
      const command = `kubectl cass-sni cqlsh-sni -n ${NAMESPACE} -o csv > ${file}; echo "code $?"`
      me = openTerminal('bash', ['-c', command], await labEnvironment())
      me.type('SELECT data_center FROM system.local;\r\u0004')
      await me.see('code 0', 60_000)
      assert.equal(await readFile(file, 'utf8'), 'data_center\ndc1\n')
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})
