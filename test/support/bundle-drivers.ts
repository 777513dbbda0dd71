/** Stock drivers that connect with a secure connect bundle, and read and write when asked: test/e2e/drivers/bundle.*. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { withPythonDriver } from './churn.ts'
import { javaLibraries, SOURCES } from './driver-builds.ts'
import { CHECKOUT } from './lab.ts'
import type { NameServer } from './name-server.ts'

/** The outcome of 60 writes at LOCAL_QUORUM and 60 reads. */
export interface Round {
  /** Host IDs of the nodes that answered reads, sorted. */
  nodes: string[]
  /** Reads that another node than the only replica answered. */
  astray: number
  errors: string[]
}

export interface BundleAccess {
  bundle: string
  /** What Python verifies with; the other drivers take the CA from the bundle. */
  ca: string
  /** The keyspaces are KEYSPACE_one and KEYSPACE_all. */
  keyspace: string
  login: { username: string; password: string }
}

/** A driver that fails to end would keep the test run alive. */
const ENDING_MS = 10_000

export class BundleDriver {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #answers: AsyncIterator<string>
  readonly name: string
  #stderr = ''

  constructor(name: string, command: readonly string[], env: Record<string, string>, login: BundleAccess['login']) {
    const [program = '', ...args] = command
    this.name = name
    this.#child = spawn(program, args, { env: { ...process.env, ...env } })
    this.#child.stderr.setEncoding('utf8').on('data', (part: string) => {
      this.#stderr += part
    })
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
    this.#child.stdin.on('error', () => undefined)
    this.#child.stdin.write(`${login.username}\n${login.password}\n`)
  }

  /** Reads and writes. The first round waits for the connection. */
  async round(): Promise<Round> {
    this.#child.stdin.write('round\n')
    const { value, done } = await this.#answers.next()
    if (done === true) throw new Error(`${this.name} has ended\n${this.#stderr}`)
    return JSON.parse(value) as Round
  }

  async end(): Promise<void> {
    this.#child.stdin.end()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), ENDING_MS)
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'close')
    clearTimeout(timer)
  }
}

/** Starts Python, Node.js and Java, whose names the server resolves. */
export async function startBundleDrivers(names: NameServer, access: BundleAccess): Promise<BundleDriver[]> {
  const { bundle, ca, keyspace, login } = access
  const source = (file: string) => join(SOURCES, file)
  const java = ['java', '-XX:TieredStopAtLevel=1', '-cp', await javaLibraries(), source('BundleDriver.java')]
  const start = (name: string, command: readonly string[], env: Record<string, string> = {}) =>
    new BundleDriver(name, names.using(command), env, login)
  return [
    start('Python', ['python3', source('bundle.py'), bundle, ca, keyspace], await withPythonDriver()),
    start('Node.js', [process.execPath, source('bundle.cjs'), bundle, keyspace], {
      NODE_PATH: join(CHECKOUT, 'node_modules'),
    }),
    start('Java', [...java, bundle, keyspace]),
  ]
}
