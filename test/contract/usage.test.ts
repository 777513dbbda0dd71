import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './manifest.ts'

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
      /There is no command "instal"\. Did you mean "install"\? \[CSNI101\]\n {2}Try: kubectl cass-sni --help\n/,
    ],
    ['command of a topic', ['routes', 'snyc'], /There is no command "routes snyc"\. Did you mean "routes sync"\?/],
    ['command under a command', ['certs', 'cA'], /There is no command "certs cA"\. Did you mean "certs ca"\?/],
    [
      "port as kubectl's hands write it",
      ['port-forward', '9043:9042'],
      /Try: kubectl cass-sni port-forward --port 9043 --gateway-port 9042\n/,
    ],
    [
      'flag',
      ['verify', '--nod', '1'],
      /There is no flag --nod\. Did you mean --node\? \[CSNI101\]\n {2}Try: kubectl cass-sni verify --help\n/,
    ],
    ['flag before the command', ['-n', 'x', 'verify', '--bogus'], /There is no flag --bogus/],
    ['flag without a command', ['--bogus'], /"--bogus" is not a command/],
    ['value', ['routes', 'sync', '-o', 'xml'], /Expected --output=xml to be one of: text, json, yaml/],
    ['number', ['routes', 'sync', '--port', 'x'], /--port/],
    ['port', ['routes', 'sync', '--port', '70000'], /65535/],
    ['duration', ['routes', 'sync', '--timeout', 'soon'], /--timeout: "soon" is not a duration/],
    ['argument', ['verify', 'dc1'], /dc1/],
    ['flag without its value', ['verify', '--node'], /--node/],
  ]
  for (const [what, args, expected] of cases) {
    it(`is told in a few lines and exit code 2: a ${what}`, () => {
      const { stdout, stderr, status } = run(...args)
      assert.match(stderr, expected)
      assert.ok(stderr.split('\n').length <= 4, stderr)
      assert.equal(stdout, '')
      assert.equal(status, 2)
    })
  }

  for (const format of ['-ojson', '--output=json']) {
    it(`is in the envelope as well (${format}), with nothing of oclif's configuration`, () => {
      const { stdout, stderr, status } = run('verify', format, '--bogus')
      const { error, ...rest } = JSON.parse(stdout)
      assert.deepEqual(rest, { apiVersion: 'cass-sni/v1', kind: 'Verify', warnings: [] })
      assert.deepEqual(error, {
        code: 'CSNI101',
        message: 'There is no flag --bogus.',
        next: ['kubectl cass-sni verify --help'],
      })
      assert.match(stderr, /There is no flag --bogus/)
      assert.equal(status, 2)
    })
  }

  it('a kubeconfig that is not there has the same exit code in every form', () => {
    for (const format of ['text', 'json', 'yaml']) {
      const { stderr, status } = run('verify', '--kubeconfig', '/nonexistent/kubeconfig', '-o', format)
      assert.equal(status, 2, stderr)
      assert.match(stderr, /CSNI103/)
    }
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
    assert.match(run('__complete', 'routes', '').stdout, /^sync\t.*\n:4\n$/)
    assert.match(run('__complete', 'verify', '--help').stdout, /^--help\t/)
  })
})
