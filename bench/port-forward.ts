/**
 * This program's tunnel next to `kubectl port-forward`, in one run, to the same server in a pod: throughput both ways,
 * latency of a small echo, connections per second, memory, and failures.
 * Standalone: `node bench/port-forward.ts` with the lab's environment.
 */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleProgram } from '../build/bundle.ts'
import { Broken, Connection, FAILURES, type Failure } from './connection.ts'
import { Forwarder } from './forwarder.ts'
import { median, quantile, type Row } from './rounds.ts'
import { startServer, removeServer, SERVER } from './server-pod.ts'

const MEGABYTES = 128
const ROUNDS = 3
const ECHOES = 1500
const ECHO_BYTES = 200
const CONNECTIONS = 200
const CONCURRENT = 8
/** Attempts for one figure before it is omitted. */
const ATTEMPTS = 3

/** One side of the comparison. */
export interface Side {
  forwarder: Forwarder
  failures: Record<Failure, number>
}

const BASELINE = 'kubectl port-forward'

/** Runs the comparison in a separate namespace, which it creates and deletes. */
export async function benchPortForward(log: (line: string) => void = () => {}): Promise<Row[]> {
  const { namespace, pod, port } = SERVER
  log('starting the server pod')
  await startServer()
  const own = side([process.execPath, await bundled(), namespace, pod, String(port)])
  const baseline = side(['kubectl', 'port-forward', '-n', namespace, `pod/${pod}`, `:${port}`])
  try {
    return await compare(own, baseline, log)
  } finally {
    own.forwarder.stop()
    baseline.forwarder.stop()
    await removeServer()
  }
}

async function compare(own: Side, baseline: Side, log: (line: string) => void): Promise<Row[]> {
  const rows: Row[] = []
  const add = (row: Omit<Row, 'baselineName'>) =>
    rows.push({ ...row, name: `port-forward, ${row.name}`, baselineName: BASELINE })
  // In turn, so that a slow moment of the machine affects both.
  const both = async <T>(what: string, measure: (port: number, side: Side) => Promise<T>): Promise<[T[], T[]]> => {
    log(what)
    const figures: [T[], T[]] = [[], []]
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [index, each] of [own, baseline].entries()) {
        const figure = await attempt(each, (port) => measure(port, each))
        if (figure !== undefined) figures[index]?.push(figure)
      }
    }
    return figures
  }
  const medianOfBoth = async (name: string, unit: string, measure: (port: number, side: Side) => Promise<number>) => {
    const [values, baselines] = await both(name, measure)
    add({ name, unit, better: 'higher', value: median(values), baseline: median(baselines), goal: ratio(1) })
  }
  // Warm up: the first connections include the loading of modules.
  for (const each of [own, baseline]) await attempt(each, (port) => echo(port, 20))
  await medianOfBoth('download', 'MB/s', (port) => throughput(port, 'D'))
  await medianOfBoth('upload', 'MB/s', (port) => throughput(port, 'U'))
  const [echoes, baselineEchoes] = await both(`echo of ${ECHO_BYTES} bytes`, (port) => echo(port, ECHOES))
  for (const share of [0.5, 0.99]) {
    const of = (rounds: number[][]) => quantile(rounds.flat(), share)
    const name = `echo of ${ECHO_BYTES} bytes, p${share * 100}`
    add({ name, unit: 'ms', better: 'lower', value: of(echoes), baseline: of(baselineEchoes), goal: ratio(1) })
  }
  await medianOfBoth(`new connections, ${CONCURRENT} concurrent`, '1/s', connectionsPerSecond)
  const peaks = { value: own.forwarder.peakMemory, baseline: baseline.forwarder.peakMemory }
  add({ name: 'peak memory', unit: 'MB', better: 'lower', ...peaks, goal: ratio(1.5) })
  for (const failure of FAILURES) {
    const counts = { value: own.failures[failure], baseline: baseline.failures[failure] }
    add({ name: `connections ${failure}`, unit: 'count', better: 'lower', ...counts })
  }
  const exits = { value: own.forwarder.exits.length, baseline: baseline.forwarder.exits.length }
  add({ name: 'unexpected exits of the program', unit: 'count', better: 'lower', ...exits })
  for (const exit of [...own.forwarder.exits, ...baseline.forwarder.exits]) log(exit)
  return rows
}

const ratio = (limit: number) => ({ of: 'ratio', limit }) as const

export function side(command: string[]): Side {
  return { forwarder: new Forwarder(command), failures: { refused: 0, closed: 0, stalled: 0 } }
}

/** Returns a measurement, repeated if its connection breaks; undefined if every attempt breaks. */
export async function attempt<T>(
  { forwarder, failures }: Side,
  measure: (port: number) => Promise<T>,
): Promise<T | undefined> {
  for (let left = ATTEMPTS; left > 0; left--) {
    try {
      return await measure(await forwarder.port())
    } catch (error) {
      if (!(error instanceof Broken)) throw error
      failures[error.failure]++
      // lets a failing program exit first
      await new Promise((wake) => setTimeout(wake, 200))
    } finally {
      forwarder.noteMemory()
    }
  }
  return undefined
}

/** Bundles this program's side as users run it, without types to strip. */
export async function bundled(): Promise<string> {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const program = join(root, 'node_modules/.cache/bench/tunnel-process.cjs')
  await bundleProgram(root, program, "import './bench/tunnel-process.ts'")
  return program
}

function request(what: 'U' | 'D', bytes: number): Buffer {
  const header = Buffer.alloc(9)
  header.write(what)
  header.writeBigInt64BE(BigInt(bytes), 1)
  return header
}

/** Returns megabytes (10^6) per second, until the last byte has arrived. */
async function throughput(port: number, way: 'U' | 'D'): Promise<number> {
  const bytes = MEGABYTES * 1_000_000
  const connection = await Connection.open(port)
  try {
    const start = performance.now()
    await connection.send(request(way, bytes))
    if (way === 'U') {
      const chunk = Buffer.alloc(64 * 1024)
      for (let rest = bytes; rest > 0; rest -= chunk.length)
        await connection.send(rest < chunk.length ? chunk.subarray(0, rest) : chunk)
    }
    await connection.receive(way === 'D' ? bytes : 1)
    return MEGABYTES / ((performance.now() - start) / 1000)
  } finally {
    connection.close()
  }
}

/** Returns the milliseconds of each round trip on one connection. */
async function echo(port: number, times: number): Promise<number[]> {
  const connection = await Connection.open(port)
  try {
    await connection.send('E')
    const message = Buffer.alloc(ECHO_BYTES, 'x')
    const took: number[] = []
    for (let time = 0; time < times; time += 1) {
      const start = performance.now()
      await connection.send(message)
      await connection.receive(ECHO_BYTES)
      took.push(performance.now() - start)
    }
    return took
  } finally {
    connection.close()
  }
}

/** Returns connections per second, each with an echo of one byte, eight concurrently; failures are counted. */
async function connectionsPerSecond(port: number, { failures }: Side): Promise<number> {
  let rest = CONNECTIONS
  let done = 0
  const start = performance.now()
  const take = async () => {
    while (rest > 0) {
      rest -= 1
      try {
        const connection = await Connection.open(port)
        await connection.send('Ex')
        await connection.receive(1)
        connection.close()
        done += 1
      } catch (error) {
        if (!(error instanceof Broken)) throw error
        failures[error.failure]++
      }
    }
  }
  await Promise.all(Array.from({ length: CONCURRENT }, take))
  return done / ((performance.now() - start) / 1000)
}

if (process.argv[1] === import.meta.filename) console.log(await benchPortForward((line) => console.error(line)))
