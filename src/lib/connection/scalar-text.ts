/**
 * Scalars that JavaScript has no type for, from their bytes to the text that CQL reads back. Formats: apache/cassandra
 * doc/native_protocol_v4.spec §6 and src/java/org/apache/cassandra/serializers.
 */

export function uuidText(buffer: Buffer, start: number): string {
  const hex = buffer.toString('hex', start, start + 16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** An address of 4 or 16 bytes; version 6 as in RFC 5952, with the longest run of zeros left out. */
export function inetText(buffer: Buffer, start: number, end: number): string {
  if (end - start === 4) return buffer.subarray(start, end).join('.')
  const groups = Array.from({ length: 8 }, (_, index) => buffer.readUInt16BE(start + 2 * index))
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff)
    return `::ffff:${buffer.subarray(start + 12, end).join('.')}`
  const zeros = longestZeros(groups)
  const hex = (part: number[]): string => part.map((group) => group.toString(16)).join(':')
  return zeros.length < 2
    ? hex(groups)
    : `${hex(groups.slice(0, zeros.start))}::${hex(groups.slice(zeros.start + zeros.length))}`
}

function longestZeros(groups: number[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 }
  let length = 0
  for (const [index, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0
    if (length > longest.length) longest = { start: index - length + 1, length }
  }
  return longest
}

export function bigIntOf(buffer: Buffer, start: number, end: number): bigint {
  const length = end - start
  if (length <= 6) return BigInt(buffer.readIntBE(start, length))
  return BigInt.asIntN(8 * length, BigInt(`0x${buffer.toString('hex', start, end)}`))
}

/**
 * A decimal as Java and Python write it: plain, or with an exponent if its scale requires one ("1E+50"). 32 bits of
 * scale, then the unscaled number in two's complement.
 */
export function decimalText(buffer: Buffer, start: number, end: number): string {
  const scale = buffer.readInt32BE(start)
  const unscaled = bigIntOf(buffer, start + 4, end)
  const sign = unscaled < 0n ? '-' : ''
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString()
  const exponent = digits.length - 1 - scale
  if (scale === 0) return sign + digits
  if (scale > 0 && exponent >= -6) {
    const padded = digits.padStart(scale + 1, '0')
    return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
  }
  return `${sign}${digits[0]}${digits.length > 1 ? `.${digits.slice(1)}` : ''}E${exponent < 0 ? '' : '+'}${exponent}`
}

/** Year, month and day of a day since 1970-01-01, in the proleptic Gregorian calendar, for any day. */
export function civilDate(day: number): { year: number; month: number; day: number } {
  // Years begin in March, so that the leap day is the last of its year; 400 years always have 146,097 days.
  const shifted = day + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153)
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1,
  }
}

const twoDigits = (value: number): string => (value < 10 ? `0${value}` : String(value))

/**
 * A date, ISO 8601 as Java's LocalDate reads it, with a sign for years of more than four digits and before year 0.
 * 32 bits, unsigned, with 1970-01-01 in the middle.
 */
export function dateText(buffer: Buffer, start: number): string {
  const { year, month, day } = civilDate(buffer.readUInt32BE(start) - 2 ** 31)
  const sign = year < 0 ? '-' : year > 9999 ? '+' : ''
  return `${sign}${String(Math.abs(year)).padStart(4, '0')}-${twoDigits(month)}-${twoDigits(day)}`
}

const NANOS = 1_000_000_000n

/** A time of day with as many decimals as it has. 64 bits of nanoseconds since midnight. */
export function timeText(buffer: Buffer, start: number): string {
  const total = buffer.readBigInt64BE(start)
  const seconds = Number(total / NANOS)
  const fraction = String(total % NANOS)
    .padStart(9, '0')
    .replace(/0+$/, '')
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map(twoDigits).join(':')
  return fraction === '' ? clock : `${clock}.${fraction}`
}

const NANO_UNITS: [string, bigint][] = [
  ['h', 3_600n * NANOS],
  ['m', 60n * NANOS],
  ['s', NANOS],
  ['ms', 1_000_000n],
  ['us', 1_000n],
  ['ns', 1n],
]

/** A duration ("1y2mo3d4h5m6s7ms8us9ns"): three variable-length integers of months, days and nanoseconds. */
export function durationText(buffer: Buffer, start: number): string {
  const months = signedVint(buffer, start)
  const days = signedVint(buffer, months.end)
  const nanos = signedVint(buffer, days.end)
  const absolute = (value: bigint): bigint => (value < 0n ? -value : value)
  let text = ''
  const add = (count: bigint, unit: string): void => {
    if (count > 0n) text += `${count}${unit}`
  }
  add(absolute(months.value) / 12n, 'y')
  add(absolute(months.value) % 12n, 'mo')
  add(absolute(days.value), 'd')
  let rest = absolute(nanos.value)
  for (const [unit, size] of NANO_UNITS) {
    add(rest / size, unit)
    rest %= size
  }
  if (text === '') return '0s'
  return months.value < 0n || days.value < 0n || nanos.value < 0n ? `-${text}` : text
}

function signedVint(buffer: Buffer, start: number): { value: bigint; end: number } {
  const { value, end } = unsignedVint(buffer, start)
  return { value: (value >> 1n) ^ -(value & 1n), end }
}

/**
 * An unsigned integer of 1 to 9 bytes: the ones at the beginning of the first byte count the bytes that follow
 * (apache/cassandra src/java/org/apache/cassandra/utils/vint/VIntCoding.java).
 */
export function unsignedVint(buffer: Buffer, start: number): { value: bigint; end: number } {
  const first = buffer.readUInt8(start)
  const more = Math.clz32(~first & 0xff) - 24
  let value = BigInt(first & (0xff >> more))
  for (let index = 1; index <= more; index += 1) value = (value << 8n) | BigInt(buffer.readUInt8(start + index))
  return { value, end: start + 1 + more }
}
