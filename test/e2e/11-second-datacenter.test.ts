/** A second datacenter with names that are no names of Kubernetes and TLS on another port, behind a gateway of its own. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { CHECKOUT, kubectl, must, NAMESPACE, plugin, pluginJson, run, writesNothing } from '../support/lab.ts'

const POD = 'mycluster-2-dc2-rack-a1-sts-0'
const SECOND = ['-n', 'second', '--gateway', 'istio-system/second-ingressgateway']
/** Where the first datacenter has been all the time. */
const FIRST = ['-n', NAMESPACE, '--gateway', 'istio-system/istio-ingressgateway']

describe('a second datacenter', () => {
  before(async function () {
    this.timeout(300_000)
    const components = ['--with', 'second-gateway', '--with', 'second-datacenter']
    await must(run(process.execPath, [join(CHECKOUT, 'lab/main.ts'), 'up', ...components], { timeoutMs: 280_000 }))
  })

  it('is raised once: again changes nothing, and status and env know it', async function () {
    this.timeout(30_000)
    const lab = (...args: string[]) => must(run(process.execPath, [join(CHECKOUT, 'lab/main.ts'), ...args]))
    const uids = ['get', 'cassdc,pods', '-n', 'second', '-o', 'jsonpath={.items[*].metadata.uid}']
    const before = await kubectl(uids)
    await lab('up', '--with', 'second-gateway', '--with', 'second-datacenter')
    assert.equal(await kubectl(uids), before)
    assert.match((await lab('status')).stdout, /datacenter +second\/dc2 +Ready cluster "My Cluster_2"/)
    assert.match((await lab('env')).stdout, /CASS_SNI_LAB_SECOND_GATEWAY=10\.200\.1\.11/)
  })

  it('gets certificates and routes under its own names, on the port that serves TLS', async function () {
    this.timeout(120_000)
    await must(plugin(['certs', '-n', 'second', '--yes']))
    const { result, exitCode, error } = await pluginJson<{ nodes: { pod: string; state: string }[] }>([
      ...['routes', 'sync', '--yes'],
      ...SECOND,
    ])
    assert.equal(exitCode, 0, JSON.stringify(error))
    assert.deepEqual(
      result?.nodes.map(({ pod, state }) => [pod, state]),
      [[POD, 'routed']],
    )
    const port = await kubectl([
      'get',
      'service',
      `${POD}-cql`,
      '-n',
      'second',
      '-o',
      'jsonpath={.spec.ports[*].targetPort}',
    ])
    assert.equal(port, '9142')
    await writesNothing(['routes', 'sync', '--yes', ...SECOND])
  })

  it('is reached there, by the second gateway, with a certificate that verifies', async function () {
    this.timeout(60_000)
    const select = 'SELECT cluster_name, data_center, rack FROM system.local'
    const outcome = await must(plugin(['cqlsh-sni', ...SECOND, '-e', select]))
    assert.match(outcome.stdout, /My Cluster_2 +\| +DC_Two East +\| +Rack_A 1/)
    const verify = await plugin(['verify', ...SECOND, '--wait', '30s'])
    assert.doesNotMatch(verify.stdout, /✖/, verify.stdout)
  })

  it('leaves the first one as it was, but for the selector that two gateways need', async function () {
    this.timeout(60_000)
    const { changes } = await pluginJson(['routes', 'sync', '--yes', ...FIRST])
    // that of before, istio: ingressgateway, takes in the pods of both
    const changed = changes?.filter(({ action }) => action !== 'unchanged').map(({ object }) => object)
    assert.deepEqual(changed, ['gateway.networking.istio.io/cass-sni-dc1'])
    const selector = ['get', 'gateways.networking.istio.io', 'cass-sni-dc1', '-n', NAMESPACE, '-o']
    assert.match(await kubectl([...selector, 'jsonpath={.spec.selector}']), /"app":"istio-ingressgateway"/)
    await writesNothing(['routes', 'sync', '--yes', ...FIRST])
    await must(plugin(['verify', ...FIRST, '--wait', '30s']))
  })

  it('loses its routes and its port by routes delete, and the first one keeps its own', async function () {
    this.timeout(60_000)
    const dryRun = ['routes', 'delete', '-n', 'second', '--dry-run']
    await writesNothing(dryRun)
    await must(plugin(['routes', 'delete', '-n', 'second', '--yes']))
    await writesNothing(['routes', 'delete', '-n', 'second', '--yes'])
    const ports = [
      'get',
      'service',
      'second-ingressgateway',
      '-n',
      'istio-system',
      '-o',
      'jsonpath={.spec.ports[*].name}',
    ]
    assert.doesNotMatch(await kubectl(ports), /tls-cql/)
    const unreachable = await plugin(['cqlsh-sni', ...SECOND, '-e', 'SELECT key FROM system.local'])
    assert.match(unreachable.stderr, /CSNI303[\s\S]*routes sync/)
    await writesNothing(['routes', 'sync', '--yes', ...FIRST])
    await must(plugin(['cqlsh-sni', ...FIRST, '-e', 'SELECT key FROM system.local']))
  })
})
