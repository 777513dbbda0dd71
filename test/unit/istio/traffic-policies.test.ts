import assert from 'node:assert/strict'
import type { KubeObject, ResourceType } from '../../../src/lib/cluster/kube.ts'
import {
  AUTHORIZATION_POLICY,
  DESTINATION_RULE,
  NETWORK_POLICY,
  PEER_AUTHENTICATION,
} from '../../../src/lib/cluster/resources.ts'
import { type SelectedPods, affects } from '../../../src/lib/istio/traffic-policies.ts'

const SCOPE: SelectedPods = {
  gateway: {
    namespace: 'istio-ingress',
    service: 'gw',
    serviceType: 'LoadBalancer',
    ports: [],
    addresses: [],
    selector: {},
    pods: [],
  },
  namespace: 'cass',
  roots: ['istio-system'],
  hosts: ['sts-0-cql.cass.svc.cluster.local'],
  nodeLabels: [{ app: 'cassandra', rack: 'r1' }],
  gatewayLabels: [{ istio: 'ingress' }],
}

describe('policies in the way', () => {
  const seen = (type: ResourceType, namespace: string, spec: object) =>
    affects({ apiVersion: 'x', kind: type.kind, metadata: { name: 'p', namespace }, spec } as KubeObject, type, SCOPE)

  it('are DestinationRules for the hosts of the routes', () => {
    const hosts: [string, string, boolean][] = [
      ['sts-0-cql', 'cass', true],
      ['sts-0-cql', 'elsewhere', false],
      ['sts-0-cql.cass.svc.cluster.local', 'elsewhere', true],
      ['*.cass.svc.cluster.local', 'cass', true],
      ['*.local', 'istio-system', true],
      ['*', 'cass', true],
      ['other.cass.svc.cluster.local', 'cass', false],
    ]
    for (const [host, namespace, expected] of hosts)
      assert.equal(seen(DESTINATION_RULE, namespace, { host }), expected, `${host} in ${namespace}`)
  })

  it('are those that select the pods of the nodes or of the gateway, in their namespace or in the root namespace', () => {
    const select = (matchLabels: object) => ({ selector: { matchLabels } })
    assert.equal(seen(AUTHORIZATION_POLICY, 'cass', select({ app: 'cassandra' })), true)
    assert.equal(seen(AUTHORIZATION_POLICY, 'cass', select({ app: 'other' })), false)
    assert.equal(seen(AUTHORIZATION_POLICY, 'istio-ingress', select({ istio: 'ingress' })), true)
    assert.equal(seen(AUTHORIZATION_POLICY, 'istio-ingress', select({ app: 'cassandra' })), false)
    assert.equal(seen(AUTHORIZATION_POLICY, 'cass', { targetRefs: [{ kind: 'Service', name: 'x' }] }), false)
    assert.equal(seen(PEER_AUTHENTICATION, 'istio-system', { mtls: { mode: 'STRICT' } }), true)
    assert.equal(seen(PEER_AUTHENTICATION, 'cass', {}), true)
    assert.equal(seen(NETWORK_POLICY, 'cass', { podSelector: {} }), true)
    assert.equal(seen(NETWORK_POLICY, 'cass', { podSelector: { matchLabels: { app: 'other' } } }), false)
    assert.equal(seen(NETWORK_POLICY, 'istio-system', { podSelector: {} }), false)
  })
})
