/** The files of a secure connect bundle, read by OpenSSL, keytool and Python, which its users' programs are made of. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readCertificate } from '../../../src/lib/certificates/certificate.ts'
import { storeFiles } from '../../../src/lib/certificates/client-stores.ts'
import { createSelfSigned } from '../../../src/lib/certificates/self-signed.ts'
import { readBundle } from '../../../src/lib/clients/read-bundle.ts'
import { bundleFiles, zipBundle } from '../../../src/lib/clients/secure-connect-bundle.ts'
import { makeAuthority } from '../../support/operator-certificates.ts'

const PASSWORD = 'store-password'

describe('secure connect bundle', function () {
  this.timeout(60_000)
  const ca = readCertificate(makeAuthority().pem)
  let directory: string
  let files: Map<string, Buffer>

  const run = (program: string, ...args: string[]) => {
    const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: directory, encoding: 'utf8' })
    assert.equal(status, 0, `${program}: ${error?.message ?? stdout + stderr}`)
    return stdout
  }

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'bundle-'))
    const identity = await createSelfSigned({ commonName: 'app', now: Date.now(), randomBytes })
    files = bundleFiles({
      host: 'cassandra.example.com',
      port: 9042,
      localDatacenter: 'DC 1',
      namespace: 'cassandra',
      datacenter: 'dc1',
      storePassword: PASSWORD,
      login: { username: 'app', password: 'ünïcode "quoted"' },
      stores: await storeFiles({
        formats: ['pem', 'pkcs12', 'jks'],
        authorities: [[ca]],
        identity: { name: 'client', identity },
        password: PASSWORD,
      }),
    })
    writeFileSync(join(directory, 'bundle.zip'), await zipBundle(files))
  })
  after(() => rmSync(directory, { recursive: true }))

  it('records the port of the gateway if the public one is another, which is read back', async () => {
    const config = async (port: number, gatewayPort: number) => {
      const content = { host: 'c', port, gatewayPort, localDatacenter: 'd', namespace: 'n', datacenter: 'd' }
      const made = bundleFiles({ ...content, storePassword: PASSWORD, stores: [] })
      return (await readBundle(await zipBundle(made))).config
    }
    const mapped = await config(30_942, 9042)
    assert.deepEqual([mapped.port, mapped.gatewayPort], [30_942, 9042])
    assert.equal((await config(9042, 9042)).gatewayPort, undefined)
  })

  it('has the seven files that drivers read, and a port that is a number', () => {
    assert.deepEqual([...files.keys()].sort(), [
      'ca.crt',
      'cert',
      'cert.pfx',
      'config.json',
      'identity.jks',
      'key',
      'trustStore.jks',
    ])
    const config = JSON.parse(files.get('config.json')?.toString() ?? '')
    assert.equal(config.host, 'cassandra.example.com')
    assert.strictEqual(config.port, 9042)
    assert.equal(config.localDC, 'DC 1')
    assert.deepEqual([config.username, config.password], ['app', 'ünïcode "quoted"'])
    for (const key of ['keyStorePassword', 'trustStorePassword', 'pfxCertPassword']) assert.equal(config[key], PASSWORD)
  })

  it("is a zip file for Python's zipfile, for its owner only", () => {
    const script =
      'import zipfile; z = zipfile.ZipFile("bundle.zip"); assert z.testzip() is None; z.extractall(); ' +
      'print(sorted({oct(i.external_attr >> 16) for i in z.infolist()}))'
    assert.equal(run('python3', '-c', script).trim(), "['0o100600']")
    for (const [name, bytes] of files) assert.deepEqual(readFileSync(join(directory, name)), bytes, name)
  })

  it('has a certificate, key and CA for OpenSSL', () => {
    const publicKey = run('openssl', 'x509', '-in', 'cert', '-noout', '-pubkey')
    assert.equal(run('openssl', 'pkey', '-in', 'key', '-pubout'), publicKey)
    assert.match(run('openssl', 'x509', '-in', 'ca.crt', '-noout', '-subject'), /dc1-ca-keystore/)
    const exported = run('openssl', 'pkcs12', '-in', 'cert.pfx', '-passin', `pass:${PASSWORD}`, '-nokeys', '-clcerts')
    assert.match(exported, /CN ?= ?app/)
  })

  it('has keystores for keytool', () => {
    const list = (store: string) => run('keytool', '-list', '-keystore', store, '-storepass', PASSWORD)
    assert.match(list('identity.jks'), /client, .*PrivateKeyEntry/)
    assert.match(list('trustStore.jks'), /ca, .*trustedCertEntry/)
  })

  it('has the same bytes each time, and is read back', async () => {
    const zip = readFileSync(join(directory, 'bundle.zip'))
    assert.deepEqual(await zipBundle(files), zip)
    const bundle = await readBundle(zip)
    assert.deepEqual(bundle.files, files)
    assert.deepEqual(bundle.others, [])
    assert.equal(bundle.config.namespace, 'cassandra')
    assert.equal(bundle.config.password, 'ünïcode "quoted"')
  })
})
