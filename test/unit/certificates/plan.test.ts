import assert from 'node:assert/strict'
import { readCertificate } from '../../../src/lib/certificates/certificate.ts'
import { currentOf } from '../../../src/lib/certificates/rewrite.ts'
import {
  decide,
  forgottenNames,
  operatorName,
  parsePublicNames,
  pendingNodes,
  requiredNames,
} from '../../../src/lib/certificates/certificate-plan.ts'
import { readKeystore } from '../../../src/lib/certificates/keystore.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { makeAuthority, makeKeystore, makeLeaf } from '../../support/operator-certificates.ts'
import { datacenter, HOST_IDS, node } from './datacenter.ts'

const DAY = 24 * 60 * 60 * 1000

describe('the names of the certificate', () => {
  it("are the operator's, the Services', each node's DNS name and host id, and the public ones", () => {
    assert.deepEqual(requiredNames(datacenter(), ['cassandra.example.com', '203.0.113.7']), [
      'dc1.default.cassdc',
      'dse-dc1-service',
      'dse-dc1-service.default',
      'dse-dc1-service.default.svc',
      'dse-dc1-service.default.svc.cluster.local',
      'dse-dc1-all-pods-service.default.svc.cluster.local',
      'dse-dc1-default-sts-0.dse-dc1-all-pods-service.default.svc.cluster.local',
      HOST_IDS[0],
      'dse-dc1-default-sts-1.dse-dc1-all-pods-service.default.svc.cluster.local',
      HOST_IDS[1],
      'dse-dc1-default-sts-2.dse-dc1-all-pods-service.default.svc.cluster.local',
      'cassandra.example.com',
      '203.0.113.7',
    ])
  })

  it('name the nodes that are not in yet', () => {
    const dc = datacenter({
      nodes: [node(0, { hostId: HOST_IDS[0] }), node(1, { replacing: true }), node(2, { waiting: 'no CPU' })],
    })
    assert.deepEqual(pendingNodes(dc), [
      {
        pod: 'dse-dc1-default-sts-1',
        reason: 'is being replaced: its new host id is not known yet',
      },
      { pod: 'dse-dc1-default-sts-2', reason: 'has no host id yet (no CPU)' },
    ])
  })

  it('tell a forgotten public name from the names of nodes that are gone', () => {
    const dc = datacenter()
    const required = requiredNames(dc, ['b.example.com'])
    const gone = [
      '33333333-3333-4333-8333-333333333333',
      'dse-dc1-default-sts-3.dse-dc1-all-pods-service.default.svc.cluster.local',
    ]
    assert.deepEqual(forgottenNames([...required, ...gone, 'a.example.com', '203.0.113.7'], required, dc), [
      'a.example.com',
      '203.0.113.7',
    ])
  })

  it('take public names as people write them, and refuse what is none', () => {
    assert.deepEqual(
      parsePublicNames([
        'Cassandra.Example.com.',
        'a.b,203.0.113.7',
        '2001:DB8:0:0:0:0:0:1',
        '*.db.example.com',
        'a.b',
        'Köln.example',
      ]),
      ['cassandra.example.com', 'a.b', '203.0.113.7', '2001:db8::1', '*.db.example.com', 'xn--kln-sna.example'],
    )
    for (const name of [
      '-x',
      'a b',
      'http://x',
      '*',
      '*.com',
      '1.2.3',
      'a..b',
      `${'a'.repeat(64)}.b`,
      'fe80::1%eth0',
      'ü b.de',
      'x\u001b[31m',
    ]) {
      assert.throws(
        () => parsePublicNames([name]),
        (error: unknown) => error instanceof CassSniError && error.code === 'CSNI101',
        name,
      )
    }
  })
})

describe('keep the certificate or issue another', () => {
  const now = Date.now()
  const authority = makeAuthority()
  const ca = readCertificate(authority.der)
  const dc = datacenter()
  const current = (bytes: Buffer) => currentOf(readKeystore(bytes, 'dc1', 'x'), operatorName(dc), 'dc1', 'x')
  // Kept old by the operator's missing clientAuth in every case: the other reasons are looked at one by one.
  const reasonsOf = (bytes: Buffer, required: string[] = []) => decide(current(bytes), required, ca, now).reasons

  it("issues for the operator's own: names are missing, and it may not be used by a client", () => {
    assert.deepEqual(reasonsOf(makeKeystore(authority, makeLeaf(authority)), ['dc1.default.cassdc', 'a', 'b']), [
      'names are missing: a, b',
      'it may not be used by a client, which nodes are to one another',
    ])
  })

  it('issues for another authority, an untrusted one, a wrong key, a weak key and an end that is near', () => {
    const other = makeAuthority({ dc: 'other' })
    const foreign = reasonsOf(makeKeystore(other, makeLeaf(other)))
    assert.match(foreign.join(), /another authority: .*CN=other-ca-keystore/)
    assert.match(foreign.join(), /not among the trusted/)
    const leaf = makeLeaf(authority)
    assert.match(
      reasonsOf(makeKeystore(authority, { ...leaf, key: makeLeaf(authority).key })).join(),
      /private key does not belong/,
    )
    assert.match(reasonsOf(makeKeystore(authority, makeLeaf(authority, { bits: 1024 }))).join(), /RSA with 1024 bits/)
    assert.match(
      reasonsOf(
        makeKeystore(
          authority,
          makeLeaf(authority, {
            notBefore: now - 340 * DAY,
            notAfter: now + 20.5 * DAY,
          }),
        ),
      ).join(),
      /expires in 20 days/,
    )
    assert.match(
      reasonsOf(
        makeKeystore(
          authority,
          makeLeaf(authority, {
            notBefore: now - 340 * DAY,
            notAfter: now - DAY,
          }),
        ),
      ).join(),
      /expired on/,
    )
  })

  it('does not issue again what can last no longer than its authority', () => {
    const ending = makeAuthority({
      notBefore: now - 340 * DAY,
      notAfter: now + 20 * DAY,
    })
    const bytes = makeKeystore(ending, makeLeaf(ending, { notAfter: now + 20 * DAY }))
    const reasons = decide(current(bytes), [], readCertificate(ending.der), now).reasons
    assert.deepEqual(reasons, ['it may not be used by a client, which nodes are to one another'])
  })

  it('issues when the keystore holds no certificate', () => {
    assert.equal(decide(undefined, [], ca, now).action, 'issue')
  })
})
