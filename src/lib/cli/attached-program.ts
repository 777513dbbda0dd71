/** Runs the user's own program on the terminal of this one. */
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { CassSniError, type NextStep } from '../errors.ts'
import { systemError } from '../text/system-errors.ts'

/** Time between SIGTERM and SIGKILL. */
const GRACE_MS = 5_000

/**
 * Runs the program without a shell, with our stdin, stdout and stderr and these variables added to our environment.
 * Resolves with its exit code, 128 + n if signal n killed it, as a shell does. Aborting sends SIGTERM, and waits.
 * Throws CSNI703, with `missing` as next steps, if the program is not found or not executable.
 */
export function runAttached(
  [program = '', ...args]: readonly string[],
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
  missing: NextStep[] = [],
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, ...env } })
    const stop = () => {
      child.kill('SIGTERM')
      setTimeout(() => child.kill('SIGKILL'), GRACE_MS).unref()
    }
    // when this process exits, at a second SIGTERM for instance, the child must not survive it
    const end = () => child.kill('SIGKILL')
    process.once('exit', end)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
    const over = () => {
      process.removeListener('exit', end)
      signal.removeEventListener('abort', stop)
    }
    child.once('error', (error) => {
      over()
      const isUnknown = (error as NodeJS.ErrnoException).code === 'ENOENT' && !program.includes('/')
      const why = isUnknown ? 'not found in PATH' : systemError(error)
      reject(new CassSniError('CSNI703', `cannot run ${program}: ${why}`, { next: missing, cause: error }))
    })
    child.once('exit', (code, killedBy) => {
      over()
      resolve(code ?? 128 + constants.signals[killedBy ?? 'SIGKILL'])
    })
  })
}
