/**
 * `cqlsh-sni` beside Apache's cqlsh (Python) with the same page and batch sizes: one row, 100,000 rows out, COPY, and
 * the memory of 1,000,000 rows. cqlsh sends no SNI, so it goes through `kubectl port-forward` to a node; ours through
 * the load balancer, and for comparison through the API server as well. COPY of cqlsh connects to every node at its own
 * address: there it runs in the network of the pods, without a forwarder.
 * Alone: `node bench/cqlsh.ts [one-row] [rows] [copy] [memory]` with the environment of a lab that has routes.
 */
import { execFile, type ExecFileOptions } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CQLSH, CQLSH_COMMAND, CQLSH_ENVIRONMENT, installCqlsh } from '../test/support/apache-cqlsh.ts'
import { LAB_NETWORK } from '../test/support/lab.ts'
import { Forwarder } from './forwarder.ts'
import { costs } from './memory.ts'
import { medians, type Row } from './rounds.ts'

const LIMIT = 900_000
const execute = promisify(execFile)
/** Runs a program that has to end, well and in time. */
const run = (program: string, args: string[], options: ExecFileOptions = {}) =>
  execute(program, args, { maxBuffer: 1 << 26, timeout: LIMIT, killSignal: 'SIGKILL', ...options })
const NAMESPACE = 'cass-operator'
const NODE = 'pod/dse-dc1-default-sts-0'
const KEYSPACE = 'cass_sni_bench'
const TABLE = `${KEYSPACE}.big`
const ROWS = 100_000
const MANY_ROWS = 1_000_000
const GATEWAY = 'istio-system/istio-ingressgateway'
const OURS = ['kubectl', 'cass-sni', 'cqlsh-sni', '-n', NAMESPACE, '--gateway', GATEWAY]
const ONE_ROW = 'SELECT cluster_name FROM system.local'
/** Rows in a page by default: of cqlsh-sni, and of cqlsh (apache/cassandra pylib/cqlshlib/cqlshmain.py, Shell). */
const OUR_PAGE = 5000
const THEIR_PAGE = 100
/** For both: the defaults of cqlsh (apache/cassandra pylib/cqlshlib/copyutil.py), but no limit of rows per second. */
const FROM_OPTIONS = 'CHUNKSIZE = 5000 AND MAXBATCHSIZE = 20 AND INGESTRATE = 1000000'
const TO_OPTIONS = 'PAGESIZE = 1000'
const MOST_MEMORY_MB = 150

/** What the parts need. */
interface Bench {
  log: (line: string) => void
  directory: string
  /** Through the forwarder. */
  theirs: (statements: string) => string[]
  /** In the network of the pods. */
  theirsInside: (statements: string) => string[]
}

const PARTS: Record<string, (bench: Bench) => Promise<Row[]>> = { 'one-row': oneRow, rows: rowsOut, copy, memory }

/** Runs the comparison; every figure is a median. Makes a keyspace of its own and drops it again. */
export async function benchCqlsh(log: (line: string) => void = () => {}, parts = Object.keys(PARTS)): Promise<Row[]> {
  const directory = await mkdtemp(join(tmpdir(), 'cass-sni-bench-'))
  // A fixed port: a forwarder that died comes back at the same place.
  const port = await freePort()
  const forward = new Forwarder(['kubectl', 'port-forward', '-n', NAMESPACE, NODE, `${port}:9042`])
  try {
    log('installing cqlsh')
    await installCqlsh()
    Object.assign(process.env, CQLSH_ENVIRONMENT)
    log(`writing ${ROWS} rows`)
    await write(directory, ROWS)
    await forward.port()
    const pod = await run('kubectl', ['get', NODE, '-n', NAMESPACE, '-o', 'jsonpath={.status.podIP}'])
    const outside = await cqlshrcFor(directory, `127.0.0.1:${port}`)
    const inside = await cqlshrcFor(directory, `${pod.stdout}:9042`)
    const theirs = (statements: string): string[] => [...CQLSH_COMMAND, '--cqlshrc', outside, '-e', statements]
    const theirsInside = (statements: string): string[] => [
      ...['nsenter', `--net=${LAB_NETWORK}`, ...CQLSH_COMMAND],
      ...['--cqlshrc', inside, '-e', statements],
    ]
    const rows: Row[] = []
    for (const part of parts) rows.push(...((await PARTS[part]?.({ log, directory, theirs, theirsInside })) ?? []))
    return [
      ...rows,
      {
        name: 'cqlsh-sni, deaths of the kubectl port-forward that cqlsh goes through',
        ours: 0,
        theirs: forward.deaths.length,
        unit: 'count',
        better: 'lower',
      },
    ]
  } finally {
    forward.stop()
    await rm(directory, { recursive: true })
    // What failed before is the error to report.
    await ours(['-e', `DROP KEYSPACE IF EXISTS ${KEYSPACE}`]).catch((error: Error) => log(error.message))
  }
}

/** A cqlshrc for an address. */
async function cqlshrcFor(directory: string, address: string): Promise<string> {
  const file = join(directory, `cqlshrc-${address}`)
  const files = ['--print-cqlshrc', '--with-password', '--out', file, '--ca-out', join(directory, 'ca.pem'), '--yes']
  await ours([...files, '--address', address])
  return file
}

async function oneRow({ log, theirs }: Bench): Promise<Row[]> {
  log('one row')
  const [balancer = 0, tunnel = 0, one = 0] = await medians(
    9,
    [...OURS, '-e', ONE_ROW],
    [...OURS, '--tunnel', '-e', ONE_ROW],
    theirs(ONE_ROW),
  )
  return [
    { ...row('-e of one row, through the load balancer', balancer, one), goal: { of: 'ratio', limit: 0.5 } },
    row('-e of one row, through the API server', tunnel, one),
  ]
}

