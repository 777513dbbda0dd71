/**
 * `npm run bench`: measures on the lab, together with kubectl and cqlsh as baselines, in one run. `-o json` for
 * programs; arguments select parts: `npm run bench -- start-up port-forward`.
 */
import { spawnSync } from 'node:child_process'
import { cpus } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { formatTable } from '../src/lib/output/table.ts'
import { benchCerts } from './certs.ts'
import { benchChurn } from './churn.ts'
import { benchController } from './controller.ts'
import { benchCqlsh } from './cqlsh.ts'
import { benchEndurance } from './endurance.ts'
import { benchPortForward } from './port-forward.ts'
import { benchLarge } from './large.ts'
import { benchRoutes, prepareRoutes } from './routes.ts'
import { isMet, ratioOf, type Row } from './rounds.ts'
import { benchScale } from './scale.ts'
import { benchSoak } from './soak.ts'
import { benchStartUp } from './start-up.ts'
import { benchWatch } from './watch.ts'

const root = dirname(import.meta.dirname)
interface Part {
  bench: (log: (line: string) => void) => Promise<Row[]>
  /** Requires the lab with its datacenter. */
  lab: boolean
}
const PARTS: Record<string, Part> = {
  'start-up': { bench: benchStartUp, lab: true },
  large: { bench: benchLarge, lab: false },
  scale: { bench: benchScale, lab: false },
  certs: { bench: benchCerts, lab: true },
  routes: { bench: benchRoutes, lab: true },
  watch: { bench: benchWatch, lab: true },
  controller: { bench: benchController, lab: false },
  soak: { bench: benchSoak, lab: false },
  'port-forward': { bench: benchPortForward, lab: true },
  churn: { bench: benchChurn, lab: true },
  endurance: { bench: benchEndurance, lab: true },
  'cqlsh-sni': { bench: benchCqlsh, lab: true },
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

/** E.g. "ratio 1.3: met". */
function goalOf({ goal, met }: Row & { met: boolean | undefined }): string {
  if (goal === undefined) return ''
  return `${goal.of === 'ratio' ? 'ratio ' : ''}${goal.limit}: ${met ? 'met' : 'missed'}`
}

/** Runs a script; its output goes to stderr. */
function node(script: string, ...args: string[]): void {
  const { status } = spawnSync(process.execPath, [join(root, script), ...args], { cwd: root, stdio: ['ignore', 2, 2] })
  if (status !== 0) process.exit(status ?? 1)
}

/** Starts the lab with its datacenter, and sets its environment in this process. */
function startLab(): void {
  node('build/build.ts')
  node('lab/main.ts', 'up', '--with', 'datacenter')
  // Each Node would read its certificates at the start, some 15 ms, which is not what is measured.
  delete process.env.NODE_EXTRA_CA_CERTS
  // The lab prints its environment as shell commands.
  const shell = spawnSync(
    'sh',
    ['-c', 'eval "$("$0" "$1" env)" && env -0', process.execPath, join(root, 'lab/main.ts')],
    { encoding: 'utf8' },
  )
  for (const line of shell.stdout.split('\0')) {
    const at = line.indexOf('=')
    if (at > 0) process.env[line.slice(0, at)] = line.slice(at + 1)
  }
}

const chosen = Object.entries(PARTS).filter(([name]) => positionals.length === 0 || positionals.includes(name))
if (chosen.some(([, part]) => part.lab)) {
  startLab()
  await prepareRoutes()
}

const rows: Row[] = []
for (const [name, { bench }] of chosen) {
  try {
    rows.push(...(await bench((line) => process.stderr.write(`${name}: ${line}\n`))))
  } catch (error) {
    // the other parts are measured and printed
    console.error(error)
    process.stderr.write(`${name}: failed\n`)
    process.exitCode = 1
  }
}
const machine = { node: process.version, processors: cpus().length, model: cpus()[0]?.model ?? 'unknown' }
const results = rows.map((row) => ({ ...row, ratio: ratioOf(row), met: isMet(row) }))
if (values.output === 'json') console.log(JSON.stringify({ machine, rows: results }, null, 2))
else {
  const figure = (value: number | undefined, unit: string) => {
    if (value === undefined) return ''
    if (Number.isNaN(value)) return 'failed'
    return value.toFixed(unit === 'count' ? 0 : value < 10 ? 2 : value < 100 ? 1 : 0)
  }
  console.log(
    formatTable(results, [
      { title: 'MEASUREMENT', cell: (row) => row.name },
      { title: 'THIS TOOL', cell: (row) => figure(row.value, row.unit), align: 'right' },
      { title: 'BASELINE', cell: (row) => figure(row.baseline, row.unit), align: 'right' },
      { title: 'UNIT', cell: (row) => row.unit },
      { title: 'RATIO', cell: (row) => row.ratio?.toFixed(2) ?? '', align: 'right' },
      { title: 'BETTER IS', cell: (row) => row.better },
      { title: 'GOAL', cell: goalOf },
      { title: 'BASELINE OF', cell: (row) => row.baselineName ?? '' },
    ]),
  )
  console.log(`\nMedians on ${machine.processors} × ${machine.model}, Node ${machine.node}, in one run.`)
}
