import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { type ClientFileInput, cqlshrcFile, environmentFile } from '../../../src/lib/clients/client-files.ts'
import { shellValue } from '../../../src/lib/text/shell-words.ts'

const input: ClientFileInput = {
  host: '10.0.0.1',
  port: 9042,
  username: 'dse-superuser',
  caFile: '/tmp/a b.pem',
  localDatacenter: 'dc1',
  hostIds: ['6eec31c9-af22-4438-a416-8f78fe0693f2'],
  comment: ['first\nsecond'],
}
const odd = [
  '-n',
  `-p'a"s$ w`,
  '$(touch /tmp/x)',
  '`id`',
  'back\\slash',
  'new\nline',
  '  spaces  ',
  '!history',
  '',
  'ünï',
  "'",
  '*',
]

describe('files for other clients', () => {
  it('hold any password so that a shell reads it back', () => {
    for (const password of odd) {
      const file = environmentFile({ ...input, password })
      const read = execFileSync('sh', ['-c', `${file}\nprintf %s "$CQL_PASSWORD"`], { encoding: 'utf8' })
      assert.equal(read, password)
    }
    assert.equal(shellValue('plain-1.2'), 'plain-1.2')
  })

  it('hold no password unless there is one, and the names of the blog', () => {
    const file = environmentFile(input)
    assert.doesNotMatch(file, /PASSWORD/)
    assert.match(
      file,
      /^# first second\nexport CQLSH_HOST=10\.0\.0\.1\nexport CQLSH_PORT=9042\nexport CQL_USER=dse-superuser\nexport SSL_CERTFILE='\/tmp\/a b\.pem'$/m,
    )
  })

  it('a cqlshrc verifies, and says so when it cannot hold the password', () => {
    const file = cqlshrcFile({ ...input, password: '-%(x)s;#' })
    assert.match(file, /^\[authentication\]\nusername = dse-superuser\npassword = -%\(x\)s;#$/m)
    assert.match(file, /^\[ssl\]\ncertfile = \/tmp\/a b\.pem\nvalidate = true$/m)
    assert.match(file, /^factory = cqlshlib\.ssl\.ssl_transport_factory$/m)
    for (const password of ['new\nline', ' space']) {
      const without = cqlshrcFile({ ...input, password })
      assert.doesNotMatch(without, /^password/m)
      assert.match(without, /which a cqlshrc cannot express/)
    }
  })

  it('hold a percent sign so that configparser reads it back, as cqlsh does', () => {
    const odd = { username: '50%', caFile: '/a%20b/ca.pem', host: 'fe80::1%eth0', password: '%(x)s%' }
    const file = cqlshrcFile({ ...input, ...odd })
    const program = `
import configparser, json, sys
text = sys.stdin.read()
configs, raw = configparser.ConfigParser(), configparser.RawConfigParser()
configs.read_string(text)
raw.read_string(text)
print(json.dumps([configs.get('authentication', 'username'), configs.get('ssl', 'certfile'),
                  configs.get('connection', 'hostname'), raw.get('authentication', 'password')]))`
    const read: unknown = JSON.parse(execFileSync('python3', ['-c', program], { input: file, encoding: 'utf8' }))
    assert.deepEqual(read, [odd.username, odd.caFile, odd.host, odd.password])
  })
})
