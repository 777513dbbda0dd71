import assert from 'node:assert/strict'
import { CassSniError } from '../../../src/lib/errors.ts'
import { checkOptions } from '../../../src/lib/workflows/install/field-syntax.ts'
import { asWritten } from '../../../src/lib/workflows/install/datacenter-file.ts'
import { clientsNeed, configWarnings, refuseConfigFlags } from '../../../src/lib/workflows/install/datacenter-config.ts'
import { rememberAnswers } from '../../../src/lib/workflows/install/answers.ts'
import { planLines } from '../../../src/lib/workflows/install/plan-lines.ts'
import { STORAGE_CLASS } from '../../../src/lib/cluster/resources.ts'
import type { InstallOptions } from '../../../src/lib/workflows/install/step.ts'

const OPTIONS: InstallOptions = {
  setContext: false,
  istioctl: 'istioctl',
  mtls: 'keep',
  helm: 'helm',
  kubectl: 'kubectl',
  storageParameters: {},
  allowPlaintext: false,
  allow: { scaleDown: false, downgrade: false, serverType: false, storage: false },
  clusterDomain: 'cluster.local',
  authority: { days: 3650 },
  kubeOptions: { signal: new AbortController().signal },
}

function usageError(options: Partial<InstallOptions>): string {
  try {
    checkOptions({ ...OPTIONS, ...options })
    return ''
  } catch (error) {
    assert.ok(error instanceof CassSniError && error.code === 'CSNI101')
    return error.message
  }
}

describe('values of install', () => {
  it('are all checked at once, each with its flag', () => {
    const message = usageError({ cpu: 'banana', storageSize: 'banana', serverVersion: 'banana' })
    for (const flag of ['--cpu', '--storage-size', '--server-version'])
      assert.match(message, new RegExp(`invalid value "banana" for ${flag}: expected a`))
  })

  for (const [flag, options] of [
    ['--datacenter', { datacenterName: 'Not_A_Name' }],
    ['--cluster-name', { clusterName: 'a/b' }],
    ['--cpu-limit', { cpuLimit: '0' }],
    ['--memory-limit', { memoryLimit: '-1Gi' }],
    ['--heap', { heap: '2 GB' }],
    ['--server-version', { serverVersion: '5.0' }],
    ['--storage-class', { storageClass: 'Fast_One' }],
    ['--service-account', { serviceAccount: 'a b' }],
    ['--istio-revision', { istioRevision: 'a b' }],
    ['--storage-reclaim-policy', { storageReclaimPolicy: 'Retain' }],
    ['--allow-volume-expansion', { allowVolumeExpansion: false }],
  ] as const) {
    it(`${flag} is named when its value is invalid or it lacks --storage-provisioner`, () =>
      assert.match(usageError(options), new RegExp(`^(invalid value ".*" for ${flag}: expected |${flag} requires )`)))
  }

  it('of --server-image are references of an image', () => {
    const digest = `sha256:${'0a'.repeat(32)}`
    for (const image of ['a', 'localhost:5000/team/a-b_c:v1.0', `reg.example.com/a@${digest}`, '[::1]:5000/a:1'])
      assert.equal(usageError({ serverImage: image }), '', image)
    for (const image of ['', 'a b', 'A', 'a:', 'a/', 'http://a/b', 'a@sha256:0', `${'a-'.repeat(50_000)}!`])
      assert.match(usageError({ serverImage: image }), /for --server-image: expected an image such as/)
  })

  it('are accepted as kubectl writes them', () => {
    const options: Partial<InstallOptions> = { cpu: '500m', memory: '4Gi', cpuLimit: '1.5', heap: '2G' }
    assert.equal(usageError({ ...options, serverVersion: '4.0.0-beta.1', clusterName: 'My Cluster' }), '')
  })
})

