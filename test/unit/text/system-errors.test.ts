import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { isCertificateError, isNotTls, systemError } from '../../../src/lib/text/system-errors.ts'

describe('errors of the system', () => {
  const failure = (promise: Promise<unknown>) =>
    promise.then(
      () => assert.fail('it should have failed'),
      (error: unknown) => error,
    )

  it('have the words of strerror(3), without the call and the path', async () => {
    assert.equal(systemError(await failure(readFile('/no/such/file'))), 'no such file or directory')
    assert.equal(systemError(await failure(readFile('/'))), 'is a directory')
    assert.equal(systemError(await failure(once(connect(1, '127.0.0.1'), 'connect'))), 'connection refused')
  })

  it('say what a server without TLS sends, without routines of OpenSSL', async () => {
    const server = createServer((socket) => socket.on('error', () => undefined).end('220 mail ready\r\n'))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const error = await failure(once(connectTls((server.address() as AddressInfo).port, '127.0.0.1'), 'secureConnect'))
    server.close()
    assert.equal(systemError(error), 'not a TLS response')
    assert.equal(isNotTls((error as NodeJS.ErrnoException).code), true)
    const other = new Error(
      'error:0A000152:SSL routines:final_renegotiate:unsafe legacy renegotiation disabled:../deps/openssl/x.c:9:',
    )
    assert.equal(systemError(other), 'unsafe legacy renegotiation disabled')
  })

  it('call certificates that do not verify as OpenSSL does', () => {
    const of = (code: string) => systemError(Object.assign(new Error('x'), { code }))
    assert.equal(of('CERT_HAS_EXPIRED'), 'certificate has expired')
    assert.equal(of('DEPTH_ZERO_SELF_SIGNED_CERT'), 'self-signed certificate')
    assert.equal(isCertificateError('ERR_TLS_CERT_ALTNAME_INVALID'), true)
    assert.equal(isCertificateError('ECONNRESET'), false)
  })

  it('of several addresses, and of anything else, are told as well', () => {
    const refused = Object.assign(new Error(), { code: 'ECONNREFUSED' })
    assert.equal(systemError(new AggregateError([refused])), 'connection refused')
    assert.equal(systemError(new Error('no such thing')), 'no such thing')
    assert.equal(systemError('text'), 'text')
  })
})
