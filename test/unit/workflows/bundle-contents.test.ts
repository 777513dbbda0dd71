/** What `bundle inspect` finds without a cluster. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readCertificate } from '../../../src/lib/certificates/certificate.ts'
import { storeFiles } from '../../../src/lib/certificates/client-stores.ts'
import { createSelfSigned } from '../../../src/lib/certificates/self-signed.ts'
import { type Bundle, readBundle } from '../../../src/lib/clients/read-bundle.ts'
import { bundleFiles, zipBundle } from '../../../src/lib/clients/secure-connect-bundle.ts'
import { hint } from '../../../src/lib/errors.ts'
import { contentsOf, offlineFindings, partsOf } from '../../../src/lib/workflows/bundle/bundle-contents.ts'
import { makeAuthority } from '../../support/operator-certificates.ts'

const DAY = 24 * 60 * 60 * 1000
const PASSWORD = 'store-password'
const STEPS = { recreate: [hint('recreate')], authority: [hint('authority')] }

describe('the contents of a bundle', () => {
  const ca = makeAuthority()
  const other = makeAuthority()
  let bundle: Bundle

  before(async () => {
    const stores = await storeFiles({
      formats: ['pem', 'pkcs12', 'jks'],
      authorities: [[readCertificate(ca.pem)]],
      identity: {
        name: 'client',
        identity: await createSelfSigned({ commonName: 'app', now: Date.now(), randomBytes }),
      },
      password: PASSWORD,
    })
    const files = bundleFiles({
      host: 'cassandra.example.com',
      port: 9042,
      localDatacenter: 'dc1',
      namespace: 'cassandra',
      datacenter: 'dc1',
      storePassword: PASSWORD,
      login: { username: 'app', password: 'not-to-be-shown' },
      stores,
    })
    bundle = await readBundle(await zipBundle(files))
  })

  const without = (...names: string[]): Bundle => ({
    ...bundle,
    files: new Map([...bundle.files].filter(([name]) => !names.includes(name))),
  })
  const withFile = (name: string, content: string | Buffer): Bundle => ({
    ...bundle,
    files: new Map([...bundle.files, [name, Buffer.from(content)]]),
  })
  const found = (each: Bundle, now = Date.now()) =>
    Object.fromEntries(
      offlineFindings(each, partsOf(each), now, STEPS)
        .filter(({ status }) => status !== 'ok')
        .map(({ check, status, message }) => [check, `${status}: ${message}`]),
    )

  it('are summarized without secrets', () => {
    const contents = contentsOf(bundle, partsOf(bundle))
    assert.equal(contents.username, 'app')
    assert.equal(contents.hasPassword, true)
    assert.equal(contents.clientCertificate?.selfSigned, true)
    assert.deepEqual(contents.missing, [])
    const shown = JSON.stringify(contents)
    for (const secret of ['not-to-be-shown', PASSWORD, 'PRIVATE KEY']) assert.ok(!shown.includes(secret), secret)
  })

  it('match in a bundle of this program', () => assert.deepEqual(found(bundle), {}))

  it('may lack a file, and then name the drivers that require it', () => {
    assert.deepEqual(found(without('trustStore.jks')), { files: 'failed: missing trustStore.jks, required by Java' })
    assert.deepEqual(found(without('cert', 'key')), {
      files: 'failed: missing cert, key, required by Python, cql-proxy',
      'client-certificate': 'skipped: not in the bundle',
    })
    assert.equal(found(without('identity.jks', 'trustStore.jks'))['keystores'], 'skipped: not in the bundle')
    assert.match(found({ ...bundle, others: ['x'] })['files'] ?? '', /^warning: .*: x$/)
  })

  it('may have expired', () => {
    assert.match(found(bundle, Date.now() + 400 * DAY)['ca'] ?? '', /^failed: .*expired/)
    assert.match(found(bundle, Date.now() + 350 * DAY)['ca'] ?? '', /^warning: valid until/)
    assert.match(found(bundle, Date.now() + 11 * 365 * DAY)['client-certificate'] ?? '', /^failed: .*expired/)
    assert.match(found(bundle, Date.now() - 10 * DAY)['client-certificate'] ?? '', /^failed: .*not yet valid|not valid/)
  })

  it('propose a new bundle for what it fixes, and for its CA the steps that the cluster determines', () => {
    const next = (each: Bundle, check: string, now = Date.now()) =>
      offlineFindings(each, partsOf(each), now, STEPS).find((finding) => finding.check === check)?.next
    assert.equal(next(bundle, 'ca'), undefined)
    assert.deepEqual(next(bundle, 'ca', Date.now() + 400 * DAY), STEPS.authority)
    assert.deepEqual(next(withFile('ca.crt', 'x'), 'ca'), STEPS.recreate)
    assert.deepEqual(next(without('trustStore.jks'), 'files'), STEPS.recreate)
    assert.deepEqual(next(withFile('key', ca.keyPem), 'client-certificate'), STEPS.recreate)
    assert.deepEqual(next(withFile('ca.crt', other.pem), 'keystores'), STEPS.recreate)
  })

  it('may contradict each other', () => {
    assert.deepEqual(found(withFile('ca.crt', other.pem)), {
      keystores: 'failed: trustStore.jks has another CA than ca.crt',
    })
    assert.match(found(withFile('ca.crt', 'x'))['ca'] ?? '', /^failed: no certificate in ca\.crt$/)
    assert.deepEqual(found(withFile('key', ca.keyPem)), {
      'client-certificate': 'failed: invalid, or its key does not match',
    })
    const config = { ...bundle.config, keyStorePassword: 'another' }
    assert.deepEqual(found({ ...bundle, config }), {
      keystores: 'failed: the password in config.json does not open identity.jks',
    })
    assert.match(
      found({ ...bundle, config: { ...config, keyStorePassword: undefined } })['keystores'] ?? '',
      /no password/,
    )
    assert.match(found(withFile('identity.jks', 'PKCS12'))['keystores'] ?? '', /^skipped: identity\.jks is not JKS/)
  })
})
