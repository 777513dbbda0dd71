/**
 * Drivers under churn: each sends a statement every 25 ms while a pod of the gateway is deleted, with one replica and
 * with two, while the pod of a node is deleted, and while cass-operator replaces a node. Each driver runs twice, with
 * its reconnection beginning at 200 ms (up to 5 s) and at 1 s: a constant second, or the default of Java. Standalone:
 * `node bench/churn.ts` with the environment of a lab that has routes.
 */
import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { NameProbe } from '../test/support/name-probe.ts'
import { withPythonDriver } from '../test/support/churn.ts'
import { javaLibraries, SOURCES } from '../test/support/driver-builds.ts'
import { CHECKOUT, GATEWAY_ADDRESS, NAMESPACE, until } from '../test/support/lab.ts'
import { datacenterStatus, NODE, readyInAnotherPod, replaceNode, superuser, uidOfNode } from './churned-node.ts'
import type { Row } from './rounds.ts'

const PROGRAMS = join(import.meta.dirname, 'churn')
const GATEWAY_PODS = ['-n', 'istio-system', '-l', 'istio=ingressgateway']
const GATEWAY = ['-n', 'istio-system', 'deployment/istio-ingressgateway']
const DRIVERS = ['Python', 'Java', 'Node.js', 'Go'] as const
type Driver = (typeof DRIVERS)[number]
/** In milliseconds. */
const RECONNECTIONS = [200, 1000] as const
const BEFORE_MS = 5_000
/** The drain of a gateway pod takes 5 s (istio.io/istio, terminationDrainDuration), reconnecting the rest. */
const AFTER_MS = 25_000

const execute = promisify(execFile)
const kubectl = async (...args: string[]): Promise<string> =>
  (await execute('kubectl', args, { timeout: 600_000 })).stdout.trim()

/** A statement; times are seconds since the epoch. */
interface Statement {
  at: number
  /** Host IDs. */
  requested?: string
  answered?: string
  error?: string
}

interface Running {
  driver: Driver
  reconnectMs: number
  statements: Statement[]
  stderr: () => string
  process: ChildProcessByStdio<Writable, Readable, Readable>
}

