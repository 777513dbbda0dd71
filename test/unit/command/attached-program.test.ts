import assert from 'node:assert/strict'
import { runAttached } from '../../../src/lib/cli/attached-program.ts'
import { command } from '../../../src/lib/errors.ts'

describe('a program on this terminal', () => {
  const { signal } = new AbortController()
  it('that is not found is an error with the steps that install it', async () => {
    const next = [command`pip install cqlsh`]
    await assert.rejects(runAttached(['no-such-program'], {}, signal, next), {
      code: 'CSNI703',
      message: 'cannot run no-such-program: not found in PATH',
      next,
    })
    await assert.rejects(runAttached(['/nowhere/cqlsh'], {}, signal), {
      message: 'cannot run /nowhere/cqlsh: no such file or directory',
    })
  })

  it('ends with its exit code, or 128 and the signal that killed it', async () => {
    assert.equal(await runAttached(['sh', '-c', 'exit $CODE'], { CODE: '7' }, signal), 7)
    assert.equal(await runAttached(['sh', '-c', 'kill -KILL $$'], {}, signal), 137)
  })
})
