import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse } from 'yaml'
import { CassSniCommand, type Run } from '../../../src/lib/cli/base-command.ts'
import { CassSniError, hint } from '../../../src/lib/errors.ts'
import { changeFlags } from '../../../src/lib/cli/flags.ts'
import type { TextRenderer } from '../../../src/lib/output/text-renderer.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

interface Result {
  ok: boolean
  name: string
}

/** What the command of the test does. */
let behavior: (run: Run) => Promise<Result>

class Probe extends CassSniCommand<Result> {
  static override id = 'probe'
  static override flags = { ...changeFlags }
  protected readonly kind = 'Probe'
  protected work(run: Run): Promise<Result> {
    return behavior(run)
  }
  protected present({ name }: Result, renderer: TextRenderer): string {
    return `name: ${renderer.printable(name)}`
  }
}

async function run(argv: string[], work: (run: Run) => Promise<Result>) {
  behavior = work
  const parts = { stdout: '', stderr: '' }
  const originals = (['stdout', 'stderr'] as const).map((name) => {
    const stream = process[name]
    const { write } = stream
    stream.write = ((text: string, ...rest: unknown[]) => {
      parts[name] += text
      for (const done of rest) if (typeof done === 'function') done()
      return true
    }) as typeof stream.write
    return () => {
      stream.write = write
    }
  })
  const before = process.exitCode
  try {
    const exitCode = await Probe.run(['--color', 'never', ...argv], { root })
    return { ...parts, exitCode }
  } finally {
    for (const restore of originals) restore()
    process.exitCode = before
  }
}

function kubeconfig(cluster: object): { folder: string; file: string } {
  const folder = mkdtempSync(join(tmpdir(), 'kubeconfig-'))
  const file = join(folder, 'config')
  const text = JSON.stringify({
    clusters: [{ name: 'k', cluster }],
    users: [{ name: 'u', user: { token: 't' } }],
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
    'current-context': 'c',
  })
  writeFileSync(file, text)
  return { folder, file }
}

const good: Result = { ok: true, name: 'x\u001b[31my' }

