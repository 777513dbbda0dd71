/**
 * Options of COPY: names, defaults and meanings as in apache/cassandra pylib/cqlshlib/copyutil.py
 * (CopyTask.parse_options), except where a default there loses data.
 */
import { CassSniError, hint } from '../../errors.ts'
import { closest } from '../../text/closest-word.ts'
import type { CopyDirection } from './copy-statement.ts'
import { dateTimeFormat, type DateTimeFormat } from './date-time-format.ts'

/** How fields are separated and quoted, as Python's csv.Dialect has it. */
export interface CsvDialect {
  delimiter: string
  quote: string
  /** Same as `quote`: a quote is doubled inside a quoted field. */
  escape: string
}

/** How values are written. */
export interface ValueStyle {
  nullText: string
  timestamp: DateTimeFormat
  decimalSeparator: string
  thousandsSeparator: string
  true: string
  false: string
  /** Significant digits; undefined: as many as it takes to read the same number back. */
  floatPrecision?: number | undefined
  doublePrecision?: number | undefined
}

export interface CopyOptions {
  csv: CsvDialect
  style: ValueStyle
  header: boolean
  /** Attempts at one batch, or one page. */
  maxAttempts: number
  /** Seconds between two lines of progress; undefined: not set. */
  reportFrequency?: number | undefined
  /** Rows read before batches that are not full are sent. */
  chunkSize: number
  /** Rows per second. */
  ingestRate: number
  minBatchSize: number
  maxBatchSize: number
  /** Undefined: no limit. */
  maxRows?: number | undefined
  skipRows: number
  skipColumns: string[]
  maxParseErrors?: number | undefined
  maxInsertErrors?: number | undefined
  /** Undefined: import_<keyspace>_<table>.err. */
  errFile?: string | undefined
  /** Seconds. */
  ttl?: number | undefined
  pageSize: number
  /** Milliseconds. */
  pageTimeout: number
  /** Token ranges read at the same time. */
  maxRequests: number
  beginToken?: bigint | undefined
  endToken?: bigint | undefined
  /** Rows per file; undefined: all in one file. */
  maxOutputSize?: number | undefined
  /** Options that were set and have no effect, one per line. */
  notes: string[]
}

/** Defaults of the session, below those of every section and statement. */
export interface CopyDefaults {
  /** strftime(3) format of timestamps. */
  timestampFormat?: string | undefined
}

/** cqlsh's DEFAULT_TIMESTAMP_FORMAT. */
const TIMESTAMP_FORMAT = '%Y-%m-%d %H:%M:%S.%f%z'

const COMMON = [
  'boolstyle',
  'configfile',
  'datetimeformat',
  'decimalsep',
  'delimiter',
  'encoding',
  'escape',
  'header',
  'maxattempts',
  'null',
  'numprocesses',
  'quote',
  'ratefile',
  'reportfrequency',
  'thousandssep',
]
const ONLY: Record<CopyDirection, string[]> = {
  from: [
    'chunksize',
    'errfile',
    'ingestrate',
    'maxbatchsize',
    'maxinserterrors',
    'maxparseerrors',
    'maxrows',
    'minbatchsize',
    'preparedstatements',
    'skipcols',
    'skiprows',
    'ttl',
  ],
  to: [
    'begintoken',
    'doubleprecision',
    'endtoken',
    'floatprecision',
    'maxoutputsize',
    'maxrequests',
    'pagesize',
    'pagetimeout',
  ],
}
/** Settings of cqlsh's own processes, which its documentation does not list. */
const INTERNAL = ['childtimeout', 'maxbackoffattempts', 'maxinflightmessages', 'maxpendingchunks', 'requesttimeout']

/** Names of the options for one direction, in upper case: for completion and help. */
export function copyOptionNames(direction: CopyDirection): string[] {
  return [...COMMON, ...ONLY[direction]].map((name) => name.toUpperCase()).toSorted()
}

const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  numprocesses: 'COPY runs in one process',
  ratefile: 'progress is written to stderr',
  preparedstatements: 'statements are always prepared',
}

/**
 * Options from their texts by name. Throws CSNI101 for an unknown option or an invalid value.
 * @param given the sections of cqlshrc and the options of the statement, merged
 */
export function copyOptions(
  direction: CopyDirection,
  given: ReadonlyMap<string, string>,
  defaults: CopyDefaults = {},
): CopyOptions {
  refuseUnknown(direction, given)
  const text = (name: string, otherwise = ''): string => given.get(name) ?? otherwise
  const whole = (name: string, otherwise: number, least = 1): number =>
    given.has(name) ? Number(wholeNumber(name, text(name), least)) : otherwise
  /** -1 turns the limit off, as in cqlsh. */
  const limit = (name: string, otherwise?: number): number | undefined => {
    if (!given.has(name)) return otherwise
    const value = Number(wholeNumber(name, text(name), -1))
    return value === -1 ? undefined : value
  }
  const precision = (name: string): number | undefined =>
    given.has(name) ? Number(wholeNumber(name, text(name), 1, 50)) : undefined
  const encoding = text('encoding', 'utf8')
  if (!/^utf-?8(-sig)?$/i.test(encoding))
    throw new CassSniError('CSNI101', `ENCODING ${encoding} is not supported: files are UTF-8`, {
      next: [hint('convert the file first, for example with iconv -t UTF-8')],
    })
  const pageSize = whole('pagesize', 1_000)
  const csv = dialect(text)
  const options: CopyOptions = {
    csv,
    style: valueStyle(text, defaults, precision),
    header: truth('header', text('header', 'false')),
    maxAttempts: whole('maxattempts', 5),
    reportFrequency: given.has('reportfrequency') ? seconds('reportfrequency', text('reportfrequency')) : undefined,
    chunkSize: whole('chunksize', 5_000),
    ingestRate: whole('ingestrate', 100_000),
    minBatchSize: whole('minbatchsize', 10),
    maxBatchSize: whole('maxbatchsize', 20, 1),
    maxRows: limit('maxrows'),
    skipRows: whole('skiprows', 0, 0),
    skipColumns: text('skipcols')
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
    maxParseErrors: limit('maxparseerrors'),
    maxInsertErrors: limit('maxinserterrors', 1_000),
    errFile: given.get('errfile') || undefined,
    ttl: limit('ttl'),
    pageSize,
    pageTimeout: 1_000 * whole('pagetimeout', Math.max(10, Math.ceil(pageSize / 100))),
    maxRequests: whole('maxrequests', 6),
    beginToken: token('begintoken', text('begintoken')),
    endToken: token('endtoken', text('endtoken')),
    maxOutputSize: limit('maxoutputsize'),
    notes: [...given.keys()].flatMap((name) => withoutEffect(direction, name, text(name))),
  }
  if (options.beginToken !== undefined && options.endToken !== undefined && options.beginToken > options.endToken)
    throw new CassSniError('CSNI101', `BEGINTOKEN ${options.beginToken} is greater than ENDTOKEN ${options.endToken}`)
  return options
}

