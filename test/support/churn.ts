/** Drivers that read and write through every node while nodes come and go: test/e2e/churn.py and churn.cjs. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { CHECKOUT, GATEWAY_ADDRESS, must, run } from './lab.ts'

const DRIVER = 'cassandra-driver==3.30.0'
/** A folder of its own in the lab's cache: it needs pip, which the lab needs too, but no package for virtual environments. */
const PACKAGES = `/var/cache/cass-sni-lab/python/${DRIVER}`

/** The environment in which python3 finds the driver, which is installed at first. */
export async function withPythonDriver(): Promise<Record<string, string>> {
  const env = { PYTHONPATH: PACKAGES }
  const works = await run('python3', ['-c', 'import cassandra.cluster'], { env })
  if (works.exitCode !== 0) {
    await rm(PACKAGES, { recursive: true, force: true })
    await must(
      run('python3', ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', PACKAGES, DRIVER], {
        timeoutMs: 600_000,
      }),
    )
  }
  return env
}

export interface DriverEvent {
  /** Seconds since the epoch. */
  at: number
  /** The host ID of the node that was asked. */
  host: string
  event: 'answered' | 'wrong' | 'failed'
  error: string | null
}

export interface Access {
  /** Path of the CA. */
  ca: string
  hostIds: string[]
  login: { username: string; password: string }
}

export class DriverUnderChurn {
  readonly #child: ChildProcessWithoutNullStreams
  readonly name: string
  readonly events: DriverEvent[] = []
  statements: Record<string, number> | undefined
  stderr = ''

  constructor(name: string, command: string, script: string, access: Access, env: Record<string, string> = {}) {
    const { ca, hostIds, login } = access
    this.name = name
    const args = [join(CHECKOUT, 'test/e2e', script), GATEWAY_ADDRESS, '9042', ca, ...hostIds]
    this.#child = spawn(command, args, { env: { ...process.env, ...env } })
    this.#child.stderr.setEncoding('utf8').on('data', (part: string) => {
      this.stderr += part
    })
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const one = JSON.parse(line) as DriverEvent | { statements: Record<string, number> }
      if ('statements' in one) this.statements = one.statements
      else this.events.push(one)
    })
    this.#child.stdin.on('error', () => undefined)
    this.#child.stdin.write(`${JSON.stringify(login)}\n`)
  }

  /** When the node with this host ID first answered since then, in seconds since the epoch. */
  async answered(host: string, since: number, timeoutMs: number): Promise<number> {
    const end = performance.now() + timeoutMs
    while (performance.now() < end) {
      const found = this.events.find((each) => each.event === 'answered' && each.host === host && each.at >= since)
      if (found !== undefined) return found.at
      if (this.#child.exitCode !== null) break
      await sleep(20)
    }
    throw new Error(`${this.name} has no answer of ${host}\n${this.log()}`)
  }

  /** What happened on the way, for a failed test. */
  log(): string {
    return [...this.events.slice(-40).map((each) => JSON.stringify(each)), this.stderr].join('\n')
  }

  /** Ends it; it then has its `statements`. */
  async end(): Promise<void> {
    this.#child.stdin.end()
    if (this.#child.exitCode === null) await once(this.#child, 'close')
  }
}
