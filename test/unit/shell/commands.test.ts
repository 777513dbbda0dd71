import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CqlStatementError } from '../../../src/lib/connection/cql-errors.ts'
import { CassSniError, hint } from '../../../src/lib/errors.ts'
import { COMMAND_NAMES, commandName, endsWithLine } from '../../../src/lib/shell/command-words.ts'
import { CQL_ALIASES, CQL_TOPICS } from '../../../src/lib/shell/cql-help.ts'
import { documentSink } from '../../../src/lib/shell/json-results.ts'
import { COMMANDS } from '../../../src/lib/shell/shell-commands.ts'
import { helpOf, helpTopics } from '../../../src/lib/shell/shell-help.ts'
import type { Login } from '../../../src/lib/shell/shell-state.ts'
import { columns, FakeSession, fakeShell } from './fake-session.ts'

const { signal } = new AbortController()
const one = () => ({ columns: columns('a'), rows: [['x']], warnings: [] })

describe('commands of the shell', () => {
  it('answer as those of cqlsh', async () => {
    const { shell, written } = fakeShell(new FakeSession())
    const answers: [string, string][] = [
      ['EXPAND', 'EXPAND is OFF\n'],
      ['EXPAND ON', 'EXPAND set to ON\n'],
      ['expand on', 'EXPAND is already ON\n'],
      ['TRACING OFF', 'TRACING is already OFF\n'],
      ['PAGING', 'PAGING is ON\nPage size: 2\n'],
      ['PAGING 50', 'Page size: 50\n'],
      ['PAGING OFF', 'PAGING set to OFF\n'],
      ['PAGING ON', 'PAGING set to ON\nPage size: 2\n'],
      ['CONSISTENCY', 'Current consistency level is ONE.\n'],
      ['CONSISTENCY /* for writes */ quorum -- all of them', 'Consistency level set to QUORUM.\n'],
      ['SERIAL CONSISTENCY LOCAL_SERIAL // here', 'Serial consistency level set to LOCAL_SERIAL.\n'],
      ['CAPTURE', 'Currently not capturing query output.\n'],
    ]
    let before = 0
    for (const [command, answer] of answers) {
      await shell.execute(command, signal)
      assert.equal(written().slice(before), answer, command)
      before = written().length
    }
  })

  it('show the version of the shell and the protocol that is spoken', async () => {
    const session = new FakeSession(() => ({
      columns: columns('release_version', 'cql_version'),
      rows: [['5.0.6', '3.4.7']],
      warnings: [],
    }))
    const { shell, written } = fakeShell(session)
    await shell.execute('show version', signal)
    assert.equal(written(), '[cqlsh-sni 1.2.3 | Cassandra 5.0.6 | CQL spec 3.4.7 | Native protocol v4]\n')
  })

  it('show the trace of a session, and say when there is none', async () => {
    const id = '0f7c3a60-0000-11f1-8000-0000000000aa'
    const session = new FakeSession((statement) => {
      if (!statement.includes(id)) return { columns: columns('session_id'), rows: [], warnings: [] }
      return statement.includes('events')
        ? {
            columns: columns('activity', 'source', 'source_elapsed'),
            rows: [['Parsing', '10.0.0.1', '5']],
            warnings: [],
          }
        : { columns: columns('x'), rows: [[7]], warnings: [] }
    })
    const { shell, written } = fakeShell(session)
    await shell.execute(`SHOW SESSION ${id.toUpperCase()}`, signal)
    assert.match(written(), /took 7 us[\s\S]*Parsing/)
    await assert.rejects(shell.execute('SHOW SESSION 0f7c3a60-0000-11f1-8000-0000000000ab', signal), {
      code: 'CSNI101',
      message: 'no trace session 0f7c3a60-0000-11f1-8000-0000000000ab',
    })
  })

  it('capture results, and nothing else, into a file that they append to', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'capture-'))
    try {
      const file = join(folder, "it's.txt")
      const literal = `'${file.replaceAll("'", "''")}'`
      const { shell, written } = fakeShell(new FakeSession(one), {
        more: async () => assert.fail('nobody is asked for more while results go to a file'),
      })
      await shell.execute('EXPAND ON', signal)
      await shell.execute(`CAPTURE ${literal}`, signal)
      await shell.execute('SELECT a FROM t', signal)
      await shell.execute('CAPTURE', signal)
      await assert.rejects(shell.execute(`CAPTURE ${literal}`, signal), {
        code: 'CSNI101',
        message: `already capturing output to ${file}`,
      })
      assert.equal(
        written(),
        `EXPAND set to ON\nNow capturing query output to '${file}'.\nCurrently capturing query output to '${file}'.\n`,
      )
      await shell.execute('CAPTURE OFF', signal)
      await shell.execute('SELECT a FROM t', signal)
      assert.match(written(), /@ Row 1[\s\S]*\(1 row\)\n$/)
      await assert.rejects(shell.execute('CAPTURE OFF', signal), { code: 'CSNI101' })
      const first = await readFile(file, 'utf8')
      assert.match(first, /^\n@ Row 1\n-+\+-+\n a \| x\n\n\(1 row\)\n$/)
      await shell.execute(`capture ${literal}`, signal)
      await shell.execute('SELECT a FROM t', signal)
      await shell.close()
      assert.equal(await readFile(file, 'utf8'), first + first)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('capture nothing into a file that cannot be written, nor out of one document', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'capture-'))
    try {
      const { shell } = fakeShell(new FakeSession(one))
      await assert.rejects(shell.execute(`CAPTURE '${folder}'`, signal), {
        code: 'CSNI104',
        message: `cannot write ${folder}: is a directory`,
      })
      await chmod(folder, 0o700)
      await shell.execute(`CAPTURE '/dev/full'`, signal)
      await assert.rejects(shell.execute('SELECT a FROM t', signal), {
        code: 'CSNI104',
        message: 'cannot write /dev/full: no space left on device',
      })
      await shell.close()
      const json = fakeShell(
        new FakeSession(one),
        {},
        { sink: documentSink('json', {}, () => []), fileSink: undefined },
      )
      await assert.rejects(json.shell.execute(`CAPTURE '${join(folder, 'x')}'`, signal), { code: 'CSNI101' })
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('log in as another role in the same keyspace, with the password of the statement or of a prompt', async () => {
    const first = new FakeSession()
    first.inUse = 'shop'
    const logins: { keyspace: string | undefined; login: Login | undefined }[] = []
    const sessions = [first]
    const prompts: string[] = []
    const { shell } = fakeShell(
      first,
      {
        secret: async (prompt) => {
          prompts.push(prompt)
          return 'typed'
        },
      },
      {
        connect: async (keyspace, login) => {
          if (login?.password === 'wrong') throw new CassSniError('CSNI604', 'refused')
          logins.push({ keyspace, login })
          const session = new FakeSession()
          sessions.push(session)
          return session
        },
      },
    )
    await shell.execute("LOGIN app 'it''s'", signal)
    assert.deepEqual([shell.user, shell.session, first.closed], ['app', sessions[1], true])
    await shell.execute('LOGIN "My ""app"""', signal)
    await assert.rejects(shell.execute("LOGIN other 'wrong'", signal), { code: 'CSNI604' })
    assert.deepEqual([shell.user, sessions[2]?.closed], ['My "app"', false], 'a refused login changes nothing')
    assert.deepEqual(logins, [
      { keyspace: 'shop', login: { user: 'app', password: "it's" } },
      { keyspace: undefined, login: { user: 'My "app"', password: 'typed' } },
    ])
    assert.deepEqual(prompts, ['Password for My "app": '])
  })

  it('never show the password of a LOGIN that is not understood', async () => {
    const { shell } = fakeShell(new FakeSession())
    await assert.rejects(shell.execute('LOGIN app hunter2', signal), {
      code: 'CSNI101',
      message: `invalid syntax "LOGIN app '***'"; usage: LOGIN <role> ['<password>']`,
    })
    await assert.rejects(shell.execute('LOGIN app', signal), { code: 'CSNI102' })
  })

  it('hint to quote a role with a hyphen, and a file name', async () => {
    const { shell } = fakeShell(new FakeSession())
    for (const [statement, message, next] of [
      [
        'LOGIN dse-superuser',
        'invalid syntax "LOGIN dse-superuser"; usage: …',
        'quote the role: LOGIN "dse-superuser"',
      ],
      [
        "LOGIN dse-superuser 'hunter2'",
        `invalid syntax "LOGIN dse-superuser '***'"; usage: …`,
        'quote the role: LOGIN "dse-superuser"',
      ],
      ["LOGIN app'hunter2'", `invalid syntax "LOGIN app'***'"; usage: …`, 'HELP LOGIN'],
      ['SOURCE err.cql', 'SOURCE: file name err.cql is not quoted', "write 'err.cql'"],
      ['CAPTURE out.txt', 'CAPTURE: file name out.txt is not quoted', "write 'out.txt'"],
      ["SOURCE ''", 'SOURCE requires a file name: found an empty string', undefined],
      ['CAPTURE $$$$', 'CAPTURE requires a file name: found an empty string', undefined],
    ] as const)
      await assert.rejects(shell.execute(statement, signal), (error: CassSniError) => {
        assert.equal(error.code, 'CSNI101')
        assert.equal(error.message.replace(/usage: .*/, 'usage: …'), message)
        assert.deepEqual(error.next[0], next === undefined ? undefined : hint(next))
        return true
      })
  })

  it('show the history without the command itself, as many lines as were asked for', async () => {
    const { shell, written } = fakeShell(new FakeSession(), {
      history: () => ['SELECT 1;', 'SELECT \u001b2;', 'SELECT 3;', 'HISTORY'],
    })
    await shell.execute('HISTORY 2', signal)
    assert.equal(written(), 'SELECT \\x1b2;\nSELECT 3;\n')
    await shell.execute('history', signal)
    assert.equal(written(), 'SELECT \\x1b2;\nSELECT 3;\n'.repeat(2))
    await assert.rejects(fakeShell(new FakeSession()).shell.execute('HISTORY', signal), /requires a terminal/)
  })

  it('tell how long a statement took', async () => {
    const { shell, written } = fakeShell(new FakeSession(one))
    await shell.execute('ELAPSED ON', signal)
    await shell.execute('SELECT a FROM t', signal)
    assert.match(written(), /\(1 row\)\n\(\d+ms elapsed\)\n$/)
  })

  for (const text of ['DEBUG', 'SHOW REPLICAS 42 shop'])
    it(`refuse ${text} with a hint`, async () => {
      await assert.rejects(
        fakeShell(new FakeSession()).shell.execute(text, signal),
        ({ code, message, next }: CassSniError) =>
          code === 'CSNI101' && message.endsWith('is not supported') && next.length === 1,
      )
    })

  it('propose the consistency level that was meant', async () => {
    for (const [text, level] of [
      ['CONSISTENCY LOCALQUORUM', 'LOCAL_QUORUM'],
      ['CONSISTENCY quorm', 'QUORUM'],
      ['SERIAL CONSISTENCY local', undefined],
    ] as const)
      await assert.rejects(fakeShell(new FakeSession()).shell.execute(text, signal), ({ next }: CassSniError) => {
        const [topic = ''] = text.split(' ')
        const guess = level === undefined ? [] : [hint(`did you mean ${level}?`)]
        assert.deepEqual(next, [...guess, hint(`HELP ${topic}`)])
        return true
      })
  })

  it('end with their line, but for COPY; any other word is CQL', () => {
    for (const name of COMMAND_NAMES) assert.equal(endsWithLine(name.toLowerCase()), name !== 'COPY', name)
    assert.deepEqual(['?', 'cls', 'desc', 'Quit', 'SELECT', 'constructor'].map(commandName), [
      'HELP',
      'CLEAR',
      'DESCRIBE',
      'EXIT',
      undefined,
      undefined,
    ])
  })
})

