import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CassSniError } from '../../../../src/lib/errors.ts'
import { statementError } from '../../../../src/lib/connection/cql-errors.ts'
import type { CqlColumn, CqlPage, ExecuteOptions } from '../../../../src/lib/connection/cql-session.ts'
import { CanceledStatement } from '../../../../src/lib/shell/canceled-statement.ts'
import { runCopy } from '../../../../src/lib/shell/copy/run-copy.ts'
import { fakeContext, FakeCluster, type FakeTable, page, responseError } from './fake-cluster.ts'

const TABLE: FakeTable['columns'] = [
  { name: 'id', kind: 'partition_key', position: 0, type: 'int' },
  { name: 'Note', type: 'text' },
]
const COLUMNS: CqlColumn[] = [
  { name: 'id', type: { kind: 'simple', name: 'int' } },
  { name: 'Note', type: { kind: 'simple', name: 'text' } },
]

/** 30 rows in pages of 10 for each of the three ranges of the fake cluster. */
function select(statement: string, { pageState }: ExecuteOptions): CqlPage {
  const first = / > -?(\d)/.exec(statement)?.[1] ?? '9'
  const from = Number(first) * 1000 + Number(pageState ?? 0)
  const rows = Array.from({ length: 10 }, (_, index) => [from + index, `note, ${from + index}`])
  const next = Number(pageState ?? 0) + 10
  return { ...page(rows, COLUMNS), pageState: next < 30 ? String(next) : undefined }
}
const IDS = ['0', '5', '9'].flatMap((first) => Array.from({ length: 30 }, (_, index) => Number(first) * 1000 + index))

