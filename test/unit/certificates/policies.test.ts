/** One set of predicates: what `certs` acts on is what `verify` reports, over a grid of keystores. */
import assert from 'node:assert/strict'
import { readCertificate } from '../../../src/lib/certificates/certificate.ts'
import { requiredNames } from '../../../src/lib/certificates/certificate-names.ts'
import { planCertificate } from '../../../src/lib/certificates/certificate-plan.ts'
import { certificateMessageBytes, LARGEST_MESSAGE_BYTES } from '../../../src/lib/certificates/message-size.ts'
import { authorityFaults } from '../../../src/lib/certificates/authority-policies.ts'
import { type Current, reasonsToIssue } from '../../../src/lib/certificates/policies.ts'
import { certificateStatus } from '../../../src/lib/checks/certificate-status.ts'
import { CHECKS } from '../../../src/lib/checks/registry.ts'
import { runChecks } from '../../../src/lib/checks/run-checks.ts'
import type { HandshakeResult } from '../../../src/lib/connection/tls.ts'
import { makeAuthority, makeLeaf, type MadeCertificate } from '../../support/operator-certificates.ts'
import { probes, served } from '../checks/fixtures.ts'
import { datacenter, HOST_IDS, node } from './datacenter.ts'

const DAY = 24 * 60 * 60 * 1000
const now = Math.floor(Date.now() / 1000) * 1000

