import assert from 'node:assert/strict'
import { CassSniError, command } from '../../../src/lib/errors.ts'
import type { KnownCommand, KnownFlag } from '../../../src/lib/cli/completion.ts'
import { findCommand } from '../../../src/lib/cli/find-command.ts'
import { nextTexts } from '../../support/next-texts.ts'

const option = (name: string, char?: string): KnownFlag => ({ name, char, type: 'option' })
const flags = { namespace: option('namespace', 'n'), output: option('output', 'o'), v: option('v', 'v') }
const COMMANDS: KnownCommand[] = [
  { id: 'install', flags: { ...flags, yes: { name: 'yes', char: 'y', type: 'boolean' } } },
  { id: 'certs', flags },
  { id: 'certs:ca', flags },
  { id: 'routes:sync', flags },
  { id: 'routes:list', flags },
  { id: 'routes:controller:status', flags },
  { id: 'routes:controller:manifest', flags },
  { id: 'verify', flags },
  { id: 'uninstall', flags },
  { id: 'cqlsh-sni', aliases: ['cqlsh'], flags: { ...flags, execute: option('execute', 'e') } },
]
const find = (...words: string[]) =>
  findCommand(
    words,
    COMMANDS,
    ['routes', 'routes:controller', 'routes:sync', 'certs', 'certs:ca', 'verify'],
    'kubectl cass-sni',
  )

describe('the command that a line names', () => {
  const commands: [string, string][] = [
    ['verify -n x', 'verify: -n x'],
    ['-n x verify --strict', 'verify: -n x --strict'],
    ['-nx -ojson verify', 'verify: -nx -ojson'],
    ['--namespace x routes -v 6 sync', 'routes:sync: --namespace x -v 6'],
    ['-y -n verify install', 'install: -y -n verify'],
    ['certs -n x', 'certs: -n x'],
    ['certs ca', 'certs:ca: '],
    ['cqlsh -e help', 'cqlsh-sni: -e help'],
    ['verify dc1', 'verify: dc1'],
    ['verify -- --help', 'verify: -- --help'],
    ['cqlsh-sni -e --help', 'cqlsh-sni: -e --help'],
    ['__complete routes --help', '__complete: routes --help'],
  ]
  for (const [line, expected] of commands)
    it(`is found: ${line}`, () => {
      const request = find(...line.split(' '))
      assert.equal(request.type === 'command' && `${request.id}: ${request.argv.join(' ')}`, expected)
    })

  const texts: [string, string][] = [
    ['--help', ''],
    ['help', ''],
    ['-n x', ''],
    ['options', 'options'],
    ['routes', 'routes'],
    ['certs --help', 'certs'],
    ['help routes sync', 'routes sync'],
    ['-n x verify --help', 'verify'],
    ['routes -n x sync -h', 'routes sync'],
    ['verify dc1 --help', 'verify'],
    ['cqlsh --help', 'cqlsh-sni'],
  ]
  for (const [line, name] of texts)
    it(`has its help shown: ${line}`, () => assert.deepEqual(find(...line.split(' ')), { type: 'help', name }))

  it('is none for the version', () => assert.deepEqual(find('--version'), { type: 'version' }))

  const wrong: [string, string, string | undefined][] = [
    ['instal', 'unknown command "instal" for "kubectl cass-sni"', 'did you mean "install"?'],
    ['routes snyc', 'unknown command "routes snyc" for "kubectl cass-sni"', 'did you mean "routes sync"?'],
    [
      'routes controller statuss',
      'unknown command "routes controller statuss" for "kubectl cass-sni"',
      'did you mean "routes controller status"?',
    ],
    [
      'routes manifest',
      'unknown command "routes manifest" for "kubectl cass-sni"',
      'did you mean "routes controller manifest"?',
    ],
    ['certs cA', 'unknown command "certs cA" for "kubectl cass-sni"', 'did you mean "certs ca"?'],
    ['routes:sync -n x', 'unknown command "routes:sync" for "kubectl cass-sni"', 'did you mean "routes sync"?'],
    ['routes:sync --help', 'unknown command "routes:sync" for "kubectl cass-sni"', 'did you mean "routes sync"?'],
    ['certs:ca', 'unknown command "certs:ca" for "kubectl cass-sni"', 'did you mean "certs ca"?'],
    ['sync', 'unknown command "sync" for "kubectl cass-sni"', 'did you mean "routes sync"?'],
    ['status', 'unknown command "status" for "kubectl cass-sni"', 'did you mean "verify"?'],
    ['shell', 'unknown command "shell" for "kubectl cass-sni"', 'did you mean "cqlsh-sni"?'],
    ['banana', 'unknown command "banana" for "kubectl cass-sni"', undefined],
    ['--bogus', 'unknown flag: --bogus', undefined],
  ]
  for (const [line, message, first] of wrong)
    it(`is guessed: ${line}`, () =>
      assert.throws(
        () => find(...line.split(' ')),
        (error: unknown) => {
          assert.ok(error instanceof CassSniError)
          assert.equal(error.message, message)
          assert.equal(nextTexts(error.next)[0], first ?? 'kubectl cass-sni --help')
          assert.deepEqual(error.next.at(-1), command`kubectl cass-sni --help`)
          return true
        },
      ))

  it('is the one before a mistyped flag with a value, which it reports', () => {
    assert.deepEqual(find('certs', '--sans', 'x.y'), { type: 'command', id: 'certs', argv: ['--sans', 'x.y'] })
    assert.throws(() => find('certs', '-n', 'a', 'x.y'), /unknown command "certs x\.y"/)
  })

  it('is never install for one who wants to uninstall', () => {
    for (const word of ['unistall', 'uninstal', 'remove'])
      assert.throws(
        () => find(word),
        (error: unknown) => nextTexts((error as CassSniError).next)[0] === 'did you mean "uninstall"?',
        word,
      )
    assert.throws(
      () => find('delete'),
      (error: unknown) => nextTexts((error as CassSniError).next)[0] === 'did you mean "routes delete"?',
    )
  })
})
