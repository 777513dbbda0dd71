/** Builders of the Kubernetes objects that cass-operator makes, as far as the tests need them. */
import type { CassandraDatacenterObject } from '../../../src/lib/cassandra/datacenter-from.ts'
import type { Pod, StatefulSet } from '../../../src/lib/cluster/workloads.ts'

export const HOST_IDS = [
  'c8617bd4-af31-45c5-9d12-01c0247c7f8b',
  '1d7d0b0e-5f0f-4a37-8a53-7f7f0f1f0b01',
  'aa01e0c2-95f5-4a07-b1f7-5a1f7e0f0b02',
] as const

export function cassandraDatacenter(
  over: { spec?: object; status?: object; name?: string } = {},
): CassandraDatacenterObject {
  return {
    apiVersion: 'cassandra.datastax.com/v1beta1',
    kind: 'CassandraDatacenter',
    metadata: { name: over.name ?? 'dc1', namespace: 'cass-operator', uid: 'dc-uid' },
    spec: { clusterName: 'dse', serverType: 'cassandra', serverVersion: '5.0.6', size: 3, ...over.spec },
    status: {
      metadataVersion: 1,
      cassandraOperatorProgress: 'Ready',
      nodeStatuses: Object.fromEntries(
        HOST_IDS.map((hostID, n) => [
          `dse-dc1-default-sts-${n}`,
          { hostID, ip: `10.244.0.${10 + n}`, rack: 'default' },
        ]),
      ),
      ...over.status,
    },
  }
}

export function labels(cluster = 'dse', datacenter = 'dc1', rack = 'default'): Record<string, string> {
  return {
    'cassandra.datastax.com/cluster': cluster,
    'cassandra.datastax.com/datacenter': datacenter,
    'cassandra.datastax.com/rack': rack,
  }
}

export function statefulSet(
  over: {
    name?: string
    serviceName?: string
    replicas?: number
    labels?: Record<string, string>
    volumes?: object[]
  } = {},
): StatefulSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: over.name ?? 'dse-dc1-default-sts', namespace: 'cass-operator', labels: over.labels ?? labels() },
    spec: {
      replicas: over.replicas ?? 3,
      serviceName: over.serviceName ?? 'dse-dc1-all-pods-service',
      template: { spec: { containers: [], volumes: (over.volumes ?? []) as { name: string }[] } },
    },
  }
}

export function pod(
  n: number,
  over: {
    name?: string
    state?: string
    labels?: Record<string, string>
    status?: object
    deleting?: boolean
    containers?: string[]
    owner?: string
  } = {},
): Pod {
  const state = over.state ?? 'Started'
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: over.name ?? `dse-dc1-default-sts-${n}`,
      namespace: 'cass-operator',
      uid: `pod-${n}`,
      labels: { ...(over.labels ?? labels()), ...(state === '' ? {} : { 'cassandra.datastax.com/node-state': state }) },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: over.owner ?? 'StatefulSet', name: 'dse-dc1-default-sts', uid: 'sts' },
      ],
      ...(over.deleting === true ? { deletionTimestamp: '2026-11-23T15:00:00Z' } : {}),
    },
    spec: {
      containers: (over.containers ?? ['server-system-logger', 'cassandra', 'istio-proxy']).map((name) => ({ name })),
    },
    status: {
      phase: 'Running',
      podIP: `10.244.0.${10 + n}`,
      conditions: [{ type: 'Ready', status: 'True' }],
      ...over.status,
    },
  }
}

export const PODS: Pod[] = [pod(0), pod(1), pod(2)]
