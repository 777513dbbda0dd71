/** Run on a pseudo-terminal by live-progress.test.ts: steps one after the other, beside one another, and around a pause. */
import { setTimeout as sleep } from 'node:timers/promises'
import { palette } from '../../../src/lib/output/color.ts'
import { createProgress } from '../../../src/lib/output/progress.ts'

const symbols = { ok: '+', fail: 'x', warn: '!', skip: '-', unknown: '?', more: '...', arrow: '->' }
const progress = await createProgress({ stream: process.stderr, paint: palette(false), symbols }, {})
const step = (id: string, state: 'started' | 'done' | 'skipped' | 'failed', note?: string) =>
  progress.show({ type: 'step', id, title: `Step ${id}`, state, ...(note ? { note } : {}) })
step('1', 'started')
progress.show({ type: 'waiting', id: '1', lines: ['pod-0: starting', 'pod-1: no volume'] })
await sleep(150)
step('2', 'started')
step('2', 'done', 'beside the first')
step('1', 'done', 'all pods run')
step('3', 'started')
await sleep(50)
await progress.pause()
process.stderr.write('A question? yes\n')
progress.resume()
step('3', 'skipped', 'already there')
await sleep(50)
step('4', 'started')
// at once, before the step's first line is on the screen
await progress.pause()
process.stderr.write('Another question? no\n')
progress.resume()
await sleep(50)
await progress.end('failed')
process.stdout.write('result\n')
