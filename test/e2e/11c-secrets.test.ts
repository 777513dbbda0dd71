/** Near the end of the run: its passwords and private keys are in no output, log, temporary file or argument. */
import assert from 'node:assert/strict'
import { createPrivateKey, randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CQLSH_ENVIRONMENT, CQLSH_PROGRAM, installCqlsh } from '../support/apache-cqlsh.ts'
import { readKeystore, recoverKey } from '../../src/lib/certificates/keystore.ts'
import { readBundle } from '../../src/lib/clients/read-bundle.ts'
import { AUDIT_LOG, kubectl, LAB_KUBECONFIG, must, NAMESPACE, plugin } from '../support/lab.ts'
import {
  keyForms,
  type Needles,
  passwordForms,
  secretsBelow,
  secretsIn,
  secretsInArguments,
  secretsInFile,
  secretsInOutput,
} from '../support/secret-search.ts'

interface Secret {
  metadata: { name: string; namespace: string }
  data?: Record<string, string>
}

const IN = ['-n', NAMESPACE, '--gateway', 'istio-system/istio-ingressgateway']
const STORE_PASSWORD = 'a password of key stores'

const BUNDLE_ROLE = `searched_${randomUUID().slice(0, 8)}`

describe('passwords and private keys', () => {
  let directory: string
  let needles: Needles

  const derOf = (pem: string): Buffer => createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' })
  const secretsOfCluster = async (): Promise<Map<string, readonly string[]>> => {
    const { items } = JSON.parse(await kubectl(['get', 'secrets', '-A', '-o', 'json'])) as { items: Secret[] }
    const found = new Map<string, readonly string[]>()
    for (const { metadata, data = {} } of items) {
      for (const [key, encoded] of Object.entries(data)) {
        const name = `${key} of secret/${metadata.name} in namespace ${metadata.namespace}`
        const bytes = Buffer.from(encoded, 'base64')
        if (key === 'password') found.set(name, passwordForms(bytes.toString('utf8')))
        if (bytes.includes('PRIVATE KEY-----')) found.set(name, keyForms(derOf(bytes.toString('utf8'))))
        if (key === 'node-keystore.jks') {
          const password = metadata.name.replace(/-keystore$/, '')
          const [own] = readKeystore(bytes, password, name).filter((entry) => entry.kind === 'key')
          const der = own && recoverKey(own.protectedKey, password)
          if (der !== undefined) found.set(name, keyForms(der))
        }
      }
    }
    return found
  }

  /** What is secret in a bundle that was just created: keys as PEM, passwords of the role and of key stores. */
  const secretsOfBundle = async (file: string): Promise<Map<string, readonly string[]>> => {
    const { files, config } = await readBundle(await readFile(file))
    const { password = '', keyStorePassword = '' } = config
    assert.ok(password.length > 20 && keyStorePassword.length > 20)
    return new Map([
      ['password of the role in the bundle', passwordForms(password)],
      ['password of the key stores in the bundle', passwordForms(keyStorePassword)],
      ['key in the bundle', keyForms(derOf(files.get('key')?.toString('utf8') ?? ''))],
    ])
  }

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cass-sni-secrets-'))
  })
  after(() => rm(directory, { recursive: true, force: true }))

  it('of the cluster are known to this test, and would be found', async function () {
    this.timeout(30_000)
    needles = await secretsOfCluster()
    for (const name of ['key of secret/dc1-ca-keystore', 'node-keystore.jks of secret/dc1-keystore', 'dse-superuser'])
      assert.ok(
        [...needles.keys()].some((each) => each.includes(name)),
        name,
      )
    const text = await kubectl(['get', 'secret', 'dc1-ca-keystore', '-n', NAMESPACE, '-o', 'jsonpath={.data.key}'])
    assert.ok(secretsIn(Buffer.from(text, 'base64').toString('utf8'), needles).length > 0, 'as PEM')
    assert.ok(secretsIn(text, needles).length > 0, 'as in the Secret')
  })

  it('are in no argument, temporary file or file of the user while commands run that handle them', async function () {
    this.timeout(120_000)
    const [home, temporary, out] = ['home', 'tmp', 'out'].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ]
    for (const each of [home, temporary]) await mkdir(each)
    await installCqlsh()
    const env = { HOME: home, TMPDIR: temporary, KUBECONFIG: LAB_KUBECONFIG, CASS_SNI_STORE_PASSWORD: STORE_PASSWORD }
    const zip = join(directory, 'bundle.zip')
    const known = new Map([...needles, ['password of key stores', passwordForms(STORE_PASSWORD)]])
    const { found, looks, seen } = await secretsInArguments(known, async () => {
      await must(plugin(['certs', ...IN, '--renew', '-v', '9'], { env }))
      const formats = ['--format', 'pkcs12', '--format', 'jks']
      const client = ['certs', 'issue-client', 'searched', '-n', NAMESPACE, '--out', out, ...formats, '-v', '9']
      await must(plugin(client, { env }))
      await must(plugin(['cqlsh-sni', ...IN, '-v', '9', '-e', 'SELECT host_id FROM system.local'], { env }))
      const exec = ['cqlsh-sni', ...IN, '-v', '9', '--exec', '--', '-e', 'SELECT host_id FROM system.local']
      await must(plugin(exec, { env: { ...env, ...CQLSH_ENVIRONMENT, CASS_SNI_CQLSH: CQLSH_PROGRAM } }))
      await must(plugin(['verify', ...IN, '--wait', '30s', '-v', '9', '-o', 'json'], { env }))
      const create = ['bundle', 'create', ...IN, '--public-name', `dc1.${NAMESPACE}.cassdc`, '-v', '9']
      const role = ['--create-role', BUNDLE_ROLE, '--grant', 'SELECT ON ALL KEYSPACES', '--out', zip]
      await must(plugin([...create, ...role], { env }))
      for (const [name, forms] of await secretsOfBundle(zip)) known.set(name, forms)
      // with the password in the bundle
      await must(plugin([...create, ...role, '-o', 'json'], { env }))
      await must(plugin([...create, '--with-password', '--out', join(directory, 'superuser.zip')], { env }))
      await plugin(['bundle', 'inspect', zip, ...IN, '-v', '9'], { env })
      await plugin(['bundle', 'inspect', zip, ...IN, '-o', 'json'], { env })
      await must(plugin(['cqlsh-sni', ...IN, '-e', `DROP ROLE ${BUNDLE_ROLE}`], { env }))
    })
    assert.ok(looks > 20 && seen('issue-client'), `only ${looks} looks at the processes`)
    assert.deepEqual(found, [])
    for (const [name, forms] of await secretsOfCluster()) known.set(name, forms)
    known.set('key of the client', keyForms(derOf(await readFile(join(out, 'tls.key'), 'utf8'))))
    needles = known
    assert.ok((await readdir(out)).includes('keystore.p12'))
    for (const each of [home, temporary]) assert.deepEqual(await secretsBelow(each, known), [])
  })

  it('are in nothing that the plugin has printed in the whole run', async function () {
    this.timeout(60_000)
    assert.deepEqual(await secretsInOutput(needles), [])
  })

  it('are not in the audit log of the API server', async function () {
    this.timeout(60_000)
    assert.deepEqual(await secretsInFile(AUDIT_LOG, needles), [])
  })
})
