import { equal, rejects } from 'node:assert/strict'
import { namedLogin } from '../../../src/lib/workflows/client-login.ts'

describe('the login of a client', () => {
  it('is undefined without a name, and requires a password with one', async () => {
    equal(await namedLogin({}), undefined)
    await rejects(namedLogin({ username: 'app' }), { code: 'CSNI102' })
    await rejects(namedLogin({ username: 'app', password: async () => '' }), {
      code: 'CSNI102',
      message: 'password for role app is empty',
    })
    equal((await namedLogin({ username: 'app', password: async () => ' x ' }))?.password, ' x ')
  })
})
