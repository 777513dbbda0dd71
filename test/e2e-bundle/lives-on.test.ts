/**
 * Stock drivers that were started with one secure connect bundle go on, and others start with it, while the gateway is
 * restarted, certificates are reissued, and nodes are added and replaced.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { replacementTask } from '../support/replacement-task.ts'
import { join } from 'node:path'
import { provideControllerImage } from '../../lab/node.ts'
import { type BundleAccess, type BundleDriver, startBundleDrivers } from '../support/bundle-drivers.ts'
import { GATEWAY_ADDRESS, kubectl, must, NAMESPACE, object, plugin, until } from '../support/lab.ts'
import { type NameServer, nameServer } from '../support/name-server.ts'

const NAME = 'cassandra.example.com'
const SETS = 'dse-dc1-default-sts'
const KEYSPACE = 'lives_on'

interface Datacenter {
  status: { nodeStatuses: Record<string, { hostID: string }>; cassandraOperatorProgress: string }
}
interface Pod {
  metadata: { uid: string; labels: Record<string, string>; deletionTimestamp?: string }
}

describe('a secure connect bundle', function () {
  this.timeout(900_000)
  let folder = ''
  let names: NameServer
  let access: BundleAccess
  let running: BundleDriver[] = []
  const figures: string[] = []
  const cql = (statement: string) => must(plugin(['cqlsh-sni', '-n', NAMESPACE, '-e', statement]))

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cass-sni-bundle-'))
    const [bundle, ca] = [join(folder, 'bundle.zip'), join(folder, 'ca.pem')]
    names = await nameServer({ [NAME]: GATEWAY_ADDRESS })
    const image = await provideControllerImage()
    const controller = ['routes', 'controller', 'install', '-n', NAMESPACE, '--image', image, '--renew-certs']
    await must(plugin([...controller, '--metadata-name', NAME, '--yes', '--timeout', '170s']))
    await must(plugin(['certs', '-n', NAMESPACE]))
    await must(plugin(['certs', 'ca', '-n', NAMESPACE, '--out', ca]))
    await must(plugin(['bundle', 'create', '-n', NAMESPACE, '--public-name', NAME, '--out', bundle]))
    const secret = await object<{ data: { username: string; password: string } }>('secret', 'dse-superuser')
    const plain = (text = '') => Buffer.from(text, 'base64').toString('utf8')
    const login = { username: plain(secret?.data.username), password: plain(secret?.data.password) }
    const replication = (replicas: number) => `{'class': 'NetworkTopologyStrategy', 'dc1': ${replicas}}`
    // the login must not be lost with the node that has it
    await cql(`ALTER KEYSPACE system_auth WITH replication = ${replication(3)}`)
    const nodetool = ['exec', '-n', NAMESPACE, `${SETS}-0`, '-c', 'cassandra', '--', 'nodetool']
    await kubectl([...nodetool, 'repair', '-full', 'system_auth'])
    for (const [suffix, replicas] of [['one', 1] as const, ['all', 3] as const]) {
      await cql(`CREATE KEYSPACE IF NOT EXISTS ${KEYSPACE}_${suffix} WITH replication = ${replication(replicas)}`)
      await cql(`CREATE TABLE IF NOT EXISTS ${KEYSPACE}_${suffix}.t (k int PRIMARY KEY, v text)`)
    }
    access = { bundle, ca, keyspace: KEYSPACE, login }
    running = await startBundleDrivers(names, access)
    await everyNode('started', Date.now())
  })
  after(async () => {
    for (const line of figures) console.log(`      ${line}`)
    await Promise.all(running.map((driver) => driver.end()))
    await cql(`DROP KEYSPACE IF EXISTS ${KEYSPACE}_one; DROP KEYSPACE IF EXISTS ${KEYSPACE}_all`)
    await must(plugin(['routes', 'controller', 'uninstall', '--yes']))
    await names.close()
    await rm(folder, { recursive: true, force: true })
  })

  const hostIds = async () =>
    Object.values((await object<Datacenter>('cassandradatacenter', 'dc1'))?.status.nodeStatuses ?? {})
      .map(({ hostID }) => hostID.toLowerCase())
      .sort()

  /** Waits until each driver reads from every node without a failure; so does one that has just been started. */
  async function everyNode(what: string, since: number): Promise<void> {
    const failures = new Map<string, number>()
    const settled = async (driver: BundleDriver) => {
      await until(
        `${what}: ${driver.name} reads from every node`,
        async () => {
          const { nodes, errors } = await driver.round()
          failures.set(driver.name, (failures.get(driver.name) ?? 0) + errors.length)
          return errors.length === 0 && nodes.join() === (await hostIds()).join()
        },
        300_000,
      )
      const seconds = ((Date.now() - since) / 1000).toFixed(1)
      figures.push(
        `${what}: ${driver.name} reads from every node after ${seconds} s, ${failures.get(driver.name)} failed`,
      )
    }
    await Promise.all(running.map(settled))
    const fresh = await startBundleDrivers(names, access)
    try {
      for (const driver of fresh) {
        const round = await driver.round()
        assert.deepEqual(round, { nodes: await hostIds(), astray: 0, errors: [] }, `${what}: ${driver.name}, new`)
      }
    } finally {
      await Promise.all(fresh.map((driver) => driver.end()))
    }
  }

  const ready = () =>
    until(
      'the datacenter is ready',
      async () =>
        (await object<Datacenter>('cassandradatacenter', 'dc1'))?.status.cassandraOperatorProgress === 'Ready',
      600_000,
      1000,
    )
  const started = (pod: string, before: string | undefined) =>
    until(
      `${pod} has started`,
      async () => {
        const now = await object<Pod>('pod', pod)
        const isNew = now !== undefined && now.metadata.uid !== before && now.metadata.deletionTimestamp === undefined
        return isNew && now.metadata.labels['cassandra.datastax.com/node-state'] === 'Started'
      },
      600_000,
      500,
    )

  it('outlives a restart of the gateway', async () => {
    const since = Date.now()
    await kubectl(['delete', 'pod', '-n', 'istio-system', '-l', 'istio=ingressgateway', '--wait=true'])
    await kubectl([
      'wait',
      'pod',
      '-n',
      'istio-system',
      '-l',
      'istio=ingressgateway',
      '--for=condition=Ready',
      '--timeout=120s',
    ])
    await everyNode('gateway restarted', since)
  })

  it('outlives new certificates of the same CA', async () => {
    const since = Date.now()
    await must(plugin(['certs', '-n', NAMESPACE, '--renew']))
    await kubectl(['delete', 'secret', 'cass-sni-dc1-metadata', '-n', NAMESPACE])
    await must(plugin(['certs', '-n', NAMESPACE]))
    await kubectl(['rollout', 'restart', 'deployment/cass-sni-dc1-metadata', '-n', NAMESPACE])
    await kubectl(['rollout', 'status', 'deployment/cass-sni-dc1-metadata', '-n', NAMESPACE, '--timeout=90s'])
    await everyNode('certificates reissued', since)
  })

  it('outlives the replacement of a node', async () => {
    const pod = `${SETS}-1`
    const before = await object<Pod>('pod', pod)
    await kubectl(['apply', '-f', '-'], { stdin: replacementTask(pod) })
    await until(
      'the old pod is gone',
      async () => (await object<Pod>('pod', pod))?.metadata.uid !== before?.metadata.uid,
      300_000,
      500,
    )
    await started(pod, before?.metadata.uid)
    const since = Date.now()
    await ready()
    await everyNode('node replaced', since)
  })

  it('outlives a node that is added, and removed', async () => {
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
    try {
      await started(`${SETS}-3`, undefined)
      const since = Date.now()
      await ready()
      await everyNode('node added', since)
    } finally {
      await resize(3)
    }
    await until('it is gone', async () => (await hostIds()).length === 3, 600_000, 1000)
    const since = Date.now()
    await ready()
    await everyNode('node removed', since)
  })
})
