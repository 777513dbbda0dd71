/**
 * Values of single CQL types as bytes: apache/cassandra doc/native_protocol_v4.spec §6, and for durations
 * doc/native_protocol_v5.spec §6.7. Undefined stands for a text that is not a value of the type.
 */
import { isIP, isIPv4 } from 'node:net'

export function bigintBytes(value: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigInt64BE(value)
  return bytes
}

/** Two's complement in as few bytes as possible. */
export function varintBytes(value: bigint): Buffer {
  const magnitude = (value < 0n ? ~value : value).toString(16)
  const bits = 4 * (magnitude.length - 1) + (32 - Math.clz32(Number.parseInt(magnitude.charAt(0), 16)))
  const length = Math.floor(bits / 8) + 1
  return Buffer.from(
    BigInt.asUintN(8 * length, value)
      .toString(16)
      .padStart(2 * length, '0'),
    'hex',
  )
}

/** Digits that a decimal's scale may stand for: 32 bits, as Java's BigDecimal has. */
const LARGEST_SCALE = 2 ** 31 - 1

export function decimalBytes(text: string): Buffer | undefined {
  const match = /^([-+]?)(\d*)(?:\.(\d*))?(?:e([-+]?\d{1,10}))?$/i.exec(text)
  if (match === null) return undefined
  const [, sign, whole = '', fraction = '', exponent = '0'] = match
  const scale = fraction.length - Number(exponent)
  if (whole + fraction === '' || Math.abs(scale) > LARGEST_SCALE) return undefined
  const unscaled = BigInt(whole + fraction)
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(scale)
  return Buffer.concat([bytes, varintBytes(sign === '-' ? -unscaled : unscaled)])
}

export function uuidBytes(text: string): Buffer | undefined {
  if (!/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text)) return undefined
  return Buffer.from(text.replaceAll('-', ''), 'hex')
}

export function inetBytes(text: string): Buffer | undefined {
  if (isIPv4(text)) return Buffer.from(text.split('.').map(Number))
  if (isIP(text) !== 6 || text.includes('%')) return undefined
  // the last 32 bits may be written as IPv4
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  const v4 = dotted?.[2]?.split('.').map(Number)
  const groups =
    v4 === undefined ? text : `${dotted?.[1]}${v4.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
  const [before = '', after] = (v4 === undefined ? groups : `${groups.slice(0, -4)}:${groups.slice(-4)}`).split('::')
  const numbers = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => Number(`0x${group}`)))
  const head = numbers(before)
  const tail = after === undefined ? [] : numbers(after)
  const all = [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail]
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]))
}

const DAY_MS = 86_400_000

/** Days since the epoch plus 2^31. Beyond the years of four digits, cqlsh writes dates as days since the epoch. */
export function dateBytes(text: string): Buffer | undefined {
  const days = daysOf(text)
  if (days === undefined || days < -(2 ** 31) || days >= 2 ** 31) return undefined
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32BE(days + 2 ** 31)
  return bytes
}

function daysOf(text: string): number | undefined {
  if (/^[-+]?\d{1,10}$/.test(text)) return Number(text)
  const match = /^([-+]?\d{4,7})-(\d{1,2})-(\d{1,2})$/.exec(text)
  if (match === null) return undefined
  const [year, month, day] = match.slice(1).map(Number) as [number, number, number]
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() / DAY_MS : undefined
}

/** Nanoseconds since midnight. */
export function timeBytes(text: string): Buffer | undefined {
  const match = /^(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,9}))?$/.exec(text)
  if (match === null) return undefined
  const [hours, minutes, seconds] = match.slice(1, 4).map(Number) as [number, number, number]
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined
  const whole = BigInt((hours * 60 + minutes) * 60 + seconds)
  return bigintBytes(whole * 1_000_000_000n + BigInt((match[4] ?? '').padEnd(9, '0')))
}

const HOUR_NS = 3_600_000_000_000n
const UNITS: Readonly<Record<string, { months?: bigint; days?: bigint; ns?: bigint }>> = {
  y: { months: 12n },
  mo: { months: 1n },
  w: { days: 7n },
  d: { days: 1n },
  h: { ns: HOUR_NS },
  m: { ns: 60_000_000_000n },
  s: { ns: 1_000_000_000n },
  ms: { ns: 1_000_000n },
  us: { ns: 1_000n },
  µs: { ns: 1_000n },
  ns: { ns: 1n },
}
const STANDARD = /^(?:\d+(?:y|mo|w|d|h|ms|m|s|us|µs|ns))+$/i
const ISO = /^P(?=.)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/i

/** Both forms of CQL: "1y2mo3d4h" and ISO 8601, "P1Y2M3DT4H" (apache/cassandra src/java/…/cql3/Duration.java). */
export function durationBytes(text: string): Buffer | undefined {
  const negative = text.startsWith('-')
  const plain = negative ? text.slice(1) : text
  const parts = durationParts(plain)
  if (parts === undefined) return undefined
  let [months, days, ns] = [0n, 0n, 0n]
  for (const [count, unit] of parts) {
    const step = UNITS[unit]
    months += count * (step?.months ?? 0n)
    days += count * (step?.days ?? 0n)
    ns += count * (step?.ns ?? 0n)
  }
  if (months >= 1n << 31n || days >= 1n << 31n || ns >= 1n << 63n) return undefined
  const signed = (value: bigint): Buffer => signedVint(negative ? -value : value)
  return Buffer.concat([signed(months), signed(days), signed(ns)])
}

function durationParts(text: string): [bigint, string][] | undefined {
  if (STANDARD.test(text))
    return [...text.matchAll(/(\d+)(\D+)/g)].map(([, count = '', unit = '']) => [BigInt(count), unit.toLowerCase()])
  const iso = ISO.exec(text)
  if (iso === null) return undefined
  return ['y', 'mo', 'w', 'd', 'h', 'm', 's'].map((unit, index) => [BigInt(iso[index + 1] ?? 0), unit])
}

function signedVint(value: bigint): Buffer {
  return unsignedVint(BigInt.asUintN(64, (value >> 63n) ^ (value << 1n)))
}

/** The number of further bytes in ones at the front of the first byte, then the number, the largest byte first. */
export function unsignedVint(value: bigint): Buffer {
  let extra = 0
  while (extra < 8 && value >= 1n << BigInt(7 * (extra + 1))) extra += 1
  const bytes = Buffer.from(value.toString(16).padStart(2 * (extra + 1), '0'), 'hex')
  bytes[0] = (bytes[0] ?? 0) | (0xff & ~(0xff >> extra))
  return bytes
}
