import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import {
  type CqlStatementError,
  connectionError,
  statementError,
  statementTimeout,
} from '../../../src/lib/connection/cql-errors.ts'
import { runFile, runScript } from '../../../src/lib/shell/script.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { columns, FakeSession, fakeShell } from './fake-session.ts'

const { signal } = new AbortController()
const script = { name: 'x.cql', lastMayBeOpen: false, caret: false, signal }

/** Answers like Cassandra for what it does not understand. */
function picky(statement: string): { rows: []; warnings: [] } {
  const at = statement.indexOf('FORM')
  if (at === -1) return { rows: [], warnings: [] }
  const before = statement.slice(0, at).split('\n')
  throw statementError(0x2000, `line ${before.length}:${before.at(-1)?.length} no viable alternative at input 'FORM'`)
}

describe('the shell', () => {
  it('sends CQL with the consistency and the page size that were set', async () => {
    const session = new FakeSession()
    const { shell, written } = fakeShell(session)
    for (const text of [
      'CONSISTENCY local_quorum',
      'SERIAL CONSISTENCY LOCAL_SERIAL',
      'PAGING 50',
      'TRACING ON',
      'SELECT 1',
      'CONSISTENCY',
    ])
      await shell.execute(text, signal)
    const [{ statement, options } = { statement: '', options: {} }] = session.asked
    assert.equal(statement, 'SELECT 1')
    assert.deepEqual(
      [options.consistency, options.serialConsistency, options.pageSize, options.trace],
      ['LOCAL_QUORUM', 'LOCAL_SERIAL', 50, true],
    )
    assert.match(written(), /Consistency level set to LOCAL_QUORUM\.[\s\S]*Current consistency level is LOCAL_QUORUM\./)
  })

  it('writes page by page, and fetches the next page while it writes', async () => {
    const session = new FakeSession((_statement, { pageState }) => {
      const page = pageState === undefined ? 1 : Number(pageState)
      return {
        columns: columns('a'),
        rows: [[`row ${page}`]],
        warnings: page === 1 ? ['careful\u001b[31m'] : [],
        ...(page < 3 ? { pageState: String(page + 1) } : {}),
      }
    })
    const { shell, written, notes } = fakeShell(session)
    await shell.execute('SELECT a FROM t', signal)
    assert.match(written(), /row 1\n row 2\n row 3\n\n\(3 rows\)/)
    assert.deepEqual(
      session.asked.map(({ options }) => options.pageState),
      [undefined, '2', '3'],
    )
    assert.equal(notes(), 'Warning: careful\\x1b[31m\n')
  })

  it('asks before each further page on a terminal, and fetches none that nobody wants', async () => {
    const session = new FakeSession(() => ({ columns: columns('a'), rows: [['x']], warnings: [], pageState: '1' }))
    const answers = [true, false]
    const { shell, written } = fakeShell(session, { more: async () => answers.shift() ?? false })
    await shell.execute('SELECT a FROM t', signal)
    assert.equal(session.asked.length, 2)
    assert.match(written(), /\(2 rows, there are more\)/)
  })

  it('leaves EXIT and SOURCE to the caller, and answers the other commands', async () => {
    const { shell, written } = fakeShell(
      new FakeSession(() => ({ columns: columns('a', 'b'), rows: [['5.0.6', '3.4.7']], warnings: [] })),
    )
    assert.deepEqual(await shell.execute('quit', signal), { exit: true })
    assert.deepEqual(await shell.execute("SOURCE 'it''s.cql'", signal), { source: "it's.cql" })
    assert.deepEqual(await shell.execute("SOURCE '~/it.cql'", signal), { source: join(homedir(), 'it.cql') })
    for (const text of ['HELP', 'SHOW HOST', 'show version', 'EXPAND ON', 'EXPAND', 'PAGING OFF', 'PAGING', 'CLEAR'])
      await shell.execute(text, signal)
    assert.match(
      written(),
      /DESCRIBE[\s\S]*Connected to dse\n\[cqlsh-sni 1\.2\.3 \| Cassandra 5\.0\.6 .*\]\nEXPAND set to ON/,
    )
  })

  it('refuses wrong commands, and names what to do instead of those of cqlsh', async () => {
    const session = new FakeSession()
    const { shell } = fakeShell(session)
    for (const text of [
      'CONSISTENCY MANY',
      'SERIAL QUORUM',
      'PAGING 0',
      'EXPAND MAYBE',
      'SHOW ME',
      'SOURCE x',
      "COPY t TO 'x'",
      'CAPTURE x',
      'LOGIN',
      'HISTORY x',
      'EXIT now',
    ]) {
      await assert.rejects(
        shell.execute(text, signal),
        (error: CassSniError) => error.code === 'CSNI101' && error.next.length > 0,
        text,
      )
    }
    assert.deepEqual(session.asked, [])
  })

  it('lets nothing of a trace reach the terminal as a control', async () => {
    const hostile = '\u001b[2J'
    const session = new FakeSession((statement) =>
      statement.includes('sessions')
        ? { columns: columns('duration'), rows: [[7]], warnings: [] }
        : statement.includes('events')
          ? {
              columns: columns('activity', 'source', 'source_elapsed'),
              rows: [[hostile, hostile, hostile]],
              warnings: [],
            }
          : { rows: [], warnings: [hostile], traceId: '00000000-0000-0000-0000-000000000001' },
    )
    const { shell, notes } = fakeShell(session)
    await shell.execute('SELECT 1', signal)
    assert.match(notes(), /took 7 us/)
    assert.equal(notes().includes('\u001b'), false)
  })

  it('stops waiting when it is interrupted between pages', async () => {
    const controller = new AbortController()
    const session = new FakeSession(() => ({ columns: columns('a'), rows: [['x']], warnings: [], pageState: '1' }))
    const { shell } = fakeShell(session, {
      write: async () => controller.abort(new CassSniError('CSNI902', 'interrupted')),
    })
    await assert.rejects(shell.execute('SELECT a FROM t', controller.signal), { code: 'CSNI902' })
  })
})

