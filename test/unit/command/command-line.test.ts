import assert from 'node:assert/strict'
import { canonical, type FlagShape } from '../../../src/lib/cli/command-line.ts'
import { CassSniError } from '../../../src/lib/errors.ts'

const FLAGS: FlagShape[] = [
  { name: 'namespace', char: 'n', type: 'option' },
  { name: 'output', char: 'o', type: 'option', options: ['text', 'json'] },
  { name: 'as-group', type: 'option', multiple: true },
  { name: 'public-name', type: 'option', multiple: true },
  { name: 'node', type: 'option' },
  { name: 'strict', type: 'boolean' },
  { name: 'yes', char: 'y', type: 'boolean' },
  { name: 'dry-run', type: 'boolean' },
  { name: 'tunnel', type: 'boolean', allowNo: true },
]
const read = (line: string) =>
  canonical(line === '' ? [] : line.split(' '), FLAGS, { allowed: ['public-name'], rejected: ['node'] })
const argv = (line: string) => read(line).argv.join(' ')

describe('a command line', () => {
  const forms: [given: string, canonical: string][] = [
    ['--strict', '--strict'],
    ['--strict=true', '--strict'],
    ['--strict=1', '--strict'],
    ['--strict=false', ''],
    ['--strict --strict=F', ''],
    ['--yes=false -y', '--yes'],
    ['-y=false', ''],
    ['-yn x', '--yes --namespace x'],
    ['-nx', '--namespace x'],
    ['-n=x', '--namespace x'],
    ['--namespace=x', '--namespace x'],
    ['-n a --namespace b', '--namespace b'],
    ['--namespace=', ''],
    ['--public-name=', '--public-name '],
    ['--as-group a --as-group=b', '--as-group a --as-group b'],
    ['--dry-run', '--dry-run'],
    ['--dry-run=server', '--dry-run'],
    ['--dry-run=client', '--dry-run'],
    ['--dry-run=none', ''],
    ['--no-tunnel', '--no-tunnel'],
    ['--tunnel=false', '--no-tunnel'],
    ['--no-tunnel=false', '--tunnel'],
    ['-ojson', '--output json'],
    ['word -y --bogus -- --strict', '--yes word --bogus -- --strict'],
  ]
  for (const [given, expected] of forms)
    it(`is read as kubectl reads it: ${given}`, () => assert.equal(argv(given), expected))

  it('is kept for the next steps, each flag with its value', () => {
    const { flags, args, rest } = read('a -n x --no-tunnel --strict=true -- b --c')
    assert.deepEqual([args, rest], [['a'], ['b', '--c']])
    assert.deepEqual(flags, [
      { name: 'namespace', value: 'x', negated: undefined },
      { name: 'tunnel', value: undefined, negated: true },
      { name: 'strict', value: undefined, negated: undefined },
    ])
  })

  const wrong: [string, RegExp][] = [
    ['--strict=maybe', /^invalid value "maybe" for --strict: expected true, false$/],
    ['--dry-run=all', /^invalid value "all" for --dry-run: expected none, client, server, true, false$/],
    ['-o xml', /^invalid value "xml" for --output: expected text, json$/],
    ['--node=', /^--node is empty; specify a value or omit the flag$/],
    ['--namespace', /^flag requires a value: --namespace$/],
    ['-n', /^flag requires a value: --namespace$/],
  ]
  for (const [line, message] of wrong)
    it(`is refused: ${line}`, () =>
      assert.throws(
        () => read(line),
        (error: unknown) => {
          assert.ok(error instanceof CassSniError)
          assert.equal(error.code, 'CSNI101')
          assert.match(error.message, message)
          return true
        },
      ))
})
