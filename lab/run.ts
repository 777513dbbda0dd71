import { spawn } from 'node:child_process'
import { createReadStream, createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { LabError } from './progress.ts'

export interface RunOptions {
  cwd?: string
  env?: NodeJS.ProcessEnv
  /** text for stdin, or a file that is streamed into it */
  input?: string
  inputFile?: string
  /** append stdout and stderr to this file instead of returning stdout */
  log?: string
}

export interface Result {
  code: number
  stdout: string
  stderr: string
}

/** Runs a program and returns its output, whatever its exit code. */
export function attempt(program: string, args: readonly string[], options: RunOptions = {}): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: options.cwd, env: options.env, stdio: 'pipe' })
    let stdout = ''
    let stderr = ''
    const log = options.log ? createWriteStream(options.log, { flags: 'a' }) : undefined
    child.stdout.on('data', (data) => {
      if (log) log.write(data)
      else stdout += data
    })
    child.stderr.on('data', (data) => {
      log?.write(data)
      stderr = (stderr + data).slice(-20_000)
    })
    child.stdin.on('error', () => {})
    if (options.inputFile) createReadStream(options.inputFile).pipe(child.stdin)
    else child.stdin.end(options.input ?? '')
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new LabError(`${program} is not installed or not on PATH`) : error),
    )
    child.on('close', async (code) => {
      if (log) {
        log.end()
        await finished(log)
      }
      resolve({ code: code ?? 1, stdout, stderr })
    })
  })
}

/** Runs a program and returns its stdout. Throws a LabError if it fails. */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await attempt(program, args, options)
  if (result.code === 0) return result.stdout
  const said = (result.stderr.trim() || result.stdout.trim()).split('\n').slice(-8).join('\n  ')
  const log = options.log ? ` (all of it: ${options.log})` : ''
  throw new LabError(`${program} ${args.slice(0, 4).join(' ')} failed with exit code ${result.code}${log}:\n  ${said}`)
}
