/** The limits of TLS clients, asked of the clients themselves. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import { promisify } from 'node:util'
import { parseAuthority } from '../../../src/lib/certificates/certificate-authority.ts'
import { issueLeaf, leafBytes } from '../../../src/lib/certificates/issue.ts'
import { certificateMessageBytes, LARGEST_MESSAGE_BYTES } from '../../../src/lib/certificates/message-size.ts'
import { makeAuthority } from '../../support/operator-certificates.ts'

const run = promisify(execFile)
const JAVA_BYTES = 32_768
const OPENSSL_BYTES = 102_400
const COMMON_NAME = 'dc1.default.cassdc'

describe('the size of the certificate message', function () {
  this.timeout(60_000)
  const made = makeAuthority()
  const authority = parseAuthority(made.pem, made.keyPem, { object: 'x', secret: 'x', namespace: 'z', datacenter: 'd' })
  const [ca] = authority.path

  const messageOf = (names: readonly string[]) =>
    certificateMessageBytes([leafBytes({ names, authority: ca, commonName: COMMON_NAME }), ca.der.length])

  /** Names with which the message has exactly this many bytes. */
  function namesFor(bytes: number): string[] {
    const all = Array.from({ length: 3000 }, (_, n) => `${'n'.repeat(30)}.${1000 + n}.example.com`)
    const each = messageOf(all.slice(0, 1001)) - messageOf(all.slice(0, 1000))
    const count = 1000 - Math.ceil((messageOf(all.slice(0, 1000)) - bytes) / each) - 1
    const names = all.slice(0, count)
    for (let length = 1; length < 200; length += 1) {
      const exact = [...names, 'x'.repeat(length)]
      if (messageOf(exact) === bytes) return exact
    }
    return assert.fail(`no names make ${bytes} bytes`)
  }

  /** Serves a certificate with a message of so many bytes while `client` runs. */
  async function serving<T>(bytes: number, client: (port: number) => Promise<T>): Promise<T> {
    const names = namesFor(bytes)
    const leaf = await issueLeaf({ authority, commonName: COMMON_NAME, names, now: Date.now(), randomBytes })
    const server = createServer({
      key: leaf.key.export({ type: 'pkcs8', format: 'pem' }),
      cert: leaf.certificate.x509.toString() + made.pem,
    })
    server.on('tlsClientError', () => undefined)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    try {
      return await client((server.address() as AddressInfo).port)
    } finally {
      server.close()
    }
  }

  /** What Java says of the server: its chain, or why the handshake failed. */
  const java = (port: number) =>
    run('keytool', ['-J-Duser.language=en', '-printcert', '-sslserver', `127.0.0.1:${port}`], {
      maxBuffer: 64 * 1024 * 1024,
    }).then(
      ({ stdout }) => stdout,
      (error: { stdout: string }) => error.stdout,
    )

  const openssl = (port: number) => {
    const running = run('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-brief'])
    running.child.stdin?.end()
    return running.then(
      ({ stdout, stderr }) => stdout + stderr,
      (error: { stdout: string; stderr: string }) => error.stdout + error.stderr,
    )
  }

  it(`is accepted by Java at our limit and at ${JAVA_BYTES} bytes, and one byte above no longer`, async () => {
    for (const bytes of [LARGEST_MESSAGE_BYTES, JAVA_BYTES])
      assert.match(await serving(bytes, java), /Certificate #1[\s\S]*CN=dc1-ca-keystore/, String(bytes))
    assert.match(await serving(JAVA_BYTES + 1, java), /No certificate from the SSL server/)
  })

  it(`is accepted by OpenSSL at ${OPENSSL_BYTES} bytes, and one byte above no longer`, async () => {
    assert.match(await serving(OPENSSL_BYTES, openssl), /CONNECTION ESTABLISHED/)
    assert.match(await serving(OPENSSL_BYTES + 1, openssl), /excessive message size/)
  })
})
