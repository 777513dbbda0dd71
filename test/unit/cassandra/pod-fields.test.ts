import { deepEqual, equal } from 'node:assert/strict'
import { datacenterFrom } from '../../../src/lib/cassandra/datacenter-from.ts'
import { withReadFields } from '../../../src/lib/cassandra/pod-fields.ts'
import type { KubeObject } from '../../../src/lib/cluster/kube.ts'
import type { Pod } from '../../../src/lib/cluster/workloads.ts'
import { cassandraDatacenter, pod, statefulSet } from './objects.ts'

/** A pod with fields that nobody reads. */
const PODS = [0, 1, 2].map((n): Pod => {
  const plain = pod(n)
  return {
    ...plain,
    metadata: { ...plain.metadata, managedFields: [{ manager: 'x', fieldsV1: {} }] },
    spec: {
      subdomain: 'sub',
      volumes: [{ name: 'v' }],
      initContainers: [{ name: 'istio-proxy', restartPolicy: 'Always', env: [{ name: 'E' }] }],
      containers: [{ name: 'cassandra', ports: [{ containerPort: 9042 }], env: [{ name: 'E' }] }],
    },
  }
})

describe('the fields of pods that are kept', () => {
  it('are enough to observe the same datacenter', () => {
    const observed = (pods: Pod[], sets = [statefulSet()]) =>
      datacenterFrom({ cr: cassandraDatacenter(), statefulSets: sets, pods })
    const kept = PODS.map(withReadFields) as Pod[]
    deepEqual(observed(kept), observed(PODS))
    deepEqual(observed(kept, []), observed(PODS, []))
    deepEqual(
      observed(kept, []).nodes.map(({ sidecar, dnsName }) => [sidecar, dnsName.split('.')[1]]),
      [0, 1, 2].map(() => [true, 'sub']),
    )
  })

  it('are neither managedFields nor what containers are made of', () => {
    const text = JSON.stringify(PODS.map(withReadFields))
    for (const word of ['managedFields', 'volumes', 'env']) equal(text.includes(word), false, word)
    deepEqual(withReadFields({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' } } as KubeObject), {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'x' },
      spec: undefined,
    })
  })
})
