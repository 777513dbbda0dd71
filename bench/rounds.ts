/** Figures of commands that take turns, so that they can be compared. */
import { spawn } from 'node:child_process'

/** One figure of both. `ratio` is ours divided by theirs. */
export interface Row {
  name: string
  ours: number
  theirs: number
  unit: string
  ratio: number
  better: 'higher' | 'lower'
}

/** The medians of commands that take turns, so that a slow moment of the machine hits all. Rejects when one fails. */
export async function medians(rounds: number, ...commands: string[][]): Promise<number[]> {
  const taken = commands.map((): number[] => [])
  for (const command of commands) await timed(command)
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, command] of commands.entries()) taken[index]?.push(await timed(command))
  }
  return taken.map((list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN)
}

/** Milliseconds until the program has written all to a pipe and ended. */
function timed([program = '', ...args]: string[]): Promise<number> {
  const started = performance.now()
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    child.stdout.resume()
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve(performance.now() - started)
      else reject(new Error(`${program} ${args.join(' ')} ended with ${code}: ${said}`))
    })
  })
}

/** A row of two medians in milliseconds. */
export const row = (name: string, ours: number, theirs: number): Row => ({
  name,
  ours,
  theirs,
  unit: 'ms',
  ratio: ours / theirs,
  better: 'lower',
})
