/** Which login a bundle gets. */
import { deepEqual, equal, throws } from 'node:assert/strict'
import type { Bundle } from '../../../src/lib/clients/read-bundle.ts'
import { loginIn, refuseLostLogin, requestedRole } from '../../../src/lib/workflows/bundle/bundle-login.ts'

describe('the login of a bundle', () => {
  const none = { withPassword: false }

  it('is that of a new role, of an existing one, or none', () => {
    equal(requestedRole(none), undefined)
    equal(requestedRole({ withPassword: true, username: 'app' }), undefined)
    const role = requestedRole({ ...none, createRole: 'app', grants: ['SELECT, MODIFY ON KEYSPACE shop'] })
    deepEqual([role?.name, role?.grants.length], ['app', 2])
    // the role that creates it
    equal(requestedRole({ ...none, createRole: 'app', username: 'admin' })?.name, 'app')
  })

  it('is not chosen by flags that contradict each other', () => {
    for (const choice of [
      { ...none, grants: ['SELECT ON KEYSPACE shop'] },
      { ...none, username: 'app' },
      { withPassword: true, createRole: 'app' },
      { ...none, createRole: 'app', grants: ['SELECT'] },
      { ...none, createRole: '' },
    ])
      throws(() => requestedRole(choice), { code: 'CSNI101' }, JSON.stringify(choice))
  })

  it('is never lost: nobody else has the password', () => {
    const [app, admin] = ['app', 'admin'].map((username) => ({ username, password: 'x' }))
    refuseLostLogin(app, undefined, 'x.zip')
    refuseLostLogin(app, app, 'x.zip')
    throws(() => refuseLostLogin(admin, app, 'x.zip'), { code: 'CSNI104', message: /x\.zip has the login of role app/ })
    const bundle = (config: Partial<Bundle['config']>) =>
      ({ config, files: new Map(), others: [] }) as unknown as Bundle
    deepEqual(loginIn(bundle({ username: 'app', password: 'x' })), { username: 'app', password: 'x' })
    equal(loginIn(bundle({ username: 'app' })), undefined)
    equal(loginIn(undefined), undefined)
  })
})
