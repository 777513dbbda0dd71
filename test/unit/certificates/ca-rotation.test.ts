/** What nodes trust and serve in each phase of a CA rotation, and that no phase counts as a fault. */
import assert from 'node:assert/strict'
import { createPrivateKey, randomBytes } from 'node:crypto'
import type { RotationPhase } from '../../../src/lib/cassandra/authority-secret.ts'
import { authoritiesDuring, retiredAuthority, type Rotation } from '../../../src/lib/certificates/ca-rotation.ts'
import { parseAuthority } from '../../../src/lib/certificates/certificate-authority.ts'
import { readCertificate } from '../../../src/lib/certificates/certificate.ts'
import { createAuthority } from '../../../src/lib/certificates/create-authority.ts'
import { requireGivenAuthority } from '../../../src/lib/certificates/given-authority.ts'
import { issueLeaf } from '../../../src/lib/certificates/issue.ts'
import { openKeystore, rewriteKeystore } from '../../../src/lib/certificates/node-keystore.ts'
import { keystoreFaults, reasonsToIssue } from '../../../src/lib/certificates/policies.ts'
import { makeAuthority } from '../../support/operator-certificates.ts'

const now = Math.floor(Date.now() / 1000) * 1000
const DAY = 24 * 60 * 60 * 1000
const PLACE = { object: 'secret/x', secret: 'x', namespace: 'default', datacenter: 'dc1' }
const KEYSTORE = { password: 'dc1', alias: 'dc1.default.cassdc', object: 'secret/y' }

describe('a CA rotation', function () {
  this.timeout(30_000)
  const parsed = (made: { pem: string; keyPem: string }) => parseAuthority(made.pem, made.keyPem, PLACE)
  const old = parsed(makeAuthority())
  const next = parsed(makeAuthority({ dc: 'next' }))
  const phases: [RotationPhase | undefined, typeof old, typeof old][] = [
    [undefined, old, next],
    ['trust', old, next],
    ['sign', next, old],
    ['drop', next, old],
    [undefined, next, old],
  ]

  const stateOf = (phase: RotationPhase | undefined, signer: typeof old, other: typeof old) => {
    const rotation: Rotation | undefined = phase && { phase, other: other.path }
    return { authorities: authoritiesDuring(rotation, signer.path), retired: retiredAuthority(rotation) }
  }

  /** The keystore after `certs` in each of these phases in turn; asserts what led to each. */
  async function walk(turns: readonly (typeof phases)[number][], expected: string[][]): Promise<void> {
    let bytes: Buffer | undefined
    for (const [index, [phase, signer, other]] of turns.entries()) {
      const state = stateOf(phase, signer, other)
      const judged = (input: Buffer | undefined) => ({
        ...state,
        current: input && openKeystore(input, KEYSTORE).current,
        required: ['a.example.com'],
        now,
      })
      const before = judged(bytes)
      assert.deepEqual(
        reasonsToIssue(before).map(({ code }) => code),
        expected[index],
        phase,
      )
      // An interrupted rotation leaves the keystore of the phase before.
      if (bytes) assert.deepEqual(keystoreFaults(before), [], `faults at the start of ${phase}`)
      if (bytes === undefined || expected[index]?.length !== 0) {
        const leaf = await issueLeaf({
          authority: signer,
          commonName: KEYSTORE.alias,
          names: ['a.example.com'],
          now,
          randomBytes,
        })
        const entries = bytes ? openKeystore(bytes, KEYSTORE).entries : []
        const options = { ...KEYSTORE, now, randomBytes, retired: state.retired }
        bytes = rewriteKeystore(entries, leaf, state.authorities, options)
      }
      const after = judged(bytes)
      assert.deepEqual(reasonsToIssue(after), [], `${phase} is complete`)
      const { trusted = [], leaf } = after.current ?? {}
      assert.deepEqual(
        trusted.map(({ subject }) => subject).sort(),
        state.authorities.map(([{ subject }]) => subject).sort(),
      )
      assert.ok(leaf?.x509.verify(signer.path[0].x509.publicKey))
    }
  }

  it('trusts the new CA before it signs, and the previous one until it no longer does', () =>
    walk(phases, [['NoCertificate'], ['UntrustedAuthority'], ['AnotherAuthority'], ['RetiredAuthority'], []]))

  it('is undone by abort', () =>
    walk(
      [
        [undefined, old, next],
        ['trust', old, next],
        ['abort', old, next],
        [undefined, old, next],
      ],
      [['NoCertificate'], ['UntrustedAuthority'], ['RetiredAuthority'], []],
    ))

  it('goes on after an expired CA without its trust', () =>
    walk(
      [
        [undefined, old, next],
        ['sign', next, old],
        ['drop', next, old],
      ],
      [['NoCertificate'], ['AnotherAuthority', 'UntrustedAuthority'], ['RetiredAuthority']],
    ))

  it('creates a CA that cass-operator can read, with a subject of its own each time', async () => {
    const request = { datacenter: 'dc1', namespace: 'n'.repeat(63), days: 3650, now, randomBytes }
    const [one, two] = [await createAuthority(request), await createAuthority(request)]
    const ca = readCertificate(one.certificate)
    assert.notEqual(ca.subject, readCertificate(two.certificate).subject)
    assert.ok(ca.subject.length <= 'CN='.length + 64, ca.subject)
    assert.equal((ca.notAfter.getTime() - now) / DAY, 3650)
    assert.equal(createPrivateKey(one.key).asymmetricKeyDetails?.modulusLength, 4096)
    const given = { certificatePem: one.certificate, keyPem: one.key, rsaOnly: true, pkcs8Only: true }
    requireGivenAuthority(given, now, { certificate: 'c', key: 'k', files: true })
  })
})
