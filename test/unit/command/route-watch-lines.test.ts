import assert from 'node:assert/strict'
import { watchText } from '../../../src/lib/cli/route-watch-lines.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { createTextRenderer } from '../../../src/lib/output/text-renderer.ts'

describe('the lines of routes sync --watch', () => {
  const renderer = createTextRenderer('never', {}, process.stdout)
  const time = new Date('2026-11-26T03:04:05.678Z')

  it('tell that a failure is retried, and when it is over', () => {
    const error = new CassSniError('CSNI201', 'cannot reach the API server')
    assert.equal(
      watchText({ type: 'failing', error }, time, renderer),
      '2026-11-26T03:04:05Z retrying, with pauses of up to 30s\n',
    )
    assert.equal(watchText({ type: 'recovered' }, time, renderer), '2026-11-26T03:04:05Z in sync again\n')
  })
})
