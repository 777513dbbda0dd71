import assert from 'node:assert/strict'
import { cqlshCredentials, cqlshrcForPort } from '../../../src/lib/clients/client-files.ts'

describe('files for cqlsh --exec', () => {
  it('a cqlshrc keeps everything but TLS and, with a login from elsewhere, the login', () => {
    const own =
      '; mine\n[authentication]\nUsername: app\npassword = a=b\nkeyspace = shop\ncredentials = ~/c\n' +
      '[connection]\nhostname = db\nSSL = true\ntimeout = 9\n[ssl]\nssl = kept\n'
    assert.equal(
      cqlshrcForPort(own, 'cqlshrc', { login: true }),
      '; mine\n[authentication]\nkeyspace = shop\n[connection]\nhostname = db\ntimeout = 9\n[ssl]\nssl = kept\n',
    )
    assert.match(cqlshrcForPort(own, 'cqlshrc', { login: false }), /^Username: app\npassword = a=b\n/m)
    assert.throws(() => cqlshrcForPort('ssl', 'cqlshrc', { login: true }), { code: 'CSNI107' })
  })

  it('credentials hold the password as it is, and none that configparser would change', () => {
    const file = cqlshCredentials({ username: '50%', password: '%(x)s = #; "y' })
    assert.equal(file, '[plain_text_auth]\nusername = 50%%\npassword = %(x)s = #; "y\n')
    for (const password of [' a', 'a\nb', 'a\t'])
      assert.equal(cqlshCredentials({ username: 'app', password }), '[plain_text_auth]\nusername = app\n')
  })
})
