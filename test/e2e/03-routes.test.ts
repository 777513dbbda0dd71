import assert from 'node:assert/strict'
import {
  kubectl,
  labEnvironment,
  NAMESPACE,
  object,
  plugin,
  pluginJson,
  pluginWrites,
  until,
  writesNothing,
} from '../support/lab.ts'
import { KEY, openTerminal } from '../support/terminal.ts'

const IN = ['-n', NAMESPACE]

interface VirtualService {
  spec: { tcp?: unknown[]; tls?: { match: { sniHosts: string[] }[] }[] }
}

async function hostIds(): Promise<string[]> {
  const datacenter = await object<{ status: { nodeStatuses: Record<string, { hostID: string }> } }>(
    'cassandradatacenter',
    'dc1',
  )
  return Object.values(datacenter?.status.nodeStatuses ?? {}).map((status) => status.hostID.toLowerCase())
}

async function nodeServices(): Promise<string[]> {
  return (
    await kubectl(['get', 'services', ...IN, '-l', 'app.kubernetes.io/managed-by=kubectl-cass-sni', '-o', 'name'])
  )
    .split('\n')
    .filter((line) => line !== '')
}

describe('routes sync', () => {
  it("--mode tcp makes the blog's plain TCP route", async function () {
    this.timeout(30_000)
    const outcome = await plugin(['routes', 'sync', ...IN, '--mode', 'tcp'])
    assert.equal(outcome.exitCode, 0, outcome.stderr)
    assert.match(outcome.stdout, /virtualservice\.networking\.istio\.io\/cass-sni-dc1 created/)
    assert.equal((await object<VirtualService>('virtualservice', 'cass-sni-dc1'))?.spec.tcp?.length, 1)
    await writesNothing(['routes', 'sync', ...IN])
  })

  it('with --dry-run shows the change to SNI and writes nothing', async function () {
    this.timeout(30_000)
    const since = Date.now()
    const outcome = await plugin(['routes', 'sync', ...IN, '--mode', 'sni', '--dry-run'])
    assert.equal(outcome.exitCode, 0, outcome.stderr)
    assert.match(outcome.stdout, /service\/dse-dc1-default-sts-0-cql created \(dry run\)/)
    assert.deepEqual(await pluginWrites(since), [])
  })

  it('goes from TCP to SNI in place: a Service and a route per node, by host id and DNS name', async function () {
    this.timeout(60_000)
    const outcome = await plugin(['routes', 'sync', ...IN, '--mode', 'sni'])
    assert.equal(outcome.exitCode, 0, outcome.stderr)
    assert.match(outcome.stdout, /gateway\.networking\.istio\.io\/cass-sni-dc1 configured/)
    assert.equal((await nodeServices()).length, 3)
    const route = await object<VirtualService>('virtualservice', 'cass-sni-dc1')
    assert.equal(route?.spec.tcp, undefined)
    const names = (route?.spec.tls ?? []).flatMap((tls) => tls.match.flatMap((match) => match.sniHosts))
    for (const hostId of await hostIds()) assert.ok(names.includes(hostId), `${hostId} has no route`)
    assert.equal(names.filter((name) => name.endsWith('.svc.cluster.local')).length, 3)
  })

  it('opened port 9042 on the gateway and touched nothing else there', async function () {
    this.timeout(20_000)
    const service = await object<{ spec: { ports: { port: number }[] } }>(
      'service',
      'istio-ingressgateway',
      'istio-system',
    )
    const ports = (service?.spec.ports ?? []).map(({ port }) => port).sort((a, b) => a - b)
    assert.deepEqual(ports, [80, 443, 9042, 15021])
  })

  it('again writes nothing', async function () {
    this.timeout(20_000)
    await writesNothing(['routes', 'sync', ...IN])
  })

  it('heals what somebody has changed or deleted, and only that', async function () {
    this.timeout(60_000)
    await kubectl(['delete', 'service', 'dse-dc1-default-sts-1-cql', ...IN])
    await kubectl([
      'patch',
      'service',
      'dse-dc1-default-sts-2-cql',
      ...IN,
      '--type',
      'merge',
      '-p',
      '{"spec":{"selector":{"statefulset.kubernetes.io/pod-name":"wrong"}}}',
    ])
    const { changes } = await pluginJson(['routes', 'sync', ...IN])
    const changed = (changes ?? [])
      .filter((change) => change.action !== 'unchanged')
      .map((change) => `${change.object} ${change.action}`)
    assert.deepEqual(changed.sort(), [
      'service/dse-dc1-default-sts-1-cql created',
      'service/dse-dc1-default-sts-2-cql configured',
    ])
    await writesNothing(['routes', 'sync', ...IN])
  })

  it("names another's route for the same name and changes nothing", async function () {
    this.timeout(60_000)
    const [hostId] = await hostIds()
    const foreign = {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'foreign', namespace: NAMESPACE },
      spec: {
        hosts: [hostId],
        gateways: ['cass-operator/cass-sni-dc1'],
        tls: [
          {
            match: [{ port: 9042, sniHosts: [hostId] }],
            route: [{ destination: { host: 'dse-dc1-service', port: { number: 9042 } } }],
          },
        ],
      },
    }
    await kubectl(['apply', '-f', '-'], { stdin: JSON.stringify(foreign) })
    try {
      const since = Date.now()
      const outcome = await plugin(['routes', 'sync', ...IN])
      assert.equal(outcome.exitCode, 1, outcome.stdout)
      assert.match(outcome.stderr, /foreign.*CSNI504/s)
      assert.deepEqual(await pluginWrites(since), [])
    } finally {
      await kubectl(['delete', 'virtualservice', 'foreign', ...IN])
    }
  })

  it('verify finds every node behind its own route', async function () {
    this.timeout(120_000)
    // Envoy hears of a route about a second after the API server
    await until('verify passes', async () => (await plugin(['verify', ...IN])).exitCode === 0, 30_000, 1000)
    const { result } = await pluginJson<{ ok: boolean; checks: { node?: string; result: string; title: string }[] }>([
      'verify',
      ...IN,
    ])
    assert.equal(result?.ok, true)
    const nodes = new Set(
      (result.checks ?? [])
        .filter((check) => check.result === 'pass' && check.node !== undefined)
        .map((check) => check.node),
    )
    assert.equal(nodes.size, 3)
    await writesNothing(['verify', ...IN])
  })

  it('verify --node looks at one, however it is named, and refuses a node that is not there', async function () {
    this.timeout(60_000)
    const [hostId = ''] = await hostIds()
    for (const node of ['1', 'dse-dc1-default-sts-1', hostId]) {
      const { result } = await pluginJson<{ ok: boolean; checks: { node?: string }[] }>([
        'verify',
        ...IN,
        '--node',
        node,
      ])
      assert.equal(result?.ok, true, `--node ${node}`)
      assert.equal(
        new Set((result.checks ?? []).map((check) => check.node).filter((name) => name !== undefined)).size,
        1,
      )
    }
    const outcome = await plugin(['verify', ...IN, '--node', '7'])
    assert.equal(outcome.exitCode, 1)
    assert.match(outcome.stderr, /7.*dse-dc1-default-sts-0.*CSNI302/s)
  })

  it('verify on a terminal shows its steps while it looks, and Ctrl-C ends the waiting with 130', async function () {
    this.timeout(60_000)
    const well = openTerminal('kubectl', ['cass-sni', 'verify', ...IN], await labEnvironment())
    assert.equal(await well.ended, 0, well.shown())
    assert.match(well.shown(), /datacenter: \d+ of \d+ passed[\s\S]*\d+ checks: \d+ passed/)
    // Nothing listens there: the list is on the screen for as long as it waits.
    const waits = openTerminal(
      'kubectl',
      ['cass-sni', 'verify', ...IN, '--port', '9043', '--wait', '60s'],
      await labEnvironment(),
    )
    await waits.see('Retrying for up to')
    waits.type(KEY.ctrlC)
    assert.equal(await waits.ended, 130, waits.shown())
    assert.match(waits.shown(), /CSNI902/)
  })

  it('verify says what is wrong when a route is gone, and which command helps', async function () {
    this.timeout(90_000)
    await kubectl(['delete', 'virtualservice', 'cass-sni-dc1', ...IN])
    try {
      const outcome = await plugin(['verify', ...IN])
      assert.equal(outcome.exitCode, 1)
      assert.match(outcome.stdout, /kubectl cass-sni routes sync/)
    } finally {
      const healed = await plugin(['routes', 'sync', ...IN])
      assert.equal(healed.exitCode, 0, healed.stderr)
      await until('verify passes again', async () => (await plugin(['verify', ...IN])).exitCode === 0, 30_000, 1000)
    }
  })
})