describe('the base command', () => {
  it('presents the result on stdout', async () => {
    assert.deepEqual(await run([], async () => good), { stdout: 'name: xy\n', stderr: '', exitCode: 0 })
  })

  it('prints changes on stdout and warnings on stderr', async () => {
    const outcome = await run([], async ({ emit }) => {
      emit({ type: 'change', change: { action: 'created', object: 'service/x', dryRun: true } })
      emit({ type: 'warning', message: 'look here', code: 'CSNI504' })
      return good
    })
    assert.deepEqual(outcome, {
      stdout: 'service/x created (dry run)\nname: xy\n',
      stderr: 'warning: look here [CSNI504]\n',
      exitCode: 0,
    })
  })

  for (const format of ['json', 'yaml'] as const) {
    it(`puts all of it into the envelope with -o ${format}`, async () => {
      const { stdout, stderr, exitCode } = await run(['-o', format], async ({ emit }) => {
        emit({ type: 'change', change: { action: 'created', object: 'service/x' } })
        emit({ type: 'warning', message: 'look here' })
        return good
      })
      const read: unknown = format === 'json' ? JSON.parse(stdout) : parse(stdout)
      assert.deepEqual(read, {
        apiVersion: 'cass-sni/v1',
        kind: 'Probe',
        result: good,
        changes: [{ action: 'created', object: 'service/x' }],
        warnings: [{ message: 'look here' }],
      })
      assert.equal(stderr, '')
      assert.equal(exitCode, 0)
    })
  }

  it('ends with 1 when the result says no', async () => {
    assert.equal((await run([], async () => ({ ok: false, name: 'x' }))).exitCode, 1)
    assert.equal((await run(['-o', 'json'], async () => ({ ok: false, name: 'x' }))).exitCode, 1)
  })

  it('tells an error on stderr, and in the envelope with -o json; the exit code is the same', async () => {
    const fails = async () => {
      throw new CassSniError('CSNI105', 'Two fit.', { next: [hint('choose one')] })
    }
    assert.deepEqual(await run([], fails), {
      stdout: '',
      stderr: 'error: Two fit. [CSNI105]\n  Hint: choose one\n',
      exitCode: 2,
    })
    const { stdout, stderr, exitCode } = await run(['-o', 'json'], fails)
    assert.deepEqual(JSON.parse(stdout).error, { code: 'CSNI105', message: 'Two fit.', next: ['choose one'] })
    assert.match(stderr, /^error: Two fit/)
    assert.equal(exitCode, 2)
  })

  it('shows the stack of what nobody expected at -v 9 only', async () => {
    const fails = async () => {
      throw new TypeError('x is not a function')
    }
    const { stderr, exitCode } = await run([], fails)
    assert.match(stderr, /^error: x is not a function \[CSNI903\]\n {2}Hint: rerun with -v 9/)
    assert.doesNotMatch(stderr, /\n\s+at /)
    assert.equal(exitCode, 1)
    assert.match((await run(['-v', '9'], fails)).stderr, /\n\s+at /)
  })

  it('ends with 124 at the time limit, also when the work does not heed it', async () => {
    const heeds = await run(['--timeout', '50ms'], async ({ signal }) => {
      await sleep(5000, undefined, { signal })
      return good
    })
    assert.match(heeds.stderr, /timed out after .* \[CSNI901\]/)
    assert.equal(heeds.exitCode, 124)
    const fuller = await run(['--timeout', '50ms'], async ({ signal }) => {
      await sleep(5000, undefined, { signal }).catch(() => undefined)
      throw new CassSniError('CSNI901', 'Waited for pod-1.')
    })
    assert.match(fuller.stderr, /Waited for pod-1/)
  })

  it('has no time limit with --timeout 0, as kubectl has none then', async () => {
    for (const none of ['0', '0s', '0m']) {
      const outcome = await run(['--timeout', none], async ({ signal }) => {
        await sleep(30, undefined, { signal })
        return good
      })
      assert.deepEqual([outcome.exitCode, outcome.stderr], [0, ''])
    }
  })

  it('ends with 130 when interrupted, and listens no longer', async () => {
    const listeners = process.listenerCount('SIGINT')
    const { stderr, exitCode } = await run([], async ({ signal }) => {
      process.emit('SIGINT', 'SIGINT')
      await sleep(5000, undefined, { signal })
      return good
    })
    assert.match(stderr, /interrupted \(Ctrl-C\)/)
    assert.equal(exitCode, 130)
    assert.equal(process.listenerCount('SIGINT'), listeners)
  })

  it('marks a step that was cut short as left out, not as failed', async () => {
    const { folder, file } = kubeconfig({ server: 'https://x' })
    const step = { type: 'step', id: 'a', title: 'Routes' } as const
    const cuts = (state: 'failed' | undefined) => async (given: Run) => {
      const { emit } = await given.context('x')
      emit({ ...step, state: 'started' })
      await sleep(5000, undefined, { signal: given.signal }).catch(() => undefined)
      if (state) emit({ ...step, state })
      throw new Error('cut')
    }
    try {
      for (const state of ['failed', undefined] as const) {
        const { stderr } = await run(['--kubeconfig', file, '--timeout', '50ms'], cuts(state))
        assert.match(stderr, /^Routes .*\n\S+ Routes: interrupted\nerror: timed out after/)
        assert.doesNotMatch(stderr, /✖|FAIL/)
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('warns aloud of an API server that is not verified', async () => {
    const { folder, file } = kubeconfig({ server: 'https://x', 'insecure-skip-tls-verify': true })
    const connects = async (given: Run) => {
      await given.context('x')
      return good
    }
    try {
      assert.match(
        (await run(['--kubeconfig', file], connects)).stderr,
        /^warning: TLS verification for API server https:\/\/x is disabled/,
      )
      assert.match(
        JSON.parse((await run(['--kubeconfig', file, '-o', 'json'], connects)).stdout).warnings[0].message,
        /verification .* disabled/,
      )
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('lets no control of a log line reach the terminal', async () => {
    const { stderr } = await run(['-v', '6'], async ({ log }) => {
      log('GET /a\u001b[2J\nerror: forged', 6)
      return good
    })
    assert.equal(stderr, 'GET /a error: forged\n')
  })

  it('asks nobody off a terminal', async () => {
    await run([], async (given) => {
      assert.equal(given.interactive, false)
      assert.equal(given.ask, undefined)
      return good
    })
  })

  it('hands the kubectl flags on', async () => {
    const argv = [
      '-n',
      'n',
      '--context',
      'c',
      '--as',
      'u',
      '--as-group',
      'g',
      '--as-group',
      'h',
      '--request-timeout',
      '5s',
    ]
    await run(argv, async ({ kubeOptions }) => {
      const { signal, ...rest } = kubeOptions
      assert.equal(signal.aborted, false)
      assert.deepEqual(rest, { namespace: 'n', context: 'c', as: 'u', asGroups: ['g', 'h'], requestTimeoutMs: 5000 })
      return good
    })
  })

  it('shows the log from the level on that -v asks for', async () => {
    const logs = async ({ log }: Run) => {
      log('often', 1)
      log('always', 0)
      return good
    }
    assert.equal((await run([], logs)).stderr, 'always\n')
    assert.equal((await run(['-v', '1'], logs)).stderr, 'often\nalways\n')
  })
})
