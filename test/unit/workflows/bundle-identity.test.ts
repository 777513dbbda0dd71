/** Which client certificate a bundle gets. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { EncryptionOptions } from '../../../src/lib/cassandra/datacenter.ts'
import { readCertificate, signedBy } from '../../../src/lib/certificates/certificate.ts'
import { createSelfSigned } from '../../../src/lib/certificates/self-signed.ts'
import type { KubeObject } from '../../../src/lib/cluster/kube.ts'
import { bundleIdentity } from '../../../src/lib/workflows/bundle/bundle-identity.ts'
import { datacenter } from '../../support/observed-datacenter.ts'
import { kubeInMemory } from '../../support/kube-in-memory.ts'
import { makeAuthority } from '../../support/operator-certificates.ts'

const DAY = 24 * 60 * 60 * 1000

describe('the client certificate of a bundle', () => {
  const ca = makeAuthority({ namespace: 'cass-operator', notAfter: Date.now() + 3650 * DAY })
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'dc1-ca-keystore', namespace: 'cass-operator' },
    data: { cert: base64(ca.pem), key: base64(ca.keyPem) },
  } as KubeObject
  const warnings: string[] = []
  const { kube } = kubeInMemory('cass-operator', [secret])
  const context = {
    kube,
    signal: new AbortController().signal,
    emit: (event: { type: string; message?: string }) => {
      if (event.type === 'warning') warnings.push(event.message ?? '')
    },
    dryRun: false,
    now: Date.now,
  }
  const encryption = { enabled: true, optional: false, requireClientAuth: false }
  const identityOf = (
    change: Partial<EncryptionOptions>,
    choice: Partial<Parameters<typeof bundleIdentity>[2]> = {},
    now = Date.now,
  ) =>
    bundleIdentity({ ...context, now }, datacenter({ clientEncryption: { ...encryption, ...change } }), {
      given: undefined,
      existing: undefined,
      commonName: 'orders',
      ...choice,
    })

  it('is self-signed if the nodes request none, and kept', async () => {
    const { identity, kind } = await identityOf({})
    assert.equal(kind, 'self-signed')
    const [leaf] = identity.chain
    assert.equal(leaf.subject, 'CN=orders')
    assert.ok(signedBy(leaf.x509, leaf.x509))
    assert.equal((await identityOf({}, { existing: identity })).identity, identity)
    const later = () => Date.now() + 9.5 * 365 * DAY
    assert.notEqual((await identityOf({}, { existing: identity }, later)).identity, identity)
  })

  for (const change of [{ requireClientAuth: true }, { optionalClientAuth: true }])
    it(`is issued by the datacenter's CA with ${JSON.stringify(change)}`, async () => {
      const selfSigned = await createSelfSigned({ commonName: 'orders', now: Date.now(), randomBytes })
      const { identity, kind } = await identityOf(change, { existing: selfSigned })
      assert.equal(kind, 'issued')
      const [leaf] = identity.chain
      assert.equal(leaf.subject, 'CN=orders')
      assert.ok(signedBy(leaf.x509, readCertificate(ca.pem).x509))
      assert.equal((await identityOf(change, { existing: identity })).identity, identity)
      const later = () => Date.now() + 300 * DAY
      assert.notEqual((await identityOf(change, { existing: identity }, later)).identity, identity)
    })

  it('is the given one in any case', async () => {
    const given = await createSelfSigned({ commonName: 'given', now: Date.now(), randomBytes })
    assert.deepEqual(await identityOf({ requireClientAuth: true }, { given }), { identity: given, kind: 'given' })
  })

  it('has the name of the datacenter if the role has one that a certificate cannot have', async () => {
    const { identity } = await identityOf({}, { commonName: 'a "role", with; all' })
    assert.equal(identity.chain[0].subject, 'CN=dc1')
  })
})
