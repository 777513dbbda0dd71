import assert from 'node:assert/strict'
import { isUnansweredWebhook } from '../../../src/lib/changes/validate.ts'
import { CassSniError } from '../../../src/lib/errors.ts'

describe('a webhook that does not answer yet', () => {
  const calling =
    'failed calling webhook "v.example": failed to call webhook: Post "https://op.ns.svc:443/v?timeout=10s"'

  for (const cause of [
    'dial tcp 10.96.0.1:443: connect: connection refused',
    'no endpoints available for service "op"',
    'context deadline exceeded',
    'tls: failed to verify certificate: x509: certificate signed by unknown authority',
  ])
    it(`is known by "${cause}"`, () => {
      assert.equal(isUnansweredWebhook(new CassSniError('CSNI206', `${calling}: ${cause}`)), true)
    })

  it('is none that answered, and no other certificate that is not trusted', () => {
    const refused = 'admission webhook "v.example" denied the request: x509: bad CA in the spec'
    assert.equal(isUnansweredWebhook(new CassSniError('CSNI206', refused)), false)
    const server = 'https://api:6443: x509: certificate signed by unknown authority'
    assert.equal(isUnansweredWebhook(new CassSniError('CSNI201', server)), false)
    const broken = 'received response with status code 404'
    assert.equal(isUnansweredWebhook(new CassSniError('CSNI206', `${calling}: ${broken}`)), false)
    assert.equal(isUnansweredWebhook(new Error(`${calling}: connection refused`)), false)
  })
})
