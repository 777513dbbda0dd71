import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { POD } from '../../../src/lib/cluster/resources.ts'
import type { Transport } from '../../../src/lib/cluster/transport.ts'
import { watchEvents } from '../../../src/lib/cluster/watch.ts'
import { CassSniError } from '../../../src/lib/errors.ts'

const TARGET = { server: 'https://10.0.0.1:6443', context: 'test' }

/** A watch whose response is this stream. */
function watching(body: PassThrough, silenceMs: number) {
  const transport = { target: TARGET, stream: async () => ({ status: 200, body }) } as unknown as Transport
  const request = { verb: 'watch', type: POD }
  return watchEvents(
    transport,
    { method: 'GET', path: '/api/v1/pods' },
    request as never,
    new AbortController().signal,
    {
      silenceMs,
    },
  )
}

const line = (name: string): string =>
  `${JSON.stringify({ type: 'ADDED', object: { apiVersion: 'v1', kind: 'Pod', metadata: { name } } })}\n`

describe('a watch', () => {
  it('fails if the server sends nothing for too long, as after a lost connection', async () => {
    const body = new PassThrough()
    const events = watching(body, 60)
    assert.deepEqual((await events.next()).value, { type: 'ACCEPTED' })
    body.write(line('a'))
    assert.equal((await events.next()).value?.type, 'ADDED')
    await assert.rejects(events.next(), (error: unknown) => {
      assert.ok(error instanceof CassSniError)
      assert.equal(error.code, 'CSNI201')
      assert.match(error.message, /sent nothing for 60ms/)
      return true
    })
    assert.equal(body.destroyed, true)
  })

  it('goes on as long as something is sent', async () => {
    const body = new PassThrough()
    const events = watching(body, 120)
    const names: unknown[] = []
    await events.next()
    for (let count = 0; count < 4; count += 1) {
      setTimeout(() => body.write(line(`pod-${count}`)), 60)
      const { value } = await events.next()
      names.push(value?.type === 'ADDED' ? value.object.metadata.name : value?.type)
    }
    assert.deepEqual(names, ['pod-0', 'pod-1', 'pod-2', 'pod-3'])
    await events.return(undefined)
    assert.equal(body.destroyed, true)
  })
})
