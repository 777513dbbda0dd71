import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { mock } from 'node:test'
import { firstStream } from '../../../src/lib/connection/first-stream.ts'
import { CassSniError } from '../../../src/lib/errors.ts'

describe('the first stream of several attempts', () => {
  const stream = () => new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  const hangs = (seen: AbortSignal[]) => (signal: AbortSignal) => {
    seen.push(signal)
    return new Promise<Duplex>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }

  it('is that of the second one while the first hangs, which is then ended', async () => {
    mock.timers.enable({ apis: ['setTimeout'] })
    try {
      const [seen, second]: [AbortSignal[], Duplex] = [[], stream()]
      const first = firstStream([hangs(seen), async () => second])
      await settled()
      mock.timers.tick(2_000)
      assert.equal(await first, second)
      assert.equal(seen[0]?.aborted, true)
    } finally {
      mock.timers.reset()
    }
  })

  it('goes to the next at once after a failure, and fails with the last one', async () => {
    const tried: string[] = []
    const fails = (name: string) => async () => {
      tried.push(name)
      throw new CassSniError('CSNI601', name)
    }
    await assert.rejects(firstStream([fails('a'), fails('b')]), { message: 'b' })
    assert.deepEqual(tried, ['a', 'b'])
  })

  it('ends all attempts with the signal', async () => {
    const [stop, seen] = [new AbortController(), [] as AbortSignal[]]
    const opening = assert.rejects(firstStream([hangs(seen)], stop.signal), { message: 'late' })
    await settled()
    stop.abort(new CassSniError('CSNI601', 'late'))
    await opening
    assert.equal(seen[0]?.aborted, true)
  })

  it('closes a stream that comes too late', async () => {
    mock.timers.enable({ apis: ['setTimeout'] })
    try {
      const [slow, fast] = [stream(), stream()]
      let open = (_: Duplex) => {}
      const first = firstStream([() => new Promise((resolve) => (open = resolve)), async () => fast])
      await settled()
      mock.timers.tick(2_000)
      assert.equal(await first, fast)
      open(slow)
      await settled()
      assert.equal(slow.destroyed, true)
    } finally {
      mock.timers.reset()
    }
  })
})
