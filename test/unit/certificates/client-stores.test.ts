import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { readCertificate } from '../../../src/lib/certificates/certificate.ts'
import {
  acceptedBy,
  clientFaults,
  clientName,
  type Identity,
  readIdentity,
} from '../../../src/lib/certificates/client-certificate.ts'
import { formatsIn, type StoreFile, storeFiles } from '../../../src/lib/certificates/client-stores.ts'
import { makeAuthority, makeLeaf } from '../../support/operator-certificates.ts'

const exec = promisify(execFile)
const DAY = 24 * 60 * 60 * 1000
const PASSWORD = 'a password'

describe('files of clients', function () {
  this.timeout(60_000)
  let directory: string
  const ca = makeAuthority()
  const leaf = makeLeaf(ca, { clientAuth: true })
  const authority = [readCertificate(ca.der)] as const
  const identity: Identity = { key: leaf.key, chain: [readCertificate(leaf.der), authority[0]] }
  const request = {
    formats: ['pem', 'pkcs12', 'jks'] as const,
    authorities: [authority] as const,
    identity: { name: 'Orders', identity },
    password: PASSWORD,
  }

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'client-stores-'))
  })
  after(() => rm(directory, { recursive: true }))

  const write = async (files: StoreFile[]) => {
    for (const { name, content } of files) await writeFile(join(directory, name), content)
  }
  const keytool = async (file: string, ...more: string[]) =>
    (await exec('keytool', ['-list', '-keystore', join(directory, file), '-storepass', PASSWORD, ...more])).stdout

  it('are truststores and keystores for Java', async () => {
    await write(await storeFiles(request))
    for (const extension of ['p12', 'jks']) {
      assert.match(await keytool(`truststore.${extension}`), /ca, .*trustedCertEntry/)
      const own = await keytool(`keystore.${extension}`, '-v')
      assert.match(own, /Alias name: orders/i)
      assert.match(own, /PrivateKeyEntry/)
      assert.match(own, /Certificate chain length: 2/)
      assert.ok(own.includes(identity.chain[0].fingerprint256))
    }
    const password = ['-srcstorepass', PASSWORD, '-deststorepass', PASSWORD, '-noprompt']
    // Importing decrypts the key.
    for (const extension of ['p12', 'jks'])
      await exec('keytool', [
        '-importkeystore',
        ...['-srckeystore', join(directory, `keystore.${extension}`), '-destkeystore', join(directory, extension)],
        ...password,
      ])
  })

  it('are PKCS#12 for OpenSSL, with the key encrypted', async () => {
    await write(await storeFiles(request))
    const { stdout, stderr } = await exec('openssl', [
      ...['pkcs12', '-in', join(directory, 'keystore.p12'), '-info', '-nodes', '-passin', `pass:${PASSWORD}`],
    ])
    assert.match(stderr, /MAC: sha256/)
    assert.match(stderr, /PBES2, PBKDF2, AES-256-CBC/)
    const [key = ''] = /-----BEGIN PRIVATE KEY[\s\S]+-----END PRIVATE KEY-----/.exec(stdout) ?? []
    assert.ok(createPrivateKey(key).equals(leaf.key))
  })

  it('are the same for the same content, and different for another key or password', async () => {
    const contents = async (changed: Partial<typeof request>) =>
      (await storeFiles({ ...request, ...changed })).map(({ content }) => content.toString('base64'))
    const first = await contents({})
    assert.deepEqual(await contents({}), first)
    const other = await contents({ password: 'another one' })
    const salted = first.map((text, index) => text === other[index])
    assert.deepEqual(salted, [true, true, true, false, false, false, false, false])
  })

  it('have no key without a client', async () => {
    const files = await storeFiles({ ...request, identity: undefined })
    assert.deepEqual(
      files.map(({ name }) => name),
      ['ca.crt', 'truststore.p12', 'truststore.jks'],
    )
    for (const { content } of files) assert.doesNotMatch(content.toString('latin1'), /PRIVATE/)
    assert.ok(new X509Certificate(files[0]?.content ?? '').ca)
    assert.deepEqual(formatsIn(files.map(({ name }) => name)), ['pem', 'pkcs12', 'jks'])
  })

  it('include each CA while one replaces another', async () => {
    const next = [readCertificate(makeAuthority({ dc: 'dc2' }).der)] as const
    await write(await storeFiles({ ...request, authorities: [authority, next] }))
    for (const extension of ['p12', 'jks'])
      assert.match(await keytool(`truststore.${extension}`), /contains 2 entries/, extension)
  })

  describe('the certificate of a client', () => {
    const now = Date.now()
    const codes = (current: Identity | undefined, at = now) =>
      clientFaults(current, authority, at).map(({ code }) => code)

    it('is kept until the last third of its life', () => {
      const short = makeLeaf(ca, { clientAuth: true, notBefore: now - DAY, notAfter: now + 29 * DAY })
      const current: Identity = { key: short.key, chain: [readCertificate(short.der)] }
      assert.deepEqual(codes(current), [])
      assert.deepEqual(codes(current, now + 18 * DAY), [])
      assert.deepEqual(codes(current, now + 20 * DAY), ['ExpiresSoon'])
      assert.deepEqual(codes(current, now + 30 * DAY), ['Expired'])
      assert.deepEqual(codes(current, now - 2 * DAY), ['NotYetValid'])
    })

    it('is replaced if it is missing, of another CA, or not for clients', () => {
      assert.deepEqual(codes(undefined), ['NoCertificate'])
      const foreign = makeLeaf(makeAuthority({ dc: 'other' }), { clientAuth: true })
      assert.deepEqual(codes({ key: foreign.key, chain: [readCertificate(foreign.der)] }), ['AnotherAuthority'])
      const server = makeLeaf(ca, {})
      assert.deepEqual(codes({ key: server.key, chain: [readCertificate(server.der)] }), ['NotForClients'])
    })

    it('is not read with the key of another one', () => {
      assert.ok(readIdentity(leaf.pem, leaf.keyPem))
      assert.equal(readIdentity(leaf.pem, makeLeaf(ca).keyPem), undefined)
      assert.equal(readIdentity('', leaf.keyPem), undefined)
      assert.equal(readIdentity(leaf.pem, 'no key'), undefined)
    })

    it('is accepted by nodes that trust its CA, also through an intermediate one', () => {
      const intermediate = makeAuthority({ dc: 'middle', issuer: ca })
      const below = makeLeaf(intermediate, { clientAuth: true })
      const chain = [readCertificate(below.der), readCertificate(intermediate.der)] as const
      assert.equal(acceptedBy([authority[0]], { key: below.key, chain }), true)
      assert.equal(acceptedBy([authority[0]], { key: below.key, chain: [chain[0]] }), false)
      assert.equal(acceptedBy([chain[1]], { key: below.key, chain: [chain[0]] }), true)
    })

    it('has a name that a label can have', () => {
      assert.equal(clientName('Orders_1.a-b'), 'Orders_1.a-b')
      for (const text of ['', 'a b', 'a,CN=b', '-a', 'a.', 'ä', 'a'.repeat(64)])
        assert.throws(() => clientName(text), { code: 'CSNI101' }, text)
    })
  })
})
