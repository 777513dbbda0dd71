import assert from 'node:assert/strict'
import { createPrivateKey, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import {
  protectKey,
  readKeystore,
  recoverKey,
  SALT_BYTES,
  writeKeystore,
} from '../../../src/lib/certificates/keystore.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { makeAuthority, makeKeystore, makeLeaf, operatorKey } from '../../support/operator-certificates.ts'
import { keytool } from './keytool.ts'

const OBJECT = 'secret/dc1-keystore in namespace default'

describe('the Java keystore format', function () {
  this.timeout(30_000)
  const authority = makeAuthority()
  const leaf = makeLeaf(authority)

  it('is read by keytool: entries, aliases, chain', () => {
    const { output } = keytool(['-list', '-v', '-keystore', 'store.jks', '-storetype', 'JKS', '-storepass', 'dc1'], {
      'store.jks': makeKeystore(authority, leaf),
    })
    assert.match(output, /contains 2 entries/)
    assert.match(
      output,
      /Alias name: dc1\.default\.cassdc\n.*\nEntry type: PrivateKeyEntry\nCertificate chain length: 2/,
    )
    assert.match(output, /Alias name: ca\n.*\nEntry type: trustedCertEntry/)
    assert.match(output, /DNSName: dc1\.default\.cassdc/)
  })

  it('holds a key that Java opens with the same password', () => {
    const { read } = keytool(
      [
        '-importkeystore',
        '-srckeystore',
        'store.jks',
        '-srcstoretype',
        'JKS',
        '-srcstorepass',
        'dc1pass',
        '-destkeystore',
        'out.p12',
        '-deststoretype',
        'PKCS12',
        '-deststorepass',
        'dc1pass',
        '-noprompt',
      ],
      { 'store.jks': makeKeystore(authority, leaf, { password: 'dc1pass' }) },
    )
    assert.equal(readFileSync(read('out.p12'))[0], 0x30)
  })

  it('reads what keytool wrote, and opens its key', () => {
    const { read } = keytool([
      '-genkeypair',
      '-alias',
      'Node',
      '-keyalg',
      'RSA',
      '-keysize',
      '2048',
      '-dname',
      'CN=node',
      '-keystore',
      'store.jks',
      '-storetype',
      'JKS',
      '-storepass',
      'password',
      '-keypass',
      'password',
    ])
    const entries = readKeystore(readFileSync(read('store.jks')), 'password', OBJECT)
    const [entry] = entries
    assert.equal(entries.length, 1)
    assert.ok(entry?.kind === 'key')
    assert.equal(entry.alias, 'node')
    const key = recoverKey(entry.protectedKey, 'password')
    assert.ok(key)
    assert.equal(createPrivateKey({ key, format: 'der', type: 'pkcs8' }).asymmetricKeyType, 'rsa')
  })

  it('comes back as it was written', () => {
    const bytes = makeKeystore(authority, leaf)
    assert.deepEqual(writeKeystore(readKeystore(bytes, 'dc1', OBJECT), 'dc1'), bytes)
  })

  it("opens the operator's keys, whose algorithm lacks its NULL", () => {
    const key = operatorKey(leaf.key)
    const sealed = protectKey(key, 'dc1', randomBytes(SALT_BYTES))
    assert.deepEqual(recoverKey(sealed, 'dc1'), key)
    assert.equal(createPrivateKey({ key, format: 'der', type: 'pkcs8' }).asymmetricKeyType, 'rsa')
    assert.equal(recoverKey(sealed, 'dc2'), undefined)
  })

  it('refuses a wrong password without showing it', () => {
    assert.throws(
      () => readKeystore(makeKeystore(authority, leaf), 's3cret', OBJECT),
      (error: unknown) =>
        error instanceof CassSniError &&
        error.code === 'CSNI403' &&
        !JSON.stringify([error.message, error.next]).includes('s3cret'),
    )
  })

  it('refuses PKCS#12, other files and damaged ones', () => {
    const good = makeKeystore(authority, leaf)
    const damaged = Buffer.from(good)
    damaged[40] = (damaged[40] ?? 0) ^ 1
    for (const [bytes, text] of [
      [Buffer.concat([Buffer.from([0x30]), randomBytes(64)]), /PKCS#12/],
      [Buffer.from('-----BEGIN CERTIFICATE-----, and so on and on'), /not a JKS file/],
      [Buffer.alloc(0), /not a JKS file/],
      [damaged, /corrupt/],
      [good.subarray(0, 100), /corrupt/],
    ] as const) {
      assert.throws(
        () => readKeystore(bytes, 'dc1', OBJECT),
        (error: unknown) => error instanceof CassSniError && error.code === 'CSNI403' && text.test(error.message),
      )
    }
  })
})
