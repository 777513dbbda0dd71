import { hint } from '../../../src/lib/errors.ts'
import assert from 'node:assert/strict'
import { CassSniError } from '../../../src/lib/errors.ts'
import { parseDuration } from '../../../src/lib/cli/flags.ts'
import { closest, usageError } from '../../../src/lib/cli/usage-error.ts'

describe('closest', () => {
  const known = ['install', 'certs', 'certs:ca', 'routes:sync', 'verify', 'port-forward']
  const cases: [string, string | undefined][] = [
    ['instal', 'install'],
    ['isntall', 'install'],
    ['verfiy', 'verify'],
    ['portforward', 'port-forward'],
    ['routes:synk', 'routes:sync'],
    ['banana', undefined],
  ]
  for (const [word, expected] of cases)
    it(`to "${word}" is ${expected ?? 'nothing'}`, () => assert.equal(closest(word, known), expected))
})

describe('usageError', () => {
  const message = (text: string, more: object = {}) =>
    usageError(Object.assign(new Error(text), more), ['dry-run', 'output'], hint('help')).message

  it('guesses the flag that was meant', () => {
    assert.equal(
      message('Nonexistent flag: --dryrun\nSee more help with --help', { flags: ['--dryrun'] }),
      'There is no flag --dryrun. Did you mean --dry-run?',
    )
  })
  it('makes one sentence of what oclif says', () => {
    assert.equal(
      message('The following error occurred:\n  Missing required flag from\nSee more help with --help'),
      'Missing required flag from.',
    )
    assert.equal(
      message('Parsing --timeout \n\t"x" is not a duration.\nSee more help with --help'),
      '--timeout: "x" is not a duration.',
    )
  })
  it('keeps nothing of what oclif hangs on its errors', () => {
    const error = usageError(
      Object.assign(new Error('x'), { parse: { input: { context: 'the whole configuration' } } }),
      [],
      hint('help'),
    )
    assert.doesNotMatch(JSON.stringify(error), /configuration/)
    assert.equal(error.cause, undefined)
  })
})

describe('parseDuration', () => {
  const cases: [string, number][] = [
    ['90s', 90_000],
    ['10m', 600_000],
    ['1h30m', 5_400_000],
    ['500ms', 500],
    ['1.5s', 1500],
    ['30', 30_000],
    ['0', 0],
  ]
  for (const [text, expected] of cases) it(`reads ${text}`, () => assert.equal(parseDuration(text), expected))
  for (const text of ['', 'x', '10 minutes', '5d', '-1s', 's']) {
    it(`refuses "${text}"`, () =>
      assert.throws(
        () => parseDuration(text),
        (error) => error instanceof CassSniError && error.code === 'CSNI101',
      ))
  }
})
