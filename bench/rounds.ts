/** Figures of commands that take turns, so that they can be compared. */
import { spawn } from 'node:child_process'

/** One figure of ours, beside another's where there is one. */
export interface Row {
  /** What is measured, e.g. "port-forward, download". */
  name: string
  ours: number
  /** Undefined where there is nothing to compare with. */
  theirs?: number | undefined
  /** Whose figure `theirs` is. */
  beside?: string | undefined
  unit: string
  better: 'higher' | 'lower'
  /** What is aimed at: a limit for ours, or for ours divided by theirs. */
  goal?: { of: 'ours' | 'ratio'; limit: number } | undefined
}

/** Ours divided by theirs. */
export function ratioOf({ ours, theirs }: Row): number | undefined {
  return theirs === undefined || theirs === 0 ? undefined : ours / theirs
}

/** Is the goal met? Undefined for a row without one. */
export function isMet(row: Row): boolean | undefined {
  if (row.goal === undefined) return undefined
  const value = row.goal.of === 'ours' ? row.ours : (ratioOf(row) ?? Number.NaN)
  return row.better === 'lower' ? value <= row.goal.limit : value >= row.goal.limit
}

/** No program that is measured here takes so long; one that does hangs. Milliseconds. */
const LONGEST = 180_000

/**
 * The medians, in milliseconds, of commands that take turns, so that a slow moment of the machine hits all. One that fails
 * is told on stderr and run once more; rejects when that fails too.
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

/** Milliseconds until the program has written all to a pipe and ended. */
function once([program = '', ...args]: string[]): Promise<number> {
  const started = performance.now()
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: LONGEST, killSignal: 'SIGKILL' })
    let said = ''
    child.stdout.resume()
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) resolve(performance.now() - started)
      else reject(new Error(`${program} ${args.join(' ')} ended with ${code ?? signal}: ${said}`))
    })
  })
}
