import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { WorkQueue } from '../../../src/lib/reconcile/work-queue.ts'

describe('a queue of keys', () => {
  let stop: AbortController
  beforeEach(() => {
    stop = new AbortController()
  })
  afterEach(() => stop.abort())
  const queue = (options = {}) => new WorkQueue({ signal: stop.signal, lingerMs: 5, firstMs: 20, ...options })
  const start = (work: (key: string) => Promise<void>, of: WorkQueue, failed: unknown[] = []) => {
    const running = of.run(work, (_key, error) => failed.push(error))
    running.catch(() => undefined)
    return running
  }

  it('works once on a key that is added many times in a burst', async () => {
    const done: string[] = []
    const keys = queue()
    start(async (key) => void done.push(key), keys)
    for (let time = 0; time < 100; time++) keys.add('a')
    await sleep(50)
    assert.deepEqual(done, ['a'])
  })

  it('works later on a key that is added for later, and not again if it was added meanwhile', async () => {
    const done: number[] = []
    const keys = queue()
    start(async () => void done.push(Date.now()), keys)
    const since = Date.now()
    keys.addLater('a', 60)
    await sleep(30)
    assert.equal(done.length, 0)
    await sleep(100)
    assert.equal(done.length, 1)
    assert.ok((done[0] ?? 0) - since >= 59)
    keys.addLater('a', 60)
    keys.add('a')
    await sleep(150)
    assert.equal(done.length, 2)
  })

  it('works exactly once more on a key that is added while it is worked on', async () => {
    let runs = 0
    const keys = queue()
    start(async () => {
      runs++
      if (runs > 1) return
      for (let time = 0; time < 10; time++) keys.add('a')
      await sleep(20)
    }, keys)
    keys.add('a')
    await sleep(100)
    assert.equal(runs, 2)
  })

  it('never works on two keys at once, and on all in the end', async () => {
    const done: string[] = []
    let atOnce = 0
    const keys = queue()
    start(async (key) => {
      assert.equal(++atOnce, 1)
      await sleep(2)
      atOnce--
      done.push(key)
    }, keys)
    for (const key of ['a', 'b', 'c']) keys.add(key)
    await sleep(100)
    assert.deepEqual(done.sort(), ['a', 'b', 'c'])
  })

  it('works again after a failure, with pauses that grow, until it succeeds', async () => {
    const at: number[] = []
    const failed: unknown[] = []
    const keys = queue()
    start(
      async () => {
        at.push(performance.now())
        if (at.length < 4) throw new Error(`failure ${at.length}`)
      },
      keys,
      failed,
    )
    keys.add('a')
    await sleep(600)
    assert.equal(at.length, 4)
    assert.equal(failed.length, 3)
    const pauses = at.slice(1).map((time, index) => time - (at[index] ?? 0))
    // between half of 20, 40, 80 ms and all of it; a timer of Node's may be a millisecond early
    for (const [index, least] of [10, 20, 40].entries()) assert.ok((pauses[index] ?? 0) >= least - 1, pauses.join())
  })

  it('does not wait longer after a failure when the key is added again', async () => {
    let runs = 0
    const keys = queue({ firstMs: 60_000, longestMs: 60_000 })
    start(async () => {
      if (++runs === 1) throw new Error('once')
    }, keys)
    keys.add('a')
    await sleep(50)
    assert.equal(runs, 1)
    keys.add('a')
    await sleep(50)
    assert.equal(runs, 2)
  })

  it('tells how long it has been busy, and ends with the reason of the abort', async () => {
    const keys = queue()
    const running = start(() => sleep(10_000, undefined, { signal: stop.signal }), keys)
    assert.equal(keys.busyMs, undefined)
    keys.add('a')
    while ((keys.busyMs ?? 0) <= 5) await sleep(5)
    const reason = new Error('enough')
    stop.abort(reason)
    await assert.rejects(running, /enough/)
  })

  it('works on as many keys at once as it has workers, and never twice on one', async () => {
    const running = new Set<string>()
    let most = 0
    let runs = 0
    const keys = queue({ workers: 3 })
    start(async (key) => {
      assert.equal(running.has(key), false, 'two workers on one key')
      running.add(key)
      most = Math.max(most, running.size)
      await sleep(10)
      running.delete(key)
      runs++
    }, keys)
    for (const key of ['a', 'b', 'c', 'd', 'e']) keys.add(key)
    while (running.size < 3) await sleep(1)
    // while they are worked on: exactly one more run of each
    for (const key of ['a', 'b', 'c']) keys.add(key)
    await sleep(150)
    assert.equal(most, 3)
    assert.equal(runs, 8)
  })

  it('does not hold up other keys while one takes long', async () => {
    const done: string[] = []
    const keys = queue({ workers: 2 })
    start(async (key) => {
      if (key === 'slow') await sleep(10_000, undefined, { signal: stop.signal }).catch(() => undefined)
      done.push(key)
    }, keys)
    keys.add('slow')
    while (keys.busyMs === undefined) await sleep(5)
    for (const key of ['a', 'b', 'c']) keys.add(key)
    while (done.length < 3) await sleep(5)
    assert.deepEqual(done, ['a', 'b', 'c'])
    const busy = keys.busyMs ?? 0
    await sleep(10)
    assert.ok((keys.busyMs ?? 0) > busy, 'the longest run counts')
  })

  it('ends only after the current runs have ended', async () => {
    let [begun, ended] = [0, 0]
    const keys = queue({ workers: 2 })
    const running = start(async () => {
      begun++
      await sleep(30)
      ended++
    }, keys)
    keys.add('a')
    keys.add('b')
    while (begun < 2) await sleep(1)
    stop.abort(new Error('enough'))
    await assert.rejects(running, /enough/)
    assert.equal(ended, 2)
  })
})