describe('a statement with a name that does not exist', () => {
  const failing = (message: string) =>
    fakeShell(
      new FakeSession(() => {
        throw new CqlStatementError(message, undefined)
      }),
    ).shell
  for (const [statement, message, next] of [
    ['SELECT * FROM MyTable', 'table shop.mytable does not exist', ['quote a name with capital letters: "MyTable"']],
    [
      'SELECT userId FROM t',
      'Undefined column name userid in table shop.t',
      ['quote a name with capital letters: "userId"'],
    ],
    [
      'DESCRIBE TABLE MyTable',
      "Table 'mytable' not found in keyspace 'shop'",
      ['quote a name with capital letters: "MyTable"'],
    ],
    ['SELECT * FROM "MyTable"', 'table MyTable does not exist', []],
    ['SELECT * FROM missing -- MyTable', 'table shop.missing does not exist', []],
    ['SELECT * FROM TABLE1', 'table shop.table1 does not exist', []],
    ['SELECT * FROM MyTable', 'read timed out', []],
  ] as const)
    it(`${next.length === 0 ? 'has no hint' : 'has a hint'} for ${statement}: ${message}`, async () => {
      await assert.rejects(failing(message).execute(statement, signal), {
        message,
        next: next.map((text) => hint(text)),
      })
    })
})

