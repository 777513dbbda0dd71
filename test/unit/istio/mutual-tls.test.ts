/** The mode of mutual TLS on a port, as Istio decides it. */
import { deepEqual } from 'node:assert/strict'
import type { KubeObject } from '../../../src/lib/cluster/kube.ts'
import { effectiveMode } from '../../../src/lib/istio/mutual-tls.ts'

const POD = { namespace: 'cass', labels: { app: 'cassandra' } }
const SELECTOR = { selector: { matchLabels: { app: 'cassandra' } } }

function policy(name: string, namespace: string, spec: object, created = '2026-01-01T00:00:00Z'): KubeObject {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name, namespace, creationTimestamp: created },
    spec,
  } as KubeObject
}

describe('the effective mode of mutual TLS', () => {
  const mesh = policy('mesh', 'istio-system', { mtls: { mode: 'STRICT' } })
  const namespace = policy('namespace', 'cass', { mtls: { mode: 'DISABLE' } })
  const unset = policy('unset', 'cass', { mtls: { mode: 'UNSET' } })
  const pods = policy('pods', 'cass', { ...SELECTOR, mtls: { mode: 'PERMISSIVE' } })
  const port = policy('port', 'cass', { ...SELECTOR, portLevelMtls: { 9042: { mode: 'STRICT' } } })
  const grid: [string, KubeObject[], string][] = [
    ['the default', [], 'PERMISSIVE'],
    ['that of the mesh', [mesh], 'STRICT mesh'],
    ['that of the namespace', [mesh, namespace], 'DISABLE namespace'],
    ['inherited where it is not set', [mesh, unset], 'STRICT mesh'],
    ['that of the pods', [mesh, namespace, pods], 'PERMISSIVE pods'],
    ['that of the port', [mesh, namespace, port], 'STRICT port'],
    [
      'of the oldest of two policies',
      [policy('young', 'cass', { mtls: { mode: 'STRICT' } }, '2026-02-01'), namespace],
      'DISABLE namespace',
    ],
    ['of no other pods or namespace', [policy('other', 'apps', { mtls: { mode: 'STRICT' } })], 'PERMISSIVE'],
    [
      'of no other port',
      [policy('p', 'cass', { ...SELECTOR, portLevelMtls: { 7000: { mode: 'STRICT' } } })],
      'PERMISSIVE',
    ],
  ]
  for (const [what, policies, expected] of grid)
    it(`is ${what}`, () => {
      const { mode, policy: found } = effectiveMode(policies, POD, 9042, ['istio-system'])
      deepEqual([mode, found?.metadata.name].filter(Boolean).join(' '), expected)
    })
})
