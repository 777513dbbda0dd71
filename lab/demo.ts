/** `npm run demo`: the whole setup on the lab, with the commands that a user would run. */
import { spawn } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { checkout, labSources, state } from './layout.ts'
import { showController } from './demo-controller.ts'
import { environment } from './env.ts'

const NAMESPACE = 'cass-operator'
const NODES = 3

interface DemoStep {
  title: string
  args: string[]
  /** Skips the step if false. */
  when?: () => Promise<boolean>
}

const steps: DemoStep[] = [
  {
    title: 'Install Istio, cass-operator, storage and the datacenter',
    args: [
      'install',
      '--namespace',
      NAMESPACE,
      '--set-context',
      '--istio-values',
      join(state.fixtures, 'istio-values.yaml'),
      '--operator-manifest',
      join(state.fixtures, 'operator'),
      '--storage-provisioner',
      'kubernetes.io/no-provisioner',
      '--datacenter-file',
      join(state.fixtures, 'datacenter.yaml'),
      '--yes',
    ],
  },
  {
    title: 'A plain TCP route for comparison: clients reach any node',
    args: ['routes', 'sync', '--mode', 'tcp'],
    when: async () => !(await hasRoutes()),
  },
  {
    title: 'Certificates that clients can verify, loaded without a restart',
    args: ['certs'],
  },
  { title: 'Routes by SNI: clients reach each node by its host ID', args: ['routes', 'sync', '--mode', 'sni'] },
  {
    title: 'Check every hop: routes, TLS, login, and the host ID of each node',
    args: ['verify'],
  },
]

/** Runs a command in the user's terminal. Resolves with its exit code. */
function inTerminal(command: string, args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((done, fail) => {
    spawn(command, args, { stdio: 'inherit', env })
      .on('error', fail)
      .on('close', (code, signal) => done(code ?? (signal === 'SIGINT' ? 130 : 1)))
  })
}

function output(command: string, args: string[], env: NodeJS.ProcessEnv, input = ''): Promise<string> {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env })
    child.stdin.end(input)
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
    child
      .on('error', fail)
      .on('close', (code) =>
        code === 0 ? done(text) : fail(new Error(`${command} ${args.join(' ')} failed with exit code ${code}`)),
      )
  })
}

let env: NodeJS.ProcessEnv = process.env

async function hasRoutes(): Promise<boolean> {
  const text = await output(
    'kubectl',
    ['get', 'virtualservices', '--namespace', NAMESPACE, '--ignore-not-found', '--output', 'name'],
    env,
  )
  return text.trim() !== ''
}

/** Returns the variables of `npm run lab -- env`, evaluated by a shell. */
async function labVariables(): Promise<NodeJS.ProcessEnv> {
  const text = await output('sh', ['-c', `${await environment()}\nenv -0`], process.env)
  return Object.fromEntries(
    text
      .split('\0')
      .filter((line) => line.includes('='))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
}

/** Counts write requests of the plugin and its istioctl in the API server's audit log, from byte `from`. */
function writesSince(from: number): number {
  const events = readFileSync(state.auditLog).subarray(from).toString('utf8').split('\n')
  return events.filter(
    (line) =>
      /"verb":"(create|update|patch|delete|deletecollection)"/.test(line) &&
      /"userAgent":"(kubectl-cass-sni|istioctl)/.test(line) &&
      !/"subresource":"(exec|portforward)"|selfsubject|dryRun=All/.test(line),
  ).length
}

function heading(text: string): void {
  process.stdout.write(`\n${process.stdout.isTTY ? `\x1b[1m${text}\x1b[0m` : text}\n`)
}

async function show(args: string[]): Promise<void> {
  process.stdout.write(
    `$ kubectl cass-sni ${args.map((argument) => (/^[\w./:=-]+$/.test(argument) ? argument : `'${argument}'`)).join(' ')}\n`,
  )
  const code = await inTerminal('kubectl', ['cass-sni', ...args], env)
  if (code !== 0) {
    process.stderr.write(
      `\nDemo stopped: the command failed with exit code ${code}. Run npm run lab -- logs for the logs of the lab.\n`,
    )
    process.exit(code)
  }
}

async function main(): Promise<void> {
  const started = Date.now()
  heading('Start the lab: a Kubernetes node on this machine')
  const raised = await inTerminal(process.execPath, [join(labSources, 'main.ts'), 'up'], process.env)
  if (raised !== 0) process.exit(raised)
  env = await labVariables()
  const from = statSync(state.auditLog).size
  for (const [index, step] of steps.entries()) {
    if (step.when !== undefined && !(await step.when())) continue
    heading(`${index + 1}. ${step.title}`)
    await show(step.args)
  }
  heading(`${steps.length + 1}. Query each node through Istio, with a verified certificate`)
  for (let node = 0; node < NODES; node += 1) {
    await show([
      'cqlsh-sni',
      '--node',
      String(node),
      '--execute',
      'SELECT host_id, cluster_name, data_center, rack, release_version FROM system.local',
    ])
  }
  const writes = writesSince(from)
  if (writes === 0) heading('No changes: the audit log of the API server contains no write request of this run.')
  await showController({
    namespace: NAMESPACE,
    heading,
    show,
    kubectl: (args, input) => output('kubectl', args, env, input),
  })
  heading(`Done in ${Math.round((Date.now() - started) / 1000)}s.`)
  process.stdout.write(`
Next steps:
  cd ${checkout} && eval "$(npm run -s lab -- env)"
  kubectl cass-sni cqlsh-sni                  open a CQL shell
  kubectl cass-sni verify --node 1            check one node
  kubectl cass-sni port-forward               forward localhost:9042 to the gateway
  kubectl delete pod -n ${NAMESPACE} dse-dc1-default-sts-1 && kubectl cass-sni verify
  npm run demo                                rerun: no changes before the controller
  npm run lab -- down                         remove the lab
`)
}

await main()
