/**
 * `npm run bench`: all figures in one run on the lab, ours beside those of kubectl and cqlsh. `-o json` for programs;
 * names choose parts: `npm run bench -- start-up port-forward`.
 */
import { spawnSync } from 'node:child_process'
import { cpus } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { formatTable } from '../src/lib/output/table.ts'
import { benchCqlsh } from './cqlsh.ts'
import { benchPortForward } from './port-forward.ts'
import type { Row } from './rounds.ts'
import { benchStartUp } from './start-up.ts'

const root = dirname(import.meta.dirname)
const PARTS: Record<string, (log: (line: string) => void) => Promise<Row[]>> = {
  'start-up': benchStartUp,
  'port-forward': benchPortForward,
  'cqlsh-sni': benchCqlsh,
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { output: { type: 'string', short: 'o', default: 'text' } },
})
const unknown = positionals.find((name) => !(name in PARTS))
if (unknown !== undefined || !['text', 'json'].includes(values.output)) {
  console.error(`Usage: npm run bench -- [-o json] [${Object.keys(PARTS).join('] [')}]`)
  process.exit(2)
}

/** Runs a script to its end; what it says goes to stderr. */
function node(script: string, ...args: string[]): void {
  const { status } = spawnSync(process.execPath, [join(root, script), ...args], { cwd: root, stdio: ['ignore', 2, 2] })
  if (status !== 0) process.exit(status ?? 1)
}

node('build/build.ts')
node('lab/main.ts', 'up', '--with', 'datacenter')
// The lab tells its environment as lines for a shell.
const shell = spawnSync(
  'sh',
  ['-c', 'eval "$("$0" "$1" env)" && env -0', process.execPath, join(root, 'lab/main.ts')],
  { encoding: 'utf8' },
)
for (const line of shell.stdout.split('\0')) {
  const at = line.indexOf('=')
  if (at > 0) process.env[line.slice(0, at)] = line.slice(at + 1)
}

const rows: Row[] = []
for (const [name, bench] of Object.entries(PARTS)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  rows.push(...(await bench((line) => process.stderr.write(`${name}: ${line}\n`))))
}
const machine = { node: process.version, processors: cpus().length, model: cpus()[0]?.model ?? 'unknown' }
if (values.output === 'json') console.log(JSON.stringify({ machine, rows }, null, 2))
else {
  const figure = (value: number) => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)
  console.log(
    formatTable(rows, [
      { title: 'WHAT', cell: (row) => row.name },
      { title: 'OURS', cell: (row) => figure(row.ours), align: 'right' },
      { title: 'THEIRS', cell: (row) => figure(row.theirs), align: 'right' },
      { title: 'UNIT', cell: (row) => row.unit },
      { title: 'RATIO', cell: (row) => row.ratio.toFixed(2), align: 'right' },
      { title: 'BETTER', cell: (row) => row.better },
    ]),
  )
  console.log(
    `\nMedians on ${machine.processors} × ${machine.model}, Node ${machine.node}, all of them in this one run.`,
  )
}
