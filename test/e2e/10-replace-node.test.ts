/** A node is replaced for real: a new host id under the old pod name. */
import assert from 'node:assert/strict'
import { kubectl, NAMESPACE, object, plugin, pluginJson, until, writesNothing } from '../support/lab.ts'

const POD = 'dse-dc1-default-sts-1'
const TASK = {
  apiVersion: 'control.k8ssandra.io/v1alpha1',
  kind: 'CassandraTask',
  metadata: { name: 'replace-1', namespace: NAMESPACE },
  spec: {
    datacenter: { name: 'dc1', namespace: NAMESPACE },
    jobs: [{ name: 'replace', command: 'replacenode', args: { pod_name: POD } }],
  },
}

interface Datacenter {
  status: {
    nodeStatuses: Record<string, { hostID: string }>
    nodeReplacements?: string[]
    cassandraOperatorProgress: string
  }
}

async function hostIdOf(pod: string): Promise<string> {
  return (await object<Datacenter>('cassandradatacenter', 'dc1'))?.status.nodeStatuses[pod]?.hostID ?? ''
}

async function routedNames(): Promise<string[]> {
  const route = await object<{ spec: { tls: { match: { sniHosts: string[] }[] }[] } }>('virtualservice', 'cass-sni-dc1')
  return (route?.spec.tls ?? []).flatMap((tls) => tls.match.flatMap((match) => match.sniHosts))
}

describe('a replaced node', () => {
  let before = ''

  it('keeps its old route while it is being replaced', async function () {
    this.timeout(240_000)
    before = await hostIdOf(POD)
    const old = await object<{ metadata: { uid: string } }>('pod', POD)
    await kubectl(['apply', '-f', '-'], { stdin: JSON.stringify(TASK) })
    await until(
      'the old pod is gone',
      async () => {
        const pod = await object<{ metadata: { uid: string } }>('pod', POD)
        return pod === undefined || pod.metadata.uid !== old?.metadata.uid
      },
      220_000,
      1000,
    )
    const { result } = await pluginJson<{ nodes: { pod: string; state: string; reason?: string }[] }>([
      'routes',
      'sync',
      '-n',
      NAMESPACE,
    ])
    const node = result?.nodes.find((each) => each.pod === POD)
    assert.notEqual(node?.state, 'routed', 'a stale host id was taken for a fresh one')
    assert.ok((await routedNames()).includes(before))
  })

  it('gets a route by its new host id, and only its route is changed', async function () {
    this.timeout(420_000)
    await until(
      'the new node has joined',
      async () => {
        const datacenter = await object<Datacenter>('cassandradatacenter', 'dc1')
        const fresh = datacenter?.status.nodeStatuses[POD]?.hostID ?? ''
        return (
          datacenter?.status.cassandraOperatorProgress === 'Ready' &&
          (datacenter.status.nodeReplacements ?? []).length === 0 &&
          fresh !== '' &&
          fresh !== before
        )
      },
      400_000,
      1000,
    )
    const others = (await routedNames()).filter((name) => !name.startsWith(POD) && name !== before)
    const { changes, error } = await pluginJson(['routes', 'sync', '-n', NAMESPACE])
    assert.equal(error, undefined)
    assert.deepEqual(
      (changes ?? [])
        .filter((change) => change.action !== 'unchanged')
        .map((change) => `${change.object} ${change.action}`),
      ['virtualservice.networking.istio.io/cass-sni-dc1 configured'],
    )
    const names = await routedNames()
    assert.ok(names.includes(await hostIdOf(POD)))
    assert.ok(!names.includes(before))
    for (const name of others) assert.ok(names.includes(name), `${name} has lost its route`)
    await writesNothing(['routes', 'sync', '-n', NAMESPACE])
  })

  it('is verified once it has a certificate of its own', async function () {
    this.timeout(120_000)
    const without = await plugin(['verify', '-n', NAMESPACE, '--node', '1'])
    assert.equal(without.exitCode, 1)
    assert.match(without.stdout, /kubectl cass-sni certs/)
    const issued = await plugin(['certs', '-n', NAMESPACE])
    assert.equal(issued.exitCode, 0, issued.stderr)
    const verified = await plugin(['verify', '-n', NAMESPACE])
    assert.equal(verified.exitCode, 0, verified.stdout)
  })
})
