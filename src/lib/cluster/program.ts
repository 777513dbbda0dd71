/** Runs the user's own istioctl, kubectl and helm. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { throwIfAborted } from '../errors.ts'

/** Thrown when a program is not there or may not be run; the caller knows which error code and advice fit. */
export class ProgramMissing extends Error {
  readonly program: string

  constructor(program: string, cause: unknown) {
    super(`${program} is not on PATH or cannot be run`, { cause })
    this.program = program
  }
}

export interface ProgramOptions {
  signal: AbortSignal
  stdin?: string
  /** Added to our own environment. */
  env?: Record<string, string>
  /** Told every line of both outputs as it comes; untrusted text. */
  onLine?: (line: string) => void
}

/** After Ctrl-C a program gets this long to end by itself. */
const GRACE_MS = 5000

/**
 * Runs a program without a shell and waits for its end; any exit code is a result (128 + n for one that a signal
 * ended).
 * Throws ProgramMissing, or the signal's reason when it is aborted (the program is then asked to end).
 */
export async function runProgram(
  command: string,
  args: string[],
  options: ProgramOptions,
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  throwIfAborted(options.signal)
  const child = start(command, args, options.env)
  // our own end is not waited for by a second Ctrl-C, nor for longer than it takes
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
  // a program that does not read its input closes the pipe: its exit code tells more than the EPIPE
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
    // an empty name, or one with a NUL in it
    throw new ProgramMissing(command, error)
  }
}
