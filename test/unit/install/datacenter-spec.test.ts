import assert from 'node:assert/strict'
import {
  cassandraYaml,
  fixedDifference,
  newDatacenter,
  overlaid,
} from '../../../src/lib/workflows/install/datacenter-spec.ts'
import type { InstallOptions } from '../../../src/lib/workflows/install/step.ts'
import { valueAt } from '../../../src/lib/workflows/install/field-values.ts'

const OPTIONS: InstallOptions = {
  setContext: false,
  istioctl: 'istioctl',
  mtls: 'keep',
  helm: 'helm',
  kubectl: 'kubectl',
  storageParameters: {},
  allowPlaintext: false,
  clusterDomain: 'cluster.local',
  kubeOptions: { signal: new AbortController().signal },
}

describe('the desired CassandraDatacenter', () => {
  it("is the blog's by default, but for clients without TLS", () => {
    const datacenter = newDatacenter('dc1', 'cass-operator', 'fast', OPTIONS)
    assert.equal(valueAt(datacenter, ['spec', 'clusterName']), 'dse')
    assert.equal(valueAt(datacenter, ['spec', 'size']), 3)
    assert.equal(
      valueAt(datacenter, ['spec', 'storageConfig', 'cassandraDataVolumeClaimSpec', 'storageClassName']),
      'fast',
    )
    const client = valueAt(datacenter, ['spec', 'config', 'cassandra-yaml', 'client_encryption_options'])
    assert.deepEqual(client, {
      enabled: true,
      optional: false,
      keystore: '/etc/encryption/node-keystore.jks',
      keystore_password: 'dc1',
      truststore: '/etc/encryption/node-keystore.jks',
      truststore_password: 'dc1',
    })
  })

  it('lets clients connect without TLS only when that is asked for', () => {
    assert.equal(valueAt(cassandraYaml('dc1', true), ['client_encryption_options', 'optional']), true)
    const file = newDatacenter('dc1', 'ns', 'fast', OPTIONS)
    assert.equal(
      valueAt(overlaid(file, { ...OPTIONS, allowPlaintext: true }), [
        'spec',
        'config',
        'cassandra-yaml',
        'client_encryption_options',
        'optional',
      ]),
      true,
    )
  })

  it('takes every flag and leaves everything else of a file as it is', () => {
    const file = {
      apiVersion: 'cassandra.datastax.com/v1beta1',
      kind: 'CassandraDatacenter',
      metadata: { name: 'dc1' },
      spec: { size: 5, racks: [{ name: 'r1' }], config: { 'dse-yaml': { x: 1 } } },
    }
    const datacenter = overlaid(file, {
      ...OPTIONS,
      size: 6,
      heap: '2G',
      cpu: '500m',
      memory: '3Gi',
      serverType: 'dse',
      serverVersion: '6.9.7',
      allowMultipleNodesPerWorker: true,
    })
    assert.deepEqual(datacenter['spec'], {
      size: 6,
      racks: [{ name: 'r1' }],
      config: { 'dse-yaml': { x: 1 }, 'jvm-server-options': { initial_heap_size: '2G', max_heap_size: '2G' } },
      resources: { requests: { cpu: '500m', memory: '3Gi' } },
      serverType: 'dse',
      serverVersion: '6.9.7',
      allowMultipleNodesPerWorker: true,
    })
    assert.equal((file.spec as { size: number }).size, 5, 'the file was changed in memory')
  })

  it('tells the setting that the operator refuses to change', () => {
    const live = newDatacenter('dc1', 'ns', 'fast', OPTIONS)
    assert.equal(fixedDifference(overlaid(live, { ...OPTIONS, size: 4 }), live), undefined)
    assert.deepEqual(fixedDifference(overlaid(live, { ...OPTIONS, clusterName: 'other' }), live), {
      flag: '--cluster-name',
      from: 'dse',
      to: 'other',
    })
  })
})
