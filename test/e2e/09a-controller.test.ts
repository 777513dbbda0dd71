/** The routes controller on the lab, in the image of the Containerfile. */
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { provideControllerImage } from '../../lab/node.ts'
import { kill, readRecords, startDaemon } from '../../lab/processes.ts'
import { writesBy } from '../support/audit.ts'
import { AUDIT_LOG, kubectl, NAMESPACE, plugin, pluginJson, until, writesNothing } from '../support/lab.ts'

const OWN = 'cass-sni'
const ROUTES = 'cass-sni-dc1'
const VIRTUAL_SERVICE = ['virtualservice.networking.istio.io', ROUTES, '-n', NAMESPACE]
const LABEL = 'app.kubernetes.io/name=cass-sni-controller'

interface Status {
  ok: boolean
  installed: boolean
  replicas: { wanted: number; ready: number }
  leader?: string
  datacenters: { datacenter: string; result: string; routed: number; code?: string }[]
}

describe('the routes controller on the lab', function () {
  this.timeout(180_000)
  let install: string[]

  before(async () => {
    install = ['routes', 'controller', 'install', '-n', NAMESPACE, '--image', await provideControllerImage()]
  })

  const status = async () => (await pluginJson<Status>(['routes', 'controller', 'status'])).result as Status
  const specOf = async () => kubectl(['get', ...VIRTUAL_SERVICE, '--ignore-not-found', '-o', 'jsonpath={.spec}'])
  /** The route is deleted, and restored. */
  const heals = async (withinMs = 20_000) => {
    const before = await specOf()
    await kubectl(['delete', ...VIRTUAL_SERVICE])
    await until('the route is back', async () => (await specOf()) === before, withinMs, 100)
  }
  /** Write requests of the controller, except those of its election. */
  const writes = async (since: number) =>
    (await writesBy(AUDIT_LOG, 'cass-sni-controller/', since))
      .filter(({ resource }) => resource !== 'leases')
      .map(({ verb, resource, name }) => `${verb} ${resource}/${name}`)

  it('is installed, and a second install writes nothing', async () => {
    const first = await plugin([...install, '--timeout', '120s'])
    assert.equal(first.exitCode, 0, first.stderr)
    assert.match(first.stdout, /2 replicas ready, following cass-operator/)
    await writesNothing(install)
    const found = await until(
      'a leader',
      async () => {
        const now = await status()
        return now.ok && now
      },
      20_000,
    )
    assert.deepEqual(
      found.datacenters.map(({ datacenter, result, routed }) => [datacenter, result, routed]),
      [['dc1', 'synced', 3]],
    )
  })

  it('brings back a deleted route, and heals an edited one', async () => {
    await heals()
    const before = await specOf()
    const patch = JSON.stringify({ spec: { exportTo: ['*'] } })
    await kubectl(['patch', ...VIRTUAL_SERVICE, '--type', 'merge', '-p', patch])
    await until('the edit is healed', async () => (await specOf()) === before, 20_000, 100)
    const events = await kubectl([
      'get',
      'events',
      '-n',
      NAMESPACE,
      '--field-selector',
      'reason=RoutesChanged',
      '-o',
      'name',
    ])
    assert.notEqual(events, '')
  })

  it('writes nothing after the command, nor the command after it', async () => {
    await sleep(2000)
    const since = Date.now()
    await writesNothing(['routes', 'sync', '-n', NAMESPACE])
    await sleep(3000)
    assert.deepEqual(await writes(since), [])
  })

  it('goes on within the time of the lease when the leader is killed', async () => {
    const holder = () =>
      kubectl(['get', 'lease', 'cass-sni-controller', '-n', OWN, '-o', 'jsonpath={.spec.holderIdentity}'])
    const before = await holder()
    const pid = await until('the process of the leader', () => processOf(before.replace(/_[^_]*$/, '')), 10_000)
    process.kill(pid, 'SIGKILL')
    const killedAt = performance.now()
    await heals(25_000)
    console.log(`      ${((performance.now() - killedAt) / 1000).toFixed(1)} s from the kill to the next write`)
    // the other replica, or the restarted container, which has another identity
    assert.notEqual(await holder(), before)
  })

  it('goes on after the API server was killed and is back, without a restart', async () => {
    await until('ready', async () => (await status()).replicas.ready === 2, 60_000)
    const restarts = () =>
      kubectl([
        'get',
        'pods',
        '-n',
        OWN,
        '-l',
        LABEL,
        '-o',
        'jsonpath={.items[*].status.containerStatuses[0].restartCount}',
      ])
    const before = await restarts()
    const record = (await readRecords()).find(({ name }) => name === 'kube-apiserver')
    assert.ok(record)
    const [program = '', ...args] = (await readFile(`/proc/${record.pid}/cmdline`, 'utf8')).split('\0').slice(0, -1)
    await kill([record.pid])
    await sleep(12_000)
    await startDaemon('kube-apiserver', program, args)
    await until('the API server is back', async () => (await kubectl(['get', '--raw', '/readyz'])) === 'ok', 60_000)
    await heals(60_000)
    assert.equal(await restarts(), before)
  })

  it('shows a missing permission, and recovers when it is granted', async () => {
    const binding = ['rolebinding', `cass-sni-controller-gateway.${OWN}`, '-n', 'istio-system']
    const service = ['service', 'istio-ingressgateway', '-n', 'istio-system']
    const ports = JSON.parse(await kubectl(['get', ...service, '-o', 'jsonpath={.spec.ports}'])) as { port: number }[]
    const index = ports.findIndex(({ port }) => port === 9042)
    assert.notEqual(index, -1)
    await kubectl(['delete', ...binding])
    await kubectl(['patch', ...service, '--type', 'json', '-p', `[{"op":"remove","path":"/spec/ports/${index}"}]`])
    await until(
      'failing',
      async () => {
        const { result } = await pluginJson<Status>(['routes', 'status', '-n', NAMESPACE])
        return result?.datacenters[0]?.code === 'CSNI203'
      },
      30_000,
    )
    const shown = await plugin(['routes', 'status', '-n', NAMESPACE])
    assert.equal(shown.exitCode, 1)
    assert.match(shown.stdout, /dc1 +failing .*CSNI203: .*cannot patch services/)
    assert.match(
      await kubectl(['get', 'events', '-n', NAMESPACE, '--field-selector', 'reason=RoutesFailing']),
      /Warning +RoutesFailing +cassandradatacenter\/dc1 +CSNI203/,
    )
    const again = await plugin(install)
    assert.equal(again.exitCode, 0, again.stderr)
    await until('synced', async () => (await status()).datacenters[0]?.result === 'synced', 60_000)
    assert.match(await kubectl(['get', ...service, '-o', 'jsonpath={.spec.ports[*].port}']), /\b9042\b/)
  })

  it('runs without root, without a shell and with a read-only file system', async () => {
    const pods = JSON.parse(await kubectl(['get', 'pods', '-n', OWN, '-l', LABEL, '-o', 'json'])) as {
      items: { metadata: { name: string; labels: Record<string, string> }; spec: { containers: unknown[] } }[]
    }
    assert.equal(pods.items.length, 2)
    for (const { metadata, spec } of pods.items) {
      assert.equal(spec.containers.length, 1, 'no sidecar')
      const pid = (await processOf(metadata.name)) ?? 0
      const text = await readFile(`/proc/${pid}/status`, 'utf8')
      assert.match(text, /^Uid:\s+65532\s/m)
      assert.match(text, /^CapEff:\s+0+$/m)
      assert.match(text, /^NoNewPrivs:\s+1$/m)
      assert.deepEqual((await readdir(`/proc/${pid}/root/`)).includes('bin'), false)
      assert.match(await readFile(`/proc/${pid}/mounts`, 'utf8'), /^overlay \/ overlay ro,/m)
      const path = `/api/v1/namespaces/${OWN}/pods/${metadata.name}:8080/proxy/metrics`
      const metrics = await kubectl(['get', '--raw', path])
      const memory = Number(/^process_resident_memory_bytes (\S+)/m.exec(metrics)?.[1])
      assert.ok(memory < 120e6, `${memory} bytes`)
      console.log(`      ${metadata.name}: ${Math.round(memory / 1e6)} MB`)
    }
  })

  it('is uninstalled without a trace, and the routes stay', async () => {
    const before = await specOf()
    const outcome = await plugin(['routes', 'controller', 'uninstall', '--yes'])
    assert.equal(outcome.exitCode, 0, outcome.stderr)
    await until(
      'the namespace is gone',
      async () => {
        return (await kubectl(['get', 'namespace', OWN, '--ignore-not-found', '-o', 'name'])) === ''
      },
      60_000,
    )
    const kinds = 'clusterroles,clusterrolebindings,roles,rolebindings,leases,deployments,serviceaccounts'
    assert.equal(await kubectl(['get', kinds, '-A', '-l', LABEL, '-o', 'name']), '')
    const gateway = [
      'get',
      'gateway.networking.istio.io',
      ROUTES,
      '-n',
      NAMESPACE,
      '--show-managed-fields',
      '-o',
      'yaml',
    ]
    assert.doesNotMatch(await kubectl(gateway), /last-sync|kubectl-cass-sni\/controller/)
    assert.equal(await specOf(), before)
    await writesNothing(['routes', 'sync', '-n', NAMESPACE])
    await writesNothing(['routes', 'controller', 'uninstall'])
    assert.equal((await status()).installed, false)
  })
})

/** The process of a controller's pod on this machine. */
async function processOf(pod: string): Promise<number | undefined> {
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const environment = await readFile(`/proc/${entry}/environ`, 'utf8').catch(() => '')
    const line = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '')
    if (environment.split('\0').includes(`POD_NAME=${pod}`) && line.includes('controller.cjs')) return Number(entry)
  }
  return undefined
}
