/** `uninstall` on the lab: everything that the commands have changed is as it was, and the data is there. */
import assert from 'node:assert/strict'
import { kubectl, must, NAMESPACE, object, plugin, pluginJson, writesNothing } from '../support/lab.ts'

interface Service {
  spec: { ports: { port: number }[] }
}
interface Managed {
  items: { kind: string; metadata: { name: string; annotations?: Record<string, string> } }[]
}

/** The test before this one has raised a second gateway. */
const GATEWAY = ['--gateway', 'istio-system/istio-ingressgateway']
const KINDS = 'services,gateways.networking.istio.io,virtualservices.networking.istio.io,peerauthentications'

describe('uninstall', () => {
  const managed = async (): Promise<string[]> => {
    const labelled = ['-l', 'app.kubernetes.io/managed-by=kubectl-cass-sni', '-o', 'json']
    const { items } = JSON.parse(await kubectl(['get', KINDS, '-n', NAMESPACE, ...labelled])) as Managed
    return items.map(({ kind, metadata }) => `${kind}/${metadata.name}`)
  }
  const ports = async (): Promise<number[]> =>
    (await object<Service>('service', 'istio-ingressgateway', 'istio-system'))?.spec.ports.map(({ port }) => port) ?? []

  after(async () => {
    await must(plugin(['routes', 'sync', '-n', NAMESPACE, ...GATEWAY]))
  })

  it('takes back the routes, the port and the annotations, and nothing a second time', async function () {
    this.timeout(120_000)
    assert.ok((await managed()).length > 0)
    const before = await managed()
    const planned = await pluginJson<{ deleted: number; released: number }>(['uninstall', '-n', NAMESPACE, '--dry-run'])
    assert.equal(planned.exitCode, 0, JSON.stringify(planned))
    assert.deepEqual(await managed(), before)

    const done = await pluginJson<{ deleted: number; released: number; left: { object: string }[] }>([
      'uninstall',
      '-n',
      NAMESPACE,
    ])
    assert.equal(done.exitCode, 0, JSON.stringify(done))
    assert.deepEqual([done.result?.deleted, done.result?.released], [planned.result?.deleted, planned.result?.released])
    assert.deepEqual(await managed(), [])
    assert.ok(!(await ports()).includes(9042), `ports ${(await ports()).join(', ')}`)
    const pods = JSON.parse(await kubectl(['get', 'pods', '-n', NAMESPACE, '-o', 'json'])) as Managed
    for (const { metadata } of pods.items) assert.equal(metadata.annotations?.['cass-sni/keystore'], undefined)
    assert.ok(done.result?.left.some((each) => each.object === 'cassandradatacenter/dc1'))
    assert.notEqual(await object('cassandradatacenter', 'dc1'), undefined)
    await writesNothing(['uninstall', '-n', NAMESPACE])
  })

  it('leaves the data and the certificate, so that a sync brings everything back', async function () {
    this.timeout(120_000)
    await must(plugin(['routes', 'sync', '-n', NAMESPACE, ...GATEWAY]))
    // kube-proxy opens the port of the external address only some time after the Service has it
    const verified = await plugin(['verify', '-n', NAMESPACE, '--wait', '30s'])
    assert.equal(verified.exitCode, 0, verified.stdout)
  })
})
