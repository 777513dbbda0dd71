import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { ProgramMissing, runProgram } from '../../../src/lib/cluster/program.ts'
import { CassSniError } from '../../../src/lib/errors.ts'

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const signal = new AbortController().signal

describe('programs of the user', () => {
  it('gives input, reads both outputs, tells each line and the exit code', async () => {
    const lines: string[] = []
    const done = await runProgram('sh', ['-c', 'cat; echo "$X" >&2; exit 3'], {
      signal,
      stdin: 'in\n',
      env: { X: 'e' },
      onLine: (line) => lines.push(line),
    })
    assert.deepEqual(done, { exitCode: 3, stdout: 'in\n', stderr: 'e\n' })
    assert.deepEqual(lines.sort(), ['e', 'in'])
  })
  it('uses no shell', async () => {
    assert.equal((await runProgram('echo', ['$(id); "a b"'], { signal })).stdout, '$(id); "a b"\n')
  })
  it('leaves it to the caller what a missing program means', async () => {
    await assert.rejects(
      runProgram('no-such-program', [], { signal }),
      (error) => error instanceof ProgramMissing && error.program === 'no-such-program',
    )
  })
  it('ends the program when it is aborted', async () => {
    const controller = new AbortController()
    const running = runProgram('sleep', ['60'], { signal: controller.signal })
    setTimeout(() => controller.abort(new CassSniError('CSNI901', 'too late')), 50)
    await assert.rejects(running, { code: 'CSNI901' })
  })
  it('leaves no program behind when this one ends before it', async () => {
    const program = new URL('../../../src/lib/cluster/program.ts', import.meta.url).href
    const script = `import { runProgram } from '${program}'
      const line = (pid) => { console.log(pid); process.exit(0) }
      await runProgram('sh', ['-c', 'trap "" INT; echo $$; exec sleep 600'], { signal: new AbortController().signal, onLine: line })`
    const pid = Number(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }))
    assert.ok(pid > 1)
    for (let tries = 0; alive(pid); tries++) {
      assert.ok(tries < 100, 'it still runs')
      await sleep(20)
    }
  })
  it('takes an empty name for a missing program', async () => {
    await assert.rejects(runProgram('', [], { signal }), ProgramMissing)
  })
})
