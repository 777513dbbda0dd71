import assert from 'node:assert/strict'
import { hint } from '../../../../src/lib/errors.ts'
import { parseCopyStatement } from '../../../../src/lib/shell/copy/copy-statement.ts'

describe('COPY statement', () => {
  it('has a table, columns, a file and options', () => {
    const text = `COPY shop."Orders" (id, "Total") FROM 'a.csv, b/*.csv' WITH HEADER = true AND DELIMITER='|' and null = 'it''s' AND MAXROWS=-1;`
    assert.deepEqual(parseCopyStatement(text), {
      text,
      direction: 'from',
      keyspace: 'shop',
      table: 'Orders',
      columns: ['id', 'Total'],
      files: 'a.csv, b/*.csv',
      options: new Map([
        ['header', 'true'],
        ['delimiter', '|'],
        ['null', "it's"],
        ['maxrows', '-1'],
      ]),
    })
  })

  it('reads names without quotes in lower case, and keywords as names', () => {
    const { keyspace, table, direction, files, columns } = parseCopyStatement('copy To.FROM to stdout')
    assert.deepEqual([keyspace, table, direction, files, columns], ['to', 'from', 'to', undefined, undefined])
  })

  it('keeps an unquoted value as it is written', () => {
    const { options } = parseCopyStatement("COPY t TO 'f' WITH HEADER=True AND REPORTFREQUENCY=0.5 AND DELIMITER=$$,$$")
    assert.deepEqual([...options.values()], ['True', '0.5', ','])
  })

  for (const [text, near] of [
    ["COPY FROM 'f'", "'f'"],
    ['COPY t', 'end of statement'],
    ['COPY t FROM STDOUT', 'STDOUT'],
    ["COPY t (a, ) FROM 'f'", ')'],
    ["COPY t FROM 'f' WITH", 'end of statement'],
    ["COPY t FROM 'f' WITH HEADER", 'end of statement'],
    ["COPY t FROM 'f' HEADER=true", 'HEADER'],
    ["COPY t FROM 'f", "'f"],
    ["COPY t FROM 'f' WITH HEADER=true, NULL='x'", ','],
  ] as const) {
    it(`refuses ${text}`, () => {
      assert.throws(() => parseCopyStatement(text), {
        code: 'CSNI101',
        message: `invalid COPY statement near "${near}"`,
      })
    })
  }

  for (const [text, name] of [
    ['COPY t FROM rows.csv WITH HEADER=true', 'rows.csv'],
    ['COPY t FROM /tmp/rows.csv;', '/tmp/rows.csv'],
    ['COPY t TO ~/rows.csv', '~/rows.csv'],
  ] as const)
    it(`names the file in ${text}, which is not quoted`, () => {
      assert.throws(() => parseCopyStatement(text), {
        code: 'CSNI101',
        message: `COPY: file name ${name} is not quoted`,
        next: [hint(`write '${name}'`)],
      })
    })

  it('refuses an option that is set twice', () => {
    assert.throws(() => parseCopyStatement("COPY t FROM 'f' WITH TTL=1 AND ttl=2"), /option TTL is set twice/)
  })
})
