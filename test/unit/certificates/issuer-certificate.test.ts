/** Certificates from cert-manager: what is asked for, and what is read back. */
import assert from 'node:assert/strict'
import { parseAuthority, parseSigner } from '../../../src/lib/certificates/certificate-authority.ts'
import { readCertificate } from '../../../src/lib/certificates/certificate.ts'
import { issuerCertificateSpec, readIssuerResult } from '../../../src/lib/certificates/issuer-certificate.ts'
import { issuerIn, issuerPem, issuerText } from '../../../src/lib/certificates/issuer-reference.ts'
import { leafExpiresSoon } from '../../../src/lib/certificates/policies.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { makeAuthority, makeLeaf } from '../../support/operator-certificates.ts'

const ISSUER = { group: 'cert-manager.io', kind: 'ClusterIssuer', name: 'company' }
const LOCATION = {
  object: 'secret/dc1-ca-keystore in namespace x',
  secret: 'dc1-ca-keystore',
  namespace: 'x',
  datacenter: 'dc1',
}
const DAY = 24 * 60 * 60 * 1000
/** `openssl req -x509 -subj / -addext subjectAltName=DNS:a.example`. */
const NO_SUBJECT = `-----BEGIN CERTIFICATE-----
MIIBbDCCARGgAwIBAgIUU7aaX1c9YAWRThdTid5ksx2Q8NMwCgYIKoZIzj0EAwIw
ADAeFw0yNjExMjYxMjAwMTNaFw0zNjExMjMxMjAwMTNaMAAwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAASBUW9yT7ooC6Pye7BrXFRXIRABy0oobbuuVDUS59P5/WQe
TGmxPIFvPEipCDQKeMSkcMSY3avwZYFJcIPV/4xfo2kwZzAdBgNVHQ4EFgQUgoVW
JmsbPxm2LnuRJaFyyIAxTjMwHwYDVR0jBBgwFoAUgoVWJmsbPxm2LnuRJaFyyIAx
TjMwDwYDVR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglhLmV4YW1wbGUwCgYIKoZI
zj0EAwIDSQAwRgIhAMu0x7RRjS1JOSLqE807zILYbdOB9lQeos4EZYF95gxdAiEA
isotPx2XI6kgyv7ZXqxGeBfa+v8hYfuCz1QfPZUgTp8=
-----END CERTIFICATE-----
`

describe('certificates from cert-manager', () => {
  it('have a Certificate that depends on the names, not on their order', () => {
    const request = { datacenter: 'dc1', commonName: 'dc1.x.cassdc', issuer: ISSUER, renewBeforeMs: 60 * DAY }
    const spec = issuerCertificateSpec({ ...request, names: ['10.0.0.1', 'b.example', 'a.example'] })
    assert.deepEqual(spec, issuerCertificateSpec({ ...request, names: ['a.example', '10.0.0.1', 'b.example'] }))
    assert.deepEqual([spec.dnsNames, spec.ipAddresses], [['a.example', 'b.example'], ['10.0.0.1']])
    assert.deepEqual([spec.duration, spec.renewBefore], ['8760h0m0s', '5184000s'])
    assert.deepEqual(spec.issuerRef, ISSUER)
    assert.equal(spec.commonName, 'dc1.x.cassdc')
    assert.equal(issuerCertificateSpec({ ...request, commonName: 'x'.repeat(65), names: [] }).commonName, undefined)
  })

  it('are read with the path to the root, from the chain, ca.crt or a file', () => {
    const root = makeAuthority({ dc: 'root' })
    const ca = makeAuthority({ issuer: root })
    const leaf = makeLeaf(ca, { names: ['a.example'] })
    const data = { 'tls.crt': leaf.pem + ca.pem, 'tls.key': leaf.keyPem, 'ca.crt': root.pem }
    const subjects = (more: Record<string, string>, extra = '') =>
      readIssuerResult({ ...data, ...more }, extra)?.issuers.map(({ der }) => der)
    assert.deepEqual(subjects({}), [ca.der, root.der])
    assert.deepEqual(subjects({ 'ca.crt': '' }), [ca.der])
    assert.deepEqual(subjects({ 'ca.crt': '' }, root.pem), [ca.der, root.der])
    assert.deepEqual(subjects({ 'ca.crt': '', 'tls.crt': leaf.pem }), [])
    assert.equal(readIssuerResult({ ...data, 'tls.key': ca.keyPem }), undefined)
    assert.equal(readIssuerResult({ ...data, 'tls.crt': 'not PEM' }), undefined)
    assert.equal(readIssuerResult({}), undefined)
  })

  it('need no subject', () => {
    const { subject, names } = readCertificate(NO_SUBJECT)
    assert.deepEqual([subject, names], ['', ['a.example']])
  })

  it('are signed by an issuer that the CA Secret refers to in place of the key', () => {
    const ca = makeAuthority()
    const pem = issuerPem(ISSUER)
    assert.deepEqual(issuerIn(pem), ISSUER)
    assert.equal(issuerText(ISSUER), 'clusterissuer.cert-manager.io/company')
    const signer = parseSigner(ca.pem, pem, LOCATION)
    assert.ok('issuer' in signer && !('key' in signer))
    assert.ok('key' in parseSigner(ca.pem, ca.keyPem, LOCATION))
    assert.equal(issuerIn(ca.keyPem), undefined)
    assert.equal(issuerIn(pem.replace(/^[A-Za-z0-9+/=]+$/m, 'AAAA')), undefined)
    assert.throws(
      () => parseAuthority(ca.pem, pem, LOCATION),
      (error) =>
        error instanceof CassSniError &&
        error.code === 'CSNI401' &&
        /no private key: clusterissuer\.cert-manager\.io\/company signs/.test(error.message),
    )
  })

  it('are not due in every run if the issuer shortens their life below --renew-before', () => {
    const now = Date.UTC(2026, 10, 26)
    const ca = readCertificate(makeAuthority({ notBefore: now - DAY, notAfter: now + 1000 * DAY }).der)
    const leaf = { notBefore: new Date(now), notAfter: new Date(now + 30 * DAY) }
    const soon = (days: number) =>
      leafExpiresSoon(leaf, { authorities: [[ca]], renewBeforeMs: 60 * DAY, now: now + days * DAY })?.code
    assert.deepEqual([soon(0), soon(19), soon(21)], [undefined, undefined, 'ExpiresSoon'])
  })
})
