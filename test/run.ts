/**
 * `npm test`: all suites, or those that are named ("npm test -- unit component"), one after the other, each in a
 * process of its own or in several. Ends with what failed, once more (whoever keeps only the end of a log needs it), and
 * the line "N passed, N failed" of all suites together.
 */
import { spawn } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Counted } from './support/counts.ts'

interface Suite {
  name: string
  files: string
  /** Options of mocha. */
  options: string[]
  /** It starts programs of the lab. */
  lab: boolean
  /** Processes that share the files, each with an API server of its own; default 1. */
  lanes?: number
  /** Run only where it is named. */
  named?: true
  /** Its processes share what Node compiles: many of them start the program from src. */
  compiled?: true
}

const SUITES: Suite[] = [
  { name: 'unit', files: 'test/unit/**/*.test.ts', options: ['--parallel', '--jobs', '2'], lab: false },
  // Not beside others: it measures the start-up.
  { name: 'contract', files: 'test/contract/**/*.test.ts', options: ['--timeout', '120000'], lab: false },
  {
    name: 'component',
    files: 'test/component/**/*.test.ts',
    options: ['--timeout', '60000'],
    lab: true,
    lanes: 3,
    compiled: true,
  },
  // The files are the demo's steps in the order of their names; each builds on the one before.
  { name: 'e2e', files: 'test/e2e/*.test.ts', options: ['--sort', '--timeout', '300000'], lab: true },
  // Another version of cass-operator, which takes its own build and datacenter.
  {
    name: 'older-operator',
    files: 'test/e2e-older/*.test.ts',
    options: ['--timeout', '300000'],
    lab: true,
    named: true,
  },
  // Its build takes minutes.
  {
    name: 'cert-manager',
    files: 'test/e2e-cert-manager/*.test.ts',
    options: ['--timeout', '300000'],
    lab: true,
    named: true,
  },
  // Nodes come and go, for ten minutes.
  { name: 'bundle', files: 'test/e2e-bundle/*.test.ts', options: ['--timeout', '900000'], lab: true, named: true },
]

const root = dirname(import.meta.dirname)
const counts = mkdtempSync(join(tmpdir(), 'cass-sni-test-'))

/**
 * Runs a script with this Node, its output shown as it comes, or, if `held`, at its end. Resolves with the exit code
 * (1 when a signal ended it).
 */
function node(script: string, args: string[], env: NodeJS.ProcessEnv = {}, held = false): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, script), ...args], {
      cwd: root,
      stdio: held ? ['ignore', 'pipe', 'pipe'] : 'inherit',
      env: { ...process.env, ...env },
    })
    const output: Buffer[] = []
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data: Buffer) => output.push(data))
    child.once('error', reject)
    child.once('close', (code) => {
      process.stdout.write(Buffer.concat(output))
      resolve(code ?? 1)
    })
  })
}

interface Outcome extends Counted {
  seconds: number
}

async function runSuite(suite: Suite): Promise<Outcome> {
  const started = performance.now()
  const lanes = lanesOf(suite)
  const outcomes = await Promise.all(lanes.map((files, lane) => runLane(suite, files, lane)))
  const sum = (of: 'passed' | 'failed') => outcomes.reduce((total, outcome) => total + outcome[of], 0)
  return {
    passed: sum('passed'),
    failed: sum('failed'),
    failures: outcomes.flatMap(({ failures }) => failures),
    seconds: (performance.now() - started) / 1000,
  }
}

/** Seconds that files of component tests took on two processors; others take less than `FEW_SECONDS`. */
const SECONDS: Readonly<Record<string, number>> = {
  'routes-watch': 64,
  verify: 50,
  killed: 44,
  'port-forward': 38,
  'routes-sync': 37,
  install: 34,
  'kubectl-parity': 23,
  'controller-process': 28,
  'metadata-service': 24,
  'controller-install': 22,
  'fault-server': 21,
  controller: 17,
  certs: 17,
  uninstall: 14,
  'certs-issuer': 13,
  bundle: 12,
  'rotate-ca': 11,
}
const FEW_SECONDS = 8

/** Divides the files of a suite so that the lanes take about the same time. */
function lanesOf({ files, lanes = 1 }: Suite): string[][] {
  if (lanes === 1) return [[files]]
  const found = globSync(files, { cwd: root }).map((file) => {
    return { file, seconds: SECONDS[basename(file, '.test.ts')] ?? FEW_SECONDS }
  })
  const loads = Array.from({ length: lanes }, () => ({ files: [] as string[], seconds: 0 }))
  for (const { file, seconds } of found.sort((a, b) => b.seconds - a.seconds)) {
    const least = loads.reduce((one, other) => (other.seconds < one.seconds ? other : one))
    least.files.push(file)
    least.seconds += seconds
  }
  return loads.map((load) => load.files)
}

/** A process that ends without having counted, or fails though nothing failed, counts as one failure. */
async function runLane({ name, options, compiled }: Suite, files: string[], lane: number): Promise<Counted> {
  const file = join(counts, `${name}-${lane}.json`)
  const code = await node(
    'node_modules/mocha/bin/mocha.js',
    ['--reporter', './test/support/counts.ts', ...options, ...files],
    { CASS_SNI_TEST_COUNTS: file, NODE_COMPILE_CACHE: compiled ? join(counts, 'compiled') : undefined },
    lane > 0,
  )
  const counted = read(file)
  if (code === 0 || counted.failed > 0) return counted
  return { ...counted, failed: 1, failures: [`mocha ended with exit code ${code}, and no test had failed`] }
}

function read(file: string): Counted {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    const failure = `mocha ended before it could count its tests: ${error instanceof Error ? error.message : String(error)}`
    return { passed: 0, failed: 1, failures: [failure] }
  }
}

async function main(): Promise<number> {
  const { positionals } = parseArgs({ allowPositionals: true })
  const unknown = positionals.find((name) => !SUITES.some((suite) => suite.name === name))
  if (unknown !== undefined) {
    console.error(`There is no suite "${unknown}". Suites: ${SUITES.map(({ name }) => name).join(', ')}.`)
    return 2
  }
  const suites = SUITES.filter(({ name, named }) =>
    positionals.length === 0 ? named !== true : positionals.includes(name),
  )
  const lines: string[] = []
  const failures: string[] = []
  let passed = 0
  let failed = 0
  const step = async (name: string, script: string, args: string[]) => {
    if ((await node(script, args)) === 0) return true
    failed++
    lines.push(`${name} failed`)
    return false
  }
  await step('npm run build', 'build/build.ts', [])
  const lab = !suites.some((suite) => suite.lab) || (await step('npm run lab -- build', 'lab/main.ts', ['build']))
  for (const suite of suites) {
    if (suite.lab && !lab) {
      failed++
      lines.push(`${suite.name}: not run, the lab could not be built`)
      continue
    }
    console.log(`\n== ${suite.name}`)
    const outcome = await runSuite(suite)
    passed += outcome.passed
    failed += outcome.failed
    failures.push(...outcome.failures.map((failure) => `${suite.name}: ${failure}`))
    lines.push(`${suite.name}: ${outcome.passed} passed, ${outcome.failed} failed in ${outcome.seconds.toFixed(0)} s`)
  }
  if (failures.length > 0) console.log(`\n== what failed\n\n${failures.join('\n\n')}`)
  console.log(`\n${lines.join('\n')}\n\n${passed} passed, ${failed} failed`)
  return failed === 0 ? 0 : 1
}

try {
  process.exitCode = await main()
} finally {
  rmSync(counts, { recursive: true, force: true })
}
