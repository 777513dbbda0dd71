import assert from 'node:assert/strict'
import type { KubeObject } from '../../../src/lib/cluster/kube.ts'
import { cassandraYaml, newDatacenter, overlaid } from '../../../src/lib/workflows/install/datacenter-spec.ts'
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
  allow: { scaleDown: false, downgrade: false, serverType: false, storage: false },
  clusterDomain: 'cluster.local',
  authority: { days: 3650 },
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
      resources: { requests: { cpu: '500m', memory: '3Gi' }, limits: { cpu: '500m', memory: '3Gi' } },
      serverType: 'dse',
      serverVersion: '6.9.7',
      allowMultipleNodesPerWorker: true,
    })
    assert.equal((file.spec as { size: number }).size, 5, 'the file was changed in memory')
  })

  it('gives nodes that share a worker the limits that the operator webhook requires', () => {
    const resources = (options: Partial<InstallOptions>, file?: KubeObject) =>
      valueAt(
        file === undefined
          ? newDatacenter('dc1', 'ns', 'fast', { ...OPTIONS, allowMultipleNodesPerWorker: true, ...options })
          : overlaid(file, { ...OPTIONS, allowMultipleNodesPerWorker: true, ...options }),
        ['spec', 'resources'],
      )
    assert.deepEqual(resources({}), { requests: { cpu: '2', memory: '4Gi' }, limits: { cpu: '2', memory: '4Gi' } })
    assert.deepEqual(resources({ cpu: '500m', cpuLimit: '1', memoryLimit: '6Gi' }), {
      requests: { cpu: '500m', memory: '4Gi' },
      limits: { cpu: '1', memory: '6Gi' },
    })
    const file: KubeObject = {
      apiVersion: 'cassandra.datastax.com/v1beta1',
      kind: 'CassandraDatacenter',
      metadata: { name: 'dc1' },
      spec: { resources: { requests: { cpu: '1', memory: '2Gi' }, limits: { memory: '3Gi' } } },
    }
    assert.deepEqual(resources({}, file), {
      requests: { cpu: '1', memory: '2Gi' },
      limits: { cpu: '1', memory: '3Gi' },
    })
  })

  it('puts the heap where the server reads it', () => {
    const heap = (serverType: string, serverVersion: string) =>
      Object.keys(
        valueAt(newDatacenter('dc1', 'ns', 'fast', { ...OPTIONS, serverType, serverVersion, heap: '2G' }), [
          'spec',
          'config',
        ]) as object,
      )
    assert.deepEqual(heap('cassandra', '3.11.14'), ['cassandra-yaml', 'jvm-options'])
    assert.deepEqual(heap('cassandra', '4.1.5'), ['cassandra-yaml', 'jvm-server-options'])
  })
})
