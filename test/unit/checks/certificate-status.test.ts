/** `certs status` and `verify` over a grid of faults: what one reports, the other does, and with the same words. */
import assert from 'node:assert/strict'
import type { V1ContainerStatus } from '@kubernetes/client-node'
import type { CassandraNode } from '../../../src/lib/cassandra/datacenter.ts'
import { readCertificate } from '../../../src/lib/certificates/certificate.ts'
import { certificateStatus, type StatusOptions } from '../../../src/lib/checks/certificate-status.ts'
import type { Probes } from '../../../src/lib/checks/probes.ts'
import { CHECKS } from '../../../src/lib/checks/registry.ts'
import { runChecks } from '../../../src/lib/checks/run-checks.ts'
import { type ObservedPod, rereadBy, servedSince } from '../../../src/lib/checks/served-since.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { makeAuthority, makeLeaf } from '../../support/operator-certificates.ts'
import { datacenter, HOST_IDS, node } from '../certificates/datacenter.ts'
import { probes, served } from './fixtures.ts'

const DAY = 24 * 60 * 60 * 1000
const now = Math.floor(Date.now() / 1000) * 1000
const iso = (days: number) => new Date(now + days * DAY).toISOString()

describe('the status of certificates', () => {
  const dc = datacenter({ nodes: [node(0, { hostId: HOST_IDS[0] }), node(1, { hostId: HOST_IDS[1] })] })
  const authority = makeAuthority({ notBefore: now - 10 * DAY, notAfter: now + 1000 * DAY })
  const own = readCertificate(authority.der)
  const authorityOf = (from: number, to: number) =>
    makeAuthority({ notBefore: now + from * DAY, notAfter: now + to * DAY }).pem
  const leaf = readCertificate(
    makeLeaf(authority, { clientAuth: true, notBefore: now - 10 * DAY, notAfter: now + 355 * DAY }).der,
  )
  const keystore = async () => ({
    current: { leaf: { ...leaf, fingerprint256: 'AA' }, chain: [own], trusted: [own], keyMatches: true },
    required: [],
  })
  const shown = (more: Partial<ReturnType<typeof served>> = {}, certificate: object = {}) =>
    served({
      ...more,
      certificate: { ...served().certificate, validFrom: iso(-10), validTo: iso(355), ...certificate },
    })
  const world = (more: Partial<Probes> = {}, pem = authority.pem) =>
    probes(pem, { datacenter: dc, now, keystore, handshake: async () => shown(), ...more })
  const status = (probing: Probes, more: Partial<StatusOptions> = {}) =>
    certificateStatus(probing, {
      nodes: probing.datacenter.nodes,
      pods: [],
      signal: new AbortController().signal,
      ...more,
    })
  const refused = (code: 'CSNI203' | 'CSNI204' | 'CSNI401' | 'CSNI403' | 'CSNI601' | 'CSNI603' | 'CSNI208') => () =>
    Promise.reject(new CassSniError(code, `refused with ${code}`))

  const grid: [what: string, Probes, codes: string[]][] = [
    ['nothing', world(), []],
    ['a CA that has expired', world({}, authorityOf(-400, -1)), ['Expired', 'AnotherAuthority', 'UntrustedAuthority']],
    ['a CA that is not valid yet', world({}, authorityOf(1, 400)), ['NotYetValid']],
    [
      'a CA that expires in 20 days',
      world({ keystore: async () => ({ current: undefined, required: [] }) }, authorityOf(-340, 20)),
      ['ExpiresSoon', 'NoCertificate'],
    ],
    ['a CA Secret that is missing', world({ authority: refused('CSNI204') }), ['CSNI204']],
    ['a CA Secret without its certificate', world({ authority: refused('CSNI401') }), ['CSNI401']],
    [
      'no permission to read Secrets',
      world({ authority: refused('CSNI203'), keystore: refused('CSNI203') }),
      ['CSNI203', 'CSNI203', 'CSNI203', 'CSNI203'],
    ],
    ['a keystore that cannot be read', world({ keystore: refused('CSNI403') }), ['CSNI403']],
    [
      'names that are missing in the Secret',
      world({ keystore: async () => ({ ...(await keystore()), required: ['a.x.y'] }) }),
      ['MissingNames'],
    ],
    [
      'a chain that does not verify',
      world({ handshake: async () => shown({ chainReason: 'self-signed' }) }),
      ['UntrustedChain', 'UntrustedChain'],
    ],
    [
      'one node without its name',
      world({ handshake: async (name) => shown(name === HOST_IDS[1] ? { nameReason: 'not for this name' } : {}) }),
      ['MissingNames'],
    ],
    [
      'a served certificate due for renewal',
      world({ handshake: async () => shown({}, { validFrom: iso(-300), validTo: iso(65) }) }),
      ['ExpiresSoon', 'ExpiresSoon'],
    ],
    [
      'the same, renewed later',
      world({
        keystore: async () => ({ ...(await keystore()), renewBeforeMs: 60 * DAY }),
        handshake: async () => shown({}, { validFrom: iso(-300), validTo: iso(65) }),
      }),
      [],
    ],
    [
      'a node that serves another certificate',
      world({ handshake: async (name) => shown({}, name === HOST_IDS[0] ? { fingerprint256: 'BB' } : {}) }),
      ['NotServed'],
    ],
    [
      "a sidecar's certificate",
      world({ handshake: async () => shown({}, { spiffe: 'spiffe://x/y' }) }),
      ['Sidecar', 'Sidecar'],
    ],
    ['no route', world({ handshake: refused('CSNI603') }), ['CSNI603', 'CSNI603']],
    ['a gateway that is not reachable', world({ handshake: refused('CSNI601') }), ['CSNI601', 'CSNI601']],
    ['an API server that fails', world({ handshake: refused('CSNI208') }), ['CSNI208', 'CSNI208']],
    [
      'no host IDs in the certificate, as chosen',
      world({
        keystore: async () => ({ ...(await keystore()), names: 'public' }),
        handshake: async (name) => shown(HOST_IDS.some((id) => id === name) ? { nameReason: 'no host ID' } : {}),
      }),
      [],
    ],
  ]
  for (const [what, probing, codes] of grid)
    it(`agrees with verify about ${what}`, async () => {
      const { nodes } = probing.datacenter
      const { ok, authorities, keystore: stored, nodes: parts } = await status(probing)
      const findings = [...authorities, stored, ...parts].flatMap((part) => part.findings)
      for (const code of codes)
        assert.ok(
          findings.some((each) => each.code === code),
          JSON.stringify(findings),
        )
      if (codes.length === 0) assert.deepEqual(findings, [])

      const signal = new AbortController().signal
      const report = await runChecks({ checks: CHECKS, probes: probing, nodes, signal, emit: () => {} })
      const checks = report.checks.filter(({ category }) => category === 'certificates')
      const bad = checks.filter(({ result }) => result !== 'pass' && result !== 'skipped')
      assert.equal(ok, bad.length === 0, JSON.stringify({ findings, bad }))
      // in the same words, for the same node
      const told = findings.map(({ message }) => message)
      for (const { code, reason = '' } of bad)
        assert.ok(
          told.some((message) => reason.includes(message)),
          `${code} ${reason}: ${told}`,
        )
    })

  it('judges by the CA in a bundle given with --ca that signed the certificate, whatever the order', async () => {
    const [other, gone] = [makeAuthority({ dc: 'other' }).pem, authorityOf(-400, -1)]
    for (const bundle of [authority.pem + other + gone, other + gone + authority.pem]) {
      const { ok, authorities } = await status(world({ given: { ca: 'bundle.pem' } }, bundle))
      assert.equal(ok, true, JSON.stringify(authorities))
      assert.deepEqual(
        authorities.map(({ object }) => object),
        ['bundle.pem'],
      )
    }
    const { ok } = await status(world({ given: { ca: 'bundle.pem' } }, other + gone))
    assert.equal(ok, false)
  })

  it('takes --warn-days in place of what certs would do, for leaf and CA', async () => {
    const dates = { validFrom: iso(-300), validTo: iso(65) }
    const probing = world({ handshake: async () => shown({}, dates) })
    const codes = async (warnDays: number) =>
      (await status(probing, { warnDays })).nodes.flatMap(({ findings }) => findings.map(({ code }) => code))
    assert.deepEqual(await codes(64), [])
    assert.deepEqual(await codes(66), ['ExpiresSoon', 'ExpiresSoon'])
    const { ok, authorities } = await status(world(), { warnDays: 1001 })
    assert.deepEqual([ok, authorities[0]?.findings[0]?.severity], [false, 'warning'])
    assert.equal((await status(world(), { warnDays: 0 })).ok, true)
  })

  it('does not call a certificate invalid that it could not read', async () => {
    const { ok, nodes } = await status(world({ handshake: refused('CSNI601') }))
    assert.equal(ok, false)
    assert.deepEqual(
      nodes.flatMap(({ findings }) => findings.map(({ severity }) => severity)),
      ['unknown', 'unknown'],
    )
  })

  it('does not fail for a node that does not run, and names it', async () => {
    const stopped: CassandraNode = node(1, { state: 'Starting', ready: false, waiting: 'no CPU' })
    const { ok, nodes } = await status(world({ datacenter: { ...dc, nodes: [dc.nodes[0] ?? assert.fail(), stopped] } }))
    assert.equal(ok, true)
    assert.deepEqual(nodes[1]?.findings, [{ code: 'NotRunning', severity: 'skipped', message: 'no CPU' }])
    assert.equal(nodes[1]?.certificate, undefined)
  })

  it('has the fields of each certificate', async () => {
    const version = { mark: 'abc', writtenAt: iso(-1) }
    const probing = world({
      keystore: async () => ({ ...(await keystore()), version }),
      handshake: async (name) => shown({}, name === HOST_IDS[0] ? { fingerprint256: 'BB' } : {}),
    })
    const { authorities, keystore: stored, nodes } = await status(probing)
    assert.equal(authorities[0]?.certificate?.daysLeft, 1000)
    assert.equal(stored.certificate?.fingerprint256, 'AA')
    assert.deepEqual([nodes[0]?.current, nodes[1]?.current], [false, true])
    assert.equal(nodes[0]?.rereadBy, rereadBy(version))
    assert.equal(nodes[1]?.rereadBy, undefined)
    assert.equal(nodes[1]?.certificate?.issuer, 'CN=dc1')
  })

  it('knows since when a node serves it from its reload or its start, or says that it is unknown', () => {
    const version = { mark: 'abc', writtenAt: '2026-11-20T00:00:00.000Z' }
    const pod = (annotation: string | undefined, startedAt: string): ObservedPod => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'x',
        annotations: annotation === undefined ? {} : { 'cass-sni/keystore': annotation },
        managedFields: [
          {
            fieldsV1: { 'f:metadata': { 'f:annotations': { 'f:cass-sni/keystore': {} } } },
            time: '2026-11-20T00:00:02Z',
          },
          { fieldsV1: { 'f:status': {} }, time: '2026-11-25T00:00:00Z' },
        ],
      },
      status: {
        containerStatuses: [
          { name: 'cassandra', state: { running: { startedAt: new Date(startedAt) } } },
        ] as V1ContainerStatus[],
      },
    })
    assert.equal(servedSince(pod('abc', '2026-11-01T00:00:00Z'), version), '2026-11-20T00:00:02.000Z')
    assert.equal(servedSince(pod('abc-2', '2026-11-01T00:00:00Z'), version), '2026-11-20T00:00:02.000Z')
    assert.equal(servedSince(pod('other', '2026-11-01T00:00:00Z'), version), undefined)
    assert.equal(servedSince(pod('other', '2026-11-21T00:00:00Z'), version), '2026-11-21T00:00:00.000Z')
    assert.equal(servedSince(pod(undefined, '2026-11-21T00:00:00Z'), { mark: 'abc' }), undefined)
    assert.equal(servedSince(undefined, version), undefined)
    assert.equal(rereadBy(version), '2026-11-20T00:12:00.000Z')
  })
})