export async function benchChurn(log: (line: string) => void = () => {}): Promise<Row[]> {
  const directory = await mkdtemp(join(tmpdir(), 'cass-sni-churn-'))
  try {
    const start = await prepare(directory)
    /** With new connections, which are spread over the gateway pods. */
    const withDrivers = async (name: string, work: (all: Running[]) => Promise<Row[]>): Promise<Row[]> => {
      log(name)
      const all = await Promise.all(
        DRIVERS.flatMap((driver) => RECONNECTIONS.map((reconnectMs) => start(driver, reconnectMs))),
      )
      try {
        for (const running of all) await answering(running)
        return await work(all)
      } finally {
        for (const { process } of all) process.stdin.end()
        await Promise.all(all.map(({ process }) => process.exitCode ?? once(process, 'close')))
        for (const running of all) log(`${running.driver}, ${running.reconnectMs} ms: ${errorsOf(running)}`)
      }
    }
    const one = '1 gateway pod of 1 deleted'
    const rows = await withDrivers(one, (all) => gatewayPodDeleted(one, all))
    await kubectl('scale', ...GATEWAY, '--replicas=2')
    try {
      await kubectl('rollout', 'status', ...GATEWAY)
      await sleep(BEFORE_MS)
      const two = '1 gateway pod of 2 deleted'
      rows.push(...(await withDrivers(two, (all) => gatewayPodDeleted(two, all))))
    } finally {
      await kubectl('scale', ...GATEWAY, '--replicas=1')
    }
    await sleep(AFTER_MS)
    await replicateLogins(3)
    try {
      const deleted = 'pod of a node deleted'
      rows.push(...(await withDrivers(deleted, (all) => nodePodDeleted(deleted, all))))
      const replaced = 'node replaced'
      rows.push(...(await withDrivers(replaced, (all) => nodeReplaced(replaced, all))))
    } finally {
      await replicateLogins(1)
    }
    return rows
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** The errors of a driver with their counts; addresses and numbers do not matter. */
function errorsOf({ statements }: Running): string {
  const counts = new Map<string, number>()
  for (const { error } of statements) {
    if (error === undefined) continue
    const kind = error.replace(/[\d.:]+/g, '#').slice(0, 120)
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return [...counts].map(([kind, count]) => `${count} × ${kind}`).join('; ') || 'no errors'
}

/** Every statement reads its role: with one replica, as in the lab, none succeeds while that node is down. */
async function replicateLogins(replicas: number): Promise<void> {
  const statement = `ALTER KEYSPACE system_auth WITH replication = {'class': 'SimpleStrategy', 'replication_factor': ${replicas}}`
  await execute('kubectl', ['cass-sni', 'cqlsh-sni', '-n', NAMESPACE, '-e', statement])
  const repair = ['nodetool', 'repair', '--full', 'system_auth']
  if (replicas > 1) await kubectl('exec', '-n', NAMESPACE, 'dse-dc1-default-sts-0', '-c', 'cassandra', '--', ...repair)
}

/** Builds the programs; returns what starts one. */
async function prepare(directory: string): Promise<(driver: Driver, reconnectMs: number) => Promise<Running>> {
  const { username, password } = await superuser()
  const login = { CQL_USER: username, CQL_PASSWORD: password }
  const ca = join(directory, 'ca.pem')
  await writeFile(ca, (await execute('kubectl', ['cass-sni', 'certs', 'ca', '-n', NAMESPACE])).stdout)
  const python = await withPythonDriver()
  const libraries = await javaLibraries()
  await execute('javac', ['-cp', libraries, '-d', directory, join(PROGRAMS, 'Churn.java')])
  for (const file of ['go.mod', 'go.sum']) await cp(join(SOURCES, file), join(directory, file))
  await cp(join(PROGRAMS, 'churn.go'), join(directory, 'main.go'))
  await execute('go', ['-C', directory, 'build', '-o', 'churn', '.'], { timeout: 300_000 })
  const commands: Record<Driver, string[]> = {
    Python: ['python3', join(PROGRAMS, 'churn.py')],
    Java: ['java', '-XX:TieredStopAtLevel=1', '-cp', `${directory}:${libraries}`, 'Churn'],
    'Node.js': [process.execPath, join(PROGRAMS, 'churn.cjs')],
    Go: [join(directory, 'churn')],
  }
  const env = { ...process.env, ...python, ...login, NODE_PATH: join(CHECKOUT, 'node_modules') }
  return async (driver, reconnectMs) => {
    const nodes = Object.values((await datacenterStatus()).nodeStatuses)
    const [program = '', ...args] = commands[driver]
    const words = [...args, GATEWAY_ADDRESS, '9042', ca, String(reconnectMs), ...nodes.map(({ hostID }) => hostID)]
    const child = spawn(program, words, { env, stdio: ['pipe', 'pipe', 'pipe'] })
    const statements: Statement[] = []
    let stderr = ''
    createInterface({ input: child.stdout }).on('line', (line) => statements.push(JSON.parse(line)))
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-2000)
    })
    child.stdin.on('error', () => undefined)
    return { driver, reconnectMs, statements, stderr: () => stderr, process: child }
  }
}

/** Waits until all three nodes have answered. */
async function answering({ driver, statements, process, stderr }: Running): Promise<void> {
  for (let waited = 0; waited < 120_000; waited += 200) {
    if (new Set(statements.map(({ answered }) => answered)).size >= 3) return
    if (process.exitCode !== null) break
    await sleep(200)
  }
  throw new Error(`${driver}: not all nodes answer: ${stderr()}`)
}

async function gatewayPodDeleted(name: string, all: Running[]): Promise<Row[]> {
  const [oldest = ''] = (
    await kubectl('get', 'pods', ...GATEWAY_PODS, '--sort-by=.metadata.creationTimestamp', '-o', 'name')
  ).split('\n')
  await sleep(BEFORE_MS)
  const from = Date.now() / 1000
  await kubectl('delete', oldest, '-n', 'istio-system', '--wait=false')
  await kubectl('rollout', 'status', ...GATEWAY)
  await sleep(AFTER_MS)
  const until = Date.now() / 1000
  return rowsOf(name, all, (statements) => {
    const hosts = new Set(statements.filter(({ at }) => at < from).flatMap(({ answered }) => answered ?? []))
    const pauses = [...hosts].map((host) => longestPause(statements, host, from, until))
    return { failed: failures(statements, from, until), seconds: Math.max(...pauses) }
  })
}

async function nodePodDeleted(name: string, all: Running[]): Promise<Row[]> {
  const host = (await datacenterStatus()).nodeStatuses[NODE]?.hostID
  const uid = await uidOfNode()
  const from = Date.now() / 1000
  await kubectl('delete', 'pod', NODE, '-n', NAMESPACE, '--wait=false')
  const ready = await readyInAnotherPod(uid)
  await sleep(AFTER_MS)
  return rowsOf(name, all, (statements) => ({
    failed: failures(statements, from, Date.now() / 1000),
    // the deleted pod still answers until it has ended
    seconds: secondsUntilAnswered(statements, host, from + 20, ready),
  }))
}

