/** The routes controller with routes of the Kubernetes Gateway API, on a Gateway that belongs to others. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { provideControllerImage } from '../../lab/node.ts'
import { CHECKOUT, kubectl, must, NAMESPACE, plugin, pluginJson, run, until, writesNothing } from '../support/lab.ts'

const IN = ['-n', NAMESPACE]
const SHARED = 'shared-by-others'
const TLS_ROUTES = 'tlsroutes.gateway.networking.k8s.io'

interface Status {
  datacenters: { result: string; routed: number; pending: number }[]
}

describe('the routes controller with --api gateway', function () {
  this.timeout(180_000)

  before(async () => {
    await must(run(process.execPath, [join(CHECKOUT, 'lab/main.ts'), 'up', '--with', 'gateway-api']))
    const listener = {
      name: 'cql',
      port: 9042,
      protocol: 'TLS',
      tls: { mode: 'Passthrough' },
      allowedRoutes: { namespaces: { from: 'All' } },
    }
    const items = [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: SHARED } },
      {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'Gateway',
        metadata: { name: 'shared', namespace: SHARED },
        spec: { gatewayClassName: 'istio', listeners: [listener] },
      },
    ]
    await kubectl(['apply', '-f', '-'], { stdin: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) })
  })
  after(async () => {
    await plugin(['routes', 'controller', 'uninstall', '--yes'])
    await must(plugin(['routes', 'sync', ...IN, '--api', 'istio', '--yes']))
    await kubectl(['delete', 'namespace', SHARED, '--ignore-not-found', '--wait=false'])
  })

  const records = async () =>
    (await kubectl(['get', TLS_ROUTES, ...IN, '-o', 'jsonpath={.items[*].metadata.annotations.cass-sni/last-sync}']))
      .split(/(?<=\})\s+/)
      .filter((text) => text !== '')

  it('keeps the API, heals a deleted TLSRoute, and records the state on one of them', async () => {
    await until(
      'the routes are on the shared Gateway',
      async () =>
        (await plugin(['routes', 'sync', ...IN, '--api', 'gateway', '--gateway', `${SHARED}/shared`, '--yes']))
          .exitCode === 0,
      90_000,
      2000,
    )
    const image = await provideControllerImage()
    await must(plugin(['routes', 'controller', 'install', ...IN, '--image', image]))
    await until(
      'synced',
      async () => {
        const { result } = await pluginJson<Status>(['routes', 'status', ...IN])
        const [one] = result?.datacenters ?? []
        return one?.result === 'synced' && one.routed === 3 && one.pending === 0
      },
      30_000,
    )
    assert.equal((await records()).length, 1)
    const names = async () => kubectl(['get', TLS_ROUTES, ...IN, '-o', 'name'])
    const before = await names()
    // the one with the record
    await kubectl(['delete', ...(before.split('\n')[0] ?? '').split('/'), ...IN])
    await until('the TLSRoute is back', async () => (await names()) === before, 20_000, 100)
    await until('the record is back', async () => (await records()).length === 1, 20_000, 100)
    await writesNothing(['routes', 'sync', ...IN])
    assert.deepEqual(await kubectl(['get', 'virtualservices.networking.istio.io', ...IN, '-o', 'name']), '')
  })

  it('leaves no record when it is uninstalled', async () => {
    await must(plugin(['routes', 'controller', 'uninstall', '--yes']))
    assert.deepEqual(await records(), [])
    await writesNothing(['routes', 'sync', ...IN])
  })
})