describe('COPY TO', () => {
  let folder = ''
  let file = ''
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cass-sni-copy-'))
    file = join(folder, 'rows.csv')
  })
  afterEach(() => rm(folder, { recursive: true }))

  const linesOf = async (name: string): Promise<string[]> =>
    (await readFile(join(folder, name), 'utf8')).trimEnd().split('\n')
  const ids = (lines: string[]): number[] => lines.map((line) => Number.parseInt(line, 10)).toSorted((a, b) => a - b)

  it('writes every row of every range once, under a header', async () => {
    const asked: ExecuteOptions[] = []
    const cluster = new FakeCluster({
      columns: TABLE,
      select: (statement, options) => {
        asked.push(options)
        return select(statement, options)
      },
    })
    const { context, answers } = fakeContext(cluster.session(), { consistency: 'QUORUM' })
    await runCopy(`COPY t TO '${file}' WITH HEADER=true AND PAGESIZE=10 AND PAGETIMEOUT=3`, context)
    const [header, ...rows] = await linesOf('rows.csv')
    assert.equal(header, 'id,Note')
    assert.deepEqual(ids(rows), IDS)
    assert.equal(
      rows.find((row) => row.startsWith('5007')),
      '5007,"note, 5007"',
    )
    assert.match(answers(), /^90 rows exported to 1 file in \d+\.\d{3} s\.\n$/)
    assert.deepEqual(new Set(asked.map(({ node }) => node)), new Set(['node-a', 'node-b']))
    assert.ok(asked.every((options) => options.pageSize === 10 && options.timeoutMs === 3000))
    assert.ok(asked.every((options) => options.consistency === 'QUORUM'))
    assert.deepEqual(await readdir(folder), ['rows.csv'])
  })

  it('selects the columns of the list, between two tokens', async () => {
    const statements: string[] = []
    const cluster = new FakeCluster({
      columns: TABLE,
      select: (statement) => {
        statements.push(statement)
        return page([])
      },
    })
    await runCopy(
      `COPY ks.t ("Note", id) TO '${file}' WITH BEGINTOKEN='-10' AND ENDTOKEN='10'`,
      fakeContext(cluster.session()).context,
    )
    assert.deepEqual(statements, [
      'SELECT "Note", id FROM ks.t WHERE token(id) > -10 AND token(id) <= 0',
      'SELECT "Note", id FROM ks.t WHERE token(id) > 0 AND token(id) <= 10',
    ])
  })

  it('writes to stdout, and only the rows', async () => {
    const cluster = new FakeCluster({ columns: TABLE, select })
    const { context, out, notes, answers } = fakeContext(cluster.session())
    await runCopy('COPY t TO STDOUT', context)
    assert.deepEqual(ids(out().trimEnd().split('\n')), IDS)
    assert.equal(answers(), '')
    assert.match(notes(), /90 rows exported to stdout/)
  })

  it('cuts files at MAXOUTPUTSIZE', async () => {
    const cluster = new FakeCluster({ columns: TABLE, select })
    await runCopy(`COPY t TO '${file}' WITH MAXOUTPUTSIZE=40`, fakeContext(cluster.session()).context)
    const files = (await readdir(folder)).toSorted()
    assert.deepEqual(files, ['rows.csv', 'rows.csv.1', 'rows.csv.2'])
    const all = await Promise.all(files.map(linesOf))
    assert.deepEqual(
      all.map((lines) => lines.length),
      [40, 40, 10],
    )
    assert.deepEqual(ids(all.flat()), IDS)
  })

  it('asks for a page again, and writes it once', async () => {
    let failures = 0
    const cluster = new FakeCluster({
      columns: TABLE,
      select: (statement, options) => {
        if (options.pageState === '10' && failures < 2) {
          failures += 1
          throw statementError(0x1200, 'late', responseError(0x1200))
        }
        return select(statement, options)
      },
    })
    const { context, notes } = fakeContext(cluster.session())
    await runCopy(`COPY t TO '${file}'`, context)
    assert.deepEqual(ids(await linesOf('rows.csv')), IDS)
    assert.match(notes(), /read timed out: late; retrying \(attempt 2 of 5\)/)
  })

  it('that failed leaves a partial file, and says so', async () => {
    const cluster = new FakeCluster({
      columns: TABLE,
      select: (statement, options) => {
        if (options.pageState === '20') throw statementError(0x2200, 'no', responseError(0x2200))
        return select(statement, options)
      },
    })
    const { context } = fakeContext(cluster.session())
    await assert.rejects(runCopy(`COPY t TO '${file}'`, context), (error: CassSniError) => {
      assert.equal(error.code, 'CSNI605')
      assert.match(
        error.message,
        /^no: COPY stopped after \d+ rows, 0 of 3 token ranges; .*rows\.csv\.partial is partial$/,
      )
      return true
    })
    assert.deepEqual(await readdir(folder), ['rows.csv.partial'])
  })

  it('interrupted, leaves a partial file as well', async () => {
    const controller = new AbortController()
    const cluster = new FakeCluster({
      columns: TABLE,
      select: async (statement, options) => {
        if (options.pageState === '20') {
          controller.abort(new CassSniError('CSNI902', 'interrupted (Ctrl-C)'))
          throw controller.signal.reason
        }
        return select(statement, options)
      },
    })
    const { context } = fakeContext(cluster.session(), { signal: controller.signal })
    await assert.rejects(runCopy(`COPY t TO '${file}'`, context), { code: 'CSNI902', message: /is partial$/ })
  })

  it('says which texts read like null', async () => {
    const cluster = new FakeCluster({
      columns: TABLE,
      select: (statement) =>
        page(
          statement.includes('> 0')
            ? [
                [1, ''],
                [2, null],
              ]
            : [],
          COLUMNS,
        ),
    })
    const { context, out, notes } = fakeContext(cluster.session())
    await runCopy('COPY t TO STDOUT', context)
    assert.equal(out(), '1,\n2,\n')
    assert.match(notes(), /^1 empty text written like null; use NULL = '<text>' to distinguish them\n/)
    const other = fakeContext(cluster.session())
    await runCopy("COPY t TO STDOUT WITH NULL='N'", other.context)
    assert.equal(other.out(), '1,\n2,N\n')
    assert.doesNotMatch(other.notes(), /like null/)
  })

  it('refuses a file that cannot be written, before it reads', async () => {
    const cluster = new FakeCluster({ columns: TABLE, select: () => assert.fail('reads') })
    for (const [name, reason] of [
      [`${folder}/none/rows.csv`, 'no such file or directory'],
      [folder, 'is a directory'],
    ])
      await assert.rejects(runCopy(`COPY t TO '${name}'`, fakeContext(cluster.session()).context), {
        code: 'CSNI104',
        message: `cannot write ${name}: ${reason}`,
      })
  })

  it('refuses STDOUT before it reads, when results are one document', async () => {
    const session = new FakeCluster({ columns: [] }).session()
    session.execute = () => assert.fail('reads')
    await assert.rejects(runCopy('COPY t TO STDOUT', fakeContext(session, { write: undefined }).context), {
      code: 'CSNI101',
      message: /^COPY TO STDOUT requires output as a table or CSV/,
    })
  })

  it('whose output fails ends all reads, without further attempts', async () => {
    const slow: (() => void)[] = []
    const cluster = new FakeCluster({
      columns: TABLE,
      select: (statement, options) =>
        statement.includes('> 0')
          ? select(statement, options)
          : new Promise((_, reject) => {
              slow.push(() => reject(options.signal?.reason))
              options.signal?.addEventListener('abort', () => reject(options.signal?.reason))
            }),
    })
    const write = async (): Promise<void> => {
      throw new CassSniError('CSNI104', 'cannot write: no space left on device')
    }
    const { context, notes } = fakeContext(cluster.session(), { write })
    await assert.rejects(runCopy('COPY t TO STDOUT', context), {
      code: 'CSNI104',
      message:
        'cannot write: no space left on device: COPY stopped after 0 rows, 0 of 3 token ranges; stdout is partial',
    })
    assert.equal(slow.length, 2)
    assert.equal(notes(), '')
  })

  it('calls a file complete that only cannot get its name', async () => {
    const cluster = new FakeCluster({
      columns: TABLE,
      select: async (statement, options) => {
        // not there when the export began
        await mkdir(join(file, 'full'), { recursive: true })
        return select(statement, options)
      },
    })
    await assert.rejects(
      runCopy(`COPY t TO '${file}'`, fakeContext(cluster.session()).context),
      (error: CassSniError) => {
        assert.equal(error.code, 'CSNI104')
        assert.match(error.message, /^cannot rename .*\.partial, which is complete, to .*rows\.csv: is a directory/)
        assert.doesNotMatch(error.message, /is partial/)
        return true
      },
    )
    assert.deepEqual(ids(await linesOf('rows.csv.partial')), IDS)
  })

  it('canceled before the first row, says that there is no file', async () => {
    const controller = new AbortController()
    const session = new FakeCluster({ columns: TABLE }).session()
    session.execute = async () => {
      controller.abort(new CanceledStatement())
      throw controller.signal.reason
    }
    const { context } = fakeContext(session, { signal: controller.signal })
    for (const [statement, message] of [
      [`COPY t TO '${file}'`, 'canceled: no rows exported, no file written'],
      ['COPY t TO STDOUT', 'canceled: no rows exported'],
      [`COPY t FROM '${file}'`, 'canceled: no rows imported'],
    ] as const)
      await assert.rejects(runCopy(statement, context), { code: 'CSNI902', message })
    assert.deepEqual(await readdir(folder), [])
  })
})
