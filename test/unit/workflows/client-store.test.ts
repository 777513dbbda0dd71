import assert from 'node:assert/strict'
import { again, CassSniError } from '../../../src/lib/errors.ts'
import { requireOtherSecret } from '../../../src/lib/workflows/certs/client-store.ts'
import { nextTexts } from '../../support/next-texts.ts'
import { datacenter } from '../../support/observed-datacenter.ts'

describe('the Secret of a client', () => {
  const dc = datacenter({})

  it("may not be one of the nodes' own, and another one is proposed with the option of the command", () => {
    for (const secret of [dc.keystores.caSecret, dc.keystores.keystoreSecret]) {
      assert.throws(
        () => requireOtherSecret(dc, secret, (name) => again`--out Secret/${name}`),
        (error) =>
          error instanceof CassSniError &&
          error.code === 'CSNI101' &&
          nextTexts(error.next)[0]?.endsWith(`--out Secret/${secret}-clients`) === true,
      )
    }
  })

  it('may be any other', () => {
    requireOtherSecret(dc, 'app-client')
    requireOtherSecret(dc, undefined)
    assert.throws(() => requireOtherSecret(dc, dc.keystores.caSecret), { code: 'CSNI101' })
  })
})
