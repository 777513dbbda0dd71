import { NAMESPACE } from './lab.ts'

/** Returns the task by which cass-operator replaces the node in this pod: another volume, and another host ID. */
export function replacementTask(pod: string): string {
  return JSON.stringify({
    apiVersion: 'control.k8ssandra.io/v1alpha1',
    kind: 'CassandraTask',
    metadata: { name: `replace-${Date.now()}`, namespace: NAMESPACE },
    spec: {
      datacenter: { name: 'dc1', namespace: NAMESPACE },
      jobs: [{ name: 'replace', command: 'replacenode', args: { pod_name: pod } }],
    },
  })
}
