import assert from 'node:assert/strict'
import { dateTimeFormat } from '../../../../src/lib/shell/copy/date-time-format.ts'

const DEFAULT = '%Y-%m-%d %H:%M:%S.%f%z'
const MOMENT = BigInt(Date.UTC(2024, 1, 29, 13, 5, 9, 70))

describe('timestamps of COPY', () => {
  it("are written as Python's strftime does, with milliseconds behind a point", () => {
    for (const [format, text] of [
      [DEFAULT, '2024-02-29 13:05:09.070+0000'],
      ['%d/%m/%y %I:%M %p', '29/02/24 01:05 PM'],
      ['%a %A %b %B %j %Z %%', 'Thu Thursday Feb February 060 UTC %'],
      ['%H%M%S%f', '130509070000'],
    ] as const)
      assert.equal(dateTimeFormat(format).format(MOMENT), text)
  })

  it('are read in the format', () => {
    for (const format of [DEFAULT, '%d.%m.%Y %H:%M:%S.%f', '%Y%j %H:%M:%S.%f', '%B %d, %y %I:%M:%S.%f %p']) {
      const { format: write, parse } = dateTimeFormat(format)
      assert.equal(parse(write(MOMENT)), MOMENT, format)
    }
    assert.equal(
      dateTimeFormat('%Y-%m-%d %H:%M %z').parse('2024-02-29 13:05 +0130'),
      BigInt(Date.UTC(2024, 1, 29, 11, 35)),
    )
  })

  it('are read in the forms of CQL, whatever the format', () => {
    const { parse } = dateTimeFormat(DEFAULT)
    const day = BigInt(Date.UTC(2024, 1, 29))
    const noon = day + 12n * 3_600_000n
    for (const [text, ms] of [
      ['2024-02-29', day],
      ['2024-02-29 12:00', noon],
      ['2024-02-29 12:00:00', noon],
      ['2024-02-29T12:00:00Z', noon],
      ['2024-02-29T12:00:00.123456789Z', noon + 123n],
      ['2024-02-29 12:00:00+0100', noon - 3_600_000n],
      ['2024-02-29 12:00:00.5-02:00', noon + 7_200_500n],
      ['1709208000000', noon],
      ['-1', -1n],
    ] as const)
      assert.equal(parse(text), ms, text)
  })

  it('are refused when there is no such time', () => {
    const { parse } = dateTimeFormat(DEFAULT)
    for (const text of [
      '2023-02-29',
      '2024-13-01',
      '2024-01-01 24:00',
      '2024-01-01 12:00 and more',
      'today',
      '',
      '9'.repeat(19),
    ])
      assert.throws(() => parse(text), RangeError, text)
  })

  it('beyond years of four digits are milliseconds, as cqlsh has them', () => {
    const { format, parse } = dateTimeFormat(DEFAULT)
    for (const ms of [BigInt(Date.UTC(10_000, 0)), -(2n ** 63n), 2n ** 63n - 1n]) {
      assert.equal(format(ms), String(ms))
      assert.equal(parse(format(ms)), ms)
    }
    assert.equal(format(BigInt(Date.UTC(9_999, 11, 31))), '9999-12-31 00:00:00.000+0000')
    assert.equal(format(BigInt(new Date('0001-01-01T00:00:00Z').getTime())), '0001-01-01 00:00:00.000+0000')
  })
})
