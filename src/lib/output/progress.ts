/** Renders the steps of a running workflow on stderr: a listr2 list on a terminal, plain lines elsewhere. */
import type { ProgressOptions, Progress } from './steps.ts'

/** Returns live progress for a terminal with cursor movement, plain progress otherwise. */
export async function createProgress(options: ProgressOptions, env: NodeJS.ProcessEnv): Promise<Progress> {
  if (options.stream.isTTY !== true || env.TERM === 'dumb' || env.CI) {
    const { PlainProgress } = await import('./plain-progress.ts')
    return new PlainProgress(options)
  }
  const { LiveProgress } = await import('./live-progress.ts')
  return new LiveProgress(options)
}
