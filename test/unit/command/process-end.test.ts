import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))

describe('a run that is cut short while something hangs', () => {
  const directory = mkdtempSync(join(tmpdir(), 'cass-sni-fifo-'))
  const fifo = join(directory, 'pipe')
  before(() => execFileSync('mkfifo', [fifo]))
  after(() => rmSync(directory, { recursive: true }))

  /** A command that opens a FIFO without a writer: open(2) never returns, and Node waits for its thread at the end. */
  const program = `
    import { open } from 'node:fs/promises'
    import { CassSniCommand } from '${root}/src/lib/cli/base-command.ts'
    import { changeFlags } from '${root}/src/lib/cli/flags.ts'
    import { endProcess } from '${root}/src/lib/cli/process-end.ts'
    class Probe extends CassSniCommand {
      static id = 'probe'
      static flags = changeFlags
      kind = 'Probe'
      async work() { setTimeout(() => process.stderr.write('opening'), 100); await open('${fifo}') }
      present() { return '' }
    }
    await endProcess(await Probe.run(process.argv.slice(1), { root: '${root}' }))`

  async function exitOf(argv: string[], signal?: NodeJS.Signals): Promise<[unknown, string]> {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, '--', ...argv], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stderr = ''
    child.stderr.on('data', (data: Buffer) => {
      stderr += data.toString()
      if (signal && stderr === 'opening') child.kill(signal)
    })
    const [exitCode, killedBy] = await once(child, 'close')
    return [exitCode ?? killedBy, stderr]
  }

  const formats = [[], ['-o', 'json'], ['-o', 'yaml']]
  const causes: [name: string, exitCode: number, told: RegExp, argv: string[], signal?: NodeJS.Signals][] = [
    ['Ctrl-C', 130, /interrupted \(Ctrl-C\).*CSNI902/, [], 'SIGINT'],
    ['SIGTERM', 143, /terminated \(SIGTERM\).*CSNI902/, [], 'SIGTERM'],
    ['--timeout', 124, /CSNI901/, ['--timeout', '500ms']],
  ]
  for (const [name, exitCode, told, argv, signal] of causes) {
    it(`ends with ${exitCode} after ${name}, whatever the output format`, async function () {
      this.timeout(30_000)
      const ends = await Promise.all(formats.map((format) => exitOf([...format, ...argv], signal)))
      assert.deepEqual(
        ends.map(([code]) => code),
        [exitCode, exitCode, exitCode],
      )
      for (const [, stderr] of ends) assert.match(stderr, told)
    })
  }
})
