/** A node certificate from files of the user. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readCertificate } from '../../../src/lib/certificates/certificate.ts'
import { readGivenKeystore, readGivenPem } from '../../../src/lib/certificates/given-certificate.ts'
import { protectKey, writeKeystore } from '../../../src/lib/certificates/keystore.ts'
import { writePkcs12 } from '../../../src/lib/certificates/pkcs12.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { makeAuthority, makeLeaf } from '../../support/operator-certificates.ts'

const PASSWORD = 'pässword-1'

describe('a certificate from files', () => {
  const ca = makeAuthority()
  const leaf = makeLeaf(ca, { names: ['a.example'] })
  const other = makeLeaf(ca, { names: ['b.example'] })
  const { fingerprint256 } = readCertificate(leaf.der)
  const identity = (key = leaf.key) => ({
    alias: 'node',
    key,
    chain: [readCertificate(leaf.der), readCertificate(ca.der)] as const,
  })
  const entry = (alias: string, key = leaf.key, password = PASSWORD) => ({
    kind: 'key' as const,
    alias,
    created: 0,
    protectedKey: protectKey(key.export({ type: 'pkcs8', format: 'der' }), password, Buffer.alloc(20, 1)),
    chain: [leaf.der, ca.der],
  })
  const refused = async (message: RegExp, work: () => unknown) =>
    assert.rejects(
      async () => work(),
      (error) => {
        assert.ok(error instanceof CassSniError)
        assert.equal(error.code, 'CSNI107')
        assert.match(error.message, message)
        assert.ok(!JSON.stringify([error.message, error.next]).includes(PASSWORD))
        return true
      },
    )

  it('is read from PKCS#12 and JKS, with the key', async () => {
    for (const bytes of [
      await writePkcs12({ identity: identity(), trusted: [] }, PASSWORD),
      writeKeystore([entry('node')], PASSWORD),
    ]) {
      const read = await readGivenKeystore('file', bytes, PASSWORD)
      assert.equal(read.certificate.fingerprint256, fingerprint256)
      assert.ok(read.certificate.x509.checkPrivateKey(read.key))
      await refused(/file: wrong keystore password/, () => readGivenKeystore('file', bytes, 'another'))
      await refused(/file: keystore password required/, () => readGivenKeystore('file', bytes, undefined))
    }
  })

  it('is read from a PKCS#12 file of OpenSSL', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'given-'))
    try {
      const path = (name: string) => join(folder, name)
      writeFileSync(path('leaf.pem'), leaf.pem + ca.pem)
      writeFileSync(path('leaf.key'), leaf.keyPem)
      const pkcs12 = (...more: string[]) => {
        const files = ['-in', path('leaf.pem'), '-inkey', path('leaf.key'), '-out', path('leaf.p12')]
        const env = { ...process.env, PASSWORD }
        execFileSync('openssl', ['pkcs12', '-export', ...files, '-passout', 'env:PASSWORD', ...more], { env })
        return readFileSync(path('leaf.p12'))
      }
      const read = await readGivenKeystore('file', pkcs12(), PASSWORD)
      assert.equal(read.certificate.fingerprint256, fingerprint256)
      await refused(/file: wrong keystore password, or an encryption other than PBES2/, () =>
        readGivenKeystore('file', pkcs12('-certpbe', 'PBE-SHA1-3DES', '-keypbe', 'PBE-SHA1-3DES'), PASSWORD),
      )
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('is refused with another key, several keys, none, or from another kind of file', async () => {
    const jks = (...entries: ReturnType<typeof entry>[]) => writeKeystore(entries, PASSWORD)
    const read = (bytes: Buffer) => readGivenKeystore('file', bytes, PASSWORD)
    await refused(/file: key mismatch/, () => read(jks(entry('node', other.key))))
    await refused(/file: 2 private keys, expected one/, () => read(jks(entry('a'), entry('b'))))
    await refused(/file: no private key/, () => read(jks()))
    await refused(/password of the key differs/, () => read(jks(entry('node', leaf.key, 'another'))))
    await refused(/file: neither JKS nor PKCS#12/, () => read(Buffer.from('text')))
    await refused(/file: key mismatch/, async () =>
      read(await writePkcs12({ identity: identity(other.key), trusted: [] }, PASSWORD)),
    )
  })

  it('is read from PEM files, whose key may be encrypted', async () => {
    const encrypted = leaf.key
      .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: PASSWORD })
      .toString()
    const read = (certificate: string, key: string, password?: string) =>
      readGivenPem({
        certificate: { file: 'cert.pem', text: certificate },
        key: { file: 'key.pem', text: key },
        password,
      })
    assert.equal(read(leaf.pem + ca.pem, leaf.keyPem).certificate.fingerprint256, fingerprint256)
    assert.equal(read(leaf.pem, encrypted, PASSWORD).certificate.fingerprint256, fingerprint256)
    await refused(/key\.pem: encrypted private key: password required/, () => read(leaf.pem, encrypted))
    await refused(/key\.pem: cannot read the private key: wrong password/, () => read(leaf.pem, encrypted, 'another'))
    await refused(/cert\.pem: no PEM certificate/, () => read(leaf.keyPem, leaf.keyPem))
    await refused(/key\.pem: no PEM private key/, () => read(leaf.pem, leaf.pem))
    await refused(/cert\.pem: key mismatch/, () => read(leaf.pem, other.keyPem))
  })
})
