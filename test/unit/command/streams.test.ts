import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** A program whose one command does this, and ends with the command's exit code. */
const program = (work: string) => `
  import { CassSniCommand } from '${root}/src/lib/cli/base-command.ts'
  import { endProcess } from '${root}/src/lib/cli/process-end.ts'
  class Probe extends CassSniCommand {
    static id = 'probe'
    kind = 'Probe'
    async work(run) { ${work}; return { ok: true } }
    present() { return 'result' }
  }
  const exitCode = await Probe.run(process.argv.slice(1), { root: '${root}' })
  await endProcess(exitCode)`

function start(work: string, argv: string[], stdout: 'pipe' | number) {
  return spawn(process.execPath, ['--input-type=module', '-e', program(work), '--', ...argv], {
    stdio: ['ignore', stdout, 'pipe'],
  })
}

describe('output that does not arrive', () => {
  it('is an error: a full disk does not pass for success', async function () {
    this.timeout(60_000)
    for (const argv of [[], ['-o', 'json']]) {
      const child = start('', argv, openSync('/dev/full', 'w'))
      let stderr = ''
      child.stderr?.on('data', (data: Buffer) => {
        stderr += data.toString()
      })
      const [exitCode] = await once(child, 'close')
      assert.match(stderr, /^error: cannot write the output: no space left on device \[CSNI104\]/)
      assert.equal(exitCode, 2)
    }
  })

  it('on stderr is nobody’s: the work goes on', async function () {
    this.timeout(60_000)
    const child = start(
      "for (let i = 0; i < 20; i++) { run.log('told', 0); await new Promise((done) => setTimeout(done, 10)) }",
      [],
      'pipe',
    )
    child.stderr?.destroy()
    let stdout = ''
    child.stdout?.on('data', (data: Buffer) => {
      stdout += data.toString()
    })
    const [exitCode] = await once(child, 'close')
    assert.deepEqual([stdout, exitCode], ['result\n', 0])
  })
})
