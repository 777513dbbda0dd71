/** Nodes come and go for real, while a watch keeps the routes and two drivers read and write through every node. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { NameProbe, type Login } from '../support/name-probe.ts'
import { DriverUnderChurn, withPythonDriver } from '../support/churn.ts'
import {
  kubectl,
  labEnvironment,
  NAMESPACE,
  object,
  plugin,
  pluginJson,
  must,
  until,
  writesNothing,
} from '../support/lab.ts'
import { replacementTask } from '../support/replacement-task.ts'
import { Watching } from '../support/watching.ts'

const SETS = 'dse-dc1-default-sts'
/**
 * From a node's start to the first statement that a running driver has answered by it, in seconds, with a new certificate
 * and the driver's reconnection interval of 1 s. Alone on two cores it takes 7 to 9.
 */
const SECONDS_TO_USE = 40

interface Datacenter {
  status: {
    nodeStatuses: Record<string, { hostID: string }>
    nodeReplacements?: string[]
    cassandraOperatorProgress: string
  }
}
interface Pod {
  metadata: { uid: string; labels: Record<string, string>; deletionTimestamp?: string }
}

async function hostIdOf(pod: string): Promise<string> {
  return (await object<Datacenter>('cassandradatacenter', 'dc1'))?.status.nodeStatuses[pod]?.hostID ?? ''
}

interface Route {
  spec: { tls: { match: { sniHosts: string[] }[] }[] }
}

async function routedNames(): Promise<string[]> {
  const route = await object<Route>('virtualservice', 'cass-sni-dc1')
  return (route?.spec.tls ?? []).flatMap((tls) => tls.match.flatMap((match) => match.sniHosts))
}

/** The host id by which the pod is routed: the status may have an old one. */
async function routedIdOf(pod: string): Promise<string> {
  const route = await object<Route>('virtualservice', 'cass-sni-dc1')
  const matches = (route?.spec.tls ?? []).flatMap((tls) => tls.match)
  const own = matches.find(({ sniHosts }) => sniHosts.some((name) => name.startsWith(`${pod}.`)))
  return own?.sniHosts.find((name) => !name.includes('.')) ?? ''
}

async function cql(statement: string): Promise<void> {
  await must(plugin(['cqlsh-sni', '-n', NAMESPACE, '-e', statement]))
}

