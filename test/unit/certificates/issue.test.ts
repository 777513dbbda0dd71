import assert from 'node:assert/strict'
import { createPrivateKey, randomBytes } from 'node:crypto'
import { checkServerIdentity } from 'node:tls'
import { parseAuthority } from '../../../src/lib/certificates/certificate-authority.ts'
import { type Authorities, trustPem } from '../../../src/lib/certificates/authority-path.ts'
import { readCertificate } from '../../../src/lib/certificates/certificate.ts'
import { issueLeaf, leafBytes } from '../../../src/lib/certificates/issue.ts'
import { readKeystore, recoverKey } from '../../../src/lib/certificates/keystore.ts'
import { currentOf, previousAuthorities, rewriteKeystore } from '../../../src/lib/certificates/node-keystore.ts'
import { reasonsToIssue } from '../../../src/lib/certificates/policies.ts'
import { makeAuthority, makeKeystore, makeLeaf, type MadeCertificate } from '../../support/operator-certificates.ts'
import { HOST_IDS } from './datacenter.ts'
import { keytool, openssl } from './keytool.ts'

const DAY = 24 * 60 * 60 * 1000
const PLACE = { object: 'x', secret: 'x', namespace: 'z', datacenter: 'dc1' }
const NAMES = ['dc1.default.cassdc', HOST_IDS[0], '203.0.113.7', '2001:db8::1', '*.db.example.com']
const ALIAS = 'dc1.default.cassdc'

function parse(made: MadeCertificate) {
  return parseAuthority(made.pem, made.keyPem, PLACE)
}

