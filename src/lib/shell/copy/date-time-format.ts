/**
 * Timestamps by a format of strftime(3), written and read in UTC as COPY of cqlsh writes them. What is neither in the
 * format nor in a form of CQL is a number of milliseconds since the epoch.
 */
import { CassSniError, hint } from '../../errors.ts'

export interface DateTimeFormat {
  /** @param ms milliseconds since the epoch */
  format(ms: bigint): string
  /** Milliseconds since the epoch. Throws RangeError for a text that is not a date and time. */
  parse(text: string): bigint
}

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

const two = (value: number): string => String(value).padStart(2, '0')
const short = (names: string[]): string[] => names.map((name) => name.slice(0, 3))
const alternatives = (names: string[]): string => `(${names.join('|')})`

/** Fields of a time that is being read. */
interface Fields {
  year: number
  month: number
  day: number
  dayOfYear?: number | undefined
  hour: number
  afternoon?: boolean | undefined
  minute: number
  second: number
  ms: number
  /** Minutes east of UTC. */
  offset: number
}

interface Directive {
  write(date: Date): string
  pattern: string
  read(fields: Fields, text: string): void
}

const numeric = (
  write: (date: Date) => string,
  pattern: string,
  set: (fields: Fields, value: number) => void,
): Directive => ({ write, pattern, read: (fields, text) => set(fields, Number(text)) })
const named = (names: string[], index: (date: Date) => number, set: (fields: Fields, index: number) => void) => ({
  write: (date: Date) => names[index(date)] ?? '',
  pattern: alternatives(names),
  read: (fields: Fields, text: string) =>
    set(
      fields,
      names.findIndex((name) => name.toLowerCase() === text.toLowerCase()),
    ),
})
const ignore = (): void => undefined
const setMonth = (fields: Fields, index: number): void => {
  fields.month = index + 1
}
const weekday = (date: Date): number => date.getUTCDay()
const monthIndex = (date: Date): number => date.getUTCMonth()

const DIRECTIVES: Readonly<Record<string, Directive>> = {
  a: named(short(DAYS), weekday, ignore),
  A: named(DAYS, weekday, ignore),
  b: named(short(MONTHS), monthIndex, setMonth),
  B: named(MONTHS, monthIndex, setMonth),
  d: numeric(
    (date) => two(date.getUTCDate()),
    '(\\d{1,2})',
    (fields, value) => {
      fields.day = value
    },
  ),
  f: {
    write: (date) => `${String(date.getUTCMilliseconds()).padStart(3, '0')}000`,
    pattern: '(\\d{1,6})',
    read: (fields, text) => {
      fields.ms = Number(text.padEnd(3, '0').slice(0, 3))
    },
  },
  H: numeric(
    (date) => two(date.getUTCHours()),
    '(\\d{1,2})',
    (fields, value) => {
      fields.hour = value
    },
  ),
  I: numeric(
    (date) => two(date.getUTCHours() % 12 || 12),
    '(\\d{1,2})',
    (fields, value) => {
      fields.hour = value
      fields.afternoon ??= false
    },
  ),
  j: numeric(
    (date) => String(Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0)) / DAY_MS) + 1).padStart(3, '0'),
    '(\\d{1,3})',
    (fields, value) => {
      fields.dayOfYear = value
    },
  ),
  m: numeric(
    (date) => two(date.getUTCMonth() + 1),
    '(\\d{1,2})',
    (fields, value) => {
      fields.month = value
    },
  ),
  M: numeric(
    (date) => two(date.getUTCMinutes()),
    '(\\d{1,2})',
    (fields, value) => {
      fields.minute = value
    },
  ),
  p: {
    write: (date) => (date.getUTCHours() < 12 ? 'AM' : 'PM'),
    pattern: '([AP]M)',
    read: (fields, text) => {
      fields.afternoon = text.toUpperCase() === 'PM'
    },
  },
  S: numeric(
    (date) => two(date.getUTCSeconds()),
    '(\\d{1,2})',
    (fields, value) => {
      fields.second = value
    },
  ),
  y: numeric(
    (date) => two(date.getUTCFullYear() % 100),
    '(\\d{2})',
    (fields, value) => {
      fields.year = value + (value < 69 ? 2000 : 1900)
    },
  ),
  Y: numeric(
    (date) => String(date.getUTCFullYear()).padStart(4, '0'),
    '(\\d{4})',
    (fields, value) => {
      fields.year = value
    },
  ),
  z: {
    write: () => '+0000',
    pattern: '(Z|[-+]\\d{2}:?\\d{2})',
    read: (fields, text) => {
      fields.offset = offsetMinutes(text)
    },
  },
  Z: { write: () => 'UTC', pattern: '(UTC|GMT|Z)', read: ignore },
}