describe('nodes that come and go', function () {
  this.timeout(600_000)
  let watching: Watching
  const drivers: DriverUnderChurn[] = []
  const probes: NameProbe[] = []
  const figures: string[] = []
  let login: Login

  before(async () => {
    // otherwise the login is lost with the node that has it, in one of three cases
    const replication = "{'class': 'NetworkTopologyStrategy', 'dc1': 3}"
    await cql(`ALTER KEYSPACE system_auth WITH replication = ${replication}`)
    const nodetool = ['exec', '-n', NAMESPACE, `${SETS}-0`, '-c', 'cassandra', '--', 'nodetool']
    await kubectl([...nodetool, 'repair', '-full', 'system_auth'])
    await cql(
      `CREATE KEYSPACE IF NOT EXISTS churn WITH replication = ${replication}; CREATE TABLE IF NOT EXISTS churn.python (id int PRIMARY KEY, v text); ` +
        'CREATE TABLE IF NOT EXISTS churn.node (id int PRIMARY KEY, v text)',
    )
    await must(plugin(['certs', '-n', NAMESPACE]))
    const environment = await labEnvironment()
    const ca = join(environment['HOME'] ?? '', 'ca.pem')
    await must(plugin(['certs', 'ca', '-n', NAMESPACE, '--out', ca]))
    const secret = await object<{ data: { username: string; password: string } }>('secret', 'dse-superuser')
    const plain = (text = ''): string => Buffer.from(text, 'base64').toString('utf8')
    login = { username: plain(secret?.data.username), password: plain(secret?.data.password) }
    watching = new Watching('kubectl', ['cass-sni', 'routes', 'sync', '-n', NAMESPACE, '-w', '-o', 'json'], environment)
    await watching.line(({ result }) => result.event === 'synced')
    const hostIds = await Promise.all([0, 1, 2].map((n) => routedIdOf(`${SETS}-${n}`)))
    const access = { ca, hostIds, login }
    drivers.push(
      new DriverUnderChurn('Python', 'python3', 'churn.py', access, await withPythonDriver()),
      new DriverUnderChurn('Node.js', process.execPath, 'churn.cjs', access),
    )
    for (const driver of drivers) for (const id of hostIds) await driver.answered(id, 0, 60_000)
  })
  after(async () => {
    await watching.stop()
    await Promise.all([...drivers.map((driver) => driver.end()), ...probes.map((each) => each.stop())])
    for (const line of figures) console.log(`      ${line}`)
  })

  /** Waits until the node has started in another pod than this, and returns when that was, in seconds. */
  async function started(pod: string, before: string | undefined): Promise<number> {
    await until(
      `${pod} has started`,
      async () => {
        const now = await object<Pod>('pod', pod)
        return (
          now !== undefined &&
          now.metadata.uid !== before &&
          now.metadata.deletionTimestamp === undefined &&
          now.metadata.labels['cassandra.datastax.com/node-state'] === 'Started'
        )
      },
      400_000,
      200,
    )
    return Date.now() / 1000
  }

  /** Waits until both drivers use the node, and records how long that took. */
  async function used(what: string, host: string, since: number, joined: number): Promise<void> {
    for (const driver of drivers) {
      const seconds = (await driver.answered(host, since, 60_000)) - joined
      figures.push(`${what}: ${driver.name} driver uses it ${seconds.toFixed(1)} s after the node has started`)
      assert.ok(seconds < SECONDS_TO_USE, `${figures.at(-1)}\n${driver.log()}`)
    }
  }

  /**
   * No node has answered for another one, and no statement failed at a node that was not touched. A failure that the node
   * itself reports is an answer: Cassandra waits in vain for a replica that joins or is overloaded.
   */
  function unharmed(since: number, touched: string[]): void {
    for (const driver of drivers) {
      const late = driver.events.filter(({ at }) => at >= since)
      const wrong = late.filter(({ event }) => event === 'wrong')
      assert.deepEqual(wrong, [], `${driver.name}: answered by a wrong node`)
      const failed = late.filter(
        ({ event, host, error }) =>
          event === 'failed' &&
          !touched.includes(host) &&
          !/Error from server: code=|^ResponseError: /.test(error ?? ''),
      )
      assert.deepEqual(failed, [], `${driver.name}: failed at a node that was not touched`)
    }
  }

  /** Requests a host ID once its pod is gone; no route has it by then. */
  async function asking(pod: string, old: Pod | undefined, formerId: string): Promise<NameProbe> {
    await until(
      'the old pod is gone',
      async () => (await object<Pod>('pod', pod))?.metadata.uid !== old?.metadata.uid,
      220_000,
      200,
    )
    const former = new NameProbe(formerId, login)
    probes.push(former)
    await until('its host ID is not routed', async () => !(await routedNames()).includes(formerId), 10_000, 100)
    assert.ok(
      (await routedNames()).some((name) => name.startsWith(`${pod}.`)),
      'the DNS name has lost its route',
    )
    return former
  }

  /** No node has ever answered for the one that is gone. */
  async function unanswered(what: string, former: NameProbe): Promise<void> {
    await former.stop()
    figures.push(`${what}: ${former.made} connections to the former host ID, ${former.answers.length} of them answered`)
    assert.ok(former.made > 500, figures.at(-1))
    assert.deepEqual(former.answers, [])
  }

  async function ready(): Promise<void> {
    await until(
      'the datacenter is ready',
      async () => {
        const datacenter = await object<Datacenter>('cassandradatacenter', 'dc1')
        return datacenter?.status.cassandraOperatorProgress === 'Ready'
      },
      400_000,
      1000,
    )
  }

  it('keep their route and host id when a pod is deleted but its volume stays', async () => {
    const pod = `${SETS}-2`
    const since = Date.now() / 1000
    const host = await routedIdOf(pod)
    const before = await object<Pod>('pod', pod)
    await kubectl(['delete', 'pod', pod, '-n', NAMESPACE, '--wait=false'])
    const joined = await started(pod, before?.metadata.uid)
    await used('pod deleted', host, since, joined)
    assert.equal(await routedIdOf(pod), host)
    unharmed(since, [host])
    await ready()
  })

  it('get a route when a node is added, and lose it when it is removed', async () => {
    const pod = `${SETS}-3`
    const since = Date.now() / 1000
    const resize = (size: number) =>
      kubectl([
        'patch',
        'cassandradatacenter',
        'dc1',
        '-n',
        NAMESPACE,
        '--type=merge',
        '-p',
        `{"spec":{"size":${size}}}`,
      ])
    await resize(4)
    let host = ''
    try {
      const joined = await started(pod, undefined)
      host = await until('it has a route', async () => (await routedIdOf(pod)) || undefined, 60_000, 100)
      figures.push(`node added: routed within ${(Date.now() / 1000 - joined).toFixed(1)} s`)
      await must(plugin(['certs', '-n', NAMESPACE]))
      await used('node added', host, since, joined)
      unharmed(since, [host])
      await ready()
    } finally {
      await resize(3)
    }
    await until('its route is gone', async () => !(await routedNames()).includes(host), 300_000, 1000)
    await ready()
    assert.equal(await object('service', `${pod}-cql`), undefined)
    unharmed(since, [host])
  })

  it('lose the host ID of a replaced node before its successor starts, and get the new one immediately', async () => {
    const pod = `${SETS}-1`
    const since = Date.now() / 1000
    const [before, old] = [await routedIdOf(pod), await object<Pod>('pod', pod)]
    const others = (await routedNames()).filter((name) => !name.startsWith(pod) && name !== before)
    await kubectl(['apply', '-f', '-'], { stdin: replacementTask(pod) })
    const former = await asking(pod, old, before)
    const { result } = await pluginJson<{ nodes: { pod: string; state: string }[] }>([
      'routes',
      'sync',
      '-n',
      NAMESPACE,
    ])
    assert.notEqual(result?.nodes.find((each) => each.pod === pod)?.state, 'routed', 'a stale host id was routed')
    assert.ok(!(await routedNames()).includes(before))
    const joined = await started(pod, old?.metadata.uid)
    const routed = await watching.line(
      (line) => line.result.nodes?.some((node) => node.pod === pod && node.state === 'routed') === true,
      60_000,
    )
    const host = routed.result.nodes?.find((node) => node.pod === pod)?.hostId ?? ''
    assert.notEqual(host, before)
    figures.push(`node replaced: routed ${(Date.parse(routed.result.time) / 1000 - joined).toFixed(1)} s after`)
    await must(plugin(['certs', '-n', NAMESPACE]))
    await used('node replaced', host, since, joined)
    await unanswered('node replaced', former)
    unharmed(since, [before, host])
    await ready()
    assert.equal(await hostIdOf(pod), host)
    const names = await routedNames()
    assert.ok(names.includes(host))
    assert.ok(!names.includes(before))
    for (const name of others) assert.ok(names.includes(name), `${name} has lost its route`)
    await writesNothing(['routes', 'sync', '-n', NAMESPACE])
  })

  it('are routed by the host id that they report when the status has an old one, after the loss of a volume', async () => {
    const pod = `${SETS}-2`
    const since = Date.now() / 1000
    const [before, recorded, old] = [await routedIdOf(pod), await hostIdOf(pod), await object<Pod>('pod', pod)]
    await kubectl(['delete', 'pvc', `server-data-${pod}`, '-n', NAMESPACE, '--wait=false'])
    await kubectl(['delete', 'pod', pod, '-n', NAMESPACE, '--wait=false'])
    const nodetool = ['exec', '-n', NAMESPACE, `${SETS}-0`, '-c', 'cassandra', '--', 'nodetool']
    // the new node can join only without the lost one, which its pod's successor does not replace
    await until(
      'the lost node is known to be down',
      async () => (await kubectl([...nodetool, 'status'])).includes(`DN`),
      120_000,
      1000,
    )
    const former = await asking(pod, old, before)
    await kubectl([...nodetool, 'removenode', before], { timeoutMs: 120_000 })
    const joined = await started(pod, old?.metadata.uid)
    const routed = await watching.line(
      (line) => line.result.nodes?.some((node) => node.pod === pod && node.state === 'routed') === true,
      60_000,
    )
    const host = routed.result.nodes?.find((node) => node.pod === pod)?.hostId ?? ''
    assert.notEqual(host, before)
    assert.equal(await hostIdOf(pod), recorded, 'cass-operator has refreshed the host id: this test proves nothing')
    await must(plugin(['certs', '-n', NAMESPACE]))
    await used('volume lost', host, since, joined)
    await unanswered('volume lost', former)
    unharmed(since, [before, host])
    await ready()
    await writesNothing(['routes', 'sync', '-n', NAMESPACE])
  })

  it('are verified afterwards', async () => {
    const verified = await plugin(['verify', '-n', NAMESPACE, '--wait', '30s'])
    assert.equal(verified.exitCode, 0, verified.stdout)
  })
})
