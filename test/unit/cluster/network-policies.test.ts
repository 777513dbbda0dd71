/** Which NetworkPolicies deny a connection. */
import { deepEqual } from 'node:assert/strict'
import type { KubeObject } from '../../../src/lib/cluster/kube.ts'
import { denyingPolicies } from '../../../src/lib/cluster/network-policies.ts'

const NODE = { namespace: 'cass', labels: { app: 'cassandra' } }
const GATEWAY = { namespace: 'istio-system', labels: { istio: 'ingressgateway' }, namespaceLabels: { tier: 'edge' } }

function policy(spec: object, namespace = 'cass'): KubeObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'p', namespace },
    spec,
  } as KubeObject
}

describe('NetworkPolicies', () => {
  const from = (...peers: object[]) => policy({ podSelector: {}, ingress: [{ from: peers }] })
  const ports = (...list: object[]) => policy({ podSelector: {}, ingress: [{ ports: list }] })
  const grid: [string, KubeObject[], boolean][] = [
    ['none', [], false],
    ['without rules', [policy({ podSelector: {} })], true],
    ['for other pods', [policy({ podSelector: { matchLabels: { app: 'web' } } })], false],
    ['of another namespace', [policy({ podSelector: {} }, 'apps')], false],
    ['for egress only', [policy({ podSelector: {}, policyTypes: ['Egress'] })], false],
    ['with an empty rule', [policy({ podSelector: {}, ingress: [{}] })], false],
    ['from pods of its namespace', [from({ podSelector: {} })], true],
    ['from all namespaces', [from({ namespaceSelector: {} })], false],
    ["from the gateway's namespace", [from({ namespaceSelector: { matchLabels: { tier: 'edge' } } })], false],
    ['from another namespace', [from({ namespaceSelector: { matchLabels: { tier: 'db' } } })], true],
    [
      'from other pods there',
      [from({ namespaceSelector: {}, podSelector: { matchLabels: { istio: 'egress' } } })],
      true,
    ],
    ['from addresses, which may be the gateway', [from({ ipBlock: { cidr: '10.0.0.0/8' } })], false],
    ['for the port', [ports({ port: 9042 })], false],
    ['for a range with it', [ports({ port: 9000, endPort: 9100 })], false],
    ['for another port', [ports({ port: 7000 })], true],
    ['for UDP', [ports({ port: 9042, protocol: 'UDP' })], true],
    ['for a named port, which may be it', [ports({ port: 'cql' })], false],
    ['two of which one admits', [policy({ podSelector: {} }), ports({ port: 9042 })], false],
  ]
  for (const [what, policies, denies] of grid)
    it(`${what}: ${denies ? 'denied' : 'admitted'}`, () => {
      const denying = denyingPolicies(policies, NODE, { direction: 'Ingress', port: 9042, peer: GATEWAY })
      deepEqual(denying.length > 0, denies)
    })
})
