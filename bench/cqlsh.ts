/**
 * `cqlsh-sni -e` beside Apache's cqlsh (Python): one row, and 100,000 rows of (int, text, double). cqlsh sends no SNI, so it goes through
 * `kubectl port-forward` to a node; ours through the API server as well, and through the load balancer.
 * Alone: `node bench/cqlsh.ts` with the lab's environment and a datacenter with its routes.
 */
import { execFile, type ExecFileOptions } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Forwarder } from './forwarder.ts'
import { medians, type Row } from './rounds.ts'

const LIMIT = 300_000
const execute = promisify(execFile)
/** Runs a program that has to end, well and in time. */
const run = (program: string, args: string[], options: ExecFileOptions = {}) =>
  execute(program, args, { maxBuffer: 1 << 26, timeout: LIMIT, killSignal: 'SIGKILL', ...options })
const NAMESPACE = 'cass-operator'
const NODE = 'pod/dse-dc1-default-sts-0'
const VENV = '/var/cache/cass-sni-lab/venv-cqlsh'
const CQLSH = 'cqlsh==6.2.2'
const KEYSPACE = 'cass_sni_bench'
const ROWS = 100_000
const ROWS_PER_BATCH = 100
const GATEWAY = 'istio-system/istio-ingressgateway'
const OURS = ['kubectl', 'cass-sni', 'cqlsh-sni', '-n', NAMESPACE, '--gateway', GATEWAY]
const ONE_ROW = 'SELECT cluster_name FROM system.local'
/** Rows in a page, unless told otherwise: of cqlsh-sni, and of cqlsh (apache/cassandra pylib/cqlshlib/cqlshmain.py, DEFAULT_FETCH_SIZE). */
const OUR_PAGE = 5000
const THEIR_PAGE = 100
const FAIR = { of: 'ratio', limit: 0.35 } as const
const ALL_ROWS = `SELECT * FROM ${KEYSPACE}.big`

/** Runs the comparison; every figure is a median, in milliseconds. Makes a keyspace of its own and drops it again. */
export async function benchCqlsh(log: (line: string) => void = () => {}): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'cass-sni-bench-'))
  // a fixed port: one that died comes back at the same place
  const port = await freePort()
  const forward = new Forwarder(['kubectl', 'port-forward', '-n', NAMESPACE, NODE, `${port}:9042`])
  try {
    log('installing cqlsh')
    const cqlsh = await installed()
    log(`writing ${ROWS} rows`)
    await write(folder)
    await forward.port()
    const cqlshrc = join(folder, 'cqlshrc')
    const files = ['--print-cqlshrc', '--with-password', '--out', cqlshrc, '--ca-out', join(folder, 'ca.pem')]
    await run(OURS[0] ?? '', [...OURS.slice(1), ...files, '--address', `127.0.0.1:${port}`])
    const theirs = (statement: string): string[] => [cqlsh, '--cqlshrc', cqlshrc, '-e', statement]
    log('one row')
    const [tunnel = 0, balancer = 0, one = 0] = await medians(
      7,
      [...OURS, '--tunnel', '-e', ONE_ROW],
      [...OURS, '-e', ONE_ROW],
      theirs(ONE_ROW),
    )
    log(`${ROWS} rows`)
    const [allTunnel = 0, allBalancer = 0, csv = 0, all = 0, allEqual = 0] = await medians(
      3,
      [...OURS, '--tunnel', '-e', ALL_ROWS],
      [...OURS, '-e', ALL_ROWS],
      [...OURS, '-o', 'csv', '-e', ALL_ROWS],
      theirs(ALL_ROWS),
      theirs(`PAGING ${OUR_PAGE}; ${ALL_ROWS}`),
    )
    const equal = `pages of ${OUR_PAGE} rows each`
    const defaults = `pages of ${OUR_PAGE} rows beside ${THEIR_PAGE}, the defaults`
    return [
      row('one row, through the API server', tunnel, one),
      row('one row, through the load balancer', balancer, one),
      { ...row(`100,000 rows, ${equal}, through the API server`, allTunnel, allEqual), goal: FAIR },
      { ...row(`100,000 rows, ${equal}, through the load balancer`, allBalancer, allEqual), goal: FAIR },
      row(`100,000 rows, ${defaults}, through the API server`, allTunnel, all),
      row(`100,000 rows, ${defaults}, through the load balancer`, allBalancer, all),
      row(`100,000 rows as CSV, ${equal}, through the load balancer`, csv, allEqual),
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
    await rm(folder, { recursive: true })
    // what went wrong before is the reason to be told
    const drop = [...OURS.slice(1), '-e', `DROP KEYSPACE IF EXISTS ${KEYSPACE}`]
    await run(OURS[0] ?? '', drop).catch((error: Error) => log(error.message))
  }
}

/** The path of Apache's cqlsh, in a virtual environment of the lab's cache. */
async function installed(): Promise<string> {
  const cqlsh = join(VENV, 'bin/cqlsh')
  try {
    await access(cqlsh)
  } catch {
    await run('python3', ['-m', 'venv', '--clear', VENV])
    await run(join(VENV, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', CQLSH], {
      env: { ...process.env, CASS_DRIVER_NO_CYTHON: '1' },
    })
  }
  return cqlsh
}

/** Writes the table with our own shell, in batches. */
async function write(folder: string): Promise<void> {
  const file = join(folder, 'big.cql')
  const statements = [
    `CREATE KEYSPACE IF NOT EXISTS ${KEYSPACE} WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 1};`,
    `CREATE TABLE IF NOT EXISTS ${KEYSPACE}.big (id int PRIMARY KEY, t text, d double);`,
  ]
  for (let first = 0; first < ROWS; first += ROWS_PER_BATCH) {
    const inserts = Array.from({ length: ROWS_PER_BATCH }, (_, index) => {
      const id = first + index
      return `INSERT INTO ${KEYSPACE}.big (id, t, d) VALUES (${id}, 'row number ${id} of many', ${id * 1.25});`
    })
    statements.push(`BEGIN UNLOGGED BATCH ${inserts.join(' ')} APPLY BATCH;`)
  }
  await writeFile(file, statements.join('\n'))
  await run(OURS[0] ?? '', [...OURS.slice(1), '-f', file])
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

if (process.argv[1] === import.meta.filename) console.log(await benchCqlsh((line) => console.error(line)))
