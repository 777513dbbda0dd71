import { nextTexts } from '../../support/next-texts.ts'
import assert from 'node:assert/strict'
import { parseAuthorities, parseAuthority, requireUsable } from '../../../src/lib/certificates/certificate-authority.ts'
import { trustPem } from '../../../src/lib/certificates/authority-path.ts'
import { CassSniError, type ErrorCode } from '../../../src/lib/errors.ts'
import { makeAuthority, makeLeaf } from '../../support/operator-certificates.ts'

const DAY = 24 * 60 * 60 * 1000
const PLACE = {
  object: 'secret/dc1-ca-keystore in namespace default',
  secret: 'dc1-ca-keystore',
  namespace: 'default',
  datacenter: 'dc1',
}

function fails(code: ErrorCode, text: RegExp) {
  return (error: unknown) =>
    error instanceof CassSniError && error.code === code && text.test(error.message) && error.next.length > 0
}

describe('the certificate authority', () => {
  const made = makeAuthority()

  it("is read from the operator's PEM, first block only, whatever the line ends", () => {
    const authority = parseAuthority(
      `${made.pem.replaceAll('\n', '\r\n')}${makeAuthority({ dc: 'other' }).pem}`,
      made.keyPem,
      PLACE,
    )
    assert.equal(authority.path.length, 1)
    assert.match(authority.path[0].subject, /CN=dc1-ca-keystore\.default\.svc/)
    assert.equal(authority.key.asymmetricKeyType, 'rsa')
  })

  it('is refused with a key of another, a broken key, no key, no certificate, or a leaf for an authority', () => {
    const other = makeAuthority()
    assert.throws(() => parseAuthority(made.pem, other.keyPem, PLACE), fails('CSNI401', /key mismatch/))
    assert.throws(
      () => parseAuthority(made.pem, '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----', PLACE),
      fails('CSNI401', /cannot parse the private key/),
    )
    assert.throws(
      () => parseAuthority(made.pem, made.keyPem.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE'), PLACE),
      fails('CSNI401', /encrypted/),
    )
    assert.throws(() => parseAuthority(made.pem, made.pem, PLACE), fails('CSNI401', /no PEM private key/))
    assert.throws(() => parseAuthority('', made.keyPem, PLACE), fails('CSNI401', /no PEM certificate/))
    const leaf = makeLeaf(made)
    assert.throws(() => parseAuthority(leaf.pem, leaf.keyPem, PLACE), fails('CSNI401', /is not a CA certificate/))
  })

  it('never quotes its key in an error', () => {
    const broken = made.keyPem.replace(/\n(.{20})/, '\nAAAA')
    const secret = made.keyPem.split('\n')[5] ?? 'missing'
    assert.throws(
      () => parseAuthority(made.pem, broken, PLACE),
      (error: unknown) =>
        error instanceof CassSniError &&
        !`${error.message}${nextTexts(error.next).join()}${String(error.cause)}`.includes(secret),
    )
  })

  it('is validated by the clock: expired, not valid yet, expiring soon, valid', () => {
    const now = Date.now()
    const at = (from: number, until: number) =>
      parseAuthority(
        ...pems(
          makeAuthority({
            notBefore: now + from * DAY,
            notAfter: now + until * DAY,
          }),
        ),
        PLACE,
      ).path
    assert.throws(() => requireUsable(at(-366, -1), now, PLACE), fails('CSNI402', /expired on \d{4}-\d\d-\d\d/))
    assert.throws(() => requireUsable(at(1, 366), now, PLACE), fails('CSNI402', /not valid before/))
    assert.match(requireUsable(at(-340, 25.5), now, PLACE) ?? '', /expires in 25 days/)
    assert.match(requireUsable(at(-340, 0.1), now, PLACE) ?? '', /expires in less than a day, at \d{4}-\S+Z/)
    assert.equal(requireUsable(at(-1, 364), now, PLACE), undefined)
  })

  it('proposes a rotation once it has expired', () => {
    const made = makeAuthority({ notBefore: Date.UTC(2025, 9, 1), notAfter: Date.UTC(2026, 9, 1) })
    const { path } = parseAuthority(made.pem, made.keyPem, PLACE)
    assert.throws(
      () => requireUsable(path, Date.UTC(2026, 10, 1), PLACE),
      (error: unknown) => {
        assert.ok(error instanceof CassSniError)
        assert.deepEqual(nextTexts(error.next), ['kubectl cass-sni certs rotate-ca --expired'])
        return true
      },
    )
  })

  it('is trusted up to its root, whatever the order and whatever else is in the file', () => {
    const root = makeAuthority({ dc: 'root' })
    const middle = makeAuthority({ dc: 'middle', issuer: root })
    const issuing = makeAuthority({ issuer: middle })
    const other = makeAuthority({ dc: 'other' })
    const { path } = parseAuthority(
      [issuing, other, root, middle].map(({ pem }) => pem).join(''),
      issuing.keyPem,
      PLACE,
    )
    assert.deepEqual(
      path.map(({ subject }) => /CN=(\w+)-ca/.exec(subject)?.[1]),
      ['dc1', 'middle', 'root'],
    )
    assert.equal(trustPem([path]), issuing.pem + middle.pem + root.pem)
    assert.equal(requireUsable(path, Date.now(), PLACE), undefined)
  })

  it('is one of several that clients trust while one replaces another, each with its issuers', () => {
    const root = makeAuthority({ dc: 'root' })
    const old = makeAuthority({ dc: 'old' })
    const fresh = makeAuthority({ dc: 'fresh', issuer: root })
    const authorities = parseAuthorities([fresh, old, root].map(({ pem }) => pem).join(''), PLACE)
    assert.deepEqual(
      authorities.map((path) => path.map(({ subject }) => /CN=(\w+)-ca/.exec(subject)?.[1])),
      [['fresh', 'root'], ['old']],
    )
    assert.equal(trustPem(authorities), fresh.pem + root.pem + old.pem)
    assert.equal(parseAuthorities(trustPem(authorities), PLACE).length, 2)
    // a root before what it has issued
    const turned = parseAuthorities(root.pem + fresh.pem, PLACE)
    assert.deepEqual(
      turned.map((path) => path.length),
      [1, 2],
    )
  })

  it('is refused as an intermediate without its root, for then OpenSSL verifies nothing that it signs', () => {
    const middle = makeAuthority({ dc: 'middle', issuer: makeAuthority({ dc: 'root' }) })
    const issuing = makeAuthority({ issuer: middle })
    const { path } = parseAuthority(issuing.pem + middle.pem, issuing.keyPem, PLACE)
    assert.throws(
      () => requireUsable(path, Date.now(), PLACE),
      fails('CSNI401', /root certificate of the intermediate CA missing \(issuer: .*CN=root-ca/),
    )
  })
})

function pems(authority: { pem: string; keyPem: string }): [string, string] {
  return [authority.pem, authority.keyPem]
}
