import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CassSniError } from '../../../../src/lib/errors.ts'
import { statementError } from '../../../../src/lib/connection/cql-errors.ts'
import type { BoundRow } from '../../../../src/lib/connection/prepared-batch.ts'
import { CanceledStatement } from '../../../../src/lib/shell/canceled-statement.ts'
import { parseCqlshrc } from '../../../../src/lib/shell/cqlshrc.ts'
import { runCopy } from '../../../../src/lib/shell/copy/run-copy.ts'
import { nextTexts } from '../../../support/next-texts.ts'
import { fakeContext, FakeCluster, type FakeTable, responseError } from './fake-cluster.ts'

const TABLE: FakeTable['columns'] = [
  { name: 'id', kind: 'partition_key', position: 0, type: 'int' },
  { name: 'note', type: 'text' },
  { name: 'amount', type: 'double' },
]
const COUNTERS: FakeTable['columns'] = [
  { name: 'hits', type: 'counter' },
  { name: 'id', kind: 'partition_key', position: 0, type: 'int' },
]
const refuse = (code: number) => statementError(code, 'refused', responseError(code))
const idOf = (row: BoundRow, index = 0): number => row[index]?.readInt32BE() ?? Number.NaN
const ids = (rows: BoundRow[], index = 0): number[] => rows.map((row) => idOf(row, index)).toSorted((a, b) => a - b)
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index)
const lines = (count: number): string =>
  numbers(0, count)
    .map((id) => `${id},note ${id},${id}.5\n`)
    .join('')

