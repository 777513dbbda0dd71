/**
 * `cqlsh-sni` next to Apache's cqlsh (Python) with the same page and batch sizes: one row, 100,000 rows out, COPY, and
 * the memory of 1,000,000 rows. cqlsh sends no SNI, so it connects to a node through `kubectl port-forward`; cqlsh-sni
 * connects through the load balancer, and for comparison also through the API server. COPY in cqlsh connects to every
 * node at its pod address, so it runs in the pod network, without a forwarder.
 * Standalone: `node bench/cqlsh.ts [one-row] [rows] [copy] [memory]` with the environment of a lab that has routes.
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
import { type Cost, costs } from './memory.ts'
import { medians, type Row } from './rounds.ts'

const LIMIT = 900_000
const execute = promisify(execFile)
/** Runs a program; rejects if it fails or exceeds the time limit. */
const run = (program: string, args: string[], options: ExecFileOptions = {}) =>
  execute(program, args, { maxBuffer: 1 << 26, timeout: LIMIT, killSignal: 'SIGKILL', ...options })
const NAMESPACE = 'cass-operator'
const NODE = 'pod/dse-dc1-default-sts-0'
const KEYSPACE = 'cass_sni_bench'
const TABLE = `${KEYSPACE}.big`
const ROWS = 100_000
const MANY_ROWS = 1_000_000
const GATEWAY = 'istio-system/istio-ingressgateway'
const CQLSH_SNI = ['kubectl', 'cass-sni', 'cqlsh-sni', '-n', NAMESPACE, '--gateway', GATEWAY]
const ONE_ROW = 'SELECT cluster_name FROM system.local'
/** Default rows per page of cqlsh-sni and of cqlsh (apache/cassandra pylib/cqlshlib/cqlshmain.py, Shell). */
const OWN_PAGE = 5000
const CQLSH_PAGE = 100
/**
 * For both: cqlsh's defaults (apache/cassandra pylib/cqlshlib/copyutil.py), but for INGESTRATE. With its default of
 * 100,000 rows per second cqlsh overloads the lab's cluster and ends with write timeouts.
 */
const FROM_OPTIONS = 'CHUNKSIZE = 5000 AND MAXBATCHSIZE = 20 AND INGESTRATE = 20000'
const TO_OPTIONS = 'PAGESIZE = 1000'
const MEMORY_LIMIT_MB = 150

/** Input of each part. */
interface Bench {
  log: (line: string) => void
  directory: string
  /** Through the forwarder. */
  cqlsh: (statements: string) => string[]
  /** In the pod network. */
  cqlshInside: (statements: string) => string[]
}

const PARTS: Record<string, (bench: Bench) => Promise<Row[]>> = { 'one-row': oneRow, rows: rowsOut, copy, memory }

/** Runs the comparison; every figure is a median. Creates a keyspace and drops it at the end. */
export async function benchCqlsh(log: (line: string) => void = () => {}, parts = Object.keys(PARTS)): Promise<Row[]> {
  const directory = await mkdtemp(join(tmpdir(), 'cass-sni-bench-'))
  // A fixed port: a restarted forwarder listens on the same one.
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
    const cqlsh = (statements: string): string[] => [...CQLSH_COMMAND, '--cqlshrc', outside, '-e', statements]
    const cqlshInside = (statements: string): string[] => [
      ...['nsenter', `--net=${LAB_NETWORK}`, ...CQLSH_COMMAND],
      ...['--cqlshrc', inside, '-e', statements],
    ]
    const rows: Row[] = []
    for (const part of parts) rows.push(...((await PARTS[part]?.({ log, directory, cqlsh, cqlshInside })) ?? []))
    return [
      ...rows,
      {
        name: 'unexpected exits of the kubectl port-forward that cqlsh connects through',
        value: 0,
        baseline: forward.exits.length,
        unit: 'count',
        better: 'lower',
      },
    ]
  } finally {
    forward.stop()
    await rm(directory, { recursive: true })
    // An earlier failure is the error to report.
    await cqlshSni(['-e', `DROP KEYSPACE IF EXISTS ${KEYSPACE}`]).catch((error: Error) => log(error.message))
  }
}

/** Writes a cqlshrc for an address. */
async function cqlshrcFor(directory: string, address: string): Promise<string> {
  const file = join(directory, `cqlshrc-${address}`)
  const files = ['--print-cqlshrc', '--with-password', '--out', file, '--ca-out', join(directory, 'ca.pem'), '--yes']
  await cqlshSni([...files, '--address', address])
  return file
}

async function oneRow({ log, cqlsh }: Bench): Promise<Row[]> {
  log('one row')
  const [balancer = 0, tunnel = 0, one = 0] = await medians(
    9,
    [...CQLSH_SNI, '-e', ONE_ROW],
    [...CQLSH_SNI, '--tunnel', '-e', ONE_ROW],
    cqlsh(ONE_ROW),
  )
  return [
    { ...row('-e of one row, through the load balancer', balancer, one), goal: { of: 'ratio', limit: 0.5 } },
    row('-e of one row, through the API server', tunnel, one),
  ]
}

