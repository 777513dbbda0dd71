import assert from 'node:assert/strict'
import { targeted } from '../../../src/lib/cli/next-steps.ts'

const one = (line: string, given: Record<string, unknown>, portFlag?: string) => targeted([line], given, portFlag)[0]

describe('proposed commands', () => {
  it('lead to the namespace, datacenter, gateway and port that the user named', () => {
    const given = { namespace: 'cass', datacenter: 'dc1', gateway: 'edge/gw', port: 9142, output: 'json' }
    assert.equal(
      one('kubectl cass-sni routes sync', given),
      'kubectl cass-sni routes sync -n cass -d dc1 --gateway edge/gw --port 9142',
    )
    assert.equal(one('kubectl cass-sni certs ca --out x', given), 'kubectl cass-sni certs ca -n cass -d dc1 --out x')
    assert.equal(
      one('kubectl cass-sni port-forward --port 0', given),
      'kubectl cass-sni port-forward -n cass -d dc1 --gateway edge/gw --port 0',
    )
  })

  it('stand before a remark, and inside a sentence', () => {
    assert.equal(one('kubectl cass-sni certs   # again', { namespace: 'c' }), 'kubectl cass-sni certs -n c   # again')
    assert.equal(
      one('Choose: kubectl cass-sni install --yes', { namespace: 'c' }),
      'Choose: kubectl cass-sni install -n c --yes',
    )
  })

  it('keep what they say themselves', () => {
    assert.equal(
      one('kubectl cass-sni verify -n other', { namespace: 'c', context: 'k' }),
      'kubectl cass-sni verify --context k -n other',
    )
    assert.equal(
      one('kubectl get pods -n other', { namespace: 'c', context: 'k' }),
      'kubectl --context k get pods -n other',
    )
    assert.equal(
      one('Log in again, then: kubectl auth whoami --context lab', { context: 'lab' }),
      'Log in again, then: kubectl auth whoami --context lab',
    )
    for (const line of ['kubectl cass-sni verify --help', '--gateway a/b', 'Ask for the ClusterRoles'])
      assert.equal(one(line, { namespace: 'c', context: 'k' }), line)
  })

  it('go to the same cluster as the same user', () => {
    const given = { kubeconfig: 'my file', as: 'bob', 'as-group': ['a', 'b'], namespace: 'c' }
    assert.equal(
      one('kubectl auth can-i list pods', given),
      "kubectl --kubeconfig 'my file' --as bob --as-group a --as-group b auth can-i list pods",
    )
    assert.equal(one('istioctl proxy-status', given), "istioctl --kubeconfig 'my file' proxy-status")
    assert.equal(
      one('kubectl config get-contexts', { ...given, context: 'nope' }),
      "kubectl --kubeconfig 'my file' config get-contexts",
    )
  })

  it("take the gateway's port from port-forward's own flag", () => {
    assert.equal(
      one('kubectl cass-sni verify', { port: 1, 'gateway-port': 9142 }, 'gateway-port'),
      'kubectl cass-sni verify --port 9142',
    )
  })
})
