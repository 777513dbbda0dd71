/**
 * Tokens of Murmur3Partitioner: the first half of MurmurHash3_x64_128 with bytes that are signed, as
 * apache/cassandra src/java/org/apache/cassandra/utils/MurmurHash.java (hash3_x64_128) has it. In halves of 32 bits:
 * the driver's own (lib/tokenizer.js) and BigInt take ten times as long, which a large import notices.
 */

/** A 64-bit number in two's complement: both halves signed. */
export interface Long {
  high: number
  low: number
}

const C1: Long = { high: 0x87c37b91 | 0, low: 0x114253d5 }
const C2: Long = { high: 0x4cf5ad43, low: 0x2745937f }
const FINAL_1: Long = { high: 0xff51afd7 | 0, low: 0xed558ccd | 0 }
const FINAL_2: Long = { high: 0xc4ceb9fe | 0, low: 0x1a85ec53 }

function multiply(a: Long, b: Long): void {
  const a0 = a.low & 0xffff
  const a1 = a.low >>> 16
  const b0 = b.low & 0xffff
  const b1 = b.low >>> 16
  const middle = a1 * b0 + ((a0 * b0) >>> 16)
  const carry = (a0 * b1 + (middle & 0xffff)) / 0x10000
  const top = a1 * b1 + Math.floor(middle / 0x10000) + Math.floor(carry)
  a.high = (top + Math.imul(a.high, b.low) + Math.imul(a.low, b.high)) | 0
  a.low = Math.imul(a.low, b.low)
}

function add(a: Long, b: Long): void {
  const low = (a.low >>> 0) + (b.low >>> 0)
  a.high = (a.high + b.high + (low > 0xffffffff ? 1 : 0)) | 0
  a.low = low | 0
}

function xor(a: Long, b: Long): void {
  a.high ^= b.high
  a.low ^= b.low
}

function rotateLeft(a: Long, bits: number): void {
  const { high, low } = a
  if (bits < 32) {
    a.high = (high << bits) | (low >>> (32 - bits))
    a.low = (low << bits) | (high >>> (32 - bits))
  } else {
    // 33 is the only such rotation
    a.high = (low << (bits - 32)) | (high >>> (64 - bits))
    a.low = (high << (bits - 32)) | (low >>> (64 - bits))
  }
}

/** a * 5 + constant */
function scramble(a: Long, constant: number): void {
  multiply(a, { high: 0, low: 5 })
  add(a, { high: 0, low: constant })
}

function finish(a: Long): void {
  a.low ^= a.high >>> 1
  multiply(a, FINAL_1)
  a.low ^= a.high >>> 1
  multiply(a, FINAL_2)
  a.low ^= a.high >>> 1
}

function mixFirst(h1: Long, k1: Long): void {
  multiply(k1, C1)
  rotateLeft(k1, 31)
  multiply(k1, C2)
  xor(h1, k1)
}

function mixSecond(h2: Long, k2: Long): void {
  multiply(k2, C2)
  rotateLeft(k2, 33)
  multiply(k2, C1)
  xor(h2, k2)
}

/** Up to eight signed bytes, the lowest first. Java extends their sign over all higher bits before the xor. */
function tail(key: Buffer, from: number, to: number): Long {
  const k: Long = { high: 0, low: 0 }
  for (let at = from; at < to; at += 1) {
    const byte = key.readInt8(at)
    const shift = 8 * (at - from)
    if (shift < 32) {
      k.low ^= byte << shift
      k.high ^= shift === 0 ? byte >> 31 : byte >> (32 - shift)
    } else k.high ^= byte << (shift - 32)
  }
  return k
}

/** The token of a partition key's bytes. */
export function murmur3Token(key: Buffer): Long {
  const h1: Long = { high: 0, low: 0 }
  const h2: Long = { high: 0, low: 0 }
  const blocks = key.length >> 4
  for (let block = 0; block < blocks; block += 1) {
    const at = block * 16
    mixFirst(h1, { high: key.readInt32LE(at + 4), low: key.readInt32LE(at) })
    rotateLeft(h1, 27)
    add(h1, h2)
    scramble(h1, 0x52dce729)
    mixSecond(h2, { high: key.readInt32LE(at + 12), low: key.readInt32LE(at + 8) })
    rotateLeft(h2, 31)
    add(h2, h1)
    scramble(h2, 0x38495ab5)
  }
  const rest = blocks * 16
  if (key.length > rest + 8) mixSecond(h2, tail(key, rest + 8, key.length))
  if (key.length > rest) mixFirst(h1, tail(key, rest, Math.min(key.length, rest + 8)))
  h1.low ^= key.length
  h2.low ^= key.length
  add(h1, h2)
  add(h2, h1)
  finish(h1)
  finish(h2)
  add(h1, h2)
  // Murmur3Partitioner.normalize: the smallest number stands for no token
  return h1.high === -0x80000000 && h1.low === 0 ? { high: 0x7fffffff, low: -1 } : h1
}

export function longOf(value: bigint): Long {
  return { high: Number(BigInt.asIntN(32, value >> 32n)), low: Number(BigInt.asIntN(32, value)) }
}

export function compareLongs(a: Long, b: Long): number {
  return a.high === b.high ? (a.low >>> 0) - (b.low >>> 0) : a.high - b.high
}