describe('HELP', () => {
  const text = (topics: string): string => {
    const help = helpOf(topics, COMMANDS)
    return 'text' in help ? help.text : assert.fail(help.unknown)
  }

  it('lists all commands and topics', () => {
    const list = helpTopics(COMMANDS)
    for (const name of COMMAND_NAMES) if (name !== 'DEBUG') assert.ok(list.includes(`  ${name}`), name)
    for (const topic of Object.keys(CQL_TOPICS)) assert.ok(list.includes(topic), topic)
  })

  it('has a text of at most 80 columns for every command, topic and other name', () => {
    for (const topic of [...COMMAND_NAMES, ...Object.keys(CQL_TOPICS), ...Object.keys(CQL_ALIASES)])
      for (const line of text(topic).split('\n')) assert.ok(line.length <= 80, `${topic}: ${line}`)
    for (const line of helpTopics(COMMANDS).split('\n')) assert.ok(line.length <= 80, line)
  })

  it('explains one topic or several, with underscores or blanks, and names one that it has not', () => {
    assert.equal(text('create_table'), text('CREATE  TABLE'))
    assert.equal(text('create columnfamily'), text('CREATE TABLE'))
    assert.equal(text('select insert json update'), [text('SELECT'), text('INSERT JSON'), text('UPDATE')].join('\n'))
    assert.match(text('serial consistency'), /^SERIAL CONSISTENCY \[/)
    assert.match(text('desc'), /^DESCRIBE/)
    assert.deepEqual(helpOf('select nonsense', COMMANDS), { unknown: 'NONSENSE' })
  })

  it('is an error for a topic that is not there', async () => {
    await assert.rejects(fakeShell(new FakeSession()).shell.execute('HELP nonsense', signal), {
      code: 'CSNI101',
      message: 'no help on NONSENSE',
      next: [hint('HELP lists the topics')],
    })
    await assert.rejects(fakeShell(new FakeSession()).shell.execute('HELP consistnecy', signal), {
      next: [hint('did you mean HELP CONSISTENCY?'), hint('HELP lists the topics')],
    })
  })
})
