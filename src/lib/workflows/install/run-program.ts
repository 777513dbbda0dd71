/** Runs istioctl, helm and kubectl for a step, and reports their failures. */
import { type Connection, programConnection } from '../../cluster/connection-flags.ts'
import { ProgramMissing, runProgram } from '../../cluster/program.ts'
import { CassSniError, command, type ErrorCode, hint, type NextStep } from '../../errors.ts'

export interface ProgramRun {
  /** Program and arguments, as the user could type them. */
  command: string[]
  signal: AbortSignal
  /** Code of both errors: not found, failed. */
  code: ErrorCode
  /** What the program is needed for, in the imperative: "install Istio". */
  purpose: string
  /** What to do if it is not found. */
  missing: NextStep[]
  /** What to do if it failed, after trying the command itself. */
  failed?: NextStep[] | undefined
  onLine?: (line: string) => void
}

/**
 * Returns the arguments that make a program connect to this run's cluster as this run's user. Throws `code` for a flag
 * that the program does not support: it would connect to another cluster or as another user.
 */
export function connectionFor(connection: Connection, program: 'istioctl' | 'helm', code: ErrorCode): string[] {
  const { args, unknown } = programConnection(connection, program)
  if (unknown.length === 0) return args
  throw new CassSniError(code, `${program} does not support ${unknown.join(', ')}`, {
    next: [hint('set them in a kubeconfig context and select it with --context'), command`kubectl config --help`],
  })
}

/**
 * Returns the program's stdout. Throws `code` if it is not found or exits with a code other than 0; the message then
 * includes its last lines of output.
 */
export async function programOutput(run: ProgramRun): Promise<string> {
  const [program = '', ...args] = run.command
  const last: string[] = []
  const onLine = (line: string): void => {
    const text = line.trim()
    if (text === '') return
    last.push(text)
    if (last.length > 3) last.shift()
    run.onLine?.(text)
  }
  const outcome = await runProgram(program, args, { signal: run.signal, onLine }).catch((error: unknown) => {
    if (!(error instanceof ProgramMissing)) throw error
    throw new CassSniError(run.code, `cannot ${run.purpose}: ${program} not found or not executable`, {
      next: run.missing,
      cause: error,
    })
  })
  if (outcome.exitCode === 0) return outcome.stdout
  throw new CassSniError(
    run.code,
    `${[program, ...args.slice(0, 2)].join(' ')} failed with exit code ${outcome.exitCode}: ${last.join(' | ')}`,
    {
      next: [command`${run.command}`, ...(run.failed ?? [])],
    },
  )
}
