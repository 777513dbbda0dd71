/**
 * Our tunnel beside `kubectl port-forward`, in one run, to the same server in a pod: throughput both ways, latency of a small
 * echo, connections per second, memory, and what went wrong. Alone: `node bench/port-forward.ts` with the lab's environment.
 */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleProgram } from '../build/bundle.ts'
import { Broken, Connection, TROUBLES, type Trouble } from './connection.ts'
import { Forwarder } from './forwarder.ts'
import { median, quantile, type Row } from './rounds.ts'
import { raiseServer, removeServer, SERVER } from './server-pod.ts'

const MEGABYTES = 128
const ROUNDS = 3
const ECHOES = 1500
const ECHO_BYTES = 200
const CONNECTIONS = 200
const AT_ONCE = 8
/** A measurement that breaks is begun anew so often before its figure is given up. */
const ATTEMPTS = 3

/** One side of the comparison. */
export interface Side {
  forwarder: Forwarder
  troubles: Record<Trouble, number>
}

const BESIDE = 'kubectl port-forward'

/** Runs the comparison. Makes a namespace of its own and deletes it again. */
export async function benchPortForward(log: (line: string) => void = () => {}): Promise<Row[]> {
  const { namespace, pod, port } = SERVER
  log('starting the server pod')
  await raiseServer()
  const ours = side([process.execPath, await bundled(), namespace, pod, String(port)])
  const theirs = side(['kubectl', 'port-forward', '-n', namespace, `pod/${pod}`, `:${port}`])
  try {
    return await compare(ours, theirs, log)
  } finally {
    ours.forwarder.stop()
    theirs.forwarder.stop()
    await removeServer()
  }
}

async function compare(ours: Side, theirs: Side, log: (line: string) => void): Promise<Row[]> {
  const rows: Row[] = []
  const add = (row: Omit<Row, 'beside'>) => rows.push({ ...row, name: `port-forward, ${row.name}`, beside: BESIDE })
  // By turns, so that a slow moment of the machine hits both.
  const both = async <T>(what: string, measure: (port: number, side: Side) => Promise<T>): Promise<[T[], T[]]> => {
    log(what)
    const figures: [T[], T[]] = [[], []]
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [index, each] of [ours, theirs].entries()) {
        const figure = await attempt(each, (port) => measure(port, each))
        if (figure !== undefined) figures[index]?.push(figure)
      }
    }
    return figures
  }
  const medianOfBoth = async (name: string, unit: string, measure: (port: number, side: Side) => Promise<number>) => {
    const [own, other] = await both(name, measure)
    add({ name, unit, better: 'higher', ours: median(own), theirs: median(other) })
  }
  // The first connections of each pay for what is loaded once.
  for (const each of [ours, theirs]) await attempt(each, (port) => echo(port, 20))
  await medianOfBoth('download', 'MB/s', (port) => throughput(port, 'D'))
  await medianOfBoth('upload', 'MB/s', (port) => throughput(port, 'U'))
  const [own, other] = await both(`echo of ${ECHO_BYTES} bytes`, (port) => echo(port, ECHOES))
  for (const share of [0.5, 0.99]) {
    const of = (rounds: number[][]) => quantile(rounds.flat(), share)
    const name = `echo of ${ECHO_BYTES} bytes, p${share * 100}`
    add({ name, unit: 'ms', better: 'lower', ours: of(own), theirs: of(other) })
  }
  await medianOfBoth(`new connections, ${AT_ONCE} at once`, '1/s', connectionsPerSecond)
  const [oursMb, theirsMb] = [ours.forwarder.peakMemory, theirs.forwarder.peakMemory]
  add({ name: 'memory, peak', unit: 'MB', better: 'lower', ours: oursMb, theirs: theirsMb })
  for (const trouble of TROUBLES) {
    const [one, two] = [ours.troubles[trouble], theirs.troubles[trouble]]
    add({ name: `connections ${trouble}`, unit: 'count', better: 'lower', ours: one, theirs: two })
  }
  const deaths = (each: Side) => each.forwarder.deaths.length
  add({ name: 'deaths of the program', unit: 'count', better: 'lower', ours: deaths(ours), theirs: deaths(theirs) })
  for (const death of [...ours.forwarder.deaths, ...theirs.forwarder.deaths]) log(`died: ${death}`)
  return rows
}

export function side(command: string[]): Side {
  return { forwarder: new Forwarder(command), troubles: { refused: 0, closed: 0, stalled: 0 } }
}

/** The figure of a measurement, which is begun anew when its connection breaks; undefined when it broke every time. */
export async function attempt<T>(
  { forwarder, troubles }: Side,
  measure: (port: number) => Promise<T>,
): Promise<T | undefined> {
  for (let left = ATTEMPTS; left > 0; left--) {
    try {
      return await measure(await forwarder.port())
    } catch (error) {
      if (!(error instanceof Broken)) throw error
      troubles[error.trouble]++
      // a program that is about to die does it now
      await new Promise((wake) => setTimeout(wake, 200))
    } finally {
      forwarder.noteMemory()
    }
  }
  return undefined
}

/** Our side as users run it: one bundle, no types to strip. */
async function bundled(): Promise<string> {
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

/** Megabytes (10^6) per second, until the last byte has arrived. */
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

/** Milliseconds of each round trip on one connection. */
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

/** Connections that are opened, echo one byte and are closed, eight at once. One that breaks is counted, and is none. */
async function connectionsPerSecond(port: number, { troubles }: Side): Promise<number> {
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
        troubles[error.trouble]++
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, take))
  return done / ((performance.now() - start) / 1000)
}

if (process.argv[1] === import.meta.filename) console.log(await benchPortForward((line) => console.error(line)))