describe('issuing', function () {
  this.timeout(30_000)
  const now = Math.floor(Date.now() / 1000) * 1000

  for (const curve of [undefined, 'prime256v1', 'secp384r1']) {
    it(`makes a certificate under ${curve ?? 'an RSA'} authority that is accepted for each of its names`, async () => {
      const authority = parse(makeAuthority(curve === undefined ? {} : { curve }))
      const leaf = await issueLeaf({
        authority,
        commonName: ALIAS,
        names: NAMES,
        now,
        randomBytes,
      })
      const { certificate } = leaf
      assert.deepEqual(certificate.names, NAMES)
      assert.equal(certificate.subject, `CN=${ALIAS}`)
      assert.ok(certificate.x509.verify(authority.path[0].x509.publicKey))
      assert.ok(certificate.x509.checkIssued(authority.path[0].x509))
      assert.ok(certificate.x509.checkPrivateKey(leaf.key))
      assert.equal(certificate.x509.ca, false)
      for (const name of [HOST_IDS[0], 'node1.db.example.com']) {
        assert.equal(certificate.x509.checkHost(name) !== undefined, true, name)
        assert.equal(checkServerIdentity(name, certificate.x509.toLegacyObject() as never), undefined)
      }
      for (const address of ['203.0.113.7', '2001:db8::1'])
        assert.equal(certificate.x509.checkIP(address) !== undefined, true, address)
      assert.equal(certificate.notAfter.getTime(), Math.min(now + 365 * DAY, authority.path[0].notAfter.getTime()))
    })
  }

  it('never lasts longer than its authority, nor begins before it', async () => {
    const authority = parse(makeAuthority({ notBefore: now - 60_000, notAfter: now + 10 * DAY }))
    const { certificate } = await issueLeaf({
      authority,
      commonName: ALIAS,
      names: NAMES,
      now,
      randomBytes,
    })
    assert.equal(certificate.notAfter.getTime(), now + 10 * DAY)
    assert.equal(certificate.notBefore.getTime(), now - 60_000)
  })

  it('puts it into the keystore: other entries stay, Java reads all of it, and nothing is left to do', async () => {
    const made = makeAuthority()
    const authority = parse(made)
    const extra = makeAuthority({ dc: 'partner' })
    const old = makeKeystore(made, makeLeaf(made), {
      extra: [
        {
          kind: 'trusted',
          alias: 'partner',
          created: 12345,
          certificate: extra.der,
        },
      ],
    })
    const entries = readKeystore(old, 'dc1', 'x')
    const leaf = await issueLeaf({
      authority,
      commonName: ALIAS,
      names: NAMES,
      now,
      randomBytes,
    })
    const bytes = rewriteKeystore(entries, leaf, [authority.path], {
      alias: ALIAS,
      password: 'dc1',
      now,
      randomBytes,
    })

    const written = readKeystore(bytes, 'dc1', 'x')
    assert.deepEqual(written.slice(1), entries.slice(1))
    const [own] = written
    assert.ok(own?.kind === 'key')
    const key = recoverKey(own.protectedKey, 'dc1')
    assert.ok(key)
    assert.ok(leaf.certificate.x509.checkPrivateKey(createPrivateKey({ key, format: 'der', type: 'pkcs8' })))
    const current = currentOf(written, ALIAS, 'dc1', 'x')
    assert.deepEqual(reasonsToIssue({ current, required: NAMES, authorities: [authority.path], now }), [])

    const { output } = keytool(
      ['-list', '-v', '-keystore', 'node-keystore.jks', '-storetype', 'JKS', '-storepass', 'dc1'],
      { 'node-keystore.jks': bytes },
    )
    assert.match(output, /contains 3 entries/)
    assert.match(output, new RegExp(`DNSName: ${HOST_IDS[0]}`))
    assert.match(output, /IPAddress: 203\.0\.113\.7/)
    assert.match(output, /IPAddress: 2001:db8:0:0:0:0:0:1/)
    assert.match(output, /serverAuth\s+clientAuth/)
    assert.match(output, /Signature algorithm name: SHA256withRSA/)
  })

  it('goes on trusting the authority that was there before', async () => {
    const before = makeAuthority({ dc: 'before' })
    const authority = parse(makeAuthority())
    const entries = readKeystore(makeKeystore(before, makeLeaf(before)), 'dc1', 'x')
    const leaf = await issueLeaf({
      authority,
      commonName: ALIAS,
      names: NAMES,
      now,
      randomBytes,
    })
    const written = readKeystore(
      rewriteKeystore(entries, leaf, [authority.path], {
        alias: ALIAS,
        password: 'dc1',
        now,
        randomBytes,
      }),
      'dc1',
      'x',
    )
    const trusted = written.flatMap((entry) =>
      entry.kind === 'trusted' ? [[entry.alias, readCertificate(entry.certificate).subject]] : [],
    )
    assert.deepEqual(
      trusted.map(([alias]) => alias),
      ['ca', 'ca-old-1'],
    )
    assert.match(trusted[0]?.[1] ?? '', /CN=dc1-ca/)
    assert.match(trusted[1]?.[1] ?? '', /CN=before-ca/)

    assert.deepEqual(previousAuthorities(written, [authority.path]), [trusted[1]?.[1]])
    const next = await issueLeaf({ authority, commonName: ALIAS, names: NAMES, now, randomBytes })
    const options = { alias: ALIAS, password: 'dc1', now, randomBytes, dropPrevious: true }
    const dropped = readKeystore(rewriteKeystore(written, next, [authority.path], options), 'dc1', 'x')
    assert.deepEqual(previousAuthorities(dropped, [authority.path]), [])
    assert.deepEqual(
      dropped.map(({ alias }) => alias),
      [ALIAS, 'ca'],
    )
  })

  it('trusts each of several CAs, and keeps one that is still listed when previous ones are dropped', async () => {
    const [before, old] = ['before', 'old'].map((dc) => makeAuthority({ dc })) as [MadeCertificate, MadeCertificate]
    const fresh = makeAuthority()
    const signer = parse(fresh)
    const authorities: Authorities = [signer.path, parse(old).path]
    const leaf = await issueLeaf({ authority: signer, commonName: ALIAS, names: NAMES, now, randomBytes })
    const options = { alias: ALIAS, password: 'dc1', now, randomBytes }
    const read = (bytes: Buffer) => readKeystore(bytes, 'dc1', 'x')
    const trusted = (bytes: Buffer) => currentOf(read(bytes), ALIAS, 'dc1', 'x')?.trusted.map(({ der }) => der) ?? []
    const both = rewriteKeystore(read(makeKeystore(before, makeLeaf(before))), leaf, authorities, options)
    assert.deepEqual(trusted(both), [fresh.der, old.der, before.der])
    const current = currentOf(read(both), ALIAS, 'dc1', 'x')
    assert.deepEqual(reasonsToIssue({ current, required: NAMES, authorities, now }), [])
    const dropped = rewriteKeystore(read(both), leaf, authorities, { ...options, dropPrevious: true })
    assert.deepEqual(trusted(dropped), [fresh.der, old.der])
    const [reason] = reasonsToIssue({
      current,
      required: NAMES,
      authorities: [...authorities, [parse(makeAuthority({ dc: 'next' })).path[0]]],
      now,
    })
    assert.equal(reason?.code, 'UntrustedAuthority')
    assert.match(reason.message, /does not trust the CA: .*CN=next-ca/)
  })

  it('serves an intermediate CA below its root, which openssl verifies with what clients are given', async () => {
    const root = makeAuthority({ dc: 'root' })
    const made = makeAuthority({ issuer: root })
    const authority = parseAuthority(made.pem + root.pem, made.keyPem, PLACE)
    const entries = readKeystore(makeKeystore(made, makeLeaf(made)), 'dc1', 'x')
    const leaf = await issueLeaf({ authority, commonName: ALIAS, names: NAMES, now, randomBytes })
    const bytes = rewriteKeystore(entries, leaf, [authority.path], { alias: ALIAS, password: 'dc1', now, randomBytes })
    const current = currentOf(readKeystore(bytes, 'dc1', 'x'), ALIAS, 'dc1', 'x')
    assert.deepEqual(
      current?.chain.map(({ subject }) => subject),
      [authority.path[0].subject],
    )
    assert.deepEqual(reasonsToIssue({ current, required: NAMES, authorities: [authority.path], now }), [])
    const verify = (ca: string) =>
      openssl(['verify', '-CAfile', 'ca.pem', '-untrusted', 'chain.pem', 'leaf.pem'], {
        'ca.pem': ca,
        'chain.pem': made.pem,
        'leaf.pem': leaf.certificate.x509.toString(),
      })
    assert.match(verify(trustPem([authority.path])), /leaf\.pem: OK/)
    assert.match(verify(made.pem), /unable to get issuer certificate/)
  })

  for (const curve of [undefined, 'prime256v1', 'secp384r1']) {
    it(`knows the size of a certificate under ${curve ?? 'an RSA'} authority before it is made`, async () => {
      const authority = parse(makeAuthority(curve === undefined ? {} : { curve }))
      const many = Array.from({ length: 200 }, (_, n) => `dse-dc1-default-sts-${n}.dse-dc1-all-pods-service.x.svc`)
      for (const names of [[ALIAS], [...NAMES, ...many]]) {
        const { certificate } = await issueLeaf({ authority, commonName: ALIAS, names, now, randomBytes })
        const planned = leafBytes({ names, authority: authority.path[0], commonName: ALIAS })
        const surplus = planned - certificate.der.length
        assert.ok(surplus >= 0 && surplus <= (curve === undefined ? 0 : 6), `${planned} planned, ${surplus} too many`)
      }
    })
  }
})