describe('the policies for certificates', () => {
  const dc = datacenter({ nodes: [node(0, { hostId: HOST_IDS[0] })] })
  const names = requiredNames(dc, {})
  const root = makeAuthority({ dc: 'root', notBefore: now - 400 * DAY, notAfter: now + 4000 * DAY })
  const authority = makeAuthority({ notBefore: now - 400 * DAY, notAfter: now + 1000 * DAY })
  const ending = makeAuthority({ notBefore: now - 400 * DAY, notAfter: now + 20 * DAY })
  const intermediate = makeAuthority({ issuer: root, notBefore: now - 400 * DAY, notAfter: now + 1000 * DAY })
  const other = makeAuthority({ dc: 'other', notBefore: now - 400 * DAY, notAfter: now + 1000 * DAY })

  interface Keystore {
    signer: MadeCertificate
    path: MadeCertificate[]
    current: Current | undefined
    required: string[]
    renewBeforeMs?: number
  }
  const leafOf = (signer: MadeCertificate, more: Parameters<typeof makeLeaf>[1] = {}) =>
    readCertificate(makeLeaf(signer, { names, clientAuth: true, notBefore: now - DAY, ...more }).der)
  const keystore = (
    leaf: Parameters<typeof makeLeaf>[1] = {},
    change: Partial<Current> = {},
    { signer = authority, path = [signer] }: Partial<Keystore> = {},
  ): Keystore => ({
    signer,
    path,
    required: names,
    current: {
      leaf: leafOf(signer, leaf),
      chain: [readCertificate(signer.der)],
      trusted: [readCertificate(signer.der)],
      keyMatches: true,
      ...change,
    },
  })
  const many = Array.from(
    { length: 400 },
    (_, n) => `dse-dc1-default-sts-${n}.dse-dc1-all-pods-service.x.svc.cluster.local`,
  )

  /** A certificate of a year with so many days left. */
  const year = (left: number) => ({ notBefore: now - (365 - left) * DAY, notAfter: now + left * DAY })

  const grid: [string, () => Keystore, string[]][] = [
    ['all is well', () => keystore(), []],
    ['it carries more names than are needed', () => keystore({ names: [...names, 'gone.example.com'] }), []],
    ['a wildcard covers the DNS names', () => keystore({ names: wild() }), []],
    ['nothing with a key is in it', () => ({ ...keystore(), current: undefined }), ['NoCertificate']],
    [
      "it is the operator's",
      () => keystore({ names: names.slice(0, 1), clientAuth: false }),
      ['MissingNames', 'NotForClients'],
    ],
    ['another CA signed it', () => keystore({}, { leaf: leafOf(other) }), ['AnotherAuthority']],
    ['the chain lacks the CA', () => keystore({}, { chain: [] }), ['IncompleteChain']],
    ['the CA is not trusted', () => keystore({}, { trusted: [] }), ['UntrustedAuthority']],
    ['the key is of another certificate', () => keystore({}, { keyMatches: false }), ['KeyMismatch']],
    ['it expired', () => keystore({ notBefore: now - 30 * DAY, notAfter: now - DAY }), ['Expired']],
    ['it is not valid yet', () => keystore({ notBefore: now + DAY }), ['NotYetValid']],
    ['less than a third of a year is left', () => keystore(year(121)), ['ExpiresSoon']],
    ['more than a third of a year is left', () => keystore(year(122)), []],
    [
      'a third of 90 days is left, less an hour',
      () => keystore({ notBefore: now - 60 * DAY, notAfter: now + 29.9 * DAY }),
      ['ExpiresSoon'],
    ],
    [
      '59 days are left, and it is renewed 60 before',
      () => ({ ...keystore(year(59)), renewBeforeMs: 60 * DAY }),
      ['ExpiresSoon'],
    ],
    ['61 days are left, and it is renewed 60 before', () => ({ ...keystore(year(61)), renewBeforeMs: 60 * DAY }), []],
    ['its key is weak', () => keystore({ bits: 1024 }), ['WeakKey']],
    ['it is too large for Java', () => keystore({ names: [...names, ...many] }), ['TooLarge']],
    ['it can last no longer than its CA', () => keystore({ notAfter: now + 20 * DAY }, {}, { signer: ending }), []],
    [
      'the CA is an intermediate below its root',
      () => keystore({}, {}, { signer: intermediate, path: [intermediate, root] }),
      [],
    ],
  ]
  const wild = () => [
    ...names.filter((name) => name !== dc.nodes[0]?.dnsName),
    '*.dse-dc1-all-pods-service.default.svc.cluster.local',
  ]

  for (const [what, made, expected] of grid) {
    it(`agree, whoever asks, when ${what}`, async () => {
      const { current, path, required, renewBeforeMs } = made()
      const certificates = path.map(({ der }) => readCertificate(der))
      const chain = [certificates[0] ?? assert.fail(), ...certificates.slice(1)] as const
      const reasons = reasonsToIssue({ current, required, authorities: [chain], renewBeforeMs, now })
      assert.deepEqual(
        reasons.map(({ code }) => code),
        expected,
      )

      // certs
      const plan = planCertificate({
        dc,
        authorities: [chain],
        current,
        saved: { renewBeforeMs },
        renew: false,
        now,
      })
      assert.deepEqual(plan.reasons, reasons)

      // verify, of nodes that serve what is in the Secret
      const leaf = current?.leaf
      const shown: HandshakeResult = leaf
        ? served({
            certificate: {
              ...served().certificate,
              fingerprint256: leaf.fingerprint256,
              validFrom: leaf.notBefore.toISOString(),
              validTo: leaf.notAfter.toISOString(),
            },
          })
        : served()
      const probing = probes(path.map(({ pem }) => pem).join(''), {
        datacenter: dc,
        now,
        keystore: async () => ({ current, required, renewBeforeMs }),
        handshake: async () => shown,
      })
      const signal = new AbortController().signal
      const { checks } = await runChecks({ checks: CHECKS, probes: probing, nodes: dc.nodes, signal, emit: () => {} })
      const status = await certificateStatus(probing, { nodes: dc.nodes, pods: [], signal })
      const reported = checks.filter(
        ({ code, result }) => ['CSNI837', 'CSNI838'].includes(code) && result !== 'pass' && result !== 'skipped',
      )
      for (const { message } of reasons)
        assert.ok(
          reported.some(({ reason }) => reason?.includes(message)),
          `${message}: ${JSON.stringify(reported)}`,
        )
      assert.equal(reported.length > 0, reasons.length > 0, JSON.stringify(reported))

      // certs status
      assert.deepEqual(
        status.keystore.findings.map(({ code, message }) => ({ code, message })),
        reasons,
      )
    })
  }

  it('say of a CA that it expired, is not valid yet, or cannot be verified', () => {
    const codes = (path: MadeCertificate[], at = now) => {
      const [first, ...rest] = path.map(({ der }) => readCertificate(der))
      assert.ok(first)
      return authorityFaults([first, ...rest], at).map(({ code }) => code)
    }
    assert.deepEqual(codes([authority]), [])
    assert.deepEqual(codes([authority], now + 1001 * DAY), ['Expired'])
    assert.deepEqual(codes([authority], now - 401 * DAY), ['NotYetValid'])
    assert.deepEqual(codes([intermediate]), ['NoRoot'])
    assert.deepEqual(codes([intermediate, root]), [])
  })

  it('count the certificate message as TLS 1.3 does', () => {
    assert.equal(certificateMessageBytes([1000, 500]), 4 + 1005 + 505)
    assert.ok(LARGEST_MESSAGE_BYTES < 32_768)
  })
})
