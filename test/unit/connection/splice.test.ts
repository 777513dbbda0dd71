import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { setImmediate as nextRound } from 'node:timers/promises'
import { splice, type SpliceFailure } from '../../../src/lib/connection/splice.ts'

/** One end of a connection: what was written to it, in calls of writev, and the callbacks of those. */
class End extends Duplex {
  readonly calls: string[][] = []
  readonly taken: (() => void)[] = []
  readonly #isSlow: boolean

  constructor({ slow = false, allowHalfOpen = true } = {}) {
    super({ allowHalfOpen })
    this.#isSlow = slow
  }

  override _read(): void {
    // the test pushes
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.calls.push(chunks.map(({ chunk }) => chunk.toString()))
    if (this.#isSlow) this.taken.push(done)
    else done()
  }
}

describe('splice', () => {
  function joined(one: End, other: End) {
    const ends: (SpliceFailure | undefined)[] = []
    splice(one, other, (failure) => ends.push(failure))
    return ends
  }
  const rounds = async () => {
    for (let round = 0; round < 5; round += 1) await nextRound()
  }

  it('passes on both directions and both ends, then is done without a failure', async () => {
    const [one, other] = [new End(), new End()]
    const ends = joined(one, other)
    one.push('question')
    one.push(null)
    await rounds()
    assert.deepEqual([other.calls, other.writableFinished, ends], [[['question']], true, []])
    other.push('answer')
    other.push(null)
    await rounds()
    assert.deepEqual([one.calls, one.destroyed, other.destroyed], [[['answer']], true, true])
    assert.deepEqual(ends, [undefined])
  })

  it('writes together what arrives together', async () => {
    const [one, other] = [new End(), new End()]
    joined(one, other)
    await rounds()
    for (const text of ['a', 'b', 'c']) other.push(text)
    await rounds()
    other.push('d')
    await rounds()
    assert.deepEqual(one.calls, [['a', 'b', 'c'], ['d']])
  })

  it('closes a stream whose other side has closed only once all of its data is written', async () => {
    const [slow, far] = [new End({ slow: true }), new End({ allowHalfOpen: false })]
    const ends = joined(slow, far)
    far.push('first')
    await rounds()
    far.push('second')
    far.push(null)
    await rounds()
    assert.equal(far.destroyed, true)
    // nobody takes it anymore
    slow.push('too late')
    await rounds()
    assert.deepEqual([slow.destroyed, ends], [false, []])
    slow.taken.shift()?.()
    await rounds()
    slow.taken.shift()?.()
    await rounds()
    assert.deepEqual([slow.calls, slow.destroyed, far.calls], [[['first'], ['second']], true, []])
    assert.deepEqual(ends, [{ stream: far }])
  })

  it('closes both after a failure of one, and reports the first', async () => {
    const [one, other] = [new End(), new End()]
    const ends = joined(one, other)
    const error = new Error('reset')
    other.destroy(error)
    await rounds()
    one.destroy(new Error('later'))
    assert.deepEqual([one.destroyed, ends], [true, [{ stream: other, error }]])
  })

  it('treats a close without an end as a failure of that stream', async () => {
    const [one, other] = [new End(), new End()]
    const ends = joined(one, other)
    one.destroy()
    await rounds()
    assert.deepEqual([other.destroyed, ends], [true, [{ stream: one }]])
  })
})
