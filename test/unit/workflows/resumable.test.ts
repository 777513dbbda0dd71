import assert from 'node:assert/strict'
import { CassSniError } from '../../../src/lib/errors.ts'
import { resumable } from '../../../src/lib/workflows/resumable.ts'
import { nextTexts } from '../../support/next-texts.ts'

describe('a run that was interrupted', () => {
  const interrupted = new CassSniError('CSNI902', 'interrupted')
  const aborted = AbortSignal.abort(interrupted)

  it('says what is kept, and how to resume it, whatever the abort made fail', () => {
    const found = resumable(aborted, new Error('socket closed'), 'completed steps are kept', ['--size', '3'])
    assert.ok(found instanceof CassSniError)
    assert.equal(found.code, 'CSNI902')
    const [hint, command = ''] = nextTexts(found.next)
    assert.equal(hint, 'completed steps are kept; rerun to resume')
    assert.match(command, / --size 3$/)
  })

  it('keeps any other error', () => {
    const error = new CassSniError('CSNI404', 'a node does not serve the certificate')
    assert.equal(resumable(new AbortController().signal, error, 'nothing'), error)
  })
})
