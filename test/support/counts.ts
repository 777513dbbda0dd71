/** Mocha's spec reporter, which also writes its counts into the file that test/run.ts names. */
import { writeFileSync } from 'node:fs'
import Mocha from 'mocha'

export default class Counts extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options)
    const file = process.env.CASS_SNI_TEST_COUNTS
    if (!file) return
    runner.once('end', () =>
      writeFileSync(file, JSON.stringify({ passed: this.stats.passes, failed: this.stats.failures })),
    )
  }
}