const DAY_MS = 86_400_000
/** Years that strftime writes with four digits: datetime.MINYEAR and MAXYEAR of Python. */
const EARLIEST = BigInt(new Date('0001-01-01T00:00:00Z').getTime())
const LATEST = BigInt(Date.UTC(10_000, 0) - 1)

function offsetMinutes(text: string): number {
  const match = /^([-+])(\d{2})(?::?(\d{2}))?$/.exec(text)
  if (match === null) return 0
  return (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3] ?? 0))
}

/** The format of a strftime(3) text. Throws CSNI101 for a directive that is not supported. */
export function dateTimeFormat(text: string): DateTimeFormat {
  const writers: (string | ((date: Date) => string))[] = []
  const readers: Directive['read'][] = []
  let pattern = ''
  for (const [part = ''] of text.matchAll(/%.?|[^%]+/gsu)) {
    const directive = DIRECTIVES[part.slice(1)]
    if (part.startsWith('%') && part !== '%%') {
      if (directive === undefined || part.length !== 2) {
        throw new CassSniError('CSNI101', `directive "${part}" of the timestamp format "${text}" is not supported`, {
          next: [
            hint(
              `directives are ${Object.keys(DIRECTIVES)
                .map((letter) => `%${letter}`)
                .join(' ')}`,
            ),
          ],
        })
      }
      // Cassandra reads milliseconds, no finer: cqlsh writes three digits behind a point as well
      const fraction = part === '%f' && /\.$/.test(String(writers.at(-1) ?? ''))
      writers.push(fraction ? (date) => directive.write(date).slice(0, 3) : directive.write)
      readers.push(directive.read)
      pattern += directive.pattern
      continue
    }
    const literal = part === '%%' ? '%' : part
    writers.push(literal)
    pattern += literal.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/\s+/g, '\\s+')
  }
  const whole = new RegExp(`^${pattern}$`, 'i')
  return {
    format(ms) {
      if (ms < EARLIEST || ms > LATEST) return String(ms)
      const date = new Date(Number(ms))
      let written = ''
      for (const writer of writers) written += typeof writer === 'string' ? writer : writer(date)
      return written
    },
    parse(value) {
      const match = whole.exec(value)
      if (match === null) return cqlTimestamp(value)
      const fields = { year: 1900, month: 1, day: 1, hour: 0, minute: 0, second: 0, ms: 0, offset: 0 }
      for (const [index, read] of readers.entries()) read(fields, match[index + 1] ?? '')
      return fromFields(fields, value)
    },
  }
}

function notATime(text: string): RangeError {
  return new RangeError(`"${text}" is not a timestamp`)
}

function fromFields(fields: Fields, text: string): bigint {
  const { year, month, day, dayOfYear, afternoon, minute, second, ms, offset } = fields
  const hour = afternoon === undefined ? fields.hour : (fields.hour % 12) + (afternoon ? 12 : 0)
  const date = new Date(0)
  date.setUTCFullYear(year, dayOfYear === undefined ? month - 1 : 0, dayOfYear ?? day)
  date.setUTCHours(hour, minute, second, ms)
  const same =
    dayOfYear === undefined ? date.getUTCMonth() === month - 1 && date.getUTCDate() === day : dayOfYear <= 366
  if (!same || hour > 23 || minute > 59 || second > 59 || Number.isNaN(date.getTime())) throw notATime(text)
  return BigInt(date.getTime() - offset * 60_000)
}

const CQL_DATE = /([-+]?\d{4,6})-(\d{1,2})-(\d{1,2})/
const CQL_TIME = /(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?/
const CQL_ZONE = /(Z|UTC|GMT|[-+]\d{2}(?::?\d{2})?)/
const CQL_TIMESTAMP = new RegExp(
  `^${CQL_DATE.source}(?:(?:\\s*|'?T'?)${CQL_TIME.source})?\\s*${CQL_ZONE.source}?$`,
  'i',
)

/** The forms that CQL itself reads: ISO 8601 with a blank or a T, and milliseconds. Without a zone it is UTC. */
function cqlTimestamp(text: string): bigint {
  if (/^[-+]?\d{1,19}$/.test(text)) {
    const ms = BigInt(text)
    if (BigInt.asIntN(64, ms) !== ms) throw notATime(text)
    return ms
  }
  const match = CQL_TIMESTAMP.exec(text)
  if (match === null) throw notATime(text)
  const [, year, month, day, hour = 0, minute = 0, second = 0, fraction = '', zone = ''] = match
  return fromFields(
    {
      year: Number(year),
      month: Number(month),
      day: Number(day),
      hour: Number(hour),
      minute: Number(minute),
      second: Number(second),
      ms: Number(fraction.padEnd(3, '0').slice(0, 3)),
      offset: offsetMinutes(zone),
    },
    text,
  )
}
