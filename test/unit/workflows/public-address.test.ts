import assert from 'node:assert/strict'
import { CassSniError, command } from '../../../src/lib/errors.ts'
import { withoutService } from '../../../src/lib/workflows/bundle/public-address.ts'

describe('a metadata service that does not respond', () => {
  const closed = new CassSniError('CSNI603', 'connection for SNI name c.example.com closed during the TLS handshake')

  it('is not installed without a route for the name', () => {
    const { message, next } = withoutService('c.example.com', undefined, closed)
    assert.equal(message, 'no metadata service at c.example.com: the gateway has no route for this name')
    assert.deepEqual(next, [command`kubectl cass-sni routes controller install --metadata-name c.example.com`])
    assert.deepEqual(withoutService('c.example.com', 'other.example.com', closed).message, message)
  })

  it('has no ready replica if it is installed: its state is proposed, not another installation', () => {
    const { message, next } = withoutService('c.example.com', 'c.example.com', closed)
    assert.match(message, /^metadata service c\.example\.com: .*no ready replica/)
    assert.deepEqual(next, [command`kubectl cass-sni routes controller status`])
  })
})
