/**
 * `cqlsh-sni -e` beside Apache's cqlsh (Python): one row, and 100,000 rows of (int, text, double). cqlsh sends no SNI, so it goes through
 * `kubectl port-forward` to a node; ours through the API server as well, and through the load balancer.
 * Alone: `node bench/cqlsh.ts` with the lab's environment and a datacenter with its routes.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { medians, type Row, row } from './rounds.ts'

const run = promisify(execFile)
const NAMESPACE = 'cass-operator'
const NODE = 'pod/dse-dc1-default-sts-0'
const VENV = '/var/cache/cass-sni-lab/venv-cqlsh'
const CQLSH = 'cqlsh==6.2.2'
const KEYSPACE = 'cass_sni_bench'
const ROWS = 100_000
const ROWS_PER_BATCH = 100
const OURS = ['kubectl', 'cass-sni', 'cqlsh-sni', '-n', NAMESPACE]
const ONE_ROW = 'SELECT cluster_name FROM system.local'
const ALL_ROWS = `SELECT * FROM ${KEYSPACE}.big`

/** Runs the comparison; every figure is a median, in milliseconds. Makes a keyspace of its own and drops it again. */
export async function benchCqlsh(log: (line: string) => void = () => {}): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'cass-sni-bench-'))
  let forward: ChildProcess | undefined
  try {
    log('installing cqlsh')
    const cqlsh = await installed()
    log(`writing ${ROWS} rows`)
    await write(folder)
    const forwarding = await portForward()
    forward = forwarding.child
    const cqlshrc = join(folder, 'cqlshrc')
    const files = ['--print-cqlshrc', '--with-password', '--out', cqlshrc, '--ca-out', join(folder, 'ca.pem')]
    await run(OURS[0] ?? '', [...OURS.slice(1), ...files, '--address', `127.0.0.1:${forwarding.port}`])
    const theirs = (statement: string): string[] => [cqlsh, '--cqlshrc', cqlshrc, '-e', statement]
    log('one row')
    const [tunnel = 0, balancer = 0, one = 0] = await medians(
      7,
      [...OURS, '--tunnel', '-e', ONE_ROW],
      [...OURS, '-e', ONE_ROW],
      theirs(ONE_ROW),
    )
    log(`${ROWS} rows`)
    const [allTunnel = 0, allBalancer = 0, csv = 0, all = 0] = await medians(
      3,
      [...OURS, '--tunnel', '-e', ALL_ROWS],
      [...OURS, '-e', ALL_ROWS],
      [...OURS, '-o', 'csv', '-e', ALL_ROWS],
      theirs(ALL_ROWS),
    )
    return [
      row('cqlsh-sni -e of one row, through the API server, beside cqlsh', tunnel, one),
      row('cqlsh-sni -e of one row, through the load balancer, beside cqlsh', balancer, one),
      row('cqlsh-sni -e of 100,000 rows, through the API server, beside cqlsh', allTunnel, all),
      row('cqlsh-sni -e of 100,000 rows, through the load balancer, beside cqlsh', allBalancer, all),
      row('cqlsh-sni -o csv of 100,000 rows, beside cqlsh', csv, all),
    ]
  } finally {
    forward?.kill()
    await run(OURS[0] ?? '', [...OURS.slice(1), '-e', `DROP KEYSPACE IF EXISTS ${KEYSPACE}`])
    await rm(folder, { recursive: true })
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
  await run(OURS[0] ?? '', [...OURS.slice(1), '-f', file], { maxBuffer: 1 << 26 })
}

/** kubectl's port-forward to a node, on any free port. */
async function portForward(): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn('kubectl', ['port-forward', '-n', NAMESPACE, NODE, ':9042'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  for await (const line of createInterface({ input: child.stdout })) {
    const port = /127\.0\.0\.1:(\d+)/.exec(line)?.[1]
    if (port === undefined) continue
    // It writes a line per connection.
    child.stdout.resume()
    return { child, port: Number(port) }
  }
  throw new Error('kubectl port-forward has ended')
}

if (process.argv[1] === import.meta.filename) {
  for (const { name, ours, theirs, ratio } of await benchCqlsh((line) => process.stderr.write(`${line}\n`))) {
    console.log(`${name}: ${ours.toFixed(0)} ms, ${theirs.toFixed(0)} ms, ratio ${ratio.toFixed(2)}`)
  }
}