/** With what an administrator runs: a watch that keeps the routes in sync, and `certs` for the new host ID. */
async function nodeReplaced(name: string, all: Running[]): Promise<Row[]> {
  const former = (await datacenterStatus()).nodeStatuses[NODE]?.hostID ?? ''
  const uid = await uidOfNode()
  const watching = spawn('kubectl', ['cass-sni', 'routes', 'sync', '-n', NAMESPACE, '--watch'], { stdio: 'ignore' })
  let probe: NameProbe | undefined
  try {
    await sleep(BEFORE_MS)
    const from = Date.now() / 1000
    await replaceNode()
    await until('the former pod has ended', async () => (await uidOfNode()) !== uid, 120_000)
    probe = new NameProbe(former, await superuser())
    const ready = await readyInAnotherPod(uid)
    const host = await until(
      'the new host ID is known',
      async () => {
        const { nodeStatuses, nodeReplacements = [] } = await datacenterStatus()
        const hostId = nodeStatuses[NODE]?.hostID
        return nodeReplacements.includes(NODE) || hostId === former ? undefined : hostId
      },
      120_000,
    )
    await kubectl('cass-sni', 'certs', '-n', NAMESPACE)
    await sleep(AFTER_MS)
    await probe.stop()
    const rows = rowsOf(name, all, (statements) => ({
      failed: failures(statements, from, Date.now() / 1000),
      seconds: secondsUntilAnswered(statements, host, from, ready),
    }))
    const answers = probe.answers.length
    const goal = { of: 'value', limit: 0 } as const
    return [
      ...rows,
      { name: `churn, ${name}: answers to the former host ID`, value: answers, unit: 'count', better: 'lower', goal },
    ]
  } finally {
    await probe?.stop()
    watching.kill('SIGINT')
    await (watching.exitCode ?? once(watching, 'close'))
  }
}

/** From the readiness of a node until its first answer after this time. */
function secondsUntilAnswered(statements: Statement[], host: string | undefined, after: number, ready: number): number {
  const first = statements.find(({ at, answered }) => at > after && answered === host)?.at
  return first === undefined ? Number.POSITIVE_INFINITY : Math.max(0, first - ready)
}

const failures = (statements: Statement[], from: number, until: number): number =>
  statements.filter(({ at, error }) => error !== undefined && at >= from && at <= until).length

/** The longest time in seconds in which a node did not answer. */
function longestPause(statements: Statement[], host: string, from: number, until: number): number {
  const times = statements.filter(({ at, answered }) => answered === host && at >= from && at <= until)
  const all = [from, ...times.map(({ at }) => at), until]
  return Math.max(...all.slice(1).map((at, index) => at - (all[index] ?? at)))
}

interface Figures {
  failed: number
  /** Until all nodes answer again. */
  seconds: number
}

/** The value of each row is with 200 ms, its baseline with 1 s. */
function rowsOf(name: string, all: Running[], figuresOf: (statements: Statement[]) => Figures): Row[] {
  return DRIVERS.flatMap((driver): Row[] => {
    const [quick, slow] = RECONNECTIONS.map((ms) => {
      const statements = all.find((each) => each.driver === driver && each.reconnectMs === ms)?.statements ?? []
      const wrong = statements.filter(({ requested, answered }) => requested !== answered).length
      return { ...figuresOf(statements), wrong }
    })
    const row = (what: string, unit: string, of: (figures: Figures & { wrong: number }) => number): Row => ({
      name: `churn, ${driver}, ${name}: ${what}`,
      value: quick === undefined ? Number.NaN : of(quick),
      baseline: slow === undefined ? undefined : of(slow),
      baselineName: 'reconnection after 1 s',
      unit,
      better: 'lower',
    })
    return [
      row('failed statements', 'count', ({ failed }) => failed),
      row('until all nodes are used', 's', ({ seconds }) => seconds),
      { ...row('answers of a wrong node', 'count', ({ wrong }) => wrong), goal: { of: 'value', limit: 0 } },
    ]
  })
}

if (process.argv[1] === import.meta.filename) {
  const rows = await benchChurn((line) => console.error(line))
  for (const { name, value, baseline } of rows)
    console.log(`${name}: ${value.toFixed(1)} (1 s: ${baseline?.toFixed(1)})`)
}
