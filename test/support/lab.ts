/** The lab for end-to-end tests: a fresh node, the installed plugin behind a real kubectl, and what to keep when a test fails. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { appendFile, copyFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse, stringify } from 'yaml'
import { OUR_AGENT, writesBy } from './audit.ts'
import { keepOutput } from './secret-search.ts'

export { until } from './until.ts'

export const CHECKOUT = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
const STATE = '/var/lib/cass-sni-lab'
export const LAB_KUBECONFIG = join(STATE, 'kubeconfig')
export const FIXTURES = join(STATE, 'fixtures')
/** The network namespace of the node: the pods' own addresses are reached from there only. */
export const LAB_NETWORK = '/run/netns/cass-sni-lab'
export const AUDIT_LOG = join(STATE, 'audit.log')
export const NAMESPACE = 'cass-operator'
/** What the load balancer of the lab gives to the first Service. */
export const GATEWAY_ADDRESS = '10.200.1.10'
/** Where a failed test leaves what one wants to read; CI prints the path. */
export const FAILURES = join(CHECKOUT, 'test-failures')

export interface Outcome {
  stdout: string
  stderr: string
  exitCode: number
  /** Milliseconds. */
  took: number
}

export interface RunOptions {
  env?: Record<string, string>
  /** The working directory; default: ours. */
  cwd?: string
  stdin?: string
  /** Ends the program with SIGKILL; a test that needs it has failed. */
  timeoutMs?: number
}

/** Everything that tests ran since the last test began, for the folder of a failed test. */
const transcript: string[] = []

/** Runs a program to its end; any exit code is a result. */
export function run(command: string, args: string[], options: RunOptions = {}): Promise<Outcome> {
  const started = Date.now()
  return new Promise((done, fail) => {
    const { cwd } = options
    const env = { ...process.env, ...options.env }
    const child = spawn(command, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 300_000)
    child.on('error', fail)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      const outcome = {
        stdout,
        stderr,
        exitCode: code ?? (signal === 'SIGINT' ? 130 : 137),
        took: Date.now() - started,
      }
      transcript.push(
        `$ ${[command, ...args].join(' ')}\n${stdout}${stderr}(exit code ${outcome.exitCode}, ${outcome.took} ms)\n`,
      )
      done(outcome)
    })
    child.stdin.on('error', () => undefined) // a program that does not read its input closes the pipe
    child.stdin.end(options.stdin ?? '')
  })
}

let environment: Record<string, string> | undefined

/**
 * The environment of a user of the lab: the packed and installed plugin, kubectl and istioctl on PATH, and a kubeconfig of
 * their own, so that --set-context changes nobody else's.
 */
export async function labEnvironment(): Promise<Record<string, string>> {
  if (environment !== undefined) return environment
  const home = await mkdtemp(join(tmpdir(), 'cass-sni-e2e-'))
  process.on('exit', () => spawn('rm', ['-rf', home], { detached: true, stdio: 'ignore' }))
  await copyFile(LAB_KUBECONFIG, join(home, 'kubeconfig'))
  const bin = await installPlugin()
  environment = {
    HOME: home,
    KUBECONFIG: join(home, 'kubeconfig'),
    PATH: [bin, join(STATE, 'bin'), join(CHECKOUT, 'node_modules/.bin'), process.env['PATH'] ?? ''].join(':'),
    NO_COLOR: '1',
  }
  return environment
}

