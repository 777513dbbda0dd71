/** The parts of DER that only certificates need, to make some without the library that is tested with them. */
import { encode, TAG as KEYSTORE_TAG } from '../../src/lib/certificates/der.ts'

export const TAG = {
  ...KEYSTORE_TAG,
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  utf8String: 0x0c,
  set: 0x31,
  utcTime: 0x17,
  generalizedTime: 0x18,
} as const

/** A non-negative integer from its big-endian bytes. */
export function unsignedInteger(bytes: Buffer): Buffer {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1
  const shortest = bytes.subarray(start)
  return encode(TAG.integer, (shortest[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), shortest]) : shortest)
}

/** Whole bytes as a bit string; `unusedBits` of the last byte do not count. */
export function bitString(bytes: Buffer, unusedBits = 0): Buffer {
  return encode(TAG.bitString, Buffer.from([unusedBits]), bytes)
}

/** A moment, whole seconds, as RFC 5280 (4.1.2.5) wants it: UTCTime through 2049, GeneralizedTime after. */
export function time(date: Date): Buffer {
  const digits = date
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:T]/g, '')
  return date.getUTCFullYear() < 2050
    ? encode(TAG.utcTime, Buffer.from(digits.slice(2)))
    : encode(TAG.generalizedTime, Buffer.from(digits))
}
