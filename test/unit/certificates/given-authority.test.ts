/** A CA that a user supplies: every fault has its own code and message, and names the text that is at fault. */
import assert from 'node:assert/strict'
import { createPrivateKey, type KeyObject } from 'node:crypto'
import {
  type GivenAuthority,
  givenAuthorityFaults,
  operatorKeyPem,
  requireGivenAuthority,
} from '../../../src/lib/certificates/given-authority.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { nextTexts } from '../../support/next-texts.ts'
import { makeAuthority, makeLeaf } from '../../support/operator-certificates.ts'

const DAY = 24 * 60 * 60 * 1000
const FILES = { certificate: 'ca.pem', key: 'ca-key.pem', files: true }

describe('a CA that a user supplies', () => {
  const now = Date.now()
  const made = makeAuthority()
  const other = makeAuthority({ dc: 'other' })
  const root = makeAuthority({ dc: 'root' })
  const intermediate = makeAuthority({ dc: 'middle', issuer: root })
  const curve = makeAuthority({ curve: 'prime256v1' })
  const leaf = makeLeaf(made)
  const given = (more: Partial<GivenAuthority> = {}): GivenAuthority => ({
    certificatePem: made.pem,
    keyPem: made.keyPem,
    ...more,
  })
  const of = (authority: { pem: string; keyPem: string }, more: Partial<GivenAuthority> = {}) =>
    given({ certificatePem: authority.pem, keyPem: authority.keyPem, ...more })
  const pem = (key: KeyObject, more: object = {}) => key.export({ type: 'pkcs8', format: 'pem', ...more }).toString()
  const encrypted = pem(made.key, { cipher: 'aes-256-cbc', passphrase: 'open sesame' })
  const pkcs1 = made.key.export({ type: 'pkcs1', format: 'pem' }).toString()
  const pkcs1Encrypted = made.key
    .export({ type: 'pkcs1', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open sesame' })
    .toString()
  const sec1 = curve.key.export({ type: 'sec1', format: 'pem' }).toString()
  const curve521 = makeAuthority({ curve: 'secp521r1' })

  const sound: [string, GivenAuthority][] = [
    ['a root with its key', given()],
    ['an intermediate, followed by its root', of(intermediate, { certificatePem: intermediate.pem + root.pem })],
    ['an encrypted key with its password', given({ keyPem: encrypted, password: 'open sesame' })],
    ['an encrypted PKCS#1 key with its password', given({ keyPem: pkcs1Encrypted, password: 'open sesame' })],
    ['a password for a key that is not encrypted', given({ password: 'x' })],
    ['a PKCS#1 key, for cass-operator as PKCS#8', given({ keyPem: pkcs1, rsaOnly: true })],
    ['an EC CA that only kubectl-cass-sni signs with', of(curve)],
    ['an EC CA with a SEC1 key', of(curve, { keyPem: sec1 })],
    ['CRLF and text around the blocks', given({ certificatePem: `x\r\n${made.pem.replaceAll('\n', '\r\n')}` })],
  ]
  for (const [what, authority] of sound)
    it(`is accepted: ${what}`, () => {
      assert.deepEqual(givenAuthorityFaults(authority, now), [])
      const { key, path } = requireGivenAuthority(authority, now, FILES)
      assert.ok(path[0].x509.checkPrivateKey(createPrivateKey(operatorKeyPem(key))))
      assert.match(operatorKeyPem(key), /^-----BEGIN PRIVATE KEY-----/)
    })

  const faulty: [what: string, GivenAuthority, code: string, message: RegExp][] = [
    [
      'the key of another CA',
      given({ keyPem: other.keyPem }),
      'KeyMismatch',
      /^ca-key\.pem: key mismatch: .*CN=dc1-ca/,
    ],
    [
      'expired',
      of(makeAuthority({ notBefore: now - 9 * DAY, notAfter: now - DAY })),
      'Expired',
      /^ca\.pem: expired on/,
    ],
    ['not valid yet', of(makeAuthority({ notBefore: now + DAY })), 'NotYetValid', /^ca\.pem: not valid before/],
    ['an encrypted key without a password', given({ keyPem: encrypted }), 'EncryptedKey', /password required/],
    ['a wrong password', given({ keyPem: encrypted, password: 'x' }), 'WrongPassword', /^ca-key\.pem: cannot decrypt/],
    [
      'an encrypted key that cass-operator reads',
      given({ keyPem: encrypted, password: 'open sesame', pkcs8Only: true }),
      'EncryptedKey',
      /which cass-operator does not support/,
    ],
    [
      'an EC key for cass-operator',
      of(curve, { rsaOnly: true }),
      'UnsupportedKey',
      /EC \(prime256v1\) key; .*only RSA/,
    ],
    [
      'a curve that cannot sign here',
      of(curve521),
      'UnsupportedKey',
      /EC \(secp521r1\) key; supported are RSA, and EC/,
    ],
    ['a PKCS#1 key that cass-operator reads', given({ keyPem: pkcs1, pkcs8Only: true }), 'KeyFormat', /PKCS#1 private/],
    ['a SEC1 key that cass-operator reads', of(curve, { keyPem: sec1, pkcs8Only: true }), 'KeyFormat', /SEC1/],
    [
      'the chain in the wrong order',
      of(intermediate, { certificatePem: root.pem + intermediate.pem }),
      'ChainOrder',
      /^ca\.pem: wrong order: the private key belongs to certificate 2 \(.*CN=middle-ca.*must be the first/,
    ],
    [
      'an intermediate without its root',
      of(intermediate),
      'NoRoot',
      /root certificate .* missing \(issuer: .*CN=root-ca/,
    ],
    [
      'no CA flag',
      of(leaf),
      'NotAuthority',
      /^ca\.pem: certificate \(.*dc1\.default\.cassdc\) is not a CA certificate/,
    ],
    [
      'an expired root above it',
      (() => {
        const old = makeAuthority({ dc: 'root', notBefore: now - 9 * DAY, notAfter: now - DAY })
        const below = makeAuthority({ issuer: old })
        return of(below, { certificatePem: below.pem + old.pem })
      })(),
      'Expired',
      /^ca\.pem: issuer \(.*CN=root-ca.*\): expired on/,
    ],
    ['a weak key', of(makeAuthority({ bits: 1024 })), 'WeakKey', /1024-bit RSA/],
    ['no certificate', given({ certificatePem: '' }), 'NoCertificate', /^ca\.pem: no PEM certificate/],
    [
      'the two files swapped',
      given({ certificatePem: made.keyPem, keyPem: made.pem }),
      'NoCertificate',
      /private key found/,
    ],
    ['a cut certificate', given({ certificatePem: made.pem.slice(0, 400) }), 'NoCertificate', /incomplete PEM/],
    [
      'a damaged certificate',
      given({ certificatePem: made.pem.replace(/\n.{40}/, '\nAAAA') }),
      'NoCertificate',
      /1 of 1/,
    ],
    ['no key', given({ keyPem: '' }), 'NoKey', /^ca-key\.pem: no PEM private key/],
    ['the certificate in place of the key', given({ keyPem: made.pem }), 'NoKey', /certificate found/],
    ['a damaged key', given({ keyPem: made.keyPem.replace(/\n.{40}/, '\nAAAA') }), 'NoKey', /cannot parse/],
  ]
  for (const [what, authority, code, message] of faulty)
    it(`is refused: ${what}`, () => {
      assert.ok(givenAuthorityFaults(authority, now).some((fault) => fault.code === code))
      assert.throws(
        () => requireGivenAuthority(authority, now, FILES),
        (error: unknown) => {
          assert.ok(error instanceof CassSniError)
          assert.equal(error.code, code === 'Expired' || code === 'NotYetValid' ? 'CSNI402' : 'CSNI401')
          assert.match(error.message, message)
          assert.ok(error.next.length > 0)
          const told = `${error.message}${nextTexts(error.next).join()}${String(error.cause)}`
          for (const line of authority.keyPem.split('\n').filter((each) => !each.startsWith('-----') && each !== ''))
            assert.ok(!told.includes(line), 'quotes the key')
          if (authority.password !== undefined && authority.password.length > 3)
            assert.ok(!told.includes(authority.password))
          return true
        },
      )
    })

  it('leads to the password of an encrypted key, in its file or by hand', () => {
    const next = (more: Partial<GivenAuthority>) => {
      try {
        requireGivenAuthority(given({ keyPem: encrypted, ...more }), now, FILES)
      } catch (error) {
        return error instanceof CassSniError ? nextTexts(error.next) : []
      }
      return []
    }
    assert.match(next({}).join(), /--ca-key-password-file password\.txt$/)
    assert.deepEqual(next({ password: 'wrong' }), [
      'check the file of --ca-key-password-file',
      'openssl pkey -in ca-key.pem -noout',
    ])
  })

  it('proposes to convert a key with the names of the files, and no files where there are none', () => {
    const next = (files: boolean) => {
      try {
        requireGivenAuthority(given({ keyPem: pkcs1, pkcs8Only: true }), now, { ...FILES, files })
      } catch (error) {
        return error instanceof CassSniError ? nextTexts(error.next) : []
      }
      return []
    }
    assert.deepEqual(next(true), ['openssl pkcs8 -topk8 -nocrypt -in ca-key.pem -out ca-key.pem.pkcs8'])
    assert.ok(!next(false).join().includes('ca-key.pem'))
  })
})
