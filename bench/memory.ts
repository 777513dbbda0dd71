/** Time and memory of whole programs, including the processes that they start. */
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { median } from './rounds.ts'

export interface Cost {
  /** Until it has written its output to a pipe and exited. */
  ms: number
  /** Peak of all its processes together, in MB (10^6); shared memory counts once. */
  megabytes: number
}

const LONGEST_MS = 900_000
const SAMPLE_MS = 50

/**
 * Returns the medians of commands that run in turn. A run that fails is printed to stderr and does not count; NaN if
 * every run of a command failed.
 */
export async function costs(rounds: number, ...commands: string[][]): Promise<Cost[]> {
  const all = commands.map((): Cost[] => [])
  for (let round = 0; round < rounds; round += 1)
    for (const [index, command] of commands.entries()) {
      const cost = await costOf(command).catch((error: Error) => console.error(error.message))
      if (cost !== undefined) all[index]?.push(cost)
    }
  return all.map((each) => ({
    ms: median(each.map(({ ms }) => ms)),
    megabytes: median(each.map(({ megabytes }) => megabytes)),
  }))
}

function costOf([program = '', ...args]: string[]): Promise<Cost> {
  const started = performance.now()
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LONGEST_MS,
      killSignal: 'SIGKILL',
    })
    let peak = 0
    const sample = setInterval(() => {
      peak = Math.max(peak, child.pid === undefined ? 0 : held(child.pid))
    }, SAMPLE_MS)
    let printed = ''
    child.stdout.resume()
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      printed = (printed + text).slice(-2_000)
    })
    child.once('error', reject)
    child.once('close', (code, signal) => {
      clearInterval(sample)
      if (code === 0) resolve({ ms: performance.now() - started, megabytes: peak })
      else reject(new Error(`${program} ${args.join(' ')} ended with ${code ?? signal}: ${printed}`))
    })
  })
}

/** Returns the memory of a process and its descendants, in MB: proportional set size from smaps_rollup (proc(5)). */
function held(pid: number): number {
  try {
    const own = Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0)
    const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
    )
    return children.reduce((sum, child) => sum + held(Number(child)), (own * 1024) / 1_000_000)
  } catch {
    // It has just exited.
    return 0
  }
}