async function rowsOut({ log, theirs }: Bench): Promise<Row[]> {
  log(`${ROWS} rows out`)
  const paged = (page: number): string => `PAGING ${page}; SELECT * FROM ${TABLE}`
  const [large = 0, small = 0, tunnel = 0, csv = 0, theirLarge = 0, theirSmall = 0] = await medians(
    3,
    [...OURS, '-e', paged(OUR_PAGE)],
    [...OURS, '-e', paged(THEIR_PAGE)],
    [...OURS, '--tunnel', '-e', paged(OUR_PAGE)],
    [...OURS, '-o', 'csv', '-e', paged(OUR_PAGE)],
    theirs(paged(OUR_PAGE)),
    theirs(paged(THEIR_PAGE)),
  )
  const equal = `pages of ${OUR_PAGE} on both sides`
  return [
    { ...row(`100,000 rows out, ${equal}`, large, theirLarge), goal: { of: 'ratio', limit: 0.35 } },
    row(`100,000 rows out, pages of ${THEIR_PAGE} on both sides`, small, theirSmall),
    row(`100,000 rows out, the defaults: pages of ${OUR_PAGE} beside ${THEIR_PAGE}`, large, theirSmall),
    row(`100,000 rows out, ${equal}, through the API server`, tunnel, theirLarge),
    row(`100,000 rows out as CSV beside cqlsh's table, ${equal}`, csv, theirLarge),
  ]
}

async function copy({ log, directory, theirsInside: theirs }: Bench): Promise<Row[]> {
  log(`COPY of ${ROWS} rows`)
  const to = (name: string): string => `COPY ${TABLE} (id, t, d) TO '${join(directory, name)}' WITH ${TO_OPTIONS}`
  const from = `COPY ${KEYSPACE}.copied (id, t, d) FROM '${join(directory, 'rows.csv')}' WITH ${FROM_OPTIONS}`
  await ours(['-e', `CREATE TABLE ${KEYSPACE}.copied (id int PRIMARY KEY, t text, d double)`])
  const [ourTo, theirTo] = await costs(3, [...OURS, '-e', to('ours.csv')], theirs(to('theirs.csv')))
  const [ourFrom, theirFrom] = await costs(3, [...OURS, '-e', from], theirs(from))
  return [
    ...costRows('COPY TO of 100,000 rows, pages of 1,000 on both sides', ourTo, theirTo),
    ...costRows('COPY FROM of 100,000 rows, batches of at most 20 on both sides', ourFrom, theirFrom),
  ]
}

async function memory({ log, directory, theirs }: Bench): Promise<Row[]> {
  log(`writing ${MANY_ROWS} rows`)
  await write(directory, MANY_ROWS)
  const rows: Row[] = []
  const statement = `PAGING ${OUR_PAGE}; SELECT * FROM ${TABLE}`
  log(`${MANY_ROWS} rows out of cqlsh`)
  const [table] = await costs(1, theirs(statement))
  for (const format of ['table', 'csv', 'json', 'jsonl', 'yaml']) {
    log(`${MANY_ROWS} rows out as ${format}`)
    const [cost] = await costs(1, [...OURS, '-o', format, '-e', statement])
    rows.push({
      name: `cqlsh-sni, 1,000,000 rows out as ${format}, pages of ${OUR_PAGE}, peak memory`,
      ours: cost?.megabytes ?? Number.NaN,
      theirs: format === 'table' ? table?.megabytes : undefined,
      beside: format === 'table' ? CQLSH : undefined,
      unit: 'MB',
      better: 'lower',
      goal: { of: 'ours', limit: MOST_MEMORY_MB },
    })
  }
  return rows
}

/** Time and memory of the same on both sides. */
function costRows(name: string, our: { ms: number; megabytes: number } | undefined, their: typeof our): Row[] {
  const [{ ms, megabytes }, beside] = [our ?? { ms: Number.NaN, megabytes: Number.NaN }, their]
  return [
    { ...row(name, ms, beside?.ms ?? Number.NaN), goal: { of: 'ratio', limit: 0.33 } },
    {
      ...row(`${name}, peak memory`, megabytes, beside?.megabytes ?? Number.NaN),
      unit: 'MB',
      goal: { of: 'ratio', limit: 1 },
    },
  ]
}

/** Makes the table with so many rows (int, text, double), with our own COPY; its CSV stays in the directory. */
async function write(directory: string, count: number): Promise<void> {
  const file = join(directory, 'rows.csv')
  const csv = createWriteStream(file)
  for (let id = 0; id < count; id += 1)
    if (!csv.write(`${id},row number ${id} of many,${id * 1.25}\n`)) await once(csv, 'drain')
  await once(csv.end(), 'finish')
  await ours([
    '-e',
    `CREATE KEYSPACE IF NOT EXISTS ${KEYSPACE} WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 1};
     CREATE TABLE IF NOT EXISTS ${TABLE} (id int PRIMARY KEY, t text, d double);
     COPY ${TABLE} (id, t, d) FROM '${file}'`,
  ])
}

function ours(args: string[]): Promise<unknown> {
  const [program = '', ...rest] = OURS
  return run(program, [...rest, ...args])
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

const row = (name: string, ours: number, theirs: number): Row => ({
  name: `cqlsh-sni, ${name}`,
  ours,
  theirs,
  beside: CQLSH,
  unit: 'ms',
  better: 'lower',
})

if (process.argv[1] === import.meta.filename) {
  const chosen = process.argv.slice(2).filter((name) => name in PARTS)
  const log = (line: string): void => console.error(line)
  console.log(await benchCqlsh(log, chosen.length === 0 ? undefined : chosen))
}