describe('scripts', () => {
  it('tell an error with file, line and column, and stop at it', async () => {
    const session = new FakeSession(picky)
    const { shell } = fakeShell(session)
    const text = '-- head\nSELECT 1;\nSELECT 2; SELECT 3 FORM x;\nSELECT 4;'
    await assert.rejects(
      runScript(shell, [text], script),
      (error: CassSniError) =>
        error.code === 'CSNI605' && error.message.startsWith('x.cql:3:20: syntax error: no viable'),
    )
    assert.equal(session.asked.length, 3)
  })

  it('never tell a password, neither what Cassandra quotes nor the line itself', async () => {
    const secret = "hunt''er2"
    const session = new FakeSession(() => {
      throw statementError(
        0x2000,
        "line 1:48 no viable alternative at input 'AN' (CREATE ROLE app WITH PASSWORD = [hunt'er2] AN)",
        new Error(`hunt'er2`),
      )
    })
    const { shell } = fakeShell(session)
    const error: unknown = await runScript(shell, [`CREATE ROLE app WITH PASSWORD = '${secret}' AN LOGIN = true;`], {
      ...script,
      caret: true,
    }).catch((thrown: unknown) => thrown)
    const shown = inspect(error, { depth: 9 })
    assert.doesNotMatch(shown, /hunt|er2/)
    assert.match(shown, /x\.cql:1:49: syntax error: .*at input 'AN'/)
    assert.match((error as Error).message, / {2}CREATE ROLE app WITH PASSWORD = \*{11} AN LOGIN = true\n {50}\^/)
  })

  it('tell none in a trace or a warning either', async () => {
    const session = new FakeSession((statement) => ({
      columns: columns('activity', 'source', 'source_elapsed'),
      rows: [["Parsing CREATE ROLE app WITH PASSWORD = 'hunter2'", 'x', '1']],
      warnings: statement.includes('ROLE') ? ["do not use 'hunter2'"] : [],
      traceId: '00000000-0000-0000-0000-000000000001',
    }))
    const { shell, notes } = fakeShell(session)
    await shell.execute("CREATE ROLE app WITH PASSWORD = 'hunter2'", signal)
    assert.match(notes(), /Parsing CREATE ROLE app WITH PASSWORD = '\*\*\*'/)
    assert.doesNotMatch(notes(), /hunter2/)
  })

  it('find the position in a later line of a statement, and put a caret under it', async () => {
    const { shell } = fakeShell(new FakeSession(picky))
    const run = runScript(shell, ['SELECT *\n\tFORM x;'], { ...script, caret: true })
    await assert.rejects(
      run,
      (error: CassSniError) =>
        error.message.startsWith('x.cql:2:2: ') && error.message.endsWith('\n  \\tFORM x\n    ^'),
    )
  })

  it('go on after errors when asked to, but not after the connection is lost', async () => {
    const session = new FakeSession((statement) => {
      if (statement === 'LOST') throw new CassSniError('CSNI601', 'gone')
      return picky(statement)
    })
    const { shell } = fakeShell(session)
    const errors: CassSniError[] = []
    const onError = (error: CassSniError): void => void errors.push(error)
    assert.deepEqual(await runScript(shell, ['FORM; SELECT 1; FORM; COPY x\n SELECT 2;'], { ...script, onError }), {
      ok: false,
      exit: false,
    })
    assert.deepEqual(
      errors.map(({ code }) => code),
      ['CSNI605', 'CSNI605', 'CSNI101'],
    )
    await assert.rejects(runScript(shell, ['LOST; SELECT 1;'], { ...script, onError }), { code: 'CSNI601' })
  })

  it('report the end of a statement as a place in it', async () => {
    const session = new FakeSession(() => {
      throw statementError(0x2000, "line 0:-1 mismatched input '<EOF>' expecting K_FROM")
    })
    const { shell } = fakeShell(session)
    await assert.rejects(runScript(shell, ['SELECT\n  a -- b\n;'], { ...script, caret: true }), {
      message: "x.cql:2:4: syntax error: mismatched input '<EOF>' expecting K_FROM\n    a\n     ^",
    })
  })

  it('go on after a statement that timed out', async () => {
    const session = new FakeSession((statement) => {
      if (statement === 'SLOW') throw statementTimeout(1_500, new Error('no answer'))
      return { rows: [], warnings: [] }
    })
    const { shell } = fakeShell(session)
    const errors: string[] = []
    const onError = ({ code, message }: CassSniError): void => void errors.push(`${message} [${code}]`)
    assert.deepEqual(await runScript(shell, ['SLOW; SELECT 1;'], { ...script, onError }), { ok: false, exit: false })
    assert.deepEqual(errors, ['x.cql:1:1: statement timed out after 1.5s; it may still be running [CSNI608]'])
    assert.equal(session.asked.length, 2)
  })

  it('execute a command of the shell in their last line, which has no end', async () => {
    const { shell, written } = fakeShell(new FakeSession())
    await runScript(shell, ['SELECT 1;\nCONSISTENCY QUORUM -- at last'], script)
    assert.match(written(), /set to QUORUM/)
  })

  it('refuse a comment that is never closed, also between statements', async () => {
    const session = new FakeSession()
    const { shell } = fakeShell(session)
    const text = 'SELECT 1;\n  /* SELECT 2;\nSELECT 3;\n'
    await assert.rejects(runScript(shell, [text], script), {
      code: 'CSNI107',
      message: 'x.cql:2:3: unterminated comment',
    })
    await assert.rejects(runScript(shell, ['SELECT 2 /* x'], { ...script, lastMayBeOpen: true }), {
      code: 'CSNI107',
      message: 'x.cql:1:10: unterminated comment; the statement was not executed',
    })
    assert.deepEqual(
      session.asked.map(({ statement }) => statement),
      ['SELECT 1'],
    )
  })

  it('do not execute what may be cut off', async () => {
    const session = new FakeSession()
    const { shell } = fakeShell(session)
    for (const text of ['DELETE FROM t WHERE a = 1', "INSERT 'abc;", 'BEGIN BATCH INSERT 1;', 'SELECT 1 /* ;']) {
      await assert.rejects(runScript(shell, [text], script), { code: 'CSNI107' })
    }
    await assert.rejects(runScript(shell, ["INSERT 'abc;"], { ...script, lastMayBeOpen: true }), { code: 'CSNI107' })
    assert.equal(session.asked.length, 0)
    await runScript(shell, ['SELECT 1'], { ...script, lastMayBeOpen: true })
    assert.equal(session.asked.length, 1)
  })

  it('end at EXIT, and execute files that they SOURCE, not endlessly', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'source-'))
    try {
      const inner = join(folder, 'inner.cql')
      const endless = join(folder, 'endless.cql')
      await writeFile(inner, '\ufeffSELECT 2;\nFORM;\n')
      await writeFile(endless, `SOURCE '${endless}'\n`)
      const session = new FakeSession(picky)
      const { shell } = fakeShell(session)
      assert.deepEqual(await runScript(shell, ['SELECT 1; EXIT\n SELECT 2;'], script), { ok: true, exit: true })
      assert.equal(session.asked.length, 1)
      await assert.rejects(runScript(shell, [`SOURCE '${inner}'`, ';'], script), (error: CassSniError) =>
        error.message.startsWith(`${inner}:2:1: `),
      )
      assert.equal(session.asked[1]?.statement, 'SELECT 2')
      await assert.rejects(runFile(shell, endless, { caret: false, signal }), {
        code: 'CSNI107',
        message: `${endless}:1:1: SOURCE commands are nested more than 16 deep`,
      })
      await assert.rejects(runFile(shell, join(folder, 'none'), { caret: false, signal }), { code: 'CSNI104' })
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('get the settings of the shell from SOURCE, and theirs end with the file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'source-'))
    try {
      const file = join(folder, 'settings.cql')
      const captured = join(folder, 'captured')
      const inside =
        'CONSISTENCY; USE system; SELECT 1; CONSISTENCY TWO; SERIAL CONSISTENCY LOCAL_SERIAL; PAGING 7; TRACING ON; ' +
        `EXPAND ON; ELAPSED ON; CAPTURE '${captured}'; LOGIN app 'secret'; SELECT 2`
      await writeFile(file, `${inside.replaceAll('; ', ';\n')};\n`)
      const first = new FakeSession()
      const opened: { session: FakeSession; keyspace: string | undefined; user: string | undefined }[] = []
      const { shell, written } = fakeShell(
        first,
        {},
        {
          connect: async (keyspace, login) => {
            const session = new FakeSession()
            opened.push({ session, keyspace, user: login?.user })
            return session
          },
        },
      )
      first.inUse = 'shop'
      await shell.execute('CONSISTENCY QUORUM', signal)
      await runScript(shell, [`SOURCE '${file}'`], { ...script, lastMayBeOpen: true })
      assert.match(written(), /QUORUM\.\nCurrent consistency level is QUORUM/)
      assert.deepEqual(
        opened.map(({ session, keyspace, user }) => [keyspace, user, session.closed, session.asked.length]),
        [
          ['shop', undefined, true, 2],
          [undefined, 'app', true, 1],
        ],
      )
      assert.deepEqual([shell.session, shell.user, first.closed, first.asked], [first, 'dse-superuser', false, []])
      const before = written().length
      for (const command of ['CONSISTENCY', 'SERIAL CONSISTENCY', 'PAGING', 'TRACING', 'EXPAND', 'ELAPSED', 'CAPTURE'])
        await shell.execute(command, signal)
      assert.equal(
        written().slice(before),
        'Current consistency level is QUORUM.\nCurrent serial consistency level is SERIAL.\nPAGING is ON\n' +
          'Page size: 2\nTRACING is OFF\nEXPAND is OFF\nELAPSED is OFF\nCurrently not capturing query output.\n',
      )
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('that are sourced write where the shell writes, and leave its session open when they fail', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'source-'))
    try {
      const file = join(folder, 'rows.cql')
      const captured = join(folder, 'captured')
      await writeFile(file, 'EXPAND ON\nSELECT 1;\nCAPTURE OFF\n')
      const session = new FakeSession(() => ({ columns: columns('a'), rows: [['x']], warnings: [] }))
      const { shell } = fakeShell(session)
      await shell.execute(`CAPTURE '${captured}'`, signal)
      await assert.rejects(runScript(shell, [`SOURCE '${file}'`, '\n'], script), /rows\.cql:3:1: not capturing output/)
      await shell.execute('SELECT 2', signal)
      assert.equal(session.closed, false)
      assert.match(await readFile(captured, 'utf8'), /@ Row 1\n[\s\S]*\(1 row\)\n\n a\n-+\n x\n/)
      await shell.close()
      assert.equal(session.closed, true)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('errors of a connection', () => {
  const fake = (name: string, fields: object): Error => Object.assign(new Error('message'), { name, ...fields })

  it('become ours by what they tell', () => {
    assert.equal(connectionError(fake('AuthenticationError', {}), 'x').code, 'CSNI604')
    assert.equal(connectionError(fake('Error', { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }), 'x').code, 'CSNI602')
    assert.equal(connectionError(fake('Error', { code: 'CERT_HAS_EXPIRED' }), 'x').code, 'CSNI602')
    assert.equal(connectionError(fake('Error', { code: 'ECONNRESET' }), 'x').code, 'CSNI603')
    assert.equal(connectionError(fake('Error', { code: 'ECONNREFUSED' }), 'x').code, 'CSNI601')
    assert.equal(connectionError(fake('ResponseError', { code: 0x2200 }), 'x').code, 'CSNI605')
    const closed = fake('DriverError', { innerError: new CassSniError('CSNI606', 'no way') })
    assert.equal(connectionError(closed, 'x').code, 'CSNI606')
  })

  it('of several nodes, the one that tells most is shown', () => {
    const error = connectionError(
      fake('NoHostAvailableError', {
        innerErrors: { a: fake('Error', { code: 'ECONNRESET' }), b: fake('AuthenticationError', {}) },
      }),
      'x',
    )
    assert.equal(error.code, 'CSNI604')
    assert.equal(connectionError(fake('NoHostAvailableError', { innerErrors: {} }), 'x').code, 'CSNI601')
  })

  it('count columns from 1', () => {
    const error = statementError(0x2000, 'line 2:7 missing EOF') as CqlStatementError
    assert.deepEqual([error.position, error.message], [{ line: 2, column: 8 }, 'syntax error: missing EOF'])
    assert.equal((statementError(0x2200, 'Unknown') as CqlStatementError).position, undefined)
  })
})
