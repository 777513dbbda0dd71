/** The routing backends on the lab's Istio and Envoy, and the change from each to another while clients connect. */
import assert from 'node:assert/strict'
import type { RoutesListResult } from '../../src/lib/workflows/routes-list-workflow.ts'
import { GatewayTraffic } from '../support/gateway-traffic.ts'
import { kubectl, labEnvironment, NAMESPACE, plugin, pluginJson, run } from '../support/lab.ts'

const GATEWAY = ['--gateway', 'istio-system/istio-ingressgateway']
const HERE = ['-n', NAMESPACE, '-d', 'dc1', ...GATEWAY]
const KINDS = 'services,serviceentries,destinationrules,peerauthentications.security.istio.io'
const OWNED = 'app.kubernetes.io/managed-by=kubectl-cass-sni,cass-sni/datacenter=dc1'

describe('routing backends', () => {
  /** The objects behind the routes. */
  const objects = async () =>
    (await kubectl(['get', KINDS, '-n', NAMESPACE, '-l', OWNED, '-o', 'name']))
      .trim()
      .split('\n')
      .map((name) => name.replace('.networking.istio.io', ''))
      .sort()
  const pods = [0, 1, 2].map((n) => `dse-dc1-default-sts-${n}`)
  const services = pods.map((pod) => `service/${pod}-cql`)

  async function change(backend: string): Promise<string> {
    const { exitCode, stdout, stderr } = await plugin(['routes', 'sync', '--yes', '--backend', backend, ...HERE])
    assert.equal(exitCode, 0, stderr)
    return stdout + stderr
  }

  after(() => plugin(['routes', 'sync', '--yes', '--backend', 'service', ...HERE]))

  it('change from each to another while every name answers, and are kept without the flag', async function () {
    this.timeout(300_000)
    const before = await pluginJson<RoutesListResult>(['routes', 'list', ...HERE])
    const names = (before.result?.routes ?? []).flatMap(({ serverNames }) => serverNames)
    assert.equal(names.length, 6)
    const expected: Record<string, string[]> = {
      subset: ['destinationrule/cass-sni-dc1', 'service/cass-sni-dc1'],
      // the nodes of the lab have sidecars
      serviceentry: [
        'peerauthentication.security.istio.io/cass-sni-dc1-cql',
        ...pods.map((pod) => `serviceentry/${pod}-cql`),
      ],
      service: services,
    }
    const traffic = await GatewayTraffic.start(names)
    try {
      for (const backend of ['subset', 'serviceentry', 'subset', 'service', 'serviceentry', 'service']) {
        await change(backend)
        assert.deepEqual(await objects(), expected[backend], backend)
        assert.match((await plugin(['routes', 'sync', '--yes', ...HERE])).stdout, /All routes in sync and loaded/)
        const listed = await pluginJson<RoutesListResult>(['routes', 'list', ...HERE])
        assert.equal(listed.result?.backend, backend)
        assert.equal(listed.result?.ok, true)
        assert.equal((await plugin(['routes', 'diff', ...HERE])).exitCode, 0)
        assert.deepEqual(traffic.failures, [], backend)
        // a connection whose route changes ends when Envoy has drained it, after 45 s, and not before
        assert.deepEqual(traffic.ended, [], backend)
        await traffic.renew()
        const analysis = await run('istioctl', ['analyze', '-n', NAMESPACE], { env: await labEnvironment() })
        assert.doesNotMatch(analysis.stdout + analysis.stderr, /(Error|Warning).*(cass-sni-dc1|-cql)/)
      }
      assert.ok(traffic.made > 100, `${traffic.made}`)
    } finally {
      await traffic.stop()
    }
  })

  it('have additional names, for each node and for any node, which are kept and cleared', async function () {
    this.timeout(120_000)
    const sync = (...flags: string[]) => plugin(['routes', 'sync', '--yes', ...flags, ...HERE])
    const added = ['cass.example.com', ...pods.map((pod) => `${pod}.cass.example.com`)]
    const names = ['--any-node', 'cass.example.com', '--sni-template', '{pod}.cass.example.com']
    try {
      assert.equal((await sync('--backend', 'service', ...names)).exitCode, 0)
      for (const backend of ['service', 'subset', 'serviceentry']) {
        assert.equal((await sync('--backend', backend)).exitCode, 0)
        const traffic = await GatewayTraffic.start(added)
        await traffic.stop()
        assert.deepEqual(traffic.failures, [], backend)
      }
      const { result } = await pluginJson<RoutesListResult>(['routes', 'list', ...HERE])
      assert.deepEqual(result?.anyNode, ['cass.example.com'])
      const planned = await plugin(['certs', '--dry-run', '-n', NAMESPACE, '-d', 'dc1', '--gateway', GATEWAY[1] ?? ''])
      assert.match(planned.stdout + planned.stderr, /cass\.example\.com/)
    } finally {
      await sync('--backend', 'service', '--any-node', '', '--sni-template', '')
    }
    assert.deepEqual(await objects(), services)
    await assert.rejects(GatewayTraffic.start(['cass.example.com']), /closed|reset|disconnected/i)
  })

  it('carry CQL to the node that is asked for', async function () {
    this.timeout(120_000)
    for (const backend of ['subset', 'serviceentry']) {
      await change(backend)
      const verified = await plugin(['verify', ...HERE, '--wait', '30s'])
      assert.equal(verified.exitCode, 0, verified.stdout + verified.stderr)
    }
  })
})
