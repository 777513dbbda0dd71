/** A datacenter of cass-operator 1.22.4: `npm test -- older-operator`. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { CHECKOUT, kubectl, must, plugin, pluginJson, run, until, writesNothing } from '../support/lab.ts'

const OLDER = ['-n', 'older']
const POD = 'oldercluster-dc3-rack-1-sts-0'

describe('a datacenter of cass-operator 1.22.4', function () {
  this.timeout(300_000)

  before(async function () {
    this.timeout(900_000)
    const up = run(process.execPath, [join(CHECKOUT, 'lab/main.ts'), 'up', '--with', 'older-datacenter'], {
      timeoutMs: 880_000,
    })
    await must(up)
  })
  after(async () => {
    await plugin(['uninstall', ...OLDER])
  })

  it('runs under that operator', async () => {
    const image = await kubectl([
      ...['get', 'deployment', 'older-cass-operator-controller-manager', ...OLDER],
      ...['-o', 'jsonpath={.spec.template.spec.containers[0].image}'],
    ])
    assert.match(image, /cass-operator-1\.22/)
  })

  it('gets certificates and routes, is verified, and nothing is written a second time', async () => {
    await must(plugin(['certs', ...OLDER]))
    const { result, error } = await pluginJson<{ nodes: { pod: string; state: string }[] }>([
      'routes',
      'sync',
      ...OLDER,
    ])
    assert.equal(error, undefined, JSON.stringify(error))
    assert.deepEqual(
      result?.nodes.map(({ pod, state }) => [pod, state]),
      [[POD, 'routed']],
    )
    const verified = await plugin(['verify', ...OLDER])
    assert.equal(verified.exitCode, 0, verified.stdout)
    await writesNothing(['certs', ...OLDER])
    await writesNothing(['routes', 'sync', ...OLDER])
    await writesNothing(['install', ...OLDER, '--yes'])
  })

  it('answers statements', async () => {
    const outcome = await must(
      plugin(['cqlsh-sni', ...OLDER, '-e', 'SELECT cluster_name FROM system.local', '-o', 'csv']),
    )
    assert.match(outcome.stdout, /Older Cluster/)
  })

  it('keeps the route of a pod that is deleted', async () => {
    const uid = () => kubectl(['get', 'pod', POD, ...OLDER, '-o', 'jsonpath={.metadata.uid}'])
    const before = await uid()
    await kubectl(['delete', 'pod', POD, ...OLDER])
    await until(
      'the node has started again',
      async () => {
        const label = "jsonpath={.metadata.uid} {.metadata.labels['cassandra\\.datastax\\.com/node-state']}"
        const now = await kubectl(['get', 'pod', POD, ...OLDER, '-o', label])
        return now.endsWith(' Started') && !now.startsWith(before)
      },
      240_000,
      1000,
    )
    const { result } = await pluginJson<{ nodes: { state: string }[] }>(['routes', 'sync', ...OLDER])
    assert.deepEqual(
      result?.nodes.map(({ state }) => state),
      ['routed'],
    )
    await writesNothing(['routes', 'sync', ...OLDER])
  })

  it('is reverted as a whole', async () => {
    await must(plugin(['uninstall', ...OLDER]))
    const left = await kubectl(['get', 'services,gateways,virtualservices', ...OLDER, '-l', 'cass-sni/datacenter=dc3'])
    assert.equal(left.trim(), '')
    await writesNothing(['uninstall', ...OLDER])
  })
})
