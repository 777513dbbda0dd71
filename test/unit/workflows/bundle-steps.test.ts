/** The commands that `bundle inspect` proposes. */
import assert from 'node:assert/strict'
import { readCertificate } from '../../../src/lib/certificates/certificate.ts'
import {
  authoritySteps,
  bundleSteps,
  distinctSteps,
  trustSteps,
} from '../../../src/lib/workflows/bundle/bundle-steps.ts'
import { nextTexts } from '../../support/next-texts.ts'
import { makeAuthority } from '../../support/operator-certificates.ts'

const DAY = 24 * 60 * 60 * 1000
const CONFIG = { host: 'c.example.com', port: 9042, namespace: 'ns', datacenter: 'dc1', username: 'app' }
const DC1 = { namespace: 'ns', name: 'dc1' }

describe('steps for a bundle', () => {
  const file = (config: Partial<typeof CONFIG> = {}) => ({
    place: { file: 'my app.zip' },
    namespace: 'other',
    config: { ...CONFIG, ...config },
  })

  it('create it again at its place, with its public name; its login is replaced by the current password', () => {
    const { recreate, updateLogin } = bundleSteps(file())
    const words = "kubectl cass-sni bundle create -n ns -d dc1 --public-name c.example.com --out 'my app.zip'"
    assert.deepEqual(nextTexts(recreate), [words])
    assert.deepEqual(nextTexts(updateLogin), [`${words} --with-password --username app`])
    const secret = { ...file(), place: { secret: 'app', namespace: undefined } }
    assert.match(nextTexts(bundleSteps(secret).recreate).join(), /--out Secret\/app --secret-namespace other$/)
  })

  it('keep a public port that is mapped', () => {
    const { recreate } = bundleSteps({ ...file(), config: { ...CONFIG, port: 30_942, gatewayPort: 9042 } })
    assert.match(nextTexts(recreate).join(), / --public-name c\.example\.com --public-port 30942 --out /)
  })

  it('write a bundle of another datacenter, or of another program, elsewhere', () => {
    const elsewhere = 'kubectl cass-sni bundle create -n ns -d dc2 --public-name c.example.com'
    assert.deepEqual(nextTexts(bundleSteps(file(), { ...DC1, name: 'dc2' }).recreate), [elsewhere])
    const { username: _username, namespace: _namespace, datacenter: _datacenter, ...config } = CONFIG
    const unknown = { place: { file: 'x.zip' }, namespace: '', config }
    assert.deepEqual(bundleSteps(unknown), { target: [], recreate: [], updateLogin: [] })
    assert.deepEqual(bundleSteps(unknown, DC1).updateLogin, [])
  })

  describe('with a CA that ends', () => {
    const steps = bundleSteps(file())
    const made = readCertificate(makeAuthority().pem)
    const other = readCertificate(makeAuthority().pem)
    const texts = (live: Parameters<typeof authoritySteps>[2], now: number) =>
      nextTexts(authoritySteps(steps, [made], live, now))
    const end = made.notAfter.getTime()

    it('replace the CA of the datacenter, unless cert-manager does', () => {
      const live = { authorities: [[made]], issuer: undefined } as const
      assert.deepEqual(texts(live, Date.now()), [])
      assert.deepEqual(texts(live, end - 5 * DAY), ['kubectl cass-sni certs rotate-ca -n ns -d dc1'])
      assert.deepEqual(texts(live, end + DAY), ['kubectl cass-sni certs rotate-ca --expired -n ns -d dc1'])
      // a CA that is valid for longer does not fix a certificate that does not verify today
      assert.deepEqual(trustSteps(steps, [made], live, end - 5 * DAY), [])
      assert.deepEqual(texts({ ...live, issuer: 'issuer.cert-manager.io/x' }, end + DAY), [])
    })

    it('create the bundle again if the datacenter already has another CA; none if it cannot be read', () => {
      const live = { authorities: [[other], [made]], issuer: undefined } as const
      assert.deepEqual(texts(live, end - 5 * DAY), nextTexts(steps.recreate))
      assert.deepEqual(texts(undefined, end + DAY), [])
    })
  })

  it('are listed once', () => {
    const { recreate } = bundleSteps(file())
    assert.equal(distinctSteps([{ next: recreate }, {}, { next: recreate }]).length, 1)
  })
})
