import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { interpolated, parseIni } from '../../../src/lib/files/ini-file.ts'
import { copySettings, NO_CQLSHRC, parseCqlshrc, readCqlshrc } from '../../../src/lib/shell/cqlshrc.ts'

const { signal } = new AbortController()

function values(text: string): Record<string, Record<string, string>> {
  const ini = parseIni(text, 'rc')
  return Object.fromEntries(
    [...ini].map(([name, section]) => [
      name,
      Object.fromEntries([...section].map(([key, option]) => [key, interpolated(option, section, 'rc')])),
    ]),
  )
}

describe('INI files', () => {
  it('are read as configparser reads them', () => {
    assert.deepEqual(
      values(
        [
          '\ufeff; a comment',
          '[DEFAULT]',
          'home = /h',
          '[one] rest',
          'Key = a # no comment',
          '  # a comment',
          'colon: b=c',
          'empty =',
          'long = first',
          '   second',
          '',
          '   third',
          '',
          'path = %(home)s/x 100%%',
          '[two]',
          'home = /other',
        ].join('\r\n'),
      ),
      {
        one: {
          home: '/h',
          key: 'a # no comment',
          colon: 'b=c',
          empty: '',
          long: 'first\nsecond\n\nthird',
          path: '/h/x 100%',
        },
        two: { home: '/other' },
      },
    )
  })

  for (const [name, text, message] of [
    ['an option without a section', 'a = b', 'rc:1: option outside of a section'],
    ['a line that is neither', '[s]\n\nnonsense', 'rc:3: expected "name = value"'],
    ['a section twice', '[s]\n[t]\n[s]', 'rc:3: duplicate section [s]'],
    ['an option twice', '[s]\na = 1\nA = 2', 'rc:3: duplicate option "a"'],
    ['a single percent sign', '[s]\na = 50%', 'rc:2: "a": "%" must be written "%%"'],
    ['an unknown reference', '[s]\na = %(b)s', 'rc:2: "a": unknown option "b"'],
    ['a reference to itself', '[s]\na = %(a)s', 'rc:2: "a": too many nested references'],
  ] as const)
    it(`refuse ${name}, with file and line`, () => assert.throws(() => values(text), { code: 'CSNI107', message }))
})

describe('a cqlshrc', () => {
  it('becomes one typed value; what is not known is ignored', () => {
    const text = `
[authentication]
username = fred
[ui]
color = off
time_format = %Y-%m-%d %H:%M:%S%z
timezone = Europe/Berlin
float_precision = 3
double_precision = 12
completekey = tab
browser = firefox
[csv]
field_size_limit = 131072
[connection]
hostname = 10.0.0.1
timeout = 7
request_timeout = 0
[tracing]
max_trace_wait = 2.5
[history]
disabled = true
`
    assert.deepEqual(parseCqlshrc(text, 'rc'), {
      file: 'rc',
      ui: {
        color: false,
        timeFormat: '%Y-%m-%d %H:%M:%S%z',
        timezone: 'Europe/Berlin',
        floatPrecision: 3,
        doublePrecision: 12,
        completeKey: 'tab',
      },
      connection: { timeoutMs: 7_000, requestTimeoutMs: 0 },
      tracing: { maxTraceWaitMs: 2_500 },
      history: { disabled: true },
      copy: new Map(),
    })
  })

  for (const [line, message] of [
    ['color = maybe', 'rc:2: invalid value "maybe" of [ui] color: expected on or off'],
    ['float_precision = -1', 'rc:2: invalid value "-1" of [ui] float_precision: expected a whole number'],
    [
      'timezone = Mars/Olympus',
      'rc:2: invalid value "Mars/Olympus" of [ui] timezone: expected the name of a time zone, such as Europe/Berlin',
    ],
  ] as const)
    it(`refuses ${line}, with file and line`, () =>
      assert.throws(() => parseCqlshrc(`[ui]\n${line}`, 'rc'), { code: 'CSNI107', message }))

  it('gives COPY the options of the closest section, raw, with their lines', () => {
    const cqlshrc = parseCqlshrc(
      '[copy]\nnullval = %x\nheader = false\n[copy-from]\nheader = true\n[copy-to]\nheader = no\n' +
        '[copy:ks.t]\nmaxrows = 5\n[copy-from:ks.t]\nmaxrows = 7\n[copying]\na = b',
      'rc',
    )
    const of = (direction: 'from' | 'to', table: string) =>
      copySettings(cqlshrc, direction, { keyspace: 'ks', table }).map(({ name, value, line }) => [name, value, line])
    assert.deepEqual(of('from', 't'), [
      ['NULLVAL', '%x', 2],
      ['HEADER', 'true', 5],
      ['MAXROWS', '7', 11],
    ])
    assert.deepEqual(of('to', 'u'), [
      ['NULLVAL', '%x', 2],
      ['HEADER', 'no', 7],
    ])
  })

  it('is not needed, unless it was named', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cqlshrc-'))
    const { HOME } = process.env
    try {
      process.env['HOME'] = folder
      assert.equal(await readCqlshrc(undefined, signal), NO_CQLSHRC)
      await assert.rejects(readCqlshrc('~/rc', signal), { code: 'CSNI104' })
      await writeFile(join(folder, 'rc'), '[tracing]\nmax_trace_wait = 1')
      assert.deepEqual((await readCqlshrc('~/rc', signal)).tracing, { maxTraceWaitMs: 1_000 })
    } finally {
      if (HOME === undefined) delete process.env['HOME']
      else process.env['HOME'] = HOME
      await rm(folder, { recursive: true })
    }
  })
})