describe('COPY FROM', () => {
  let folder = ''
  let file = ''
  let errfile = ''
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cass-sni-copy-'))
    file = join(folder, 'rows.csv')
    errfile = join(folder, 'rows.err')
  })
  afterEach(() => rm(folder, { recursive: true }))

  const copy = (options = '', columns = '(id, note, amount)'): string =>
    `COPY ks.t ${columns} FROM '${file}' WITH ERRFILE='${errfile}' ${options}`
  const failure = async (work: Promise<void>): Promise<CassSniError> => {
    const error = await work.then(
      () => undefined,
      (reason: unknown) => reason,
    )
    assert.ok(error instanceof CassSniError, String(error))
    return error
  }

  it('writes every row once, in batches to the nodes that own them', async () => {
    await writeFile(file, `\ufeffid,note,amount\n${lines(1000)}`)
    const cluster = new FakeCluster({ columns: TABLE })
    const { context, answers } = fakeContext(cluster.session())
    await runCopy(copy('AND HEADER=true AND MAXBATCHSIZE=7 AND CHUNKSIZE=100'), context)
    assert.deepEqual(ids(cluster.written), numbers(0, 1000))
    assert.deepEqual(cluster.prepared, ['INSERT INTO ks.t (id, note, amount) VALUES (?, ?, ?)'])
    assert.deepEqual(new Set(cluster.batches.map(({ options }) => options.node)), new Set(['node-a', 'node-b']))
    assert.ok(cluster.batches.every(({ rows }) => rows.length <= 7))
    assert.match(answers(), /^1000 rows imported from 1 file in \d+\.\d{3} s \(0 skipped\)\.\n$/)
  })

  it('without a list has the columns in the order of cqlsh', async () => {
    await writeFile(file, '1,2.5,text\n')
    const cluster = new FakeCluster({ columns: [...TABLE].toSorted((a, b) => (a.name < b.name ? -1 : 1)) })
    await runCopy(copy('', ''), fakeContext(cluster.session()).context)
    assert.deepEqual(cluster.prepared, ['INSERT INTO ks.t (id, amount, note) VALUES (?, ?, ?)'])
  })

  it('skips rows and columns, stops at MAXROWS and sets a TTL', async () => {
    await writeFile(file, lines(10))
    const cluster = new FakeCluster({ columns: TABLE })
    const { context, answers } = fakeContext(cluster.session())
    await runCopy(copy("AND SKIPROWS=2 AND MAXROWS=5 AND SKIPCOLS='note' AND TTL=60"), context)
    assert.deepEqual(ids(cluster.written), [2, 3, 4])
    assert.deepEqual(cluster.prepared, ['INSERT INTO ks.t (id, amount) VALUES (?, ?) USING TTL 60'])
    assert.match(answers(), /^3 rows imported .* \(2 skipped\)/)
  })

  it('adds to counters', async () => {
    await writeFile(file, '1,5\n2,\n')
    const cluster = new FakeCluster({ columns: COUNTERS })
    await runCopy(copy('', '(id, hits)'), fakeContext(cluster.session()).context)
    assert.deepEqual(cluster.prepared, ['UPDATE ks.t SET hits = hits + ? WHERE id = ?'])
    assert.deepEqual(
      cluster.written.map(([hits]) => hits?.readBigInt64BE()),
      [5n, 0n],
    )
    assert.ok(cluster.batches.every(({ options }) => options.counter))
  })

  it('keeps bad rows in the error file as they were, says why, and imports the others', async () => {
    await writeFile(file, '0,a,0\nx,"b, c",1\n2,d\n,e,3\n4,f,4\n')
    const cluster = new FakeCluster({ columns: TABLE })
    const { context, notes, answers } = fakeContext(cluster.session())
    const error = await failure(runCopy(copy(), context))
    assert.deepEqual(ids(cluster.written), [0, 4])
    assert.equal(await readFile(errfile, 'utf8'), 'x,"b, c",1\n2,d\n,e,3\n')
    assert.equal(error.code, 'CSNI609')
    assert.equal(error.message, `3 of 5 rows not imported: see ${errfile}`)
    assert.match(notes(), /row 2 not imported: column id: "x" is not a value of type int\n/)
    assert.match(notes(), /row 3 not imported: 2 fields, expected 3\n/)
    assert.match(notes(), /row 4 not imported: column id: null in the primary key; to import empty texts/)
    assert.match(answers(), /^2 rows imported/)
  })

  it('says so when no row was imported', async () => {
    await writeFile(file, 'x,a,0\ny,b,1\n')
    const error = await failure(runCopy(copy(), fakeContext(new FakeCluster({ columns: TABLE }).session()).context))
    assert.equal(error.message, `none of 2 rows imported: see ${errfile}`)
  })

  it('moves the error file of an earlier import aside', async () => {
    await writeFile(file, lines(1))
    await writeFile(errfile, 'old\n')
    await runCopy(copy(), fakeContext(new FakeCluster({ columns: TABLE }).session()).context)
    const names = (await readdir(folder)).filter((name) => name !== 'rows.csv')
    assert.equal(names.length, 1)
    assert.match(names[0] ?? '', /^rows\.err\.\d{8}_\d{6}$/)
  })

  it('imports an error file', async () => {
    await writeFile(errfile, lines(2))
    const cluster = new FakeCluster({ columns: TABLE })
    await runCopy(
      `COPY ks.t (id, note, amount) FROM '${errfile}' WITH ERRFILE='${errfile}'`,
      fakeContext(cluster.session()).context,
    )
    assert.deepEqual(ids(cluster.written), [0, 1])
  })

  it('takes a refused row out of its batch', async () => {
    await writeFile(file, lines(40))
    const cluster = new FakeCluster({
      columns: TABLE,
      batch: (rows) => {
        if (rows.some((row) => idOf(row) === 13)) throw refuse(0x2200)
      },
    })
    const { context } = fakeContext(cluster.session())
    const error = await failure(runCopy(copy(), context))
    assert.equal(error.message, `1 of 40 rows not imported: see ${errfile}`)
    assert.equal(await readFile(errfile, 'utf8'), '13,note 13,13.5\n')
    assert.deepEqual(
      ids(cluster.written),
      numbers(0, 40).filter((id) => id !== 13),
    )
  })

  it('tries again after a write time-out, and gives up after MAXATTEMPTS', async () => {
    await writeFile(file, lines(2))
    const cluster = new FakeCluster({
      columns: TABLE,
      batch: (rows, _options, attempt) => {
        if (idOf(rows[0] ?? []) === 0 && attempt < 2) throw refuse(0x1100)
        if (idOf(rows[0] ?? []) === 1) throw refuse(0x1100)
      },
    })
    const { context, notes } = fakeContext(cluster.session())
    const error = await failure(runCopy(copy('AND MAXBATCHSIZE=1 AND MAXATTEMPTS=2'), context))
    assert.equal(error.code, 'CSNI609')
    assert.deepEqual(ids(cluster.written), [0])
    assert.equal(await readFile(errfile, 'utf8'), '1,note 1,1.5\n')
    assert.match(notes(), /1 row: write timed out: refused; retrying \(attempt 2 of 2\)/)
  })

  it('adds nothing to a counter twice when it may be there already', async () => {
    await writeFile(file, '1,5\n')
    let attempts = 0
    const cluster = new FakeCluster({
      columns: COUNTERS,
      batch: () => {
        attempts += 1
        throw refuse(0x1100)
      },
    })
    const { context, notes } = fakeContext(cluster.session())
    await failure(runCopy(copy('', '(id, hits)'), context))
    assert.equal(attempts, 1)
    assert.match(notes(), /it may have been counted/)
    assert.equal(await readFile(errfile, 'utf8'), '1,5\n')
  })

  it('stops at MAXPARSEERRORS and MAXINSERTERRORS', async () => {
    await writeFile(file, `${'x,y,z\n'.repeat(5)}${lines(1)}`)
    const parse = await failure(
      runCopy(copy('AND MAXPARSEERRORS=3'), fakeContext(new FakeCluster({ columns: TABLE }).session()).context),
    )
    assert.match(
      parse.message,
      /^more than 3 rows invalid \(MAXPARSEERRORS\): COPY stopped after row 4; 4 rows failed: see .*rows\.err$/,
    )
    assert.match(nextTexts(parse.next).join('\n'), /SKIPROWS=4\n.*correct the file, or raise MAXPARSEERRORS/)
    await writeFile(file, lines(5))
    const batch = (): never => {
      throw refuse(0x2200)
    }
    const insert = await failure(
      runCopy(copy('AND MAXINSERTERRORS=3'), fakeContext(new FakeCluster({ columns: TABLE, batch }).session()).context),
    )
    assert.match(insert.message, /^more than 3 rows rejected \(MAXINSERTERRORS\)/)
  })

  it('stops at the first row too many, and says how many rows were left out', async () => {
    await writeFile(file, '1,a,1\nx,a,1\n2,a,1\ny,a,1\nz,a,1\n3,a,1\nw,a,1\n')
    const cluster = new FakeCluster({ columns: TABLE })
    const { context, notes } = fakeContext(cluster.session())
    const error = await failure(runCopy(copy('AND MAXPARSEERRORS=2'), context))
    assert.equal(
      error.message,
      'more than 2 rows invalid (MAXPARSEERRORS): COPY stopped after row 5; 2 valid rows not imported; ' +
        `3 rows failed: see ${errfile}`,
    )
    assert.deepEqual(nextTexts(error.next), ['correct the file, or raise MAXPARSEERRORS (-1: no limit)'])
    assert.equal(notes().trim().split('\n').length, 3)
  })

  it('that ended before its first row names no row and nothing to resume', async () => {
    for (const [text, message] of [
      ['note,id,amount\na,1,1\n', /: columns in the header are in a different order$/],
      ['id,note,amount\n1,"a,1\n', /: unclosed quote$/],
    ] as const) {
      await writeFile(file, text)
      const { context } = fakeContext(new FakeCluster({ columns: TABLE }).session())
      const error = await failure(runCopy(copy('AND HEADER=true'), context))
      assert.match(error.message, message)
      assert.doesNotMatch(nextTexts(error.next).join(), /SKIPROWS/)
    }
  })

  it('canceled at a terminal, says where it stopped, and not that it goes on', async () => {
    await writeFile(file, lines(50))
    const controller = new AbortController()
    const cluster = new FakeCluster({
      columns: TABLE,
      batch: () => {
        if (cluster.written.length > 10) controller.abort(new CanceledStatement())
      },
    })
    const { context } = fakeContext(cluster.session(), { signal: controller.signal })
    const error = await failure(runCopy(copy('AND CHUNKSIZE=5 AND MAXBATCHSIZE=5'), context))
    assert.match(error.message, /^canceled: COPY stopped after row \d+$/)
    assert.match(nextTexts(error.next).join(), /SKIPROWS=\d+/)
  })

  it('notes what a file of RFC 4180 means by something else, once', async () => {
    await writeFile(file, 'id,note,amount\n1,"say ""hi""",\n2,"a ""b""",\n3,back\\slash,\n')
    const cluster = new FakeCluster({ columns: TABLE })
    const { context, notes } = fakeContext(cluster.session())
    await runCopy(copy('AND HEADER=true'), context)
    assert.equal(
      notes(),
      'doubled quotes ("") kept in 2 fields; 1 escape character (\\) dropped; if the file is RFC 4180 ' +
        "(such as -o csv), import it with ESCAPE = '\"'\n",
    )
    const other = fakeContext(cluster.session())
    cluster.written.length = 0
    await runCopy(copy(`AND HEADER=true AND ESCAPE='"'`), other.context)
    assert.equal(other.notes(), '')
    const notesWritten = cluster.written.map(([, note]) => String(note)).toSorted()
    assert.deepEqual(notesWritten, ['a "b"', 'back\\slash', 'say "hi"'])
  })

  it('suggests the DELIMITER of the first row', async () => {
    for (const [separator, literal] of [
      [';', "';'"],
      ['\t', "'\\t'"],
      ['|', "'|'"],
    ] as const) {
      await writeFile(file, ['id,note,amount', '1,a,1', '2,b,2', ''].join('\n').replaceAll(',', separator))
      const { context, notes } = fakeContext(new FakeCluster({ columns: TABLE }).session())
      const error = await failure(runCopy(copy('AND HEADER=true'), context))
      assert.match(notes(), /row 1 not imported: 1 field, expected 3\n/)
      assert.deepEqual(nextTexts(error.next), [
        `the file seems to be separated by ${literal}: use DELIMITER = ${literal}`,
      ])
    }
    await writeFile(file, 'a\n')
    const error = await failure(runCopy(copy(), fakeContext(new FakeCluster({ columns: TABLE }).session()).context))
    assert.equal(error.message, `no rows imported: see ${errfile}`)
    assert.deepEqual(error.next, [])
  })

  it('notes a header that does not match the columns, and reads by position as cqlsh does', async () => {
    const cluster = new FakeCluster({ columns: TABLE })
    await writeFile(file, 'x,y,z\n1,a,1\n')
    const { context, notes } = fakeContext(cluster.session())
    await runCopy(copy('AND HEADER=true'), context)
    assert.match(
      notes(),
      /rows\.csv: header \(x, y, z\) does not match the columns \(id, note, amount\); fields are read/,
    )
    await writeFile(file, 'ID, Note ,amount\n2,a,1\n')
    const other = fakeContext(cluster.session())
    await runCopy(copy('AND HEADER=true'), other.context)
    assert.equal(other.notes(), '')
    assert.deepEqual(ids(cluster.written), [1, 2])
  })

  it('interrupted, says where to resume, and loses no row', async () => {
    const total = 1000
    await writeFile(file, lines(total))
    const controller = new AbortController()
    const cluster = new FakeCluster({
      columns: TABLE,
      batch: async () => {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 3))
        if (cluster.written.length > 300) controller.abort(new CassSniError('CSNI902', 'interrupted (Ctrl-C)'))
      },
    })
    const { context, answers } = fakeContext(cluster.session(), { signal: controller.signal })
    const error = await failure(runCopy(copy('AND CHUNKSIZE=50 AND MAXBATCHSIZE=5'), context))
    assert.equal(error.code, 'CSNI902')
    assert.match(error.message, /^interrupted \(Ctrl-C\): COPY stopped after row \d+$/)
    assert.match(answers(), /^\d+ rows imported/)
    const resume = /SKIPROWS=(\d+)/.exec(nextTexts(error.next).join(' '))?.[1]
    assert.ok(Number(resume) > 0 && Number(resume) < total, resume)
    await runCopy(copy(`AND SKIPROWS=${resume}`), fakeContext(cluster.session()).context)
    assert.deepEqual([...new Set(ids(cluster.written))], numbers(0, total))
  })

  it('interrupted among counters, keeps what is not confirmed and reads nothing twice', async () => {
    const total = 2000
    await writeFile(
      file,
      numbers(0, total)
        .map((id) => `${id},1\n`)
        .join(''),
    )
    const controller = new AbortController()
    const cluster = new FakeCluster({
      columns: COUNTERS,
      batch: async () => {
        await new Promise((resolve) => setTimeout(resolve, 1))
        if (cluster.written.length > 100) controller.abort(new CassSniError('CSNI902', 'interrupted'))
      },
    })
    const { context } = fakeContext(cluster.session(), { signal: controller.signal })
    const error = await failure(runCopy(copy('AND CHUNKSIZE=50 AND MAXBATCHSIZE=5', '(id, hits)'), context))
    const resume = /SKIPROWS=(\d+)/.exec(nextTexts(error.next).join(' '))?.[1]
    const kept = (await readFile(errfile, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '')
    await runCopy(
      `COPY ks.t (id, hits) FROM '${file}' WITH SKIPROWS=${resume} AND ERRFILE='${errfile}.2'`,
      fakeContext(cluster.session()).context,
    )
    const all = [...ids(cluster.written, 1), ...kept.map((line) => Number(line.split(',')[0]))]
    assert.deepEqual(
      all.toSorted((a, b) => a - b),
      numbers(0, total),
    )
  })

  it('ends when no node answers, and says where to resume', async () => {
    await writeFile(file, lines(100))
    const cluster = new FakeCluster({
      columns: TABLE,
      batch: () => {
        if (cluster.written.length >= 40) throw new CassSniError('CSNI601', 'no connection')
      },
    })
    const error = await failure(
      runCopy(copy('AND MAXATTEMPTS=1 AND MAXBATCHSIZE=10 AND CHUNKSIZE=20'), fakeContext(cluster.session()).context),
    )
    assert.equal(error.code, 'CSNI601')
    const resume = Number(/SKIPROWS=(\d+)/.exec(nextTexts(error.next).join(' '))?.[1])
    const lost = numbers(0, resume).filter((id) => !ids(cluster.written).includes(id))
    assert.deepEqual(lost, [])
  })

  it('refuses at once what it may not write', async () => {
    await writeFile(file, lines(100))
    let attempts = 0
    const batch = (): never => {
      attempts += 1
      throw refuse(0x2100)
    }
    const error = await failure(
      runCopy(copy('AND MAXBATCHSIZE=100'), fakeContext(new FakeCluster({ columns: TABLE, batch }).session()).context),
    )
    assert.equal(error.code, 'CSNI605')
    assert.ok(attempts <= 2, `${attempts} attempts`)
  })

  it('says which nodes cannot be reached', async () => {
    await writeFile(file, lines(3))
    const cluster = new FakeCluster({ columns: TABLE })
    cluster.reachable = ['node-b']
    const { context, notes } = fakeContext(cluster.session())
    await runCopy(copy(), context)
    assert.match(notes(), /^1 node not reachable; other nodes coordinate their rows\n/)
    assert.deepEqual(new Set(cluster.batches.map(({ options }) => options.node)), new Set(['node-b']))
  })

  it('reads stdin, and refuses it where statements come from there', async () => {
    const cluster = new FakeCluster({ columns: TABLE })
    async function* stdin(): AsyncGenerator<string> {
      yield '1,a,1\n2,b'
      yield ',2\n'
    }
    await runCopy('COPY t (id, note, amount) FROM STDIN', fakeContext(cluster.session(), { stdin }).context)
    assert.deepEqual(ids(cluster.written), [1, 2])
    const error = await failure(runCopy('COPY t FROM STDIN', fakeContext(cluster.session()).context))
    assert.equal(error.code, 'CSNI101')
  })

  it('reads several files and globs, each with its header', async () => {
    for (const [name, id] of [
      ['a1.csv', 1],
      ['a2.csv', 2],
      ['b.csv', 3],
    ] as const)
      await writeFile(join(folder, name), `id,note,amount\n${id},x,1\n`)
    const cluster = new FakeCluster({ columns: TABLE })
    const { context, answers } = fakeContext(cluster.session())
    await runCopy(`COPY t (id, note, amount) FROM '${folder}/b.csv, ${folder}/a[0-9].csv' WITH HEADER=true`, context)
    assert.deepEqual(ids(cluster.written), [1, 2, 3])
    assert.match(answers(), /from 3 files/)
    const missing = await failure(runCopy(`COPY t FROM '${folder}/c*.csv'`, context))
    assert.equal(missing.code, 'CSNI104')
  })

  it('refuses a header with the columns in another order', async () => {
    await writeFile(file, 'note,id,amount\na,1,1\n')
    const cluster = new FakeCluster({ columns: TABLE })
    const error = await failure(runCopy(copy('AND HEADER=true'), fakeContext(cluster.session()).context))
    assert.match(error.message, /columns in the header are in a different order/)
    assert.match(nextTexts(error.next).join(), /COPY … \(note, id, amount\) FROM …/)
    assert.deepEqual(cluster.written, [])
  })

  it('hints to quote a name with capitals that does not exist', async () => {
    for (const [columns, statement, message, name] of [
      [[], "COPY Ks.Mixed TO 'x'", 'table ks.mixed not found', 'Ks'],
      [[], "COPY Mixed FROM 'x'", 'table ks.mixed not found', 'Mixed'],
      [TABLE, "COPY t (id, Note, userId) TO 'x'", 'table ks.t has no column "userid"', 'userId'],
    ] as const) {
      const session = new FakeCluster({ columns: [...columns] }).session()
      const error = await failure(runCopy(statement, fakeContext(session).context))
      assert.deepEqual([error.code, error.message], ['CSNI605', message])
      assert.equal(nextTexts(error.next)[0], `quote a name with capital letters: "${name}"`)
    }
  })

  for (const [statement, message] of [
    ['COPY t (note) FROM STDIN', /primary key column "id" is missing or skipped/],
    ["COPY t FROM STDIN WITH SKIPCOLS='x'", /SKIPCOLS: "x" is not a column of the file/],
  ] as const) {
    it(`refuses ${statement}`, async () => {
      const { context } = fakeContext(new FakeCluster({ columns: TABLE }).session())
      const error = await failure(runCopy(statement, context))
      assert.equal(error.code, 'CSNI101')
      assert.match(error.message, message)
    })
  }

  it('takes options from the sections of cqlshrc, the more special first, the statement before all', async () => {
    await writeFile(file, 'id;note;amount\n1;N;2\n')
    const cluster = new FakeCluster({ columns: TABLE })
    const cqlshrc = parseCqlshrc(
      '[copy]\ndelimiter = |\nheader = true\n[copy-from:ks.t]\ndelimiter = ;\nnull = x\n[copy-to]\ndelimiter = #\n',
      'cqlshrc',
    )
    await runCopy(copy("AND NULL='N'"), fakeContext(cluster.session()).context, cqlshrc)
    assert.deepEqual(
      cluster.written.map(([, note]) => note),
      [null],
    )
  })
})
