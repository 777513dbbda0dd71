import assert from 'node:assert/strict'
import { withoutEmptyValues } from '../../../src/lib/cli/empty-values.ts'

describe('an empty value of a flag', () => {
  const flags = {
    namespace: { type: 'option', char: 'n' },
    port: { type: 'option' },
    execute: { type: 'option', char: 'e' },
    yes: { type: 'boolean', char: 'y' },
  }
  for (const [words, kept] of [
    [['-n', '', '--yes', '--port='], ['--yes']],
    [['--namespace', '', 'pod'], ['pod']],
    [
      ['-n', '--port', ''],
      ['-n', '--port', ''],
    ],
    [
      ['-e', '', '--yes', ''],
      ['-e', '', '--yes', ''],
    ],
    [
      ['--port', '1', '--', '-n', ''],
      ['--port', '1', '--', '-n', ''],
    ],
  ] as const) {
    it(`${JSON.stringify(words)} is read as ${JSON.stringify(kept)}`, () =>
      assert.deepEqual(withoutEmptyValues(words, flags), kept))
  }
})
