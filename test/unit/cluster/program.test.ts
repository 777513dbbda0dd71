import assert from 'node:assert/strict'
import { kubeArguments, ProgramMissing, runProgram } from '../../../src/lib/cluster/program.ts'
import { CassSniError } from '../../../src/lib/errors.ts'

const signal = new AbortController().signal

describe('programs of the user', () => {
  it('gives input, reads both outputs, tells each line and the exit code', async () => {
    const lines: string[] = []
    const done = await runProgram('sh', ['-c', 'cat; echo "$X" >&2; exit 3'], { signal, stdin: 'in\n', env: { X: 'e' }, onLine: (line) => lines.push(line) })
    assert.deepEqual(done, { exitCode: 3, stdout: 'in\n', stderr: 'e\n' })
    assert.deepEqual(lines.sort(), ['e', 'in'])
  })
  it('uses no shell', async () => {
    assert.equal((await runProgram('echo', ['$(id); "a b"'], { signal })).stdout, '$(id); "a b"\n')
  })
  it('leaves it to the caller what a missing program means', async () => {
    await assert.rejects(runProgram('no-such-program', [], { signal }), (error) => error instanceof ProgramMissing && error.program === 'no-such-program')
  })
  it('ends the program when it is aborted', async () => {
    const controller = new AbortController()
    const running = runProgram('sleep', ['60'], { signal: controller.signal })
    setTimeout(() => controller.abort(new CassSniError('CSNI901', 'too late')), 50)
    await assert.rejects(running, { code: 'CSNI901' })
  })
  it('hands on how to reach the cluster', () => {
    assert.deepEqual(kubeArguments({ kubeconfig: '/k', context: 'c', as: 'u', asGroups: ['a', 'b'], namespace: 'n' }), [
      '--kubeconfig=/k',
      '--context=c',
      '--as=u',
      '--as-group=a',
      '--as-group=b',
    ])
  })
})
