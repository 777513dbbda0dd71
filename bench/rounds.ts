/** Measurements of commands that run in turn, so that they can be compared. */
import { spawn } from 'node:child_process'

/** One measurement, with a baseline if there is one. */
export interface Row {
  /** What is measured, e.g. "port-forward, download". */
  name: string
  value: number
  /** The same measurement of another program. */
  baseline?: number | undefined
  /** The program that `baseline` measures. */
  baselineName?: string | undefined
  unit: string
  better: 'higher' | 'lower'
  /** Limit for the value, or for its ratio to the baseline. */
  goal?: { of: 'value' | 'ratio'; limit: number } | undefined
}

/** Returns the value divided by the baseline. */
export function ratioOf({ value, baseline }: Row): number | undefined {
  return baseline === undefined || baseline === 0 ? undefined : value / baseline
}

/** Returns whether the goal is met; undefined for a row without one. */
export function isMet(row: Row): boolean | undefined {
  if (row.goal === undefined) return undefined
  const measured = row.goal.of === 'value' ? row.value : (ratioOf(row) ?? Number.NaN)
  return row.better === 'lower' ? measured <= row.goal.limit : measured >= row.goal.limit
}

/** Time limit for one command in milliseconds; none takes this long unless it hangs. */
const LIMIT = 180_000

/**
 * Returns the medians, in milliseconds, of commands that run in turn, so that a slow moment of the machine affects all.
 * A failure is printed on stderr and the command retried once; rejects if that fails too.
 */
export async function medians(rounds: number, ...commands: string[][]): Promise<number[]> {
  const taken = commands.map((): number[] => [])
  const timed = (command: string[]) =>
    once(command).catch(async (error: Error) => {
      console.error(error.message)
      await new Promise((wake) => setTimeout(wake, 2000))
      return once(command)
    })
  for (const command of commands) await timed(command)
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, command] of commands.entries()) taken[index]?.push(await timed(command))
  }
  return taken.map(median)
}

export function quantile(values: number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN
}

export const median = (values: number[]): number => quantile(values, 0.5)

/** Returns the milliseconds until the program has written its output to a pipe and exited. */
function once([program = '', ...args]: string[]): Promise<number> {
  const started = performance.now()
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: LIMIT, killSignal: 'SIGKILL' })
    let printed = ''
    child.stdout.resume()
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      printed += text
    })
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) resolve(performance.now() - started)
      else reject(new Error(`${program} ${args.join(' ')} ended with ${code ?? signal}: ${printed}`))
    })
  })
}
