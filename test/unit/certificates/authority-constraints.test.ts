/** What a CA can sign: the answers are those of OpenSSL. */
import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathOf } from '../../../src/lib/certificates/certificate-authority.ts'
import {
  constraintFaults,
  constraintsOf,
  nameFault,
  namesOutside,
  requirePermitted,
} from '../../../src/lib/certificates/authority-constraints.ts'
import { readCertificate } from '../../../src/lib/certificates/certificate.ts'
import { requiredNames } from '../../../src/lib/certificates/certificate-names.ts'
import { planCertificate } from '../../../src/lib/certificates/certificate-plan.ts'
import { reasonsToIssue } from '../../../src/lib/certificates/policies.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { datacenter } from './datacenter.ts'

const HOST_ID = '8f1e0d36-2c2f-4d5a-9c61-0242ac120002'

describe('the constraints of a CA', function () {
  this.timeout(60_000)
  let directory: string
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'cass-sni-constraints-'))
  })
  after(() => rmSync(directory, { recursive: true, force: true }))

  const file = (name: string) => join(directory, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
  /** Makes a certificate with these extensions, signed by another one or by itself, and returns it. */
  const make = (name: string, extensions: string[], issuer?: string) => {
    const config = `[req]\ndistinguished_name = dn\nx509_extensions = ext\nprompt = no\n[dn]\nCN = ${name}\n[ext]\n`
    writeFileSync(file(`${name}.cnf`), `${config}${extensions.join('\n')}\n`)
    const signer = issuer === undefined ? [] : ['-CA', file(`${issuer}.pem`), '-CAkey', file(`${issuer}.key`)]
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file(`${name}.key`)]
    openssl(
      'req',
      '-x509',
      ...key,
      '-out',
      file(`${name}.pem`),
      '-days',
      '2',
      '-config',
      file(`${name}.cnf`),
      ...signer,
    )
    return readCertificate(readFileSync(file(`${name}.pem`)))
  }
  const CA = ['basicConstraints = critical,CA:TRUE', 'keyUsage = critical,keyCertSign,cRLSign']
  /** Whether OpenSSL verifies the certificate with these CAs, the last of which is trusted. */
  const verifies = (leaf: string, ...authorities: string[]) => {
    const root = authorities.at(-1) ?? ''
    const between = authorities.slice(0, -1).flatMap((name) => ['-untrusted', file(`${name}.pem`)])
    try {
      openssl('verify', '-CAfile', file(`${root}.pem`), ...between, file(`${leaf}.pem`))
      return true
    } catch {
      return false
    }
  }

  it('permit the names that OpenSSL permits', () => {
    const domain = make('domain', [
      ...CA,
      'nameConstraints = critical,permitted;DNS:example.com,permitted;DNS:.svc.cluster.local,' +
        'permitted;IP:10.0.0.0/255.255.0.0,permitted;IP:fd00:0:0:0:0:0:0:0/ffff:0:0:0:0:0:0:0,' +
        'excluded;DNS:secret.example.com',
    ])
    const constraints = constraintsOf(domain)
    const names = [
      ['example.com', true],
      ['a.b.example.com', true],
      ['*.example.com', true],
      ['notexample.com', false],
      ['secret.example.com', false],
      ['a.secret.example.com', false],
      ['dc1.cassandra.svc.cluster.local', true],
      ['svc.cluster.local', false],
      [HOST_ID, false],
      ['10.0.1.2', true],
      ['10.1.1.2', false],
      ['fd00::1', true],
      ['fe80::1', false],
    ] as const
    for (const [name, permitted] of names) {
      const kind = /^[\d.]+$|::/.test(name) ? 'IP' : 'DNS'
      make('leaf', [`subjectAltName = ${kind}:${name}`], 'domain')
      equal(verifies('leaf', 'domain'), permitted, `OpenSSL, ${name}`)
      deepEqual(constraints && namesOutside([name], constraints), permitted ? [] : [name])
    }
    throws(
      () => requirePermitted(['cassandra.example.com', HOST_ID], [domain]),
      /cannot issue the certificate: the name constraints of CN=domain do not permit 8f1e0d36/,
    )
  })

  it('permit every name without an extension, and those of a kind that is not constrained', () => {
    const free = make('free', CA)
    equal(nameFault([HOST_ID, '10.0.0.1'], [free]), undefined)
    const addresses = make('addresses', [...CA, 'nameConstraints = permitted;IP:10.0.0.0/255.0.0.0'])
    make('leaf', [`subjectAltName = DNS:${HOST_ID}`], 'addresses')
    equal(verifies('leaf', 'addresses'), true)
    equal(nameFault([HOST_ID], [addresses]), undefined)
  })

  it('are a reason to reissue, which is refused before anything is changed', () => {
    const ca = make('corporate', [...CA, 'nameConstraints = permitted;DNS:example.com'])
    const dc = datacenter()
    const names = requiredNames(dc, {})
    const leaf = make('node', [`subjectAltName = ${names.map((name) => `DNS:${name}`).join(',')}`], 'corporate')
    const current = { leaf, chain: [ca], trusted: [ca], keyMatches: true }
    const reasons = reasonsToIssue({ current, required: names, authorities: [[ca]], now: Date.now() })
    ok(reasons.some(({ code }) => code === 'NameConstraints'))
    throws(
      () => planCertificate({ dc, authorities: [[ca]], current, saved: {}, renew: false, now: Date.now() }),
      (error) =>
        error instanceof CassSniError && error.code === 'CSNI401' && /CN=corporate do not permit/.test(error.message),
    )
  })

  it('of an issuer count as well', () => {
    const root = make('root', [...CA, 'nameConstraints = permitted;DNS:example.com'])
    const middle = make('middle', CA, 'root')
    make('leaf', [`subjectAltName = DNS:${HOST_ID}`], 'middle')
    equal(verifies('leaf', 'middle', 'root'), false)
    equal(nameFault([HOST_ID], pathOf(middle, [root]))?.code, 'NameConstraints')
  })

  it('limit the CAs below one', () => {
    const short = make('short', ['basicConstraints = critical,CA:TRUE,pathlen:0', 'keyUsage = keyCertSign'])
    const below = make('below', CA, 'short')
    make('leaf', ['subjectAltName = DNS:a'], 'below')
    equal(verifies('leaf', 'below', 'short'), false)
    const [fault] = constraintFaults(pathOf(below, [short]))
    equal(fault?.code, 'PathTooLong')
    match(fault?.message ?? '', /CN=short.*pathlen permits 0 CAs below it, not 1/)
    deepEqual(constraintFaults([short]), [])
  })

  it('may exclude signing certificates', () => {
    const lists = make('lists', ['basicConstraints = critical,CA:TRUE', 'keyUsage = critical,cRLSign'])
    make('leaf', ['subjectAltName = DNS:a'], 'lists')
    equal(verifies('leaf', 'lists'), false)
    deepEqual(
      constraintFaults([lists]).map(({ code }) => code),
      ['NotAuthority'],
    )
    deepEqual(constraintFaults([make('plain', ['basicConstraints = CA:TRUE'])]), [])
  })

  it('that are malformed are a fault, as for OpenSSL', () => {
    const odd = make('odd', ['basicConstraints = CA:TRUE', '2.5.29.30 = DER:30:03:a0:05:01'])
    make('leaf', ['subjectAltName = DNS:a'], 'odd')
    equal(verifies('leaf', 'odd'), false)
    match(constraintFaults([odd])[0]?.message ?? '', /malformed/)
    equal(nameFault(['a'], [odd]), undefined)
  })
})
