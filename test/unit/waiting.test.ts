import assert from 'node:assert/strict'
import { CassSniError } from '../../src/lib/errors.ts'
import { backOff } from '../../src/lib/waiting/back-off.ts'
import { poll } from '../../src/lib/waiting/poll.ts'

describe('poll', () => {
  const signal = new AbortController().signal

  it('resolves with the first answer', async () => {
    let asked = 0
    assert.equal(await poll({ signal, interval: 1, until: () => (++asked === 3 ? 'here' : undefined) }), 'here')
    assert.equal(asked, 3)
  })

  it('resolves with undefined when the time is over, having asked once at least', async () => {
    let asked = 0
    const until = () => void asked++
    assert.equal(await poll({ signal, interval: 1, timeoutMs: 0, until }), undefined)
    assert.equal(asked, 1)
  })

  it('rejects with the reason of the abort in the middle of a pause', async () => {
    const controller = new AbortController()
    const reason = new CassSniError('CSNI902', 'interrupted')
    const waiting = poll({ signal: controller.signal, interval: 60_000, until: () => undefined })
    controller.abort(reason)
    await assert.rejects(waiting, reason)
  })

  it('ends with what the question throws', async () => {
    const broken = new Error('broken')
    await assert.rejects(poll({ signal, interval: 1, until: () => Promise.reject(broken) }), broken)
  })
})

describe('backOff', () => {
  it('doubles up to the longest pause', () => {
    const next = backOff({ firstMs: 100, longestMs: 300, random: () => 1 })
    assert.deepEqual([next(), next(), next(), next()], [100, 200, 300, 300])
  })

  it('never takes less than half of the step', () => {
    const next = backOff({ firstMs: 100, longestMs: 300, random: () => 0 })
    assert.deepEqual([next(), next(), next()], [50, 100, 150])
  })
})
