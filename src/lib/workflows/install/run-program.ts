/** Runs the user's istioctl, helm and kubectl for a step, and tells what went wrong with them. */
import { type Connection, programConnection } from '../../cluster/connection-flags.ts'
import { ProgramMissing, runProgram } from '../../cluster/program.ts'
import { CassSniError, command, type ErrorCode, hint, type NextStep } from '../../errors.ts'

export interface ProgramRun {
  /** What the user could type: program and arguments. */
  command: string[]
  signal: AbortSignal
  /** Code of both errors: not there, failed. */
  code: ErrorCode
  /** Said when the program is not there: why it was needed. */
  needed: string
  /** What to do when it is not there. */
  missing: NextStep[]
  /** What to do when it failed; the command itself comes first. */
  failed?: NextStep[] | undefined
  onLine?: (line: string) => void
}

/**
 * The words that bring a program to the cluster and the user of this run. Throws `code` when one of the flags in force
 * cannot be handed on: the program would go to another cluster, or there as somebody else.
 */
export function connectionFor(connection: Connection, program: 'istioctl' | 'helm', code: ErrorCode): string[] {
  const { args, unknown } = programConnection(connection, program)
  if (unknown.length === 0) return args
  throw new CassSniError(
    code,
    `${program} cannot be handed ${unknown.join(', ')}: it would not act where and as you do`,
    {
      next: [
        hint('Put them into a context of the kubeconfig, and name it with --context'),
        command`kubectl config --help`,
      ],
    },
  )
}

/**
 * The program's stdout. Throws `code` when it is not there or ends with another code than 0: its last lines are in
 * the message.
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
    throw new CassSniError(
      run.code,
      `${run.needed}, and ${program} cannot be run here: ${program} is not there or not executable`,
      {
        next: run.missing,
        cause: error,
      },
    )
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