function refuseUnknown(direction: CopyDirection, given: ReadonlyMap<string, string>): void {
  const accepted = [...COMMON, ...ONLY.from, ...ONLY.to, ...INTERNAL]
  const unknown = [...given.keys()].filter((name) => !accepted.includes(name)).map((name) => name.toUpperCase())
  if (unknown.length === 0) return
  const known = copyOptionNames(direction)
  const guesses = unknown.flatMap((name) => closest(name, known) ?? [])
  const options = unknown.length === 1 ? 'option' : 'options'
  throw new CassSniError('CSNI101', `unknown COPY ${direction.toUpperCase()} ${options}: ${unknown.join(', ')}`, {
    next: [...guesses.map((guess) => hint(`did you mean ${guess}?`)), hint('HELP COPY lists the options')],
  })
}

function withoutEffect(direction: CopyDirection, name: string, value: string): string[] {
  const other = direction === 'from' ? 'to' : 'from'
  const upper = name.toUpperCase()
  if (ONLY[other].includes(name)) return [`${upper} has no effect in COPY ${direction.toUpperCase()}`]
  if (INTERNAL.includes(name)) return [`${upper} has no effect here`]
  const reason = WITHOUT_EFFECT[name]
  if (reason === undefined || (name === 'preparedstatements' && truth(name, value))) return []
  return [`${upper} has no effect: ${reason}`]
}

function dialect(text: (name: string, otherwise?: string) => string): CsvDialect {
  const csv = {
    delimiter: character('delimiter', text('delimiter', ',')),
    quote: character('quote', text('quote', '"')),
    escape: character('escape', text('escape', '\\')),
  }
  for (const name of ['quote', 'escape'] as const)
    if (csv[name] === csv.delimiter)
      throw new CassSniError('CSNI101', `DELIMITER and ${name.toUpperCase()} are the same character`)
  return csv
}

function valueStyle(
  text: (name: string, otherwise?: string) => string,
  { timestampFormat = TIMESTAMP_FORMAT }: CopyDefaults,
  precision: (name: string) => number | undefined,
): ValueStyle {
  const [yes = '', no = '', ...more] = text('boolstyle', 'True, False')
    .split(',')
    .map((word) => word.trim())
  if (yes === '' || no === '' || more.length > 0 || yes.toLowerCase() === no.toLowerCase())
    throw new CassSniError('CSNI101', `invalid BOOLSTYLE "${text('boolstyle')}": expected two words, "yes, no"`)
  const decimalSeparator = text('decimalsep', '.')
  const thousandsSeparator = text('thousandssep')
  if (decimalSeparator === thousandsSeparator)
    throw new CassSniError('CSNI101', 'DECIMALSEP and THOUSANDSSEP are the same')
  return {
    nullText: text('null'),
    timestamp: dateTimeFormat(text('datetimeformat', timestampFormat)),
    decimalSeparator: decimalSeparator || '.',
    thousandsSeparator,
    true: yes,
    false: no,
    floatPrecision: precision('floatprecision'),
    doublePrecision: precision('doubleprecision'),
  }
}

function invalidValue(name: string, value: string, expected: string): CassSniError {
  return new CassSniError('CSNI101', `invalid value "${value}" for ${name.toUpperCase()}: expected ${expected}`)
}

/** One character; "\t" written out is a tab. */
function character(name: string, value: string): string {
  const one = value === '\\t' ? '\t' : value
  if (one.length !== 1 || one === '\n' || one === '\r') throw invalidValue(name, value, 'one character')
  return one
}

function wholeNumber(name: string, value: string, least: number, most = Number.MAX_SAFE_INTEGER): string {
  if (!/^[-+]?\d+$/.test(value) || Number(value) < least || Number(value) > most)
    throw invalidValue(name, value, `a whole number of ${least} or more`)
  return value
}

function seconds(name: string, value: string): number {
  if (!/^\d*\.?\d+$/.test(value)) throw invalidValue(name, value, 'seconds')
  return Number(value)
}

function truth(name: string, value: string): boolean {
  const lower = value.toLowerCase()
  if (lower !== 'true' && lower !== 'false') throw invalidValue(name, value, 'true or false')
  return lower === 'true'
}

function token(name: string, value: string): bigint | undefined {
  if (value === '') return undefined
  if (!/^[-+]?\d{1,19}$/.test(value) || BigInt.asIntN(64, BigInt(value)) !== BigInt(value))
    throw invalidValue(name, value, 'a token of Murmur3Partitioner')
  return BigInt(value)
}
