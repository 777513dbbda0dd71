import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { BatchPlanner } from '../../../../src/lib/shell/copy/batch-planner.ts'
import { ConfirmedRows } from '../../../../src/lib/shell/copy/confirmed-rows.ts'
import { longOf, murmur3Token } from '../../../../src/lib/shell/copy/murmur3-token.ts'
import { TokenRing } from '../../../../src/lib/shell/copy/token-ring.ts'

const { Murmur3Tokenizer } = createRequire(import.meta.url)('cassandra-driver/lib/tokenizer.js') as {
  Murmur3Tokenizer: new () => { hash(key: Buffer): { getValue(): { toString(): string } } }
}

const node = (hostId: string, datacenter: string, ...tokens: bigint[]) => ({ hostId, datacenter, tokens })
const THREE = [node('a', 'dc1', -100n, 50n), node('b', 'dc1', 0n), node('c', 'dc1', 100n), node('x', 'dc2', 1n)]

describe('tokens', () => {
  it('are those of the driver, for keys of any length', () => {
    const driver = new Murmur3Tokenizer()
    for (let length = 0; length < 70; length += 1)
      for (let round = 0; round < 20; round += 1) {
        const key = randomBytes(length)
        const { high, low } = murmur3Token(key)
        const token = BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low >>> 0))
        assert.equal(String(token), driver.hash(key).getValue().toString(), key.toString('hex'))
      }
  })

  it('belong to the next node of the datacenter, and behind the last to the first', () => {
    const ring = new TokenRing(THREE, ['a', 'b', 'c'], 'dc1')
    const owner = (token: bigint) => ring.owner(ring.position(longOf(token)))
    assert.deepEqual([-101n, -100n, -99n, 0n, 1n, 50n, 51n, 100n, 101n, 2n ** 62n].map(owner), [
      'a',
      'a',
      'b',
      'b',
      'a',
      'a',
      'c',
      'c',
      'a',
      'a',
    ])
  })

  it('of a node that cannot be reached belong to the one after it', () => {
    const ring = new TokenRing(THREE, ['b', 'c'], 'dc1')
    assert.equal(ring.owner(ring.position(longOf(-100n))), 'b')
    assert.equal(ring.owner(ring.position(longOf(50n))), 'c')
    assert.equal(new TokenRing(THREE, [], 'dc1').owner(0), undefined)
  })

  it('are cut into ranges without gaps', () => {
    const ring = new TokenRing(THREE, ['a', 'b', 'c'], 'dc1')
    assert.deepEqual(ring.ranges(undefined, undefined), [
      { after: undefined, upTo: -100n, node: 'a' },
      { after: -100n, upTo: 0n, node: 'b' },
      { after: 0n, upTo: 50n, node: 'a' },
      { after: 50n, upTo: 100n, node: 'c' },
      { after: 100n, upTo: undefined, node: 'a' },
    ])
    assert.deepEqual(ring.ranges(-50n, 60n), [
      { after: -50n, upTo: 0n, node: 'b' },
      { after: 0n, upTo: 50n, node: 'a' },
      { after: 50n, upTo: 60n, node: 'c' },
    ])
    assert.deepEqual(new TokenRing([node('a', 'dc1')], ['a'], 'dc1').ranges(undefined, undefined), [
      { after: undefined, upTo: undefined, node: undefined },
    ])
  })
})

describe('batches', () => {
  const ring = new TokenRing(THREE, ['a', 'b', 'c'], 'dc1')

  it('are of one range when it has enough rows, else of one owner', () => {
    const planner = new BatchPlanner<string>(ring, { least: 1, most: 3 })
    assert.equal(planner.add('a1', longOf(-200n)), undefined)
    assert.equal(planner.add('b1', longOf(-1n)), undefined)
    assert.equal(planner.add('b2', longOf(-2n)), undefined)
    assert.deepEqual(planner.add('b3', longOf(-3n)), { rows: ['b1', 'b2', 'b3'], node: 'b' })
    planner.add('a2', longOf(50n))
    planner.add('c1', longOf(60n))
    planner.add('c2', longOf(61n))
    assert.deepEqual(planner.flush(), [
      { rows: ['c1', 'c2'], node: 'c' },
      { rows: ['a1', 'a2'], node: 'a' },
    ])
    assert.deepEqual(planner.flush(), [])
  })

  it('never have more than the most rows', () => {
    const planner = new BatchPlanner<number>(ring, { least: 5, most: 2 })
    const batches = [1, 2, 3, 4, 5].flatMap((row) => planner.add(row, longOf(BigInt(row * 40 - 100))) ?? [])
    assert.ok([...batches, ...planner.flush()].every(({ rows }) => rows.length <= 2))
  })

  it('of one row', () => {
    const planner = new BatchPlanner<string>(ring, { least: 1, most: 1 })
    assert.deepEqual(planner.add('b', longOf(0n)), { rows: ['b'], node: 'b' })
  })
})

describe('confirmed rows', () => {
  it('count up to the first that is not confirmed', () => {
    const rows = new ConfirmedRows()
    const first = [1, 2, 0, 4, 5, 3].map((row) => {
      rows.confirm(row)
      return rows.first
    })
    assert.deepEqual(first, [0, 0, 3, 3, 3, 6])
  })
})
