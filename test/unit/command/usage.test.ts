import { hint } from '../../../src/lib/errors.ts'
import assert from 'node:assert/strict'
import { CassSniError } from '../../../src/lib/errors.ts'
import { parseClusterDomain, parseDuration } from '../../../src/lib/cli/flags.ts'
import { usageError } from '../../../src/lib/cli/usage-error.ts'
import { closest } from '../../../src/lib/text/closest-word.ts'

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
  const told = (text: string, more: object = {}) =>
    usageError(
      Object.assign(new Error(text), more),
      {
        flagNames: ['dry-run', 'output'],
        foreignFlags: { '-u': hint('use --username'), argument: hint('use --address') },
      },
      hint('help'),
    )
  const message = (text: string) => told(text).message

  it('guesses the flag that was meant', () => {
    const error = told('Nonexistent flag: --dryrun\nSee more help with --help', { flags: ['--dryrun'] })
    assert.equal(error.message, 'unknown flag: --dryrun')
    assert.deepEqual(error.next, [hint('did you mean --dry-run?'), hint('help')])
  })
  it('tells what to use in place of a flag or an argument of a similar program', () => {
    const flag = told('Nonexistent flag: -u\nSee more help with --help', { flags: ['-u'] })
    assert.deepEqual(flag.next, [hint('use --username'), hint('help')])
    const argument = told('Unexpected argument: 10.0.0.1\nSee more help with --help')
    assert.deepEqual(argument.next, [hint('use --address'), hint('help')])
  })
  it('makes one line of what oclif says', () => {
    assert.equal(
      message('The following error occurred:\n  Missing required flag from\nSee more help with --help'),
      'missing required flag: --from',
    )
    assert.equal(
      message('Parsing --timeout \n\tinvalid duration "x"\nSee more help with --help'),
      '--timeout: invalid duration "x"',
    )
  })
  it('names a missing argument as the usage does, without advice on flags of several values', () => {
    const note = 'Note: --as-group allows multiple values. Because of this you need to provide all arguments before.'
    const error = told(`Missing 1 required arg:\nfile  File, or Secret/NAME.\n\n${note}`, { args: [{ name: 'file' }] })
    assert.equal(error.message, 'missing argument: FILE')
    assert.deepEqual(error.next, [hint('help')])
  })
  it('names the limits of a number as for any other value', () => {
    const oclif = (text: string) => message(`Parsing --port \n\t${text}\nSee more help with --help`)
    assert.equal(
      oclif('Expected an integer less than or equal to 65535 but received: 99999'),
      'invalid value "99999" for --port: expected an integer of at most 65535',
    )
    assert.equal(
      oclif('Expected an integer greater than or equal to 1 but received: 0'),
      'invalid value "0" for --port: expected an integer of at least 1',
    )
    assert.equal(oclif('Expected an integer but received: x'), 'invalid value "x" for --port: expected an integer')
  })
  it('has words of its own for flags that need or exclude one another', () => {
    const oclif = (text: string) => message(`The following error occurred:\n  ${text}\nSee more help with --help`)
    assert.equal(
      oclif('All of the following must be provided when using --password-stdin: --username'),
      '--password-stdin requires --username',
    )
    assert.equal(
      oclif('--print-cqlshrc=true cannot also be provided when using --print-env'),
      '--print-cqlshrc and --print-env are mutually exclusive',
    )
    assert.equal(
      oclif('--execute=SELECT a;\nSELECT b cannot also be provided when using --file'),
      '--execute and --file are mutually exclusive',
    )
  })
  it('keeps nothing of what oclif hangs on its errors', () => {
    const error = usageError(
      Object.assign(new Error('x'), { parse: { input: { context: 'the whole configuration' } } }),
      { flagNames: [], foreignFlags: {} },
      hint('help'),
    )
    assert.doesNotMatch(JSON.stringify(error), /configuration/)
    assert.equal(error.cause, undefined)
  })
})

describe('parseClusterDomain', () => {
  it('takes a DNS domain, in normal form', () => {
    for (const [text, expected] of [
      ['cluster.local', 'cluster.local'],
      ['Lab.Example.', 'lab.example'],
      ['k8s', 'k8s'],
    ] as const)
      assert.equal(parseClusterDomain(text), expected)
  })
  for (const text of ['x y', '', '.', 'a..b', '*.a.b', '-a.b', '10.0.0.1', 'x;y'])
    it(`refuses ${JSON.stringify(text)}`, () =>
      assert.throws(
        () => parseClusterDomain(text),
        (error) =>
          error instanceof CassSniError && error.code === 'CSNI101' && /invalid DNS domain/.test(error.message),
      ))
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
    ['596h', 2_145_600_000],
    // as long as a timer can be: a longer one would fire immediately
    ['99999h', 2 ** 31 - 1],
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
