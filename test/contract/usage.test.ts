import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ALLOWED_EMPTY } from '../../src/lib/cli/empty-values.ts'
import { WRITTEN_FILES } from '../../src/lib/cli/input-file-flags.ts'
import { commands, root } from './manifest.ts'

const NOT_THERE = '/nonexistent/file'
/** What else a flag requires. */
const COMPANIONS: Readonly<Record<string, string[]>> = {
  'cert-file': ['--key-file', NOT_THERE],
  'key-file': ['--cert-file', NOT_THERE],
  'ca-file': ['--ca-key-file', NOT_THERE],
  'ca-key-file': ['--ca-file', NOT_THERE],
  'ca-key-password-file': ['--ca-file', NOT_THERE, '--ca-key-file', NOT_THERE],
}

function run(...args: string[]) {
  const env = { ...process.env, KUBECONFIG: '/nonexistent/kubeconfig', NO_COLOR: '1' }
  const { stdout, stderr, status } = spawnSync(process.execPath, [join(root, 'bin/run.js'), ...args], {
    encoding: 'utf8',
    env,
  })
  return { stdout, stderr, status }
}

describe('a wrong command line', () => {
  const cases: [string, string[], RegExp][] = [
    [
      'command',
      ['instal'],
      /unknown command "instal" for "kubectl cass-sni" \[CSNI101\]\n {2}Hint: did you mean "install"\?\n {2}Try: kubectl cass-sni --help\n/,
    ],
    [
      'command of a topic',
      ['routes', 'snyc'],
      /unknown command "routes snyc" for .*\n {2}Hint: did you mean "routes sync"\?/,
    ],
    [
      'command under a command',
      ['certs', 'cA'],
      /unknown command "certs cA" for .*\n {2}Hint: did you mean "certs ca"\?/,
    ],
    [
      "port as kubectl's hands write it",
      ['port-forward', '9043:9042'],
      /Try: kubectl cass-sni port-forward --port 9043 --gateway-port 9042\n/,
    ],
    [
      'flag',
      ['verify', '--nod', '1'],
      /unknown flag: --nod \[CSNI101\]\n {2}Hint: did you mean --node\?\n {2}Try: kubectl cass-sni verify --help\n/,
    ],
    ['flag before the command', ['-n', 'x', 'verify', '--bogus'], /unknown flag: --bogus/],
    ['flag without a command', ['--bogus'], /unknown flag: --bogus/],
    ['value', ['routes', 'sync', '-o', 'xml'], /invalid value "xml" for --output: expected text, json, yaml/],
    ['number', ['routes', 'sync', '--port', 'x'], /invalid value "x" for --port: expected an integer \[/],
    ['port', ['routes', 'sync', '--port', '70000'], /65535/],
    [
      'consistency level',
      ['cqlsh-sni', '--consistency-level', 'most'],
      /invalid consistency level "most": expected ANY, /,
    ],
    [
      'serial consistency level',
      ['cqlsh-sni', '--serial-consistency-level', 'quorum'],
      /invalid consistency level "quorum": expected SERIAL, LOCAL_SERIAL/,
    ],
    ['text in bytes that are no UTF-8', ['cqlsh-sni', '-e', "SELECT 'caf\ufffd'"], /-e is not valid UTF-8/],
    ['duration', ['routes', 'sync', '--timeout', 'soon'], /--timeout: invalid duration "soon"/],
    [
      'argument that is missing',
      ['certs', 'issue-client', '--format', 'jks'],
      /^error: missing argument: NAME \[CSNI101\]\n {2}Try: kubectl cass-sni certs issue-client --help\n$/,
    ],
    [
      'validity of a CA that is not created',
      ['install', '--ca-secret', 'x', '--ca-days', '9'],
      /--ca-secret and --ca-days are mutually exclusive/,
    ],
    ['argument', ['verify', 'dc1'], /unexpected argument "dc1"/],
    ['boolean', ['verify', '--strict=maybe'], /invalid value "maybe" for --strict: expected true, false/],
    [
      'missing argument',
      ['bundle', 'inspect'],
      /missing argument: FILE \[CSNI101\]\n {2}Try: kubectl cass-sni bundle inspect --help\n/,
    ],
    ['missing flag', ['clients', 'show'], /missing required flag: --driver \[/],
    [
      'flags of cqlsh before "--"',
      ['cqlsh-sni', '-n', 'x', '--exec', '-k', 'shop', '-e', 'SELECT 1', '--', '--debug'],
      /Try: kubectl cass-sni cqlsh-sni -n x --exec -- -k shop -e 'SELECT 1' --debug\n/,
    ],
    ['flag of another mode', ['cqlsh-sni', '--exec', '--ca-out', 'x'], /--ca-out and --exec are mutually exclusive/],
    ['role without its login', ['bundle', 'serve', '--username', 'app'], /--username requires --with-password/],
    ['empty role', ['bundle', 'create', '--create-role='], /--create-role is empty; specify a value or omit the flag/],
    ['flag without its value', ['verify', '--node'], /flag requires a value: --node/],
  ]
  for (const [what, args, expected] of cases) {
    it(`is told in a few lines and exit code 2: a ${what}`, () => {
      const { stdout, stderr, status } = run(...args)
      assert.match(stderr, expected)
      assert.ok(stderr.split('\n').length <= 4, stderr)
      assert.doesNotMatch(stderr, /\. \[CSNI|error: [A-Z]/)
      assert.equal(stdout, '')
      assert.equal(status, 2)
    })
  }

  it('is not one with an empty value that the help documents', () => {
    const documented = commands.flatMap(({ flags }) =>
      Object.values(flags).flatMap(({ name, summary = '' }) => (summary.includes("''") ? [name] : [])),
    )
    assert.ok(documented.includes('san'))
    assert.deepEqual(
      documented.filter((name) => !ALLOWED_EMPTY.includes(name)),
      [],
    )
  })

  for (const format of ['-ojson', '--output=json']) {
    it(`is in the envelope as well (${format}), with nothing of oclif's configuration`, () => {
      const { stdout, stderr, status } = run('verify', format, '--bogus')
      const { error, ...rest } = JSON.parse(stdout)
      assert.deepEqual(rest, { apiVersion: 'cass-sni/v1', kind: 'Verify', warnings: [] })
      assert.deepEqual(error, {
        code: 'CSNI101',
        message: 'unknown flag: --bogus',
        next: ['kubectl cass-sni verify --help'],
      })
      assert.match(stderr, /unknown flag: --bogus/)
      assert.equal(status, 2)
    })
  }

  it('a missing file is reported before the kubeconfig is read, whichever flag names it', () => {
    const named = commands.flatMap(({ id, flags }) =>
      Object.values(flags).flatMap(({ name, helpValue, helpGroup }) =>
        helpValue === 'FILE' && helpGroup !== 'GLOBAL' && !WRITTEN_FILES.has(name) ? [{ id, name }] : [],
      ),
    )
    const distinct = [...new Map(named.map((each) => [each.name, each])).values()]
    assert.ok(distinct.length > 8, JSON.stringify(distinct))
    for (const { id, name } of distinct) {
      const words = [...id.split(':'), `--${name}`, NOT_THERE, ...(COMPANIONS[name] ?? [])]
      const { stderr, status } = run(...words, '--kubeconfig', '/nonexistent/kubeconfig')
      assert.match(
        stderr,
        /^error: cannot read \/nonexistent\/file: no such file or directory \[CSNI104\]\n/,
        words.join(' '),
      )
      assert.equal(status, 2)
    }
  })

  it('a kubeconfig that is not there has the same exit code in every form', () => {
    for (const format of ['text', 'json', 'yaml']) {
      const { stderr, status } = run('verify', '--kubeconfig', '/nonexistent/kubeconfig', '-o', format)
      assert.equal(status, 2, stderr)
      assert.match(stderr, /CSNI103/)
    }
  })

  for (const flag of ['--dry-run=server', '--dry-run=client', '--dry-run=none', '--yes=true', '-y=false'])
    it(`is not one with ${flag}, as kubectl takes it`, () => {
      const { stderr } = run('routes', 'sync', flag)
      assert.match(stderr, /CSNI103/, 'it goes on to the kubeconfig')
    })

  it('a closed pipe is no error', () => {
    const { stderr, status } = spawnSync(
      'sh',
      ['-c', `"${process.execPath}" "${join(root, 'bin/run.js')}" verify --help | head -1`],
      { encoding: 'utf8' },
    )
    assert.equal(stderr, '')
    assert.equal(status, 0)
  })
})

describe('completion', () => {
  it('answers kubectl', () => {
    assert.match(
      run('__complete', 'routes', '').stdout,
      /^controller\t.*\ndelete\t.*\ndiff\t.*\nlist\t.*\nstatus\t.*\nsync\t.*\n:4\n$/,
    )
    const nested = /^install\t.*\nmanifest\t.*\nstatus\t.*\nuninstall\t.*\n:4\n$/
    assert.match(run('__complete', 'routes', 'controller', '').stdout, nested)
    assert.match(run('__complete', 'verify', '--help').stdout, /^--help\t/)
  })
})
