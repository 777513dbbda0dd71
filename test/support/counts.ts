/**
 * Mocha's spec reporter, which also shows slow hooks, and writes its counts and failures to the file that test/run.ts
 * names.
 */
import { writeFileSync } from 'node:fs'
import Mocha from 'mocha'

/** A hook that takes longer, in ms, is shown with its time, as slow tests are. */
const SLOW_HOOK_MS = 2_000
/** For the process to end by itself after the last test. */
const END_MS = 10_000

/** What one process of mocha counted. */
export interface Counted {
  passed: number
  failed: number
  /** A text for each test and hook that failed: its whole title and the error with its stack. */
  failures: string[]
}

export default class Counts extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options)
    runner.on('hook end', (hook: Mocha.Hook) => {
      if ((hook.duration ?? 0) < SLOW_HOOK_MS) return
      console.log(`${'  '.repeat(hook.titlePath().length)}${hook.title} (${hook.duration}ms)`)
    })
    const file = process.env.CASS_SNI_TEST_COUNTS
    if (!file) return
    const failures: string[] = []
    runner.on('fail', (test: Mocha.Runnable, error?: { message?: string; stack?: string }) =>
      failures.push(failureText(test, error)),
    )
    runner.once('end', () => {
      const counted: Counted = { passed: this.stats.passes, failed: this.stats.failures, failures }
      writeFileSync(file, JSON.stringify(counted))
      setTimeout(endHanging, END_MS).unref()
    })
  }
}

/** Ends a process that something which a test left open, such as a server, would keep alive forever. */
function endHanging(): void {
  const open = process.getActiveResourcesInfo().join(', ')
  console.error(`mocha was still running ${END_MS / 1000} s after the last test, because of ${open}: ended`)
  process.exit()
}

function failureText(test: Mocha.Runnable, error: { message?: string; stack?: string } | undefined): string {
  const { message = String(error), stack = '' } = error ?? {}
  // A stack begins with the message as it was when the error was made.
  const text = stack.includes(message) ? stack : `${message}\n${stack}`
  return `${test.titlePath().join(' > ')}\n${text.trimEnd()}`
}
