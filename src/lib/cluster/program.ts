/** Runs the user's own istioctl, kubectl and helm. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { throwIfAborted } from '../errors.ts'

/** Thrown when a program is not found or not executable; the caller maps it to an error code and advice. */
export class ProgramMissing extends Error {
  readonly program: string

  constructor(program: string, cause: unknown) {
    super(`${program}: not found in PATH or not executable`, { cause })
    this.program = program
  }
}

export interface ProgramOptions {
  signal: AbortSignal
  stdin?: string
  /** Added to our own environment. */
  env?: Record<string, string>
  /** Receives each line of stdout and stderr; untrusted text. */
  onLine?: (line: string) => void
}

/** Time between SIGINT and SIGKILL. */
const GRACE_MS = 5000

/**
 * Runs a program without a shell and waits for it to exit; any exit code is a result (128 + n if killed by a signal).
 * Throws ProgramMissing, or the signal's reason if aborted (the program then receives SIGINT).
 */
export async function runProgram(
  command: string,
  args: string[],
  options: ProgramOptions,
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  throwIfAborted(options.signal)
  const child = start(command, args, options.env)
  // when this process exits, at a second Ctrl-C for instance, the child must not survive it
  const end = () => child.kill('SIGKILL')
  process.once('exit', end)
  const kill = () => {
    child.kill('SIGINT')
    setTimeout(() => child.kill('SIGKILL'), GRACE_MS).unref()
  }
  options.signal.addEventListener('abort', kill, { once: true })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  if (options.onLine !== undefined) {
    for (const stream of [child.stdout, child.stderr])
      createInterface({
        input: stream,
        crlfDelay: Number.POSITIVE_INFINITY,
      }).on('line', options.onLine)
  }
  // a program that does not read stdin closes the pipe: its exit code is more useful than EPIPE
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.stdin ?? '')
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', (error) => reject(new ProgramMissing(command, error)))
      child.once('close', (code, signal) => {
        try {
          throwIfAborted(options.signal)
          resolve({
            exitCode: code ?? 128 + (signal === 'SIGKILL' ? 9 : 15),
            stdout,
            stderr,
          })
        } catch (error) {
          reject(error)
        }
      })
    })
  } finally {
    process.off('exit', end)
    options.signal.removeEventListener('abort', kill)
  }
}

function start(
  command: string,
  args: string[],
  env: Record<string, string> | undefined,
): ChildProcessWithoutNullStreams {
  try {
    return spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  } catch (error) {
    // an empty name, or one that contains NUL
    throw new ProgramMissing(command, error)
  }
}