describe('a datacenter file from kubectl get -o yaml', () => {
  it('drops the fields that the server sets', () => {
    const live = {
      apiVersion: 'cassandra.datastax.com/v1beta1',
      kind: 'CassandraDatacenter',
      metadata: {
        name: 'dc1',
        uid: 'x',
        resourceVersion: '7',
        generation: 3,
        creationTimestamp: '2026-01-01T00:00:00Z',
        managedFields: [],
        finalizers: ['finalizer.cassandra.datastax.com'],
        ownerReferences: [],
        labels: { team: 'a' },
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', note: 'b' },
      },
      spec: { size: 3 },
      status: { cassandraOperatorProgress: 'Ready' },
    }
    assert.deepEqual(asWritten(live), {
      apiVersion: 'cassandra.datastax.com/v1beta1',
      kind: 'CassandraDatacenter',
      metadata: { name: 'dc1', labels: { team: 'a' }, annotations: { note: 'b' } },
      spec: { size: 3 },
    })
  })
})

describe('what a configuration requires of clients', () => {
  const store = { keystore: '/etc/encryption/node-keystore.jks', keystore_password: 'dc1' }
  const yaml = (authenticator: unknown, client: object = {}) => ({
    config: { 'cassandra-yaml': { authenticator, client_encryption_options: { enabled: true, ...store, ...client } } },
  })
  const warnings = (config: Parameters<typeof configWarnings>[0]) =>
    configWarnings(config, 'dc1', { allowPlaintext: false })

  it('lists TLS and login only if enabled', () => {
    assert.equal(clientsNeed(yaml('PasswordAuthenticator')), 'TLS, login')
    assert.equal(clientsNeed(yaml('org.apache.cassandra.auth.AllowAllAuthenticator')), 'TLS, WITHOUT LOGIN')
    assert.equal(clientsNeed(yaml({ class_name: 'AllowAllAuthenticator' })), 'TLS, WITHOUT LOGIN')
    assert.equal(clientsNeed(yaml(undefined, { enabled: false })), 'WITHOUT TLS, authenticator not set')
    assert.equal(clientsNeed(yaml('PasswordAuthenticator', { optional: true })), 'TLS optional, login')
  })

  it('warns about a datacenter without login, and a keystore that Cassandra cannot open', () => {
    assert.deepEqual(warnings(yaml('PasswordAuthenticator')), [])
    assert.match(warnings(yaml('AllowAllAuthenticator')).join(), /AllowAllAuthenticator accepts any user/)
    assert.match(
      warnings(yaml('PasswordAuthenticator', { keystore_password: 'other' })).join(),
      /keystore_password is not "dc1"/,
    )
    assert.deepEqual(warnings(yaml('PasswordAuthenticator', { keystore: '/mnt/own.jks', keystore_password: 'x' })), [])
  })

  it('may be stored in a Secret', () => {
    const config = JSON.stringify(yaml('PasswordAuthenticator').config)
    assert.deepEqual(warnings({ secret: 'settings', config }), [])
    assert.match(warnings({ secret: 'settings' }).join(), /TLS and login unknown, cannot read secret\/settings/)
    assert.throws(() => refuseConfigFlags({ allowPlaintext: false, heap: '2G' }, { secret: 'settings' }), {
      code: 'CSNI101',
      message: /^--heap cannot be combined with spec\.configSecret: .* secret\/settings$/,
    })
    refuseConfigFlags({ allowPlaintext: true, heap: '2G' }, {})
  })
})

describe('the plan of install', () => {
  it('records answers as flags, except the confirmation', async () => {
    const answers = rememberAnswers(async ({ kind }) => (kind === 'confirm' ? 'yes' : '5'))
    await answers.ask?.({ kind: 'text', name: 'size', flag: '--size', message: '' })
    await answers.ask?.({ kind: 'confirm', name: 'proceed', flag: '--yes', message: '', initial: true })
    assert.deepEqual(answers.flags(), ['--size', '5'])
  })

  it('shows each field, old and new', () => {
    const change = {
      action: 'configured' as const,
      type: STORAGE_CLASS,
      name: 'x',
      fields: [
        { path: 'allowVolumeExpansion', before: false, after: true },
        { path: 'spec.size', after: 4 },
      ],
    }
    assert.deepEqual(planLines('Storage', { state: 'change', note: 'x', changes: { stages: [[change]] } }), [
      '+ Storage: x',
      '    storageclass.storage.k8s.io/x configured',
      '      allowVolumeExpansion: false → true',
      '      spec.size: (unset) → 4',
    ])
  })
})
