import assert from 'node:assert/strict'
import { hint } from '../../../../src/lib/errors.ts'
import { copyOptionNames, copyOptions } from '../../../../src/lib/shell/copy/copy-options.ts'

const from = (given: Record<string, string> = {}) => copyOptions('from', new Map(Object.entries(given)))
const to = (given: Record<string, string> = {}) => copyOptions('to', new Map(Object.entries(given)))

describe('COPY options', () => {
  it('have the defaults of cqlsh', () => {
    const { csv, header, maxAttempts, chunkSize, maxBatchSize, minBatchSize, ingestRate, maxInsertErrors } = from()
    assert.deepEqual(csv, { delimiter: ',', quote: '"', escape: '\\' })
    assert.deepEqual(
      [header, maxAttempts, chunkSize, maxBatchSize, minBatchSize, ingestRate, maxInsertErrors],
      [false, 5, 5000, 20, 10, 100_000, 1000],
    )
    const { pageSize, pageTimeout, maxRequests, style } = to()
    assert.deepEqual([pageSize, pageTimeout, maxRequests], [1000, 10_000, 6])
    assert.deepEqual([style.true, style.false, style.nullText], ['True', 'False', ''])
    assert.equal(to({ pagesize: '3000' }).pageTimeout, 30_000)
  })

  it('-1 is no limit', () => {
    const { maxRows, maxInsertErrors, ttl } = from({ maxrows: '-1', maxinserterrors: '-1', ttl: '-1' })
    assert.deepEqual([maxRows, maxInsertErrors, ttl], [undefined, undefined, undefined])
  })

  it('take a tab that is written out', () => {
    assert.equal(from({ delimiter: '\\t' }).csv.delimiter, '\t')
  })

  it('cut lists', () => {
    assert.deepEqual(from({ skipcols: ' a, b ,' }).skipColumns, ['a', 'b'])
    const { style } = from({ boolstyle: 'yes , no' })
    assert.deepEqual([style.true, style.false], ['yes', 'no'])
  })

  it('name what has no effect', () => {
    assert.deepEqual(from({ numprocesses: '4', preparedstatements: 'false', pagesize: '5' }).notes, [
      'NUMPROCESSES has no effect: COPY runs in one process',
      'PREPAREDSTATEMENTS has no effect: statements are always prepared',
      'PAGESIZE has no effect in COPY FROM',
    ])
    assert.deepEqual(from({ preparedstatements: 'True' }).notes, [])
  })

  it('propose the option that was meant', () => {
    assert.throws(() => from({ heder: 'true' }), {
      next: [hint('did you mean HEADER?'), hint('HELP COPY lists the options')],
    })
    assert.throws(() => from({ colour: 'red' }), { next: [hint('HELP COPY lists the options')] })
  })

  for (const [name, value, message] of [
    ['header', 'yes', 'invalid value "yes" for HEADER: expected true or false'],
    ['delimiter', '||', 'invalid value "||" for DELIMITER: expected one character'],
    ['maxbatchsize', '0', 'invalid value "0" for MAXBATCHSIZE: expected a whole number of 1 or more'],
    ['skiprows', '1.5', 'invalid value "1.5" for SKIPROWS: expected a whole number of 0 or more'],
    ['boolstyle', 'yes', 'invalid BOOLSTYLE "yes": expected two words, "yes, no"'],
    ['boolstyle', 'x,X', 'invalid BOOLSTYLE "x,X": expected two words, "yes, no"'],
    ['encoding', 'latin1', 'ENCODING latin1 is not supported: files are UTF-8'],
    [
      'begintoken',
      '9223372036854775808',
      'invalid value "9223372036854775808" for BEGINTOKEN: expected a token of Murmur3Partitioner',
    ],
    ['quote', ',', 'DELIMITER and QUOTE are the same character'],
    ['datetimeformat', '%Q', 'directive "%Q" of the timestamp format "%Q" is not supported'],
    ['heder', 'true', 'unknown COPY FROM option: HEDER'],
  ] as const) {
    it(`refuse ${name}=${value}`, () => {
      assert.throws(() => from({ [name]: value }), { code: 'CSNI101', message })
    })
  }

  it('are listed for each direction', () => {
    assert.ok(copyOptionNames('from').includes('ERRFILE'))
    assert.ok(!copyOptionNames('to').includes('ERRFILE'))
    assert.ok(copyOptionNames('to').includes('BEGINTOKEN'))
  })
})
