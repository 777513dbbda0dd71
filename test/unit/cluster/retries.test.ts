import assert from 'node:assert/strict'
import { type Attempt, retries } from '../../../src/lib/cluster/retries.ts'

describe('when a request is sent again', () => {
  let clock = 0
  /** The pauses until the last attempt, or until `most`. */
  const pauses = (attempt: Attempt, { repeatable = true, reached = true, most = 100 } = {}) => {
    clock = 0
    const next = retries({ repeatable, reached: () => reached, now: () => clock, random: () => 0 })
    const found: number[] = []
    while (found.length < most) {
      const pause = next(attempt)
      if (pause === undefined) break
      found.push(pause)
      clock += pause
    }
    return found
  }

  it('ten times when the server says when, however long that is and whatever the request', () => {
    for (const status of [429, 500, 503]) {
      const found = pauses({ status, retryAfterMs: 60_000 }, { repeatable: false, reached: false })
      assert.equal(found.length, 10)
      assert.ok(found.every((pause) => pause >= 60_000 && pause < 62_000))
    }
    assert.equal(pauses({ status: 429 }, { repeatable: false }).length, 10)
  })

  it('not after an answer that is one', () => {
    for (const status of [200, 400, 403, 404, 409, 500]) assert.deepEqual(pauses({ status }), [])
    assert.deepEqual(pauses({ status: 404, retryAfterMs: 1000 }), [])
  })

  it('at once after a reset of a kept connection, and no write that may have arrived', () => {
    assert.deepEqual(pauses({ code: 'ECONNRESET', reused: true }, { reached: false, most: 3 }), [0, 0, 0])
    assert.deepEqual(pauses({ code: 'ECONNRESET', reused: true }, { repeatable: false }), [])
    assert.deepEqual(pauses({ code: 'ECONNRESET' }, { repeatable: false }), [])
  })

  it('for a minute while a server that has answered before is away, even a write that was never sent', () => {
    for (const [attempt, repeatable] of [
      [{ code: 'ECONNREFUSED' }, false],
      [{ code: 'ECONNRESET' }, true],
      [{ status: 503 }, true],
    ] as const) {
      const found = pauses(attempt, { repeatable })
      const total = found.reduce((sum, pause) => sum + pause, 0)
      assert.ok(total >= 60_000 && total < 70_000, `${total}`)
      assert.ok(found.every((pause) => pause <= 5000))
    }
    assert.deepEqual(pauses({ status: 503 }, { repeatable: false }), [])
  })

  it('once when nothing listens where nothing has ever answered', () => {
    assert.equal(pauses({ code: 'ECONNREFUSED' }, { reached: false }).length, 1)
    assert.equal(pauses({ code: 'ECONNRESET' }, { reached: false }).length, 3)
    assert.deepEqual(pauses({ status: 503 }, { reached: false }), [])
    assert.deepEqual(pauses({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }, { reached: false }), [])
  })
})
