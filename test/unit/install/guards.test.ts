import assert from 'node:assert/strict'
import { compare } from '../../../src/lib/changes/compare.ts'
import type { KubeObject } from '../../../src/lib/cluster/kube.ts'
import { CASSANDRA_DATACENTER } from '../../../src/lib/cluster/resources.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import {
  type AllowedChanges,
  guardChange,
  imageWarnings,
} from '../../../src/lib/workflows/install/datacenter-guards.ts'
import { nextTexts } from '../../support/next-texts.ts'

const NOTHING: AllowedChanges = { scaleDown: false, downgrade: false, serverType: false, storage: false }
const CLAIM = {
  storageClassName: 'fast',
  accessModes: ['ReadWriteOnce'],
  resources: { requests: { storage: '10Gi' } },
}
const LIVE = {
  clusterName: 'dse',
  serverType: 'cassandra',
  serverVersion: '4.1.9',
  size: 5,
  racks: [{ name: 'r1' }, { name: 'r2' }],
  storageConfig: { cassandraDataVolumeClaimSpec: CLAIM },
}

function datacenter(spec: object): KubeObject {
  return {
    apiVersion: 'cassandra.datastax.com/v1beta1',
    kind: 'CassandraDatacenter',
    metadata: { name: 'dc1', namespace: 'ns' },
    spec,
  }
}

function refused(spec: object, allowed: Partial<AllowedChanges> = {}, live: object = LIVE): CassSniError | undefined {
  const desired = { type: CASSANDRA_DATACENTER, ownership: 'share' as const, object: datacenter(spec) }
  try {
    guardChange(compare(desired, datacenter(live)), { ...NOTHING, ...allowed })
    return undefined
  } catch (error) {
    assert.ok(error instanceof CassSniError)
    return error
  }
}

const claim = (change: object) => ({ storageConfig: { cassandraDataVolumeClaimSpec: { ...CLAIM, ...change } } })
const volumes = (storage: string) => claim({ resources: { requests: { storage } } })

describe('changes of a live datacenter', () => {
  for (const [what, spec, flag, allowed, shown] of [
    ['fewer nodes', { size: 3 }, '--allow-scale-down', { scaleDown: true }, /spec\.size 5 → 3/],
    ['a stop', { stopped: true }, '--allow-scale-down', { scaleDown: true }, /spec\.stopped unset → true/],
    ['an older version', { serverVersion: '4.1.8' }, '--allow-downgrade', { downgrade: true }, /4\.1\.9 → 4\.1\.8/],
    ['an older major', { serverVersion: '4.0.20' }, '--allow-downgrade', { downgrade: true }, /4\.1\.9 → 4\.0\.20/],
    [
      'an image with an older version',
      { serverImage: 'registry:5000/k8ssandra/cass-management-api:4.1.8-ubi' },
      '--allow-downgrade',
      { downgrade: true },
      /serverImage unset → .*4\.1\.8-ubi \(version 4\.1\.9 → 4\.1\.8/,
    ],
    ['another server', { serverType: 'dse' }, '--allow-server-type-change', { serverType: true }, /cassandra → dse/],
    ['larger volumes', volumes('20Gi'), '--allow-storage-change', { storage: true }, /10Gi → 20Gi/],
  ] as const) {
    it(`${what} need ${flag}, whatever else is said`, () => {
      const error = refused(spec)
      assert.equal(error?.code, 'CSNI308')
      assert.match(error?.message ?? '', shown)
      assert.match(error?.message ?? '', new RegExp(flag))
      assert.ok(nextTexts(error?.next)[0]?.endsWith(flag))
      assert.equal(refused(spec, allowed), undefined)
      const others = { scaleDown: true, downgrade: true, serverType: true, storage: true }
      assert.equal(
        refused(spec, { ...others, ...Object.fromEntries(Object.keys(allowed).map((key) => [key, false])) })?.code,
        'CSNI308',
      )
    })
  }

  for (const [what, spec] of [
    ['the cluster name', { clusterName: 'other' }],
    ['the name inside Cassandra', { datacenterName: 'other' }],
    ['nodes that share workers', { allowMultipleNodesPerWorker: true }],
    ['the superuser', { superuserSecretName: 'other' }],
    ['the storage class', claim({ storageClassName: 'slow' })],
    ['the access modes', claim({ accessModes: ['ReadWriteMany'] })],
    ['smaller volumes', volumes('5Gi')],
    ['a renamed rack', { racks: [{ name: 'r1' }, { name: 'rack2' }] }],
    ['a removed rack', { racks: [{ name: 'r1' }] }],
  ] as const) {
    it(`${what}: refused, since the operator does so`, () => {
      const error = refused(spec, { scaleDown: true, downgrade: true, serverType: true, storage: true })
      assert.equal(error?.code, 'CSNI307')
      assert.match(error?.message ?? '', /^cassandradatacenter\/dc1 in namespace ns: .* → /)
    })
  }

  for (const [what, spec] of [
    ['more nodes', { size: 6 }],
    ['a newer version', { serverVersion: '4.1.10' }],
    ['an image with a newer version', { serverImage: 'x/cass-management-api:4.1.10-ubi@sha256:4142' }],
    ['an image with the version of its management API', { serverImage: 'x/cassandra-mgmtapi-4_1_9:v0.1.13' }],
    ['the same size of volumes, written otherwise', volumes('10240Mi')],
    ['one more rack', { size: 9, racks: [{ name: 'r1' }, { name: 'r2' }, { name: 'r3' }] }],
    ['what is off already', { allowMultipleNodesPerWorker: false }],
    ['another service account of the pods', { serviceAccountName: 'other' }],
  ] as const) {
    it(`${what}: no flag needed`, () => assert.equal(refused(spec), undefined))
  }

  it('an image whose version cannot be read is warned of', () => {
    const warnings = (before: string | undefined, after: string) => {
      const desired = {
        type: CASSANDRA_DATACENTER,
        ownership: 'share' as const,
        object: datacenter({ serverImage: after }),
      }
      return imageWarnings(compare(desired, datacenter({ ...LIVE, serverImage: before })))
    }
    assert.deepEqual(warnings(undefined, 'x/cass:4.1.10-ubi'), [])
    assert.deepEqual(warnings('x/cass:latest', 'x/cass:latest'), [])
    assert.deepEqual(warnings(undefined, 'x/cass:latest'), [
      'cassandradatacenter/dc1: cannot compare the server versions of images unset and x/cass:latest; a downgrade ' +
        'would go undetected',
    ])
    for (const image of ['x/cass:v0.1.13', 'x/cass', 'x:5.0/cass', 'x/cass@sha256:4142'])
      assert.equal(warnings('x/cass:4.1.10', image).length, 1, image)
  })
})
