/** Timestamps as text: ISO 8601, or in a format of strftime(3) and a time zone, as cqlshrc's [ui] has them. */

/** @param ms milliseconds since 1970 */
export type TimestampText = (ms: number | bigint) => string

/** Years that are written with four digits: MINYEAR and MAXYEAR of Python's datetime, which cqlsh goes by. */
const FIRST_MS = Date.parse('0001-01-01T00:00:00Z')
const LAST_MS = Date.UTC(10_000, 0) - 1

/** Whether all readers of ISO 8601, Cassandra's included, take the text of this time: its year has four digits. */
function hasPlainYear(ms: number | bigint): ms is number {
  return typeof ms === 'number' && ms >= FIRST_MS && ms <= LAST_MS
}

/**
 * ISO 8601 in UTC with milliseconds. Cassandra reads no other years than 1 to 9999 in that form, but for any time the
 * number of milliseconds, which cqlsh writes as well.
 */
export const isoTimestamp: TimestampText = (ms) => (hasPlainYear(ms) ? new Date(ms).toISOString() : String(ms))

const DEFAULT_FORMAT = '%Y-%m-%d %H:%M:%S.%f%z'

/**
 * Timestamps in a format of strftime(3), default cqlsh's own; UTC without a time zone. An unknown directive
 * is left unchanged. Throws RangeError for a time zone that does not exist.
 */
export function formattedTimestamp(format = DEFAULT_FORMAT, timeZone?: string): TimestampText {
  const offset = timeZone === undefined ? () => 0 : zoneOffset(timeZone)
  return (ms) => {
    if (!hasPlainYear(ms)) return String(ms)
    const offsetMs = offset(ms)
    if (!hasPlainYear(ms + offsetMs)) return String(ms)
    const local: Local = { date: new Date(ms + offsetMs), offsetMs, timeZone, ms }
    return format.replace(/%(.)/gs, (directive, letter: string) => DIRECTIVES[letter]?.(local) ?? directive)
  }
}

interface Local {
  /** Its UTC fields are the local time. */
  date: Date
  offsetMs: number
  timeZone: string | undefined
  ms: number
}

const pad = (value: number, digits = 2): string => String(value).padStart(digits, '0')
const name = (options: Intl.DateTimeFormatOptions) => {
  // the first one of a process takes 25 ms, and few timestamps have names
  let format: Intl.DateTimeFormat | undefined
  return ({ date }: Local): string => {
    format ??= new Intl.DateTimeFormat('en-US', { ...options, timeZone: 'UTC' })
    return format.format(date)
  }
}
const hour12 = ({ date }: Local): string => pad(date.getUTCHours() % 12 || 12)
const DAY_MS = 86_400_000

const DIRECTIVES: Readonly<Record<string, (local: Local) => string>> = {
  '%': () => '%',
  a: name({ weekday: 'short' }),
  A: name({ weekday: 'long' }),
  b: name({ month: 'short' }),
  B: name({ month: 'long' }),
  d: ({ date }) => pad(date.getUTCDate()),
  D: (local) => by('%m/%d/%y', local),
  e: ({ date }) => String(date.getUTCDate()).padStart(2),
  f: ({ date }) => `${pad(date.getUTCMilliseconds(), 3)}000`,
  F: (local) => by('%Y-%m-%d', local),
  h: name({ month: 'short' }),
  H: ({ date }) => pad(date.getUTCHours()),
  I: hour12,
  j: ({ date }) => pad(Math.round((date.getTime() - new Date(date).setUTCMonth(0, 1)) / DAY_MS) + 1, 3),
  m: ({ date }) => pad(date.getUTCMonth() + 1),
  M: ({ date }) => pad(date.getUTCMinutes()),
  n: () => '\n',
  p: ({ date }) => (date.getUTCHours() < 12 ? 'AM' : 'PM'),
  R: (local) => by('%H:%M', local),
  s: ({ ms }) => String(Math.floor(ms / 1_000)),
  S: ({ date }) => pad(date.getUTCSeconds()),
  t: () => '\t',
  T: (local) => by('%H:%M:%S', local),
  u: ({ date }) => String(date.getUTCDay() || 7),
  w: ({ date }) => String(date.getUTCDay()),
  y: ({ date }) => pad(date.getUTCFullYear() % 100),
  Y: ({ date }) => pad(date.getUTCFullYear(), 4),
  z: ({ offsetMs }) => offsetText(offsetMs),
  Z: ({ timeZone, ms }) => (timeZone === undefined ? 'UTC' : zoneName(timeZone, ms)),
}

function by(format: string, local: Local): string {
  return format.replace(/%(.)/g, (_, letter: string) => DIRECTIVES[letter]?.(local) ?? '')
}

function offsetText(offsetMs: number): string {
  const minutes = Math.round(Math.abs(offsetMs) / 60_000)
  return `${offsetMs < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60))}${pad(minutes % 60)}`
}

function zoneName(timeZone: string, ms: number): string {
  const parts = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'short' }).formatToParts(ms)
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? timeZone
}

/** What to add to UTC for the local time at some moment, in milliseconds. */
function zoneOffset(timeZone: string): (ms: number) => number {
  const fields = new Intl.DateTimeFormat('en-US', {
    timeZone,
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
    hourCycle: 'h23',
  })
  return (ms) => {
    const parts = new Map(fields.formatToParts(ms).map(({ type, value }) => [type, value]))
    const part = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.get(type))
    const year = parts.get('era') === 'BC' ? 1 - part('year') : part('year')
    const local = new Date(0)
    local.setUTCFullYear(year, part('month') - 1, part('day'))
    local.setUTCHours(part('hour'), part('minute'), part('second'))
    return local.getTime() - Math.floor(ms / 1_000) * 1_000
  }
}
