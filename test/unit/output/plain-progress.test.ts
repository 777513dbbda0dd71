import assert from 'node:assert/strict'
import { palette } from '../../../src/lib/output/color.ts'
import { PlainProgress } from '../../../src/lib/output/plain-progress.ts'

function record() {
  let text = ''
  const stream = { write: (part: string) => (text += part) } as unknown as NodeJS.WriteStream
  const symbols = { ok: 'OK', fail: 'FAIL', warn: 'WARN', skip: 'SKIP', unknown: '?', more: '...', arrow: '->' }
  return {
    progress: new PlainProgress({ stream, paint: palette(false), symbols }),
    lines: () => text.trimEnd().split('\n'),
  }
}

describe('plain progress', () => {
  it('is a line at the start and the end of a step', () => {
    const { progress, lines } = record()
    progress.show({ type: 'step', id: 'a', title: 'Namespace', state: 'started' })
    progress.show({ type: 'step', id: 'a', title: 'Namespace', state: 'done', note: 'created' })
    progress.show({ type: 'step', id: 'b', title: 'Operator', state: 'skipped', note: 'already there' })
    assert.deepEqual(lines(), ['Namespace ...', 'OK Namespace: created', 'SKIP Operator: already there'])
  })

  it('tells a reason to wait once, and again after it was gone', () => {
    const { progress, lines } = record()
    progress.show({ type: 'step', id: 'a', title: 'Pods', state: 'started' })
    for (const waiting of [['x: no volume'], ['x: no volume', 'y: starting'], ['y: starting'], ['x: no volume']])
      progress.show({ type: 'waiting', id: 'a', lines: waiting })
    assert.deepEqual(lines(), ['Pods ...', '  x: no volume', '  y: starting', '  x: no volume'])
  })

  it('marks a step that was left when the work failed, without saying why a second time', async () => {
    const { progress, lines } = record()
    progress.show({ type: 'step', id: 'a', title: 'Pods', state: 'started' })
    await progress.end('failed')
    assert.deepEqual(lines(), ['Pods ...', 'FAIL Pods'])
  })

  it('leaves out, and does not mark as failed, a step that was cut short', async () => {
    const { progress, lines } = record()
    progress.show({ type: 'step', id: 'a', title: 'Pods', state: 'started' })
    await progress.end('skipped')
    assert.deepEqual(lines(), ['Pods ...', 'SKIP Pods: interrupted'])
  })

  it('is plain ASCII where the locale is', () => {
    const { progress, lines } = record()
    progress.show({ type: 'step', id: 'a', title: 'Pods', state: 'started' })
    progress.show({ type: 'waiting', id: 'a', lines: ['x: a long message that was cut…'] })
    assert.deepEqual(lines(), ['Pods ...', '  x: a long message that was cut...'])
  })

  it('keeps escape sequences of the cluster out', () => {
    const { progress, lines } = record()
    progress.show({ type: 'step', id: 'a', title: 'Pod \u001b[2Jx', state: 'done', note: 'a\nb' })
    assert.deepEqual(lines(), ['OK Pod x: a b'])
  })
})