/** Packs the checkout as npm would publish it and installs that, so that a file missing from the package is seen. Returns its bin folder. */
async function installPlugin(): Promise<string> {
  const packed = join(tmpdir(), `cass-sni-pack-${process.pid}`)
  await mkdir(packed, { recursive: true })
  await must(run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', packed, CHECKOUT]))
  const [tarball] = (await readdir(packed)).filter((name) => name.endsWith('.tgz'))
  if (tarball === undefined) throw new Error(`npm pack left nothing in ${packed}`)
  const bytes = await readFile(join(packed, tarball))
  const prefix = join('/var/cache/cass-sni-lab/plugin', createHash('sha256').update(bytes).digest('hex').slice(0, 16))
  const bin = join(prefix, 'bin')
  const there: string[] = await readdir(bin).catch(() => [])
  if (!there.includes('kubectl-cass_sni')) {
    await rm('/var/cache/cass-sni-lab/plugin', { recursive: true, force: true })
    await mkdir(prefix, { recursive: true })
    await must(
      run('npm', [
        'install',
        '--global',
        '--silent',
        '--prefer-offline',
        '--no-audit',
        '--no-fund',
        '--prefix',
        prefix,
        join(packed, tarball),
      ]),
    )
  }
  await rm(packed, { recursive: true, force: true })
  return bin
}

/** The outcome of a program that has to succeed. */
export async function must(outcome: Promise<Outcome>): Promise<Outcome> {
  const result = await outcome
  if (result.exitCode !== 0) throw new Error(`exit code ${result.exitCode}\n${result.stdout}\n${result.stderr}`)
  return result
}

/** Runs `kubectl cass-sni …` as a user would. */
export async function plugin(args: string[], options: RunOptions = {}): Promise<Outcome> {
  const env = { ...(await labEnvironment()), ...options.env }
  const outcome = await run('kubectl', ['cass-sni', ...args], { ...options, env })
  keepOutput(args, outcome.stdout + outcome.stderr)
  return outcome
}

/** The same with `-o json`; the parsed envelope. */
export async function pluginJson<T = Record<string, unknown>>(
  args: string[],
  options: RunOptions = {},
): Promise<Envelope<T> & { exitCode: number }> {
  const outcome = await plugin([...args, '-o', 'json'], options)
  try {
    return { ...(JSON.parse(outcome.stdout) as Envelope<T>), exitCode: outcome.exitCode }
  } catch (error) {
    throw new Error(`not JSON (exit code ${outcome.exitCode}): ${outcome.stdout}\n${outcome.stderr}`, { cause: error })
  }
}

export interface Envelope<T> {
  apiVersion: string
  kind: string
  result?: T
  changes?: { action: string; object: string; namespace?: string }[]
  warnings: { message: string; code?: string }[]
  error?: { code: string; message: string; next: string[] }
}

/** kubectl against the lab; throws unless it succeeds. */
export async function kubectl(args: string[], options: RunOptions = {}): Promise<string> {
  return (await must(run('kubectl', args, { ...options, env: { ...(await labEnvironment()), ...options.env } }))).stdout
}

/** Creates a service account in namespace default and returns the path of a kubeconfig with its token. */
export async function kubeconfigOf(account: string): Promise<string> {
  await kubectl(['create', 'serviceaccount', account, '-n', 'default'])
  const token = (await kubectl(['create', 'token', account, '-n', 'default', '--duration', '1h'])).trim()
  const config = parse(await readFile(LAB_KUBECONFIG, 'utf8')) as { users: { user: unknown }[] }
  for (const user of config.users) user.user = { token }
  const file = join((await labEnvironment())['HOME'] ?? '', `${account}.kubeconfig`)
  await writeFile(file, stringify(config), { mode: 0o600 })
  return file
}

/** An object of the lab, or undefined. */
export async function object<T = Record<string, unknown>>(
  kind: string,
  name: string,
  namespace = NAMESPACE,
): Promise<T | undefined> {
  const text = await kubectl(['get', kind, name, '-n', namespace, '--ignore-not-found', '-o', 'json'])
  return text.trim() === '' ? undefined : (JSON.parse(text) as T)
}

/** Starts `kubectl cass-sni …` and leaves it running. */
export async function startPlugin(args: string[]): Promise<{
  child: ChildProcessWithoutNullStreams
  stdout: () => string
  stderr: () => string
  ended: Promise<number>
}> {
  const child = spawn('kubectl', ['cass-sni', ...args], { env: { ...process.env, ...(await labEnvironment()) } })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = new Promise<number>((done) => {
    child.on('close', (code, signal) => {
      keepOutput(args, stdout + stderr)
      transcript.push(`$ kubectl cass-sni ${args.join(' ')}\n${stdout}${stderr}(exit code ${code ?? signal})\n`)
      done(code ?? (signal === 'SIGINT' ? 130 : 137))
    })
  })
  return { child, stdout: () => stdout, stderr: () => stderr, ended }
}

/** Runs the command again and proves from the audit log that it read but wrote nothing. */
export async function writesNothing(args: string[]): Promise<Outcome> {
  const since = Date.now()
  const outcome = await plugin(args)
  if (outcome.exitCode !== 0)
    throw new Error(`kubectl cass-sni ${args.join(' ')}: exit code ${outcome.exitCode}\n${outcome.stderr}`)
  const writes = await pluginWrites(since)
  if (writes.length > 0) throw new Error(`kubectl cass-sni ${args.join(' ')} wrote: ${writes.join(', ')}`)
  if (!(await readFile(AUDIT_LOG, 'utf8')).slice(-1_000_000).includes(`"${OUR_AGENT}`))
    throw new Error('the audit log shows no request of the plugin at all')
  return outcome
}

/**
 * Write requests of the plugin since a moment (milliseconds since the epoch), as "patch services/x"; not those that only
 * ask the server what it would do.
 */
export async function pluginWrites(since: number): Promise<string[]> {
  return (await writesBy(AUDIT_LOG, OUR_AGENT, since))
    .filter(({ uri }) => !uri.includes('dryRun=All'))
    .map((request) => `${request.verb} ${request.resource}/${request.name ?? ''}`)
}

/** Forgets what earlier tests ran. */
export function beginTranscript(): void {
  transcript.length = 0
}

/**
 * Leaves events, pod logs, Envoy's listeners and what the test ran in a folder of the failed test. Returns the folder, and
 * what most often tells why: the last commands with their output, pods that are not ready, the newest warnings.
 */
export async function keepForReading(title: string): Promise<{ folder: string; excerpt: string }> {
  const folder = join(FAILURES, title.replace(/[^\w]+/g, '-').slice(0, 80))
  await mkdir(folder, { recursive: true })
  await appendFile(join(folder, 'commands.txt'), transcript.join('\n'))
  const commands = transcript.slice(-3).map((one) => lastLines(one, 40))
  const collected = await run(process.execPath, [join(CHECKOUT, 'lab/main.ts'), 'logs', '--collect', folder], {
    timeoutMs: 120_000,
  })
  await appendFile(join(folder, 'collect.txt'), collected.stdout + collected.stderr)
  const lines = async (file: string, which: RegExp) =>
    (await readFile(join(folder, file), 'utf8').catch(() => '')).split('\n').filter((line) => which.test(line))
  const pods = (await lines('objects.txt', /\spod\/\S+\s/)).filter((line) => !/\s(\d+)\/\1\s+Running/.test(line))
  const warnings = (await lines('events.txt', /\sWarning\s/)).slice(-10)
  const part = (heading: string, of: string[]) => (of.length === 0 ? [] : [`-- ${heading}`, ...of])
  const excerpt = [
    ...part('what it ran last', commands),
    ...part('pods that are not ready', pods),
    ...part('the newest warnings', warnings),
  ]
  return { folder, excerpt: excerpt.join('\n') }
}

function lastLines(text: string, count: number): string {
  const lines = text.trimEnd().split('\n')
  // the first one is the command
  return lines.length <= count ? lines.join('\n') : [lines[0], '…', ...lines.slice(-count)].join('\n')
}
