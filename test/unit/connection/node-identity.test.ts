import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { nodeIdentity } from '../../../src/lib/connection/node-identity.ts'
import { makeAuthority, makeLeaf } from '../../support/operator-certificates.ts'

describe('the name of a node in its certificate', () => {
  const authority = makeAuthority()
  const [ID, OTHER_ID] = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222']
  const check = nodeIdentity(new Map([[ID, 'n0.pods.x.svc.cluster.local']]))
  const accepts = (names: string[], hostId = ID) =>
    check(hostId, new X509Certificate(makeLeaf(authority, { names }).der).toLegacyObject()) === undefined

  it('is its host ID, or its own DNS name', () => {
    assert.ok(accepts([ID]))
    assert.ok(accepts(['n0.pods.x.svc.cluster.local']))
    assert.ok(accepts(['*.pods.x.svc.cluster.local']))
  })

  it('is no other name', () => {
    assert.ok(!accepts([OTHER_ID]))
    assert.ok(!accepts(['n1.pods.x.svc.cluster.local', 'cassandra.example.com']))
    assert.ok(!accepts(['n0.pods.x.svc.cluster.local'], OTHER_ID))
  })
})