async function rowsOut({ log, cqlsh }: Bench): Promise<Row[]> {
  log(`${ROWS} rows out`)
  const paged = (page: number): string => `PAGING ${page}; SELECT * FROM ${TABLE}`
  const [large = 0, small = 0, tunnel = 0, csv = 0, cqlshLarge = 0, cqlshSmall = 0] = await medians(
    3,
    [...CQLSH_SNI, '-e', paged(OWN_PAGE)],
    [...CQLSH_SNI, '-e', paged(CQLSH_PAGE)],
    [...CQLSH_SNI, '--tunnel', '-e', paged(OWN_PAGE)],
    [...CQLSH_SNI, '-o', 'csv', '-e', paged(OWN_PAGE)],
    cqlsh(paged(OWN_PAGE)),
    cqlsh(paged(CQLSH_PAGE)),
  )
  const equal = `pages of ${OWN_PAGE} on both sides`
  return [
    { ...row(`100,000 rows out, ${equal}`, large, cqlshLarge), goal: { of: 'ratio', limit: 0.35 } },
    row(`100,000 rows out, pages of ${CQLSH_PAGE} on both sides`, small, cqlshSmall),
    row(`100,000 rows out, by default: pages of ${OWN_PAGE} and ${CQLSH_PAGE}`, large, cqlshSmall),
    row(`100,000 rows out, ${equal}, through the API server`, tunnel, cqlshLarge),
    row(`100,000 rows out as CSV, cqlsh's as a table, ${equal}`, csv, cqlshLarge),
  ]
}

async function copy({ log, directory, cqlshInside }: Bench): Promise<Row[]> {
  log(`COPY of ${ROWS} rows`)
  const to = (name: string): string => `COPY ${TABLE} (id, t, d) TO '${join(directory, name)}' WITH ${TO_OPTIONS}`
  const from = `COPY ${KEYSPACE}.copied (id, t, d) FROM '${join(directory, 'rows.csv')}' WITH ${FROM_OPTIONS}`
  await cqlshSni(['-e', `CREATE TABLE ${KEYSPACE}.copied (id int PRIMARY KEY, t text, d double)`])
  const [ownTo, cqlshTo] = await costs(3, [...CQLSH_SNI, '-e', to('cqlsh-sni.csv')], cqlshInside(to('cqlsh.csv')))
  const [ownFrom, cqlshFrom] = await costs(3, [...CQLSH_SNI, '-e', from], cqlshInside(from))
  return [
    ...costRows('COPY TO of 100,000 rows, pages of 1,000 on both sides', ownTo, cqlshTo),
    ...costRows('COPY FROM of 100,000 rows, batches of at most 20 on both sides', ownFrom, cqlshFrom),
  ]
}

async function memory({ log, directory, cqlsh }: Bench): Promise<Row[]> {
  log(`writing ${MANY_ROWS} rows`)
  await write(directory, MANY_ROWS)
  const rows: Row[] = []
  const statement = `PAGING ${OWN_PAGE}; SELECT * FROM ${TABLE}`
  log(`${MANY_ROWS} rows out of cqlsh`)
  const [table] = await costs(1, cqlsh(statement))
  for (const format of ['table', 'csv', 'json', 'jsonl', 'yaml']) {
    log(`${MANY_ROWS} rows out as ${format}`)
    const [cost] = await costs(1, [...CQLSH_SNI, '-o', format, '-e', statement])
    rows.push({
      name: `cqlsh-sni, 1,000,000 rows out as ${format}, pages of ${OWN_PAGE}, peak memory`,
      value: cost?.megabytes ?? Number.NaN,
      baseline: format === 'table' ? table?.megabytes : undefined,
      baselineName: format === 'table' ? CQLSH : undefined,
      unit: 'MB',
      better: 'lower',
      goal: { of: 'value', limit: MEMORY_LIMIT_MB },
    })
  }
  return rows
}

/** Returns the rows for time and memory of one measurement. */
function costRows(name: string, own: Cost | undefined, baseline: Cost | undefined): Row[] {
  const { ms, megabytes } = own ?? { ms: Number.NaN, megabytes: Number.NaN }
  return [
    { ...row(name, ms, baseline?.ms ?? Number.NaN), goal: { of: 'ratio', limit: 0.33 } },
    {
      ...row(`${name}, peak memory`, megabytes, baseline?.megabytes ?? Number.NaN),
      unit: 'MB',
      goal: { of: 'ratio', limit: 1 },
    },
  ]
}

/** Creates the table and imports `count` rows (int, text, double) with COPY; the CSV stays in the directory. */
async function write(directory: string, count: number): Promise<void> {
  const file = join(directory, 'rows.csv')
  const csv = createWriteStream(file)
  for (let id = 0; id < count; id += 1)
    if (!csv.write(`${id},row number ${id} of many,${id * 1.25}\n`)) await once(csv, 'drain')
  await once(csv.end(), 'finish')
  await cqlshSni([
    '-e',
    `CREATE KEYSPACE IF NOT EXISTS ${KEYSPACE} WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 1};
     CREATE TABLE IF NOT EXISTS ${TABLE} (id int PRIMARY KEY, t text, d double);
     COPY ${TABLE} (id, t, d) FROM '${file}'`,
  ])
}

function cqlshSni(args: string[]): Promise<unknown> {
  const [program = '', ...rest] = CQLSH_SNI
  return run(program, [...rest, ...args])
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

const row = (name: string, value: number, baseline: number): Row => ({
  name: `cqlsh-sni, ${name}`,
  value,
  baseline,
  baselineName: CQLSH,
  unit: 'ms',
  better: 'lower',
})

if (process.argv[1] === import.meta.filename) {
  const chosen = process.argv.slice(2).filter((name) => name in PARTS)
  const log = (line: string): void => console.error(line)
  console.log(await benchCqlsh(log, chosen.length === 0 ? undefined : chosen))
}
